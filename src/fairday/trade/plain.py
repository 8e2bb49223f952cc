"""Prices without offers: what a shop whose book of offers is empty charges. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from fairday.kernel.claims import Hold
from fairday.kernel.clock import DAY_MS
from fairday.offers.model import Cart, Certificate, Facts, Priced
from fairday.offers.pricing import Book, price

_EMPTY = Book(())
NO_RULES: Mapping[str, str] = {}


def nothing(currency: str) -> Priced:
    """What a cart costs of which nothing can be had."""
    return Priced(
        currency=currency, lines=(), gross=0, discount=0, goods=0, shipping=None, shipping_discounts=(),
        shipping_tax=0, tax=0, net=0, total=0, gifts=(), points_factor=Decimal(1), points_extra=0, points_paid=0,
        applied=(), refused=(), missing=(), unplaced=(),
        certificate=Certificate(objective="customer", value=0, bound=0, gap=0, nodes=0),
    )  # fmt: skip


class PlainPrices:
    """A ``checkout.Pricer`` that knows no rule: every line at its own price."""

    def price(
        self, cart: Cart, account: str | None, person: int | None, now: int, without: Mapping[str, str] = NO_RULES
    ) -> Priced:
        return price(cart, _EMPTY, Facts(), now, now // DAY_MS)

    def title(self, rule: str) -> Mapping[str, str]:
        return {}

    def holds(self, priced: Priced, account: str | None, now: int) -> list[Hold]:
        return []
