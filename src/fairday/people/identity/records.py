"""Loading what a slice of the log touches in a few queries, and writing what it changed in a few more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from fairday.kernel import jsons
from fairday.kernel.settings import IdentitySettings
from fairday.people.identity.graph import Graph
from fairday.people.identity.model import Around, Cut, Identifier, Interval, Person
from fairday.people.identity.normal import Key

_CHUNK = 900


def run(conn: Connection, sql: str, args: Sequence[Any] = ()) -> Sequence[Any]:
    """Rows of a query written with ``?`` for its arguments."""
    return conn.exec_driver_sql(_dialect(conn, sql), tuple(args)).fetchall()


def rows_in(conn: Connection, sql: str, values: Iterable[Any], *before: Any) -> Iterator[Any]:
    """Rows of a query whose ``IN ?`` holds any number of values; ``before`` are the arguments written before it."""
    found = list(values)
    for start in range(0, len(found), _CHUNK):
        part = found[start : start + _CHUNK]
        if conn.dialect.name == "sqlite":
            yield from run(conn, sql.replace("IN ?", f"IN ({','.join('?' * len(part))})"), (*before, *part))
        else:
            kind = "bigint" if isinstance(part[0], int) else "text"
            yield from run(conn, sql.replace("IN ?", f"= ANY(?::{kind}[])"), (*before, part))


def delete_in(conn: Connection, table: str, column: str, values: Iterable[int]) -> int:
    """Delete the rows whose column has one of the values; how many."""
    found = list(values)
    n = 0
    for start in range(0, len(found), _CHUNK):
        part = found[start : start + _CHUNK]
        marks = ",".join("?" * len(part))
        done = conn.exec_driver_sql(_dialect(conn, f"DELETE FROM {table} WHERE {column} IN ({marks})"), tuple(part))
        n += done.rowcount
    return n


def many(conn: Connection, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Run a statement written with ``?`` once for each row of arguments."""
    found = list(rows)
    if not found:
        return
    cursor = conn.connection.cursor()
    try:
        cursor.executemany(_dialect(conn, sql), found)
    finally:
        cursor.close()


def _dialect(conn: Connection, sql: str) -> str:
    return sql if conn.dialect.name == "sqlite" else sql.replace("?", "%s")


class StoredClaims:
    """Claims in the database; what is added waits until it is asked for or written."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._claims: list[tuple[int, int, int, int]] = []
        self._seen: dict[tuple[int, int], int] = {}

    def add(self, identifier: int, at: int, pos: int, firm: bool) -> None:
        self._claims.append((identifier, at, pos, int(firm)))

    def saw(self, identifier: int, account: int, at: int) -> None:
        pair = (identifier, account)
        known = self._seen.get(pair)
        if known is None or at < known:
            self._seen[pair] = at

    def around(self, identifier: int, at: int) -> Around:
        self.write()
        before, after, known = run(
            self._conn,
            "SELECT (SELECT max(at) FROM identity_claims WHERE identifier = ? AND at <= ?),"
            " (SELECT min(at) FROM identity_claims WHERE identifier = ? AND at > ? AND firm = 1),"
            " (SELECT min(at) FROM identity_claims WHERE identifier = ?)",
            (identifier, at, identifier, at, identifier),
        )[0]
        return Around(before, after, known is not None)

    def first(self, identifier: int) -> int | None:
        self.write()
        found = run(self._conn, "SELECT min(at) FROM identity_claims WHERE identifier = ? AND firm = 1", (identifier,))
        return None if found[0][0] is None else int(found[0][0])

    def accounts(self, identifier: int) -> Mapping[int, int]:
        self.write()
        return {
            a: t
            for a, t in run(
                self._conn, "SELECT account, first_at FROM identity_seen WHERE identifier = ?", (identifier,)
            )
        }

    def write(self) -> None:
        """Write what waits."""
        many(
            self._conn,
            "INSERT INTO identity_claims (identifier, at, pos, firm) VALUES (?,?,?,?)"
            " ON CONFLICT (identifier, at, pos) DO NOTHING",
            self._claims,
        )
        many(
            self._conn,
            "INSERT INTO identity_seen (identifier, account, first_at) VALUES (?,?,?) ON CONFLICT (identifier, account)"
            " DO UPDATE SET first_at = excluded.first_at WHERE excluded.first_at < identity_seen.first_at",
            [(*pair, at) for pair, at in self._seen.items()],
        )
        self._claims.clear()
        self._seen.clear()


def load(conn: Connection, settings: IdentitySettings, keys: Iterable[Key]) -> tuple[Graph, StoredClaims]:
    """A graph that holds the identifiers of those keys, their persons, and every split pair."""
    claims = StoredClaims(conn)
    pairs: dict[int, set[int]] = {}
    for a, b in run(conn, "SELECT a, b FROM cannot_links"):
        pairs.setdefault(a, set()).add(b)
        pairs.setdefault(b, set()).add(a)
    graph = Graph(settings, claims, pairs, lambda g, numbers: _ensure(conn, g, numbers))
    by_type: dict[str, set[str]] = {}
    for type_, value in keys:
        by_type.setdefault(type_, set()).add(value)
    found: dict[int, Key] = {}
    for type_, values in sorted(by_type.items()):
        query = "SELECT id, value FROM identifiers WHERE type = ? AND value IN ?"
        found |= {number: (type_, value) for number, value in rows_in(conn, query, sorted(values), type_)}
    _load(conn, graph, found)
    if pairs:
        _ensure(conn, graph, pairs)
    return graph, claims


def _ensure(conn: Connection, graph: Graph, numbers: Iterable[int]) -> None:
    """Load identifiers by number, with their persons."""
    missing = [n for n in numbers if n not in graph.by_id]
    query = "SELECT id, type, value FROM identifiers WHERE id IN ?"
    _load(conn, graph, {n: (t, v) for n, t, v in rows_in(conn, query, missing)})


def _load(conn: Connection, graph: Graph, found: Mapping[int, Key]) -> None:
    intervals: dict[int, list[Interval]] = {}
    query = "SELECT id, person, from_at, until_at, identifier FROM ownership WHERE identifier IN ?"
    for number, person, from_at, until_at, identifier in rows_in(conn, query, found):
        intervals.setdefault(identifier, []).append(Interval(number, person, from_at, until_at))
    persons: set[int] = set()
    for number, key in found.items():
        mine = intervals.get(number, [])
        mine.sort(key=lambda one: one.from_at)
        graph.load(Identifier(number, key, mine, fresh=False))
        persons.update(i.person for i in mine)
    load_people(conn, graph, persons)


def load_people(conn: Connection, graph: Graph, persons: Iterable[int]) -> None:
    """Load persons that are not loaded and have not been merged away since."""
    missing = {graph.person(p) for p in persons} - graph.people.keys()
    query = (
        "SELECT p.person, p.since, s.size, s.held FROM people p"
        " JOIN identity_standing s ON s.person = p.person WHERE p.person IN ?"
    )
    for number, since, size, held in rows_in(conn, query, missing):
        graph.people[number] = Person(number, since, size, jsons.loads(held), (since, size, held))


def save(conn: Connection, graph: Graph, claims: StoredClaims, quiet: bool = False) -> None:
    """Write what a graph has changed.

    Args:
        quiet: while a split is replayed, what moved is told afterwards, by comparing before and after.
    """
    touched = graph.touched.values()
    many(
        conn,
        "INSERT INTO identifiers (id, type, value) VALUES (?,?,?)",
        [(i.id, i.type, i.value) for i in touched if i.fresh],
    )
    _save_people(conn, graph)
    _save_intervals(conn, graph)
    many(
        conn,
        "INSERT INTO links (identifier, pos, other, rule, kind, message_id, at) VALUES (?,?,?,?,?,?,?)"
        " ON CONFLICT (identifier, pos) DO NOTHING",
        graph.links,
    )
    many(conn, "INSERT INTO timeline (pos, identifier, at) VALUES (?,?,?)", graph.timeline)
    claims.write()
    if not quiet:
        save_moves(conn, graph.moves)
        save_cuts(conn, graph.cuts.items())


def save_moves(conn: Connection, moves: Iterable[tuple[int, int]]) -> None:
    many(
        conn,
        "INSERT INTO identity_moves (pos, person) VALUES (?,?) ON CONFLICT (pos, person) DO NOTHING",
        sorted(moves),
    )


def save_cuts(
    conn: Connection,
    found: Iterable[tuple[tuple[int, int], list[Cut]]],
) -> None:
    many(
        conn,
        "INSERT INTO identity_cuts (pos, identifier, from_at, until_at, was, now) VALUES (?,?,?,?,?,?)",
        [(*key, *cut) for key, cuts in found for cut in cuts],
    )


def _save_people(conn: Connection, graph: Graph) -> None:
    kept = [p for p in graph.people.values() if p.size > 0]
    empty = [p.number for p in graph.people.values() if p.size <= 0 and p.stored is not None]
    rows = [(p, jsons.dumps({t: n for t, n in sorted(p.held.items()) if n})) for p in kept]
    fresh = [(p, held) for p, held in rows if p.stored is None]
    moved = [(p, held) for p, held in rows if p.stored is not None and p.stored != (p.since, p.size, held)]
    many(conn, "INSERT INTO people (person, since) VALUES (?,?)", [(p.number, p.since) for p, _ in fresh])
    many(
        conn,
        "INSERT INTO identity_standing (person, size, held) VALUES (?,?,?)",
        [(p.number, p.size, held) for p, held in fresh],
    )
    many(
        conn,
        "UPDATE people SET since = ? WHERE person = ?",
        [(p.since, p.number) for p, _ in moved if p.stored is not None and p.stored[0] != p.since],
    )
    many(
        conn,
        "UPDATE identity_standing SET size = ?, held = ? WHERE person = ?",
        [(p.size, held, p.number) for p, held in moved],
    )
    many(conn, "UPDATE ownership SET person = ? WHERE person = ?", [(graph.person(g), g) for g in graph.gone])
    away = [(g,) for g in (*graph.gone, *empty)]
    many(conn, "DELETE FROM people WHERE person = ?", away)
    many(conn, "DELETE FROM identity_standing WHERE person = ?", away)


def _save_intervals(conn: Connection, graph: Graph) -> None:
    made: list[tuple[int, int, int, int, int]] = []
    moved: list[tuple[int, int, int, int]] = []
    away: list[tuple[int]] = []
    for identifier in graph.touched.values():
        stored = {i.id: i for i in identifier.stored}
        for one in identifier.intervals:
            person = graph.person(one.person)
            old = stored.pop(one.id, None)
            if old is None:
                made.append((one.id, identifier.id, person, one.from_at, one.until_at))
            elif (graph.person(old.person), *old[2:]) != (person, *one[2:]):
                moved.append((person, one.from_at, one.until_at, one.id))
        away += [(number,) for number in stored]
    many(conn, "DELETE FROM ownership WHERE id = ?", away)
    many(conn, "UPDATE ownership SET person = ?, from_at = ?, until_at = ? WHERE id = ?", moved)
    many(conn, "INSERT INTO ownership (id, identifier, person, from_at, until_at) VALUES (?,?,?,?,?)", made)
