"""The log of a shop whose database came from another server: its transactions are numbered anew.

On PostgreSQL a row of the log carries the number of the transaction that wrote it, and followers read what is below
the oldest one that still runs. Another server counts from another number: where ``pg_restore`` brings a log to one
that has counted less far, what comes in stands *before* what is there, and no follower ever reads it. So the rows are
numbered from 0 on again, in the same order. Few numbers do: only where two transactions crossed is the order another
than that of the positions.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, func, select, text, update

from fairday.goods.tables import touched
from fairday.people.identity.tables import operations
from fairday.storage.database import Database, alone, current_xid
from fairday.storage.followers import Source, cursors
from fairday.storage.log import Place, events, happenings

START: Place = (-1, -1)
"""Where a follower stands that has read nothing."""

_TABLES = (happenings, events)
_CROSSED = "SELECT pos, xid, LAG(pos) OVER (ORDER BY xid, pos) AS before FROM"


def ahead(conn: Connection) -> bool:
    """Whether the log holds transactions that this server has not begun yet. Always False on SQLite."""
    if conn.dialect.name == "sqlite":
        return False
    begun = int(conn.execute(text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")).scalar_one())
    counted = (happenings.c.xid, events.c.xid, cursors.c.xid, touched.c.seq)
    return any((conn.execute(select(func.max(c))).scalar() or 0) >= begun for c in counted)


def renumber(db: Database, sources: Mapping[str, Source]) -> bool:
    """Number the log anew where it is ahead of the server; whether it was.

    Args:
        sources: which table each follower reads, by its name.
    """
    with db.read() as conn:
        if not ahead(conn):
            return False
        crossed = f"SELECT COUNT(*) FROM ({_CROSSED} %s) old WHERE pos < before"
        top = max(int(conn.exec_driver_sql(crossed % t.name).scalar_one()) for t in _TABLES)
    while True:  # what is written from now on must stand behind what is there
        with db.write() as conn:
            if current_xid(conn) > top:  # uses a number up
                break
    with db.write() as conn:
        alone(conn, "renumber")
        if not ahead(conn):  # another process did it meanwhile
            return False
        _renumber(conn, sources)
    return True


def _renumber(conn: Connection, sources: Mapping[str, Source]) -> None:
    for table in _TABLES:
        conn.execute(text(f"LOCK TABLE {table.name} IN EXCLUSIVE MODE"))
        conn.execute(
            text(
                f"CREATE TEMPORARY TABLE fresh_{table.name} ON COMMIT DROP AS SELECT pos, xid,"
                " SUM(CASE WHEN pos < before THEN 1 ELSE 0 END) OVER (ORDER BY xid, pos) AS fresh"
                f" FROM ({_CROSSED} {table.name}) old"
            )
        )
        conn.execute(text(f"CREATE INDEX ON fresh_{table.name} (xid, pos)"))
    for name, xid, pos in conn.execute(select(cursors.c.name, cursors.c.xid, cursors.c.pos)).all():
        place = _place(conn, sources.get(name, "happenings"), (xid, pos))
        conn.execute(update(cursors).where(cursors.c.name == name).values(xid=place[0], pos=place[1]))
    for xid, pos in conn.execute(select(operations.c.xid, operations.c.pos)).all():
        fresh = max(_place(conn, "happenings", (xid, pos))[0], 0)
        conn.execute(update(operations).where(operations.c.pos == pos).values(xid=fresh))
    for table in _TABLES:
        changed = f"FROM fresh_{table.name} f WHERE f.pos = {table.name}.pos AND f.fresh <> {table.name}.xid"
        conn.execute(text(f"UPDATE {table.name} SET xid = f.fresh {changed}"))
    conn.execute(update(touched).values(seq=current_xid(conn)))


def _place(conn: Connection, source: str, old: Place) -> Place:
    """Where the last row stands now that stood at a place or before it."""
    query = f"SELECT fresh, pos FROM fresh_{source} WHERE (xid, pos) <= (:x, :p) ORDER BY xid DESC, pos DESC LIMIT 1"
    row = conn.execute(text(query), {"x": old[0], "p": old[1]}).one_or_none()
    return START if row is None else (int(row[0]), int(row[1]))
