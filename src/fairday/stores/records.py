"""The shop's stores and warehouses as kept: a small table that a merchant fills by hand or from a CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import get_args

from sqlalchemy import Connection, Float, Integer, String, Table, delete, select

from fairday.kernel.clock import zone
from fairday.kernel.errors import FairdayError
from fairday.kernel.sheets import whole
from fairday.storage.database import col, insert, metadata
from fairday.stores.near import Kind, Serves, Store

MOST = 5_000
"""Stores of a shop."""

COLUMNS = (
    "store", "name", "city", "latitude", "longitude", "zone", "kind", "serves", "country", "address", "collect_until",
)  # fmt: skip
"""The columns of a CSV file of stores; what comes after zone, city and zone may be left out."""

_KINDS: Mapping[str, Kind] = {kind: kind for kind in get_args(Kind)}
_SERVES: Mapping[str, Serves] = {serves: serves for serves in get_args(Serves)}
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
    col("kind", String(12), nullable=False, server_default="store", personal=False),
    col("serves", String(12), nullable=False, server_default="collect", personal=False),
    col("country", String(2), nullable=False, server_default="", personal=False),
    col("address", String(200), nullable=False, server_default="", personal=False),
    col("collect_until", Integer, nullable=True, personal=False),
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
    kind = _KINDS.get(text["kind"] or "store")
    if kind is None:
        raise _bad("kind", f"{text['kind'][:40]!r} is no kind of place.", "Write store or warehouse.", where)
    serves = _SERVES.get(text["serves"] or ("ship" if kind == "warehouse" else "collect"))
    if serves is None:
        raise _bad(
            "serves", f"{text['serves'][:40]!r} is no way to serve.", "Write collect, ship, both or none.", where
        )
    country = text["country"].upper()
    if country and not re.fullmatch("[A-Z]{2}", country):
        raise _bad("country", f"{country[:40]!r} is not a country.", "Write its two letters, such as CN.", where)
    return Store(
        store=text["store"],
        name=text["name"][:120],
        city=text["city"][:80],
        latitude=_degrees(text["latitude"], "latitude", 90, where),
        longitude=_degrees(text["longitude"], "longitude", 180, where),
        zone=text["zone"],
        kind=kind,
        serves=serves,
        country=country,
        address=text["address"][:200],
        collect_until=_minute(text["collect_until"], where),
    )


def _minute(text: str, where: str) -> int | None:
    """A time of day as minutes; None where there is none."""
    if not text:
        return None
    found = re.fullmatch(r"(\d{1,2})[:：](\d{2})", text)
    minute = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else 1_441
    if minute > 1_440:
        raise _bad("collect_until", f"{text[:40]!r} is not a time of day.", "Write it as 18:30.", where)
    return minute


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
    rows = csv.DictReader(io.StringIO(whole(text, "stores.csv")))
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


def all_places(conn: Connection) -> list[Store]:
    """The shop's stores and warehouses, by city and name."""
    query = select(stores).order_by(stores.c.city, stores.c.name, stores.c.store)
    return [Store(**row) for row in conn.execute(query).mappings()]


def all_stores(conn: Connection) -> list[Store]:
    """The shop's stores with a door, by city and name."""
    return [place for place in all_places(conn) if place.kind == "store"]
