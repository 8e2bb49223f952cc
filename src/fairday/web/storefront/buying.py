"""Who buys here: a member by a signed cookie, a guest by their cart's; links to orders that nobody can guess."""

from __future__ import annotations

import contextlib
from typing import Any

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Command, State
from fairday.kernel.errors import Conflict, Unavailable
from fairday.kernel.ids import new_id
from fairday.people import accounts, identity
from fairday.people.identity.records import run
from fairday.scenes.exposures import Exposure
from fairday.shop import Shop
from fairday.storage.runner import stream_state
from fairday.trade import cart as carts
from fairday.trade.cart import Cart
from fairday.trade.checkout import Buyer
from fairday.trade.links import order_token as token_of
from fairday.trade.records import Contact
from fairday.web.render import shop_of
from fairday.web.signing import sign, signed
from fairday.web.storefront.front import answer_of, front_of, visitor_of, where_of

CART, MEMBER, ORDERS = "fairday_cart", "fairday_member", "fairday_orders"
CART_DAYS, MEMBER_DAYS, ORDERS_DAYS = 60, 30, 180
MOST_KEPT = 20
"""Orders a guest's cookie remembers."""


# ---- members ---------------------------------------------------------------------------------------------------------


def account_of(request: Request) -> tuple[str, tuple[str, str]] | None:
    """The member's account and the id they proved: by signing in, or by a device that is theirs. None for a guest."""
    kept: tuple[str, tuple[str, str]] | str | None = getattr(request.state, "member", "")
    if not isinstance(kept, str):
        return kept
    shop = shop_of(request)
    said = (signed(front_of(request).secret, request.cookies.get(MEMBER, ""), shop.clock.now()) or "").split("|", 2)
    found = None
    if len(said) == 3 and said[0] == "member":
        kind, _, value = said[2].partition(":")
        with shop.db.read() as conn:
            # The id must still sign in to it: not after an erasure, nor after it was given to another account.
            if _signs_in(conn, kind, value) == said[1]:
                found = (final(conn, said[1]), (kind, value))
    visitor = visitor_of(request)
    if found is None and visitor.own and visitor.id is not None:
        with shop.db.read() as conn:
            # The account of this very id: others of the same person may be tied to it by a stranger's word.
            account = _signs_in(conn, *visitor.id)
            found = (final(conn, account), visitor.id) if account is not None else None
    request.state.member = found
    return found


def _signs_in(conn: Connection, kind: str, value: str) -> str | None:
    query = (
        "SELECT m.account FROM identifiers i JOIN member_accounts m ON m.identifier = i.id"
        " WHERE i.type = ? AND i.value = ?"
    )
    rows = run(conn, query, (kind, value))
    return str(rows[0][0]) if rows else None


def final(conn: Connection, account: str) -> str:
    """The account that an account was merged into, or itself."""
    while (found := stream_state(conn, account)) is not None and found[1]["into"]:
        account = found[1]["into"]
    return account


def sign_in(response: Response, request: Request, id_: tuple[str, str]) -> None:
    """An id was proved: its member account, made where there is none, is this device's; the guest's cart goes there."""
    shop, visitor = shop_of(request), visitor_of(request)
    weak = visitor.id is not None and visitor.id[0] in shop.settings.identity.weak
    with shop.db.read() as conn:
        account = _signs_in(conn, *id_)
        device = _signs_in(conn, *visitor.id) if weak and visitor.id is not None else None
        device = None if device is None else final(conn, device)
    if account is None:
        account = device or f"account:{new_id(shop.clock.now())}"
        shop.runner.submit(Command("open", account))
        with shop.db.write() as conn:
            account = accounts.attach_first(conn, account, *id_)
    elif device is not None and device != account:
        # What was claimed on this device before anybody signed in goes along, as the cart does.
        with contextlib.suppress(Conflict):
            shop.merging.merge(device, account, actor="sign-in")
    now = shop.clock.now()
    with shop.db.write() as conn:
        carts.sign_in(conn, request.cookies.get(CART), final(conn, account), now)
    value = sign(front_of(request).secret, f"member|{account}|{id_[0]}:{id_[1]}", now + MEMBER_DAYS * DAY_MS)
    _cookie(response, request, MEMBER, value, MEMBER_DAYS)
    response.delete_cookie(CART, path="/")


def sign_out(response: Response) -> None:
    """This device is nobody's."""
    response.delete_cookie(MEMBER, path="/")


def buyer_of(request: Request, contact: Contact | None = None) -> Buyer:
    """Who buys. A guest's order is told of the address they gave, else of the visitor where they agreed to that.

    Where it is told of an address, the visitor that prices are made for is noted beside it, and never joined to it.
    """
    shop, member = shop_of(request), account_of(request)
    with shop.db.read() as conn:
        crowds = where_of(request, conn).crowds  # as the pages they looked at
        if member is not None:
            person = identity.person_of(conn, *member[1])
            return Buyer(account=member[0], ids=(member[1],), person=person, crowds=crowds)
    ids: list[tuple[str, str]] = []
    for kind, value in (("email", contact.email), ("phone", contact.phone)) if contact is not None else ():
        if value and not ids:
            normal, _ = identity.normalise(kind, value, shop.settings.identity)
            ids += [(kind, normal)] if normal else []
    visitor = visitor_of(request)
    if not ids and visitor.id is not None and answer_of(request) == "yes":
        ids.append(visitor.id)
    by = visitor.id if visitor.person is not None and visitor.id not in ids else None
    return Buyer(ids=tuple(ids), person=visitor.person, by=by, crowds=crowds)


def deal(request: Request, conn: Connection, person: int | None, batch: str | None = None) -> None:
    """Write down, soon, the arms in which whoever looks falls here for the first time; see ``SceneOffers.dealt``."""
    if person is None or visitor_of(request).id is None:
        return  # who does not want to be remembered is not measured
    shop = shop_of(request)
    now = shop.clock.now()
    new = shop.scene_offers.dealt(conn, person, now, batch)
    if new:
        with contextlib.suppress(Unavailable):  # the same arm falls to them at the next look
            shop.exposures.queue(Exposure((), new, now))


# ---- the cart --------------------------------------------------------------------------------------------------------


def cart_of(request: Request, conn: Connection) -> Cart | None:
    """The open cart of whoever asks."""
    member = account_of(request)
    return carts.find_cart(conn, request.cookies.get(CART, "")[:64] or None, member[0] if member else None)


def cart_for(request: Request, conn: Connection) -> Cart:
    """As ``cart_of``; a new one where there is none."""
    member = account_of(request)
    return cart_of(request, conn) or carts.new_cart(conn, member[0] if member else None, shop_of(request).clock.now())


def keep_cart(response: Response, request: Request, cart: Cart) -> None:
    """Remember a guest's cart on this device."""
    if cart.account is None:
        _cookie(response, request, CART, cart.cart, CART_DAYS)


# ---- links to orders -------------------------------------------------------------------------------------------------


def order_of(request: Request, token: str) -> tuple[str, State]:
    """The order a link leads to, or 404."""
    shop = shop_of(request)
    kind, _, number = (signed(front_of(request).secret, token, shop.clock.now()) or "").partition("|")
    state = shop.orders.state(f"order:{number}") if kind == "order" else None
    if state is None:
        raise HTTPException(404)
    return f"order:{number}", state


def kept_orders(request: Request) -> list[str]:
    """Orders that were placed from this device, the last first."""
    said = signed(front_of(request).secret, request.cookies.get(ORDERS, ""), shop_of(request).clock.now()) or ""
    kind, _, listed = said.partition("|")
    return [x for x in listed.split(",") if x] if kind == "orders" else []


def keep_order(response: Response, request: Request, order: str) -> None:
    """Remember an order on this device."""
    numbers = dict.fromkeys([order.partition(":")[2], *kept_orders(request)])
    until = shop_of(request).clock.now() + ORDERS_DAYS * DAY_MS
    value = sign(front_of(request).secret, "orders|" + ",".join(list(numbers)[:MOST_KEPT]), until)
    _cookie(response, request, ORDERS, value, ORDERS_DAYS)


def _cookie(response: Response, request: Request, name: str, value: str, days: int) -> None:
    https = request.url.scheme == "https"
    response.set_cookie(name, value, max_age=days * 86_400, httponly=True, samesite="lax", secure=https)


def text_in(form: Any, name: str, most: int) -> str:
    """A form's field as text without line ends around it; 422 for one that is too long or no text."""
    value = form.get(name, "")
    if not isinstance(value, str) or len(value) > most or "\0" in value:
        raise HTTPException(422)
    return value.strip()


def whole_in(form: Any, name: str, default: int) -> int:
    """A form's field as a whole number; -1 for anything else, which no quantity is."""
    value = text_in(form, name, 12)
    if not value:
        return default
    return int(value) if value.isascii() and value.isdigit() else -1


__all__ = ["CART", "MEMBER", "ORDERS", "Shop", "account_of", "buyer_of", "cart_for", "cart_of", "sign_in", "token_of"]
