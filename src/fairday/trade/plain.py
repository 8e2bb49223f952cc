"""Prices without offers: what a shop whose book of offers is empty charges. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from fairday.kernel.claims import Hold
from fairday.kernel.clock import DAY_MS
from fairday.offers.model import Cart, Facts, Priced
from fairday.offers.pricing import Book, price

_EMPTY = Book(())


class PlainPrices:
    """A ``checkout.Pricer`` that knows no rule: every line at its own price."""

    def price(self, cart: Cart, account: str | None, person: int | None, now: int) -> Priced:
        return price(cart, _EMPTY, Facts(), now, now // DAY_MS)

    def title(self, rule: str) -> Mapping[str, str]:
        return {}

    def holds(self, priced: Priced, account: str | None, now: int) -> list[Hold]:
        return []
