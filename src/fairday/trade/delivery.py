"""How an order can be sent, and for how much: what a checkout offers its buyer."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from fairday.trade.shipping.kept import all_rates
from fairday.trade.shipping.rates import quotes


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A way to send an order.

    Attributes:
        service: its name ("standard").
        price: minor units, before offers.
        to_free: minor units of goods that are missing until it is free, or None.
        days: from and to how many days it takes; (0, 0): not known.
    """

    service: str
    carrier: str = ""
    price: int = 0
    to_free: int | None = None
    days: tuple[int, int] = (0, 0)


def deliveries(conn: Connection, country: str, postcode: str, grams: int, amount: int, currency: str) -> list[Delivery]:
    """The ways to send goods of a weight and worth to a country, the cheapest first; none where nothing goes there.

    A shop without any rate sends for nothing.
    """
    rates = all_rates(conn)
    if not rates:
        return [Delivery(service="standard")]
    found = quotes(rates, country, postcode, grams, amount, currency)
    return [
        Delivery(service=q.service, carrier=q.carrier, price=q.price, to_free=q.to_free, days=q.days) for q in found
    ]
