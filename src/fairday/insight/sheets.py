"""The report's tables as rows, for CSV: amounts in major units, days as dates, shares of one."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from fairday.insight.asked import METRICS
from fairday.insight.report import Report
from fairday.kernel.clock import to_date
from fairday.kernel.errors import NotFound
from fairday.kernel.money import major
from fairday.kernel.sheets import inert
from fairday.models.experiments import Effect

Rows = list[list[Any]]


def sheet(found: Report, table: str) -> Rows:
    """A table with its head; ``table`` is one of ``SHEETS``.

    Raises:
        NotFound: there is no such table.
    """
    if table not in SHEETS:
        raise NotFound(f"The report has no table {table!r}.", code="no_table", remedy=f"Known: {', '.join(SHEETS)}.")
    return SHEETS[table](found)


def as_csv(rows: Rows) -> bytes:
    """UTF-8 with a mark by which spreadsheets know it. A text they would take for a formula gets an apostrophe."""
    out = io.StringIO()
    csv.writer(out).writerows([[_safe(cell) for cell in row] for row in rows])
    return out.getvalue().encode("utf-8-sig")


def _safe(cell: Any) -> Any:
    return inert(cell) if isinstance(cell, str) else "" if cell is None else cell


def _money(amount: float | None, found: Report) -> Any:
    return None if amount is None else major(round(amount), found.currency)


def _days(found: Report) -> Rows:
    asked = found.asked
    rows: Rows = [["day", *METRICS, "compared_day", *(f"{m}_compared" for m in METRICS)]]
    told = [found.figures.of(m) for m in METRICS]
    for i in range(asked.days):
        now = [_money(f.days[i], found) if f.metric == "revenue" else f.days[i] for f in told]
        before = [_money(f.days_before[i], found) if f.metric == "revenue" else f.days_before[i] for f in told]
        rows.append([to_date(asked.first + i), *now, to_date(asked.earlier.first + i), *before])
    return rows


def _scenes(found: Report) -> Rows:
    rows: Rows = [
        ["scene", "status", "final", "measure", "treated", "held_out", "mixed", "estimate", "low", "high", "level",
         "holds_at_every_look", "simulated_orders", "sample_ratio_p"]
    ]  # fmt: skip
    for s in found.scenes:
        measures: list[tuple[str, Effect | None, bool]] = [
            ("money_per_person", s.money, True), ("money_per_person_adjusted", s.adjusted, True),
            ("money_in_all", s.best_total, True), ("relative_lift", s.lift, False),
            ("share_that_ordered", s.buying, False), ("money_per_order", s.order_value, True),
            (f"{found.asked.metric}_per_person", s.chosen, False),
        ]  # fmt: skip
        for name, b in (
            ("new_categories", s.categories),
            ("views", s.views),
            ("meetings", s.meetings),
            ("days", s.days),
        ):
            measures.append((f"{name}_per_buyer", b.effect if b else None, False))
        for name, e, amount in measures:
            if e is not None:
                values = [_money(v, found) if amount else v for v in (e.estimate, e.low, e.high)]
                rows.append(
                    [s.scene, s.status, s.final, name, s.treated.people, s.holdout.people, s.mixed, *values, e.level,
                     e.peeking, s.simulated, s.balance.p if s.balance else None]
                )  # fmt: skip
    return rows


def _changes(found: Report) -> Rows:
    rows: Rows = [["kind", "name", "unit", "now", "before", "difference_low", "difference_high", "p", "goods"]]
    for c in found.changes.changes:
        values = [_money(v, found) if c.unit == "money" else round(v) for v in (c.now, c.before, c.low, c.high)]
        rows.append([c.kind, c.name, c.unit, *values, c.p, "; ".join(g.title for g in c.goods)])
    return rows


def _cohorts(found: Report) -> Rows:
    rows: Rows = [["first_order", "people", "months_since", "ordered", "share", "low", "high", "net"]]
    for c in found.cohorts.cohorts:
        for k, cell in enumerate(c.cells):
            rows.append(
                [c.month, c.people, k, cell.people, round(cell.share, 6), round(cell.low, 6), round(cell.high, 6),
                 _money(cell.net, found)]
            )  # fmt: skip
    return rows


def _rfm(found: Report) -> Rows:
    rows: Rows = [["segment", "people", "ordered", "net", "life"]]
    return rows + [[s.name, s.people, s.bought, _money(s.net, found), _money(s.life, found)] for s in found.rfm]


def _campaigns(found: Report) -> Rows:
    rows: Rows = [["kind", "campaigns", "targeted", "redeemed", "share"]]
    told = [found.campaigns.total, *found.campaigns.by_kind] if found.campaigns.total.targeted else []
    return rows + [[k.kind or "all", k.campaigns, k.targeted, k.redeemed, round(float(k.share), 6)] for k in told]


def _sources(found: Report) -> Rows:
    rows: Rows = [["channel", "visits", "people", "simulated_visits", "model", "orders", "revenue"]]
    told = found.sources
    for i, row in enumerate(told.rows):
        for one in told.models:
            rows.append(
                [row.channel, row.visits, row.people, row.simulated, one.model, round(one.orders[i], 6),
                 _money(one.revenue[i], found)]
            )  # fmt: skip
    return rows


SHEETS: dict[str, Callable[[Report], Rows]] = {
    "days": _days,
    "sources": _sources,
    "scenes": _scenes,
    "changes": _changes,
    "cohorts": _cohorts,
    "rfm": _rfm,
    "campaigns": _campaigns,
}
"""The tables by name."""
