"""The log: two tables with one vocabulary. Happenings are behaviour, events are steps of streams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Connection,
    Index,
    Integer,
    RowMapping,
    String,
    Table,
    Text,
    UniqueConstraint,
    select,
    text,
)

from fairday.kernel import jsons
from fairday.storage.bulk import insert_rows
from fairday.storage.database import BigId, col, current_xid, metadata
from fairday.storage.groupcommit import Lane

OURS = "fairday"
"""The source of happenings that Fairday itself writes: joins by an operator, memberships, meetings with scenes."""

happenings = Table(
    "happenings",
    metadata,
    col("pos", BigId, primary_key=True, autoincrement=True, personal=False),
    col("xid", BigInteger, nullable=False, personal=False),
    col("message_id", String(128), nullable=False, unique=True, personal=True),
    col("kind", String(16), nullable=False, personal=False),
    col("name", String(200), nullable=False, personal=True),
    col("at", BigInteger, nullable=False, personal=False),
    col("received", BigInteger, nullable=False, personal=False),
    col("source", String(64), nullable=False, personal=False),
    col("ids", Text, nullable=False, personal=True),
    col("body", Text, nullable=False, personal=True),
    Index("happenings_order", "xid", "pos"),
    sqlite_autoincrement=True,
)
"""Behaviour: erasable. ``ids`` is a JSON list of [type, value]; ``body`` an object (properties, traits, context)."""

events = Table(
    "events",
    metadata,
    col("pos", BigId, primary_key=True, autoincrement=True, personal=False),
    col("xid", BigInteger, nullable=False, personal=False),
    col("stream", String(200), nullable=False, personal=False),
    col("seq", Integer, nullable=False, personal=False),
    col("name", String(100), nullable=False, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
    col("data", Text, nullable=False, personal=False),
    UniqueConstraint("stream", "seq", name="events_stream_seq"),
    Index("events_order", "xid", "pos"),
    sqlite_autoincrement=True,
)
"""Steps of streams: kept for good (but for pay codes, a minute each), account ids only, never personal data."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person did, or was told about a person, in Segment's words.

    Attributes:
        message_id: unique for ever in the shop; a repeat is the same happening and changes nothing.
        kind: identify, track, page, screen, group, alias; or an operator's merge, unmerge.
        name: the event's name ("Product Viewed") or page name; "" where the kind says all.
        at: when it happened, ms UTC, corrected for the sender's clock.
        received: when it came in, ms UTC.
        source: the door it came through: a write key's name, ``import:NAME``, ``fairday``.
        ids: (type, value) as they came, normalised where they enter, not yet judged.
        body: properties, traits, context and whatever else the kind carries.
        pos: its place in the log, 0 before it is written.
        xid: the transaction that wrote it (PostgreSQL), 0 on SQLite.
    """

    message_id: str
    kind: str
    name: str = ""
    at: int
    received: int
    source: str
    ids: tuple[tuple[str, str], ...] = ()
    body: dict[str, Any] = {}
    pos: int = 0
    xid: int = 0

    @property
    def properties(self) -> dict[str, Any]:
        found = self.body.get("properties")
        return found if isinstance(found, dict) else {}

    @property
    def traits(self) -> dict[str, Any]:
        found = self.body.get("traits")
        return found if isinstance(found, dict) else {}

    @property
    def context(self) -> dict[str, Any]:
        found = self.body.get("context")
        return found if isinstance(found, dict) else {}


class StoredEvent(msgspec.Struct, frozen=True):
    """An event as it stands in the log."""

    pos: int
    xid: int
    stream: str
    seq: int
    name: str
    at: int
    data: dict[str, Any]


_COLUMNS = "xid, message_id, kind, name, at, received, source, ids, body"
_INTO = f"INSERT INTO happenings ({_COLUMNS}) "
_ONCE = " ON CONFLICT (message_id) DO NOTHING"
_MANY = 100
_SQLITE_ROW = "(?,?,?,?,?,?,?,?,?)"


@cache
def _sqlite_some(rows: int) -> str:
    return f"{_INTO}VALUES {','.join([_SQLITE_ROW] * rows)}{_ONCE}"


_POSTGRES = (
    f"{_INTO}SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], "
    f"%s::text[], %s::text[], %s::text[]){_ONCE}"
)

Row = tuple[int, str, str, str, int, int, str, str, str]
"""(xid, message_id, kind, name, at, received, source, ids, body), the last two as JSON."""


def row(h: Happening, xid: int = 0) -> Row:
    """A happening as a row of the log, written in that transaction."""
    return (
        xid,
        h.message_id,
        h.kind,
        h.name[:200],
        h.at,
        h.received,
        h.source,
        jsons.dumps(h.ids),
        jsons.dumps(h.body),
    )


def append_happenings(conn: Connection, rows: Iterable[Happening]) -> int:
    """Write happenings into the log in the caller's transaction; those whose message_id is there already are left.

    Returns:
        How many were new.
    """
    xid = current_xid(conn)
    return append_rows(conn, [row(h, xid) for h in rows])


def append_rows(conn: Connection, rows: Sequence[Row]) -> int:
    """As ``append_happenings``, for rows that are encoded already and carry this transaction's xid."""
    if not rows:
        return 0
    if conn.dialect.name != "sqlite":
        columns = tuple(map(list, zip(*rows, strict=True)))
        return conn.exec_driver_sql(_POSTGRES, columns).rowcount
    # A hundred rows a statement: as quick as executemany, but the interpreter's lock is let go and fought for once
    # instead of a hundred times, and the door's thread reads JSON meanwhile.
    new = 0
    whole = len(rows) - len(rows) % _MANY
    for start in range(0, whole, _MANY):
        values = tuple(chain.from_iterable(rows[start : start + _MANY]))
        new += conn.exec_driver_sql(_sqlite_some(_MANY), values).rowcount
    if whole < len(rows):
        rest = rows[whole:]
        new += conn.exec_driver_sql(_sqlite_some(len(rest)), tuple(chain.from_iterable(rest))).rowcount
    return new


_ROW = ("pos", "xid", "message_id", "kind", "name", "at", "received", "source", "ids", "body")
_ids = msgspec.json.Decoder(tuple[tuple[Any, Any], ...])


def happening(row: RowMapping) -> Happening:
    """A happening from a row of the table."""
    return _happening([row[name] for name in _ROW])


def _happening(row: Sequence[Any]) -> Happening:
    pos, xid, message_id, kind, name, at, received, source, ids, body = row
    return Happening(
        message_id=message_id,
        kind=kind,
        name=name,
        at=at,
        received=received,
        source=source,
        ids=_ids.decode(ids),
        body=jsons.loads(body),
        pos=pos,
        xid=xid,
    )


Place = tuple[int, int]
"""(xid, pos): where a row stands in the log."""


def read_happenings(
    conn: Connection, after: Place, below: int | None, limit: int, upto: Sequence[Place] = (), heads: bool = False
) -> list[Happening]:
    """Happenings in log order after a place, of transactions below ``below`` (None: all that is seen).

    Args:
        upto: places that the rows may not pass.
        heads: leave ids and bodies unread and empty.
    """
    columns = ", ".join(_ROW[:-2]) + (", '[]' AS ids, '{}' AS body" if heads else ", ids, body")
    return [_happening(r) for r in _page(conn, "happenings", columns, after, below, limit, upto)]


def happenings_at(conn: Connection, positions: Sequence[int]) -> list[Happening]:
    """The happenings at some positions of the log, those that are there, by position."""
    found: list[Happening] = []
    for start in range(0, len(positions), 500):
        query = select(happenings).where(happenings.c.pos.in_(positions[start : start + 500]))
        found += (happening(r) for r in conn.execute(query.order_by(happenings.c.pos)).mappings())
    return found


def read_events(
    conn: Connection, after: Place, below: int | None, limit: int, upto: Sequence[Place] = ()
) -> list[StoredEvent]:
    """Events in log order after a place, of transactions below ``below`` (None: all that is seen), as happenings."""
    columns = "pos, xid, stream, seq, name, at, data"
    return [
        StoredEvent(pos, xid, stream, seq, name, at, jsons.loads(data))
        for pos, xid, stream, seq, name, at, data in _page(conn, "events", columns, after, below, limit, upto)
    ]


def beside(conn: Connection, sign: str, xid: str, pos: str) -> str:
    """A condition on rows of the log: that they stand ``sign`` (``>``, ``<=``) a place, whose parameters are named.

    SQLite finds a pair of columns by the first alone, and with one writer the first is always 0: it would go through
    the whole log for each look at its end.
    """
    return f"pos {sign} :{pos}" if conn.dialect.name == "sqlite" else f"(xid, pos) {sign} (:{xid}, :{pos})"


def _page(
    conn: Connection, table: str, columns: str, after: Place, below: int | None, limit: int, upto: Sequence[Place]
) -> Sequence[Sequence[Any]]:
    bound = "" if below is None else "AND xid < :below "
    given: dict[str, Any] = {"x": after[0], "p": after[1], "below": below, "n": limit}
    if upto:
        bound += f"AND {beside(conn, '<=', 'ux', 'up')} "
        given["ux"], given["up"] = min(upto)
    order = "pos" if conn.dialect.name == "sqlite" else "xid, pos"
    query = text(f"SELECT {columns} FROM {table} WHERE {beside(conn, '>', 'x', 'p')} {bound}ORDER BY {order} LIMIT :n")
    return conn.execute(query, given).all()


_EVENT_COLUMNS = ("xid", "stream", "seq", "name", "at", "data")


def append_events(conn: Connection, xid: int, rows: Sequence[tuple[str, int, str, int, str]]) -> None:
    """Write events (stream, seq, name, at, data as JSON) in the caller's transaction; for the runner alone."""
    insert_rows(conn, events, _EVENT_COLUMNS, [(xid, *row) for row in rows])


def stream_events(conn: Connection, stream: str) -> list[StoredEvent]:
    """All events of a stream in order."""
    found = conn.execute(select(events).where(events.c.stream == stream).order_by(events.c.seq)).mappings()
    return [
        StoredEvent(r["pos"], r["xid"], r["stream"], r["seq"], r["name"], r["at"], jsons.loads(r["data"]))
        for r in found
    ]


class Appender(Lane):
    """The group commit's lane for happenings: each item is a list of them, its result how many were new."""

    def repeatable(self, item: Sequence[Happening]) -> bool:
        """A message_id is kept once, however often it is written."""
        return True

    def apply(self, conn: Connection, items: Sequence[Sequence[Happening]]) -> Sequence[int]:
        return [append_happenings(conn, item) for item in items]


class RowLane(Lane):
    """The collect door's lane: each item a list of rows whose xid is still 0; all are written at once, none counted."""

    def repeatable(self, item: Sequence[Row]) -> bool:
        """A message_id is kept once, however often it is written."""
        return True

    def apply(self, conn: Connection, items: Sequence[Sequence[Row]]) -> Sequence[None]:
        rows = [r for item in items for r in item]
        if xid := current_xid(conn):
            rows = [(xid, *r[1:]) for r in rows]
        append_rows(conn, rows)
        return [None] * len(items)
