"""The values of a scene's keys: texts, conditions, numbers, money, rates; each read or its problem noted."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from babel.numbers import list_currencies
from yaml.nodes import MappingNode, Node, ScalarNode

from fairday.kernel import money
from fairday.kernel.audience import AudienceError, Vocabulary, parse
from fairday.kernel.audience.tree import Or
from fairday.kernel.errors import FairdayError
from fairday.kernel.yamltree import Tree, did_you_mean, join
from fairday.kernel.yamlvalues import Scalars
from fairday.scenes.moment import MOMENT_TRAITS, moment_vocabulary
from fairday.scenes.spec import ALL_GOODS, IN_STORE, PLACEHOLDERS, Amount, Rate, Words

_MONEY = re.compile(r"(?:([A-Za-z]{3})\s*([\d,]+(?:\.\d+)?)|([\d,]+(?:\.\d+)?)\s*([A-Za-z]{3}))")
_RATE = re.compile(r"(\d{1,3})\s*/\s*(day|week)")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d)?)\s*%")
_WITHIN = re.compile(r"(\d{1,3})\s*(d|w)")
_IN_STORE = re.compile(r"\s*in_store\(\s*nearest\s*\)(\s+and\s+(.+?)\s*)?", re.DOTALL)
_CURRENCIES = frozenset(list_currencies())


class Values(Scalars):
    """Readers of values; every one gives a value or notes why not."""

    def __init__(self, tree: Tree, vocabulary: Vocabulary, goods: Vocabulary) -> None:
        super().__init__(tree)
        self.people = vocabulary
        self.goods = goods

    def words(self, node: Node, key: str, most: int = 200) -> Words:
        return Words(**self.by_language(node, key, most))

    def template(self, most: int, lines: bool) -> Callable[[Node, str], Words]:
        def read(node: Node, key: str) -> Words:
            words = self.words(node, key, most)
            parts = [(key, node)]
            if isinstance(node, MappingNode):
                parts = [(join(key, str(k.value)), v) for k, v in node.value]
            for path, part in parts:
                if not isinstance(part, ScalarNode):
                    continue
                for found in re.finditer(r"\{([^{}]*)\}", part.value):
                    if found[1] not in PLACEHOLDERS:
                        message, remedy = f"{found[0]} stands for nothing.", did_you_mean(found[1], PLACEHOLDERS)
                        self.tree.problem(part, path, message, remedy, code="unknown_placeholder", offset=found.start())
                if not lines and "\n" in part.value.strip():
                    self.tree.problem(part, path, "A subject is one line.", "Move the rest into body.")
            return words

        return read

    def who(self, node: Node, key: str) -> str | None:
        def remedy(word: str, wrong: AudienceError) -> str:
            if wrong.code == "unknown_trait" and word in MOMENT_TRAITS:
                return f"{word} is known of a moment: write it in when.moment."
            return wrong.remedy

        return self.holds(node, key, self.people, remedy)

    def moment(self, node: Node, key: str) -> str | None:
        def remedy(word: str, wrong: AudienceError) -> str:
            known = word in self.people.traits or word in self.people.measures
            if known and wrong.code in ("unknown_trait", "unknown_function"):
                return f"{word} is known of people: write it in who."
            return wrong.remedy

        return self.holds(node, key, moment_vocabulary(self.people.currency), remedy)

    def goods_there(self, node: Node, key: str) -> tuple[str, bool]:
        """A condition over goods, and whether ``in_store(nearest)`` stands before it."""
        found = _IN_STORE.fullmatch(str(node.value)) if isinstance(node, ScalarNode) else None
        if found is None:
            return self.goods_of(node, key), False
        if found[2] is None:
            return ALL_GOODS, True
        condition = found[2].strip()
        try:
            if isinstance(parse(condition, self.goods).tree, Or) and not condition.startswith("("):
                self.tree.problem(node, key, "It is not said whether or stands for goods of the store alone.",
                                  f"Write {IN_STORE} and ({condition}).")  # fmt: skip
        except AudienceError as wrong:
            offset = found.start(2) + wrong.start
            self.tree.problem(node, key, wrong.message, wrong.remedy, code=wrong.code, offset=offset)
        return condition, True

    def goods_of(self, node: Node, key: str) -> str:
        return self.holds(node, key, self.goods) or ""

    def money(self, node: Node, key: str) -> Amount | None:
        text = self.tree.text_of(node, key, "An amount of money")
        if text is None:
            return None
        found = _MONEY.fullmatch(text.strip())
        if not found:
            self.tree.problem(node, key, f"{text!r} is not an amount of money.", "Write CNY 50000.")
            return None
        currency, number = (found[1] or found[4]).upper(), (found[2] or found[3]).replace(",", "")
        if currency not in _CURRENCIES:
            self.tree.problem(node, key, f"There is no currency {currency}.", did_you_mean(currency, _CURRENCIES))
            return None
        try:
            amount = money.minor(number, currency)
        except FairdayError as error:
            self.tree.problem(node, key, error.message, error.remedy, code=error.code)
            return None
        if money.major(amount, currency) != Decimal(number) or amount == 0:
            self.tree.problem(
                node, key, f"{text!r} cannot be paid in {currency}.", f"It has {money.digits(currency)} decimals."
            )
        return Amount(currency, amount)

    def rate(self, node: Node, key: str) -> Rate | None:
        text = self.tree.text_of(node, key, "How often")
        found = _RATE.fullmatch(text.strip()) if text else None
        if text and (not found or found[1].strip("0") == ""):
            self.tree.problem(node, key, f"{text!r} does not say how often.", "Write 3/week or 1/day.")
            return None
        return Rate(int(found[1]), "day" if found[2] == "day" else "week") if found else None

    def percent(self, node: Node, key: str) -> int:
        text = self.tree.text_of(node, key, "A percentage")
        found = _PERCENT.fullmatch(text.strip()) if text else None
        if text and (not found or Decimal(found[1]) > 90):
            self.tree.problem(node, key, f"{text!r} is not a percentage from 0% to 90%.", "Write 10%.")
            return 0
        return int(Decimal(found[1]) * 10) if found else 0

    def days(self, node: Node, key: str) -> int:
        text = self.tree.text_of(node, key, "A length of time")
        found = _WITHIN.fullmatch(text.strip()) if text else None
        days = int(found[1]) * (7 if found[2] == "w" else 1) if found else 0
        if text and not 1 <= days <= 366:
            self.tree.problem(node, key, f"{text!r} is not a length of time up to a year.", "Write 14d or 2w.")
        return days
