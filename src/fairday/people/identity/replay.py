"""Taking apart: a split, or the undoing of a merge, as if what joined the persons had never been.

The persons concerned are emptied, and their happenings taken again in log order with what is in force now. So a split
leaves the tables as they would be had the two ids never been admitted together, whatever was joined since.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from fairday.kernel.settings import IdentitySettings
from fairday.people.identity.fold import fold, save_operations
from fairday.people.identity.model import Interval, differences
from fairday.people.identity.normal import normalise
from fairday.people.identity.records import delete_in, many, rows_in, run, save_cuts, save_moves
from fairday.storage.log import Happening, happening

_SLICE = 2000


def unmerge(conn: Connection, settings: IdentitySettings, row: Happening) -> str:
    """Do what an operator's ``unmerge`` says; "" or why it was left."""
    of = row.body.get("merge_of")
    if isinstance(of, str):
        query = "SELECT pos, a, b FROM identity_operations WHERE message_id = ? AND kind = 'merge' AND undone = 0"
        found = run(conn, query, (of,))
        if not found:
            return "unknown"
        pos, a, b = found[0]
        many(conn, "UPDATE identity_operations SET undone = 1 WHERE pos = ?", [(pos,)])
    else:
        numbers = _numbers(conn, settings, row)
        if len(numbers) != 2:
            return "unknown"
        a, b = sorted(numbers)
        save_operations(conn, [(row.pos, row.xid, row.message_id, "split", a, b, 0)])
    _keep_pairs(conn)
    if _owners(conn, a) & _owners(conn, b):
        _replay(conn, settings, row, _owners(conn, a) | _owners(conn, b))
    return ""


def _numbers(conn: Connection, settings: IdentitySettings, row: Happening) -> set[int]:
    found: set[int] = set()
    for type_, value in row.ids:
        text, _ = normalise(type_, value, settings)
        query = "SELECT id FROM identifiers WHERE type = ? AND value = ?"
        found.update(r[0] for r in run(conn, query, (type_, text)))
    return found


def _owners(conn: Connection, identifier: int) -> set[int]:
    return {r[0] for r in run(conn, "SELECT DISTINCT person FROM ownership WHERE identifier = ?", (identifier,))}


def _keep_pairs(conn: Connection) -> None:
    """The split pairs in force: each split sets its pair, each later merge of the very two ids lifts it."""
    force: dict[tuple[int, int], int] = {}
    for pos, kind, a, b in run(
        conn, "SELECT pos, kind, a, b FROM identity_operations WHERE undone = 0 ORDER BY xid, pos"
    ):
        if kind == "split":
            force.setdefault((a, b), pos)
        else:
            force.pop((a, b), None)
    known = {(a, b) for a, b in run(conn, "SELECT a, b FROM cannot_links")}
    many(conn, "DELETE FROM cannot_links WHERE a = ? AND b = ?", known - force.keys())
    made = [(a, b, pos) for (a, b), pos in force.items() if (a, b) not in known]
    many(conn, "INSERT INTO cannot_links (a, b, pos) VALUES (?,?,?)", made)


def _replay(conn: Connection, settings: IdentitySettings, row: Happening, persons: set[int]) -> None:
    before = _reach(conn, persons)
    positions = _happenings(conn, before)
    for table, column in (
        ("ownership", "identifier"),
        ("links", "identifier"),
        ("identity_claims", "identifier"),
        ("identity_seen", "identifier"),
        ("timeline", "identifier"),
    ):
        delete_in(conn, table, column, before)
    gone = {i.person for intervals in before.values() for i in intervals}
    delete_in(conn, "people", "person", gone)
    delete_in(conn, "identity_standing", "person", gone)
    undone = {r[0] for r in run(conn, "SELECT message_id FROM identity_operations WHERE undone = 1")}
    for start in range(0, len(positions), _SLICE):
        part = positions[start : start + _SLICE]
        query = (
            "SELECT pos, xid, message_id, kind, name, at, received, source, ids, body FROM happenings WHERE pos IN ?"
        )
        rows = sorted((happening(r._mapping) for r in rows_in(conn, query, part)), key=lambda h: (h.xid, h.pos))
        fold(conn, settings, rows, undone, quiet=True)
    after = _intervals(conn, before)
    delete_in(conn, "identifiers", "id", before.keys() - after.keys())
    _tell(conn, row.pos, before, after)


def _reach(conn: Connection, persons: set[int]) -> dict[int, list[Interval]]:
    """Every identifier that the persons had, or whoever shares one or was linked with them; with its intervals.

    Links count too: an id that has moved on entirely still came to its first owner by a happening of theirs.
    """
    found: dict[int, list[Interval]] = {}
    done: set[int] = set()
    while persons - done:
        step = persons - done
        done |= step
        query = "SELECT DISTINCT identifier FROM ownership WHERE person IN ?"
        fresh = {r[0] for r in rows_in(conn, query, step)} - found.keys()
        for this, that in (("identifier", "other"), ("other", "identifier")):
            query = f"SELECT DISTINCT {that} FROM links WHERE {this} IN ?"
            fresh |= {r[0] for r in rows_in(conn, query, sorted(fresh))} - found.keys()
        found |= _intervals(conn, fresh)
        persons |= {i.person for n in fresh for i in found.get(n, ())}
    return found


def _intervals(conn: Connection, identifiers: Iterable[int]) -> dict[int, list[Interval]]:
    found: dict[int, list[Interval]] = {}
    query = "SELECT id, person, from_at, until_at, identifier FROM ownership WHERE identifier IN ?"
    for number, person, from_at, until_at, identifier in rows_in(conn, query, sorted(identifiers)):
        found.setdefault(identifier, []).append(Interval(number, person, from_at, until_at))
    for intervals in found.values():
        intervals.sort(key=lambda one: one.from_at)
    return found


def _happenings(conn: Connection, identifiers: dict[int, list[Interval]]) -> list[int]:
    """Positions, in log order, of what the identifiers carry and of operators' calls on them."""
    found = {r[0] for r in rows_in(conn, "SELECT pos FROM timeline WHERE identifier IN ?", identifiers)}
    for column in ("a", "b"):
        query = f"SELECT pos FROM identity_operations WHERE {column} IN ?"
        found.update(r[0] for r in rows_in(conn, query, identifiers))
    order = [(x, p) for p, x in rows_in(conn, "SELECT pos, xid FROM happenings WHERE pos IN ?", sorted(found))]
    return [p for _, p in sorted(order)]


def _tell(conn: Connection, pos: int, before: dict[int, list[Interval]], after: dict[int, list[Interval]]) -> None:
    """Say whose intervals have changed, and which stretches went to another interval."""
    had: dict[int, set[tuple[int, int, int]]] = {}
    has: dict[int, set[tuple[int, int, int]]] = {}
    for owned, kept in ((before, had), (after, has)):
        for intervals in owned.values():
            for i in intervals:
                kept.setdefault(i.person, set()).add((i.id, i.from_at, i.until_at))
    save_moves(conn, {(pos, p) for p in had.keys() | has.keys() if had.get(p) != has.get(p)})
    save_cuts(conn, (((pos, n), differences(before.get(n, []), after.get(n, []))) for n in sorted(before)))
