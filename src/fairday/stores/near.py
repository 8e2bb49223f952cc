"""Places: stores, weather by city, and distances. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from math import asin, cos, radians, sin, sqrt
from typing import Literal

import msgspec

from fairday.kernel.clock import local_day, zone

EARTH_KM = 6371.0088
"""The Earth's mean radius (IUGG), kilometres."""

WEATHERS = ("clear", "clouds", "fog", "rain", "snow", "storm", "wind")

_WORDS = {
    "storm": ("thunder", "storm", "tornado", "hurricane", "typhoon", "雷", "台风", "暴风", "tormenta"),
    "snow": ("snow", "sleet", "hail", "blizzard", "雪", "冰雹", "nieve", "granizo"),
    "rain": ("rain", "drizzle", "shower", "雨", "lluvia", "llovizna"),
    "fog": ("fog", "mist", "haze", "smoke", "dust", "sand", "雾", "霾", "沙", "niebla", "bruma"),
    "wind": ("wind", "squall", "gale", "风", "viento"),
    "clouds": ("cloud", "overcast", "云", "阴", "nub"),
    "clear": ("clear", "sun", "fine", "fair", "晴", "despejado", "sol"),
}


Kind = Literal["store", "warehouse"]
Serves = Literal["collect", "ship", "both", "none"]


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """A store, or a warehouse: a place where goods are.

    Attributes:
        store: its number; stock is kept under it.
        city: "" where not said.
        latitude, longitude: degrees north and east.
        zone: IANA time zone, "" for the shop's.
        kind: shoppers see stores and never warehouses.
        serves: whether orders are collected there, sent from there, both or neither.
        country: two letters (ISO 3166), "" for the shop's own.
        address: the street, as shoppers read it.
        collect_until: minute of its local day until which an order can be collected the same day; None: the next.
    """

    store: str
    name: str
    city: str = ""
    latitude: float
    longitude: float
    zone: str = ""
    kind: Kind = "store"
    serves: Serves = "collect"
    country: str = ""
    address: str = ""
    collect_until: int | None = None

    @property
    def ships(self) -> bool:
        """Whether orders are sent from there."""
        return self.serves in ("ship", "both")

    @property
    def collects(self) -> bool:
        """Whether shoppers collect orders there."""
        return self.kind == "store" and self.serves in ("collect", "both")


class Weather(msgspec.Struct, frozen=True):
    """What was observed: one of WEATHERS, whole degrees Celsius (None where not told), and when (ms)."""

    weather: str | None
    temperature: int | None
    at: int


def weather_word(said: str) -> str | None:
    """A weather service's word ("Light rain", "小雨", "Thunderstorm") as one of WEATHERS; None when none fits."""
    lowered = said.lower()
    return next((name for name, words in _WORDS.items() if any(w in lowered for w in words)), None)


def city_key(name: str) -> str:
    """A city's name as weather is kept and looked up by: lower case, without blanks around and 市 after it."""
    return name.strip().lower().removesuffix("市").removesuffix(" city")


def distance(latitude: float, longitude: float, store: Store) -> float:
    """Kilometres from a point to a store, along the great circle (haversine)."""
    north, south = radians(latitude), radians(store.latitude)
    across, along = (south - north) / 2, radians(store.longitude - longitude) / 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(sin(across) ** 2 + cos(north) * cos(south) * sin(along) ** 2)))


def collect_day(store: Store, now: int, shop_zone: str) -> int:
    """The local day (days since 1970-01-01) on which an order placed now (ms) can be collected: today or tomorrow."""
    where = store.zone or shop_zone
    local = datetime.fromtimestamp(now / 1000, zone(where))
    in_time = store.collect_until is not None and local.hour * 60 + local.minute < store.collect_until
    return local_day(now, where) + (0 if in_time else 1)


def nearest(latitude: float, longitude: float, stores: Iterable[Store], count: int = 1) -> list[tuple[float, Store]]:
    """The nearest stores with their distance in kilometres, nearest first."""
    found = [(distance(latitude, longitude, store), store) for store in stores]
    return sorted(found, key=lambda f: (f[0], f[1].store))[:count]
