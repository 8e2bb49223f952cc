"""Clashing prices: the same goods at prices that lie apart between channels, stores, countries and lists, from what
they cost elsewhere, or below what they cost the merchant. See docs/algorithms/prices.md.

Only prices that anybody gets are compared: what a company or an audience pays is meant to differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Literal

import msgspec
from sqlalchemy import Connection, select

from fairday.goods.catalogue import ProductRow, products_named
from fairday.goods.observed import FRESH, Seen, seen_of
from fairday.goods.price_records import lists_for, prices_for
from fairday.goods.prices import Amount, ListPrice, PriceList, Where, which_price
from fairday.goods.rates import rates_on
from fairday.goods.records import Details, Variant, details_of, parts, variants_named, variants_of
from fairday.goods.tables import details, list_prices, observed, variants
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import Settings

MOST = 5_000
"""Goods that are looked at: those with a price in a list, seen elsewhere, or whose cost is known."""

LEAST = Fraction(1)
"""What a price of nothing counts as where others are told as a share of it: one minor unit."""

Kind = Literal["apart", "dearer", "cheaper", "below_cost"]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place where anybody buys, and the price there; ``list`` is the one it comes from, None: the base price.

    ``worth``: the price in minor units of the shop's currency.
    """

    channel: str
    store: str | None = None
    country: str | None = None
    price: Amount
    list: str | None = None
    title: str = ""
    worth: Fraction


class Clash(msgspec.Struct, frozen=True, kw_only=True):
    """Goods whose prices clash.

    Attributes:
        kind: ``apart``: our own places ask different prices; ``dearer``, ``cheaper``: we ask more or less than
            elsewhere; ``below_cost``: a place asks less than the goods cost.
        gap: how far: the higher price over the lower, less one.
        low, high: our own places; the same one but for ``apart``.
        seen: the price elsewhere.
        cost: what the goods cost, minor units of their currency.
    """

    sku: str
    product: str
    kind: Kind
    gap: Fraction
    low: Place
    high: Place
    seen: Seen | None = None
    cost: int | None = None


Worth = Callable[[int, int, str], Fraction | None]
"""(amount, digits, currency) in minor units of the shop's currency, or None where no rate is known."""


def places_of(
    sku: str,
    product: str,
    base: Amount | None,
    lists: Sequence[PriceList],
    prices: Iterable[ListPrice],
    settings: Settings,
    worth: Worth,
    now: int,
) -> list[Place]:
    """What anybody pays for one piece online at home, and at each place that a list for everybody names. Pure."""
    own = list(prices)
    home = settings.country or None
    wheres: set[tuple[str, str | None, str | None, str]] = {("online", None, home, settings.currency)}
    for one in lists:
        if one.public:
            channel = one.channel or ("store" if one.store else "online")
            wheres.add((channel, one.store, one.country or home, one.currency))
    found = []
    own_place = ("online", None, home, settings.currency)
    for channel, store, country, currency in sorted(wheres, key=lambda w: (w != own_place, *(x or "" for x in w))):
        where = Where(channel=channel, store=store, country=country, currency=currency)
        chosen = which_price(sku, product, base, lists, own, where, 1, now)
        value = None if chosen is None else worth(chosen.price.amount, chosen.price.digits, currency)
        if chosen is not None and value is not None and chosen.public:
            title = next((x.title for x in lists if x.list == chosen.list), "")
            found.append(
                Place(
                    channel=channel,
                    store=store,
                    country=country,
                    price=chosen.price,
                    list=chosen.list,
                    title=title,
                    worth=value,
                )
            )
    return found


def clashes_of(
    sku: str,
    product: str,
    places: Sequence[Place],
    seen: Sequence[Seen],
    cost: int | None,
    cost_currency: str,
    tolerance: int,
    worth: Worth,
) -> list[Clash]:
    """Which of some goods' prices lie further apart than ``tolerance`` percent; the widest of each kind. Pure."""
    if not places:
        return []
    low, high = min(places, key=lambda p: p.worth), max(places, key=lambda p: p.worth)
    most = Fraction(tolerance, 100)
    found: list[Clash] = []

    def note(kind: Kind, gap: Fraction, a: Place, b: Place, one: Seen | None = None, paid: int | None = None) -> None:
        if gap > most:
            found.append(Clash(sku=sku, product=product, kind=kind, gap=gap, low=a, high=b, seen=one, cost=paid))

    note("apart", high.worth / (low.worth or LEAST) - 1, low, high)
    elsewhere = [(w, s) for s in seen if (w := worth(s.amount, 0, s.currency)) is not None and w > 0]
    if elsewhere:
        # Shoppers compare with what we ask online at home; the lowest price elsewhere is the one they find.
        mine = next((p for p in places if p.channel == "online" and p.store is None), low)
        least, cheapest = min(elsewhere, key=lambda e: (e[0], e[1].place))
        note("dearer", mine.worth / least - 1, mine, mine, cheapest)
        note("cheaper", least / (mine.worth or LEAST) - 1, mine, mine, cheapest)
    spent = None if cost is None else worth(cost, 0, cost_currency)
    if spent is not None and low.worth < spent:
        gap = spent / (low.worth or LEAST) - 1
        found.append(Clash(sku=sku, product=product, kind="below_cost", gap=gap, low=low, high=low, cost=cost))
    return found


def find_clashes(conn: Connection, settings: Settings, now: int, today: int) -> list[Clash]:
    """Every clash beyond the shop's ``price_tolerance``, the widest first; of ``MOST`` goods at most.

    Args:
        now: ms UTC; today: the shop's local day.
    """
    lists = [one for one in lists_for(conn, None, now) if one.public]
    rates = rates_on(conn, today)

    def worth(amount: int, digits: int, currency: str) -> Fraction | None:
        exact = Fraction(amount, 10**digits)
        if currency == settings.currency:
            return exact
        try:
            return exact * rates.exact(1, currency, settings.currency, today)
        except FairdayError:
            return None

    found: list[Clash] = []
    goods = _candidates(conn, today)
    for part in parts(goods):
        read = _read(conn, part, settings.currency)
        names = dict.fromkeys(g for sku, product, *_ in read for g in (sku, product))
        own: dict[str, list[ListPrice]] = {}
        for one in prices_for(conn, names, [x.list for x in lists]) if lists else ():
            own.setdefault(one.goods, []).append(one)
        seen = {g: many for some in parts(names) for g, many in seen_of(conn, some, today).items()}
        for sku, product, base, row, detail, form in read:
            both = dict.fromkeys((sku, product))
            said = [p for g in both for p in own.get(g, ())]
            places = places_of(sku, product, base, lists, said, settings, worth, now)
            cost = form.cost if form is not None and form.cost is not None else detail.cost
            found += clashes_of(
                sku, product, places, [s for g in both for s in seen.get(g, ())], cost,
                row.currency or settings.currency, settings.price_tolerance, worth,
            )  # fmt: skip
    return sorted(found, key=lambda c: (-c.gap, c.sku, c.kind))


def _candidates(conn: Connection, today: int) -> list[str]:
    asked = (
        select(list_prices.c.goods).distinct(),
        select(observed.c.goods).where(observed.c.day > today - FRESH).distinct(),
        select(details.c.product).where(details.c.cost.is_not(None)),
        select(variants.c.sku).where(variants.c.cost.is_not(None)),
    )
    found = dict.fromkeys(g for query in asked for g in conn.execute(query.limit(MOST)).scalars())
    return list(found)[:MOST]


def _read(
    conn: Connection, goods: list[str], currency: str
) -> list[tuple[str, str, Amount | None, ProductRow, Details, Variant | None]]:
    """The goods that are sold, each with its base price: a product with variants as each of them."""
    named = variants_named(conn, goods)
    of: Mapping[str, Sequence[Variant]] = variants_of(conn, [g for g in goods if g not in named])
    numbers = list(dict.fromkeys([*(v.product for v in named.values()), *(g for g in goods if g not in named)]))
    rows, known = products_named(conn, numbers), details_of(conn, numbers)
    found: dict[str, tuple[str, Variant | None]] = {}
    for one in goods:
        if one in named:
            found[one] = (named[one].product, named[one])
        elif of.get(one):
            found |= {v.sku: (one, v) for v in of[one]}
        else:
            found[one] = (one, None)
    read = []
    for sku, (product, form) in found.items():
        row, detail = rows.get(product), known.get(product, Details(product=product))
        if row is None or detail.hidden or (form is not None and form.hidden):
            continue
        amount = form.price if form is not None and form.price is not None else row.price
        base = None if amount is None else Amount(amount, row.currency or currency)
        read.append((sku, product, base, row, detail, form))
    return read


__all__ = ["Clash", "Place", "clashes_of", "find_clashes", "places_of"]
