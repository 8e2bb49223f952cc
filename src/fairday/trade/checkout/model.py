"""The words of a checkout: who buys, what they chose, and the cart as it stands priced."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from fairday.goods.offering import Offer
from fairday.kernel.claims import Hold
from fairday.kernel.errors import FairdayError
from fairday.offers import model
from fairday.stores.places import Pickup
from fairday.trade.border import Crossing
from fairday.trade.c2b.preorder import Pre
from fairday.trade.charging import Charged, Part
from fairday.trade.delivery import Delivery

Way = Literal["ship", "pickup"]


class Buyer(msgspec.Struct, frozen=True, kw_only=True):
    """Who buys.

    Attributes:
        account: their member account's stream, None for a guest.
        ids: (type, value) that the order is told of by: proved ones, and what a guest wrote.
        person: their number, None where nothing is known.
        by: the id of ``person`` that the shop recognises a guest by, whatever address they write; None for a member.
        crowds: kept audiences they are in, as far as it is sure who they are: price lists may be for one.
    """

    account: str | None = None
    ids: tuple[tuple[str, str], ...] = ()
    person: int | None = None
    by: tuple[str, str] | None = None
    crowds: tuple[str, ...] = ()


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What a buyer has said so far.

    Attributes:
        service: of ``Quote.deliveries``; the cheapest where it is not said or not to be had.
        store: where it is collected.
        coupons: coupons of theirs to use, by id; None: whatever is best.
        points: points of theirs to pay with, at most what they have and what the offers let them.
        mode: of trade.
        company: the company that buys, whose price lists count; "" for a person.
        currency: what the buyer would rather be charged in; where the shop does not take it, or knows no rate of it
            today, they are charged in the shop's.
        plain: prices of the lists alone, without promotions: what an order is exchanged for.
        agreed: minor units a piece by sku, where prices were agreed on: they stand, and no offer changes them. From the
            shop's own records, never from a client.
    """

    way: Way = "ship"
    service: str = ""
    store: str = ""
    country: str = ""
    postcode: str = ""
    payment: str = ""
    coupons: tuple[str, ...] | None = None
    points: int = 0
    plain: bool = False
    channel: str = "online"
    mode: str = "b2c"
    company: str = ""
    currency: str = ""
    agreed: Mapping[str, int] = {}


class QuotedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the cart as it would be ordered now.

    Attributes:
        line: its id; gifts have one of their own ("g1").
        offer: the goods and their price, None where they cannot be had.
        gross, paid: before and after discounts, minor units.
        discounts: (rule, amount).
        problem: why it cannot be ordered, or None.
        duty: how much of the tax is duty.
        gift: the rule it is a gift of, or None.
    """

    line: str
    sku: str
    qty: int
    offer: Offer | None
    gross: int = 0
    tax: int = 0
    paid: int = 0
    discounts: tuple[tuple[str, int], ...] = ()
    problem: FairdayError | None = None
    duty: int = 0
    gift: str | None = None


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """A cart priced. Amounts of ``lines``, ``priced``, ``savings`` and ``deliveries`` are in the shop's currency;
    ``parts`` and ``total`` in ``currency``, what the buyer is charged in.

    Attributes:
        parts: what each line that can be had costs, and "shipping" where it is sent; ``total`` is their sum.
        charged: where ``currency`` is not the shop's: the rate, and what each part is in the shop's.
        savings: (rule, its title by language, minor units) over lines and delivery.
        deliveries: the ways it can be sent; ``delivery`` is the chosen one, None for a pickup.
        reachable: whether it can be sent there, or collected in the store that was chosen.
        stores: where it can be collected.
        coupons: (coupon, rule) of those used.
        crossing: what crossing a border adds, or None.
        preorder: the design that is made once enough are ordered, where the cart is a pre-order, or None.
        seen: what to compare at placing; not for people.
        earns: points the order will earn.
        gone: gifts that its offers would give and that are not to be had, each with why.
    """

    lines: tuple[QuotedLine, ...]
    priced: model.Priced
    currency: str
    savings: tuple[tuple[str, Mapping[str, str], int], ...]
    deliveries: tuple[Delivery, ...]
    delivery: Delivery | None
    stores: tuple[Pickup, ...]
    coupons: tuple[tuple[str, str], ...]
    seen: str
    reachable: bool
    earns: int = 0
    crossing: Crossing | None = None
    parts: Mapping[str, Part]
    charged: Charged | None = None
    preorder: Pre | None = None
    gone: tuple[QuotedLine, ...] = ()

    @property
    def total(self) -> int:
        return sum(part.paid for part in self.parts.values())

    @property
    def saved(self) -> int:
        """What offers took off, minor units of ``currency``."""
        return sum(n for part in self.parts.values() for _, n in part.discounts)

    @property
    def tax_inside(self) -> bool:
        """Whether the tax is in the prices; otherwise it comes on top of them."""
        return bool(self.priced.goods + carriage(self.priced) == self.priced.total)

    @property
    def ready(self) -> bool:
        """Whether it can be placed."""
        barred = self.crossing is not None and self.crossing.problem is not None
        return self.reachable and bool(self.lines) and not barred and all(line.problem is None for line in self.lines)


class Change(msgspec.Struct, frozen=True):
    """What is not as it was seen: ``line`` (or "shipping", "total"), minor units before and now; None: not there.

    Or "coupon", "points", "earns": how many coupons and points are used up, how many points are earned.
    """

    line: str
    before: int | None
    now: int | None


class Placed(msgspec.Struct, frozen=True):
    """An order stands: ``order`` is its stream. ``again``: it had been placed before."""

    order: str
    total: int
    again: bool = False


class Moved(msgspec.Struct, frozen=True):
    """Nothing was placed: the cart is not what was seen. ``quote`` is how it stands."""

    quote: Quote
    changes: tuple[Change, ...]
    why: str


Holding = Callable[[Quote], tuple[Mapping[str, Any], Sequence[Hold]]]
"""(quote) → the mode's data of the order, and what more it holds."""


class Pricer(Protocol):
    """The book of offers, as a checkout asks it."""

    def price(
        self, cart: model.Cart, account: str | None, person: int | None, now: int, without: Mapping[str, str] = ...
    ) -> model.Priced:
        """The cart priced under the book of now, ``without`` rules that may not be used, by id with why."""
        ...

    def title(self, rule: str) -> Mapping[str, str]:
        """What a rule is called, by language."""
        ...

    def holds(self, priced: model.Priced, account: str | None, now: int) -> list[Hold]:
        """What an order at these prices holds of the rules' counters."""
        ...


def carriage(priced: model.Priced) -> int:
    """What delivery costs after offers, without tax that comes on top."""
    return (priced.shipping or 0) - sum(n for _, n in priced.shipping_discounts)
