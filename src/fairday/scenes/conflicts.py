"""The plan of all scenes over some days, and where they get into each other's way. Pure but for ``shared``.

A conflict is something a merchant should know before a scene runs, never a refusal: two scenes that meet the same
people at the same place, offers that add up, more mails in a week than anybody may get, a budget that cannot reach its
audience, holdouts that together keep many from something.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from math import prod
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection

from fairday.kernel.audience import AudienceError, Vocabulary, parse
from fairday.kernel.festivals import festival, occurrences
from fairday.offers.model import AmountOff, Benefit, Gift, PercentOff, Tiers
from fairday.scenes.choice import MESSAGES
from fairday.scenes.spec import Offer, SceneSpec, When

Kind = Literal["overlap", "stack", "mails", "budget", "holdout"]

HELD = 0.3
"""Holdouts that together keep more than this share from at least one scene are told."""

WEEK = 7


class Stretch(msgspec.Struct, frozen=True, order=True):
    """Days on which a scene holds, both included, in one phase; ``anchor`` is the festival's day or the first day."""

    first: int
    last: int
    phase: str
    anchor: int


class Planned(msgspec.Struct, frozen=True):
    """A scene with its stretches in the days looked at; none for one that follows people's own dates."""

    spec: SceneSpec
    status: str
    stretches: tuple[Stretch, ...]

    @property
    def personal(self) -> bool:
        """Whether it follows a date of each person's own."""
        return self.spec.when.festival is not None and festival(self.spec.when.festival).own_trait is not None


class Conflict(msgspec.Struct, frozen=True):
    """Something to know.

    Attributes:
        scenes: whose.
        first, last: the days it is about.
        places: touchpoints they share.
        people: how many it is about, or None where that was not counted.
        number: mails a week; people a budget reaches; thousandths held out.
        word: the word under which offers add up.
    """

    kind: Kind
    scenes: tuple[str, ...]
    first: int
    last: int
    places: tuple[str, ...] = ()
    people: int | None = None
    number: int = 0
    word: str = ""


def stretches(when: When, first: int, last: int) -> tuple[Stretch, ...]:
    """On which days of first..last a scene holds, by phase, in order; nothing for people's own dates."""
    spans = when.phases
    if when.festival is not None:
        before = max((p.last for p in spans), default=0)
        after = min((p.first for p in spans), default=0)
        days = occurrences(when.festival, first - max(before, 0) - 1, last - min(after, 0) + 1)
        found = [(day, p.name, day + p.first, day + p.last) for day in days for p in spans] or [
            (day, "day", day, day) for day in days
        ]
    elif when.first_day is not None and when.last_day is not None:
        start = when.first_day
        found = [(start, p.name, start + p.first, start + p.last) for p in spans]
        found = found or [(start, "run", start, when.last_day)]
    else:
        found = [(first, "run", first, last)]
    inside = (Stretch(max(a, first), min(b, last), name, day) for day, name, a, b in found if a <= last and b >= first)
    return tuple(sorted(inside))


def plan(scenes: Iterable[tuple[SceneSpec, str]], first: int, last: int) -> list[Planned]:
    """Scenes (with their status) over the days first..last, by their next day, those that run always last."""
    found = [Planned(spec, status, stretches(spec.when, first, last)) for spec, status in scenes]

    def order(one: Planned) -> tuple[bool, int, str]:
        when = one.spec.when
        runs = when.festival is None and when.first_day is None
        return runs, one.stretches[0].first if one.stretches else last + 1, one.spec.scene

    return sorted(found, key=order)


def conflicts(
    plans: Sequence[Planned],
    per_week: int,
    *,
    size: Callable[[Sequence[SceneSpec]], int | None] = lambda specs: None,
    only: str | None = None,
) -> list[Conflict]:
    """Where drafts, live and paused scenes get into each other's way, the soonest first.

    Args:
        per_week: messages a person may get in seven days, over all scenes.
        size: how many people all of some scenes are for; None where it is not counted. Nothing is told of nobody.
        only: a scene; only what it has part in is looked for.
    """
    alive = [p for p in plans if p.status != "ended"]
    mine = [p for p in alive if only in (None, p.spec.scene)]
    found = [c for p in mine for c in _budget(p, size)]
    pairs = combinations(alive, 2) if only is None else ((a, b) for a in mine for b in alive if a is not b)
    for one, other in pairs:
        found += _pair(one, other, size)
    found += _mails(alive, per_week, size, only)
    found += _holdouts(alive, size, only)
    return sorted(found, key=lambda c: (c.first, c.kind, c.scenes))


def _pair(one: Planned, other: Planned, size: Callable[[Sequence[SceneSpec]], int | None]) -> list[Conflict]:
    always = any(p.spec.when.festival is None and p.spec.when.first_day is None for p in (one, other))
    words = _stacks(one.spec) & _stacks(other.spec)
    if not words and (always or not {p.touchpoint for p in one.spec.where} & {p.touchpoint for p in other.spec.where}):
        return []
    shared: list[tuple[int, int, set[str]]] = []
    for a in one.stretches:
        for b in other.stretches:
            first, last = max(a.first, b.first), min(a.last, b.last)
            if first <= last:
                shared.append((first, last, _places(one.spec, a.phase) & _places(other.spec, b.phase)))
    # What is always there, or may be at any moment, is the ground others stand on.
    meets = [] if always else [s for s in shared if s[2]]
    words = words if shared else set()
    if not meets and not words:
        return []
    people = size((one.spec, other.spec))
    if people == 0:
        return []
    names = (one.spec.scene, other.spec.scene)
    found: list[Conflict] = []
    if meets:
        places = tuple(sorted(set().union(*(s[2] for s in meets))))
        found.append(Conflict("overlap", names, meets[0][0], max(s[1] for s in meets), places, people))
    for word in sorted(words):
        found.append(Conflict("stack", names, shared[0][0], max(s[1] for s in shared), (), people, word=word))
    return found


def _places(spec: SceneSpec, phase: str) -> set[str]:
    return {p.touchpoint for p in spec.where if not p.phases or phase in p.phases}


def _stacks(spec: SceneSpec) -> set[str]:
    return {word for offer in spec.offers for word in offer.stacks}


def messages(planned: Planned, first: int, last: int) -> int:
    """How many messages a person may get of a scene in the days first..last (about a week): one a phase and channel.

    A scene that waits for a moment may come every day; ``guard.per_person`` bounds both.
    """
    spec = planned.spec
    sent = 0
    for stretch in planned.stretches:
        a, b = max(first, stretch.first), min(last, stretch.last)
        channels = len(_places(spec, stretch.phase) & MESSAGES)
        if a > b or not channels:
            continue
        if spec.when.moment is not None:
            sent += channels * (b - a + 1)
        elif first <= stretch.first <= last:  # it goes out when the phase begins
            sent += channels
    rate = spec.guard.per_person
    most = sent if rate is None else rate.count * (1 if rate.per == "week" else last - first + 1)
    return min(sent, most)


def _mails(
    plans: Sequence[Planned], per_week: int, size: Callable[[Sequence[SceneSpec]], int | None], only: str | None
) -> list[Conflict]:
    begins = sorted({s.first for p in plans for s in p.stretches if _places(p.spec, s.phase) & MESSAGES})
    worst: dict[tuple[str, ...], Conflict] = {}
    for day in begins:
        sending = [(n, p) for p in plans if (n := messages(p, day, day + WEEK - 1))]
        total = sum(n for n, _ in sending)
        if total <= per_week or not sending:
            continue
        names = tuple(p.spec.scene for _, p in sending)
        if only not in (None, *names) or (names in worst and worst[names].number >= total):
            continue
        people = size([p.spec for _, p in sending])
        if people != 0:
            worst[names] = Conflict("mails", names, day, day + WEEK - 1, ("email",), people, total)
    return list(worst.values())


def _budget(planned: Planned, size: Callable[[Sequence[SceneSpec]], int | None]) -> list[Conflict]:
    spec, budget = planned.spec, planned.spec.guard.budget
    dearest = max((worth(offer) for offer in spec.offers), default=0)
    if budget is None or not dearest or not planned.stretches:
        return []
    reaches, people = budget.amount // dearest, size([spec])
    if people is None or reaches >= people:
        return []
    return [
        Conflict("budget", (spec.scene,), planned.stretches[0].first, planned.stretches[-1].last, (), people, reaches)
    ]


def worth(offer: Offer) -> int:
    """What an offer costs at least when it is used once, minor units; 0 where that cannot be told."""
    rule = offer.rule
    if rule is None:
        return 0
    spend = max((need.spend for need in rule.when.needs), default=0)
    return sum(_worth(benefit, spend) for benefit in rule.benefits)


def _worth(benefit: Benefit, spend: int) -> int:
    match benefit:
        case AmountOff():
            return benefit.amount
        case PercentOff():
            least = int(spend * benefit.percent / 100)
            return least if benefit.cap is None else min(benefit.cap, least)
        case Tiers():
            return benefit.tiers[0].amount
        case Gift():
            return benefit.cost * benefit.qty
        case _:
            return 0


def _holdouts(
    plans: Sequence[Planned], size: Callable[[Sequence[SceneSpec]], int | None], only: str | None
) -> list[Conflict]:
    held = [p for p in plans if p.spec.guard.holdout and p.stretches]
    worst: dict[tuple[str, ...], Conflict] = {}
    for day in sorted({s.first for p in held for s in p.stretches}):
        on = [p for p in held if any(s.first <= day <= s.last for s in p.stretches)]
        share = 1 - prod(1 - p.spec.guard.holdout / 1000 for p in on)
        names = tuple(p.spec.scene for p in on)
        if len(on) < 2 or share <= HELD or names in worst or only not in (None, *names):
            continue
        people = size([p.spec for p in on])
        if people != 0:
            last = max(s.last for p in on for s in p.stretches if s.first <= day <= s.last)
            worst[names] = Conflict("holdout", names, day, last, (), people, round(share * 1000))
    return list(worst.values())


# ---- counting ------------------------------------------------------------------------------------------------------

KEPT_SECONDS, KEPT_COUNTS = 600.0, 2000
"""How long, and how many, counts of people are remembered: they are for a plan, not for a choice."""


class Sizes:
    """Counts people in several audiences at once, by one query each, and remembers the counts for some minutes.

    Args:
        most: queries of one look; what is beyond is not counted (None).
    """

    def __init__(self, most: int = 40) -> None:
        self.most = most
        self._kept: OrderedDict[tuple[str, int], tuple[float, int | None]] = OrderedDict()

    def over(self, conn: Connection, people: Vocabulary, today: int) -> Callable[[Sequence[SceneSpec]], int | None]:
        """A counter for one look, for ``conflicts``."""
        left = self.most

        def size(specs: Sequence[SceneSpec]) -> int | None:
            nonlocal left
            whose = sorted({spec.who for spec in specs if spec.who})
            text = " and ".join(f"({who})" for who in whose) or "true"
            key, now = (text, today), time.monotonic()
            kept = self._kept.get(key)
            if kept is not None and now - kept[0] < KEPT_SECONDS:
                return kept[1]
            if left <= 0:
                return None
            left -= 1
            n = shared(conn, text, people, today)
            self._kept[key] = (now, n)
            while len(self._kept) > KEPT_COUNTS:
                self._kept.popitem(last=False)
            return n

        return size


def shared(conn: Connection, text: str, people: Vocabulary, today: int) -> int | None:
    """How many people a condition holds for today; None where it is too long to be asked."""
    try:
        audience = parse(text, people)
    except AudienceError:
        return None
    dialect: Any = conn.dialect.name
    return int(conn.exec_driver_sql(audience.count_sql(dialect, today)).scalar_one())


def by_scene(found: Iterable[Conflict]) -> Mapping[str, int]:
    """How many conflicts each scene has part in."""
    counted: dict[str, int] = {}
    for conflict in found:
        for scene in conflict.scenes:
            counted[scene] = counted.get(scene, 0) + 1
    return counted
