"""Goods as columns, so that a condition is asked of all of them at once; and the sets of goods it holds for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairday.kernel.audience import Audience, Facts
from fairday.kernel.audience.facts import SEPARATOR
from fairday.kernel.audience.tree import (
    And,
    Compare,
    Condition,
    Const,
    Contains,
    Has,
    Known,
    Not,
    Or,
    Scale,
    Since,
    SinceTrait,
    Sum,
    TextIn,
    Trait,
    Truth,
    UntilTrait,
    Value,
    Window,
    magnitude,
    walk,
)
from fairday.kernel.audience.vocabulary import NUMBERED

Places = NDArray[np.int64]
"""Places of goods on a shelf."""

Flags = NDArray[np.bool_]
"""A yes or no for each of a shelf's goods."""

_EXACT = 1 << 53
"""Whole numbers up to here are exact in 64-bit floats."""


class Goods:
    """A set of goods of a shelf: their places where they are few, else a bit each."""

    def __init__(self, flags: Flags) -> None:
        self.count = int(np.count_nonzero(flags))
        self.places: Places | None = None
        self._bits: NDArray[np.uint8] | None = None
        if self.count * 32 <= len(flags):
            self.places = np.flatnonzero(flags)
        else:
            self._bits = np.packbits(flags, bitorder="little")

    def among(self, places: Places) -> Flags:
        """Which of some places are in it."""
        if self._bits is None:
            assert self.places is not None
            return np.isin(places, self.places)
        found: Flags = (self._bits[places >> 3] >> (places & 7).astype(np.uint8)) & 1 == 1
        return found

    def all_places(self) -> Places:
        """The places of all of them, in order."""
        if self.places is not None:
            return self.places
        assert self._bits is not None
        return np.flatnonzero(np.unpackbits(self._bits, bitorder="little"))


class Columns:
    """What is known of goods, a column a trait.

    Args:
        texts: texts by trait, None where unknown; sets of texts as ``pack`` writes them.
        numbers: numbers by trait, None where unknown.
        count: how many goods.
        facts: what is known of the good at a place, for conditions beyond columns.
    """

    def __init__(
        self,
        texts: Mapping[str, Sequence[str | None]],
        numbers: Mapping[str, Sequence[int | None]],
        count: int,
        facts: Callable[[int], Facts],
    ) -> None:
        self._texts = {name: _coded(values) for name, values in texts.items()}
        self._numbers = {
            name: np.array([np.nan if v is None else v for v in values], dtype=np.float64)
            for name, values in numbers.items()
        }
        self._count = count
        self.facts = facts

    def holds(self, condition: Audience, today: int) -> Flags:
        """The goods a condition is definitely true of."""
        if _in_columns(condition.tree):
            return _Asked(self._texts, self._numbers, self._count, today).holds(condition.tree, True)
        return np.array([condition.test(self.facts(i), today) for i in range(self._count)], dtype=np.bool_)


_Coded = tuple[NDArray[np.int32], dict[str, int]]
"""A number from 1 for each text, 0 where unknown; and the texts' numbers."""


def _coded(values: Sequence[str | None]) -> _Coded:
    codes: dict[str, int] = {}
    return np.array([0 if v is None else codes.setdefault(v, len(codes) + 1) for v in values], dtype=np.int32), codes


def _in_columns(tree: Condition) -> bool:
    """Whether columns answer as the predicate does: no activity, no yearly days, numbers that a float holds exactly."""
    for node in walk(tree):
        match node:
            case Window() | Since() | UntilTrait(Trait(_, "yearly", _)):
                return False
            case Compare(_, left, right) if magnitude(left) + magnitude(right) > _EXACT:
                return False
    return True


class _Asked:
    """One condition asked of all goods; the same rules as ``fairday.kernel.audience.formula``."""

    def __init__(
        self, texts: Mapping[str, _Coded], numbers: Mapping[str, NDArray[np.float64]], count: int, today: int
    ) -> None:
        self._texts = texts
        self._numbers = numbers
        self._count = count
        self._today = today

    def holds(self, node: Condition, sought: bool) -> Flags:
        match node:
            case Not(part):
                return self.holds(part, not sought)
            case And(parts) | Or(parts):
                every = isinstance(node, And) is sought
                answers: Iterable[Flags] = (self.holds(part, sought) for part in parts)
                return reduce(np.logical_and if every else np.logical_or, answers)
            case Truth(value):
                return self._all(value is sought)
            case Compare():
                return self._compare(node, sought)
            case TextIn(trait, values):
                codes, numbers = self._coded(trait)
                table = np.zeros(len(numbers) + 1, dtype=np.bool_)
                table[[numbers[v] for v in values if v in numbers]] = True
                return table[codes] if sought else (codes > 0) & ~table[codes]
            case Contains(trait, piece, "start"):
                return self._said(trait, lambda text: text.startswith(piece), sought)
            case Contains(trait, piece, _):
                return self._said(trait, lambda text: piece in text, sought)
            case Has(trait, member):
                packed = SEPARATOR + member + SEPARATOR
                return self._said(trait, lambda text: packed in text, sought)
            case Known(Trait() as trait):
                return self._known(trait) if sought else ~self._known(trait)
        raise AssertionError(node)

    def _all(self, value: bool) -> Flags:
        return np.full(self._count, value, dtype=np.bool_)

    def _coded(self, trait: Trait) -> _Coded:
        found = self._texts.get(trait.name)
        return found if found is not None else (np.zeros(self._count, dtype=np.int32), {})

    def _said(self, trait: Trait, test: Callable[[str], bool], sought: bool) -> Flags:
        codes, numbers = self._coded(trait)
        table = np.fromiter(
            (False, *(test(text) is sought for text in numbers)), dtype=np.bool_, count=len(numbers) + 1
        )
        return table[codes]

    def _known(self, trait: Trait) -> Flags:
        if trait.type not in NUMBERED:
            return self._coded(trait)[0] > 0
        found = self._numbers.get(trait.name)
        return self._all(False) if found is None else ~np.isnan(found)

    def _compare(self, node: Compare, sought: bool) -> Flags:
        # Goods' numbers are exact or unknown, and nothing compares with what is unknown (NaN).
        left, right = self._value(node.left), self._value(node.right)
        match node.op, sought:
            case "<", True:
                found = left < right
            case "<", False:
                found = left >= right
            case "<=", True:
                found = left <= right
            case "<=", False:
                found = left > right
            case "=", True:
                found = left == right
            case _:
                found = (left < right) | (left > right)
        return np.broadcast_to(found, (self._count,))

    def _value(self, value: Value) -> Any:
        match value:
            case Const(number):
                return np.float64(number)
            case Sum(left, right):
                return self._value(left) + self._value(right)
            case Scale(factor, inner):
                return factor * self._value(inner)
            case Trait(name, _, _):
                return self._numbers.get(name, np.float64("nan"))
            case SinceTrait(trait):
                return self._today - self._value(trait)
            case UntilTrait(trait):
                return self._value(trait) - self._today
        raise AssertionError(value)
