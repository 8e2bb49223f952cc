"""What a company's buyer sees on the shop's ordinary pages: its price beside everybody's, and a list to put goods on.

The cart is a person's and costs what a person pays. What the company buys goes on its list, at the company's prices.
"""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from fairday.goods.offering import Offer, Wanted
from fairday.goods.prices import Where
from fairday.kernel.errors import FairdayError
from fairday.trade.b2b.service import Member
from fairday.web.goods import unit
from fairday.web.render import shop_of, tongue_of
from fairday.web.storefront.buying import account_of, text_in, whole_in
from fairday.web.storefront.company import member_of, overview
from fairday.web.storefront.front import FINISHES, posted, router


def buys_for(request: Request) -> tuple[Member, Where] | None:
    """The company that whoever looks buys for, and where that is to price lists; None for everybody else."""
    signed = account_of(request)
    member = None if signed is None else shop_of(request).companies.member(signed[0])
    return None if member is None else (member, shop_of(request).goods.where(company=member.company))


def company_cards(request: Request, conn: Connection, cards: list[dict[str, Any]]) -> None:
    """Say on cards what the company pays, where that is another price."""
    found = buys_for(request) if cards else None
    if found is None:
        return
    shop, tongue = shop_of(request), tongue_of(request)
    fronts = shop.goods.fronts(conn, [c["id"] for c in cards], found[1], shop.clock.now())
    for one in cards:
        front = fronts.get(one["id"])
        if front is not None and (front.price, front.several) != (one["amount"], one["several"]):
            price = unit(tongue, front.price)
            price = tongue.plain("shop.price.from", price=price) if front.several else price
            one["yours"] = tongue.plain("company.ours", price=price)


FINISHES.append(company_cards)


def company_price(request: Request, conn: Connection, sku: str, now: int) -> dict[str, Any] | None:
    """The company's price of goods and its prices by quantity, for their page; None for who buys for none."""
    found = buys_for(request)
    if found is None:
        return None
    member, where = found
    offer = shop_of(request).goods.offers(conn, [Wanted(sku=sku)], where, now)[0]
    if not isinstance(offer, Offer):
        return None
    tongue = tongue_of(request)
    tiers = [(t.min_qty, unit(tongue, t.price)) for t in offer.tiers] if len(offer.tiers) > 1 else []
    return {"text": unit(tongue, offer.unit_price), "tiers": tiers, "company": member.name}


@router.post("/company/put", dependencies=[Depends(posted)])
def put(request: Request) -> Response:
    """Put goods on the member's open list, or on a new one."""
    shop, member, form = shop_of(request), member_of(request), request.state.form
    try:
        number = shop.companies.put(member, text_in(form, "sku", 200), whole_in(form, "qty", 1))
    except FairdayError as error:
        return overview(request, error)
    return RedirectResponse(f"/company/lists/{number}", 303)
