"""Modes of trade: policies over the one order. Pure.

A mode says who may order, how long each step may take, whose the money is when it comes in, what happens when an order
is over, and what its buyer may do on the way. Everything else (cart, states, claims, refunds, documents) is the order's
own and the same in all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Refusal, State
from fairday.trade.payment.model import BY_HAND_MS, MANUAL

MINUTE_MS = 60_000

EARNED = "seller:"
"""The ledger accounts of what people earn by a shop begin so: what goes there is not the shop's own."""

BY_PEOPLE = ("listing:", "brief:")
"""So begin the products of lines that people sell, not the shop: no promotion of its applies to them."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How long the steps of an order may take, written into it when it is placed.

    Attributes:
        pay_ms: an order that is not paid this long after it was placed expires; 0: it does not expire.
        on_account: it may be shipped before it is paid (an invoice with credit).
        receive_ms: units count as received this long after the last of them left, unless the buyer said so before.
        return_ms: how long after that they may be sent back; then the order is over ("completed").
        final: once it is over nothing goes back through it: the money has been handed on.
    """

    pay_ms: int = 30 * MINUTE_MS
    on_account: bool = False
    receive_ms: int = 7 * DAY_MS
    return_ms: int = 14 * DAY_MS
    final: bool = False


def pay_ms(placing: Mapping[str, Any]) -> int:
    """How long an order waits for its money, by how it is to be paid."""
    return BY_HAND_MS if placing["method"] in MANUAL else Terms().pay_ms


class Share(msgspec.Struct, frozen=True):
    """A part of what was paid, and whose it is.

    Attributes:
        part: the line's id, or "shipping".
        label: what the share is within its part ("sales", "tax"); with ``part`` it is the share's key.
        account: the ledger account it goes to.
        amount: minor units, above 0.
    """

    part: str
    label: str
    account: str
    amount: int


class Release(msgspec.Struct, frozen=True):
    """Value that changes hands when an order is over (money held goes to its seller); ``label`` makes the key.

    Attributes:
        of_goods: what is handed on is a share of the goods alone, not of delivery.
    """

    label: str
    debit: str
    credit: str
    amount: int
    of_goods: bool = False


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """What the buyer of an order may do with it beside paying.

    Attributes:
        again: the same can be bought once more.
        back: they say that it came, and send units back. Where they may not, what is wrong is said where the deal
            goes on (``Mode.goes_on``).
        gathered: it is made once enough are ordered, and waits for that.
    """

    again: bool = True
    back: bool = True
    gathered: bool = False


class Thing(msgspec.Struct, frozen=True):
    """What has a page of its own: a product, somebody's listing or deal, a brief, a design; by its number."""

    kind: Literal["goods", "listing", "deal", "brief", "design"]
    number: str


Look = Callable[[str], State | None]
"""A stream's state by its id, None where there is none."""


class Mode(Protocol):
    """A policy over the order.

    Attributes:
        name: is written into every order ("b2c").
        ways: what its buyer may do.
        retail: people buy from the shop itself; their goods may cross a border with duty paid, be charged in their own
            currency or be pre-ordered. Companies clear goods themselves, and who sells to people is no importer.
    """

    name: str
    ways: Ways
    retail: bool

    def admits(self, placing: Mapping[str, Any], now: int) -> Refusal | None:
        """Why this order may not be placed, or None. ``placing`` is the data of ``order.place``."""
        ...

    def terms(self, placing: Mapping[str, Any]) -> Terms:
        """How long the steps may take."""
        ...

    def shares(self, part: str, line: Mapping[str, Any], placing: Mapping[str, Any]) -> Sequence[Share]:
        """Whose the money paid for a part is; the amounts add up to ``line["paid"]``, zeros left out.

        ``placing`` is what stands in the order's state under the same names: mode, account, country, data.
        """
        ...

    def releases(self, state: State) -> Sequence[Release]:
        """What changes hands when the order is over: of each part, ``paid - refunded`` is what was kept of it.

        What goes to people (accounts ``EARNED``) is not counted as the shop's revenue from the beginning (``own``), so
        this asks nothing of the state but its parts and ``data``, and of more that was kept nobody gets less.
        """
        ...

    def exchanges(self, state: State) -> bool:
        """Whether units of an order may be exchanged for other goods of the shop."""
        ...

    def thing(self, state: State, line: Mapping[str, Any]) -> Thing:
        """What a line is of."""
        ...

    def goes_on(self, order: str, state: State) -> Thing | None:
        """Where the two sides of the order go on; None: on its own page. ``order`` is its number."""
        ...

    def lets_go(self, state: State, look: Look) -> bool:
        """Whether the buyer may still give up an order of which nothing has left."""
        ...


class OfGoods:
    """What most orders have in common for their buyer: goods of the shop's, followed on the order's own page, given up
    until they leave."""

    ways = Ways()

    def thing(self, state: State, line: Mapping[str, Any]) -> Thing:
        return Thing("goods", line["product"])

    def goes_on(self, order: str, state: State) -> Thing | None:
        return None

    def lets_go(self, state: State, look: Look) -> bool:
        return True


class B2C(OfGoods):
    """A shop sells to people: prepaid, half an hour to pay (three days by transfer), the money is the shop's sales and
    its tax."""

    name = "b2c"
    retail = True

    def admits(self, placing: Mapping[str, Any], now: int) -> Refusal | None:
        return None

    def terms(self, placing: Mapping[str, Any]) -> Terms:
        return Terms(pay_ms=pay_ms(placing))

    def shares(self, part: str, line: Mapping[str, Any], placing: Mapping[str, Any]) -> Sequence[Share]:
        tax = line["tax"]
        account = "sales:shipping" if part == "shipping" else "sales"
        found = [Share(part, "sales", account, line["paid"] - tax), Share(part, "tax", "tax", tax)]
        return [share for share in found if share.amount]

    def releases(self, state: State) -> Sequence[Release]:
        return ()

    def exchanges(self, state: State) -> bool:
        """Unless it was charged at a rate of that day: no new order can take that over."""
        return "exchange" not in state["data"]
