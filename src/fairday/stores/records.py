"""The shop's stores as kept: a small table that a merchant fills by hand or from a CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, Float, String, Table, delete, select

from fairday.kernel.clock import zone
from fairday.kernel.errors import FairdayError
from fairday.storage.database import col, insert, metadata
from fairday.stores.near import Store

MOST = 5_000
"""Stores of a shop."""

COLUMNS = ("store", "name", "city", "latitude", "longitude", "zone")
"""The columns of a CSV file of stores; city and zone may be left out."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")

stores = Table(
    "stores",
    metadata,
    col("store", String(60), primary_key=True, personal=False),
    col("name", String(120), nullable=False, personal=False),
    col("city", String(80), nullable=False, personal=False),
    col("latitude", Float(53), nullable=False, personal=False),
    col("longitude", Float(53), nullable=False, personal=False),
    col("zone", String(64), nullable=False, personal=False),
)


def read_store(row: Mapping[str, str], where: str = "store") -> Store:
    """A store from texts by column.

    Raises:
        FairdayError: a value is missing or cannot be; ``where`` names the column.
    """
    text = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if not _ID.fullmatch(text["store"]):
        raise _bad(
            "store", f"{text['store'][:60]!r} is not a store's number.", "Write letters, digits, - _ or .", where
        )
    if not text["name"]:
        raise _bad("name", "The store has no name.", "Write what shoppers call it.", where)
    if text["zone"]:
        zone(text["zone"])
    return Store(
        store=text["store"],
        name=text["name"][:120],
        city=text["city"][:80],
        latitude=_degrees(text["latitude"], "latitude", 90, where),
        longitude=_degrees(text["longitude"], "longitude", 180, where),
        zone=text["zone"],
    )


def _degrees(text: str, name: str, most: int, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = most + 1.0
    if not -most <= value <= most:
        raise _bad(name, f"{text[:40]!r} is not degrees from -{most} to {most}.", "Write them as 31.2304.", where)
    return round(value, 6)


def _bad(code: str, message: str, remedy: str, where: str) -> FairdayError:
    return FairdayError(message, code=f"bad_store_{code}", where=where, remedy=remedy)


def read_csv(data: bytes) -> list[Store]:
    """The stores of a CSV file in UTF-8 whose first line names COLUMNS.

    Raises:
        FairdayError: it is no such file, or a line is no store; ``where`` says which line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FairdayError("The file is not UTF-8 text.", code="not_utf8", remedy="Save it as CSV in UTF-8.")
    rows = csv.DictReader(io.StringIO(text))
    missing = [name for name in ("store", "name", "latitude", "longitude") if name not in (rows.fieldnames or ())]
    if missing:
        raise FairdayError(
            f"The first line does not name {', '.join(missing)}.",
            code="bad_columns",
            where="line 1",
            remedy=f"Write: {','.join(COLUMNS)}.",
        )
    found: dict[str, Store] = {}
    for row in rows:
        store = read_store({k: v for k, v in row.items() if isinstance(v, str)}, f"line {rows.line_num}")
        found[store.store] = store
        if len(found) > MOST:
            raise FairdayError(f"A shop has at most {MOST} stores here.", code="too_many")
    return list(found.values())


def save_stores(conn: Connection, rows: Iterable[Store]) -> None:
    """Add stores; one whose number is there already is changed."""
    values = [{name: getattr(store, name) for name in COLUMNS} for store in rows]
    if values:
        statement = insert(conn, stores)
        changed = {name: statement.excluded[name] for name in COLUMNS[1:]}
        conn.execute(statement.on_conflict_do_update(index_elements=["store"], set_=changed), values)


def delete_store(conn: Connection, store: str) -> None:
    """Take a store out; nothing happens where there is none."""
    conn.execute(delete(stores).where(stores.c.store == store))


def all_stores(conn: Connection) -> list[Store]:
    """The shop's stores, by city and name."""
    query = select(stores).order_by(stores.c.city, stores.c.name, stores.c.store)
    return [Store(**row) for row in conn.execute(query).mappings()]
