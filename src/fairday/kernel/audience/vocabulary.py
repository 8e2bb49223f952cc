"""What an audience may speak of: declared traits, measures and the shop's currency."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fairday.kernel.errors import FairdayError
from fairday.kernel.money import digits

TraitType = Literal["int", "money", "text", "bool", "day", "yearly", "texts"]

TRAIT_TYPES: Mapping[str, str] = {
    "int": "a whole number, or a band of them",
    "money": "an amount in the shop's currency, or a band of them; kept in minor units",
    "text": "one text",
    "bool": "yes or no",
    "day": "a date, kept as days since 1970-01-01",
    "yearly": "a day of every year such as a birthday, kept as yearly_day(month, day)",
    "texts": "a set of texts",
}
"""Every type a trait may have, and what it is."""

NUMBERED = frozenset({"int", "money", "bool", "day", "yearly"})
"""Types kept as lo..hi; the others are kept as text."""

OPERATORS: Mapping[str, str] = {
    "=": "equal",
    "!=": "not equal (also written <>)",
    "<": "less",
    "<=": "less or equal",
    ">": "greater",
    ">=": "greater or equal",
    "BETWEEN": "from .. to, both included",
    "IN": "one of a list; or a text in a set",
    "AND": "both",
    "OR": "either or both",
    "NOT": "the opposite",
    "+": "sum",
    "-": "difference, or minus",
    "*": "a number of times",
}
"""Every operator of the language. Keywords are written in any case."""

FUNCTIONS: Mapping[str, str] = {
    "count": "count('Product Viewed', 7d)",
    "total": "total('Order Completed', 30d)",
    "bought": "bought('category', 'tea', 90d)",
    "spent_on": "spent_on('category', 'tea', 90d)",
    "viewed": "viewed('product', 'TEA-1', 7d)",
    "days_since": "days_since('Order Completed')",
    "days_until": "days_until(birthday)",
    "has": "has(interests, 'tea')",
    "contains": "contains(city, 'ville')",
    "starts_with": "starts_with(postcode, '75')",
    "known": "known(age)",
    "likely": "likely(age < 20, 0.8)",
}
"""Every function beside the measures, with an example."""

MOMENT_FUNCTIONS: Mapping[str, str] = {
    "minutes_since": "minutes_since('Product Viewed')",
    **{name: FUNCTIONS[name] for name in ("has", "contains", "starts_with", "known")},
}
"""The functions of a moment: no days are counted there, but minutes."""

DIMENSIONS = ("category", "brand", "product")
"""What product lines are counted by."""

KEYWORDS = frozenset({"and", "or", "not", "in", "between", "true", "false", "is", "null"})
"""Words no trait or measure may take."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def minutes_trait(event: str) -> str:
    """The name under which the facts of a moment keep the whole minutes since somebody's last such event."""
    return f"minutes_since:{event}"


def line_measure(verb: Literal["bought", "viewed"], dimension: str, value: str) -> str:
    """The activity measure that counts product lines: ``line_measure("bought", "category", "tea")``."""
    return f"{verb}:{dimension}={value}"


@dataclass(frozen=True, slots=True)
class TraitDef:
    """A declared trait.

    Attributes:
        name: lower-case letters, digits and underscores, beginning with a letter.
        type: one of TRAIT_TYPES.
        titles: what merchants read, by language (zh, en, es).
        values: the texts it may hold, or empty when any text may stand (text and texts only).
    """

    name: str
    type: TraitType
    titles: Mapping[str, str] = field(default_factory=dict)
    values: tuple[str, ...] = ()


def trait(name: str, type_: TraitType, zh: str, en: str, es: str, values: tuple[str, ...] = ()) -> TraitDef:
    """A trait declared on one line, with its title in each language."""
    return TraitDef(name, type_, {"zh": zh, "en": en, "es": es}, values)


@dataclass(frozen=True, slots=True)
class Part:
    """One addend of a measure: ``sign`` times the column ``n`` or ``amount`` of an activity measure."""

    measure: str
    column: Literal["n", "amount"]
    sign: Literal[1, -1] = 1


@dataclass(frozen=True, slots=True)
class Measure:
    """A named count or amount over a window: ``orders(90d)``.

    Attributes:
        type: ``int`` (times, units) or ``money`` (minor units).
        parts: what is added up.
    """

    name: str
    type: Literal["int", "money"]
    parts: tuple[Part, ...]
    titles: Mapping[str, str] = field(default_factory=dict)


STANDARD_MEASURES: Mapping[str, Measure] = {
    m.name: m
    for m in (
        Measure(
            "orders",
            "int",
            (Part("Order Completed", "n"),),
            {"zh": "订单数", "en": "orders", "es": "pedidos"},
        ),
        Measure(
            "spend",
            "money",
            (Part("Order Completed", "amount"), Part("Order Refunded", "amount", -1)),
            {"zh": "消费额(已减退款)", "en": "spend less refunds", "es": "gasto menos devoluciones"},
        ),
    )
}
"""Measures every shop has: orders placed, and money spent less what was refunded."""


@dataclass(frozen=True)
class Vocabulary:
    """What an audience may speak of.

    Args:
        traits: declared traits by name.
        currency: ISO 4217 code; money is written in its major units.
        measures: named windows by name.
        moment: it speaks of an instant rather than of people: MOMENT_FUNCTIONS instead of FUNCTIONS.

    Raises:
        FairdayError: a name is malformed, taken twice, or a type or value list does not fit.
    """

    traits: Mapping[str, TraitDef]
    currency: str
    measures: Mapping[str, Measure] = field(default_factory=lambda: STANDARD_MEASURES)
    moment: bool = False

    def __post_init__(self) -> None:
        for name, trait in self.traits.items():
            self._check_name(name, trait.name)
            if trait.type not in TRAIT_TYPES:
                raise _bad(f"Trait {name!r} has the unknown type {trait.type!r}.", "Write one of: ", TRAIT_TYPES)
            if trait.values and trait.type not in ("text", "texts"):
                raise _bad(f"Trait {name!r} is not text, so it has no list of values.", "Leave values out.")
            if name in self.measures:
                raise _bad(f"{name!r} is both a trait and a measure.", "Give one of them another name.")
        for name, measure in self.measures.items():
            self._check_name(name, measure.name)
            if not measure.parts:
                raise _bad(f"Measure {name!r} adds nothing up.", "Give it at least one part.")

    @property
    def functions(self) -> Mapping[str, str]:
        """Its functions beside the measures, with an example each."""
        return MOMENT_FUNCTIONS if self.moment else FUNCTIONS

    @property
    def decimals(self) -> int:
        """How many decimals the currency has."""
        return digits(self.currency)

    @staticmethod
    def _check_name(key: str, name: str) -> None:
        if key != name:
            raise _bad(f"{name!r} is declared under the name {key!r}.", "Use its own name as the key.")
        if not _NAME.fullmatch(name):
            raise _bad(f"{name!r} is not a name.", "Write lower-case letters, digits and _, beginning with a letter.")
        if name in KEYWORDS or name in FUNCTIONS or name in MOMENT_FUNCTIONS:
            raise _bad(f"{name!r} is a word of the audience language.", "Choose another name.")


def _bad(message: str, remedy: str, listed: Mapping[str, str] | None = None) -> FairdayError:
    return FairdayError(message, code="bad_vocabulary", remedy=remedy + ", ".join(listed or ()))
