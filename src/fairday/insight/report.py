"""The report: what the shop's people, campaigns and scenes brought, and what cannot be said."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, text

from fairday.insight.campaigns import RedemptionReport, redemption
from fairday.kernel.clock import local_day, to_date
from fairday.kernel.money import major
from fairday.kernel.settings import Settings
from fairday.models.experiments import Arm, Effect, difference, shares
from fairday.people.consent import consents
from fairday.people.tables import OPEN
from fairday.reach import outbox
from fairday.scenes import arms, life
from fairday.storage.log import OURS

DEFAULT_WITHIN = 14
"""Days after first eligibility in which a scene without a goal is judged."""


class People(msgspec.Struct, frozen=True, kw_only=True):
    """How many people the shop knows, and can reach by mail (an address, and consent that stands)."""

    known: int
    with_address: int
    agreed: int


class Sales(msgspec.Struct, frozen=True, kw_only=True):
    """Orders in the log's time: from and to (days), how many, net of refunds in minor units, buyers."""

    first_day: int | None
    last_day: int | None
    orders: int
    net: int
    buyers: int


class SceneArm(msgspec.Struct, frozen=True, kw_only=True):
    """One arm of a scene: people, how many of them ordered within the goal's days, and net money (minor units)."""

    people: int
    buyers: int
    net: int


class SceneReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a scene did.

    Attributes:
        mixed: people joined from both arms, left out of the measure.
        messages: (phase, status, reason, how many).
        shown, withheld: meetings written to the log, and those the holdout would have had.
        within: days after first eligibility that are counted.
        net: the effect on net money per person, minor units; None when an arm is too small to say.
        buying: the effect on the share that ordered.
        simulated: orders in the measure that a simulation wrote.
    """

    scene: str
    status: str
    mixed: int
    treated: SceneArm
    holdout: SceneArm
    messages: Sequence[tuple[str, str, str, int]]
    shown: int
    withheld: int
    within: int
    net: Effect | None
    buying: Effect | None
    simulated: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole report; amounts are minor units of ``currency``."""

    shop: str
    currency: str
    today: int
    people: People
    sales: Sales
    campaigns: RedemptionReport
    scenes: Sequence[SceneReport]


def report(conn: Connection, settings: Settings, now: int, within: dict[str, int]) -> Report:
    """The report as of an instant (ms).

    Args:
        within: days of each scene's goal; ``DEFAULT_WITHIN`` where a scene is missing.
    """
    today = local_day(now, settings.zone)
    return Report(
        shop=settings.name,
        currency=settings.currency,
        today=today,
        people=_people(conn),
        sales=_sales(conn),
        campaigns=redemption(conn),
        scenes=[
            scene_report(conn, row.scene, row.status, within.get(row.scene, DEFAULT_WITHIN), settings)
            for row in life.all_scenes(conn)
            if row.started_at is not None
        ],
    )


def _people(conn: Connection) -> People:
    known = conn.execute(text("SELECT count(DISTINCT person) FROM ownership")).scalar_one()
    owned = "FROM ownership o JOIN identifiers i ON i.id = o.identifier AND i.type = 'email' WHERE o.until_at = :open"
    reachable = {p for (p,) in conn.execute(text(f"SELECT DISTINCT o.person {owned}"), {"open": OPEN})}
    agreed = sum(c.given and person in reachable for person, c in consents(conn, None, "email").items())
    return People(known=known, with_address=len(reachable), agreed=agreed)


def _sales(conn: Connection) -> Sales:
    first, last, orders, net, buyers = conn.execute(
        text(
            "SELECT min(a.day), max(a.day), sum(CASE WHEN a.measure = 'Order Completed' THEN a.n ELSE 0 END),"
            " sum(CASE WHEN a.measure = 'Order Refunded' THEN -a.amount ELSE a.amount END),"
            " count(DISTINCT CASE WHEN a.measure = 'Order Completed' THEN o.person END)"
            " FROM activity a JOIN ownership o ON o.id = a.interval_id"
            " WHERE a.measure IN ('Order Completed', 'Order Refunded')"
        )
    ).one()
    return Sales(first_day=first, last_day=last, orders=int(orders or 0), net=int(net or 0), buyers=int(buyers or 0))


def scene_report(conn: Connection, scene: str, status: str, within: int, settings: Settings) -> SceneReport:
    """What one scene did, treated against held out, ``within`` days after each person's first eligibility."""
    owners = conn.execute(
        text(
            "SELECT o.person, a.arm, a.at FROM scene_arms a JOIN ownership o ON o.identifier = a.identifier"
            " AND o.from_at <= a.at AND a.at < o.until_at WHERE a.scene = :scene"
        ),
        {"scene": scene},
    ).all()
    found: dict[int, set[str]] = {}
    since: dict[int, int] = {}
    for person, arm, at in owners:
        found.setdefault(person, set()).add(arm)
        since[person] = min(since.get(person, at), at)
    spent: dict[int, int] = {}
    ordered: set[int] = set()
    if found:
        first = min(local_day(at, settings.zone) for at in since.values())
        last = max(local_day(at, settings.zone) for at in since.values()) + within
        rows = conn.execute(
            text(
                "SELECT o.person, a.day, a.measure, a.amount FROM activity a JOIN ownership o ON o.id = a.interval_id"
                " WHERE a.measure IN ('Order Completed', 'Order Refunded') AND a.day BETWEEN :first AND :last"
            ),
            {"first": first, "last": last},
        )
        for person, day, measure, amount in rows:
            if person in since and 0 < day - local_day(since[person], settings.zone) <= within:
                spent[person] = spent.get(person, 0) + (amount if measure == "Order Completed" else -amount)
                if measure == "Order Completed":
                    ordered.add(person)
    stats: dict[str, tuple[Arm, Arm, SceneArm]] = {}
    for name in ("treated", "holdout"):
        people = [p for p, seen in found.items() if seen == {name}]
        amounts = [spent.get(p, 0) for p in people]
        buyers = sum(p in ordered for p in people)
        stats[name] = (
            Arm(len(people), sum(amounts), sum(a * a for a in amounts)),
            Arm(len(people), buyers, buyers),
            SceneArm(people=len(people), buyers=buyers, net=sum(amounts)),
        )
    met = {
        name: conn.execute(
            text("SELECT count(*) FROM happenings WHERE source = :ours AND name = :name AND body LIKE :scene"),
            {"ours": OURS, "name": name, "scene": f'%"scene":"{scene}"%'},
        ).scalar_one()
        for name in (arms.SHOWN, arms.WITHHELD)
    }
    simulated = conn.execute(
        text("SELECT count(*) FROM happenings WHERE source = 'simulated' AND name = 'Order Completed' AND at >= :at"),
        {"at": min(since.values(), default=OPEN)},
    ).scalar_one()
    return SceneReport(
        scene=scene,
        status=status,
        mixed=sum(len(seen) > 1 for seen in found.values()),
        treated=stats["treated"][2],
        holdout=stats["holdout"][2],
        messages=[(*place, n) for place, n in sorted(outbox.counts(conn, scene).items())],
        shown=met[arms.SHOWN],
        withheld=met[arms.WITHHELD],
        within=within,
        net=difference(stats["treated"][0], stats["holdout"][0]),
        buying=shares(stats["treated"][1], stats["holdout"][1]),
        simulated=simulated,
    )


# ---- in words ------------------------------------------------------------------------------------------------------


def in_words(found: Report) -> str:
    """The report as text for a terminal."""

    def money(amount: float) -> str:
        return f"{major(round(amount), found.currency):,} {found.currency}"

    lines = [f"{found.shop}, {to_date(found.today)}", ""]
    p, s = found.people, found.sales
    lines.append(f"People      {p.known:,} known, {p.with_address:,} with a mail address, {p.agreed:,} agreed to mail")
    if s.first_day is not None and s.last_day is not None:
        span = f"{to_date(s.first_day)} to {to_date(s.last_day)}"
        lines.append(f"Sales       {s.orders:,} orders of {s.buyers:,} buyers, {money(s.net)} net, {span}")
    total = found.campaigns.total
    if total.targeted:
        lines += ["", "Past campaigns: redemption per targeted household and campaign"]
        for r in (total, *found.campaigns.by_kind):
            share = float(r.share)
            lines.append(
                f"  {r.kind or 'all':8} {share:7.2%} {'█' * round(share * 100):18}"
                f" {r.redeemed:,} of {r.targeted:,} in {r.campaigns} campaigns"
            )
        lines.append("  What they caused cannot be said: nobody had been held out.")
    for scene in found.scenes:
        lines += ["", f"Scene {scene.scene} ({scene.status})"]
        lines.append(f"  {scene.treated.people:,} may meet it, {scene.holdout.people:,} held out, {scene.mixed} mixed")
        for phase, status, why, n in scene.messages:
            lines.append(f"  mail {phase}: {n:,} {status}{f' ({why})' if why else ''}")
        lines.append(f"  met {scene.shown:,} times; {scene.withheld:,} meetings withheld from the holdout")
        if scene.net is None or scene.buying is None:
            lines.append("  Too few people in an arm to say what it brought.")
            continue
        e, b = scene.net, scene.buying
        lines.append(
            f"  per person within {scene.within} days: {money(e.estimate)}"
            f" ({money(e.low)} to {money(e.high)}, {e.level:.0%})"
        )
        lines.append(f"  share that ordered: {b.estimate:+.1%} ({b.low:+.1%} to {b.high:+.1%})")
        if not e.sure:
            lines.append("  The interval holds zero: this may be chance.")
        if scene.simulated:
            lines.append(f"  {scene.simulated:,} of the orders after its start are SIMULATED.")
    return "\n".join(lines)
