"""Where goods are and how shoppers get them from there: sources for an allocation, stores to collect in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from fairday.goods.stock import MAIN, Source, Supply
from fairday.kernel.clock import local_day
from fairday.stores.near import Store, collect_day, distance
from fairday.stores.records import all_places

ABROAD_M = 20_015_000
"""Half the Earth's girth, metres: how far a place in another country is taken to be where no point is known."""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order goes, as far as it is known: a country, and a point where the address told one."""

    country: str = ""
    latitude: float | None = None
    longitude: float | None = None


class Pickup(msgspec.Struct, frozen=True, kw_only=True):
    """A store where goods can be collected.

    Attributes:
        place: the store.
        day: the local day on which everything is there, or None where something is missing.
        today: whether that is today.
        missing: SKUs of which the store has too few.
        metres: how far it is from where somebody is, or None.
    """

    place: Store
    day: int | None
    today: bool
    missing: tuple[str, ...] = ()
    metres: int | None = None


def shipping_places(places: Iterable[Store]) -> list[str]:
    """The numbers of the places that send orders; a shop that has none sends from ``MAIN``."""
    return [place.store for place in places if place.ships] or [MAIN]


def sources(
    places: Sequence[Store], to: Destination, home: str = "", price: Mapping[str, tuple[int, int]] | None = None
) -> list[Source]:
    """The places that may send an order, with how far each is and what a parcel from there costs.

    Args:
        home: the country of places that name none.
        price: by place: minor units a parcel, and a kilogram more; nothing where not said.
    """
    found, prices = [], price or {}
    for place in places:
        if place.ships:
            parcel, per_kg = prices.get(place.store, (0, 0))
            found.append(Source(place.store, _metres(place, to, home), parcel, per_kg))
    return found or [Source(MAIN)]


def _metres(place: Store, to: Destination, home: str) -> int:
    if to.latitude is not None and to.longitude is not None:
        return round(distance(to.latitude, to.longitude, place) * 1000)
    return ABROAD_M if to.country and (place.country or home) not in ("", to.country) else 0


def pickups(
    places: Sequence[Store],
    supply: Mapping[str, Supply],
    wanted: Mapping[str, int],
    now: int,
    shop_zone: str,
    at: tuple[float, float] | None = None,
) -> list[Pickup]:
    """The stores where goods can be collected, the nearest first (by name where nobody knows), those with all before.

    Args:
        supply: what ``shop.stock.available`` says of the wanted goods; one that nobody counts is everywhere.
        wanted: units by SKU.
        at: degrees north and east of whoever asks.
    """
    found = []
    for place in places:
        if not place.collects:
            continue
        missing = tuple(
            sku for sku, qty in wanted.items() if sku in supply and supply[sku].by_place.get(place.store, 0) < qty
        )
        day = collect_day(place, now, shop_zone)
        found.append(
            Pickup(
                place=place,
                day=None if missing else day,
                today=not missing and day == local_day(now, place.zone or shop_zone),
                missing=missing,
                metres=None if at is None else round(distance(*at, place) * 1000),
            )
        )
    return sorted(found, key=lambda p: (p.day is None, p.metres or 0, p.place.city, p.place.name, p.place.store))


def place_names(conn: Connection) -> dict[str, str]:
    """The names of the places by their numbers; a shop without any keeps its goods at ``MAIN``."""
    names = {place.store: place.name for place in all_places(conn)}
    return names or {MAIN: ""}
