"""Whether goods are there, as shoppers read it: in stock, few left, gone, and the stores to collect them in."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from sqlalchemy import Connection

from fairday.stores.places import pickups
from fairday.stores.records import all_places
from fairday.web.render import shop_of

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
    found = pickups(all_places(conn), supply, {sku: 1}, now, shop.settings.zone)[:STORES]
    left = supply[sku].available
    return {
        "left": left,
        "few": 0 < left <= FEW,
        "coming": supply[sku].incoming > 0,
        "stores": [
            (p.place.name, p.place.address or p.place.city, "today" if p.today else "later") for p in found if p.day
        ],
    }
