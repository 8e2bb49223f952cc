"""Places: stores, weather by city, and distances. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from math import asin, cos, radians, sin, sqrt

import msgspec

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


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """A store: its id, name and city, degrees north and east, and its IANA time zone ("" for the shop's)."""

    store: str
    name: str
    city: str = ""
    latitude: float
    longitude: float
    zone: str = ""


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


def nearest(latitude: float, longitude: float, stores: Iterable[Store], count: int = 1) -> list[tuple[float, Store]]:
    """The nearest stores with their distance in kilometres, nearest first."""
    found = [(distance(latitude, longitude, store), store) for store in stores]
    return sorted(found, key=lambda f: (f[0], f[1].store))[:count]
