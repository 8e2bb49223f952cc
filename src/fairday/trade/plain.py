"""Prices without offers: what a shop whose book of offers is empty charges. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from fairday.kernel.claims import Hold
from fairday.offers.model import Cart, Certificate, Priced, PricedLine


class PlainPrices:
    """A ``checkout.Pricer`` that knows no rule: every line at its own price."""

    def price(self, cart: Cart, account: str | None, person: int | None, now: int) -> Priced:
        lines = []
        for x in cart.lines:
            scale = 10**x.unit_digits
            gross = (2 * x.unit * x.qty + scale) // (2 * scale)
            lines.append(PricedLine(line=x.line, gross=gross, discounts=(), price=gross, net=gross, tax=0, total=gross))
        goods = sum(x.total for x in lines)
        total = goods + (cart.shipping or 0)
        return Priced(
            currency=cart.currency, lines=tuple(lines), gross=goods, discount=0, goods=goods, shipping=cart.shipping,
            shipping_discounts=(), shipping_tax=0, tax=0, net=total, total=total, gifts=(), points_factor=Decimal(1),
            points_extra=0, points_paid=0, applied=(), refused=(), missing=(), unplaced=(),
            certificate=Certificate(objective="customer", value=0, bound=0, gap=0, nodes=0),
        )  # fmt: skip

    def title(self, rule: str) -> Mapping[str, str]:
        return {}

    def holds(self, priced: Priced, account: str | None, now: int) -> list[Hold]:
        return []
