"""Clashing prices: the same goods at prices that lie apart, here and elsewhere, each one click from where it is set."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from starlette.responses import Response

from fairday.goods.catalogue import products_named
from fairday.goods.clashes import Clash, Place, find_clashes
from fairday.kernel.errors import FairdayError
from fairday.stores.records import all_places
from fairday.web import desk
from fairday.web.auth import field, inside
from fairday.web.goods import unit
from fairday.web.i18n import Tongue
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

SHOWN = 100


def clashes_now(request: Request, most: int = SHOWN) -> tuple[int, list[dict[str, Any]]]:
    """How many clashes there are, and the widest as a page tells them."""
    shop, tongue = shop_of(request), tongue_of(request)
    with shop.db.read() as conn:
        found = find_clashes(conn, shop.settings, shop.clock.now(), desk.today(shop))
        titles = {n: p.title for n, p in products_named(conn, [c.product for c in found[:most]]).items()}
        stores = {p.store: p.name for p in all_places(conn)}
    return len(found), [_told(tongue, one, titles, stores) for one in found[:most]]


def _told(tongue: Tongue, one: Clash, titles: dict[str, str], stores: dict[str, str]) -> dict[str, Any]:
    def at(place: Place) -> dict[str, str]:
        query = {"n": one.product} if place.list is None else {"list": place.list}
        name = stores.get(place.store, place.store) if place.store else ""
        key = f"clashes.channel.{place.channel}"
        channel = tongue.plain(key) if tongue.has(key) else place.channel
        words = [w for w in (channel, name, place.country) if w]
        return {
            "price": unit(tongue, place.price), "where": " · ".join(dict.fromkeys(words)), "title": place.title,
            "to": f"/console/{'goods/good' if place.list is None else 'prices'}?{urlencode(query)}",
        }  # fmt: skip

    seen = one.seen
    return {
        "sku": one.sku, "title": titles.get(one.product) or one.product, "kind": one.kind,
        "gap": tongue.percent(float(one.gap), 0),
        "low": at(one.low), "high": at(one.high), "good": f"/console/goods/good?{urlencode({'n': one.product})}",
        "seen": None if seen is None else {
            "place": seen.place, "price": tongue.money(seen.amount, seen.currency), "day": tongue.day(seen.day),
        },
        "cost": "" if one.cost is None else tongue.money(one.cost, one.low.price.currency),
    }  # fmt: skip


@inside.get("/prices/clashes")
def clashes(request: Request) -> Response:
    return _show(request)


def _show(request: Request, error: FairdayError | None = None) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    total, rows = clashes_now(request)
    return page(
        request, "clashes.html", status_of(error) if error else 200, rows=rows, total=total,
        tolerance=shop.settings.price_tolerance, error=say(tongue, error) if error else None,
    )  # fmt: skip


@inside.post("/prices/clashes")
def tolerate(request: Request) -> Response:
    """How far prices may lie apart."""
    try:
        text = field(request, "tolerance", 20)
        if not (text.isascii() and text.isdigit() and int(text) <= 500):
            raise FairdayError(
                "That is not a share.",
                code="bad_tolerance",
                where="tolerance",
                remedy="Write a percentage from 0 to 500.",
            )
        shop_of(request).change_settings(price_tolerance=int(text))
    except FairdayError as error:
        return _show(request, error)
    return go("/console/prices/clashes?done=tolerance_saved")
