"""A moment: what is asked of an instant rather than of a person, in the audience language. Pure.

A scene's ``when.moment`` is a condition over these words: the clock, the weather, the place, what the person just did.
See docs/merchants/scenes.md for their meaning.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import ceil

import msgspec

from fairday.kernel.audience import Audience, Facts, TraitDef, Vocabulary, minutes_trait, parse
from fairday.kernel.audience.vocabulary import trait
from fairday.kernel.clock import local_day, local_minute, to_date
from fairday.people.lately import NOTHING, Lately, Place
from fairday.stores.near import WEATHERS, Store, Weather, city_key, nearest

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

PLACE_MS = 2 * 3_600_000
"""For how long a place that was told counts as where somebody is."""

CITY_KM = 20
"""How near a store must be for its city to be somebody's, where only degrees were told."""

WEATHER_MS = 3 * 3_600_000
"""For how long an observation counts as the weather."""


MOMENT_TRAITS: Mapping[str, TraitDef] = {
    t.name: t
    for t in (
        trait("hour", "int", "几点", "hour", "hora"),
        trait("minute_of_day", "int", "当天第几分钟", "minute of the day", "minuto del día"),
        trait("weekday", "text", "星期", "day of the week", "día de la semana", WEEKDAYS),
        trait("day_of_month", "int", "几号", "day of the month", "día del mes"),
        trait("days_to_month_end", "int", "距月底天数", "days to the month's end", "días hasta fin de mes"),
        trait("month", "int", "月份", "month", "mes"),
        trait("city", "text", "所在城市", "city", "ciudad"),
        trait("km_to_store", "int", "距门店公里数", "kilometres to a store", "kilómetros a una tienda"),
        trait("nearest_store", "text", "最近的门店", "nearest store", "tienda más cercana"),
        trait("weather", "text", "天气", "weather", "tiempo", WEATHERS),
        trait("temperature", "int", "气温", "temperature", "temperatura"),
        trait("viewed_category", "text", "刚看过的品类", "category just viewed", "categoría recién vista"),
        trait("viewed_product", "text", "刚看过的商品", "product just viewed", "producto recién visto"),
    )
}
"""What is known of a moment, beside ``minutes_since('Product Viewed')``."""


class Around(msgspec.Struct, frozen=True):
    """The world round a moment, the same for everybody.

    Attributes:
        stores: the shop's.
        weather: the last by ``city_key``.
        on_hand: the products each store has on hand, where a floor asks for them.
    """

    stores: Sequence[Store] = ()
    weather: Mapping[str, Weather] = {}
    on_hand: Mapping[str, frozenset[str]] = {}


NOWHERE = Around()
"""A shop without stores or weather."""


@lru_cache(maxsize=8)
def moment_vocabulary(currency: str = "CNY") -> Vocabulary:
    """The words a ``when.moment`` may use."""
    return Vocabulary(MOMENT_TRAITS, currency, {}, moment=True)


@lru_cache(maxsize=1024)
def moment_condition(text: str) -> Audience:
    """A moment's condition ready to be asked: ``moment_condition(text).test(facts, today)``.

    Raises:
        AudienceError: it cannot be understood.
    """
    return parse(text, moment_vocabulary())


def moment_facts(
    now: int,
    zone: str,
    lately: Lately = NOTHING,
    *,
    home: str | None = None,
    around: Around = NOWHERE,
) -> Facts:
    """What is known of an instant for a person.

    Args:
        now: the instant, ms.
        zone: the shop's; the clock is read in the zone the person's device told, where it did.
        lately: what the person did last.
        home: the city known of the person, for when no place was told of late.
        around: stores and weather.
    """
    theirs = lately.zone or zone
    day, minute = local_day(now, theirs), local_minute(now, theirs)
    today = to_date(day)
    numbers = {
        "hour": minute // 60,
        "minute_of_day": minute,
        "day_of_month": today.day,
        "days_to_month_end": monthrange(today.year, today.month)[1] - today.day,
        "month": today.month,
    }
    texts = {"weekday": WEEKDAYS[today.weekday()], "viewed_category": lately.category, "viewed_product": lately.product}
    place = lately.place if lately.place is not None and 0 <= now - lately.place.at <= PLACE_MS else Place(0)
    texts["city"] = place.city
    if place.latitude is not None and place.longitude is not None:
        for kilometres, store in nearest(place.latitude, place.longitude, around.stores):
            numbers["km_to_store"], texts["nearest_store"] = ceil(kilometres), store.store
            if kilometres <= CITY_KM:
                texts["city"] = place.city or store.city
    texts["city"] = texts["city"] or home
    observed = around.weather.get(city_key(texts["city"] or ""))
    if observed is not None and 0 <= now - observed.at <= WEATHER_MS:
        texts["weather"] = observed.weather
        if observed.temperature is not None:
            numbers["temperature"] = observed.temperature
    for name, at in lately.events.items():
        if at <= now:
            numbers[minutes_trait(name)] = (now - at) // 60_000
    told = [(name, n, n, None, None) for name, n in numbers.items()]
    return Facts.of([*told, *((name, None, None, text, None) for name, text in texts.items() if text)])


def store_of(lately: Lately, around: Around, now: int) -> str | None:
    """Somebody's store: the one they chose, or the nearest to where they were within ``PLACE_MS`` where they told that
    later; None where neither is known."""
    place, chosen = lately.place, lately.store
    if chosen is not None and not any(s.store == chosen[0] for s in around.stores):
        chosen = None  # it has closed
    if place is None or place.latitude is None or place.longitude is None or not 0 <= now - place.at <= PLACE_MS:
        return None if chosen is None else chosen[0]
    if chosen is not None and chosen[1] >= place.at:
        return chosen[0]
    return next((store.store for _, store in nearest(place.latitude, place.longitude, around.stores)), None)


def near_you(lately: Lately, around: Around, now: int, count: int = 2) -> list[tuple[float, Store]]:
    """The stores near where somebody was within ``PLACE_MS``, with kilometres, nearest first; none beyond CITY_KM."""
    place = lately.place
    if place is None or place.latitude is None or place.longitude is None or not 0 <= now - place.at <= PLACE_MS:
        return []
    found = nearest(place.latitude, place.longitude, around.stores, count)
    return [(kilometres, store) for kilometres, store in found if kilometres <= CITY_KM]
