"""Orders in the console: the list, and one order with what can be done next: send, cancel, refund, answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import Request
from sqlalchemy import Connection, func, select
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.kernel.decider import Refusal, State
from fairday.kernel.errors import Conflict, FairdayError
from fairday.kernel.money import typed
from fairday.trade.finding import find_orders
from fairday.trade.links import pickup_code
from fairday.trade.records import Contact, contacts, keep_parcel, orders, parcels_of
from fairday.trade.refunds import Refund, preview
from fairday.trade.shipping.carriers import CARRIERS, read_number
from fairday.web.auth import inside
from fairday.web.console.data import PAGE
from fairday.web.ordering import actor_of, drawn, given_in, refuse, state_of, units_in
from fairday.web.render import go, page, shop_of
from fairday.web.signing import secret_of
from fairday.web.storefront.order_page import REASONS

STATUSES = ("placed", "paid", "part_shipped", "shipped", "picked_up", "completed", "cancelled", "expired", "returned",
            "exchanged", "refunded")  # fmt: skip


@inside.get("/orders")
def listed(request: Request) -> Response:
    asked = request.query_params
    status = asked.get("status", "") if asked.get("status") in STATUSES else ""
    before = asked.get("before", "")
    wanted = asked.get("q", "").strip()[:100]
    query = select(orders).order_by(orders.c.placed_at.desc(), orders.c.id.desc()).limit(PAGE + 1)
    if status:
        query = query.where(orders.c.status == status)
    if before.isascii() and before.isdigit() and len(before) < 16:
        query = query.where(orders.c.placed_at < int(before))
    with shop_of(request).db.read() as conn:
        if wanted:
            found, sure = find_orders(conn, secret_of(shop_of(request)), wanted)
            if sure and len(found) == 1:
                return go(f"/console/orders/{found[0]}")
            query = query.where(orders.c.id.in_(found))
        rows = [dict(r) for r in conn.execute(query).mappings()]
        people = customers(conn, [r["id"] for r in rows])
        by_status = select(orders.c.status, func.count()).group_by(orders.c.status)
        counts = {status: int(n) for status, n in conn.execute(by_status)}
    rows = [r | {"customer": people.get(r["id"], "")} for r in rows]
    older = rows[PAGE - 1]["placed_at"] if len(rows) > PAGE else ""
    return page(
        request, "orders.html", rows=rows[:PAGE], older="" if wanted else older, state=status, statuses=STATUSES,
        asked=wanted, counts=counts,
    )  # fmt: skip


def customers(conn: Connection, of: Sequence[str]) -> dict[str, str]:
    """By order whom it goes to: a name, else a mail address or phone number; nobody after an erasure."""
    c = contacts.c
    found = {}
    for id_, kept in conn.execute(select(c.id, c.contact).where(c.id.in_(of))):
        told = msgspec.json.decode(kept, type=Contact)
        found[id_] = told.name or told.email or told.phone
    return found


@inside.get("/orders/{order}")
def one(request: Request, order: str) -> Response:
    return drawn(request, order)


@inside.post("/orders/{order}/ship")
def ship(request: Request, order: str) -> Response:
    """Units leave with a carrier; its number is kept beside the order, where personal data may stand."""
    shop, state = shop_of(request), state_of(request, order)
    try:
        units = units_in(request, "units", state)
        carrier, tracking = given_in(request, "carrier", 64), given_in(request, "tracking", 64).strip()
        number = read_number(tracking) if tracking else ""
        parcel = given_in(request, "parcel", 64)
        if not (parcel.isalnum() and len(parcel) == 26):
            raise HTTPException(422)
        with shop.db.write() as conn:
            if not any(p["parcel"] == parcel for p in parcels_of(conn, order)):
                keep_parcel(conn, parcel, order, carrier if carrier in CARRIERS else "", number, shop.clock.now())
        data: dict[str, Any] = {"units": units, "parcel": parcel}
        if "place" in request.state.form:
            data["place"] = given_in(request, "place", 64)
        answer = shop.orders.act("order.ship", f"order:{order}", data, actor=actor_of(request), key=parcel)
        if answer.refusal is not None:
            shop.orders.forget_parcel(parcel)
        refuse(answer.refusal)
    except FairdayError as error:
        return drawn(request, order, 409 if isinstance(error, Conflict) else 422, error)
    return go(f"/console/orders/{order}?done=order_shipped")


@inside.post("/orders/{order}/refund")
def refund(request: Request, order: str) -> Response:
    """First what would go back, then, confirmed, exactly that."""
    shop, state = shop_of(request), state_of(request, order)
    asked: dict[str, Any] = {}
    try:
        given = given_in(request, "extra", 20).strip()
        why = given_in(request, "why", 40)
        asked = {
            "units": units_in(request, "units", state), "unshipped": units_in(request, "unshipped", state),
            "shipping": given_in(request, "shipping", 4) == "yes",
            "extra": typed(given, state["currency"]) if given else 0,
            "gifts": "leave" if given_in(request, "gifts", 8) == "leave" else "deduct",
            "why": why if why in REASONS else "other",
        }  # fmt: skip
        if given_in(request, "sure", 4) != "yes":
            return drawn(request, order, found=_looked_at(order, state, asked), asked=asked)
        restock: dict[str, int] | None = {} if given_in(request, "broken", 4) == "yes" else None
        most = given_in(request, "most", 20)
        data = asked | {"restock": restock, "return": given_in(request, "return", 4) or None,
                        "most": int(most) if most.isascii() and most.isdigit() else 0}  # fmt: skip
        key = given_in(request, "key", 64)
        answer = shop.orders.act("order.refund", f"order:{order}", data, actor=actor_of(request), key=key or None)
        refuse(answer.refusal)
    except FairdayError as error:
        return drawn(request, order, 409 if isinstance(error, Conflict) else 422, error, asked=asked)
    return go(f"/console/orders/{order}?done=order_refunded")


def _looked_at(order: str, state: State, asked: dict[str, Any]) -> Refund:
    """What a refund would give back.

    Raises:
        Conflict: it cannot be.
    """
    found = preview(
        f"order:{order}", state, asked["units"], unshipped=asked["unshipped"], shipping=asked["shipping"],
        extra=asked["extra"], gifts=asked["gifts"],
    )  # fmt: skip
    if isinstance(found, Refusal):
        raise Conflict(found.message, code=f"order_{found.code}")
    if not found.amount and not found.units and not found.unshipped:
        raise Conflict("Say which units come back, or how much money.", code="order_nothing_to_refund")
    return found


@inside.post("/orders/{order}/{step}")
def step(request: Request, order: str, step: str) -> Response:
    """Hand over, make ready, cancel, say it was received, answer a return."""
    state = state_of(request, order)
    why = given_in(request, "why", 40)
    data: dict[str, Any] = {}
    try:
        if step == "hand_over":
            data = {"units": units_in(request, "units", state)}
            code = given_in(request, "code", 12).replace(" ", "")
            if code and code != pickup_code(secret_of(shop_of(request)), order):
                raise Conflict("This is the code of another order.", code="order_wrong_code")
        elif step == "cancel":
            data = {"why": why if why in REASONS else "other"}
        elif step == "answer_return":
            data = {"return": given_in(request, "return", 4), "answer": given_in(request, "answer", 10)}
        elif step not in ("ready", "receive"):
            raise HTTPException(404)
        answer = shop_of(request).orders.act(f"order.{step}", f"order:{order}", data, actor=actor_of(request))
        refuse(answer.refusal)
    except FairdayError as error:
        return drawn(request, order, 409 if isinstance(error, Conflict) else 422, error)
    return go(f"/console/orders/{order}?done=order_{step}")
