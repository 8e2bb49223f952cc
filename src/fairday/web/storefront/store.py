"""Which store a shopper chose, as their device remembers it."""

from __future__ import annotations

from fastapi import Request
from sqlalchemy import Connection

from fairday.stores.near import Store
from fairday.stores.places import pickups
from fairday.stores.records import all_places
from fairday.trade.cart import Cart
from fairday.web.render import shop_of

STORE = "fairday_store"


def collecting_stores(request: Request) -> list[Store]:
    """The stores where shoppers collect orders; read once a request."""
    kept: list[Store] | None = getattr(request.state, "stores", None)
    if kept is None:
        with shop_of(request).db.read() as conn:
            kept = request.state.stores = [place for place in all_places(conn) if place.collects]
    return kept


def store_of(request: Request) -> Store | None:
    """The store this shopper chose, while there is one and orders are collected there."""
    said = request.cookies.get(STORE, "")
    return next((place for place in collecting_stores(request) if place.store == said), None) if said else None


def collecting(request: Request, conn: Connection, cart: Cart) -> str:
    """The number of the chosen store where it has all of a cart, which is then collected there unless its buyer says
    otherwise; "" where it is sent."""
    shop, store = shop_of(request), store_of(request)
    if store is None:
        return ""
    wants: dict[str, int] = {}
    for line in cart.lines:
        wants[line.sku] = wants.get(line.sku, 0) + line.qty
    found = pickups([store], shop.stock.available(conn, wants), wants, shop.clock.now(), shop.settings.zone)
    return store.store if found and not found[0].missing else ""
