"""An order found by what somebody has of it: its number, its code at the counter, a parcel's number, or who ordered."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from sqlalchemy import Connection, or_, select

from fairday.kernel.clock import DAY_MS
from fairday.trade.links import CODE_DIGITS, order_number, pickup_code
from fairday.trade.records import contacts, orders, parcels

MOST = 50
_NUMBER = re.compile(r"(\d{6})-?([0-9A-F]{6})")
_COLLECTED = 5_000
"""Orders that wait to be collected of which the code is compared."""


def find_orders(conn: Connection, secret: bytes, text: str) -> tuple[list[str], bool]:
    """The ids of orders that fit, the latest first and ``MOST`` at most; and whether that is what their number or code
    says, and not a guess by words.

    Args:
        secret: the shop's signing key, from which codes follow.
        text: what is looked for: 260601-4FA09C, six digits, SF1234567890123, a name, a phone, an address.
    """
    text = text.strip()
    plain = re.sub(r"[\s#]", "", text).upper()
    if not plain:
        return [], False
    named = _numbered(conn, plain) or _collected(conn, secret, plain)
    if named:
        return named[:MOST], True
    return _told(conn, text, plain), False


def _numbered(conn: Connection, plain: str) -> list[str]:
    """By number, whose first half is the day; or by the whole id, as the address of the order's page has it."""
    if plain.isalnum() and len(plain) > 20:
        return list(conn.execute(select(orders.c.id).where(orders.c.id == plain.lower())).scalars())
    said = _NUMBER.fullmatch(plain)
    if said is None:
        return []
    try:
        first = int(datetime.strptime(said[1], "%y%m%d").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return []
    # An order's id begins with the moment it was made, in milliseconds.
    days = (orders.c.id >= f"{first:012x}", orders.c.id < f"{first + DAY_MS:012x}")
    number = f"{said[1]}-{said[2]}"
    return [o for o in conn.execute(select(orders.c.id).where(*days)).scalars() if order_number(o) == number]


def _collected(conn: Connection, secret: bytes, plain: str) -> list[str]:
    """By the code that the buyer shows at the counter, of orders that wait to be collected."""
    if not (plain.isascii() and plain.isdigit() and len(plain) == CODE_DIGITS):
        return []
    waiting = (orders.c.way == "pickup") & orders.c.status.in_(("placed", "paid", "part_shipped"))
    query = select(orders.c.id).where(waiting).order_by(orders.c.placed_at.desc()).limit(_COLLECTED)
    return [o for o in conn.execute(query).scalars() if pickup_code(secret, o) == plain]


def _told(conn: Connection, text: str, plain: str) -> list[str]:
    """By a parcel's number, or by what the buyer wrote of themselves."""
    # A phone is kept with its country's code and without spaces.
    phone = re.sub(r"[^\d]", "", plain).lstrip("0") if re.fullmatch(r"[+\d() .\-/]{6,}", text) else ""
    written = [contacts.c.contact.icontains(part, autoescape=True) for part in dict.fromkeys((text, phone)) if part]
    by = or_(
        orders.c.id.in_(select(parcels.c.id).where(parcels.c.tracking == plain)),
        orders.c.id.in_(select(contacts.c.id).where(or_(*written, contacts.c.ids.icontains(text, autoescape=True)))),
    )
    query = select(orders.c.id).where(by).order_by(orders.c.placed_at.desc(), orders.c.id.desc()).limit(MOST)
    return list(conn.execute(query).scalars())
