"""The one tree an audience is compiled from, both to SQL and to Python.

A *value* is a whole number known exactly, as a band ``lo..hi``, or not at all. A *condition* is true, false or unknown,
and only what is definitely true is in the audience.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from fairday.kernel.audience.vocabulary import Part

MAX_VALUE = 10**15
"""No number kept of a person, and no number written in an audience, is larger (nor is its negative)."""

MAX_COUNT = 10**12
"""Nobody does anything more often, nor buys more units, in all their days."""

MAX_RESULT = 9 * 10**18
"""No arithmetic may reach beyond this, so that 64 bits hold every result on every engine."""


@dataclass(frozen=True, slots=True)
class Const:
    """A whole number: minor units for money, a day number for dates."""

    value: int


@dataclass(frozen=True, slots=True)
class Trait:
    """A trait's value. ``threshold`` is None for facts only, else inferred values of at least that probability
    (thousandths) count too."""

    name: str
    type: str
    threshold: int | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A sum over the last ``span`` local days, today included, or over all days up to today. Always known."""

    parts: tuple[Part, ...]
    span: int | None


@dataclass(frozen=True, slots=True)
class Since:
    """Whole days from the last day with that measure to today; unknown if there was none."""

    measure: str


@dataclass(frozen=True, slots=True)
class SinceTrait:
    """Whole days from a day trait to today; negative when it lies ahead."""

    trait: Trait


@dataclass(frozen=True, slots=True)
class UntilTrait:
    """Whole days from today to a day trait, or to the next return of a yearly one (0 to 365, unknown for a band)."""

    trait: Trait


@dataclass(frozen=True, slots=True)
class Sum:
    """Left plus right."""

    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Scale:
    """A value times a whole number other than 0."""

    factor: int
    value: Value


Value: TypeAlias = Const | Trait | Window | Since | SinceTrait | UntilTrait | Sum | Scale


@dataclass(frozen=True, slots=True)
class Truth:
    """Everyone, or nobody."""

    value: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """``left op right``. Every other comparison is written with these three."""

    op: Literal["<", "<=", "="]
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class TextIn:
    """A text trait is one of some texts."""

    trait: Trait
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contains:
    """A text trait holds a piece of text anywhere, or begins with it."""

    trait: Trait
    piece: str
    where: Literal["anywhere", "start"]


@dataclass(frozen=True, slots=True)
class Has:
    """A set of texts holds one."""

    trait: Trait
    member: str


@dataclass(frozen=True, slots=True)
class Known:
    """Something is known of a trait, or a measure ever happened. Never unknown itself."""

    of: Trait | Since


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Condition, ...]


Condition: TypeAlias = Truth | Compare | TextIn | Contains | Has | Known | Not | And | Or

Node: TypeAlias = Value | Condition


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below one, in reading order."""
    match node:
        case Sum(left, right) | Compare(_, left, right):
            return (left, right)
        case Scale(_, value):
            return (value,)
        case SinceTrait(trait) | UntilTrait(trait) | TextIn(trait, _) | Contains(trait, _, _) | Has(trait, _):
            return (trait,)
        case Known(of):
            return (of,)
        case Not(part):
            return (part,)
        case And(parts) | Or(parts):
            return parts
    return ()


def walk(node: Node) -> list[Node]:
    """A node and all below it, parents first, in reading order."""
    found: list[Node] = []
    todo: list[Node] = [node]
    while todo:
        at = todo.pop()
        found.append(at)
        todo.extend(reversed(children(at)))
    return found


def negated(value: Value) -> Value:
    """Minus the value."""
    return Const(-value.value) if isinstance(value, Const) else Scale(-1, value)


def magnitude(value: Value) -> int:
    """A bound no result of the value exceeds, given that what is kept stays within MAX_VALUE."""
    match value:
        case Const(number):
            return abs(number)
        case Window(parts, _):
            return sum(MAX_COUNT if part.column == "n" else MAX_VALUE for part in parts)
        case Sum(left, right):
            return magnitude(left) + magnitude(right)
        case Scale(factor, inner):
            return abs(factor) * magnitude(inner)
    return MAX_VALUE
