"""Carts: what somebody has picked, kept until it is ordered. A guest's hangs on a cookie, a member's on the account.

A cart becomes one order at most: it carries the number of the order it will be, so that a checkout sent twice meets the
first one. Prices are never kept here: they are worked out when they are looked at.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Index, Integer, String, Table, Text, delete, func, select, update

from fairday.kernel import jsons
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.kernel.ids import new_id
from fairday.storage.database import col, insert, metadata
from fairday.trade.records import orders

carts = Table(
    "carts",
    metadata,
    col("cart", String(64), primary_key=True, personal=False),
    col("order_id", String(64), nullable=False, unique=True, personal="of order_contacts.id"),
    col("account", String(200), personal="of member_accounts.account"),
    col("into", String(64), personal=False),
    col("made_at", BigInteger, nullable=False, personal=False),
    col("updated_at", BigInteger, nullable=False, personal=False),
    Index("carts_account", "account", "updated_at"),
)
"""``order_id``: the order it becomes. ``into``: the cart its lines went to when its guest signed in."""

cart_lines = Table(
    "cart_lines",
    metadata,
    col("cart", String(64), primary_key=True, personal="of carts.cart"),
    col("line", Integer, primary_key=True, personal=False),
    col("sku", String(200), nullable=False, personal=False),
    col("product", String(200), nullable=False, personal=False),
    col("qty", Integer, nullable=False, personal=False),
    col("options", Text, nullable=False, personal=True),
    col("at", BigInteger, nullable=False, personal=False),
)

MOST_LINES = 100
MOST_OF_ONE = 999


class CartLine(msgspec.Struct, frozen=True, kw_only=True):
    """Some units of one variant.

    Attributes:
        line: its number within the cart, the order's line id as text.
        options: what was chosen for goods made for one, by option name; {} otherwise.
    """

    line: int
    sku: str
    product: str
    qty: int
    options: Mapping[str, str] = {}
    at: int = 0


class Cart(msgspec.Struct, frozen=True, kw_only=True):
    """A cart as it stands. ``order`` is the stream of the order it becomes."""

    cart: str
    order: str
    account: str | None = None
    lines: tuple[CartLine, ...] = ()

    @property
    def units(self) -> int:
        return sum(line.qty for line in self.lines)


def new_cart(conn: Connection, account: str | None, now: int) -> Cart:
    """An empty cart, kept; its id cannot be guessed."""
    cart, order = secrets.token_urlsafe(24), new_id(now)
    row = {"cart": cart, "order_id": order, "account": account, "into": None, "made_at": now, "updated_at": now}
    conn.execute(insert(conn, carts).values(row))
    return Cart(cart=cart, order=f"order:{order}", account=account)


def find_cart(conn: Connection, cart: str | None, account: str | None) -> Cart | None:
    """The open cart of that id, where it is a guest's or this account's; else the account's last one; else None."""
    for query in (
        select(carts).where(carts.c.cart == cart) if cart else None,
        select(carts).where(carts.c.account == account).order_by(carts.c.updated_at.desc()).limit(5)
        if account
        else None,
    ):
        for row in [] if query is None else conn.execute(query).mappings():
            if row["account"] in (None, account) and row["into"] is None and not _ordered(conn, row["order_id"]):
                return Cart(
                    cart=row["cart"], order=f"order:{row['order_id']}", account=row["account"],
                    lines=_lines(conn, row["cart"]),
                )  # fmt: skip
    return None


def _ordered(conn: Connection, order: str) -> bool:
    return conn.execute(select(orders.c.id).where(orders.c.id == order)).first() is not None


def _lines(conn: Connection, cart: str) -> tuple[CartLine, ...]:
    query = select(cart_lines).where(cart_lines.c.cart == cart).order_by(cart_lines.c.line)
    return tuple(
        CartLine(**{**row, "options": jsons.loads(row["options"])})
        for row in ({k: v for k, v in r.items() if k != "cart"} for r in conn.execute(query).mappings())
    )


def add_line(
    conn: Connection, cart: Cart, sku: str, product: str, qty: int, options: Mapping[str, str], now: int
) -> Cart:
    """Put units into a cart; the same variant with the same options joins its line.

    Raises:
        FairdayError: not a quantity, or more than a cart holds.
        Conflict: it was ordered meanwhile.
    """
    _check_qty(qty)
    lines = _locked(conn, cart, now)
    same = next((x for x in lines if x.sku == sku and dict(x.options) == dict(options)), None)
    if same is not None:
        return set_qty(conn, cart, same.line, min(same.qty + qty, MOST_OF_ONE), now)
    if len(lines) >= MOST_LINES:
        raise FairdayError(f"A cart holds at most {MOST_LINES} lines.", code="cart_full", remedy="Order these first.")
    line = 1 + (conn.execute(select(func.max(cart_lines.c.line)).where(cart_lines.c.cart == cart.cart)).scalar() or 0)
    row = {
        "cart": cart.cart, "line": line, "sku": sku, "product": product, "qty": qty,
        "options": jsons.canonical(dict(options)).decode(), "at": now,
    }  # fmt: skip
    conn.execute(insert(conn, cart_lines).values(row))
    return msgspec.structs.replace(cart, lines=_lines(conn, cart.cart))


def set_qty(conn: Connection, cart: Cart, line: int, qty: int, now: int) -> Cart:
    """Change how many of a line; 0 takes it out.

    Raises:
        FairdayError: not a quantity.
        NotFound: no such line.
    """
    if qty != 0:
        _check_qty(qty)
    lines = _locked(conn, cart, now)
    if line not in {x.line for x in lines}:
        raise NotFound("There is no such line in the cart.", code="no_such_line", where=str(line))
    found = (cart_lines.c.cart == cart.cart) & (cart_lines.c.line == line)
    conn.execute(update(cart_lines).where(found).values(qty=qty) if qty else delete(cart_lines).where(found))
    return msgspec.structs.replace(cart, lines=_lines(conn, cart.cart))


def sign_in(conn: Connection, guest: str | None, account: str, now: int) -> Cart | None:
    """What a guest picked goes into their account's cart when they sign in; that cart, None where both are empty.

    Done twice it is done once: a cart whose lines have gone is closed.
    """
    theirs = find_cart(conn, None, account)
    mine = find_cart(conn, guest, None) if guest else None
    return theirs if mine is None or mine.account is not None else _poured(conn, mine, theirs, account, now)


def take_over(conn: Connection, account: str, into: str, now: int) -> Cart | None:
    """What an account that was merged has in its open cart goes into the other's; that cart, None for nothing."""
    mine = find_cart(conn, None, account)
    return None if mine is None else _poured(conn, mine, find_cart(conn, None, into), into, now)


def _poured(conn: Connection, mine: Cart, theirs: Cart | None, account: str, now: int) -> Cart | None:
    """The lines of one cart in that of an account, or the cart itself become the account's where it has none."""
    if theirs is None:
        was = carts.c.account.is_(None) if mine.account is None else carts.c.account == mine.account
        taken = update(carts).where(carts.c.cart == mine.cart, was).values(account=account)
        return msgspec.structs.replace(mine, account=account) if conn.execute(taken).rowcount else None
    closed = update(carts).where(carts.c.cart == mine.cart, carts.c.into.is_(None)).values(into=theirs.cart)
    if not conn.execute(closed).rowcount:
        return theirs
    for line in mine.lines:
        if len(theirs.lines) < MOST_LINES or any(x.sku == line.sku for x in theirs.lines):
            theirs = add_line(conn, theirs, line.sku, line.product, line.qty, line.options, now)
    return theirs


def refill(conn: Connection, cart: Cart, lines: Sequence[Mapping[str, Any]], now: int) -> Cart:
    """Put the goods of an order into a cart again; what no longer fits is left out."""
    for line in lines:
        if len(cart.lines) < MOST_LINES:
            cart = add_line(
                conn, cart, line["sku"], line["product"], min(line["qty"], MOST_OF_ONE), line.get("options") or {}, now
            )
    return cart


def _locked(conn: Connection, cart: Cart, now: int) -> tuple[CartLine, ...]:
    """The lines, nobody else changing them until the end of the transaction."""
    touched = update(carts).where(carts.c.cart == cart.cart, carts.c.into.is_(None)).values(updated_at=now)
    if not conn.execute(touched).rowcount or _ordered(conn, cart.order.partition(":")[2]):
        raise Conflict("This cart was ordered already.", code="cart_ordered", remedy="Start a new one.")
    return _lines(conn, cart.cart)


def _check_qty(qty: int) -> None:
    if type(qty) is not int or not 1 <= qty <= MOST_OF_ONE:
        raise FairdayError(
            "That is not a quantity.",
            code="bad_quantity",
            where="qty",
            remedy=f"Write a whole number, 1 to {MOST_OF_ONE}.",
        )
