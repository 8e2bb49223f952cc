"""The audience as a fast Python predicate for one person.

The tree is written as the source of one function and compiled. Nothing the merchant wrote enters the source: texts are
closed over as constants, numbers are whole and written by us, and the function sees no builtins.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fairday.kernel.audience.facts import BEYOND, SEPARATOR, UNKNOWN, Facts, next_return
from fairday.kernel.audience.formula import Formula
from fairday.kernel.audience.tree import Condition, Contains, Has, Known, Since, TextIn, Trait, Value, Window
from fairday.kernel.audience.vocabulary import NUMBERED

Predicate = Callable[[Facts, int], bool]
"""Takes a person's facts and today (a day number)."""

Bounds = Callable[[Facts, int], tuple[int, int]]
"""The least and the greatest a value may be for a person today; at or beyond ``BEYOND`` where that is open."""


@lru_cache(maxsize=20_000)
def compile_holds(condition: Condition) -> Predicate:
    """A predicate that holds where the condition is definitely true."""
    writer = _Python()
    return writer.function(writer.holds(condition))


@lru_cache(maxsize=20_000)
def compile_fails(condition: Condition) -> Predicate:
    """A predicate that holds where the condition is definitely false."""
    writer = _Python()
    return writer.function(writer.fails(condition))


@lru_cache(maxsize=4096)
def compile_bounds(value: Value) -> Bounds:
    """What a value is for a person, as a band."""
    writer = _Python()
    return writer.function(", ".join(writer.bounds(value)))


class _Python(Formula):
    equals = "=="

    def __init__(self) -> None:
        self._scope: dict[str, Any] = {
            "__builtins__": {},
            "UNKNOWN": UNKNOWN,
            "LOW": -BEYOND,
            "HIGH": BEYOND,
            "until": _until,
        }
        self._lines: list[str] = []
        self._names: dict[object, str] = {}

    def function(self, formula: str) -> Callable[[Facts, int], Any]:
        body = "".join(f"    {line}\n" for line in self._lines)
        logic = formula.replace(" AND ", " and ").replace(" OR ", " or ")
        source = f"def test(facts, today):\n    told, window = facts.told.get, facts.window\n{body}    return {logic}\n"
        exec(compile(source, "<audience>", "exec"), self._scope)  # noqa: S102  built from the checked tree alone
        found: Callable[[Facts, int], Any] = self._scope["test"]
        return found

    def add(self, left: str, right: str) -> str:
        return f"({left} + {right})"

    def times(self, factor: int, value: str) -> str:
        return f"({factor} * {value})"

    def from_today(self, day: str) -> str:
        return f"(today - {day})"

    def to_day(self, day: str) -> str:
        return f"({day} - today)"

    def until_return(self, trait: Trait) -> tuple[str, str]:
        lo, hi = self.trait(trait)
        first, last = self._loaded(("until", trait), f"until({lo}, {hi}, today)", 2)
        return first, last

    def trait(self, trait: Trait) -> tuple[str, str]:
        return self._trait(trait)[:2]

    def window(self, window: Window) -> str:
        first = "LOW" if window.span is None else f"today - {window.span - 1}"
        text = ""
        for part in window.parts:
            column = 1 if part.column == "n" else 2
            sign = ("" if not text else " + ") if part.sign > 0 else " - "
            text += f"{sign}window({self._constant(part.measure)}, {column}, {first}, today)"
        return f"({text})"

    def since(self, since: Since) -> tuple[str, str]:
        lo, hi = self._loaded(since, f"facts.since({self._constant(since.measure)}, today)", 2)
        return lo, hi

    def truth(self, value: bool) -> str:
        return str(value)

    def text_in(self, node: TextIn, sought: bool) -> str:
        text = self._text(node.trait)
        values = self._constant(frozenset(node.values))
        return f"{text} in {values}" if sought else f"({text} is not None AND {text} not in {values})"

    def contains(self, node: Contains, sought: bool) -> str:
        text, piece = self._text(node.trait), self._constant(node.piece)
        test = f"{piece} in {text}" if node.where == "anywhere" else f"{text}.startswith({piece})"
        return f"({text} is not None AND {test})" if sought else f"({text} is not None AND not {test})"

    def has(self, node: Has, sought: bool) -> str:
        text, member = self._text(node.trait), self._constant(SEPARATOR + node.member + SEPARATOR)
        return f"({text} is not None AND {member} {'in' if sought else 'not in'} {text})"

    def known(self, node: Known, sought: bool) -> str:
        if isinstance(node.of, Trait) and node.of.type not in NUMBERED:
            return f"{self._text(node.of)} is {'not None' if sought else 'None'}"
        lo, hi = self.bounds(node.of)
        return f"({lo} != LOW OR {hi} != HIGH)" if sought else f"({lo} == LOW AND {hi} == HIGH)"

    def _trait(self, trait: Trait) -> tuple[str, str, str]:
        name = self._constant(trait.name)
        source = f"told({name}, UNKNOWN)" if trait.threshold is None else f"facts.likely({name}, {trait.threshold})"
        lo, hi, text = self._loaded(trait, source, 3)
        return lo, hi, text

    def _text(self, trait: Trait) -> str:
        return self._trait(trait)[2]

    def _loaded(self, key: object, source: str, count: int) -> tuple[str, ...]:
        """Names of what is read once, at the top of the function."""
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = f"v{len(self._names)}"
            self._lines.append(f"{', '.join(f'{name}_{i}' for i in range(count))} = {source}")
        return tuple(f"{name}_{i}" for i in range(count))

    def _constant(self, value: object) -> str:
        name = self._names.get(("constant", value))
        if name is None:
            name = self._names[("constant", value)] = f"c{len(self._names)}"
            self._scope[name] = value
        return name


def _until(lo: int, hi: int, today: int) -> tuple[int, int]:
    if lo != hi:
        return -BEYOND, BEYOND
    days = next_return(lo, today)
    return days, days
