"""Of many conditions, those that may hold for one person, found without asking each.

Every condition is filed under something that must be so where it definitely holds: a text it names, a member of a set,
the range of one value, something being known at all. A conjunction is filed under the part that fewest will pass, a
disjunction under all of its parts. What a person is then leads to few conditions, and only those are asked in full: the
cost grows with what fits, not with all there are. After the access predicates of publish/subscribe systems (Fabret et
al., 2001). See docs/algorithms/choice.md.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from fairday.kernel.audience.facts import Facts, unpack
from fairday.kernel.audience.predicate import Bounds, compile_bounds
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
    Sum,
    TextIn,
    Trait,
    Truth,
    Value,
    Window,
    walk,
)

# ---- what a condition is filed under --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Text:
    """A text trait is this; or, with ``member``, a set of texts holds it."""

    trait: Trait
    text: str
    member: bool = False


@dataclass(frozen=True, slots=True)
class _Range:
    """All that a value may be lies in ``lo..hi``; an end that is None is open."""

    value: Value
    lo: int | None
    hi: int | None


@dataclass(frozen=True, slots=True)
class _Present:
    """Something is known of the trait, or the measure ever happened."""

    of: Trait | str


Key: TypeAlias = _Text | _Range | _Present
Keys: TypeAlias = tuple[Key, ...]


def keys_of(node: Condition, sought: bool = True) -> Keys | None:
    """Of these at least one is so where the condition is definitely ``sought``; None where nothing is needed for it."""
    match node:
        case Not(part):
            return keys_of(part, not sought)
        case And(parts) if sought:
            return _narrowest(parts, True)
        case Or(parts) if not sought:
            return _narrowest(parts, False)
        case And(parts) | Or(parts):
            found: dict[Key, None] = {}
            for part in parts:
                keys = keys_of(part, sought)
                if keys is None:
                    return None
                found.update(dict.fromkeys(keys))
            return tuple(found)
        case Truth(value):
            return None if value is sought else ()
        case TextIn(trait, values) if sought:
            return tuple(_Text(trait, text) for text in values)
        case Has(trait, member) if sought:
            return (_Text(trait, member, True),)
        case TextIn(trait, _) | Has(trait, _) | Contains(trait, _, _):
            return (_Present(trait),)
        case Known(of):
            return (_Present(of.measure if isinstance(of, Since) else of),) if sought else None
        case Compare():
            return _compared(node, sought)
    raise AssertionError(node)


def _narrowest(parts: Sequence[Condition], sought: bool) -> Keys | None:
    """The keys of that part of a conjunction which fewest pass; ranges of one value are laid over each other first."""
    best: Keys | None = None
    ranges: dict[Value, _Range] = {}
    todo = list(parts)
    while todo:
        part = todo.pop()
        if (isinstance(part, And) and sought) or (isinstance(part, Or) and not sought):
            todo.extend(part.parts)
            continue
        keys = keys_of(part, sought)
        if keys is None:
            continue
        if len(keys) == 1 and isinstance(keys[0], _Range):
            narrower = _overlap(ranges.get(keys[0].value), keys[0])
            ranges[narrower.value] = narrower
            keys = (narrower,)
        if best is None or _share(keys) < _share(best):
            best = keys
    return best


def _overlap(one: _Range | None, other: _Range) -> _Range:
    if one is None:
        return other
    los = [x for x in (one.lo, other.lo) if x is not None]
    his = [x for x in (one.hi, other.hi) if x is not None]
    return _Range(other.value, max(los, default=None), min(his, default=None))


def _compared(node: Compare, sought: bool) -> Keys | None:
    if isinstance(node.right, Const):
        value, bound, flipped = node.left, node.right.value, False
    elif isinstance(node.left, Const):
        value, bound, flipped = node.right, node.left.value, True
    else:
        value, bound, flipped = Sum(node.left, Scale(-1, node.right)), 0, False
    if node.op == "=":
        if sought:
            return (_Range(value, bound, bound),)
        return _Range(value, None, bound - 1), _Range(value, bound + 1, None)
    strict = node.op == "<"
    if flipped is not sought:  # value < bound, or not (bound < value), which is value <= bound
        return (_Range(value, None, bound - (strict is sought)),)
    return (_Range(value, bound + (strict is sought), None),)


def _share(keys: Keys) -> float:
    """Roughly what share of people pass; only the order of such figures matters."""
    return sum(map(_share_of, keys))


def _share_of(key: Key) -> float:
    match key:
        case _Text():
            return 0.1
        case _Present(of):
            return 0.05 if isinstance(of, str) and ":" in of else 0.8
    if isinstance(key.value, Window):
        if _holds_zero(key):
            return 0.7
        return 0.02 if all(":" in part.measure for part in key.value.parts) else 0.3
    if key.lo is None or key.hi is None:
        return 0.5
    return 0.05 if key.lo == key.hi else 0.3


def _holds_zero(key: _Range) -> bool:
    """Whether the range holds what a value of windows alone is for somebody who never did anything."""
    zero = _idle(key.value)
    return (key.lo is None or key.lo <= zero) and (key.hi is None or zero <= key.hi)


def _idle(value: Value) -> int:
    match value:
        case Const(number):
            return number
        case Sum(left, right):
            return _idle(left) + _idle(right)
        case Scale(factor, inner):
            return factor * _idle(inner)
    return 0


# ---- the files ------------------------------------------------------------------------------------------------------


class _Texts:
    """Conditions by the text of a trait."""

    def __init__(self, trait: Trait, members: bool) -> None:
        self._trait = trait
        self._members = members
        self._by: dict[str, list[int]] = {}

    def file(self, text: str, number: int) -> None:
        self._by.setdefault(text, []).append(number)

    def find(self, facts: Facts, today: int, found: set[int]) -> None:
        trait = self._trait
        value = facts.told.get(trait.name) if trait.threshold is None else facts.likely(trait.name, trait.threshold)
        if value is None or value[2] is None:
            return
        for text in unpack(value[2]) if self._members else (value[2],):
            found.update(self._by.get(text, ()))


class _Ranges:
    """Conditions by a range of one value, which is worked out once."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._filed: list[tuple[int | None, int | None, int]] = []
        self._least: tuple[list[int], list[int]] | None = None  # lower ends in order, and whose they are
        self._most: tuple[list[int], list[int]]
        self._spans: _Spans

    def file(self, lo: int | None, hi: int | None, number: int) -> None:
        self._filed.append((lo, hi, number))

    def find(self, facts: Facts, today: int, found: set[int]) -> None:
        least = self._least or self._sort()
        lo, hi = self._bounds(facts, today)
        found.update(least[1][: bisect_right(least[0], lo)])
        found.update(self._most[1][bisect_left(self._most[0], hi) :])
        self._spans.find(lo, found)

    def _sort(self) -> tuple[list[int], list[int]]:
        self._spans = _Spans([(lo, hi, n) for lo, hi, n in self._filed if lo is not None and hi is not None])
        self._most = _apart([(hi, n) for lo, hi, n in self._filed if lo is None and hi is not None])
        self._least = _apart([(lo, n) for lo, hi, n in self._filed if hi is None and lo is not None])
        return self._least


def _apart(ends: Iterable[tuple[int, int]]) -> tuple[list[int], list[int]]:
    ordered = sorted(ends)
    return [end for end, _ in ordered], [number for _, number in ordered]


class _Spans:
    """Which of many spans ``lo..hi`` hold a number: a segment tree, at the cost of a logarithm and the answer."""

    def __init__(self, spans: Sequence[tuple[int, int, int]]) -> None:
        self._edges = sorted({e for lo, hi, _ in spans if lo <= hi for e in (lo, hi + 1)})
        self._size = size = len(self._edges)
        self._nodes: dict[int, list[int]] = {}
        for lo, hi, number in spans:
            left, right = bisect_left(self._edges, lo) + size, bisect_left(self._edges, hi + 1) + size
            while left < right:
                if left & 1:
                    self._nodes.setdefault(left, []).append(number)
                    left += 1
                if right & 1:
                    right -= 1
                    self._nodes.setdefault(right, []).append(number)
                left, right = left >> 1, right >> 1

    def find(self, number: int, found: set[int]) -> None:
        at = bisect_right(self._edges, number) - 1
        if at < 0:
            return
        at += self._size
        while at:
            found.update(self._nodes.get(at, ()))
            at >>= 1


_File: TypeAlias = _Texts | _Ranges


class ConditionIndex:
    """Finds, of a fixed list of conditions, those that may hold for a person.

    Args:
        conditions: what each is filed under (``Audience.keys``); None for one that is always to be asked.
    """

    def __init__(self, conditions: Iterable[Keys | None]) -> None:
        self._always: list[int] = []
        self._free: list[_Ranges] = []
        self._of_trait: dict[str, list[_File]] = {}
        self._of_guess: dict[str, list[_File]] = {}
        self._of_measure: dict[str, list[_Ranges]] = {}
        self._known: dict[str, list[int]] = {}
        self._guessed: dict[str, list[int]] = {}
        self._done: dict[str, list[int]] = {}
        self._files: dict[object, _File] = {}
        for number, keys in enumerate(conditions):
            if keys is None:
                self._always.append(number)
            for key in keys or ():
                self._file(key, number)

    def candidates(self, facts: Facts, today: int) -> set[int]:
        """Places in the list of the conditions that may hold; all others do not definitely hold."""
        found = set(self._always)
        for file in self._free:
            file.find(facts, today, found)
        for name in self._of_trait.keys() & facts.told.keys():
            for filed in self._of_trait[name]:
                filed.find(facts, today, found)
        for name in self._known.keys() & facts.told.keys():
            found.update(self._known[name])
        if facts.inferred:
            for name in self._of_guess.keys() & facts.inferred.keys():
                for filed in self._of_guess[name]:
                    filed.find(facts, today, found)
            for name in self._guessed.keys() & facts.inferred.keys():
                found.update(self._guessed[name])
        for name in self._of_measure.keys() & facts.activity.keys():
            for file in self._of_measure[name]:
                file.find(facts, today, found)
        for name in self._done.keys() & facts.activity.keys():
            found.update(self._done[name])
        return found

    def _file(self, key: Key, number: int) -> None:
        match key:
            case _Text(trait, text, member):
                texts = self._files.get((trait, member))
                if texts is None:
                    texts = self._files[(trait, member)] = _Texts(trait, member)
                    self._at_trait(trait, texts)
                assert isinstance(texts, _Texts)
                texts.file(text, number)
            case _Present(str(measure)):
                self._done.setdefault(measure, []).append(number)
            case _Present(Trait() as trait):
                self._known.setdefault(trait.name, []).append(number)
                if trait.threshold is not None:
                    self._guessed.setdefault(trait.name, []).append(number)
            case _Range():
                self._ranges(key).file(key.lo, key.hi, number)

    def _ranges(self, key: _Range) -> _Ranges:
        """The file of a value, looked into only where what it stands on is there: a trait, or anything ever done."""
        looks = [n for n in walk(key.value) if isinstance(n, Trait | Since)]
        gated = bool(looks) or not _holds_zero(key)
        found = self._files.get((key.value, gated))
        if found is None:
            found = self._files[(key.value, gated)] = _Ranges(compile_bounds(key.value))
            if looks and isinstance(looks[0], Trait):
                self._at_trait(looks[0], found)
            elif looks and isinstance(looks[0], Since):
                self._of_measure.setdefault(looks[0].measure, []).append(found)
            elif gated:
                for measure in {p.measure for n in walk(key.value) if isinstance(n, Window) for p in n.parts}:
                    self._of_measure.setdefault(measure, []).append(found)
            else:
                self._free.append(found)
        assert isinstance(found, _Ranges)
        return found

    def _at_trait(self, trait: Trait, file: _File) -> None:
        self._of_trait.setdefault(trait.name, []).append(file)
        if trait.threshold is not None:
            self._of_guess.setdefault(trait.name, []).append(file)
