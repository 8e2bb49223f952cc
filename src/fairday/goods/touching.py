"""Marks of what changed of goods, for whoever keeps a copy of them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from fairday.goods.tables import touched
from fairday.storage.database import current_xid, insert


def touch(conn: Connection, numbers: Iterable[str]) -> None:
    """Mark products as changed in this transaction, for whoever keeps a copy of them (the search index)."""
    rows = [{"product": n} for n in sorted(set(numbers))]
    if rows:
        seq = current_xid(conn) or 1 + (conn.execute(select(func.max(touched.c.seq))).scalar() or 0)
        statement = insert(conn, touched)
        conn.execute(
            statement.on_conflict_do_update(index_elements=["product"], set_={"seq": statement.excluded.seq}),
            [row | {"seq": seq} for row in rows],
        )
