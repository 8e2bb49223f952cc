"""Steps of a *why* in the reader's words, for the console and the command line; and for shoppers of themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairday.insight.why import SceneWhy, Why
from fairday.kernel.audience import TraitDef, Vocabulary, pack
from fairday.kernel.audience.explain import explain
from fairday.kernel.trace import Step
from fairday.scenes.choice import Met, MetFloor, Person
from fairday.scenes.conditions import GOODS_TRAITS
from fairday.scenes.moment import MOMENT_TRAITS
from fairday.scenes.spec import Words
from fairday.scenes.stage import Stage
from fairday.web import desk
from fairday.web.goods import because
from fairday.web.i18n import Tongue

MARKS = {"holds": "yes", "fails": "no", "unknown": "open"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a *why*.

    Attributes:
        text: the sentence; "" where ``code`` says it.
        mark: ``yes``, ``no`` or ``open`` for a part of a condition, else "".
        code: a part of a condition as it is written.
        seen: what it looked at, in words.
        depth: how far it is set in.
        strong: whether it heads what follows.
    """

    text: str
    mark: str = ""
    code: str = ""
    seen: str = ""
    depth: int = 0
    strong: bool = False


class Teller:
    """Turns steps into lines in one reader's language.

    Args:
        traits: what the shop's conditions may speak of.
    """

    def __init__(self, tongue: Tongue, traits: Mapping[str, TraitDef]) -> None:
        self._tongue = tongue
        self._traits = {**GOODS_TRAITS, **MOMENT_TRAITS, **traits}

    def lines(self, scene: SceneWhy) -> list[Line]:
        """A scene's whole trace."""
        return [line for step in scene.trace.steps if (line := self._line(step)) is not None]

    def joined(self, why: Why) -> list[Line]:
        """Why their ids are one person."""
        found = []
        for step in why.joined.steps:
            p = step.params
            a, b = f"{p['type']} {p['value']}", f"{p['other_type']} {p['other_value']}"
            seen = " · ".join(x for x in (p["name"], self._tongue.date(p["at"]), p["message_id"]) if x)
            found.append(Line(self._tongue.plain(f"why.{step.code}", a=a, b=b), seen=seen))
        return found

    def _line(self, step: Step) -> Line | None:
        say, p = self._tongue.plain, step.params
        match step.code:
            case "holds" | "fails" | "unknown":
                text = say(f"trace.{p['join']}") if p["join"] else ""
                seen = ", ".join(self.seen(one) for one in p["seen"])
                return Line(text, MARKS[step.code], p["text"], seen, 1 + p["depth"])
            case "now" if p["last_day"]:
                return Line(say("trace.now.until", phase=p["phase"], day=self._tongue.day(p["last_day"])))
            case "not_here":
                return Line(say("trace.not_here", touchpoint=say(f"touchpoint.{p['touchpoint']}")))
            case "who" | "moment":
                return Line(say(f"trace.{step.code}.{'yes' if p['holds'] else 'no'}"))
            case "arm":
                return Line(say(f"trace.arm.{p['arm']}", share=self._tongue.percent(p["holdout"])))
            case "withheld":
                reason = say(f"reason.{p['reason']}")
                if p["until"] is None:
                    return Line(say("trace.withheld", reason=reason), strong=True)
                until = self._tongue.time(p["until"])
                return Line(say("trace.withheld.until", reason=reason, until=until), strong=True)
            case "shown" | "already_sent" | "no_address":
                return Line(say(f"trace.{step.code}"), strong=True)
            case "good":
                return Line(say("trace.good", **p), seen=self._reason(p["reason"]), depth=1)
            case "score_part":
                worth = self._tongue.number(p["worth"])
                return Line(say("trace.score_part", worth=worth, reason=self._reason(p["reason"])), depth=2)
            case code if code.startswith("floor"):
                title = Words(**p["title"]).get(self._tongue.language)
                return Line(say(f"trace.{code}", **{**p, "title": title}), strong=code == "floor")
            case "good_shown" | "good_below":
                return Line(say(f"trace.{step.code}", **{**p, "score": self._tongue.number(p["score"])}))
            case code:
                return Line(say(f"trace.{code}", **p))

    def _reason(self, reason: Mapping[str, Any]) -> str:
        step = Step(reason["code"], reason["params"])
        return because(self._tongue, step) or self._tongue.plain("trace.reason.in_scene")

    def seen(self, one: Mapping[str, Any]) -> str:
        """What a condition looked at: ``Age: 34``, ``Orders, last 90 days: 2``."""
        say = self._tongue.plain
        if "trait" not in one:
            title = self._measure(one)
            value = one["value"]
            if value is None:
                return say("trace.seen.unknown", title=title)
            shown = self._tongue.money(value) if one["type"] == "money" else self._tongue.number(value)
            return say("trace.seen.trait", title=title, value=shown)
        trait = self._traits.get(one["trait"])
        if trait is None:  # minutes_since:EVENT, in a moment
            title = self._tongue.plain("seen.minutes_since", what=one["trait"].partition(":")[2])
        else:
            title = self._tongue.pick(trait.titles) or trait.name
        if one["texts"] is None and one["lo"] is None and one["hi"] is None:
            return say("trace.seen.unknown", title=title)
        if trait is None:
            value = self._tongue.number(one["lo"] or 0)
        else:
            txt = None if one["texts"] is None else pack(one["texts"]) if trait.type == "texts" else one["texts"][0]
            value = desk.shown(trait, {"lo": one["lo"], "hi": one["hi"], "txt": txt}, self._tongue)
        if one["p"] is None:
            return say("trace.seen.trait", title=title, value=value)
        return say("trace.seen.guess", title=title, value=value, share=self._tongue.percent(one["p"] / 1000))

    def _measure(self, one: Mapping[str, Any]) -> str:
        key = f"seen.{one['measure']}"
        title = self._tongue.plain(key, what=one["what"]) if self._tongue.has(key) else one["measure"]
        return self._tongue.plain("seen.window", title=title, days=one["days"]) if one["days"] else title


# ---- for shoppers ---------------------------------------------------------------------------------------------------


def for_shopper(
    tongue: Tongue, stage: Stage, words: Vocabulary, person: Person, met: Met, floor: MetFloor, today: int, *, own: bool
) -> dict[str, Any]:
    """Why a shopper sees a row, in plain words: for the partial ``why.html``.

    It tells the shopper's own data and nothing else: of a condition those parts that hold because something is known of
    them, never what the merchant compared it with, nor whom the scene leaves out.

    Args:
        own: this device has been shown to be theirs; else nothing that is known is told.
    """
    staged = next((s for s in stage.scenes if s.spec.scene == met.spec.scene), None)
    conditions = [] if staged is None else [staged.who, staged.floors[floor.number - 1].who]
    asked = [c for c in conditions if c is not None]
    known: dict[str, None] = {}
    if own:
        teller = Teller(tongue, words.traits)
        for condition in asked:
            for one in _known(explain(condition, person.facts, today, words)):
                known[teller.seen(one)] = None
    rank = "personal" if staged is None else staged.floors[floor.number - 1].floor.rank
    key = "whyme.known" if known else "whyme.some" if asked else "whyme.everyone"
    return {
        "scene": tongue.plain("whyme.scene", scene=met.spec.title.get(tongue.language)),
        "for": tongue.plain(key),
        "known": list(known),
        "order": tongue.plain(f"whyme.{rank}"),
        "more": own,
    }


def _known(steps: Sequence[Step]) -> Iterable[Mapping[str, Any]]:
    """What was seen by the parts that hold, where there was something to see."""
    negated = -1
    for step in steps:
        depth = step.params["depth"]
        if negated >= 0 and depth <= negated:
            negated = -1
        if step.params["join"] == "not" and negated < 0:
            negated = depth
        if step.code != "holds" or negated >= 0 or step.params["text"].startswith("not "):
            continue
        for one in step.params["seen"]:
            if one.get("value") or one.get("texts") or one.get("lo") is not None or one.get("hi") is not None:
                yield one
