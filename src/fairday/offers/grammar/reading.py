"""A promotion's tree to its rule, or every problem in it with line, column, key and remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Final, Literal

import msgspec
from yaml.nodes import Node, ScalarNode

from fairday.kernel.audience import Vocabulary
from fairday.kernel.clock import day_start, to_day
from fairday.kernel.clock import zone as zone_of
from fairday.kernel.errors import FairdayError
from fairday.kernel.yamltree import Tree, join
from fairday.offers.grammar.giving import At, Giving
from fairday.offers.grammar.keys import (
    BENEFIT,
    KEYS,
    MAIN,
    NEED,
    SCENES_OWN,
    WEEKDAYS,
    usual_layer,
)
from fairday.offers.model import ALL, LAYERS, Benefit, Goods, Limits, Need, Rule, When
from fairday.offers.pricing import Book

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,79}")
_HOURS: Final = re.compile(r"(\d{1,2}):(\d{2})\s*(?:\.\.|-)\s*(\d{1,2}):(\d{2})")
_INSTANT: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2})(?::(\d{2}(?:\.\d{1,3})?)Z)?)?")
MOST: Final = 1_000
"""Elements of one list."""


class Reading(Giving):
    """One pass over a promotion's keys.

    Args:
        people: what ``who`` and ``unless`` may speak of.
        goods: what conditions over goods may speak of.
        zone: the shop's, for ``from`` and ``until``.
        scene: the promotion is an offer of a scene, which says when, for how much and under which name.
    """

    def __init__(
        self, tree: Tree, people: Vocabulary, goods: Vocabulary, currency: str, zone: str = "UTC", scene: bool = False
    ) -> None:
        super().__init__(tree, goods, currency)
        self.people, self.zone, self.scene = people, zone, scene

    def rule(self, node: Node, path: str, name: str = "") -> Rule | None:
        """The rule at a node; None where a problem was noted.

        Args:
            name: its id where the text has none; "" and no scene: it must have one.
        """
        before = len(self.tree.problems)
        known = [k for k in KEYS if k not in SCENES_OWN] if self.scene else KEYS
        needed = () if self.scene or name else ("promotion",)
        keys = self.tree.mapping(node, path, known, needed)
        if not keys:
            return None
        self._misspelt = len(self.tree.problems) > before + (needed != () and "promotion" not in keys)
        read = At(keys, path)
        goods = read("goods", self.selection, ALL)
        needs, benefits = self._needs(read, goods), self._benefits(read, node, path, goods)
        limits = Limits(
            amount=read("budget", self.cash(self.currency, nothing=True), None),
            uses=read("uses", self.count(0), None),
            day_amount=read("day_budget", self.cash(self.currency, nothing=True), None),
            day_uses=read("day_uses", self.count(0), None),
            person_uses=read("person_uses", self.count(0), None),
            purse=read("purse", self.word, ""),
        )
        tags, combines = self._together(read)
        rule = Rule(
            id=read("promotion", self._name, name),
            benefits=tuple(benefits),
            title=read("title", self.by_language, {}),
            when=self._when(read, tuple(needs)),
            priority=read("priority", self._priority, 0),
            group=read("group", self.word, ""),
            per=read("group_by", self.among(("order", "line")), "order") or "order",
            alone=read("alone", self.yes, False),
            tags=tags,
            combines=combines,
            limits=limits,
            borne=read("borne", self.whole(0, 100), 100),
            source=read("source", self.word, ""),
        )
        layer = read("layer", self.among(LAYERS), None) or usual_layer(rule, goods)
        rule = msgspec.structs.replace(rule, layer=layer)
        if len(self.tree.problems) == before:
            self._possible(rule, node, keys, path)
        return rule if len(self.tree.problems) == before else None

    # ---- what it asks ------------------------------------------------------------------------------------------------

    def _needs(self, read: At, goods: Goods) -> list[Need]:
        here = {"units": "items", "spend": "spend", "spend_after": "spend_after", "line_units": "items_of_one"}
        takes_part = "repeat" in read.keys and "tiers" not in read.keys
        found = {
            name: read(key, self.count(0) if "items" in key else self.cash(self.currency, nothing=True), 0)
            for name, key in here.items()
            if key in read.keys and not (takes_part and key in ("spend", "items"))
        }
        needs = [Need(goods=goods, **_known(found))] if found else []
        if "needs" in read.keys:
            path = read.path_of("needs")
            for child, inside in self.tree.items(read.keys["needs"], path, 20):
                one = At(self.tree.mapping(child, inside, ("goods", *NEED)), inside)
                asked = {
                    name: one(key, self.count(0) if "items" in key else self.cash(self.currency, nothing=True), 0)
                    for name, key in here.items()
                }
                needs.append(Need(goods=one("goods", self.selection, goods), **_known(asked)))
        return needs

    def _benefits(self, read: At, node: Node, path: str, goods: Goods) -> list[Benefit]:
        benefits = self.given(read.keys, path, goods, spends=True)
        if "benefits" in read.keys:
            if benefits:
                self.tree.problem(
                    read.keys["benefits"], read.path_of("benefits"), "What it gives stands here and beside it.",
                    "Write all of it into benefits, or none.", code="one_of",
                )  # fmt: skip
            for child, inside in self.tree.items(read.keys["benefits"], read.path_of("benefits"), 12):
                keys = self.tree.mapping(child, inside, ("goods", *BENEFIT))
                own = self.selection(keys["goods"], join(inside, "goods")) if "goods" in keys else goods
                found = self.given(keys, inside, own, spends=False)
                if len(found) != 1 and keys:
                    self._nothing(child, inside)
                benefits += found
        elif not benefits and not self._misspelt and not any(key in read.keys for key in BENEFIT):
            self._nothing(node, path)
        return benefits

    def _nothing(self, node: Node, path: str) -> None:
        what = ", ".join([k for k in MAIN if k != "repeat"] + ["free_shipping", "gift", "points"])
        self.tree.problem(node, path, "An offer gives exactly one thing off, or something beside it.",
                          f"Write one of: {what}.", code="one_of")  # fmt: skip

    def _when(self, read: At, needs: tuple[Need, ...]) -> When:
        start = read("from", self._instant("from"), None)
        end = read("until", self._instant("until"), None)
        if start is not None and end is not None and end <= start:
            self.tree.problem(read.keys["until"], read.path_of("until"), "It ends before it begins.",
                              "Write a later day.")  # fmt: skip
        return When(
            needs=needs,
            who=read("who", self._people, "") or "",
            unless=read("unless", self._people, "") or "",
            channels=read("channel", self.words_of, frozenset()),
            stores=read("store", self.words_of, frozenset()),
            countries=read("country", self.words_of, frozenset()),
            payment_methods=read("pay_with", self.words_of, frozenset()),
            hours=read("hours", self._hours, ()),
            weekdays=read("weekdays", self._weekdays, frozenset()),
            first_order=read("first_order", self.yes, False),
            coupon=read("by_coupon", self.yes, False),
            scene=read("scene", self.word, ""),
            start=start,
            end=end,
        )

    def _people(self, node: Node, key: str) -> str | None:
        return self.holds(node, key, self.people)

    def _together(self, read: At) -> tuple[frozenset[str], frozenset[str] | None]:
        if "stack" in read.keys:
            for other in ("tags", "combines"):
                if other in read.keys:
                    self.tree.problem(read.keys[other], read.path_of(other), f"stack says already what {other} says.",
                                      "Keep one of them.", code="one_of")  # fmt: skip
            word = read("stack", self.slug, None)
            both = frozenset({word} if word else ())
            return both, both
        tags = read("tags", self.words_of, frozenset())
        return tags, read("combines", self._combines, frozenset() if self.scene else None)

    def _combines(self, node: Node, key: str) -> frozenset[str] | None:
        if isinstance(node, ScalarNode) and node.value in ("anything", "nothing"):
            return None if node.value == "anything" else frozenset()
        return self.words_of(node, key)

    # ---- values ------------------------------------------------------------------------------------------------------

    def _name(self, node: Node, key: str) -> str:
        name = self.tree.text_of(node, key, "The promotion's name") or ""
        if name and (not _ID.fullmatch(name) or name.startswith("scene/")):
            slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "my-promotion"
            self.tree.problem(
                node, key, "A promotion's name has letters, digits, dots, slashes and hyphens, at most 80.",
                f"Write {slug}.",
            )  # fmt: skip
        return name

    def _priority(self, node: Node, key: str) -> int:
        text = self.tree.text_of(node, key, "A whole number")
        if text is not None and not re.fullmatch(r"-?\d{1,9}", text):
            self.tree.problem(node, key, f"{text!r} is not a whole number.", "Write 10.")
            return 0
        return int(text or 0)

    def _hours(self, node: Node, key: str) -> tuple[tuple[int, int], ...]:
        found = []
        for child, path in self.tree.items(node, key, 24):
            text = self.tree.text_of(child, path, "Hours")
            hours = _HOURS.fullmatch(text.strip()) if text else None
            ends = [int(hours[i]) * 60 + int(hours[i + 1]) for i in (1, 3)] if hours else []
            if hours and int(hours[2]) < 60 and int(hours[4]) < 60 and ends[0] < 1440 and ends[1] <= 1440:
                found.append((ends[0], ends[1]))
            elif text is not None:
                self.tree.problem(child, path, f"{text!r} are no hours of a day.", "Write 10:00..14:00.")
        return tuple(found)

    def _weekdays(self, node: Node, key: str) -> frozenset[int]:
        read = self.among(WEEKDAYS)
        found = [read(child, path) for child, path in self.tree.items(node, key, 7)]
        return frozenset(WEEKDAYS.index(day) for day in found if day is not None)

    def _instant(self, end: Literal["from", "until"]) -> Callable[[Node, str], int | None]:
        def read(node: Node, key: str) -> int | None:
            text = self.tree.text_of(node, key, "A day")
            found = _INSTANT.fullmatch(text.strip()) if text else None
            try:
                if found:
                    return self._at(found, end)
            except ValueError:
                pass
            if text is not None:
                self.tree.problem(node, key, f"{text!r} is no day or instant.",
                                  "Write 2026-11-27, or 2026-11-27 18:00.")  # fmt: skip
            return None

        return read

    def _at(self, found: re.Match[str], end: str) -> int:
        day = date.fromisoformat(found[1])
        if found[3] is not None:
            seconds, _, part = found[3].partition(".")
            at = datetime.fromisoformat(f"{found[1]}T{found[2]}:{seconds}").replace(tzinfo=UTC)
            return round(at.timestamp()) * 1000 + int(part.ljust(3, "0") or 0)
        if found[2] is not None:
            local = datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=zone_of(self.zone))
            return round(local.timestamp()) * 1000
        return day_start(to_day(day) + (end == "until"), self.zone)

    # ---- the whole ---------------------------------------------------------------------------------------------------

    def _possible(self, rule: Rule, node: Node, keys: Mapping[str, Node], path: str) -> None:
        """What only the book can tell: that these keys make a rule together."""
        try:
            Book([msgspec.structs.replace(rule, id="offer")], people=self.people, goods=self.goods,
                 currency=self.currency)  # fmt: skip
        except FairdayError as error:
            name = error.where.rpartition(".")[2]
            self.tree.problem(keys.get(name, node), join(path, name) if name in keys else path, error.message,
                              error.remedy, code=error.code)  # fmt: skip


def _known(values: Mapping[str, int | None]) -> dict[str, int]:
    return {name: value or 0 for name, value in values.items()}
