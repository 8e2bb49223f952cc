"""The wish list: Segment's wish list events in the log, read back from there."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import Depends, Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.goods.catalogue import ProductRow
from fairday.goods.catalogue import product as find_product
from fairday.kernel.money import major
from fairday.scenes.staging import as_product
from fairday.storage.log import OURS, Happening
from fairday.web.goods import card
from fairday.web.render import shop_of
from fairday.web.storefront.front import acted, answer_of, by_link, keep_acted, posted, router, shown, visitor_of
from fairday.web.storefront.trail import UNWISHED, WISHED, wishes_of


def facts_of(product: ProductRow, currency: str) -> dict[str, Any]:
    """A product as Segment's events carry it."""
    facts: dict[str, Any] = {"product_id": product.product, "name": product.title, "category": product.category,
                             "brand": product.brand, "currency": product.currency}  # fmt: skip
    if product.price is not None:
        facts["price"] = float(major(product.price, product.currency or currency))
    return {k: v for k, v in facts.items() if v is not None}


def drawn(request: Request, conn: Connection, numbers: list[str]) -> list[dict[str, Any]]:
    """Products by number for a template; those no longer sold are left out."""
    found = [find_product(conn, number) for number in numbers]
    return [card(request, as_product(row)) for row in found if row is not None]


@router.post("/wishes", dependencies=[Depends(posted)])
def wish(request: Request) -> Response:
    """Put goods on the list or take them off; who has not agreed to be remembered is asked that first."""
    shop, visitor = shop_of(request), visitor_of(request)
    number, keep = request.state.form.get("product"), request.state.form.get("keep")
    if not isinstance(number, str) or not 1 <= len(number) <= 200 or "\0" in number or keep not in ("yes", "no"):
        raise HTTPException(422)
    with shop.db.read() as conn:
        row = find_product(conn, number)
    if row is None:
        raise HTTPException(404)
    if visitor.id is None or answer_of(request) != "yes":
        return RedirectResponse("/me?ask=wish", 303)
    now = shop.clock.now()
    said = Happening(
        message_id=f"shop-wish-{secrets.token_hex(12)}", kind="track",
        name=WISHED if keep == "yes" else UNWISHED, at=now, received=now, source=OURS, ids=(visitor.id,),
        body={"properties": facts_of(row, shop.settings.currency)},
    )  # fmt: skip
    shop.append([said]).result()
    shop.followers.catch_up("identity", "traits")
    acted(request)
    response = RedirectResponse("/wishes", 303)
    keep_acted(response, request)
    return response


@router.get("/wishes")
def wishes(request: Request) -> Response:
    came = by_link(request)
    if came is not None:
        return came
    visitor = visitor_of(request)
    with shop_of(request).db.read() as conn:
        goods = drawn(request, conn, wishes_of(conn, visitor.person)) if visitor.own else []
    return shown(request, "shop_wishes.html", visitor, here="me", goods=goods)
