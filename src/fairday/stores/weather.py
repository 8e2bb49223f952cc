"""The weather by city: "Weather Observed" with a server's key; a follower keeps the last of each city."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sqlalchemy import BigInteger, Connection, Integer, String, Table, select

from fairday.storage.bulk import insert_rows
from fairday.storage.database import col, metadata
from fairday.storage.followers import Source
from fairday.storage.log import Happening, happenings_at
from fairday.stores.near import Weather, city_key, weather_word

OBSERVED = "Weather Observed"
"""The event; its properties are ``city``, ``weather`` (a weather service's word) and ``temperature`` (Celsius)."""

weather = Table(
    "weather",
    metadata,
    col("city", String(80), primary_key=True, personal=False),
    col("weather", String(12), nullable=True, personal=False),
    col("temperature", Integer, nullable=True, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
)
"""One row a city (``city_key``): what was observed last, and when (ms)."""

_COLUMNS = tuple(c.name for c in weather.columns)
_LATER = (
    "ON CONFLICT (city) DO UPDATE SET weather = excluded.weather, temperature = excluded.temperature, at = excluded.at"
    " WHERE excluded.at >= weather.at"
)


def observed(h: Happening) -> tuple[str, Weather] | None:
    """The city and the weather that a happening tells; None where it tells none, or did not come by a server's key."""
    if h.kind != "track" or h.name != OBSERVED or not h.source.startswith("server:"):
        return None
    city, word, degrees = (h.properties.get(name) for name in ("city", "weather", "temperature"))
    if not isinstance(city, str) or not city_key(city):
        return None
    temperature = None
    if isinstance(degrees, int | float) and not isinstance(degrees, bool) and -100 <= degrees <= 70:
        temperature = math.floor(degrees + 0.5)
    said = weather_word(word) if isinstance(word, str) else None
    if said is None and temperature is None:
        return None
    return city_key(city)[:80], Weather(said, temperature, h.at)


class WeatherFollower:
    """Keeps the weather."""

    name = "weather"
    source: Source = "happenings"
    after: tuple[str, ...] = ()
    tables: tuple[Table, ...] = (weather,)
    heads = True

    def handle(self, conn: Connection, rows: Sequence[Happening], now: int) -> None:
        last: dict[str, Weather] = {}
        for h in happenings_at(conn, [r.pos for r in rows if r.name == OBSERVED]):
            found = observed(h)
            if found is not None and (found[0] not in last or found[1].at >= last[found[0]].at):
                last[found[0]] = found[1]
        values = [(city, w.weather, w.temperature, w.at) for city, w in sorted(last.items())]
        insert_rows(conn, weather, _COLUMNS, values, _LATER)


def weather_by_city(conn: Connection) -> dict[str, Weather]:
    """The last observation of each city, by ``city_key``."""
    return {city: Weather(word, degrees, at) for city, word, degrees, at in conn.execute(select(weather))}
