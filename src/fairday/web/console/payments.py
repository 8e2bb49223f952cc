"""Payments: what came and how, money taken and given back by hand, and each day matched with the providers' bills."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.kernel import ids
from fairday.kernel.clock import local_day, to_date, to_day
from fairday.kernel.errors import FairdayError, Unavailable
from fairday.kernel.money import typed
from fairday.trade.links import order_number
from fairday.trade.payment import reconcile, tables
from fairday.trade.payment.decider import refundable, through_order
from fairday.trade.payment.model import MANUAL, METHODS, NUMBER, PROVIDERS, REFUND_ID, number_of, stream_of
from fairday.web.auth import Number, field, inside
from fairday.web.console.data import PAGE
from fairday.web.render import go, page, say, shop_of, tongue_of

STATUSES = ("requested", "pending", "succeeded", "failed", "closed", "problem")
_BEFORE = re.compile(r"(\d{1,15})\.(payment:[0-9A-Za-z]{6,32})")


@inside.get("/payments")
def payments(request: Request) -> Response:
    return _list(request)


def _list(request: Request, status_code: int = 200, error: FairdayError | None = None) -> Response:
    asked, shop = request.query_params, shop_of(request)
    method = asked.get("method", "") if asked.get("method") in METHODS else ""
    status = asked.get("status", "") if asked.get("status") in STATUSES else ""
    seen = _BEFORE.fullmatch(asked.get("before", ""))
    with shop.db.read() as conn:
        rows = tables.page(
            conn, method=method, status=status, before=(int(seen[1]), seen[2]) if seen else None, limit=PAGE + 1
        )
        days = reconcile.days(conn, limit=6)
    older = f"{rows[PAGE - 1].created}.{rows[PAGE - 1].stream}" if len(rows) > PAGE else ""
    live = shop.payments.providers.live
    providers = [
        (p, "live" if p in live else "sandbox" if shop.payments.providers.sandboxed else "none") for p in PROVIDERS
    ]
    return page(
        request, "payments.html", status_code, order_number=order_number,
        error=say(tongue_of(request), error) if error else None,
        rows=rows[:PAGE], older=older, method=method, state=status, methods=METHODS,
        statuses=STATUSES, days=days, number_of=number_of, providers=providers,
    )  # fmt: skip


def _detail(request: Request, number: str, status: int = 200, error: FairdayError | None = None) -> Response:
    shop = shop_of(request)
    state = shop.payments.state(number) if NUMBER.fullmatch(number) else None
    if state is None:
        raise HTTPException(404)
    with shop.db.read() as conn:
        row = tables.get(conn, stream_of(number))
        refunds = tables.refunds_of(conn, stream_of(number))
    trade = shop.payments.sandbox.find(state["method"], number) if shop.payments.providers.sandboxed else None
    return page(
        request, "payment.html", status, order_number=order_number, number=number,
        payment=state, row=row, refunds=refunds, left=refundable(state),
        error=say(tongue_of(request), error) if error else None, sandbox=trade and trade["token"],
        again_of=lambda refund: f"{refund}a" in state["refunds"], by_hand=state["method"] in MANUAL,
        order=state["pays"].partition(":")[2] if through_order(state) else "",
    )  # fmt: skip


@inside.post("/payments/settings")
def save(request: Request) -> Response:
    """What is offered, and whether the sandbox may stand in."""
    shop, form = shop_of(request), request.state.form
    try:
        minutes = field(request, "minutes", 6)
        shop.change_settings(
            payments={
                "methods": [m for m in METHODS if form.get(f"method_{m}") == "yes"],
                "sandbox": field(request, "sandbox", 4),
                "minutes": int(minutes) if minutes.isascii() and minutes.isdigit() else minutes,
            }
        )
    except FairdayError as error:
        return _list(request, 422, error)
    return go("/console/payments?done=settings")


@inside.get("/payments/{number}")
def payment(request: Request, number: str) -> Response:
    return _detail(request, number)


@inside.post("/payments/{number}/ask")
def ask(request: Request, number: str) -> Response:
    """Ask the provider now."""
    return _done(request, number, lambda shop, actor: shop.payments.ask(number), "asked")


@inside.post("/payments/{number}/confirm")
def confirm(request: Request, number: str) -> Response:
    """The money is here: cash, a transfer, a card's slip."""
    reference = field(request, "reference", 64)
    return _done(request, number, lambda shop, actor: shop.payments.confirm(number, reference, actor), "taken")


@inside.post("/payments/{number}/refund")
def refund(request: Request, number: str) -> Response:
    """Give a part back that belongs to no step of an order."""

    def act(shop: Any, actor: str) -> None:
        state = shop.payments.state(number)
        if state is None:
            raise HTTPException(404)
        amount = typed(field(request, "amount", 20), state["currency"])
        given = field(request, "refund", 24)
        wanted = given if REFUND_ID.fullmatch(given) else ids.new_id(shop.clock.now())[:24]
        shop.payments.refund(number, wanted, amount, field(request, "why", 100), actor)

    return _done(request, number, act, "refund")


@inside.post("/payments/{number}/refunds/{refund}/again")
def again(request: Request, number: str, refund: str) -> Response:
    """A refund that failed at its provider is tried once more."""
    return _done(request, number, lambda shop, actor: shop.payments.refund_again(number, refund, actor), "refund")


@inside.post("/payments/{number}/refunds/{refund}")
def paid_back(request: Request, number: str, refund: str) -> Response:
    """The money of a refund has been given back by hand."""
    reference = field(request, "reference", 64)
    return _done(
        request, number, lambda shop, actor: shop.payments.paid_back(number, refund, reference, actor), "taken"
    )


def _done(request: Request, number: str, act: Any, done: str) -> Response:
    shop = shop_of(request)
    if not NUMBER.fullmatch(number):
        raise HTTPException(404)
    try:
        act(shop, f"operator:{request.state.operator.id}")
    except FairdayError as error:
        if shop.payments.state(number) is None:
            raise HTTPException(404)
        return _detail(request, number, 503 if isinstance(error, Unavailable) else 409, error)
    return go(f"/console/payments/{number}?done=payment.{done}")


@inside.get("/reconciliation")
def reconciliation(request: Request) -> Response:
    return _days(request)


def _days(request: Request, status: int = 200, error: FairdayError | None = None) -> Response:
    shop = shop_of(request)
    with shop.db.read() as conn:
        days = reconcile.days(conn)
    yesterday = to_date(local_day(shop.clock.now(), reconcile.ZONE) - 1)
    return page(
        request, "reconciliation.html", status, days=days, offered=shop.payments.providers.offered(),
        yesterday=yesterday.isoformat(), error=say(tongue_of(request), error) if error else None,
    )  # fmt: skip


@inside.post("/reconciliation")
def run(request: Request) -> Response:
    """Match a day now."""
    try:
        day = to_day(date.fromisoformat(field(request, "day", 10)))
        reconcile.reconcile(shop_of(request).payments, field(request, "method", 16), day)
    except ValueError:
        return _days(request, 422, FairdayError("Not a day.", code="bad_day", where="day"))
    except FairdayError as error:
        return _days(request, 503 if isinstance(error, Unavailable) else 422, error)
    return go(f"/console/reconciliation/{field(request, 'method', 16)}/{day}")


@inside.get("/reconciliation/{method}/{day}")
def one_day(request: Request, method: str, day: Number) -> Response:
    with shop_of(request).db.read() as conn:
        found = reconcile.get(conn, method, day) if method in PROVIDERS and 0 <= day < 2**31 else None
    if found is None:
        raise HTTPException(404)
    return page(request, "reconciliation_day.html", found=found, payment_of=lambda number: number.partition("-")[0])
