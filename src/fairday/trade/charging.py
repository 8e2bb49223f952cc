"""Charging in the buyer's currency: an order priced in the shop's currency, turned by a dated rate. Pure.

Offers, coupons, budgets and limits are counted in the shop's currency; then each amount that a buyer reads is turned
once, rounded half up, and every sum is the sum of what was turned. The order lives on in the buyer's currency:
payments, refunds and its part of the ledger are exact there. Beside it stands what each part was in the shop's
currency, so that reports add up to what was priced. See docs/algorithms/landed-cost.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import msgspec

from fairday.goods.rates import Rates, half_up
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import digits, split
from fairday.trade.order import MAX_MONEY

Discounts = Sequence[tuple[str, int]]
_NOTHING: Mapping[str, int] = {}


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A dated rate between the shop's currency and another.

    Attributes:
        home, currency: what is turned into what.
        rate: how much of ``currency`` one of ``home`` buys, major units.
        day: the day the rate was told for; ``source``: who told it.
    """

    home: str
    currency: str
    rate: Fraction
    day: int
    source: str = ""

    def exact(self, amount: int) -> Fraction:
        """Minor units of the shop's currency as exact minor units of the other."""
        return amount * self.rate * Fraction(10) ** (digits(self.currency) - digits(self.home))

    def turned(self, amount: int) -> int:
        """Minor units of the shop's currency in the other's, rounded half up once."""
        return half_up(self.exact(amount))

    def back(self, amount: int) -> int:
        """Minor units of the other currency in the shop's, rounded half up once: for what a buyer typed."""
        return half_up(amount / (self.rate * Fraction(10) ** (digits(self.currency) - digits(self.home))))


def exchange(rates: Rates, home: str, currency: str, day: int) -> Exchange | None:
    """The rate that a currency is shown and charged by on a day; None where none may be used."""
    try:
        known = rates.known(home, currency, day)
    except FairdayError:
        return None
    return Exchange(home=home, currency=currency, rate=known.rate, day=known.day, source=known.source)


def exchange_of(state: Mapping[str, Any]) -> Exchange | None:
    """The rate that an order was charged by, from its state; None where it was charged in the shop's currency."""
    told = state["data"].get("exchange")
    if told is None:
        return None
    return Exchange(
        home=told["home"], currency=state["currency"], rate=Fraction(told["rate"]), day=told["day"],
        source=told["source"],
    )  # fmt: skip


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What a line, or delivery, costs: minor units. ``paid`` is ``net``, or ``net`` and ``tax`` where it comes on top;
    ``duty`` is a part of ``tax``."""

    gross: int
    discounts: tuple[tuple[str, int], ...] = ()
    tax: int = 0
    duty: int = 0
    paid: int

    @property
    def net(self) -> int:
        return self.gross - sum(n for _, n in self.discounts)


class Charged(msgspec.Struct, frozen=True, kw_only=True):
    """An order's amounts in the currency it is charged in.

    Attributes:
        parts: by line, and "shipping".
        home: what each part costs in the shop's currency; ``off``: what took something off it there.
    """

    exchange: Exchange
    parts: Mapping[str, Part]
    home: Mapping[str, int]
    off: Mapping[str, Discounts] = {}

    @property
    def total(self) -> int:
        return sum(part.paid for part in self.parts.values())

    def told(self) -> dict[str, Any]:
        """What the order keeps of it."""
        by = self.exchange
        return {
            "home": by.home, "rate": str(by.rate), "day": by.day, "source": by.source,
            "total": sum(self.home.values()), "parts": dict(self.home),
            "off": {name: [list(d) for d in off] for name, off in self.off.items()},
        }  # fmt: skip


def charged(parts: Mapping[str, Part], by: Exchange, said: Mapping[str, int] = _NOTHING) -> Charged | None:
    """Parts of an order in another currency; None where an amount cannot be told in it: something that costs would
    cost nothing there, or more than an order may.

    Args:
        said: by part, what it costs before offers by the price lists of that currency: it stands as it is, and offers
            take the same share of it as of the part in the shop's.
    """
    turned = {
        name: _said(part, by, said[name]) if part.gross and said.get(name) else _turned(part, by)
        for name, part in parts.items()
    }
    vanished = any(part.paid and not turned[name].paid for name, part in parts.items())
    if vanished or any(max(p.gross, p.paid) > MAX_MONEY for p in turned.values()):
        return None
    off = {name: taken for name, part in parts.items() if (taken := tuple(d for d in part.discounts if d[1]))}
    return Charged(exchange=by, parts=turned, home={name: part.paid for name, part in parts.items()}, off=off)


def _turned(part: Part, by: Exchange) -> Part:
    gross, net = by.turned(part.gross), by.turned(part.net)
    discounts = tuple(zip(
        (rule for rule, _ in part.discounts), split(gross - net, [n for _, n in part.discounts]), strict=True,
    )) if part.discounts else ()  # fmt: skip
    gross = gross if part.discounts else net
    duty = by.turned(part.duty)
    if part.paid == part.net:  # the tax is inside
        return Part(gross=gross, discounts=discounts, tax=min(by.turned(part.tax), net), duty=duty, paid=net)
    tax = duty + by.turned(part.tax - part.duty)
    return Part(gross=gross, discounts=discounts, tax=tax, duty=duty, paid=net + tax)


def _said(part: Part, by: Exchange, gross: int) -> Part:
    net = half_up(Fraction(gross * part.net, part.gross))
    own = part.tax - part.duty
    of = Fraction(net, part.net) if part.net else Fraction(0)
    taken = split(gross - net, [n for _, n in part.discounts]) if part.discounts else []
    discounts = tuple((rule, n) for (rule, _), n in zip(part.discounts, taken, strict=True))
    if part.paid == part.net:  # the tax is inside
        return Part(gross=gross, discounts=discounts, tax=min(half_up(part.tax * of), net), paid=net)
    duty = by.turned(part.duty)
    tax = duty + half_up(own * of)
    return Part(gross=gross, discounts=discounts, tax=tax, duty=duty, paid=net + tax)


def at_home(told: Mapping[str, Any], part: str, paid: int, before: int, now: int) -> int:
    """What a further amount of a part is in the shop's currency: as much more of the part's own home amount, so that
    what goes back in steps adds up to what was priced.

    Args:
        told: ``Charged.told`` of the order.
        paid: what the part cost in the order's currency.
        before: what had been given back of it before, ``now``: with this.
    """
    whole = int(told["parts"].get(part, 0))
    return _share(whole, now, paid) - _share(whole, before, paid)


def _share(whole: int, part: int, of: int) -> int:
    return half_up(Fraction(whole * part, of)) if of else 0
