"""What sending costs: rates by zone, by weight or amount, free from an amount on. Pure; docs/algorithms/stock.md.

A rate belongs to a *service* ("standard", "express") and a *zone* (countries, postcodes). Of a service's rates whose
zone holds the address, the most particular counts: one that names its postcode, then its country, then everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from fairday.kernel.errors import FairdayError
from fairday.trade.shipping.addresses import known_country

By = Literal["flat", "weight", "amount"]
BYS: tuple[By, ...] = ("flat", "weight", "amount")

MOST_PRICE = 100_000_000
MOST_STEPS = 30


class Step(msgspec.Struct, frozen=True):
    """Up to that many grams, or minor units of goods: that price, in minor units."""

    upto: int
    price: int


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """What a service costs into a zone.

    Attributes:
        rate: its id.
        service: what shoppers choose between; rates of one service are its zones.
        carrier: a carrier's id or name, or "".
        countries: two letters each; none: everywhere.
        postcodes: beginnings ("86") and ranges of equal length ("35000-35999") that it is for; none: all.
        places: the places it is sent from; none: any.
        by: what decides the price: nothing, the grams, or the goods' amount.
        steps: ascending; flat has one whose ``upto`` means nothing.
        more_each, more_price: beyond the last step, what each further ``more_each`` grams or minor units begun cost;
            where ``more_each`` is 0, more cannot be sent.
        free_from: minor units of goods from which sending costs nothing, or None.
        days: how many days it takes, from and to.
        currency: of every amount here.
    """

    rate: str
    service: str
    carrier: str = ""
    countries: tuple[str, ...] = ()
    postcodes: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    by: By = "flat"
    steps: tuple[Step, ...]
    more_each: int = 0
    more_price: int = 0
    free_from: int | None = None
    days: tuple[int, int] = (0, 0)
    currency: str


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What a service costs for a parcel.

    Attributes:
        price: to pay, minor units.
        full: what it would cost were it not free.
        to_free: minor units of goods that are missing until it is free, or None where that never comes or has.
    """

    rate: str
    service: str
    carrier: str
    price: int
    full: int
    to_free: int | None
    days: tuple[int, int]


def quotes(
    rates: Iterable[Rate], country: str, postcode: str, grams: int, amount: int, currency: str, place: str | None = None
) -> list[Quote]:
    """What each service costs, the cheapest first.

    Args:
        country, postcode: where it goes; the postcode may be "" where it is not known yet.
        grams: of all goods.
        amount: of all goods after discounts, minor units.
        place: the place it leaves from; None for any.
    """
    by_service: dict[str, tuple[int, Rate]] = {}
    for rate in rates:
        if rate.currency != currency or (rate.places and place is not None and place not in rate.places):
            continue
        rank = _rank(rate, country, postcode)
        if rank is not None and (rate.service not in by_service or (rank, rate.rate) < (
            by_service[rate.service][0], by_service[rate.service][1].rate
        )):  # fmt: skip
            by_service[rate.service] = (rank, rate)
    found = [_quote(rate, grams, amount) for _, rate in by_service.values()]
    return sorted((q for q in found if q is not None), key=lambda q: (q.price, q.days, q.service))


def _rank(rate: Rate, country: str, postcode: str) -> int | None:
    """How particular a rate's zone is about an address, 0 the most; None where it does not hold it."""
    if rate.countries and country not in rate.countries:
        return None
    if rate.postcodes:
        return 0 if any(_within(p, bare(postcode)) for p in rate.postcodes) else None
    return 1 if rate.countries else 2


def bare(postcode: str) -> str:
    """A postcode without its signs."""
    return re.sub(r"[\s-]", "", postcode.upper())


def _within(pattern: str, postcode: str) -> bool:
    first, dash, last = pattern.partition("-")
    if not dash:
        return bool(postcode) and postcode.startswith(first)
    return len(postcode) >= len(first) and first <= postcode[: len(first)] <= last


def _quote(rate: Rate, grams: int, amount: int) -> Quote | None:
    full = _price(rate, {"flat": 0, "weight": grams, "amount": amount}[rate.by])
    if full is None:
        return None
    free = rate.free_from is not None and amount >= rate.free_from
    missing = None if free or rate.free_from is None or full == 0 else rate.free_from - amount
    return Quote(
        rate=rate.rate, service=rate.service, carrier=rate.carrier, price=0 if free else full, full=full,
        to_free=missing, days=rate.days,
    )  # fmt: skip


def _price(rate: Rate, measure: int) -> int | None:
    if rate.by == "flat":
        return rate.steps[0].price
    for step in rate.steps:
        if measure <= step.upto:
            return step.price
    if not rate.more_each:
        return None
    last = rate.steps[-1]
    return last.price + rate.more_price * -(-(measure - last.upto) // rate.more_each)


def check(rate: Rate) -> Rate:
    """A rate that can be: as it was given, or refused.

    Raises:
        FairdayError: which field cannot be, and why.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", rate.rate):
        raise _bad("rate", "A rate's name has small letters, digits, - and _.", "Write standard-cn.")
    if not 0 < len(rate.service) <= 60 or len(rate.carrier) > 60:
        raise _bad("service", "A service has a name of at most 60 characters.", "Write what shoppers choose.")
    for country in rate.countries:
        if not known_country(country):
            raise _bad("countries", f"{country[:10]!r} is not a country.", "Write two letters each: CN, HK.")
    for pattern in rate.postcodes:
        first, dash, last = pattern.partition("-")
        if not re.fullmatch(r"[A-Z0-9]{1,10}", first) or (dash and (len(last) != len(first) or last < first)):
            raise _bad("postcodes", f"{pattern[:30]!r} is no part of a postcode.", "Write 86, or 35000-35999.")
    if not rate.steps or len(rate.steps) > MOST_STEPS:
        raise _bad("steps", f"A rate has 1 to {MOST_STEPS} steps.", "Write 1000: 8.00 a line.")
    limits = [step.upto for step in rate.steps]
    if rate.by != "flat" and (limits != sorted(set(limits)) or limits[0] < 0):
        raise _bad("steps", "The steps must rise.", "Write the smallest first, each once.")
    amounts = [*(s.price for s in rate.steps), rate.more_price, rate.more_each, rate.free_from or 0]
    if any(not 0 <= a <= MOST_PRICE for a in amounts):
        raise _bad("steps", "A price is from 0 to a million.", "Look at the amounts again.")
    if rate.free_from is not None and rate.free_from <= 0:
        raise _bad("free_from", "Free from an amount above nothing.", "For free sending write the price 0.")
    if not 0 <= rate.days[0] <= rate.days[1] <= 365:
        raise _bad("days", "Days are two numbers, the smaller first.", "Write 2-4.")
    return rate


def _bad(field: str, message: str, remedy: str) -> FairdayError:
    return FairdayError(message, code=f"bad_rate_{field}", where=field, remedy=remedy)
