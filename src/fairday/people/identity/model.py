"""What identity knows while it works: identifiers with their ownership intervals, persons, evidence. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from fairday.people.identity.normal import Key
from fairday.people.tables import OPEN

# An identifier is numbered by the happening that first brought it, an interval by its identifier, so that the same log
# always gives the same numbers: 37 bits of log position, 6 of the id's place in its happening, 20 of interval.
_IDS_BITS = 6
_INTERVAL_BITS = 20


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

    __slots__ = ("fresh", "id", "intervals", "stored", "type", "value")

    def __init__(self, id_: int, key: Key, intervals: Iterable[Interval] = (), fresh: bool = True) -> None:
        self.id = id_
        self.type, self.value = key
        self.intervals = list(intervals)
        self.stored: tuple[Interval, ...] = () if fresh else tuple(self.intervals)
        self.fresh = fresh

    def at(self, at: int) -> Interval | None:
        """The interval that holds the instant ``at`` (ms), or None."""
        found = self.intervals
        if len(found) == 1:
            only = found[0]
            return only if only.from_at <= at < only.until_at else None
        i = bisect_right(found, at, key=lambda one: one.from_at) - 1
        return found[i] if i >= 0 and at < found[i].until_at else None

    def current(self) -> Interval | None:
        """The interval that is open to the future, or None."""
        last = self.intervals[-1] if self.intervals else None
        return last if last is not None and last.until_at == OPEN else None


def overlay(
    identifier: int, intervals: list[Interval], person: int | None, from_at: int, until_at: int
) -> list[Interval]:
    """The intervals with [from_at, until_at) given to ``person`` (None: to nobody).

    What is left of an interval on its earlier side keeps its number, otherwise what is left on its later side does;
    a neighbour of the same person grows instead of a new interval being made.
    """
    nth = max((i.id & (1 << _INTERVAL_BITS) - 1 for i in intervals), default=-1) + 1
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


class MemoryClaims:
    """Claims kept in memory, for rules without a database."""

    def __init__(self) -> None:
        self._claims: dict[int, list[tuple[int, bool]]] = {}
        self._seen: dict[int, dict[int, int]] = {}

    def add(self, identifier: int, at: int, pos: int, firm: bool) -> None:
        self._claims.setdefault(identifier, []).append((at, firm))

    def saw(self, identifier: int, account: int, at: int) -> None:
        mine = self._seen.setdefault(identifier, {})
        mine[account] = min(at, mine.get(account, at))

    def around(self, identifier: int, at: int) -> Around:
        known = self._claims.get(identifier, [])
        before = max((t for t, _ in known if t <= at), default=None)
        after = min((t for t, firm in known if firm and t > at), default=None)
        return Around(before, after, bool(known))

    def first(self, identifier: int) -> int | None:
        return min((t for t, firm in self._claims.get(identifier, []) if firm), default=None)

    def accounts(self, identifier: int) -> Mapping[int, int]:
        return self._seen.get(identifier, {})
