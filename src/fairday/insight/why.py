"""Why: why ids are one person, which scenes meet them now and which do not, what is held back, how goods are ranked.

Everything is told in ``kernel.trace`` steps: codes with plain parameters, which pages and the command line turn into
sentences. Nothing is recorded, and nothing is told that the choice itself does not go by.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection

from fairday.kernel.audience import Audience, Facts, Vocabulary
from fairday.kernel.audience.explain import explain
from fairday.kernel.clock import local_day
from fairday.kernel.errors import NotFound
from fairday.kernel.settings import Settings
from fairday.kernel.trace import Step, Trace
from fairday.people import identity
from fairday.reach import outbox
from fairday.reach.mailing import GOODS_A_FLOOR, Reachable, reachable
from fairday.scenes.arms import occasion_key
from fairday.scenes.choice import MESSAGES, Choice, Met, Person, choose, moment_of
from fairday.scenes.columns import Goods
from fairday.scenes.loading import load_person
from fairday.scenes.moment import moment_vocabulary, store_of
from fairday.scenes.shelf import Shelf
from fairday.scenes.spec import Words
from fairday.scenes.stage import Stage, Staged, StagedFloor
from fairday.scenes.taste import Taste

DETAILED = 60
"""So many scenes that are not for somebody have their conditions taken apart, unless one is asked about."""

GOODS = 8
"""Goods of a floor that are told of on pages."""


class SceneWhy(msgspec.Struct, frozen=True):
    """Why a scene meets somebody or not.

    Attributes:
        scene, title: which.
        outcome: ``shown``, ``withheld``, or the first no: ``not_now``, ``not_here``, ``not_for_them``,
            ``not_this_moment``, ``no_room``, ``no_goods``.
        trace: the way there: when, where, for whom (conditions part by part), arm, floors, goods.
    """

    scene: str
    title: Words
    outcome: str
    trace: Trace


class Why(msgspec.Struct, frozen=True):
    """Everything there is to say of one person at one touchpoint.

    Attributes:
        person: their number, None for a stranger.
        touchpoint, at: where, and when (ms).
        joined: why their ids are one person, oldest link first.
        scenes: shown first, then withheld, then the others by name.
    """

    person: int | None
    touchpoint: str
    at: int
    joined: Trace
    scenes: tuple[SceneWhy, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "person": self.person,
            "touchpoint": self.touchpoint,
            "at": self.at,
            "joined": self.joined.plain(),
            "scenes": [
                {"scene": s.scene, "outcome": s.outcome, "trace": s.trace.plain()} for s in self.scenes
            ],
        }  # fmt: skip


def why(
    conn: Connection,
    stage: Stage,
    goods: Vocabulary,
    settings: Settings,
    person: int | None,
    touchpoint: str,
    now: int,
    *,
    scene: str | None = None,
    good: str | None = None,
) -> Why:
    """Why a person meets what they meet at a touchpoint at an instant (ms), and not what they do not.

    Args:
        goods: what conditions on goods may speak of.
        scene: tell of this live scene only.
        good: tell of this product on every floor, too.

    Raises:
        NotFound: no such scene is live, or no such product is sold.
    """
    asked = [s for s in stage.scenes if scene is None or s.spec.scene == scene]
    if scene is not None and not asked:
        raise NotFound(f"No scene {scene!r} is live.", code="no_live_scene", remedy="List them: fairday scenes.")
    place = None if good is None else stage.shelf.place(good)
    if good is not None and place is None:
        raise NotFound(f"There are no goods {good!r}.", code="no_goods", remedy="Name a product by its number.")
    loaded = load_person(conn, person, now)
    message = touchpoint in MESSAGES
    written = reachable(conn, [person], settings, now).get(person) if message and person is not None else None
    if message:  # each scene writes its own mail, whatever the others show
        choices = [
            choose(loaded, touchpoint, now, stage, channel=None if written is None else written.channel,
                   scene=staged.spec.scene, per_floor=GOODS_A_FLOOR, explain=True)
            for staged in asked
        ]  # fmt: skip
    else:  # room and goods are taken by all scenes together, so that all are asked even where one is told of
        choices = [choose(loaded, touchpoint, now, stage, per_floor=GOODS, explain=True)]
    choice = Choice(
        touchpoint=touchpoint,
        shown=[met for one in choices for met in one.shown],
        withheld=[met for one in choices for met in one.withheld],
        trace=Trace(tuple(step for one in choices for step in one.trace.steps)),
    )
    teller = _Teller(conn, stage, goods, loaded, choice, written, now, place)
    scenes = [teller.scene(staged) for staged in asked]
    ranks = {m.spec.scene: n for n, m in enumerate((*choice.shown, *choice.withheld))}
    scenes.sort(key=lambda s: (ranks.get(s.scene, len(ranks)), s.scene))
    return Why(person, touchpoint, now, joined(conn, person), tuple(scenes))


def joined(conn: Connection, person: int | None) -> Trace:
    """Why a person's ids are one person: a step a link, its code the rule, with both ids, evidence and instant."""
    links = [] if person is None else identity.why(conn, person)
    return Trace(tuple(Step(w.code, {**w.params, "at": w.at, "message_id": w.message_id, "pos": w.pos}) for w in links))


class _Teller:
    """Tells of one scene after the other for one person."""

    def __init__(
        self,
        conn: Connection,
        stage: Stage,
        goods: Vocabulary,
        person: Person,
        choice: Choice,
        written: Reachable | None,
        now: int,
        place: int | None,
    ) -> None:
        self._conn = conn
        self._stage = stage
        self._goods = goods
        self._person = person
        self._choice = choice
        self._written = written
        self._now = now
        self._place = place
        self._today = local_day(now, stage.zone)
        self._met = {m.spec.scene: m for m in (*choice.shown, *choice.withheld)}
        self._steps: dict[str, list[Step]] = {}
        for step in choice.trace.steps:
            self._steps.setdefault(step.params["scene"], []).append(step)
        self._taste: Taste | None = None
        self._detailed = 0

    def scene(self, staged: Staged) -> SceneWhy:
        name, met = staged.spec.scene, self._met.get(staged.spec.scene)
        last = self._steps[name][-1]
        steps: list[Step] = []
        if last.code == "not_now":
            steps.append(Step("not_now"))
        else:
            phase = met.phase if met is not None else str(last.params.get("phase", ""))
            last_day = met.last_day if met is not None and met.anchor else None
            steps.append(Step("now", {"phase": phase, "last_day": last_day}))
            if last.code == "not_here":
                steps.append(Step("not_here", {"touchpoint": self._choice.touchpoint}))
        if last.code not in ("not_now", "not_here"):
            steps += self._whom(staged, last.code)
        if last.code in ("no_room", "no_goods"):
            steps.append(Step(last.code))
        if met is not None:
            steps += self._verdict(met)
            steps += self._floors(staged, met)
        outcome = last.code if met is None else "withheld" if met.withheld else "shown"
        return SceneWhy(name, staged.spec.title, outcome, Trace(tuple(steps)))

    def _whom(self, staged: Staged, code: str) -> list[Step]:
        if code == "not_for_them":
            self._detailed += 1
            if self._detailed > DETAILED:
                return [Step("who", {"holds": False})]
        steps = [Step("everyone")]
        if staged.who is not None:
            steps = [Step("who", {"holds": code != "not_for_them"})]
            steps += self._parts(staged.who, self._person.facts, self._stage.people)
        if staged.moment is not None and code != "not_for_them":
            steps.append(Step("moment", {"holds": code != "not_this_moment"}))
            moment = moment_of(self._person, self._now, self._stage)
            steps += self._parts(staged.moment, moment, moment_vocabulary())
        return steps

    def _parts(self, condition: Audience, facts: Facts, words: Vocabulary) -> list[Step]:
        return explain(condition, facts, self._today, words)

    def _verdict(self, met: Met) -> list[Step]:
        steps: list[Step] = []
        if met.spec.guard.holdout or met.arm != "treated":
            steps.append(Step("arm", {"arm": met.arm, "holdout": met.spec.guard.holdout / 1000,
                                      "recorded": met.new_arm is None}))  # fmt: skip
        if self._written is None and self._choice.touchpoint == "email":
            return [*steps, Step("no_address")]
        if met.withheld:
            return [*steps, Step("withheld", {"reason": met.withheld, "until": met.until})]
        if self._written is not None:
            ids = [a.identifier for a in self._written.addresses]
            if outbox.settled_for(self._conn, met.spec.scene, [occasion_key(met.phase, met.occasion)], ids):
                return [*steps, Step("already_sent", {"phase": met.phase})]
        return [*steps, Step("shown", {"phase": met.phase})]

    def _floors(self, staged: Staged, met: Met) -> list[Step]:
        steps: list[Step] = []
        found = {f.number: f for f in met.floors}
        missing = {s.params["floor"]: s.code for s in self._steps[staged.spec.scene] if "floor" in s.params}
        for number, ready in enumerate(staged.floors, 1):
            floor, code = found.get(number), missing.get(number, "no_room")
            about = {"floor": number, "title": msgspec.to_builtins(ready.floor.title), "rank": ready.floor.rank}
            steps.append(Step("floor" if floor is not None else "floor_" + code.removeprefix("floor_"), about))
            if ready.who is not None and (floor is not None or code == "floor_not_for_them"):
                steps += self._parts(ready.who, self._person.facts, self._stage.people)
            if ready.unless is not None and code == "floor_kept_from_them":
                steps += self._parts(ready.unless, self._person.facts, self._stage.people)
            for rank, good in enumerate(floor.goods if floor is not None else (), 1):
                steps.append(Step("good", {
                    "floor": number, "rank": rank, "product": good.product.product, "title": good.product.title,
                    "score": good.score, "reason": {"code": good.reason.code, "params": dict(good.reason.params)},
                }))  # fmt: skip
            if self._place is not None:
                shown = floor is not None and any(
                    g.product.product == self._stage.shelf.products[self._place].product for g in floor.goods
                )
                steps += self._good(ready, number, self._place, shown)
        return steps

    def _good(self, ready: StagedFloor, number: int, place: int, shown: bool) -> list[Step]:
        """Why one product is where it is on a floor: its condition, its rank among all that fit, its score's parts."""
        shelf = self._stage.shelf
        product = shelf.products[place]
        about: dict[str, Any] = {"floor": number, "product": product.product, "title": product.title}
        store = store_of(self._person.lately, self._stage.around, self._now)
        goods = ready.goods_for(store, self._stage.around)
        if not bool(goods.among(np.array([place]))[0]):
            parts = self._parts(ready.condition, shelf.facts(place), self._goods)
            return [Step("good_not_on_floor", about), *parts]
        if self._taste is None:
            self._taste = shelf.liking(self._person.person, self._person.facts, self._today)
        personal = ready.floor.rank == "personal"
        worth = (shelf.personal(self._taste) if personal else shelf.order(ready.floor.rank)).worth
        about |= {"of": goods.count, "rank": _rank(worth, goods, place), "score": round(float(worth[place]), 6)}
        step = Step("good_shown" if shown else "good_below", about)
        return [step, *(_score(shelf, place, self._taste) if personal else [])]


def _rank(worth: Any, goods: Goods, place: int) -> int:
    """The place of a product among all goods of a floor, before variety and what stands above."""
    places = goods.all_places()
    mine = worth[place]
    return 1 + int(np.count_nonzero(worth[places] > mine) + np.count_nonzero(worth[places[places < place]] == mine))


def _score(shelf: Shelf, place: int, of: Taste) -> list[Step]:
    return [
        Step("score_part", {"worth": round(worth, 6), "reason": {"code": step.code, "params": dict(step.params)}})
        for worth, step in shelf.parts(place, of)
    ]
