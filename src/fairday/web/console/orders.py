"""Orders in the console: the list, and one order with what can be done next: send, cancel, refund, answer."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from sqlalchemy import select
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.kernel import ids
from fairday.kernel.decider import Refusal, State
from fairday.kernel.errors import Conflict, FairdayError
from fairday.kernel.money import minor
from fairday.stores.records import all_places
from fairday.trade import order as rules
from fairday.trade.documents import sums_of
from fairday.trade.links import order_number as number_of
from fairday.trade.records import contact_of, keep_parcel, orders, parcels_of
from fairday.trade.refunds import Refund, preview
from fairday.trade.shipping.addresses import Address, written
from fairday.trade.shipping.carriers import CARRIERS, carrier_name, read_number, tracking_link
from fairday.web.auth import field, inside
from fairday.web.console.data import PAGE
from fairday.web.render import go, page, say, shop_of, tongue_of
from fairday.web.storefront.landing import abroad_drawn
from fairday.web.storefront.orders import REASONS

STATUSES = ("placed", "paid", "part_shipped", "shipped", "picked_up", "completed", "cancelled", "expired", "returned",
            "exchanged", "refunded")  # fmt: skip


@inside.get("/orders")
def listed(request: Request) -> Response:
    asked = request.query_params
    status = asked.get("status", "") if asked.get("status") in STATUSES else ""
    before = asked.get("before", "")
    query = select(orders).order_by(orders.c.placed_at.desc(), orders.c.id.desc()).limit(PAGE + 1)
    if status:
        query = query.where(orders.c.status == status)
    if before.isascii() and before.isdigit() and len(before) < 16:
        query = query.where(orders.c.placed_at < int(before))
    with shop_of(request).db.read() as conn:
        rows = [dict(r) for r in conn.execute(query).mappings()]
    older = rows[PAGE - 1]["placed_at"] if len(rows) > PAGE else ""
    return page(
        request, "orders.html", rows=rows[:PAGE], older=older, state=status, statuses=STATUSES, number_of=number_of
    )


def _state(request: Request, order: str) -> State:
    state = shop_of(request).orders.state(f"order:{order}") if 0 < len(order) <= 64 else None
    if state is None:
        raise HTTPException(404)
    return state


@inside.get("/orders/{order}")
def one(request: Request, order: str) -> Response:
    return _drawn(request, order)


def _drawn(
    request: Request,
    order: str,
    status: int = 200,
    error: FairdayError | None = None,
    found: Refund | None = None,
    asked: dict[str, Any] | None = None,
) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    state = _state(request, order)
    with shop.db.read() as conn:
        contact, _ = contact_of(conn, order)
        sent = [p | {"name": carrier_name(p["carrier"]), "link": tracking_link(p["carrier"], p["tracking"])}
                for p in parcels_of(conn, order)]  # fmt: skip
        store = next((p.name for p in all_places(conn) if p.store == state["store"]), state["store"])
    lines = [
        x | {"line": part, "waiting": rules.waiting(x), "out": x["shipped"] - x["returned"],
             "options": contact.options.get(part, {})}
        for part, x in state["lines"].items()
    ]  # fmt: skip
    address = written(Address(**{f: getattr(contact, f) for f in Address.__struct_fields__})) if contact.street else []
    ready = state["life"] == "open" and (rules.is_paid(state) or state["on_account"])
    return page(
        request, "order.html", status, order=state, id=order, number=number_of(order), stands=rules.status(state),
        lines=lines, sums=sums_of(state), due=rules.due(state), contact=contact, address=address, parcels=sent,
        store=store, reasons=REASONS, carriers=sorted((c.carrier, c.name) for c in CARRIERS.values()),
        error=say(tongue, error) if error else None, found=found, asked=asked or {},
        parcel=ids.new_id(shop.clock.now()), left_to_ship=sum(x["waiting"] for x in lines),
        kept=rules.kept_paid(state),
        may_do={
            "ship": ready and any(x["waiting"] for x in lines) and state["way"] == "ship",
            "hand_over": ready and any(x["waiting"] for x in lines) and state["way"] == "pickup",
            "ready": ready and state["way"] == "pickup" and state["ready_at"] is None,
            "cancel": state["life"] == "open" and not any(x["shipped"] for x in lines),
            "refund": state["life"] in ("open", "completed") and (rules.is_paid(state) or state["on_account"])
            and (state["refunded"] < state["total"] or any(x["out"] or x["waiting"] for x in lines)),
        },
        money=lambda n: tongue.money(n, state["currency"]), abroad=abroad_drawn(tongue, state),
    )  # fmt: skip


def _given(request: Request, name: str, most: int) -> str:
    """A field of the form; "" where it is not there."""
    return field(request, name, most) if name in request.state.form else ""


def _units(request: Request, name: str, state: State) -> dict[str, int]:
    """Units by line from fields ``NAME.LINE``.

    Raises:
        FairdayError: one is no whole number.
    """
    found = {}
    for part in state["lines"]:
        given = _given(request, f"{name}.{part}", 8).strip()
        if given and given != "0":
            if not (given.isascii() and given.isdigit()):
                raise FairdayError("That is not a number of units.", code="bad_quantity", where=given)
            found[part] = int(given)
    return found


@inside.post("/orders/{order}/ship")
def ship(request: Request, order: str) -> Response:
    """Units leave with a carrier; its number is kept beside the order, where personal data may stand."""
    shop, state = shop_of(request), _state(request, order)
    try:
        units = _units(request, "units", state)
        carrier, tracking = _given(request, "carrier", 64), _given(request, "tracking", 64).strip()
        number = read_number(tracking) if tracking else ""
        parcel = _given(request, "parcel", 64)
        if not (parcel.isalnum() and len(parcel) == 26):
            raise HTTPException(422)
        with shop.db.write() as conn:
            if not any(p["parcel"] == parcel for p in parcels_of(conn, order)):
                keep_parcel(conn, parcel, order, carrier if carrier in CARRIERS else "", number, shop.clock.now())
        answer = shop.orders.act(
            "order.ship", f"order:{order}", {"units": units, "parcel": parcel}, actor=_actor(request), key=parcel
        )
        if answer.refusal is not None:
            shop.orders.forget_parcel(parcel)
        _said(answer.refusal)
    except FairdayError as error:
        return _drawn(request, order, 409 if isinstance(error, Conflict) else 422, error)
    return go(f"/console/orders/{order}?done=order_shipped")


@inside.post("/orders/{order}/refund")
def refund(request: Request, order: str) -> Response:
    """First what would go back, then, confirmed, exactly that."""
    shop, state = shop_of(request), _state(request, order)
    asked: dict[str, Any] = {}
    try:
        given = _given(request, "extra", 20).strip()
        why = _given(request, "why", 40)
        asked = {
            "units": _units(request, "units", state), "unshipped": _units(request, "unshipped", state),
            "shipping": _given(request, "shipping", 4) == "yes",
            "extra": minor(given, state["currency"]) if given else 0,
            "gifts": "leave" if _given(request, "gifts", 8) == "leave" else "deduct",
            "why": why if why in REASONS else "other",
        }  # fmt: skip
        if _given(request, "sure", 4) != "yes":
            return _drawn(request, order, found=_looked_at(order, state, asked), asked=asked)
        restock: dict[str, int] | None = {} if _given(request, "broken", 4) == "yes" else None
        most = _given(request, "most", 20)
        data = asked | {"restock": restock, "return": _given(request, "return", 4) or None,
                        "most": int(most) if most.isascii() and most.isdigit() else 0}  # fmt: skip
        key = _given(request, "key", 64)
        answer = shop.orders.act("order.refund", f"order:{order}", data, actor=_actor(request), key=key or None)
        _said(answer.refusal)
    except FairdayError as error:
        return _drawn(request, order, 409 if isinstance(error, Conflict) else 422, error, asked=asked)
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
    state = _state(request, order)
    why = _given(request, "why", 40)
    data: dict[str, Any] = {}
    try:
        if step == "hand_over":
            data = {"units": _units(request, "units", state)}
        elif step == "cancel":
            data = {"why": why if why in REASONS else "other"}
        elif step == "answer_return":
            data = {"return": _given(request, "return", 4), "answer": _given(request, "answer", 10)}
        elif step not in ("ready", "receive"):
            raise HTTPException(404)
        answer = shop_of(request).orders.act(f"order.{step}", f"order:{order}", data, actor=_actor(request))
        _said(answer.refusal)
    except FairdayError as error:
        return _drawn(request, order, 409 if isinstance(error, Conflict) else 422, error)
    return go(f"/console/orders/{order}?done=order_{step}")


def _actor(request: Request) -> str:
    return f"operator:{request.state.operator.id}"


def _said(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise Conflict(refusal.message, code=f"order_{refusal.code}", where=str(refusal.detail.get("line", "")))
