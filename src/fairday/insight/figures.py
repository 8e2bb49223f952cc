"""The headline of a report: each metric in the period, day by day, and its change since the other period."""

from __future__ import annotations

import msgspec
import numpy as np
from sqlalchemy import Connection

from fairday.insight.asked import METRICS, Asked, Metric
from fairday.insight.trade import Ints, Trade, first_orders, known, reachable, trade, visits
from fairday.kernel.settings import Settings
from fairday.models.swings import swing
from fairday.people.consent import consents


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One metric.

    Attributes:
        now, before: of the whole period and of the one it is compared with. Money in minor units. Buyers are distinct
            over the period, so they are fewer than the sum of their days.
        days, days_before: one value a day.
        sure: whether the change is more than the days' usual swings; None where there are too few days to say.
    """

    metric: Metric
    now: int
    before: int
    days: list[int]
    days_before: list[int]
    sure: bool | None

    @property
    def change(self) -> float | None:
        """Relative change, None from nothing."""
        return self.now / self.before - 1 if self.before > 0 else None


class People(msgspec.Struct, frozen=True, kw_only=True):
    """How many people the shop knows, and can reach by mail (an address, and consent that stands)."""

    known: int
    with_address: int
    agreed: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Every metric, and the average order (minor units) in both periods, 0 without orders."""

    figures: list[Figure]
    average_order: int
    average_before: int
    people: People

    def of(self, metric: str) -> Figure:
        """One of them."""
        return next(f for f in self.figures if f.metric == metric)


def paired(asked: Asked) -> bool:
    """Whether the days of both periods stand beside the same weekdays."""
    return (asked.first - asked.earlier.first) % 7 == 0


def figures(conn: Connection, settings: Settings, asked: Asked, now: int) -> Figures:
    """The section."""
    _, began = first_orders(conn)
    sums, days = [], []
    for one in (asked, asked.earlier):
        traded = trade(conn, one.first, one.last)
        seen_day, _ = visits(conn, one.first, one.last)
        fresh = began[(began >= one.first) & (began <= one.last)]
        bought = traded.orders > 0
        daily = {
            "revenue": _by_day(traded.day, one, traded.net),
            "orders": _by_day(traded.day, one, traded.orders),
            "buyers": _buyers(traded, one),
            "new-buyers": _by_day(fresh, one),
            "visits": _by_day(seen_day, one),
        }
        days.append(daily)
        sums.append({m: int(v.sum()) for m, v in daily.items()} | {"buyers": len(np.unique(traded.person[bought]))})
    found = []
    for metric in METRICS:
        a, b = days[0][metric], days[1][metric]
        compared = swing(a.astype(float), b.astype(float), paired(asked))
        found.append(
            Figure(
                metric=metric, now=sums[0][metric], before=sums[1][metric], days=a.tolist(), days_before=b.tolist(),
                sure=None if compared is None else compared.p < 0.05,
            )
        )  # fmt: skip
    average = [round(s["revenue"] / s["orders"]) if s["orders"] > 0 else 0 for s in sums]
    return Figures(figures=found, average_order=average[0], average_before=average[1], people=people(conn))


def people(conn: Connection) -> People:
    """Whom the shop knows and may write to."""
    addressed = reachable(conn)
    agreed = sum(c.given and person in addressed for person, c in consents(conn, None, "email").items())
    return People(known=known(conn), with_address=len(addressed), agreed=agreed)


def _by_day(day: Ints, asked: Asked, weights: Ints | None = None) -> Ints:
    found = np.zeros(asked.days, dtype=np.int64)
    np.add.at(found, day - asked.first, 1 if weights is None else weights)
    return found


def _buyers(traded: Trade, asked: Asked) -> Ints:
    pairs = np.unique(np.stack([traded.day, traded.person])[:, traded.orders > 0], axis=1)
    return _by_day(pairs[0], asked)
