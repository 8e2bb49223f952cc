"""What trade keeps beside its streams: lists of orders, whom they go to, parcels, carts. No personal data in events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Index, Integer, String, Table, Text, delete, select

from fairday.goods.photos import keep_for_order
from fairday.kernel import jsons
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Row
from fairday.people.accounts import accounts_in
from fairday.storage.database import col, insert, metadata

orders = Table(
    "orders",
    metadata,
    col("id", String(64), primary_key=True, personal=False),
    col("mode", String(32), personal=False),
    col("account", String(200), index=True, personal=False),
    col("currency", String(3), personal=False),
    col("country", String(2), personal=False),
    col("channel", String(64), personal=False),
    col("store", String(64), personal=False),
    col("way", String(16), personal=False),
    col("total", BigInteger, personal=False),
    col("units", Integer, personal=False),
    col("status", String(16), nullable=False, personal=False),
    col("paid", BigInteger, nullable=False, personal=False),
    col("refunded", BigInteger, nullable=False, personal=False),
    col("placed_at", BigInteger, personal=False),
    col("updated_at", BigInteger, nullable=False, personal=False),
    Index("orders_placed", "placed_at"),
    Index("orders_status", "status", "placed_at"),
)
"""One row an order, written with its events. ``paid`` and ``refunded`` are money that came in and that went back."""

contacts = Table(
    "order_contacts",
    metadata,
    col("id", String(64), primary_key=True, personal=False),
    col("ids", Text, nullable=False, personal="ids"),
    col("contact", Text, nullable=False, personal=True),
    col("at", BigInteger, nullable=False, personal=False),
)
"""Whom an order goes to: ``ids`` a JSON list of [type, value] it is told of by, ``contact`` a JSON ``Contact``."""

parcels = Table(
    "order_parcels",
    metadata,
    col("parcel", String(64), primary_key=True, personal=False),
    col("id", String(64), nullable=False, index=True, personal="of order_contacts.id"),
    col("carrier", String(64), nullable=False, personal=False),
    col("tracking", String(100), nullable=False, personal=True),
    col("at", BigInteger, nullable=False, personal=False),
)
"""What left with which carrier; the order's event names the parcel."""


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an order goes to and how to reach them; all of it personal.

    Attributes:
        country: ISO 3166 code; "" for a pickup.
        region, city, district, street, postcode: as written on a parcel.
        note: what the buyer asks for.
        options: by line id, what was chosen for goods made for one (engraving, a photo's name).
    """

    name: str = ""
    phone: str = ""
    email: str = ""
    country: str = ""
    region: str = ""
    city: str = ""
    district: str = ""
    street: str = ""
    postcode: str = ""
    note: str = ""
    language: str = ""
    options: dict[str, dict[str, Any]] = {}


Ids = Sequence[tuple[str, str]]


def keep_contact(conn: Connection, order: str, contact: Contact, ids: Ids, now: int) -> None:
    """Keep whom an order goes to, in the caller's transaction; a second time changes nothing."""
    row = {"id": order, "ids": jsons.dumps([list(i) for i in ids]), "contact": jsons.dumps(contact), "at": now}
    conn.execute(insert(conn, contacts).values(row).on_conflict_do_nothing(index_elements=["id"]))
    keep_for_order(conn, contact.options, ids, now)


def forget_unplaced(conn: Connection, now: int, limit: int = 1000) -> int:
    """Let go of up to ``limit`` contacts older than a day whose order was never placed: the process was killed between
    the two. How many there were."""
    c = contacts.c
    placed = select(orders.c.id).where(orders.c.id == c.id).exists()
    found = conn.execute(select(c.id).where(c.at < now - DAY_MS, ~placed).limit(limit)).scalars().all()
    if found:
        conn.execute(delete(contacts).where(c.id.in_(found)))
    return len(found)


def contact_of(conn: Connection, order: str) -> tuple[Contact, list[tuple[str, str]]]:
    """Whom an order goes to, and the ids it is told of by; empty after an erasure."""
    found = conn.execute(select(contacts.c.contact, contacts.c.ids).where(contacts.c.id == order)).one_or_none()
    if found is None:
        return Contact(), []
    return msgspec.json.decode(found[0], type=Contact), [(t, v) for t, v in jsons.loads(found[1])]


def last_contact(conn: Connection, account: str) -> Contact:
    """Whom an account's last order that was sent went to; empty where there was none."""
    query = (
        select(contacts.c.contact)
        .join(orders, orders.c.id == contacts.c.id)
        .where(orders.c.account.in_(accounts_in(conn, account)), orders.c.way == "ship")
        .order_by(orders.c.placed_at.desc())
        .limit(1)
    )
    found = conn.execute(query).scalar()
    return Contact() if found is None else msgspec.json.decode(found, type=Contact)


def parcels_of(conn: Connection, order: str) -> list[dict[str, Any]]:
    """What left of an order, in order."""
    query = select(parcels).where(parcels.c.id == order).order_by(parcels.c.at, parcels.c.parcel)
    return [dict(row) for row in conn.execute(query).mappings()]


def keep_parcel(conn: Connection, parcel: str, order: str, carrier: str, tracking: str, now: int) -> None:
    """Keep a parcel's carrier and number, in the caller's transaction; again: they are set right."""
    statement = insert(conn, parcels).values(
        {"parcel": parcel, "id": order, "carrier": carrier, "tracking": tracking, "at": now}
    )
    changed = {"carrier": statement.excluded.carrier, "tracking": statement.excluded.tracking}
    conn.execute(statement.on_conflict_do_update(index_elements=["parcel"], set_=changed))


def parcel_row(parcel: str, order: str, carrier: str, tracking: str, now: int) -> Row:
    """A parcel's carrier and number, to be written with the command that sends it."""
    row = {"parcel": parcel, "id": order, "carrier": carrier, "tracking": tracking, "at": now}
    return Row(parcels.name, row)
