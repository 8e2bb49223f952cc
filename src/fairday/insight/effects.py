"""What each scene caused, measured against the people it held out; see docs/algorithms/report.md."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from fairday.insight import breadth
from fairday.insight.asked import Asked
from fairday.insight.placed import Placed, began, moved, placed
from fairday.insight.trade import columns, first_orders, trade, visits
from fairday.kernel.clock import local_day
from fairday.kernel.festivals import next_occurrence
from fairday.kernel.settings import Settings
from fairday.models.experiments import (
    Arm,
    Balance,
    Effect,
    Pairs,
    Stratum,
    adjusted,
    difference,
    lift,
    ratio,
    sample_ratio,
    shares,
)
from fairday.people.traits import vocabulary
from fairday.reach import outbox
from fairday.scenes import life
from fairday.scenes.conditions import goods_vocabulary
from fairday.scenes.grammar import parse_scene
from fairday.scenes.spec import SceneSpec

DEFAULT_WITHIN = 14
"""Days after first eligibility in which a scene without a goal is judged."""
BEFORE = 90
"""Days before first eligibility whose money CUPED takes as covariate."""
BROWSED = 120
"""Days back from today within which somebody must have become eligible for their steps to be followed."""

Floats = NDArray[np.float64]


class SceneArm(msgspec.Struct, frozen=True, kw_only=True):
    """One arm: people, how many ordered within the goal's days, their orders, net money (minor units)."""

    people: int
    buyers: int
    orders: int
    net: int


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """A mean in both arms, and the difference; None where it cannot be told."""

    treated: float
    held: float
    effect: Effect | None


class SceneEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What a scene did.

    Attributes:
        titles: by language.
        since: the first day anybody was eligible; None where nobody has been yet.
        until: the day it was ended; None while it is not.
        within: days after first eligibility that are counted, that day included.
        final: its planned last day and everybody's days are over, so there is one look. Otherwise every interval holds
            however often one looks (``Effect.peeking``).
        stopped: it was ended by hand, so that the look was chosen by somebody who had seen the figures.
        mixed: people joined from both arms, left out of the measure.
        balance: the sample-ratio check.
        money: net money per person, minor units.
        total: the same times everybody who may meet it.
        lift: of money, as a share.
        adjusted: ``money`` with what people spent before taken out; ``narrowed`` by how much that narrowed it.
        chosen: the asked metric per person, where that is not money (a share for buyers and new-buyers).
        buying: the share that ordered.
        order_value: money an order, minor units.
        categories: categories bought for the first time ever, per buyer.
        views, meetings, days: among buyers, pages looked at, scenes met, and days, until their first order.
        messages: (phase, status, reason, how many).
        shown, withheld: meetings written to the log, and those the holdout would have had.
        simulated: orders in the measure that a simulation wrote.
    """

    scene: str
    titles: dict[str, str]
    status: str
    since: int | None
    until: int | None
    within: int
    final: bool
    stopped: bool
    treated: SceneArm
    holdout: SceneArm
    mixed: int
    balance: Balance | None
    money: Effect | None
    total: Effect | None
    lift: Effect | None
    adjusted: Effect | None
    narrowed: float | None
    chosen: Effect | None
    buying: Effect | None
    order_value: Effect | None
    categories: Beside | None
    views: Beside | None
    meetings: Beside | None
    days: Beside | None
    messages: Sequence[tuple[str, str, str, int]]
    shown: int
    withheld: int
    simulated: int

    @property
    def best(self) -> Effect | None:
        """The money per person to be told first: adjusted for what people spent before, whether that helped or not."""
        return self.money if self.adjusted is None else self.adjusted

    @property
    def best_total(self) -> Effect | None:
        """The same for everybody who may meet the scene."""
        return None if self.best is None else self.best.times(self.treated.people)


def effects(conn: Connection, settings: Settings, asked: Asked, now: int) -> list[SceneEffect]:
    """The section: scenes that were measured in the period, each over its whole life until now."""
    today = local_day(now, settings.zone)
    wanted = []
    for row in life.all_scenes(conn):
        if row.started_at is None or local_day(row.started_at, settings.zone) > asked.last:
            continue
        spec = _spec(row.text, settings.currency)
        within = spec.goal.within if spec and spec.goal else DEFAULT_WITHIN
        ended = local_day(row.changed_at, settings.zone) if row.status == "ended" else today
        if ended + within >= asked.first:
            wanted.append((row, spec, within))
    # Nobody is eligible for any of them before the first of them starts.
    start = min((local_day(row.started_at or 0, settings.zone) for row, _, _ in wanted), default=today)
    guests = placed(conn, settings, start, today)
    return [scene_effect(conn, settings, asked, row, spec, within, today, guests) for row, spec, within in wanted]


@lru_cache(maxsize=256)
def _spec(written: str, currency: str) -> SceneSpec | None:
    return parse_scene(written, vocabulary(Settings(currency=currency)), goods=goods_vocabulary(currency))[0]


def scene_effect(
    conn: Connection,
    settings: Settings,
    asked: Asked,
    row: life.SceneRow,
    spec: SceneSpec | None,
    within: int,
    today: int,
    guests: Placed,
) -> SceneEffect:
    """What one scene did, treated against held out, from the day of each person's first eligibility on."""
    arms, since, balance = _people(conn, settings, row)
    sides = [[p for p, seen in arms.items() if seen == {name}] for name in ("treated", "holdout")]
    people = [p for side in sides for p in side]
    split = len(sides[0])
    last = max(since.values(), default=today) + within
    ended = local_day(row.changed_at, settings.zone) if row.status == "ended" else None
    planned = _planned(spec, local_day(row.started_at or row.changed_at, settings.zone))
    stopped = ended is not None and (planned is None or ended <= planned)
    final = not stopped and planned is not None and today > max(planned, last)
    peeking = not final
    measured = _Measured(conn, guests, people, since, within, asked)
    told = _Told(measured, split, peeking)
    money = told.means(measured.net)
    found = adjusted(*told.pairs(measured.net, measured.before), peeking=peeking)
    browsed = {p: since[p] for p in people if since[p] >= today - BROWSED}
    shown, withheld = _met(conn, row.scene)
    return SceneEffect(
        scene=row.scene,
        titles=_titles(spec, row.scene),
        status=row.status,
        since=min(since.values(), default=None),
        within=within,
        final=final,
        stopped=stopped,
        until=ended,
        treated=told.arm(0),
        holdout=told.arm(1),
        mixed=sum(len(seen) > 1 for seen in arms.values()),
        balance=balance,
        money=money,
        total=None if money is None else money.times(split),
        lift=lift(*told.arms(measured.net), peeking=peeking),
        adjusted=None if found is None else found.effect,
        narrowed=None if found is None else found.narrowed,
        chosen=told.chosen(asked.metric),
        buying=told.shares(measured.orders > 0),
        order_value=ratio(*told.pairs(measured.net, measured.orders), peeking=peeking),
        **_ways(conn, measured, browsed, within, told),
        messages=[(*place, n) for place, n in sorted(outbox.counts(conn, row.scene).items())],
        shown=shown,
        withheld=withheld,
        simulated=_simulated(conn, measured, last),
    )


def _people(
    conn: Connection, settings: Settings, row: life.SceneRow
) -> tuple[dict[int, set[str]], dict[int, int], Balance | None]:
    """Everybody's arms, the day each was first eligible, and whether ids were dealt as they should be."""
    owners = conn.execute(
        text(
            "SELECT o.person, a.arm, a.at FROM scene_arms a JOIN ownership o ON o.identifier = a.identifier"
            " AND o.from_at <= a.at AND a.at < o.until_at WHERE a.scene = :scene"
        ),
        {"scene": row.scene},
    ).all()
    arms: dict[int, set[str]] = {}
    since: dict[int, int] = {}
    for person, arm, at in owners:
        day = local_day(at, settings.zone)
        arms.setdefault(person, set()).add(arm)
        since[person] = min(since.get(person, day), day)
    versions = conn.execute(
        text("SELECT at, text FROM scene_versions WHERE scene = :scene ORDER BY version"), {"scene": row.scene}
    ).all()
    dealt = [[0, 0] for _ in versions]
    starts = np.array([at for at, _ in versions], dtype=np.int64)
    for _, arm, at in owners:
        dealt[max(int(np.searchsorted(starts, at, "right")) - 1, 0)][arm == "holdout"] += 1
    specs = [_spec(written, settings.currency) for _, written in versions]
    strata = [Stratum(n[0], n[1], s.guard.holdout / 1000) for n, s in zip(dealt, specs, strict=True) if s is not None]
    return arms, since, sample_ratio(strata)


class _Measured:
    """What each person did in their days, as arrays in the order of ``people``."""

    def __init__(
        self, conn: Connection, guests: Placed, people: list[int], since: dict[int, int], within: int, asked: Asked
    ) -> None:
        self.people = people
        self.ids = np.array(people, dtype=np.int64)
        self.order = np.argsort(self.ids)
        self.sorted = self.ids[self.order]
        self.since = np.array([since[p] for p in people], dtype=np.int64)
        n = len(people)
        self.net, self.before, self.orders = np.zeros(n), np.zeros(n), np.zeros(n)
        self.first = np.full(n, np.iinfo(np.int64).max)
        self.fresh = self.visits = np.zeros(n)
        start, end = min(since.values(), default=0), max(since.values(), default=0) + within
        # Of those, too, who are left out as mixed: what was priced for them is nobody else's.
        self.placed = guests.for_those(since, end)
        if not n:
            return
        traded = moved(trade(conn, start - BEFORE, end), self.placed)
        who, theirs = self.find(traded.person)
        day, net, orders = traded.day[theirs], traded.net[theirs], traded.orders[theirs]
        after = day - self.since[who]
        inside, earlier = (after >= 0) & (after <= within), (after < 0) & (after >= -BEFORE)
        np.add.at(self.net, who[inside], net[inside])
        np.add.at(self.orders, who[inside], orders[inside])
        np.add.at(self.before, who[earlier], net[earlier])
        bought = inside & (orders > 0)
        np.minimum.at(self.first, who[bought], day[bought])
        if asked.metric == "new-buyers":
            person, first = began(*first_orders(conn), traded, self.placed)
            at, theirs = self.find(person)
            self.fresh = np.zeros(n)
            self.fresh[at] = (first[theirs] >= self.since[at]) & (first[theirs] <= self.since[at] + within)
        if asked.metric == "visits":
            seen, person = visits(conn, start, end)
            at, theirs = self.find(person)
            after = seen[theirs] - self.since[at]
            self.visits = np.bincount(at[(after >= 0) & (after <= within)], minlength=n).astype(float)

    def find(self, person: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Places of those persons that are measured, and which of the given they are."""
        at = np.minimum(np.searchsorted(self.sorted, person), max(len(self.sorted) - 1, 0))
        theirs = self.sorted[at] == person if len(self.sorted) else np.zeros(len(person), dtype=bool)
        return self.order[at[theirs]], theirs


class _Told:
    """The two arms of what was measured, compared in one way."""

    def __init__(self, measured: _Measured, split: int, peeking: bool) -> None:
        self.measured, self.split, self.peeking = measured, split, peeking

    def arms(self, values: Floats) -> tuple[Arm, Arm]:
        return Arm.of(values[: self.split]), Arm.of(values[self.split :])

    def pairs(self, x: Floats, y: Floats) -> tuple[Pairs, Pairs]:
        cut = self.split
        return Pairs.of(x[:cut], y[:cut]), Pairs.of(x[cut:], y[cut:])

    def means(self, values: Floats) -> Effect | None:
        return difference(*self.arms(values), peeking=self.peeking)

    def shares(self, did: NDArray[np.bool_]) -> Effect | None:
        return shares(*self.arms(did.astype(float)), peeking=self.peeking)

    def arm(self, side: int) -> SceneArm:
        part = slice(None, self.split) if side == 0 else slice(self.split, None)
        m = self.measured
        return SceneArm(
            people=len(m.ids[part]),
            buyers=int((m.orders[part] > 0).sum()),
            orders=round(m.orders[part].sum()),
            net=round(m.net[part].sum()),
        )

    def chosen(self, metric: str) -> Effect | None:
        m = self.measured
        if metric == "buyers":
            return self.shares(m.orders > 0)
        if metric == "new-buyers":
            return self.shares(m.fresh > 0)
        return {"orders": self.means(m.orders), "visits": self.means(m.visits)}.get(metric)

    def beside(self, values: dict[int, int], among: list[int]) -> Beside | None:
        """A mean of some people in both arms."""
        held = set(self.measured.people[self.split :])
        sides = [Arm.of([float(values.get(p, 0)) for p in among if (p in held) == side]) for side in (False, True)]
        if not all(a.n for a in sides):
            return None
        effect = difference(sides[0], sides[1], peeking=self.peeking)
        return Beside(treated=sides[0].mean, held=sides[1].mean, effect=effect)


def _ways(
    conn: Connection, measured: _Measured, browsed: dict[int, int], within: int, told: _Told
) -> dict[str, Beside | None]:
    """New categories per buyer and steps to the first order, among buyers whose days are not long ago."""
    first = {
        p: int(d)
        for p, d, n in zip(measured.people, measured.first, measured.orders, strict=True)
        if n and p in browsed
    }
    since = {p: browsed[p] for p in first}
    until = {p: d + within for p, d in since.items()}
    views, met = breadth.steps(conn, since, first)
    among = list(first)
    return {
        "categories": told.beside(breadth.new_categories(conn, since, until, measured.placed), among),
        "views": told.beside(views, among),
        "meetings": told.beside(met, among),
        "days": told.beside({p: d - since[p] for p, d in first.items()}, among),
    }


def _planned(spec: SceneSpec | None, started: int) -> int | None:
    """The last day that was planned before anybody looked: of dates, or of the festival's round it started in."""
    if spec is None or spec.when.festival is None:
        return None if spec is None else spec.when.last_day
    day = next_occurrence(spec.when.festival, started)
    return None if day is None else day + max((p.last for p in spec.when.phases), default=0)


def _met(conn: Connection, scene: str) -> tuple[int, int]:
    query = text("SELECT sum(shown), sum(withheld) FROM scene_meetings WHERE scene = :scene")
    shown, withheld = conn.execute(query, {"scene": scene}).one()
    return int(shown or 0), int(withheld or 0)


def _simulated(conn: Connection, measured: _Measured, last: int) -> int:
    if not len(measured.ids):
        return 0
    query = (
        "SELECT o.person, a.n FROM activity a JOIN ownership o ON o.id = a.interval_id"
        f" WHERE a.measure = 'Order Completed:simulated' AND a.day BETWEEN {int(measured.since.min())} AND {int(last)}"
    )
    person, n = columns(conn, query, 2)
    some = measured.placed
    gone, come = (some.simulated[measured.find(p)[1]].sum() for p in (some.told, some.by))
    return int(n[measured.find(person)[1]].sum() - gone + come)


def _titles(spec: SceneSpec | None, scene: str) -> dict[str, str]:
    return {language: spec.title.get(language) if spec else scene for language in ("zh", "en", "es")}
