"""The choice: what a person meets at a touchpoint now. Pure over what was loaded; see docs/algorithms/choice.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec
import numpy as np
from numpy.typing import NDArray

from fairday.kernel.audience import Audience, Facts, Vocabulary, parse, yearly_month_day
from fairday.kernel.clock import local_day, to_day
from fairday.kernel.festivals import Own
from fairday.kernel.settings import ContactSettings
from fairday.kernel.trace import Step, Trace
from fairday.people.contact import Asked, Standing, Withheld, may_contact
from fairday.scenes.arms import Arm, Assigned, Meeting, assign, happening
from fairday.scenes.shelf import Good, Shelf, Taste, taste
from fairday.scenes.spec import Floor, SceneSpec, Words, festival_title
from fairday.storage.log import Happening

MESSAGES = frozenset({"email", "sms", "push", "wechat"})
"""Touchpoints that leave the house: the contact rule is asked."""

PER_FLOOR = 12
"""Goods of a floor unless asked for another number."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody as loaded for a choice; a visitor of whom nothing is known is ``Person()``.

    Attributes:
        person: their number, or None.
        facts: what is known of them, activity included.
        identifiers: ids (numbers) they own now.
        arms: arms recorded for them: scene → id → arm.
        taken: ids that carry another person's arm, who owned them then: scene → ids.
    """

    person: int | None = None
    facts: Facts = Facts()
    identifiers: tuple[int, ...] = ()
    arms: Mapping[str, Mapping[int, str]] = {}
    taken: Mapping[str, frozenset[int]] = {}

    def arm(self, spec: SceneSpec) -> Assigned:
        """Their arm in a scene, recorded or new."""
        taken = self.taken.get(spec.scene, frozenset())
        free = [i for i in self.identifiers if i not in taken]
        return assign(spec.scene, spec.guard.holdout, free, self.arms.get(spec.scene, {}))


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


class Staged:
    """A live scene made ready: conditions compiled, goods of each floor looked up.

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
    ) -> None:
        self.spec = spec
        self.version = version
        self.started_at = started_at
        self.who = _compiled(spec.who, people)
        self.floors = [StagedFloor(f, shelf, people, goods, today) for f in spec.floors]


class StagedFloor:
    """A floor made ready: ``candidates`` are places on the shelf."""

    def __init__(self, floor: Floor, shelf: Shelf, people: Vocabulary, goods: Vocabulary, today: int) -> None:
        self.floor = floor
        self.who = _compiled(floor.who, people)
        self.unless = _compiled(floor.unless, people)
        self.candidates: NDArray[np.int64] = shelf.matching(parse(floor.goods, goods), today)


class Stage(msgspec.Struct, frozen=True):
    """All live scenes made ready over one shelf; the same for everybody, and built once a version and day."""

    scenes: Sequence[Staged]
    shelf: Shelf
    people: Vocabulary
    zone: str


class MetFloor(msgspec.Struct, frozen=True):
    """A floor as a person meets it; ``number`` counts from 1 in the scene's file."""

    number: int
    title: Words
    goods: list[Good]


class Met(msgspec.Struct, frozen=True, kw_only=True):
    """A scene a person meets, or would meet were it not ``withheld`` (``holdout``, ``mixed`` or a contact reason).

    Attributes:
        occasion: the anchor day of this round (the festival's day, the first of the dates, or the start).
        last_day: the last day of the phase.
        until: when (ms) a passing reason for withholding ends, or None.
        new_arm: (id, arm) to record, or None.
    """

    spec: SceneSpec
    version: int
    phase: str
    occasion: int
    last_day: int
    floors: list[MetFloor]
    arm: Arm
    new_arm: tuple[int, Arm] | None = None
    withheld: str = ""
    until: int | None = None

    def placeholders(self, today: int, language: str, shop: str, name: str = "") -> dict[str, str]:
        """What fills a message's placeholders (``spec.fill``) on a local day; "" where there is nothing to say.

        ``days_left`` counts to the festival or to the last of the dates; it is "" afterwards, and in a scene that runs
        always.
        """
        when = self.spec.when
        end = self.occasion if when.festival is not None else when.last_day
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
        trace: every live scene's and floor's way in or out.
    """

    touchpoint: str
    shown: list[Met]
    withheld: list[Met]
    trace: Trace

    @property
    def floors(self) -> list[tuple[Met, MetFloor]]:
        """All floors of what is shown, in order."""
        return [(met, floor) for met in self.shown for floor in met.floors]

    def new_arms(self) -> list[tuple[str, int, Arm]]:
        """Arms to record (scene, id, arm), for ``arms.record``."""
        return [(m.spec.scene, *m.new_arm) for m in (*self.shown, *self.withheld) if m.new_arm is not None]

    def exposures(self, who: tuple[str, str], now: int, zone: str) -> list[Happening]:
        """Meetings and would-have-been meetings for the log, written on the id ``who``.

        Of messages only those for the holdout are written as withheld: one that waits for the morning will still come.
        Call it in the transaction that shows the page, plans the message, and records ``new_arms``.
        """
        message = self.touchpoint in MESSAGES
        held = [m for m in self.withheld if m.withheld in ("holdout", "mixed")]
        return [happening(m.meeting(self.touchpoint), who, now, zone, message=message) for m in (*self.shown, *held)]


def choose(
    person: Person,
    touchpoint: str,
    now: int,
    stage: Stage,
    *,
    channel: Channel | None = None,
    scene: str | None = None,
    per_floor: int = PER_FLOOR,
) -> Choice:
    """What a person meets at a touchpoint at an instant (ms).

    Args:
        channel: for touchpoints that are messages; without it no consent is known and all is withheld.
        scene: look at this scene only.
        per_floor: how many goods a floor shows at most.
    """
    today = local_day(now, stage.zone)
    own = own_dates(person.facts, stage.people)
    steps: list[Step] = []
    holding: list[tuple[Staged, str, int, int]] = []
    for staged in stage.scenes:
        spec = staged.spec
        if scene is not None and spec.scene != scene:
            continue
        phase = spec.when.phase_on(today, own)
        if phase is None:
            steps.append(Step("not_now", {"scene": spec.scene}))
        elif not spec.meets_at(touchpoint, phase[0]):
            params = {"scene": spec.scene, "phase": phase[0], "touchpoint": touchpoint}
            steps.append(Step("not_here", params))
        elif staged.who is not None and not staged.who.test(person.facts, today):
            steps.append(Step("not_for_them", {"scene": spec.scene}))
        else:
            occasion = phase[1] if spec.when.festival or spec.when.first_day is not None else 0
            holding.append((staged, phase[0], occasion, phase[2]))
    holding.sort(key=lambda h: _pressing(h[0], h[3]))
    liked = taste(person.facts, today) if holding else Taste()
    scores = stage.shelf.scores(liked) if holding else np.zeros(0)
    shown: list[Met] = []
    withheld: list[Met] = []
    seen: set[str] = set()
    for staged, name, occasion, last_day in holding:
        spec = staged.spec
        assigned = person.arm(spec)
        reason, until = _withheld(spec, assigned.arm, touchpoint, now, channel, stage.zone)
        # What is held back takes no goods from the floors below it: the two arms see those alike.
        taken = frozenset(seen)
        floors = _floors(staged, person.facts, today, stage.shelf, scores, liked, per_floor, taken, steps)
        met = Met(
            spec=spec,
            version=staged.version,
            phase=name,
            occasion=occasion,
            last_day=last_day,
            floors=floors,
            arm=assigned.arm,
            new_arm=None if assigned.identifier is None else (assigned.identifier, assigned.arm),
            withheld=reason,
            until=until,
        )
        if reason:
            withheld.append(met)
            steps.append(Step("withheld", {"scene": spec.scene, "phase": name, "reason": reason, "until": until}))
        else:
            shown.append(met)
            seen.update(g.product.product for f in floors for g in f.goods)
            steps.append(Step("shown", {"scene": spec.scene, "phase": name, "arm": assigned.arm}))
    return Choice(touchpoint=touchpoint, shown=shown, withheld=withheld, trace=Trace(tuple(steps)))


def _withheld(
    spec: SceneSpec, arm: Arm, touchpoint: str, now: int, channel: Channel | None, zone: str
) -> tuple[str, int | None]:
    held = "" if arm == "treated" else arm
    if touchpoint not in MESSAGES:
        return held, None
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


def _floors(
    staged: Staged,
    facts: Facts,
    today: int,
    shelf: Shelf,
    scores: NDArray[np.float64],
    liked: Taste,
    count: int,
    taken: frozenset[str],
    steps: list[Step],
) -> list[MetFloor]:
    """The floors a person meets, no product twice; what is left out goes into ``steps``."""
    found: list[MetFloor] = []
    for number, ready in enumerate(staged.floors, 1):
        floor = ready.floor
        where = {"scene": staged.spec.scene, "floor": number}
        if ready.who is not None and not ready.who.test(facts, today):
            steps.append(Step("floor_not_for_them", where))
            continue
        if ready.unless is not None and ready.unless.test(facts, today):
            steps.append(Step("floor_kept_from_them", where))
            continue
        goods = shelf.pick(ready.candidates, floor.rank, scores, liked, count, float(floor.variety), taken)
        if not goods:
            steps.append(Step("floor_empty", where))
            continue
        taken |= {g.product.product for g in goods}
        found.append(MetFloor(number, floor.title, goods))
    return found


def _pressing(staged: Staged, last_day: int) -> tuple[int, int, int, str]:
    """A person's own day first, then what ends soonest, then what runs always; then the older scene, then the name."""
    when = staged.spec.when
    if when.festival is not None and when.festival.startswith("own."):
        kind = 0
    else:
        kind = 1 if when.festival is not None or when.last_day is not None else 2
    return kind, last_day if kind < 2 else 0, staged.started_at, staged.spec.scene


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


def _compiled(text: str | None, vocabulary: Vocabulary) -> Audience | None:
    return None if text is None else parse(text, vocabulary)
