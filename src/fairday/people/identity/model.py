"""What identity knows while it works: identifiers with their ownership intervals, persons, evidence. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, Protocol

from fairday.people.identity.normal import Key
from fairday.people.tables import OPEN

# An identifier is numbered by the happening that first brought it, an interval by its identifier, so that the same log
# always gives the same numbers: 37 bits of log position, 6 of the id's place in its happening, 20 of interval.
_IDS_BITS = 6
_INTERVAL_BITS = 20
_NTH = (1 << _INTERVAL_BITS) - 1


def identifier_number(pos: int, place: int) -> int:
    """The number of the ``place``-th identifier first seen in the happening at ``pos``."""
    return pos << _IDS_BITS | place


def met_at(identifier: int) -> int:
    """The log position of the happening that first brought an identifier."""
    return identifier >> _IDS_BITS


def interval_number(identifier: int, nth: int) -> int:
    """The number of an identifier's ``nth`` interval."""
    return identifier << _INTERVAL_BITS | nth


class Interval(NamedTuple):
    """From ``from_at`` (inclusive) until ``until_at`` (exclusive, ms) the identifier is the person's."""

    id: int
    person: int
    from_at: int
    until_at: int


class Identifier:
    """A normalised id and its intervals in order of time; they never overlap. Where there is none it is nobody's."""

    __slots__ = ("_top", "fresh", "id", "intervals", "stored", "type", "value")

    def __init__(self, id_: int, key: Key, intervals: Iterable[Interval] = (), fresh: bool = True) -> None:
        self.id = id_
        self.type, self.value = key
        self.intervals = list(intervals)
        self.stored: tuple[Interval, ...] = () if fresh else tuple(self.intervals)
        self.fresh = fresh
        self._top: int | None = None

    def at(self, at: int) -> Interval | None:
        """The interval that holds the instant ``at`` (ms), or None."""
        found = self.intervals
        if len(found) == 1:
            only = found[0]
            return only if only.from_at <= at < only.until_at else None
        i = bisect_right(found, at, key=lambda one: one.from_at) - 1
        return found[i] if i >= 0 and at < found[i].until_at else None

    def window(self, from_at: int, until_at: int) -> tuple[int, int]:
        """The slice of the intervals that overlap or touch a stretch of time."""
        low = bisect_right(self.intervals, from_at, key=lambda one: one.from_at)
        high = bisect_right(self.intervals, until_at, low, key=lambda one: one.from_at)
        while low and self.intervals[low - 1].until_at >= from_at:
            low -= 1
        return low, high

    def next_nth(self) -> int:
        """One more than the highest interval number in use, counted from the identifier's own."""
        if self._top is None:
            self._top = max((i.id & _NTH for i in self.intervals), default=-1)
        return self._top + 1

    def replace(self, low: int, high: int, now: list[Interval]) -> None:
        """Put other intervals in the place of a slice."""
        top = self.next_nth() - 1
        lost = any(i.id & _NTH == top for i in self.intervals[low:high])
        self.intervals[low:high] = now
        highest = max((i.id & _NTH for i in now), default=-1)
        self._top = None if lost and highest < top else max(top, highest)

    def current(self) -> Interval | None:
        """The interval that is open to the future, or None."""
        last = self.intervals[-1] if self.intervals else None
        return last if last is not None and last.until_at == OPEN else None


def overlay(
    identifier: int, intervals: list[Interval], person: int | None, from_at: int, until_at: int, nth: int
) -> list[Interval]:
    """The intervals with [from_at, until_at) given to ``person`` (None: to nobody).

    What is left of an interval on its earlier side keeps its number, otherwise what is left on its later side does;
    a neighbour of the same person grows instead of a new interval being made. ``nth`` is the first free number.
    """
    kept: list[Interval] = []
    for one in intervals:
        if one.until_at <= from_at or one.from_at >= until_at:
            kept.append(one)
            continue
        left = one.from_at < from_at
        if left:
            kept.append(one._replace(until_at=from_at))
        if one.until_at > until_at:
            number = interval_number(identifier, nth) if left else one.id
            nth += left
            kept.append(one._replace(id=number, from_at=until_at))
    if person is None:
        return kept
    before = next((i for i in kept if i.until_at == from_at and i.person == person), None)
    after = next((i for i in kept if i.from_at == until_at and i.person == person), None)
    made = Interval(interval_number(identifier, nth), person, from_at, until_at)
    for neighbour in (after, before):
        if neighbour is not None:
            kept.remove(neighbour)
            made = Interval(
                neighbour.id, person, min(made.from_at, neighbour.from_at), max(made.until_at, neighbour.until_at)
            )
    kept.append(made)
    kept.sort(key=lambda one: one.from_at)
    return kept


Cut = tuple[int, int, int | None, int | None]
"""A stretch of time (from, until) and the intervals that held it before and after."""


def differences(was: list[Interval], now: list[Interval]) -> list[Cut]:
    """The stretches of time that went to another interval."""
    edges = sorted({t for i in (*was, *now) for t in (i.from_at, i.until_at)})
    found: list[Cut] = []
    a = b = 0
    for from_at, until_at in pairwise(edges):
        while a < len(was) and was[a].until_at <= from_at:
            a += 1
        while b < len(now) and now[b].until_at <= from_at:
            b += 1
        before = was[a].id if a < len(was) and was[a].from_at <= from_at else None
        after = now[b].id if b < len(now) and now[b].from_at <= from_at else None
        _extend(found, (from_at, until_at, before, after))
    return found


def composed(first: list[Cut], then: list[Cut]) -> list[Cut]:
    """The cuts that two changes, one after the other, make together."""
    edges = sorted({t for cut in (*first, *then) for t in cut[:2]})
    found: list[Cut] = []
    for from_at, until_at in pairwise(edges):
        one = next((c for c in first if c[0] <= from_at < c[1]), None)
        two = next((c for c in then if c[0] <= from_at < c[1]), None)
        if one is not None or two is not None:
            before = one[2] if one is not None else two[2] if two is not None else None
            after = two[3] if two is not None else one[3] if one is not None else None
            _extend(found, (from_at, until_at, before, after))
    return found


def _extend(found: list[Cut], cut: Cut) -> None:
    if cut[2] == cut[3]:
        return
    if found and found[-1][1] == cut[0] and found[-1][2:] == cut[2:]:
        found[-1] = (found[-1][0], *cut[1:])
    else:
        found.append(cut)


@dataclass(slots=True)
class Person:
    """A person as the limits see them: how many intervals, how many strong ids by type."""

    number: int
    since: int
    size: int = 0
    held: dict[str, int] = field(default_factory=dict)
    stored: tuple[int, int, str] | None = None


class Evidence(NamedTuple):
    """A happening as identity sees it.

    Attributes:
        ids: the usable ids, strongest first.
        previous: an alias's old id, as an account and as an anonymous id, or None.
        verified: the id types this happening proves.
    """

    pos: int
    message_id: str
    kind: str
    at: int
    ids: list[Key]
    previous: tuple[Key, Key] | None = None
    verified: frozenset[str] = frozenset()


class Link(NamedTuple):
    """Why ``identifier`` and ``other`` are one person's."""

    identifier: int
    pos: int
    other: int
    rule: str
    kind: str
    message_id: str
    at: int


class Around(NamedTuple):
    """The claims on an id near an instant: the last until then, the next firm one after, whether any is known."""

    before: int | None
    after: int | None
    known: bool


class Claims(Protocol):
    """What is remembered of logins and verifications on ids that can move."""

    def add(self, identifier: int, at: int, pos: int, firm: bool) -> None: ...

    def saw(self, identifier: int, account: int, at: int) -> None: ...

    def around(self, identifier: int, at: int) -> Around: ...

    def first(self, identifier: int) -> int | None:
        """The instant of the earliest firm claim."""
        ...

    def accounts(self, identifier: int) -> Mapping[int, int]:
        """The accounts seen on a weak id, and when first."""
        ...
