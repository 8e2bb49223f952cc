"""The choice: what a person meets at a touchpoint now. Pure over what was loaded; see docs/algorithms/choice.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec
import numpy as np

from fairday.kernel.audience import Facts, Vocabulary
from fairday.kernel.clock import day_start, local_day
from fairday.kernel.settings import ContactSettings
from fairday.kernel.trace import Step, Trace
from fairday.people.contact import Asked, Standing, Withheld, may_contact
from fairday.people.lately import NOTHING, Lately
from fairday.scenes.arms import Arm, Assigned, Meeting, assign, happening
from fairday.scenes.exposures import WEEK, Exposure
from fairday.scenes.moment import moment_facts, store_of
from fairday.scenes.shelf import Good, Order
from fairday.scenes.spec import Look, SceneSpec, Words, festival_title
from fairday.scenes.stage import Answers, On, Stage, Staged, own_dates
from fairday.scenes.taste import Taste
from fairday.storage.log import Happening

MESSAGES = frozenset({"email", "sms", "push", "wechat"})
"""Touchpoints that leave the house: the contact rule is asked."""

HELD = ("holdout", "mixed")
"""Reasons of the arm: such meetings are written down as withheld."""

PER_FLOOR, FLOORS = 12, 12
"""Goods of a floor, and floors of a page, unless asked for another number."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody as loaded for a choice; a visitor of whom nothing is known is ``Person()``.

    Attributes:
        person: their number, or None.
        facts: what is known of them, activity included.
        identifiers: ids (numbers) they own now.
        arms: arms recorded for them: scene → id → arm.
        taken: ids that carry another person's arm, who owned them then: scene → ids.
        days: of the last seven days, those on which scenes limited per person met them on a page or feed.
        lately: what they did last and where they were.
    """

    person: int | None = None
    facts: Facts = Facts()
    identifiers: tuple[int, ...] = ()
    arms: Mapping[str, Mapping[int, str]] = {}
    taken: Mapping[str, frozenset[int]] = {}
    days: Mapping[str, frozenset[int]] = {}
    lately: Lately = NOTHING

    def arm(self, spec: SceneSpec) -> Assigned:
        """Their arm in a scene, recorded or new."""
        return self.arm_in(spec.scene, spec.guard.holdout)

    def arm_in(self, scene: str, holdout: int) -> Assigned:
        """As ``arm``, of a scene by name and how many of its people are held out (tenths of a percent)."""
        taken = self.taken.get(scene, frozenset())
        return assign(scene, holdout, [i for i in self.identifiers if i not in taken], self.arms.get(scene, {}))


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """What the contact rule needs where a message would leave the house.

    Attributes:
        standing: how the person stands on the channel.
        rules: the shop's.
        cost: what one message costs, minor units.
        budget_left: what each scene may still spend; a scene that is missing has no limit.
    """

    standing: Standing
    rules: ContactSettings = ContactSettings()
    cost: int = 0
    budget_left: Mapping[str, int] = {}


class MetFloor(msgspec.Struct, frozen=True):
    """A floor as a person meets it; ``number`` counts from 1 in the scene's file."""

    number: int
    title: Words
    goods: list[Good]


class Met(msgspec.Struct, frozen=True, kw_only=True):
    """A scene a person meets, or would meet were it not ``withheld`` (``holdout``, ``mixed`` or a contact reason).

    Attributes:
        occasion: the day that names this round: its anchor, or the day itself for a scene that waits for a moment.
        anchor: the festival's day or the first of the dates, 0 without.
        last_day: the last day of the phase.
        until: when (ms) a passing reason for withholding ends, or None.
        new_arm: (id, arm) to record, or None.
        new_day: (id, day) to record for its limit per person, or None.
        look: how the page looks for them while it is shown, or None.
    """

    spec: SceneSpec
    version: int
    phase: str
    occasion: int
    last_day: int
    floors: list[MetFloor]
    arm: Arm
    new_arm: tuple[int, Arm] | None = None
    new_day: tuple[int, int] | None = None
    withheld: str = ""
    until: int | None = None
    look: Look | None = None
    anchor: int = 0

    def placeholders(self, today: int, language: str, shop: str, name: str = "") -> dict[str, str]:
        """What fills a message's placeholders (``spec.fill``) on a local day; "" where there is nothing to say.

        ``days_left`` counts to the festival or to the last of the dates; it is "" afterwards, and in a scene that runs
        always.
        """
        when = self.spec.when
        end = self.anchor if when.festival is not None else when.last_day
        left = "" if end is None or end < today else str(end - today)
        return {"name": name, "shop": shop, "festival": festival_title(self.spec, language), "days_left": left}

    def meeting(self, touchpoint: str) -> Meeting:
        """What is written down of it."""
        return Meeting(
            scene=self.spec.scene,
            version=self.version,
            phase=self.phase,
            occasion=self.occasion,
            touchpoint=touchpoint,
            goods=tuple(g.product.product for f in self.floors for g in f.goods),
            withheld=self.withheld,
        )


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What a person meets.

    Attributes:
        shown: scenes that meet them, the most pressing first.
        withheld: scenes that would, with their goods as they would have been.
        trace: the way in or out of every scene that is for them, and of its floors; of every live one with ``explain``.
    """

    touchpoint: str
    shown: list[Met]
    withheld: list[Met]
    trace: Trace

    @property
    def floors(self) -> list[tuple[Met, MetFloor]]:
        """All floors of what is shown, in order."""
        return [(met, floor) for met in self.shown for floor in met.floors]

    @property
    def look(self) -> Look | None:
        """How the page looks and greets: as the most pressing of what is shown has it."""
        return next((met.look for met in self.shown if met.look is not None), None)

    def new_arms(self) -> list[tuple[str, int, Arm]]:
        """Arms to record (scene, id, arm), for ``arms.record``."""
        return [(m.spec.scene, *m.new_arm) for m in (*self.shown, *self.withheld) if m.new_arm is not None]

    def exposures(self, who: tuple[str, str], now: int, zone: str) -> list[Happening]:
        """Meetings and would-have-been meetings for the log, written on the id ``who``.

        Of messages only those for the holdout are written as withheld: one that waits for the morning will still come.
        For a message call it in the transaction that plans it and records ``new_arms``; pages queue ``exposure``.
        """
        message = self.touchpoint in MESSAGES
        held = [m for m in self.withheld if m.withheld in HELD]
        return [happening(m.meeting(self.touchpoint), who, now, zone, message=message) for m in (*self.shown, *held)]

    def exposure(self, who: tuple[str, str], now: int, zone: str) -> Exposure:
        """What a page or feed writes down of it, arms included, in one piece."""
        days = [
            (m.spec.scene, *m.new_day) for m in (*self.shown, *self.withheld)
            if m.new_day is not None and m.withheld in ("", *HELD)
        ]  # fmt: skip
        return Exposure(self.exposures(who, now, zone), self.new_arms(), now, days)


def choose(
    person: Person,
    touchpoint: str,
    now: int,
    stage: Stage,
    *,
    channel: Channel | None = None,
    scene: str | None = None,
    per_floor: int = PER_FLOOR,
    floors: int | None = FLOORS,
    explain: bool = False,
) -> Choice:
    """What a person meets at a touchpoint at an instant (ms).

    Args:
        channel: for touchpoints that are messages; without it no consent is known and all is withheld.
        scene: look at this scene only.
        per_floor: how many goods a floor shows at most.
        floors: how many floors are shown at most; None for all.
        explain: ask every live scene, and put the first no of each that does not meet them into the trace.
    """
    today = local_day(now, stage.zone)
    answers = Answers(person.facts, today, lambda: moment_of(person, now, stage))
    steps: list[Step] = []
    if explain or scene is not None:
        scenes = [s for s in stage.scenes if scene is None or s.spec.scene == scene]
        on = _each(scenes, touchpoint, answers, stage.people, steps)
    else:
        on = stage.roster(touchpoint, today).of(answers, stage.people)
    showing = _Showing(stage, person, now, today, per_floor, floors)
    shown: list[Met] = []
    withheld: list[Met] = []
    for one in on:
        staged, spec = one.staged, one.staged.spec
        if staged.floors and showing.full:
            steps.append(Step("no_room", {"scene": spec.scene, "phase": one.phase}))
            continue
        assigned = person.arm(spec)
        held = "" if assigned.arm == "treated" else assigned.arm
        if touchpoint in MESSAGES:
            reason, until = _contact(spec, held, now, channel, stage.zone)
        else:
            reason, until = _seen_enough(spec, person, today, stage.zone) or (held, None)
        found = showing.floors(staged, answers, steps, keep=not reason)
        look = staged.look(answers)
        if staged.floors and not found and look is None and touchpoint not in MESSAGES:
            steps.append(Step("no_goods", {"scene": spec.scene, "phase": one.phase}))
            continue
        met = Met(
            spec=spec,
            version=staged.version,
            phase=one.phase,
            occasion=one.occasion,
            anchor=one.anchor,
            last_day=one.last_day,
            floors=found,
            arm=assigned.arm,
            new_arm=None if assigned.identifier is None else (assigned.identifier, assigned.arm),
            new_day=_new_day(spec, person, touchpoint, today),
            withheld=reason,
            until=until,
            look=None if reason else look,
        )
        if reason:
            withheld.append(met)
            steps.append(Step("withheld", {"scene": spec.scene, "phase": one.phase, "reason": reason, "until": until}))
        else:
            shown.append(met)
            steps.append(Step("shown", {"scene": spec.scene, "phase": one.phase, "arm": assigned.arm}))
    return Choice(touchpoint=touchpoint, shown=shown, withheld=withheld, trace=Trace(tuple(steps)))


def moment_of(person: Person, now: int, stage: Stage) -> Facts:
    """What is known of the instant for a person."""
    home = person.facts.told.get("city")
    return moment_facts(now, stage.zone, person.lately, home=home and home[2], around=stage.around)


def _each(
    scenes: Sequence[Staged], touchpoint: str, answers: Answers, people: Vocabulary, steps: list[Step]
) -> list[On]:
    """As ``Roster.of``, by asking one scene after the other; the first no of each goes into ``steps``."""
    own = own_dates(answers.facts, people)
    found: list[On] = []
    for staged in scenes:
        spec = staged.spec
        phase = spec.when.phase_on(answers.today, own)
        if phase is None:
            steps.append(Step("not_now", {"scene": spec.scene}))
        elif not spec.meets_at(touchpoint, phase[0]):
            steps.append(Step("not_here", {"scene": spec.scene, "phase": phase[0], "touchpoint": touchpoint}))
        elif staged.who is not None and not answers.holds(staged.who):
            steps.append(Step("not_for_them", {"scene": spec.scene}))
        elif not answers.now(staged.moment):
            steps.append(Step("not_this_moment", {"scene": spec.scene}))
        else:
            found.append(On(staged, *phase, answers.today))
    return sorted(found, key=lambda one: one.pressing)


def _contact(spec: SceneSpec, held: str, now: int, channel: Channel | None, zone: str) -> tuple[str, int | None]:
    asked = channel or Channel(standing=Standing(consent=None, zone=zone))
    rate = spec.guard.per_person
    verdict = may_contact(
        asked.standing,
        Asked(
            scene=spec.scene,
            rate=None if rate is None else (rate.count, rate.per),
            cost=asked.cost,
            budget_left=asked.budget_left.get(spec.scene),
            held_out=bool(held),
        ),
        now,
        asked.rules,
    )
    if not isinstance(verdict, Withheld):
        return "", None
    return (held if verdict.reason == "holdout" else verdict.reason), verdict.until


def _seen_enough(spec: SceneSpec, person: Person, today: int, zone: str) -> tuple[str, int] | None:
    """The limit per person on pages and feeds: on so many days of seven at most; once a day it is any day."""
    rate = spec.guard.per_person
    days = person.days.get(spec.scene, frozenset())
    if rate is None or rate.per == "day" or today in days:
        return None
    inside = sorted(day for day in days if today - WEEK < day < today)
    if len(inside) < rate.count:
        return None
    return "scene_frequency", day_start(inside[len(inside) - rate.count] + WEEK, zone)


def _new_day(spec: SceneSpec, person: Person, touchpoint: str, today: int) -> tuple[int, int] | None:
    rate = spec.guard.per_person
    counts = rate is not None and rate.per == "week" and touchpoint not in MESSAGES and bool(person.identifiers)
    if not counts or today in person.days.get(spec.scene, ()):
        return None
    return min(person.identifiers), today


class _Showing:
    """Floors filled one after the other for one person: no product twice, no more floors than there is room for."""

    def __init__(self, stage: Stage, person: Person, now: int, today: int, per_floor: int, room: int | None) -> None:
        self._around, self._now = stage.around, now
        shelf = self._shelf = stage.shelf
        self._person = person
        self._today = today
        self._per_floor = per_floor
        self._room = room
        self._taken = np.zeros(len(shelf), dtype=np.bool_)

    @property
    def full(self) -> bool:
        """Whether no floor has room any more."""
        return self._room is not None and self._room < 1

    @cached_property
    def _store(self) -> str | None:
        return store_of(self._person.lately, self._around, self._now)

    @cached_property
    def _liked(self) -> Taste:
        return self._shelf.liking(self._person.person, self._person.facts, self._today)

    @cached_property
    def _personal(self) -> Order:
        return self._shelf.personal(self._liked)

    def floors(self, staged: Staged, answers: Answers, steps: list[Step], *, keep: bool) -> list[MetFloor]:
        """The floors of a scene a person meets; what is left out goes into ``steps``.

        Args:
            keep: whether their goods and room are taken. What is held back takes nothing from the floors below it: the
                two arms see those alike.
        """
        taken = self._taken if keep else self._taken.copy()
        found: list[MetFloor] = []
        for number, ready in enumerate(staged.floors, 1):
            if self._room is not None and len(found) >= self._room:
                break
            where = {"scene": staged.spec.scene, "floor": number}
            if ready.who is not None and not answers.holds(ready.who):
                steps.append(Step("floor_not_for_them", where))
                continue
            if ready.unless is not None and answers.holds(ready.unless):
                steps.append(Step("floor_kept_from_them", where))
                continue
            if not answers.now(ready.moment):
                steps.append(Step("floor_not_this_moment", where))
                continue
            floor = ready.floor
            if floor.in_store and self._store is None:
                steps.append(Step("floor_not_this_moment", where))
                continue
            there = ready.goods_for(self._store if floor.in_store else None, self._around)
            order = self._personal if floor.rank == "personal" else self._shelf.order(floor.rank)
            liked = self._liked if floor.rank == "personal" else _NO_TASTE
            goods = self._shelf.pick(there, floor.rank, order, liked, self._per_floor, ready.variety, taken)
            if goods:
                found.append(MetFloor(number, floor.title, goods))
            else:
                steps.append(Step("floor_empty", where))
        if keep and self._room is not None:
            self._room -= len(found)
        return found


_NO_TASTE = Taste()
