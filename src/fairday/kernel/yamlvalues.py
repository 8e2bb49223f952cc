"""The plain values of a YAML tree: names, numbers, yes and no, texts by language, conditions; each read or noted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from yaml.nodes import MappingNode, Node

from fairday.kernel import money
from fairday.kernel.audience import AudienceError, Vocabulary, parse
from fairday.kernel.errors import FairdayError
from fairday.kernel.yamltree import Tree, did_you_mean, join

LANGUAGES = ("zh", "en", "es")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,6})?")
_MONEY = re.compile(r"(?:([A-Za-z]{3})\s*)?(\d{1,11}(?:\.\d{1,4})?)")


class Scalars:
    """Readers of values; every one gives a value or notes why not."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def by_language(self, node: Node, key: str, most: int = 200) -> Mapping[str, str]:
        """A text for every language, or texts by language."""
        if not isinstance(node, MappingNode):
            text = self.tree.text_of(node, key, "Text, or text by language,", most)
            return {} if text is None else dict.fromkeys(LANGUAGES, text)
        found = self.tree.mapping(node, key, LANGUAGES)
        texts = {name: self.tree.text_of(n, join(key, name), "Text", most) or "" for name, n in found.items()}
        if not found and not node.value:
            self.tree.problem(node, key, "Text is missing.", "Write it in zh, en or es.", code="empty")
        return texts

    def holds(
        self,
        node: Node,
        key: str,
        vocabulary: Vocabulary,
        remedy_for: Callable[[str, AudienceError], str] | None = None,
    ) -> str | None:
        """A condition in the audience language, kept as written.

        Args:
            remedy_for: another remedy for a word that is not known.
        """
        text = self.tree.text_of(node, key, "A condition", 10_000)
        if text is None:
            return None
        try:
            parse(text, vocabulary)
        except AudienceError as wrong:
            word = text[wrong.start : wrong.end].lower()
            remedy = remedy_for(word, wrong) if remedy_for else wrong.remedy
            self.tree.problem(node, key, wrong.message, remedy, code=wrong.code, offset=wrong.start)
        return text

    def among(self, names: Sequence[str]) -> Callable[[Node, str], str | None]:
        def read(node: Node, key: str) -> str | None:
            word = self.tree.text_of(node, key, f"One of {', '.join(names)}")
            if word is not None and word not in names:
                self.tree.problem(node, key, f"{word!r} is not known here.", did_you_mean(word, names))
                return None
            return word

        return read

    def slug(self, node: Node, key: str) -> str | None:
        word = self.tree.text_of(node, key, "A name")
        if word is not None and not NAME.fullmatch(word):
            self.tree.problem(node, key, f"{word!r} is not a name.", "Write small letters, digits and hyphens.")
        return word

    def yes(self, node: Node, key: str) -> bool:
        word = self.tree.text_of(node, key, "true or false")
        if word is not None and word not in ("true", "false"):
            self.tree.problem(node, key, f"{word!r} is neither true nor false.", "Write true, or leave the key out.")
        return word == "true"

    def between(self, low: str, high: str) -> Callable[[Node, str], Decimal | None]:
        def read(node: Node, key: str) -> Decimal | None:
            text = self.tree.text_of(node, key, "A number")
            if text is None:
                return None
            if not _NUMBER.fullmatch(text) or not Decimal(low) <= Decimal(text) <= Decimal(high):
                self.tree.problem(node, key, f"{text!r} is not a number from {low} to {high}.", "Write it in digits.")
                return None
            return Decimal(text).normalize() + 0

        return read

    def whole(self, low: int, high: int) -> Callable[[Node, str], int | None]:
        def read(node: Node, key: str) -> int | None:
            text = self.tree.text_of(node, key, "A whole number")
            if text is None:
                return None
            if not re.fullmatch(r"\d{1,9}", text) or not low <= int(text) <= high:
                self.tree.problem(node, key, f"{text!r} is not a whole number from {low} to {high}.")
                return None
            return int(text)

        return read

    def cash(self, currency: str, *, nothing: bool = False) -> Callable[[Node, str], int | None]:
        """Money in a shop's currency, "30" or "CNY 30", as minor units.

        Args:
            nothing: 0 may stand here.
        """
        digits = money.digits(currency)

        def read(node: Node, key: str) -> int | None:
            text = self.tree.text_of(node, key, "An amount of money")
            if text is None:
                return None
            found = _MONEY.fullmatch(text.strip().replace(",", "").replace("，", ""))
            if found and found[1] and found[1].upper() != currency:
                self.tree.problem(node, key, f"The shop's money is {currency}, not {found[1].upper()}.",
                                  f"Write {currency} {found[2]}.", code="other_currency")  # fmt: skip
                return None
            try:
                amount = money.minor(found[2], currency) if found else -1
            except FairdayError:
                amount = -1
            if not found or amount < (0 if nothing else 1) or money.major(amount, currency) != Decimal(found[2]):
                least = "0" if nothing else f"{money.major(1, currency):f}"
                self.tree.problem(
                    node, key, f"{text!r} is not a number from {least} to 99999999999 with at most {digits} decimals.",
                    "Write it in digits.",
                )  # fmt: skip
                return None
            return amount

        return read
