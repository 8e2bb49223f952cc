"""The market between members: listings to look at, disputes to decide, payouts to make, its rules."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.money import minor, typed
from fairday.trade.c2c import records
from fairday.trade.c2c.dispute import order_of
from fairday.trade.c2c.listing import REASONS
from fairday.trade.c2c.mode import divided
from fairday.trade.links import order_number as number_of
from fairday.web.auth import field, inside
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

PAYOUT_REASONS = ("wrong_details", "not_allowed", "other")
SHOWN = 40


@inside.get("/market")
def market(request: Request) -> Response:
    return _page(request)


def _page(request: Request, error: FairdayError | None = None) -> Response:
    shop = shop_of(request)
    with shop.db.read() as conn:
        waiting = records.page(conn, life="review", limit=SHOWN)
        live = records.page(conn, life="live", limit=SHOWN)
        open_, decided = records.all_disputes(conn, "open"), records.all_disputes(conn, "decided", 20)
        payouts = records.payouts_of(conn, status="waiting")
        counts = records.counts(conn)
    versions = {x.id: shop.market.version(x.id) for x in (*waiting, *live)}
    return page(
        request, "market.html", status_of(error) if error else 200, waiting=waiting, live=live, open_disputes=open_,
        decided=decided, payouts=payouts, counts=counts, versions=versions, reasons=REASONS, number_of=number_of,
        payout_reasons=PAYOUT_REASONS, error=say(tongue_of(request), error) if error else None,
        fee=f"{Decimal(shop.settings.market.commission) / 100:f}",
    )  # fmt: skip


def _actor(request: Request) -> str:
    return f"operator:{request.state.operator.id}"


@inside.post("/market/settings")
def save(request: Request) -> Response:
    """Whether members may sell, and on what terms."""
    shop, form = shop_of(request), request.state.form
    try:
        days = field(request, "hold_days", 3)
        changed = {
            "open": form.get("open") == "yes", "review": form.get("review") == "yes",
            "commission": minor(field(request, "commission", 8), "EUR"),
            "hold_days": int(days) if days.isascii() and days.isdigit() else days,
        }  # fmt: skip
        shop.change_settings(market=changed)
    except FairdayError as error:
        return _page(request, error)
    return go("/console/market?done=settings")


@inside.post("/market/listings/{listing}")
def moderate(request: Request, listing: str) -> Response:
    """Let a listing be shown, or refuse it with a reason."""
    version, why = field(request, "version", 9), field(request, "why", 40)
    if not version.isdecimal() or (why and why not in REASONS):
        raise HTTPException(422)
    return _done(
        request,
        lambda: shop_of(request).market.moderate(listing[:40], int(version), actor=_actor(request), why=why),
        "market.refused" if why else "market.shown",
    )


@inside.post("/market/payouts/{payout}")
def pay_out(request: Request, payout: str) -> Response:
    """A payout was sent from the bank, or cannot be."""
    reference, why = field(request, "reference", 64), field(request, "why", 40)
    market, actor = shop_of(request).market, _actor(request)
    if why:
        return _done(request, lambda: market.refuse_payout(payout[:64], why, actor=actor), "market.payout_refused")
    return _done(request, lambda: market.confirm_payout(payout[:64], reference, actor=actor), "market.payout_made")


def _done(request: Request, act: Any, done: str) -> Response:
    try:
        act()
    except NotFound:
        raise HTTPException(404) from None
    except FairdayError as error:
        return _page(request, error)
    return go(f"/console/market?done={done}")


@inside.get("/market/disputes/{number}")
def dispute(request: Request, number: str) -> Response:
    return _dispute(request, number)


def _dispute(request: Request, number: str, error: FairdayError | None = None) -> Response:
    shop = shop_of(request)
    with shop.db.read() as conn:
        found = records.dispute_of(conn, number[:64])
        if found is None:
            raise HTTPException(404)
        said = records.words_of(conn, f"dispute:{number}")
        state = shop.orders.state(order_of(f"dispute:{number}"))
        assert state is not None
        listing = records.get(conn, state["data"]["listing"])
        stars = records.stars_of(conn, [found["buyer"], found["seller"]])
    back = found["back"] or 0
    fee, rest = divided(found["amount"] - back, state["data"]["commission"])
    return page(
        request, "market_dispute.html", status_of(error) if error else 200, dispute=found, said=said, item=listing,
        number=number, shown_number=number_of(number), stars=stars, fee=fee, rest=rest, order=state,
        error=say(tongue_of(request), error) if error else None,
    )  # fmt: skip


@inside.post("/market/disputes/{number}")
def decide(request: Request, number: str) -> Response:
    """How much goes back; the rest is the seller's."""
    shop = shop_of(request)
    try:
        state = shop.orders.state(f"order:{number[:64]}")
        if state is None:
            raise HTTPException(404)
        how = field(request, "how", 10)
        if how not in ("all", "none", "part"):
            raise HTTPException(422)
        part = None if how == "all" else 0
        if how == "part":
            part = typed(field(request, "back", 20), state["currency"])
        shop.market.decide(number[:64], part, by="shop", actor=_actor(request))
    except NotFound:
        raise HTTPException(404) from None
    except FairdayError as error:
        return _dispute(request, number, error)
    return go(f"/console/market/disputes/{number}?done=market.decided")
