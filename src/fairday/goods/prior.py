"""What goods cost before: any past price worked out from the history, and the lowest before a price was reduced. Pure.

Directive 98/6/EC, Article 6a (inserted by Directive (EU) 2019/2161): an announcement of a price reduction names the
prior price, the lowest that the trader applied in at least 30 days before the reduction. Guidance: Commission notice
2021/C 526/02. It speaks of prices for everybody; prices of a company or a crowd are none of them.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from fairday.goods.prices import Amount, ListPrice, PriceChosen, PriceList, Where, which_price
from fairday.kernel.clock import DAY_MS

DAYS = 30
ASKED_IN = frozenset(
    ["AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
     "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "IS", "LI", "NO"]
)  # fmt: skip
"""Where the law asks for the prior price: the EU, and the EEA, where the directive is in force as well."""


BASE = ""
"""The list that base prices have in the history."""


class Kept(msgspec.Struct, frozen=True):
    """What was written of some goods' prices: prices as they changed, lists' terms as they changed, oldest first.

    Attributes:
        prices: (at, list, goods, min_qty, the price from then on or None).
        terms: (at, list, the terms from then on or None).
    """

    prices: list[tuple[int, str, str, int, Amount | None]]
    terms: list[tuple[int, str, PriceList | None]]


class Reduction(msgspec.Struct, frozen=True, kw_only=True):
    """A price that stands below the base price for everybody.

    Attributes:
        price: now.
        base: the base price.
        since: from when (ms) it has stood below it without a break.
        lowest: the lowest price of the 30 days before ``since``; None for goods that had none then.
    """

    price: Amount
    base: Amount
    since: int
    lowest: Amount | None

    def shown_against(self, country: str | None) -> Amount | None:
        """The price that may be shown crossed out beside it; None: it may not be announced as reduced.

        Where the law asks, that is the lowest one, and goods that were once cheaper or that had no price yet are not
        reduced.
        """
        if country not in ASKED_IN:
            return self.base
        return self.lowest if self.lowest is not None and self.lowest.exact > self.price.exact else None


class Past:
    """The prices of one piece of a variant at any time, for anybody at a place.

    Args:
        kept: the history of the variant and its product.
        currency: the shop's, for base prices that name none.
    """

    def __init__(self, kept: Kept, sku: str, product: str, where: Where, currency: str) -> None:
        self._kept = kept
        self._sku, self._product = sku, product
        self._where = msgspec.structs.replace(where, company=None, crowds=())
        self._currency = currency

    def at(self, when: int) -> PriceChosen | None:
        """The price at an instant (ms)."""
        prices: dict[tuple[str, str, int], Amount | None] = {}
        for at, name, goods, least, price in self._kept.prices:
            if at <= when:
                prices[name, goods, least] = price
        terms: dict[str, PriceList | None] = {}
        for at, name, one in self._kept.terms:
            if at <= when:
                terms[name] = one
        base = prices.get((BASE, self._sku, 1)) or prices.get((BASE, self._product, 1))
        if base is not None and not base.currency:
            base = msgspec.structs.replace(base, currency=self._currency)
        return which_price(
            self._sku,
            self._product,
            base,
            [one for one in terms.values() if one is not None and one.public],
            [
                ListPrice(name, goods, least, price.amount, price.digits)
                for (name, goods, least), price in prices.items()
                if name != BASE and price is not None
            ],
            self._where,
            1,
            when,
        )

    def turns(self, until: int) -> list[int]:
        """The instants up to ``until`` at which a price may have changed, in order."""
        found = {at for at, *_ in self._kept.prices}
        for at, _, one in self._kept.terms:
            found.add(at)
            if one is not None:
                found.update(t for t in (one.starts_at, one.ends_at) if t is not None)
        return sorted(t for t in found if t <= until)

    def lowest(self, before: int, days: int = DAYS) -> Amount | None:
        """The lowest price in the days that end with the instant ``before`` (ms), itself not counted."""
        first = before - days * DAY_MS
        instants = [first, *(t for t in self.turns(before - 1) if t > first)]
        return _least(found.price for t in instants if (found := self.at(t)) is not None)

    def reduction(self, now: int) -> Reduction | None:
        """How the price stands below the base price now, or None."""
        found = self.at(now)
        if found is None or found.base is None or not _below(found):
            return None
        since = now
        for t in reversed(self.turns(now)):
            earlier = self.at(t)
            if earlier is None or not _below(earlier):
                break
            since = t
        return Reduction(price=found.price, base=found.base, since=since, lowest=self.lowest(since))


def _below(found: PriceChosen) -> bool:
    return found.list is not None and found.base is not None and found.price.exact < found.base.exact


def _least(prices: Iterable[Amount]) -> Amount | None:
    return min(prices, key=lambda p: p.exact, default=None)
