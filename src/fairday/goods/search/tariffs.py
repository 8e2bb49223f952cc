"""Which prices an index holds: one for everybody at every country and crowd that a price list names. Pure.

What a list says of single goods is found by ``fairday.goods.prices``, here only for whom it is asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from fairday.goods.catalogue import ProductRow
from fairday.goods.prices import Amount, ListPrice, PriceList, Where, which_price
from fairday.goods.rates import half_up
from fairday.goods.records import Variant
from fairday.kernel import jsons

MOST = 16
"""Prices an index holds of a product; whoever another would be for is answered by the nearest."""


class Tariff(msgspec.Struct, frozen=True, order=True):
    """For whom a price is: shoppers of a country and in a crowd; "" for every other country, and for no crowd."""

    country: str = ""
    crowd: str = ""

    def where(self, currency: str) -> Where:
        """Who buys where, as prices are asked for."""
        crowds = (self.crowd,) if self.crowd else ()
        return Where(country=self.country or None, crowds=crowds, currency=currency)


ANYBODY = Tariff()


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What an index was told of the lists.

    Attributes:
        tariffs: whose prices it holds; ``ANYBODY`` first.
        lists: by list, its terms and whether it held, in short; those that begin with ``*`` change every price.
    """

    tariffs: tuple[Tariff, ...] = (ANYBODY,)
    lists: dict[str, str] = {}

    def place(self, where: Where) -> tuple[int, bool]:
        """The number of the tariff that is the nearest to who buys where, and whether it is theirs exactly."""
        countries, crowds = ({getattr(t, f) for t in self.tariffs} - {""} for f in ("country", "crowd"))
        country = where.country if where.country in countries else ""
        mine = sorted(crowds.intersection(where.crowds))
        wanted = Tariff(country or "", mine[0] if mine else "")
        ways = (wanted, Tariff(wanted.country), Tariff("", wanted.crowd), ANYBODY)
        best = next(t for t in ways if t in self.tariffs)
        return self.tariffs.index(best), best == wanted and len(mine) < 2 and len(self.tariffs) < MOST

    def changed(self, before: Known) -> set[str] | None:
        """The lists of which goods may cost something else than before; None: all goods may."""
        if self.tariffs != before.tariffs:
            return None
        names = {n for n in self.lists.keys() | before.lists.keys() if self.lists.get(n) != before.lists.get(n)}
        whole = any(x.startswith("*") for n in names for x in (self.lists.get(n, ""), before.lists.get(n, "")))
        return None if whole else names


def known(lists: Iterable[PriceList], currency: str, now: int) -> Known:
    """Whose prices to hold, by the lists that stand online, now or later: those for a company are not among them."""
    ours = [x for x in lists if online(x, currency, now)]
    countries = ["", *sorted({x.country for x in ours if x.country})]
    crowds = ["", *sorted({x.crowd for x in ours if x.crowd})]
    tariffs = [Tariff(c, w) for w in crowds for c in countries][:MOST]
    return Known(tariffs=tuple(tariffs), lists={x.list: _short(x, now) for x in ours})


def online(one: PriceList, currency: str, now: int) -> bool:
    """Whether a list is, or will be, for shoppers who are no company, online and in that currency."""
    over = one.ends_at is not None and one.ends_at <= now
    return (
        not over and one.currency == currency and one.company is one.store is None and one.channel in (None, "online")
    )


def _short(one: PriceList, now: int) -> str:
    holds = one.starts_at is None or one.starts_at <= now
    terms = hashlib.blake2b(jsons.canonical(msgspec.structs.asdict(one)), digest_size=8).hexdigest()
    return f"{'*' if one.factor is not None else ''}{'on' if holds else 'off'}:{terms}"


def lowest(
    row: ProductRow,
    forms: Sequence[Variant],
    lists: Sequence[PriceList],
    prices: Mapping[str, Sequence[ListPrice]],
    where: Where,
    now: int,
) -> int | None:
    """What a card says of a product: the lowest price of its variants for one piece, in whole minor units."""
    found = []
    for form in forms or (None,):
        sku = row.product if form is None else form.sku
        amount = form.price if form is not None and form.price is not None else row.price
        base = None if amount is None else Amount(amount, row.currency or where.currency)
        own = [p for goods in dict.fromkeys((sku, row.product)) for p in prices.get(goods, ())]
        chosen = which_price(sku, row.product, base, lists, own, where, 1, now)
        if chosen is not None:
            found.append(chosen.price.exact)
    return half_up(min(found)) if found else None
