"""The report as text for a terminal."""

from __future__ import annotations

from fairday.insight.asked import Asked
from fairday.insight.campaigns import RedemptionReport
from fairday.insight.effects import SceneEffect
from fairday.insight.figures import Figure
from fairday.insight.report import Report
from fairday.insight.sources import lines as sources_in_words
from fairday.kernel.clock import to_date
from fairday.kernel.money import major
from fairday.models.experiments import Effect


def in_words(found: Report) -> str:
    """The report as text."""
    asked, p = found.asked, found.figures.people
    lines = [
        f"{found.shop}, {to_date(asked.first)} to {to_date(asked.last)}"
        f" beside {to_date(asked.earlier.first)} to {to_date(asked.earlier.last)}; goal: {asked.metric}",
        "",
        f"{'People':13}{p.known:,} known, {p.with_address:,} with a mail address, {p.agreed:,} agreed to mail",
    ]
    lines += [_figure(f, found, asked) for f in found.figures.figures]
    average = money(found.figures.average_order, found.currency)
    lines.append(f"{'an order':13}{average}, before {money(found.figures.average_before, found.currency)}")
    lines += ["", *sources_in_words(found.sources)]
    lines += _changes(found)
    for scene in found.scenes:
        lines += ["", *_scene(scene, asked, found.currency)]
    lines += _cohorts(found)
    if found.rfm:
        lines += ["", "Buyers by how lately, how often and how much (RFM)"]
        lines += [
            f"  {s.name:20}{s.people:7,} people, {s.bought:,} ordered in the period: {money(s.net, found.currency)}"
            for s in found.rfm
        ]
    lines += _campaigns(found.campaigns)
    return "\n".join(lines)


def money(amount: float, currency: str) -> str:
    """Minor units with the currency's code."""
    return f"{major(round(amount), currency):,} {currency}"


def _figure(f: Figure, found: Report, asked: Asked) -> str:
    now, before = (money(v, found.currency) if f.metric == "revenue" else f"{v:,}" for v in (f.now, f.before))
    how = {True: "more than the days' usual swings", False: "within the days' usual swings", None: "too few days"}
    change = "" if f.change is None else f", {f.change:+.1%}: {how[f.sure]}"
    return f"{f.metric:13}{now}, before {before}{change}"


def _changes(found: Report) -> list[str]:
    if found.changes.few:
        return ["", "Too few days to tell a change from chance."]
    if not found.changes.looked:
        return []
    if not found.changes.changes:
        return ["", f"Nothing of {found.changes.looked:,} categories, sources and scenes changed by more than chance."]
    lines = ["", "Changed by more than chance"]
    for c in found.changes.changes:
        amounts = [money(v, found.currency) if c.unit == "money" else f"{v:,} {c.unit}" for v in (c.now, c.before)]
        goods = ", ".join(g.title for g in c.goods)
        lines.append(f"  {c.name}: {amounts[0]}, before {amounts[1]}{f' (most of it: {goods})' if goods else ''}")
    return lines


def _scene(s: SceneEffect, asked: Asked, currency: str) -> list[str]:
    lines = [f"Scene {s.scene} ({s.status})"]
    lines.append(f"  {s.treated.people:,} may meet it, {s.holdout.people:,} held out, {s.mixed} mixed")
    for phase, status, why, n in s.messages:
        lines.append(f"  mail {phase}: {n:,} {status}{f' ({why})' if why else ''}")
    lines.append(f"  met {s.shown:,} times; {s.withheld:,} meetings withheld from the holdout")
    if s.balance is not None and s.balance.alarm:
        lines.append(
            f"  ALARM: {s.balance.held:,} ids were held out where {s.balance.expected:,.0f} were to be"
            f" (p = {s.balance.p:.1g}). Do not believe what follows before that is explained."
        )
    if s.money is None:
        if s.final or min(s.treated.people, s.holdout.people) < 50:
            lines.append("  Too few people in an arm to say what it brought.")
        else:
            lines.append("  Too early to say what it brought: too few have ordered.")
        return lines

    def told(name: str, e: Effect | None, share: bool) -> None:
        if e is not None:
            low, it, high = (f"{v:+.1%}" if share else money(v, currency) for v in (e.low, e.estimate, e.high))
            lines.append(f"  {name}: {it} ({low} to {high}, {e.level:.0%})")

    told(f"money per person within {s.within} days", s.money, False)
    if s.narrowed is not None:
        told(f"adjusted for what they spent before, {s.narrowed:.0%} narrower", s.adjusted, False)
    told(f"from all {s.treated.people:,} people", s.best_total, False)
    told("by which share of itself", s.lift, True)
    told("share that ordered", s.buying, True)
    told("money an order", s.order_value, False)
    if asked.metric in ("orders", "visits") and s.chosen is not None:
        lines.append(
            f"  {asked.metric} per person: {s.chosen.estimate:+.2f} ({s.chosen.low:+.2f} to {s.chosen.high:+.2f})"
        )
    if asked.metric == "new-buyers":
        told("share that ordered for the first time", s.chosen, True)
    for name, b in (
        ("new categories a buyer", s.categories), ("pages looked at before the order", s.views),
        ("scenes met before the order", s.meetings), ("days to the order", s.days),
    ):  # fmt: skip
        if b is not None:
            apart = f" ({b.effect.low:+.2f} to {b.effect.high:+.2f})" if b.effect else ""
            lines.append(f"  {name}: {b.treated:.2f}, held out {b.held:.2f}{apart}")
    best = s.best
    if best is not None and not best.sure:
        lines.append("  The interval holds zero: this may be chance.")
    if not s.final:
        lines.append("  It may still move: the intervals hold however often you look (a confidence sequence).")
    if s.simulated:
        lines.append(f"  {s.simulated:,} of the orders in this measure are SIMULATED.")
    return lines


def _cohorts(found: Report) -> list[str]:
    if not found.cohorts.cohorts:
        return []
    lines = ["", "First orders by month, and the share that ordered again in the months after"]
    for c in found.cohorts.cohorts:
        shares = " ".join(f"{cell.share:4.0%}" for cell in c.cells[1:])
        lines.append(f"  {c.month} {c.people:6,}  {shares}{'  (few people)' if c.small else ''}")
    if found.cohorts.open:
        lines.append("  The last month of each row is not over.")
    return lines


def _campaigns(found: RedemptionReport) -> list[str]:
    total = found.total
    if not total.targeted:
        return []
    lines = ["", "Past campaigns: redemption per targeted household and campaign"]
    for r in (total, *found.by_kind):
        share = float(r.share)
        lines.append(
            f"  {r.kind or 'all':8} {share:7.2%} {'█' * round(share * 100):18}"
            f" {r.redeemed:,} of {r.targeted:,} in {r.campaigns} campaigns"
        )
    return [*lines, "  What they caused cannot be said: nobody had been held out."]
