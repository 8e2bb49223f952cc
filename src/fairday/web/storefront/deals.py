"""A deal between two members, as each of them sees it: sending, receiving, a dispute with evidence, ratings."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.kernel.errors import FairdayError, NotFound
from fairday.trade import order as rules
from fairday.trade.c2c import records
from fairday.trade.c2c.dispute import REASONS
from fairday.trade.c2c.mode import divided
from fairday.trade.links import order_number as number_of
from fairday.trade.records import contact_of, parcels_of
from fairday.trade.shipping.carriers import CARRIERS, carrier_name, tracking_link
from fairday.web.render import say, shop_of, status_of, tongue_of
from fairday.web.storefront.buying import text_in, token_of, whole_in
from fairday.web.storefront.front import front_of, router, shown, visitor_of
from fairday.web.storefront.prefer import address_lines
from fairday.web.storefront.selling import Member, member_of, no_store, photo_in, uploaded


@router.get("/deal/{number}")
def deal(request: Request, number: str) -> Response:
    return _deal(request, number)


def _deal(request: Request, number: str, error: FairdayError | None = None) -> Response:
    shop, member, tongue = shop_of(request), member_of(request), tongue_of(request)
    try:
        side, state = shop.market.deal(number, member[0])
    except NotFound:
        raise HTTPException(404) from None
    with shop.db.read() as conn:
        listing = records.get(conn, state["data"]["listing"])
        dispute = records.dispute_of(conn, number)
        said = records.words_of(conn, f"dispute:{number}")
        stars, rated = records.stars_given(conn, number), records.words_of(conn, f"rating:{number}")
        parcels = [p | {"carrier_name": carrier_name(p["carrier"], tongue_of(request).language),
                        "link": tracking_link(p["carrier"], p["tracking"])}
                   for p in parcels_of(conn, number)]  # fmt: skip
        contact, _ = contact_of(conn, number)
    where = rules.status(state)
    # The seller is told where to only while it is theirs to send or under way.
    to = side == "seller" and state["life"] == "open" and rules.is_paid(state)
    address = [contact.phone, *address_lines(tongue_of(request), contact)]
    kept = sum(x["paid"] - x["refunded"] for _, x in rules.parts(state))
    fee, rest = divided(kept, state["data"]["commission"])
    open_, sent = state["life"] == "open", state["shipped_at"] is not None
    response = shown(
        request, "shop_deal.html", visitor_of(request), status_of(error) if error else 200, here="market",
        number=number, shown_number=number_of(number), side=side, deal=state, stands=where, item=listing,
        dispute=dispute, said=said, stars=stars, rated=rated, parcels=parcels, address=address if to else [],
        carriers=CARRIERS, reasons=REASONS, kept=kept, fee=fee, rest=rest,
        token=token_of(front_of(request).secret, number, state["placed_at"]) if side == "buyer" else "",
        may={
            "send": side == "seller" and open_ and rules.is_paid(state) and not sent,
            "receive": side == "buyer" and open_ and sent and dispute is None,
            "dispute": side == "buyer" and open_ and sent and dispute is None,
            "say": dispute is not None and dispute["status"] == "open",
            "rate": state["life"] == "completed" and side not in stars,
        },
        error=say(tongue, error) if error else None, money=lambda n: tongue.money(n, state["currency"]),
    )  # fmt: skip
    return no_store(response)


@router.post("/deal", dependencies=[Depends(uploaded)])
async def act(request: Request) -> Response:
    """What a side does: ``act`` is send, received, dispute, say, give_in or rate."""
    return await run_in_threadpool(_act, request)


def _act(request: Request) -> Response:
    form, member = request.state.form, member_of(request)
    number = text_in(form, "number", 40)
    try:
        _does(request, number, text_in(form, "act", 16), member)
    except NotFound:
        raise HTTPException(404) from None
    except FairdayError as error:
        return _deal(request, number, error)
    return RedirectResponse(f"/deal/{number}", 303)


def _does(request: Request, number: str, act: str, member: Member) -> None:
    market, form = shop_of(request).market, request.state.form
    account, ids = member[0], (member[1],)
    side, _ = market.deal(number, account)

    def text(name: str, most: int) -> str:
        return text_in(form, name, most)

    acts: dict[str, Any] = {
        "send": lambda: market.send(number, account, text("carrier", 60), text("tracking", 60)),
        "received": lambda: market.received(number, account),
        "dispute": lambda: market.dispute(
            number, account, ids, text("why", 40), text("text", 4000), photo_in(request, member)
        ),
        "say": lambda: market.say(number, account, ids, text("text", 4000), photo_in(request, member)),
        "give_in": lambda: market.decide(number, 0 if side == "buyer" else None, by=account, actor=account),
        "rate": lambda: market.rate(number, account, ids, whole_in(form, "stars", 0), text("text", 4000)),
    }
    if act not in acts:
        raise HTTPException(422)
    acts[act]()
