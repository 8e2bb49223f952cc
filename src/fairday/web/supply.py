"""Whether goods are there, as shoppers read it: in stock, few left, only in stores, gone; and the stores to collect
them in, first the one that whoever looks has chosen."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from sqlalchemy import Connection

from fairday.stores.places import pickups, shipping_places
from fairday.stores.records import all_places
from fairday.web.render import shop_of
from fairday.web.storefront.store import store_of

FEW = 5
"""So many or fewer are told by number."""
STORES = 5
"""Stores shown, those that have it first."""


def supply_of(request: Request, conn: Connection, sku: str, now: int) -> dict[str, Any] | None:
    """What a goods page says of a good's stock; None for one that nobody counts."""
    shop = shop_of(request)
    supply = shop.stock.available(conn, [sku])
    if sku not in supply:
        return None
    places, chosen = all_places(conn), store_of(request)
    stores = pickups(places, supply, {sku: 1}, now, shop.settings.zone)
    found = [p for p in stores if chosen is None or p.place.store != chosen.store][:STORES]
    mine = next((p for p in stores if chosen is not None and p.place.store == chosen.store), None)
    sent = sum(supply[sku].by_place.get(place, 0) for place in shipping_places(places))
    left = sent or (supply[sku].available if any(p.day for p in stores) else 0)
    return {
        "left": left,
        "few": 0 < sent <= FEW,
        "only": left and not sent,
        "coming": supply[sku].incoming > 0,
        "mine": None
        if mine is None
        else (mine.place.name, ("today" if mine.today else "later") if mine.day else "gone"),
        "choose": bool(stores),
        "stores": [
            (p.place.name, p.place.address or p.place.city, "today" if p.today else "later") for p in found if p.day
        ],
    }
