"""A shopper's orders: the list, what they may do with each, the papers. The page of one is in ``order_page``."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request
from sqlalchemy import Connection, select
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.goods.catalogue import products_named
from fairday.kernel.decider import State
from fairday.kernel.errors import Conflict, FairdayError
from fairday.people.accounts import accounts_in
from fairday.storage.runner import stream_state
from fairday.trade import cart as carts
from fairday.trade.links import order_number as number_of
from fairday.trade.records import contact_of, orders
from fairday.web.called import called_of
from fairday.web.goods import safe
from fairday.web.render import say, shop_of, tongue_of
from fairday.web.storefront.buying import (
    MEMBER,
    account_of,
    cart_for,
    keep_cart,
    kept_orders,
    order_of,
    sign_out,
    text_in,
    token_of,
    whole_in,
)
from fairday.web.storefront.checkout import pay
from fairday.web.storefront.front import front_of, posted_long, router, shown, visitor_of
from fairday.web.storefront.order_page import REASONS, may_cancel, page

MOST = 50
PICTURES = 3
"""Of an order's goods, in the list."""


@router.get("/orders")
def mine(request: Request) -> Response:
    """The orders of the member, and those placed from this device."""
    shop, member = shop_of(request), account_of(request)
    with shop.db.read() as conn:
        found = _listed(conn, member[0] if member else None, kept_orders(request))
        _with_goods(request, conn, found)
    secret = front_of(request).secret
    for one in found:
        one["token"] = token_of(secret, one["id"], one["placed_at"])
        one["number"] = number_of(one["id"])
    response = shown(request, "shop_orders.html", visitor_of(request), here="me", orders=found, member=member)
    response.headers["cache-control"] = "no-store"
    return response


def _listed(conn: Connection, account: str | None, kept: list[str]) -> list[dict[str, Any]]:
    # A member's list is the account's alone: a device may have had another owner.
    mine = (orders.c.account.in_(accounts_in(conn, account)) if account
            else orders.c.id.in_(kept) & orders.c.account.is_(None))  # fmt: skip
    query = select(orders).where(mine).order_by(orders.c.placed_at.desc()).limit(MOST)
    return [dict(row) for row in conn.execute(query).mappings()]


def _with_goods(request: Request, conn: Connection, found: list[dict[str, Any]]) -> None:
    """Give each order of a list its goods: what the first is called, the first pictures, how many lines more."""
    states = {o["id"]: stream_state(conn, f"order:{o['id']}") for o in found}
    lines = {number: list(state[1]["lines"].values()) if state else [] for number, state in states.items()}
    products = {x["product"] for many in lines.values() for x in many}
    called, rows = called_of(request).read(conn, products), products_named(conn, products)
    for one in found:
        bought = lines[one["id"]]
        one["title"] = called.goods(bought[0]["product"], bought[0]["title"]) if bought else ""
        one["more"] = max(0, len(bought) - 1)
        one["pictures"] = [
            {"image": safe(rows[x["product"]].image) if x["product"] in rows else None,
             "sign": called.goods(x["product"], x["title"])[:1]}
            for x in bought[:PICTURES]
        ]  # fmt: skip


@router.get("/order/{token}")
def order_page(request: Request, token: str) -> Response:
    order, state = order_of(request, token)
    return page(request, token, order, state)


@router.post("/order/{token}/{act}", dependencies=[Depends(posted_long)])
async def act(request: Request, token: str, act: str) -> Response:
    """What a shopper may do with their order: pay, cancel, say it came, ask to send back, buy again."""
    return await run_in_threadpool(_act, request, token, act)


def _act(request: Request, token: str, act: str) -> Response:
    shop, form = shop_of(request), request.state.form
    order, state = order_of(request, token)
    if act == "pay":
        return pay(request, order, text_in(form, "payment", 32), first=form.get("balance_first") == "yes")
    mode = shop.orders.mode(state)
    if (act == "again" and not mode.ways.again) or (act in ("return", "receive") and not mode.ways.back):
        raise HTTPException(404)  # not sold again, or what is wrong with it is said where the two sides go on
    if act == "again":
        with shop.db.write() as conn:
            cart = cart_for(request, conn)
            contact, _ = contact_of(conn, order.partition(":")[2])
            cart = carts.refill(conn, cart, _bought(state, contact.options), shop.clock.now())
        response = RedirectResponse("/cart", 303)
        keep_cart(response, request, cart)
        return response
    why = text_in(form, "why", 40)
    data: dict[str, Any] = {"why": why if why in REASONS else "other"}
    if act == "return":
        units = data["units"] = {part: n for part in state["lines"] if (n := whole_in(form, f"units.{part}", 0))}
        if form.get("instead") == "exchange":
            data["wants"] = _wants(form, units)
            try:
                shop.exchanges.look(order, units, data["wants"])
            except FairdayError as wrong:
                return page(request, token, order, state, say(tongue_of(request), wrong), 409)
    name = {"cancel": "order.cancel", "receive": "order.receive", "return": "order.ask_return"}.get(act)
    if name is None:
        raise HTTPException(404)
    if act == "cancel" and not may_cancel(shop, mode, state):
        raise HTTPException(409)
    answer = shop.orders.act(name, order, {} if act == "receive" else data, actor=order)
    if not answer.ok:
        assert answer.refusal is not None
        error = Conflict(answer.refusal.message, code=f"order_{answer.refusal.code}")
        return page(request, token, order, state, say(tongue_of(request), error), 409)
    return RedirectResponse(f"/order/{token}", 303)


def _wants(form: Any, units: dict[str, int]) -> list[tuple[str, int]]:
    """What a shopper would rather have: for each line an article, as many units as come back of it."""
    wanted: dict[str, int] = {}
    for part, n in units.items():
        sku = text_in(form, f"other.{part}", 200) or text_in(form, f"want.{part}", 200)
        if sku:
            wanted[sku] = wanted.get(sku, 0) + n
    return list(wanted.items())


def _bought(state: State, options: Any) -> list[dict[str, Any]]:
    return [x | {"options": options.get(part, {})} for part, x in state["lines"].items() if x["gift"] is None]


@router.post("/sign-out", dependencies=[Depends(posted_long)])
def leave(request: Request) -> Response:
    """Sign out on this device."""
    response = RedirectResponse("/", 303)
    if MEMBER in request.cookies:
        sign_out(response)
    return response
