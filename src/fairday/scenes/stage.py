"""The stage: live scenes made ready over one shelf, and found for one person without asking them all.

For a day and a touchpoint a stage keeps a roster: the scenes that are on there then, in the order in which they press,
and an index over what their ``who`` needs. See docs/algorithms/choice.md, "At scale".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import TypeAlias

import numpy as np

from fairday.kernel.audience import Audience, ConditionIndex, Facts, Vocabulary, parse, yearly_month_day
from fairday.kernel.clock import to_day
from fairday.kernel.festivals import Own, festival
from fairday.scenes.columns import Goods
from fairday.scenes.moment import NOWHERE, Around, moment_condition
from fairday.scenes.shelf import Shelf
from fairday.scenes.spec import Floor, Look, SceneSpec, When

Compile: TypeAlias = Callable[[str, Vocabulary], Audience]
"""Reads a condition; one that remembers what it has read spares work where conditions repeat."""

ROSTERS = 40
"""Rosters a stage keeps: a replay goes through many days."""


class Staged:
    """A live scene made ready: conditions compiled, goods of each floor looked up when first needed.

    Args:
        version: its version.
        started_at: when it first went live, ms.
        today: the day the goods' conditions are judged on.

    Raises:
        AudienceError: a condition speaks of something that is declared no more.
    """

    def __init__(
        self,
        spec: SceneSpec,
        version: int,
        started_at: int,
        shelf: Shelf,
        people: Vocabulary,
        goods: Vocabulary,
        today: int,
        compiled: Compile = parse,
    ) -> None:
        self.spec = spec
        self.version = version
        self.started_at = started_at
        self.who = None if spec.who is None else compiled(spec.who, people)
        self.moment = None if spec.when.moment is None else moment_condition(spec.when.moment)
        self.looks = [StagedLook(look, people, compiled) for look in spec.looks]
        self.floors = [StagedFloor(f, shelf, people, goods, today, compiled) for f in spec.floors]

    def look(self, answers: Answers) -> Look | None:
        """The first of its looks that holds of a person."""
        return next((ready.look for ready in self.looks if ready.holds(answers)), None)

    @cached_property
    def own_trait(self) -> str | None:
        """The trait whose day it follows, for scenes by a person's own festival."""
        name = self.spec.when.festival
        return None if name is None else festival(name).own_trait


class StagedLook:
    """A look made ready."""

    def __init__(self, look: Look, people: Vocabulary, compiled: Compile = parse) -> None:
        self.look = look
        self._who = None if look.who is None else compiled(look.who, people)
        self._unless = None if look.unless is None else compiled(look.unless, people)

    def holds(self, answers: Answers) -> bool:
        """Whether it is for a person."""
        if self._who is not None and not answers.holds(self._who):
            return False
        return self._unless is None or not answers.holds(self._unless)


class StagedFloor:
    """A floor made ready."""

    def __init__(
        self, floor: Floor, shelf: Shelf, people: Vocabulary, goods: Vocabulary, today: int, compiled: Compile = parse
    ) -> None:
        self.floor = floor
        self.variety = float(floor.variety)
        self.who = None if floor.who is None else compiled(floor.who, people)
        self.unless = None if floor.unless is None else compiled(floor.unless, people)
        self.moment = None if floor.moment is None else moment_condition(floor.moment)
        self.condition = compiled(floor.goods, goods)
        self._shelf = shelf
        self._today = today
        self._there: dict[str, tuple[frozenset[str], Goods]] = {}

    @cached_property
    def goods(self) -> Goods:
        """What its condition holds for, on the shelf."""
        return self._shelf.matching(self.condition, self._today)

    def goods_for(self, store: str | None, around: Around) -> Goods:
        """As ``goods``; of a floor of a store's goods, what that one has on hand of them."""
        if not self.floor.in_store:
            return self.goods
        on_hand = around.on_hand.get(store or "", frozenset())
        kept = self._there.get(store or "")
        if kept is None or kept[0] is not on_hand:
            flags = self._shelf.flags(on_hand)
            places = self.goods.all_places()
            there = np.zeros(len(flags), dtype=np.bool_)
            there[places[flags[places]]] = True
            kept = self._there[store or ""] = (on_hand, Goods(there))
        return kept[1]


class On:
    """A scene on a day: its phase, the phase's last day, its anchor and its occasion.

    The anchor is the festival's day or the first of the dates, 0 for a scene that runs always. The occasion, naming
    the round, is the same; but each day is a round of its own for a scene that waits for a moment.
    """

    __slots__ = ("anchor", "last_day", "occasion", "phase", "staged")

    def __init__(self, staged: Staged, phase: str, anchor: int, last_day: int, today: int) -> None:
        when = staged.spec.when
        self.staged = staged
        self.phase = phase
        self.anchor = anchor if when.festival or when.first_day is not None else 0
        self.occasion = today if when.moment else self.anchor
        self.last_day = last_day

    @property
    def pressing(self) -> tuple[int, int, int, str]:
        """A person's own day first, then what ends soonest (a moment alone: today), then what runs always.

        Of those alike the older scene, then the name.
        """
        when = self.staged.spec.when
        kind = 1 if when.festival is not None or when.last_day is not None or when.moment else 2
        kind = 0 if self.staged.own_trait else kind
        return kind, self.last_day if kind < 2 else 0, self.staged.started_at, self.staged.spec.scene


class Answers:
    """Answers of conditions about one person, each asked once."""

    __slots__ = ("_answers", "_moment", "_moment_facts", "facts", "today")

    def __init__(self, facts: Facts, today: int, moment: Callable[[], Facts] = Facts) -> None:
        self.facts = facts
        self.today = today
        self._moment = moment
        self._moment_facts: Facts | None = None
        self._answers: dict[int, bool] = {}

    def now(self, moment: Audience | None) -> bool:
        """Whether it is such a moment for them; always where none is waited for."""
        if moment is None:
            return True
        if self._moment_facts is None:
            self._moment_facts = self._moment()
        return moment.test(self._moment_facts, self.today)

    def holds(self, condition: Audience) -> bool:
        """Whether it is definitely true of them. The condition must outlive this object."""
        key = id(condition)
        found = self._answers.get(key)
        if found is None:
            found = self._answers[key] = condition.test(self.facts, self.today)
        return found


class Roster:
    """The scenes that are on at a touchpoint on a day."""

    def __init__(self, scenes: Sequence[Staged], touchpoint: str, today: int) -> None:
        self._touchpoint = touchpoint
        self._today = today
        on: list[On] = []
        self._own: dict[str, dict[When, list[Staged]]] = {}
        phases: dict[When, tuple[str, int, int] | None] = {}
        for staged in scenes:
            when = staged.spec.when
            if staged.own_trait:
                self._own.setdefault(staged.own_trait, {}).setdefault(when, []).append(staged)
                continue
            if when not in phases:
                phases[when] = when.phase_on(today, {})
            phase = phases[when]
            if phase is not None and staged.spec.meets_at(touchpoint, phase[0]):
                on.append(On(staged, *phase, today))
        self._on = sorted(on, key=lambda o: o.pressing)
        self._everybodys: list[int] = []
        whose: dict[int, tuple[Audience, list[int]]] = {}
        for number, one in enumerate(self._on):
            who = one.staged.who
            if who is None:
                self._everybodys.append(number)
            else:
                whose.setdefault(id(who), (who, []))[1].append(number)
        self._whose = list(whose.values())
        self._index = ConditionIndex(who.keys for who, _ in self._whose)

    def of(self, answers: Answers, people: Vocabulary) -> list[On]:
        """The scenes whose ``who`` is true of a person and whose moment it is, the most pressing first."""
        numbers = list(self._everybodys)
        for at in self._index.candidates(answers.facts, self._today):
            who, scenes = self._whose[at]
            if answers.holds(who):
                numbers += scenes
        numbers.sort()
        found = [one for one in map(self._on.__getitem__, numbers) if answers.now(one.staged.moment)]
        return [*sorted(self._own_of(answers, people), key=lambda o: o.pressing), *found] if self._own else found

    def _own_of(self, answers: Answers, people: Vocabulary) -> Iterator[On]:
        mine = self._own.keys() & answers.facts.told.keys()
        if not mine:
            return
        own = own_dates(answers.facts, people)
        for trait in mine:
            for when, scenes in self._own[trait].items():
                phase = when.phase_on(self._today, own)
                if phase is None:
                    continue
                for staged in scenes:
                    if (
                        staged.spec.meets_at(self._touchpoint, phase[0])
                        and (staged.who is None or answers.holds(staged.who))
                        and answers.now(staged.moment)
                    ):
                        yield On(staged, *phase, self._today)


class Stage:
    """All live scenes made ready over one shelf; the same for everybody.

    Attributes:
        scenes: in any order.
        people: what their conditions may speak of.
        zone: the shop's.
        around: the stores and the weather; kept fresh by whoever keeps the stage.
    """

    def __init__(self, scenes: Sequence[Staged], shelf: Shelf, people: Vocabulary, zone: str) -> None:
        self.scenes = scenes
        self.shelf = shelf
        self.people = people
        self.zone = zone
        self.around = NOWHERE
        self._rosters: dict[tuple[str, int], Roster] = {}

    def roster(self, touchpoint: str, today: int) -> Roster:
        """Who is on at a touchpoint on a day; made once."""
        key = (touchpoint, today)
        found = self._rosters.get(key)
        if found is None:
            if len(self._rosters) >= ROSTERS:
                self._rosters = {}
            found = self._rosters[key] = Roster(self.scenes, touchpoint, today)
        return found

    def warm(self, today: int) -> None:
        """Look all goods up and make the day's rosters now rather than for the first who comes."""
        for staged in self.scenes:
            for floor in staged.floors:
                _ = floor.goods
        for touchpoint in ("page", "feed"):
            self.roster(touchpoint, today)


def own_dates(facts: Facts, people: Vocabulary) -> Own:
    """A person's own dates by trait: exact days; a yearly day as that of 1904, a leap year long ago."""
    found: dict[str, int] = {}
    for name, (lo, hi, _) in facts.told.items():
        trait = people.traits.get(name)
        if trait is None or lo != hi:
            continue
        if trait.type == "day":
            found[name] = lo
        elif trait.type == "yearly":
            found[name] = to_day(date(1904, *yearly_month_day(lo)))
    return found
