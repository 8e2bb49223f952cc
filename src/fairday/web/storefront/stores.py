"""A shopper's store: chosen from the list, the nearest first; its prices and stock are what they then see."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from fastapi import Depends, Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.kernel.errors import Unavailable
from fairday.kernel.ids import new_id
from fairday.people.lately import STORE_CHOSEN
from fairday.scenes.loading import load_person
from fairday.scenes.moment import PLACE_MS
from fairday.storage.log import OURS, Happening
from fairday.stores.near import Store, city_key, distance
from fairday.stores.places import pickups
from fairday.stores.points import point_of
from fairday.trade.records import Contact, last_contact
from fairday.web.render import shop_of, tongue_of
from fairday.web.storefront.abroad import ours
from fairday.web.storefront.buying import account_of, text_in
from fairday.web.storefront.front import YEAR, answer_of, posted, router, shown, visitor_of
from fairday.web.storefront.prefer import country_of
from fairday.web.storefront.store import STORE, collecting_stores, store_of

MOST = 60
"""Stores on the page."""
MOST_OF_A_NAME = 100


@router.get("/stores")
def stores_page(request: Request) -> Response:
    """The stores where goods can be collected; ``near`` is a town, a street or a store's name, ``sku`` a good that each
    says whether it has."""
    shop, visitor = shop_of(request), visitor_of(request)
    query = request.query_params
    asked, sku = query.get("near", "")[:MOST_OF_A_NAME].strip(), query.get("sku", "")[:200]
    places = collecting_stores(request)
    if not places:
        raise HTTPException(404)
    with shop.db.read() as conn:
        at = _where(request, conn, asked, places)
        supply = shop.stock.available(conn, [sku]) if sku else {}
    named = [p for p in places if asked and _has(p, asked)]
    first = {p.store for p in named}
    there = pickups(places, supply, {sku: 1} if sku in supply else {}, shop.clock.now(), shop.settings.zone)
    days = {p.place.store: ("today" if p.today else "later") if p.day else "gone" for p in there}

    def order(place: Store) -> tuple[Any, ...]:
        far = distance(*at, place) if at is not None else 0.0
        return place.store not in first, far, place.city, place.name, place.store

    found = sorted(places, key=order)[:MOST]
    return shown(
        request, "shop_stores.html", visitor, near=asked, sku=sku, chosen=store_of(request),
        nothing=bool(asked) and not first and at is None, to=ours(query.get("to", "/")),
        stores=[{"at": p, "km": round(distance(*at, p)) if at is not None else None,
                 "has": days[p.store] if sku in supply else "", "until": _until(request, p)} for p in found],
    )  # fmt: skip


def _has(place: Store, asked: str) -> bool:
    said = asked.casefold()
    return city_key(place.city) == city_key(asked) or any(
        said in text.casefold() for text in (place.name, place.city, place.address)
    )


def _where(request: Request, conn: Connection, asked: str, places: Sequence[Store]) -> tuple[float, float] | None:
    """Degrees of about where to look from: what they asked for, else where they were of late, else where they last had
    things sent; None where nothing is known."""
    shop, visitor, member = shop_of(request), visitor_of(request), account_of(request)
    home = shop.settings.country
    if asked:
        return point_of(country_of(request) or home or "CN", asked, asked, places, home)
    now = shop.clock.now()
    if visitor.own and visitor.person is not None:
        place = load_person(conn, visitor.person, now).lately.place
        fresh = place is not None and 0 <= now - place.at <= PLACE_MS
        if fresh and place is not None and place.latitude is not None and place.longitude is not None:
            return place.latitude, place.longitude
    sent = last_contact(conn, member[0]) if member is not None else Contact()
    return point_of(sent.country, sent.region, sent.city, places, home) if sent.country else None


def _until(request: Request, place: Store) -> str:
    """Until when an order can be collected the same day, as the clock shows it there; "" where it is the next day."""
    return "" if place.collect_until is None else tongue_of(request).of_day(place.collect_until)


@router.post("/stores", dependencies=[Depends(posted)])
def choose_store(request: Request) -> Response:
    """Keep the store on this device, and tell it where they agreed to that; "" takes it away."""
    form = request.state.form
    said = text_in(form, "store", 64)
    response = RedirectResponse(ours(text_in(form, "to", 300)), 303)
    if not said:
        response.delete_cookie(STORE, path="/")
        return response
    if not any(p.store == said for p in collecting_stores(request)):
        raise HTTPException(404)
    https = request.url.scheme == "https"
    response.set_cookie(STORE, said, max_age=YEAR, httponly=True, samesite="lax", secure=https)
    _tell(request, said)
    return response


def _tell(request: Request, store: str) -> None:
    """Scenes show this store's goods from now on (``in_store(nearest)``). Each choice counts: one may change one's mind
    and come back."""
    shop, visitor = shop_of(request), visitor_of(request)
    if visitor.id is None or answer_of(request) != "yes":
        return
    now = shop.clock.now()
    said = Happening(
        message_id=f"shop-store-{new_id(now)}", kind="track", name=STORE_CHOSEN, at=now, received=now, source=OURS,
        ids=(visitor.id,), body={"properties": {"store_id": store}},
    )  # fmt: skip
    with contextlib.suppress(Unavailable):  # the choice itself is kept on the device
        shop.append([said])
