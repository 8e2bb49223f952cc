"""Questions about identity: whose an id is, what ids a person has, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from fairday.kernel.settings import IdentitySettings
from fairday.people.identity.model import Interval
from fairday.people.identity.normal import normalise
from fairday.people.identity.records import rows_in, run
from fairday.people.tables import OPEN

ANYTIME = OPEN - 1
"""The instant at which an id's current owner owns it."""


@dataclass(frozen=True, slots=True)
class OwnedId:
    """An id of a person: its number, type, value, and the stretches (from, until, ms) in which it is theirs."""

    number: int
    type: str
    value: str
    stretches: tuple[tuple[int, int], ...]

    @property
    def current(self) -> bool:
        return self.stretches[-1][1] == OPEN


@dataclass(frozen=True, slots=True)
class Why:
    """Why an id is a person's.

    Attributes:
        code: ``same`` (came together), ``merge`` (joined two persons), ``login`` (a weak id followed a login),
            ``verified`` (moved because it was proved), ``alias``, ``operator``.
        params: what a sentence about it needs: type, value, other_type, other_value, kind, name.
        message_id, at: the happening that is the evidence.
    """

    code: str
    params: Mapping[str, Any]
    message_id: str
    at: int
    pos: int


def person_of(
    conn: Connection, type_: str, value: str, at: int | None = None, settings: IdentitySettings | None = None
) -> int | None:
    """The person an id belongs to, now or at an instant (ms); None when it is nobody's.

    Args:
        settings: with them the value is normalised first; without, it is taken as kept.
    """
    if settings is not None:
        found, _ = normalise(type_, value, settings)
        if found is None:
            return None
        value = found
    when = ANYTIME if at is None else at
    rows = run(
        conn,
        "SELECT o.person FROM identifiers i JOIN ownership o ON o.identifier = i.id"
        " WHERE i.type = ? AND i.value = ? AND o.from_at <= ? AND o.until_at > ?",
        (type_, value, when, when),
    )
    return int(rows[0][0]) if rows else None


def ids_of(conn: Connection, person: int) -> list[OwnedId]:
    """The ids that are or were a person's, by type and value."""
    stretches: dict[tuple[str, str, int], list[tuple[int, int]]] = {}
    for type_, value, number, from_at, until_at in run(
        conn,
        "SELECT i.type, i.value, i.id, o.from_at, o.until_at FROM ownership o JOIN identifiers i ON i.id = o.identifier"
        " WHERE o.person = ? ORDER BY i.type, i.value, o.from_at",
        (person,),
    ):
        stretches.setdefault((type_, value, number), []).append((from_at, until_at))
    return [OwnedId(number, type_, value, tuple(found)) for (type_, value, number), found in stretches.items()]


def why(conn: Connection, person: int) -> list[Why]:
    """Every link between a person's ids with its evidence, oldest first."""
    mine = {i.number: i for i in ids_of(conn, person)}
    found: list[tuple[int, int, int, str, str, str, int]] = [
        tuple(r)
        for r in rows_in(
            conn, "SELECT pos, identifier, other, rule, kind, message_id, at FROM links WHERE identifier IN ?", mine
        )
    ]
    others = {r[2] for r in found} - mine.keys()
    named: dict[int, tuple[str, str]] = {n: (i.type, i.value) for n, i in mine.items()}
    query = "SELECT id, type, value FROM identifiers WHERE id IN ?"
    named |= {n: (t, v) for n, t, v in rows_in(conn, query, others)}
    names = dict(
        tuple(r) for r in rows_in(conn, "SELECT pos, name FROM happenings WHERE pos IN ?", {r[0] for r in found})
    )
    reasons: list[Why] = []
    for pos, identifier, other, rule, kind, message_id, at in sorted(found, key=lambda r: (r[6], r[0], r[1])):
        type_, value = named[identifier]
        other_type, other_value = named.get(other, ("", ""))
        params = {"type": type_, "value": value, "other_type": other_type, "other_value": other_value,
                  "kind": kind, "name": names.get(pos, "")}  # fmt: skip
        reasons.append(Why(rule, params, message_id, at, pos))
    return reasons


def claimed(conn: Connection, person: int, weak: Collection[str]) -> bool:
    """Whether a browser alone says that some id that is not weak is this person's.

    What comes with a browser's key is a claim: anybody can send it. A page that shows what is known of a person to
    whoever holds one of their weak ids must not rest on it.
    """
    types = {i.number: i.type for i in ids_of(conn, person)}
    if all(type_ in weak for type_ in types.values()):
        return False
    query = (
        "SELECT l.identifier, l.other FROM links l JOIN happenings h ON h.pos = l.pos"
        " WHERE substr(h.source, 1, 8) = 'browser:' AND l.identifier IN ?"
    )
    return any(
        types.get(a, "") not in weak or types.get(b, "") not in weak for a, b in rows_in(conn, query, list(types))
    )


def carried(conn: Connection, positions: Sequence[int]) -> dict[int, tuple[int, Interval | None]]:
    """For happenings by position: the identifier that carries each, and the interval it falls into now.

    Those that no usable id carries are left out; an interval of None means it is nobody's (a shared device).
    """
    lines = {
        p: (i, at) for p, i, at in rows_in(conn, "SELECT pos, identifier, at FROM timeline WHERE pos IN ?", positions)
    }
    intervals: dict[int, list[Interval]] = {}
    query = "SELECT id, person, from_at, until_at, identifier FROM ownership WHERE identifier IN ?"
    for number, person, from_at, until_at, identifier in rows_in(conn, query, {i for i, _ in lines.values()}):
        intervals.setdefault(identifier, []).append(Interval(number, person, from_at, until_at))
    return {
        p: (i, next((one for one in intervals.get(i, ()) if one.from_at <= at < one.until_at), None))
        for p, (i, at) in lines.items()
    }


def owner_of(conn: Connection, message_id: str) -> int | None:
    """The person a happening belongs to, by its message id, or None."""
    rows = run(
        conn,
        "SELECT o.person FROM happenings h JOIN timeline t ON t.pos = h.pos JOIN ownership o"
        " ON o.identifier = t.identifier AND o.from_at <= t.at AND o.until_at > t.at WHERE h.message_id = ?",
        (message_id,),
    )
    return int(rows[0][0]) if rows else None
