"""Reading a scene: YAML text to a ``SceneSpec``, or every problem in it with line, column, key and remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode

from fairday.kernel.audience import Vocabulary
from fairday.kernel.clock import to_day
from fairday.kernel.errors import FairdayError
from fairday.kernel.festivals import Phase, check_phases, festival, phase
from fairday.kernel.yamltree import Problem, Tree, did_you_mean, join
from fairday.kernel.yamlvalues import NAME
from fairday.offers.grammar import Reading as Promotion
from fairday.scenes import conditions
from fairday.scenes.spec import (
    METRICS,
    RANKS,
    THEMES,
    TOUCHPOINTS,
    Floor,
    Goal,
    GroupBuy,
    Guard,
    Look,
    Message,
    Offer,
    Place,
    SceneSpec,
    Span,
    When,
    Words,
)
from fairday.scenes.values import Values

GRAMMAR: Final[dict[str, tuple[str, ...]]] = {
    "": ("scene", "title", "when", "who", "what", "offer", "play", "where", "guard", "goal", "message"),
    "when": ("festival", "dates", "phases", "moment"),
    "what": ("look", "floors"),
    "what.look": ("who", "unless", "theme", "greeting"),
    "what.floors": ("title", "who", "unless", "moment", "goods", "rank", "variety"),
    "offer": ("coupon",),
    "play": ("group-buy",),
    "play.group-buy": ("size", "price", "hours"),
    "play.group-buy.price": ("percent_off", "off", "becomes"),
    "guard": ("budget", "per_person", "holdout"),
    "goal": ("metric", "within"),
    "message": ("subject", "body"),
}
"""Every key a scene may hold, by the path of what it stands in. docs/merchants/scenes.md explains each; an offer is a
promotion (``fairday.offers.grammar``, docs/merchants/promotions.md) without what the scene says for all of them."""

COUPON = ("coupon", "spend", "items", "goods", "stack")
"""What may stand beside a coupon; its terms are those of its batch."""

_PHASE_NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")
_DATES = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\s*\.\.\s*(\d{4}-\d{2}-\d{2}))?")


def parse_scene(
    text: str | bytes, vocabulary: Vocabulary, *, goods: Vocabulary | None = None, file: str = "scene.yaml"
) -> tuple[SceneSpec | None, list[Problem]]:
    """Read a scene.

    Args:
        text: YAML, at most 1 MB.
        vocabulary: what ``who`` and ``unless`` may speak of.
        goods: what ``goods`` may speak of; the usual traits of goods when left out.
        file: the name problems carry.

    Returns:
        The spec and no problem, or None and every problem found, in the order of the file.
    """
    reading = _Reading(Tree(text, file), vocabulary, goods or conditions.goods_vocabulary(vocabulary.currency))
    spec = reading.scene()
    problems = sorted(set(reading.tree.problems))
    return (None, problems) if problems else (spec, [])


def _near(node: Node) -> str | None:
    """The moment that ``near_store(5km)`` stands for, or None where something else is written."""
    found = re.fullmatch(r"\s*near_store\(\s*(\d{1,4})\s*km\s*\)\s*", str(node.value))
    return f"km_to_store <= {int(found[1])}" if found else None


class _Reading(Values):
    """One pass over the tree, key by key."""

    def scene(self) -> SceneSpec | None:
        root = self.tree.root
        if root is None:
            return None
        keys = self._keys(root, "", ("scene", "title", "when"))
        if not keys:
            return None
        when = self._when(keys["when"]) if "when" in keys else When()
        spec: dict[str, Any] = {
            "scene": self._one(keys, "scene", self._name, ""),
            "title": self._one(keys, "title", self.words, Words()),
            "when": when,
            "who": self._one(keys, "who", self.who, None),
            **self._one(keys, "what", self._what, {}),
            "offers": self._one(keys, "offer", self._offers, ()),
            "group_buy": self._one(keys, "play", self._play, None),
            "where": self._where(keys["where"], when.names) if "where" in keys else (),
            "guard": self._one(keys, "guard", self._guard, Guard()),
            "goal": self._one(keys, "goal", self._goal, None),
            "message": self._one(keys, "message", self._message, Message()),
        }
        if "offer" in keys and not self.tree.problems:
            self._one_purse(keys, spec)
        return None if self.tree.problems else SceneSpec(**spec)

    # ---- parts ---------------------------------------------------------------------------------------------------

    def _name(self, node: Node, key: str) -> str:
        name = self.tree.text_of(node, key, "The scene's name") or ""
        if name and not NAME.fullmatch(name):
            slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "my-scene"
            self.tree.problem(
                node, key, "A scene's name has small letters, digits and hyphens, at most 60.", f"Write {slug}."
            )
        return name

    def _when(self, node: Node) -> When:
        if isinstance(node, ScalarNode):
            if node.value != "always":
                self.tree.problem(
                    node, "when", f"{node.value!r} is no time.",
                    "Write always, or festival: … or dates: … or moment: … below it.",
                )  # fmt: skip
            return When()
        keys = self._keys(node, "when")
        if not keys:
            return When()
        dated = ("festival" in keys) + ("dates" in keys)
        if dated != 1 and (dated or "moment" not in keys):
            self.tree.problem(node, "when", "Exactly one of festival and dates stands here.",
                              "A moment may stand alone.", code="one_of")  # fmt: skip
        elif not dated and "phases" in keys:
            self.tree.problem(keys["phases"], "when.phases", "Phases count from a festival or from dates.",
                              "Add festival: … or dates: …, or leave phases out.")  # fmt: skip
        name = self._one(keys, "when.festival", self._festival, None)
        first, last = self._one(keys, "when.dates", self._dates, (None, None))
        phases = self._one(keys, "when.phases", self._phases, ())
        moment = self._one(keys, "when.moment", self.moment, None)
        if (
            first is not None
            and last is not None
            and phases
            and (phases[0].first < 0 or phases[-1].last > last - first)
        ):
            remedy = f"Phases of dates count from the first day: 0d..{last - first}d."
            self.tree.problem(keys["phases"], "when.phases", "A phase lies outside the dates.", remedy)
        return When(name, first, last, phases, moment)

    def _festival(self, node: Node, key: str) -> str | None:
        name = self.tree.text_of(node, key, "A festival's name")
        if name is None:
            return None
        try:
            trait = festival(name).own_trait
        except FairdayError as error:
            self.tree.problem(node, key, error.message, error.remedy, code=error.code)
            return None
        known = {n for n, t in self.people.traits.items() if t.type in ("day", "yearly")}
        if trait is not None and trait not in known:
            message = f"No date {trait!r} is known of people."
            self.tree.problem(
                node, key, message, did_you_mean(name, sorted(f"own.{n}" for n in known)), code="unknown_festival"
            )
        return name

    def _dates(self, node: Node, key: str) -> tuple[int | None, int | None]:
        text = self.tree.text_of(node, key, "Dates")
        found = _DATES.fullmatch(text.strip()) if text else None
        remedy = "Write 2026-12-01..2026-12-24."
        try:
            if found:
                first = to_day(date.fromisoformat(found[1]))
                last = to_day(date.fromisoformat(found[2] or found[1]))
                if first <= last:
                    return first, last
                self.tree.problem(node, key, "The dates end before they begin.", f"Write {found[2]}..{found[1]}.")
                return None, None
        except ValueError:
            self.tree.problem(node, key, f"{text!r} names a day that does not exist.", remedy)
            return None, None
        if text:
            self.tree.problem(node, key, f"{text!r} is not a stretch of dates.", remedy)
        return None, None

    def _phases(self, node: Node, key: str) -> tuple[Span, ...]:
        phases: list[Phase] = []
        nodes: dict[str, Node] = {}
        for name, value in self.tree.mapping(node, key, None).items():
            path = join(key, name)
            text = self.tree.text_of(value, path, "A stretch of days")
            if not _PHASE_NAME.fullmatch(name):
                self.tree.problem(value, path, "A phase's name has small letters, digits and hyphens.", "Write burst.")
            elif text is not None:
                try:
                    phases.append(phase(name, text))
                    nodes[name] = value
                except FairdayError as error:
                    self.tree.problem(value, path, error.message, error.remedy, code=error.code)
        if len(phases) > 12:
            self.tree.problem(node, key, "At most 12 phases stand here.", code="too_many")
        try:
            check_phases(phases)
        except FairdayError as error:
            self.tree.problem(nodes[error.where], join(key, error.where), error.message, error.remedy, code=error.code)
        return tuple(Span(p.name, p.first, p.last) for p in phases)

    def _what(self, node: Node, key: str) -> dict[str, Any]:
        looks = isinstance(node, MappingNode) and any(k.value == "look" for k, _ in node.value)
        keys = self._keys(node, key, () if looks else ("floors",))
        return {
            "looks": self._one(keys, "what.look", self._looks, ()),
            "floors": self._one(keys, "what.floors", self._floors, ()),
        }

    def _looks(self, node: Node, key: str) -> tuple[Look, ...]:
        return tuple(self._look(n, path) for n, path in self.tree.items(node, key, 12))

    def _look(self, node: Node, path: str) -> Look:
        keys = self._keys(node, path)
        if keys and "theme" not in keys and "greeting" not in keys:
            self.tree.problem(node, path, "This look changes nothing.", "Add theme: … or greeting: …")
        return Look(
            who=self._one(keys, f"{path}.who", self.who, None),
            unless=self._one(keys, f"{path}.unless", self.who, None),
            theme=self._one(keys, f"{path}.theme", self.among(THEMES), "plain"),
            greeting=self._one(keys, f"{path}.greeting", self.words, Words()),
        )

    def _floors(self, node: Node, key: str) -> tuple[Floor, ...]:
        return tuple(self._floor(n, path) for n, path in self.tree.items(node, key, 20))

    def _floor(self, node: Node, path: str) -> Floor:
        keys = self._keys(node, path, ("title", "goods"))
        # Where somebody is belongs to the moment: who: near_store(5km) is short for it.
        near = _near(keys["who"]) if "who" in keys and "moment" not in keys else None
        goods, in_store = self._one(keys, f"{path}.goods", self.goods_there, ("", False))
        return Floor(
            title=self._one(keys, f"{path}.title", self.words, Words()),
            goods=goods,
            in_store=in_store,
            who=None if near else self._one(keys, f"{path}.who", self.who, None),
            unless=self._one(keys, f"{path}.unless", self.who, None),
            moment=near or self._one(keys, f"{path}.moment", self.moment, None),
            rank=self._one(keys, f"{path}.rank", self.among(RANKS), "personal"),
            variety=self._one(keys, f"{path}.variety", self.between("0", "1"), Decimal(0)),
        )

    def _offers(self, node: Node, key: str) -> tuple[Offer, ...]:
        return tuple(self._offer(n, path) for n, path in self.tree.items(node, key, 20))

    def _offer(self, node: Node, path: str) -> Offer:
        currency = self.people.currency
        if isinstance(node, MappingNode) and any(k.value == "coupon" for k, _ in node.value):
            keys = self.tree.mapping(node, path, COUPON)
            return Offer(coupon=self._one(keys, f"{path}.coupon", self.slug, None), currency=currency)
        promotion = Promotion(self.tree, self.people, self.goods, currency, scene=True)
        return Offer(rule=promotion.rule(node, path), currency=currency)

    def _one_purse(self, keys: Mapping[str, Node], spec: Mapping[str, Any]) -> None:
        """A scene's budget is one counter for all its offers: the uses of one of them cannot be told in it."""
        if spec["guard"].budget is None:
            return
        for (node, path), offer in zip(self.tree.items(keys["offer"], "offer", 20), spec["offers"], strict=True):
            if offer.rule is not None and offer.rule.limits.uses is not None:
                self.tree.problem(
                    node, f"{path}.uses", "The scene's budget counts all its offers together.",
                    "Write day_uses or person_uses here, or leave guard.budget out.", code="one_of",
                )  # fmt: skip

    def _play(self, node: Node, key: str) -> GroupBuy | None:
        play = self._keys(node, key).get("group-buy")
        if play is None:
            return None
        path = "play.group-buy"
        keys = self._keys(play, path, ("size", "price", "hours"))
        price = self._keys(keys["price"], f"{path}.price") if "price" in keys else {}
        if price and len(price) != 1:
            self.tree.problem(keys["price"], f"{path}.price", "A group's price is told one way.", code="one_of")
        amount = self.between("0.01", "100000000")
        return GroupBuy(
            size=self._one(keys, f"{path}.size", self.whole(2, 1000), 2),
            hours=self._one(keys, f"{path}.hours", self.whole(1, 720), 24),
            percent_off=self._one(price, f"{path}.price.percent_off", self.between("0.1", "100"), None),
            off=self._one(price, f"{path}.price.off", amount, None),
            becomes=self._one(price, f"{path}.price.becomes", amount, None),
        )

    def _where(self, node: Node, phases: Sequence[str]) -> tuple[Place, ...]:
        places: dict[str, Place] = {}
        for child, path in self.tree.items(node, "where", 20):
            if isinstance(child, MappingNode):
                for name, value in self.tree.mapping(child, path, TOUCHPOINTS).items():
                    inside = join(path, name)
                    names = [
                        self.among(phases)(n, p if n is not value else inside)
                        for n, p in self.tree.items(value, inside, 12)
                    ]
                    self._place(places, child, path, Place(name, tuple(n for n in names if n)))
            else:
                touchpoint = self.among(TOUCHPOINTS)(child, path)
                if touchpoint:
                    self._place(places, child, path, Place(touchpoint))
        return tuple(places.values())

    def _place(self, places: dict[str, Place], node: Node, path: str, place: Place) -> None:
        if place.touchpoint in places:
            self.tree.problem(
                node, path, f"{place.touchpoint} stands twice.", "List its phases together: {email: [warm-up, burst]}.",
                code="doubled_key",
            )  # fmt: skip
        places[place.touchpoint] = place

    def _guard(self, node: Node, key: str) -> Guard:
        keys = self._keys(node, key)
        return Guard(
            budget=self._one(keys, "guard.budget", self.money, None),
            per_person=self._one(keys, "guard.per_person", self.rate, None),
            holdout=self._one(keys, "guard.holdout", self.percent, 0),
        )

    def _goal(self, node: Node, key: str) -> Goal | None:
        keys = self._keys(node, key, ("metric", "within"))
        metric = self._one(keys, "goal.metric", self.among(METRICS), "")
        return Goal(metric, self._one(keys, "goal.within", self.days, 1))

    def _message(self, node: Node, key: str) -> Message:
        keys = self._keys(node, key)
        return Message(
            self._one(keys, "message.subject", self.template(150, False), Words()),
            self._one(keys, "message.body", self.template(10_000, True), Words()),
        )

    def _keys(self, node: Node, path: str, needed: Iterable[str] = ()) -> dict[str, Node]:
        return self.tree.mapping(node, path, GRAMMAR[re.sub(r"\[\d+\]", "", path)], needed)

    def _one(self, keys: dict[str, Node], path: str, read: Callable[[Node, str], Any], default: Any) -> Any:
        node = keys.get(path.rpartition(".")[2])
        return default if node is None else read(node, path)
