"""Operators' calls: checked, then written as happenings into the log, so that a rebuild replays them."""

from __future__ import annotations

from sqlalchemy import Connection

from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.kernel.ids import new_id
from fairday.kernel.settings import IdentitySettings
from fairday.people.identity.normal import normalise
from fairday.people.identity.queries import person_of
from fairday.people.identity.records import run
from fairday.storage.log import OURS, Happening


def parse_id(text: str, settings: IdentitySettings) -> tuple[str, str]:
    """An id written ``type:value``, normalised.

    Raises:
        FairdayError: not of that form, or a value that is not usable.
    """
    type_, colon, value = text.partition(":")
    if not colon or not type_:
        raise FairdayError(f"{text!r} is not an id.", code="bad_id", remedy="Write type:value, such as user_id:u1.")
    found, reason = normalise(type_, value, settings)
    if found is None:
        raise FairdayError(
            f"{text!r} is not a usable id ({reason}).", code="bad_id", remedy="Write an id that is kept."
        )
    return type_, found


def merge(
    conn: Connection, a: str, b: str, settings: IdentitySettings, now: int, message_id: str | None = None
) -> Happening:
    """The happening that makes the persons of two ids one, limits or not; append it to the log.

    Raises:
        FairdayError: twice the same id.
        NotFound: an id that is nobody's now.
        Conflict: other ids of the two persons were split; merging those very ids lifts that.
    """
    ids = [parse_id(a, settings), parse_id(b, settings)]
    if ids[0] == ids[1]:
        raise FairdayError("An id cannot be merged with itself.", code="bad_merge", remedy="Name two different ids.")
    persons = [_person(conn, i) for i in ids]
    if persons[0] != persons[1] and _split_between(conn, persons[0], persons[1], ids):
        raise Conflict(
            f"{a} and {b} belong to persons who were split.",
            code="split_before",
            remedy="Merge the two ids that were split; that takes the split back.",
        )
    return _call("merge", ids, {"ids": [a, b]}, now, message_id)


def split(
    conn: Connection, a: str, b: str, settings: IdentitySettings, now: int, message_id: str | None = None
) -> Happening:
    """The happening that takes two ids apart and keeps them apart; append it to the log.

    Raises:
        FairdayError: twice the same id.
        NotFound: an id that nobody has, or ever had.
    """
    ids = [parse_id(a, settings), parse_id(b, settings)]
    if ids[0] == ids[1]:
        raise FairdayError("An id cannot be split from itself.", code="bad_split", remedy="Name two different ids.")
    for type_, value in ids:
        if not run(conn, "SELECT 1 FROM identifiers WHERE type = ? AND value = ?", (type_, value)):
            raise NotFound(f"Nobody has {type_}:{value}.", code="unknown_id")
    return _call("unmerge", ids, {"split": [a, b]}, now, message_id)


def undo_merge(conn: Connection, merge_of: str, now: int, message_id: str | None = None) -> Happening:
    """The happening that takes an operator's merge back; append it to the log.

    Args:
        merge_of: the merge's message id.

    Raises:
        NotFound: no such merge, or it was taken back already.
    """
    query = "SELECT 1 FROM identity_operations WHERE message_id = ? AND kind = 'merge' AND undone = 0"
    if not run(conn, query, (merge_of,)):
        raise NotFound(f"There is no merge {merge_of!r} to take back.", code="unknown_merge")
    return _call("unmerge", [], {"merge_of": merge_of}, now, message_id)


def _person(conn: Connection, id_: tuple[str, str]) -> int:
    found = person_of(conn, *id_)
    if found is None:
        raise NotFound(f"{id_[0]}:{id_[1]} is nobody's now.", code="unknown_id")
    return found


def _split_between(conn: Connection, a: int, b: int, ids: list[tuple[str, str]]) -> bool:
    rows = run(
        conn,
        "SELECT ia.type, ia.value, ib.type, ib.value FROM cannot_links c"
        " JOIN identifiers ia ON ia.id = c.a JOIN identifiers ib ON ib.id = c.b"
        " WHERE EXISTS (SELECT 1 FROM ownership o JOIN ownership p ON 1 = 1 WHERE o.identifier = c.a"
        " AND p.identifier = c.b AND ((o.person = ? AND p.person = ?) OR (o.person = ? AND p.person = ?)))",
        (a, b, b, a),
    )
    return any({(r[0], r[1]), (r[2], r[3])} != set(ids) for r in rows)


def _call(
    kind: str, ids: list[tuple[str, str]], body: dict[str, object], now: int, message_id: str | None
) -> Happening:
    return Happening(
        message_id=message_id or new_id(now),
        kind=kind,
        at=now,
        received=now,
        source=OURS,
        ids=tuple(ids),
        body=body,
    )
