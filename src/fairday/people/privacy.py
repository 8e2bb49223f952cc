"""Everything about a person, given out as JSON or erased; both walk the marks of the declared columns.

A column's mark (``fairday.storage.database.col``) says how its row points at a person: ``person``, ``identifier``,
``interval`` (of ownership), ``happening`` (a position in the log), ``of TABLE.COLUMN`` (whose row of that table it goes
with) or ``ids`` (a list of ids, under which words stand). Personal texts without a pointer are searched for the
person's addresses and numbers too (``mentioned``): words that stand under nobody's ids are theirs then; words of
somebody else are not, and lose the mention alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Column, Connection, Table, Text, and_, delete, func, or_, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import String

from fairday.kernel import jsons
from fairday.kernel.clock import Clock, iso
from fairday.kernel.errors import NotFound
from fairday.kernel.settings import IdentitySettings, Settings
from fairday.people.identity.erased import HOLDS_MS, hashed, scrub, secret
from fairday.people.identity.normal import Key
from fairday.people.identity.operators import parse_id
from fairday.people.identity.queries import ids_of, person_of, why
from fairday.people.identity.records import delete_in, many, rows_in, run
from fairday.people.mentioned import Mentions
from fairday.people.traits import totals
from fairday.storage.database import Database, metadata
from fairday.storage.followers import Followers
from fairday.storage.log import happenings

POINTERS = ("person", "identifier", "interval", "happening")
OF, IDS = "of ", "ids"
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is given out or erased, as the marks point at them.

    Attributes:
        person: the person's number.
        identifiers: numbers of the ids that are and were nobody else's.
        intervals: numbers of the person's ownership intervals.
        positions: log positions of the happenings that are theirs, and of operators' calls on their ids.
        mentions: positions of other people's happenings that mention one of their ids.
        keys: the ids, as (type, value).
    """

    person: int
    identifiers: tuple[int, ...]
    intervals: tuple[int, ...]
    positions: tuple[int, ...]
    mentions: tuple[int, ...]
    keys: tuple[Key, ...]

    def pointed(self, mark: Any) -> tuple[int, ...]:
        """The numbers that a column of that mark would hold."""
        pointers: dict[Any, tuple[int, ...]] = {
            "person": (self.person,),
            "identifier": self.identifiers,
            "interval": self.intervals,
            "happening": self.positions,
        }
        return pointers.get(mark, ())


Eraser = Callable[[Connection, Subject], int]
"""Erases what a part outside the database (the lake, a folder of files) holds of a person; how many pieces went.

Called in the erasure's transaction, when the log has been changed already. It must take ``subject.positions`` out, and
bring ``subject.mentions`` to what the log holds after the erasure. It may be called again for the same person.
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an erasure did: rows by table, pieces outside the database, and whether the freed space was overwritten."""

    person: int
    at: int
    rows: Mapping[str, int]
    scrubbed: int
    outside: int
    overwritten: bool


class Keeper(Protocol):
    """The parts of a shop that an erasure needs."""

    db: Database
    followers: Followers
    clock: Clock
    settings: Settings
    erasers: list[Eraser]


# ---- who -------------------------------------------------------------------------------------------------------------


def subject_of(conn: Connection, person: int) -> Subject:
    """A person as the marks point at them."""
    own = ids_of(conn, person)
    shared = {
        r[0]
        for r in rows_in(
            conn, "SELECT DISTINCT identifier FROM ownership WHERE person <> ? AND identifier IN ?",
            [i.number for i in own], person,
        )
    }  # fmt: skip
    mine = [i for i in own if i.number not in shared]
    intervals = [r[0] for r in run(conn, "SELECT id FROM ownership WHERE person = ? ORDER BY id", (person,))]
    positions = {
        r[0]
        for r in run(
            conn,
            "SELECT t.pos FROM ownership o JOIN timeline t ON t.identifier = o.identifier"
            " AND t.at >= o.from_at AND t.at < o.until_at WHERE o.person = ?",
            (person,),
        )
    }
    for column in ("a", "b"):
        query = f"SELECT pos FROM identity_operations WHERE {column} IN ?"
        positions.update(r[0] for r in rows_in(conn, query, [i.number for i in mine]))
    keys = tuple((i.type, i.value) for i in mine)
    mentions: set[int] = set()
    if run(conn, "SELECT 1 FROM identity_mentions LIMIT 1"):
        key = secret(conn)
        query = "SELECT pos FROM identity_mentions WHERE key IN ?"
        mentions = {r[0] for r in rows_in(conn, query, [hashed(k, key) for k in keys])} - positions
    return Subject(
        person, tuple(i.number for i in mine), tuple(intervals), tuple(sorted(positions)), tuple(sorted(mentions)), keys
    )


def pointing(mark: object) -> bool:
    """Whether a mark says how a row points at a person."""
    return isinstance(mark, str) and (mark in POINTERS or mark.startswith(OF))


def _marked(table: Table) -> dict[str, list[Column[Any]]]:
    """A table's columns by pointer."""
    found: dict[str, list[Column[Any]]] = {}
    for column in table.columns:
        mark = column.info.get("personal", False)
        if pointing(mark):
            found.setdefault(mark, []).append(column)
    return found


def _ids(table: Table) -> Column[Any] | None:
    """The column of a table that says under whose ids a row stands."""
    return next((c for c in table.columns if c.info.get("personal") == IDS), None)


def searched(table: Table) -> list[Column[Any]]:
    """The personal text columns of a table that points at nobody: what is about a person is found in them as text."""
    if table is happenings or _marked(table):
        return []
    return [c for c in table.columns if c.info.get("personal") is True and isinstance(c.type, String | Text)]


class _Held:
    """The rows that are a person's, table by table. Looked up before anything is taken away: rows go with others."""

    def __init__(self, conn: Connection, subject: Subject) -> None:
        self._conn = conn
        self._subject = subject
        self._mentions = Mentions(subject.keys)
        self._values: dict[str, tuple[Any, ...]] = {}
        for table in metadata.sorted_tables:
            for mark in _marked(table):
                self.pointed(mark)

    def pointed(self, mark: str) -> tuple[Any, ...]:
        """The values that a column of that mark would hold."""
        if not mark.startswith(OF):
            return self._subject.pointed(mark)
        if mark not in self._values:
            self._values[mark] = ()  # a table that goes with itself ends here
            name, _, column = mark.removeprefix(OF).partition(".")
            table = metadata.tables.get(name)
            if table is not None:
                self._values[mark] = tuple(sorted({row._mapping[table.c[column]] for row in self.rows(table)}))
        return self._values[mark]

    def rows(self, table: Table) -> Iterable[Any]:
        """Each of the person's rows of a table once."""
        keys = list(table.primary_key)
        seen: set[tuple[Any, ...]] = set()
        for mark, columns in _marked(table).items():
            for column in columns:
                for part in _parts(self.pointed(mark)):
                    for row in self._conn.execute(select(table).where(column.in_(part))):
                        key = tuple(row._mapping[c] for c in keys)
                        if key not in seen:
                            seen.add(key)
                            yield row
        for row in self._candidates(table):
            if self._theirs(table, row):
                yield row

    def mentioning(self, table: Table) -> Iterable[tuple[Any, dict[str, str]]]:
        """Rows of others that mention the person, and their texts without that."""
        if _ids(table) is None:
            return
        for row in self._candidates(table):
            if not self._theirs(table, row):
                less = {c.name: self._mentions.without(row._mapping[c]) for c in searched(table)}
                changed = {name: said for name, said in less.items() if said != row._mapping[table.c[name]]}
                if changed:
                    yield row, changed

    def shown(self, table: Table, row: Any) -> dict[str, Any]:
        """A row as an export shows it: of texts that nobody's ids stand over, what is around the mention alone."""
        shared = {c.name for c in searched(table)} if _ids(table) is None else set()
        return {
            name: self._mentions.around(value) if name in shared else value
            for name, value in row._mapping.items()
            if not isinstance(value, bytes)
        }

    def _candidates(self, table: Table) -> Iterable[Any]:
        ids, texts = _ids(table), searched(table)
        told = self._mentions.hints if ids is not None else (*self._mentions.hints, *self._mentions.sent)
        pieces = [func.lower(c).contains(v, autoescape=True) for c in texts for v in told]
        if ids is not None:
            pieces += [func.lower(ids).contains(v, autoescape=True) for v in self._mentions.pairs]
        return list(self._conn.execute(select(table).where(or_(*pieces)))) if pieces else []

    def _theirs(self, table: Table, row: Any) -> bool:
        ids, texts = _ids(table), [row._mapping[c] for c in searched(table)]
        if ids is None:
            return any(self._mentions.told(said) for said in texts)
        under = row._mapping[ids]
        return self._mentions.among(under) or (under == "[]" and any(self._mentions.within(said) for said in texts))


# ---- export ----------------------------------------------------------------------------------------------------------


def export(conn: Connection, person: int) -> dict[str, Any]:
    """Everything held about a person, as a value for JSON.

    Returns:
        ``ids`` with the time they were theirs and why, ``happenings`` in order, and ``tables``: every row of every
        table that points at them.

    Raises:
        NotFound: no such person.
    """
    if not run(conn, "SELECT 1 FROM people WHERE person = ?", (person,)):
        raise NotFound(f"There is no person {person}.", code="unknown_person")
    subject = subject_of(conn, person)
    held = _Held(conn, subject)
    tables: dict[str, list[dict[str, Any]]] = {}
    for table in metadata.sorted_tables:
        if table is happenings:
            continue
        rows = [held.shown(table, row) for row in held.rows(table)]
        if rows:
            tables[table.name] = rows
    log = []
    query = "SELECT message_id, kind, name, at, received, source, ids, body FROM happenings WHERE pos IN ?"
    for r in sorted(rows_in(conn, query, subject.positions), key=lambda r: (r.at, r.message_id)):
        log.append(
            {
                "message_id": r.message_id, "kind": r.kind, "name": r.name, "at": iso(r.at),
                "received": iso(r.received), "source": r.source, "ids": jsons.loads(r.ids), **jsons.loads(r.body),
            }
        )  # fmt: skip
    ids = [
        {"type": i.type, "value": i.value, "current": i.current, "stretches": [list(s) for s in i.stretches]}
        for i in ids_of(conn, person)
    ]
    reasons = [{"code": w.code, **w.params, "message_id": w.message_id, "at": iso(w.at)} for w in why(conn, person)]
    return {"person": person, "ids": ids, "why": reasons, "happenings": log, "tables": tables}


def _parts(values: tuple[Any, ...]) -> Iterable[tuple[Any, ...]]:
    return (values[i : i + _CHUNK] for i in range(0, len(values), _CHUNK))


# ---- erasure ---------------------------------------------------------------------------------------------------------


def erase(shop: Keeper, id_: str, *, rewrite: bool = True) -> Receipt:
    """Erase the person who owns an id (written ``type:value``) now, everywhere, for good.

    Their happenings, ids and whatever is known of them go; their ids are taken out of other people's happenings; a
    keyed hash of each id stays, so that what still arrives late about them is dropped. Value on member accounts stays
    with the account, which then points at nobody. The space that was freed is overwritten (SQLite) or rewritten
    (PostgreSQL, where the tables are locked meanwhile).

    Args:
        rewrite: False leaves freed space to the database's own housekeeping: for who may not hold up the whole shop.

    Raises:
        FairdayError: not an id.
        NotFound: nobody owns it.
    """
    settings = shop.settings.identity
    type_, value = parse_id(id_, settings)
    shop.followers.catch_up()
    with shop.db.write() as conn:
        # Nobody may follow the log meanwhile; on SQLite this transaction alone sees to that.
        conn.execute(text("SELECT name FROM followers" + ("" if shop.db.is_sqlite else " FOR UPDATE"))).all()
        person = person_of(conn, type_, value)
        if person is None:
            raise NotFound(f"Nobody owns {id_}.", code="unknown_id")
        subject = subject_of(conn, person)
        rows, scrubbed = _erase(conn, subject, settings, shop.clock.now())
        outside = sum(eraser(conn, subject) for eraser in shop.erasers)
    touched = {t for t, n in rows.items() if n} | ({"happenings"} if scrubbed else set())
    overwritten = overwrite(shop.db, touched) if rewrite else False
    return Receipt(person, shop.clock.now(), rows, scrubbed, outside, overwritten)


def _erase(conn: Connection, subject: Subject, settings: IdentitySettings, now: int) -> tuple[dict[str, int], int]:
    rows: dict[str, int] = {}
    scrubbed = scrub(conn, subject.mentions, set(subject.keys), settings)
    totals.withdraw(conn, subject.intervals)  # the shop's sums point at nobody, so no mark finds them
    held = _Held(conn, subject)
    for table in reversed(metadata.sorted_tables):
        n = 0
        for mark, columns in _marked(table).items():
            for column in columns:
                for part in _parts(held.pointed(mark)):
                    n += conn.execute(delete(table).where(column.in_(part))).rowcount
        if searched(table):
            for row, less in held.mentioning(table):
                n += conn.execute(update(table).where(_this(table, row)).values(less)).rowcount
            for row in held.rows(table):
                n += conn.execute(delete(table).where(_this(table, row))).rowcount
        if n:
            rows[table.name] = n
    rows["happenings"] = delete_in(conn, "happenings", "pos", subject.positions)
    key = secret(conn)
    keys = [hashed(k, key) for k in subject.keys]
    many(conn, "DELETE FROM identity_mentions WHERE key = ?", [(k,) for k in keys])
    many(
        conn,
        "INSERT INTO tombstones (key, until) VALUES (?,?) ON CONFLICT (key) DO UPDATE SET until = excluded.until",
        [(k, now + HOLDS_MS) for k in keys],
    )
    return rows, scrubbed


def _this(table: Table, row: Any) -> Any:
    return and_(*(c == row._mapping[c] for c in table.primary_key))


def overwrite(db: Database, tables: Iterable[str]) -> bool:
    """Leave nothing of deleted rows in the database's files; whether that could be done now.

    SQLite overwrites what is deleted (``secure_delete``); what remains is its write-ahead log, emptied here unless a
    reader holds it. PostgreSQL keeps dead rows until the table is rewritten, and common values in its statistics.
    """
    if db.is_sqlite:
        for _ in range(20):
            with db.engine.connect() as conn:
                raw = conn.connection.dbapi_connection
                assert raw is not None
                busy = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            if not busy:
                return True
            time.sleep(0.1)
        return False
    with db.engine.connect() as conn:
        conn = conn.execution_options(isolation_level="AUTOCOMMIT")
        for name in sorted(tables):
            conn.exec_driver_sql(f'VACUUM (FULL, ANALYZE) "{name}"')
        try:
            conn.exec_driver_sql("VACUUM FULL pg_catalog.pg_statistic")
            conn.exec_driver_sql("CHECKPOINT")
        except DBAPIError:
            return False  # only the database's owner may; its own housekeeping does the same later
    return True
