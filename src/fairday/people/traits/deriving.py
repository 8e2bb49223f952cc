"""A person's profile from what was told and from the sums of their day buckets. Pure; see docs/algorithms/traits.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from fairday.kernel.audience import pack
from fairday.kernel.clock import day_start, to_date
from fairday.people.traits.rfm import Thresholds, price_level, score

K = TypeVar("K", int, str)

HABIT = 3
"""Observations from which an hour, a weekday, a store or a channel is called usual."""
PREFERRED = 5
"""Categories or brands a person prefers at most; each has at least a tenth of the units."""


class Fact(NamedTuple):
    """A row of the profile without its person."""

    trait: str
    lo: int | None
    hi: int | None
    txt: str | None
    at: int
    source: str
    p: int | None = None


@dataclass(slots=True)
class Sums:
    """What a person's buckets sum to.

    Attributes:
        orders: by day, how many were completed (0 where only an earlier order grew).
        spent: minor units of completed orders.
        refunded: minor units that came back.
        totals: (n, amount) of ``bought:category=``, ``bought:brand=`` and ``active:`` measures.
        last: the last day of any of them.
    """

    orders: dict[int, int] = field(default_factory=dict)
    spent: int = 0
    refunded: int = 0
    totals: dict[str, tuple[int, int]] = field(default_factory=dict)
    last: int = -(10**6)


@dataclass(frozen=True, slots=True)
class Shop:
    """What a profile depends on besides the person.

    Attributes:
        zone: the shop's time zone.
        today: the shop's local day.
        rfm: the shop's quintiles, None before they were first computed.
        prices: by category, the two cuts of the thirds of unit prices.
    """

    zone: str
    today: int
    rfm: Thresholds | None = None
    prices: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def profile(told: Iterable[Fact], sums: Sums | None, shop: Shop) -> list[Fact]:
    """What is known of a person now, one fact a trait.

    Args:
        told: from all their ownership intervals; of several the later by ``at`` stands, and a fact before a guess.
    """
    found: dict[str, Fact] = {}
    for fact in told:
        other = found.get(fact.trait)
        if other is None or (fact.p is None, fact.at) >= (other.p is None, other.at):
            found[fact.trait] = fact
    born = found.get("birth_date")
    if born is not None and born.lo is not None and ("age" not in found or found["age"].at <= born.at):
        age = age_on(born.lo, shop.today)
        found["age"] = born._replace(trait="age", lo=age, hi=age)
    facts = list(found.values())
    if sums is not None:
        facts += _habits(sums, shop)
        facts += _tastes(sums, shop)
        facts += buyer(sums, shop)
    return facts


def age_on(born: int, today: int) -> int:
    """Whole years from a day of birth to a day; who was born on 29 February is a year older on 1 March."""
    a, b = to_date(born), to_date(today)
    return max(0, b.year - a.year - ((b.month, b.day) < (a.month, a.day)))


def buyer(sums: Sums, shop: Shop) -> list[Fact]:
    """Orders, money and RFM of somebody who ordered; nothing of anybody else."""
    days = [day for day, n in sums.orders.items() if n > 0]
    count = sum(n for n in sums.orders.values() if n > 0)
    if not days:
        return []
    first, last = min(days), max(days)
    spent = sums.spent - sums.refunded
    at = day_start(last, shop.zone)
    mean = (2 * spent + count) // (2 * count)  # half up
    facts = [
        _number("first_order_day", first, at, "orders"),
        _number("last_order_day", last, at, "orders"),
        _number("order_count", count, at, "orders"),
        _number("spend_total", spent, at, "orders"),
        _number("average_order", mean, at, "orders"),
    ]
    return facts + scored(last, count, spent, at, shop)


def scored(last: int, count: int, spent: int, at: int, shop: Shop) -> list[Fact]:
    """The four RFM traits of a buyer; none before the shop's quintiles are known."""
    if shop.rfm is None:
        return []
    scores = score((max(0, shop.today - last), count, spent), shop.rfm)
    return [
        _number("rfm_recency", scores.recency, at, "rfm"),
        _number("rfm_frequency", scores.frequency, at, "rfm"),
        _number("rfm_monetary", scores.monetary, at, "rfm"),
        Fact("rfm_segment", None, None, scores.segment, at, "rfm"),
    ]


def _habits(sums: Sums, shop: Shop) -> list[Fact]:
    at = day_start(sums.last, shop.zone)
    facts = []
    hours = _counts(sums, "active:hour=")
    if (hour := _usual({int(h): n for h, n in hours.items()})) is not None:
        facts.append(_number("usual_hour", hour, at, "activity"))
    weekdays: dict[int, int] = {}
    for day, n in sums.orders.items():
        weekday = to_date(day).isoweekday()
        weekdays[weekday] = weekdays.get(weekday, 0) + n
    if (weekday_ := _usual(weekdays)) is not None:
        facts.append(_number("usual_weekday", weekday_, at, "orders"))
    for trait, prefix in (("usual_store", "active:store="), ("usual_channel", "active:channel=")):
        if (usual := _usual(_counts(sums, prefix))) is not None:
            facts.append(Fact(trait, None, None, usual, at, "activity"))
    return facts


def _usual(counts: Mapping[K, int]) -> K | None:
    if sum(counts.values()) < HABIT:
        return None
    return min(counts, key=lambda k: (-counts[k], k))


def _tastes(sums: Sums, shop: Shop) -> list[Fact]:
    at = day_start(sums.last, shop.zone)
    facts = []
    for one, several, prefix in (
        ("favourite_category", "preferred_categories", "bought:category="),
        ("favourite_brand", "preferred_brands", "bought:brand="),
    ):
        bought = {m[len(prefix) :]: t for m, t in sums.totals.items() if m.startswith(prefix) and t[0] > 0}
        if not bought:
            continue
        ranked = sorted(bought, key=lambda name: (-bought[name][0], -bought[name][1], name))
        units = sum(n for n, _ in bought.values())
        liked = [name for name in ranked[:PREFERRED] if 10 * bought[name][0] >= units] or ranked[:1]
        facts.append(Fact(one, None, None, ranked[0], at, "orders"))
        facts.append(Fact(several, None, None, pack(liked), at, "orders"))
    prefix = "bought:category="
    compared = [
        (n, amount, shop.prices.get(m[len(prefix) :], ()))
        for m, (n, amount) in sums.totals.items()
        if m.startswith(prefix)
    ]
    level = price_level(compared)
    if level is not None:
        facts.append(Fact("price_level", None, None, level, at, "orders"))
    return facts


def _counts(sums: Sums, prefix: str) -> dict[str, int]:
    return {m[len(prefix) :]: n for m, (n, _) in sums.totals.items() if m.startswith(prefix) and n > 0}


def _number(trait: str, value: int, at: int, source: str) -> Fact:
    return Fact(trait, value, value, None, at, source)
