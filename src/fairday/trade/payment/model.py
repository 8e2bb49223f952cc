"""What a payment is made of: methods, what a provider is asked, and what it answers. Values only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Event, Located, Peek, Refusal, State
from fairday.kernel.errors import FairdayError, Unavailable

Status = Literal["requested", "pending", "succeeded", "failed", "closed"]
"""Asked of us, known to the provider, money came, the provider says it will not come, given up."""


PROVIDERS = ("wechat", "alipay")
"""Methods where a machine elsewhere says what happened."""
MANUAL = ("cash", "bank_transfer", "card_present")
"""Methods where a person of the shop says so: the till's drawer, the bank's statement, the card terminal's slip."""
BY_HAND_MS = 3 * DAY_MS
"""How long what is paid by hand may take: a transfer is days on its way."""
BALANCE = "balance"
"""The method where a member's stored value pays: nobody else is asked."""
METHODS = (*PROVIDERS, BALANCE, *MANUAL)

CHANNELS: Mapping[str, tuple[str, ...]] = {"wechat": ("jsapi", "h5", "native"), "alipay": ("wap", "page")}
"""Where the shopper is: inside WeChat, in a phone's browser, before a screen that shows a code or a page."""

MAX_AMOUNT = 10**12
REFUND_ID = re.compile(r"[0-9A-Za-z]{1,24}")
NUMBER = re.compile(r"[0-9A-Za-z]{6,32}")
"""A payment's id: what stands after ``payment:``, and the merchant's order number at the provider."""


def stream_of(number: str) -> str:
    """The stream of a payment's id."""
    return f"payment:{number}"


def number_of(stream: str) -> str:
    """A payment's id, as the provider knows it."""
    return stream.partition(":")[2]


def refund_number(payment: str, refund: str) -> str:
    """The refund's number at the provider: the payment's id and the refund's own."""
    return f"{payment}-{refund}"


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as a provider is asked for it.

    Attributes:
        number: the payment's id.
        subject: what the shopper reads, such as the shop's name and the order's number.
        amount: minor units of ``currency``.
        expires: when (ms) the provider shall no longer take it.
        channel: one of ``CHANNELS`` of the method.
        notify_url: where the provider tells us; ``return_url``: where the shopper comes back to.
        payer: the shopper's openid (jsapi alone); ``address``: their network address (h5 alone). Not kept.
    """

    number: str
    subject: str
    amount: int
    currency: str
    expires: int
    channel: str
    notify_url: str
    return_url: str = ""
    payer: str = ""
    address: str = ""


class Go(msgspec.Struct, frozen=True, kw_only=True):
    """How the shopper goes on to pay.

    Attributes:
        kind: ``redirect`` to ``url``; ``qr``: show ``url`` as a code to scan; ``jsapi``: hand ``params`` to WeChat's
            bridge; ``manual``: a person of the shop takes the money.
    """

    kind: Literal["redirect", "qr", "jsapi", "manual"]
    url: str = ""
    params: Mapping[str, str] = {}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says of a payment, by notice or when asked; its signature has been checked.

    Attributes:
        state: ``pending`` also where the provider has not heard of it yet.
        amount, currency, trade, at: where it succeeded: minor units, the provider's number, when it was paid (ms).
    """

    number: str
    state: Literal["pending", "succeeded", "failed", "closed"]
    amount: int = 0
    currency: str = ""
    trade: str = ""
    at: int = 0


class RefundOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says of a refund. ``unknown``: it has never heard of it, so it may be sent (again)."""

    number: str
    refund: str
    state: Literal["unknown", "pending", "succeeded", "failed"]
    amount: int = 0
    trade: str = ""
    at: int = 0


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that says only that something changed: the provider is asked for the rest."""

    number: str


Notice = Outcome | RefundOutcome | Hint


class BillLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a provider's bill. ``number`` as we gave it (a refund's: ``refund_number``); amounts are positive."""

    kind: Literal["payment", "refund"]
    number: str
    amount: int
    currency: str
    trade: str = ""
    fee: int = 0
    """What the provider keeps of it, minor units; negative where it gives a fee back."""


class Provider(Protocol):
    """A payment provider as the shop uses it. All calls but ``notice`` go over the network and block.

    Raises, each: ``ProviderRefused`` when the provider says no; ``Unavailable`` when what it did is not known.
    """

    name: str
    channels: tuple[str, ...]

    def begin(self, ask: Ask) -> Go: ...
    def query(self, number: str) -> Outcome: ...
    def close(self, number: str) -> None: ...
    def refund(self, number: str, refund: str, amount: int, whole: int, currency: str, why: str) -> RefundOutcome: ...
    def refund_query(self, number: str, refund: str) -> RefundOutcome: ...
    def bill(self, day: int) -> list[BillLine]: ...
    def notice(self, headers: Mapping[str, str], body: bytes, now: int) -> Notice: ...


class ProviderRefused(FairdayError):
    """The provider answered, and the answer is no; ``code`` is its own word in small letters."""


class NoBill(Unavailable):
    """There is no bill of that day (yet)."""


class Forged(FairdayError):
    """A message whose signature, age, addressee or form is not what the provider's would be."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The message is not to be believed: {why}.", code="forged_message")


class Paid(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came for something; ``payment`` is the payment's stream."""

    payment: str
    method: str
    amount: int
    currency: str
    account: str | None


class Payable(Protocol):
    """What a kind of stream that can be paid for (an order) says to a payment. Pure."""

    def streams(self, peek: Peek, stream: str) -> Located:
        """Every stream that being paid touches, its own among them, and the versions that says so by."""
        ...

    def paid(
        self, states: Mapping[str, State], stream: str, paid: Paid, now: int
    ) -> Mapping[str, Sequence[Event]] | Refusal:
        """What being paid means. A refusal (too late, paid already) sends the money back."""
        ...

    def received(self, state: State, payment: str) -> int | None:
        """What the stream has on record as paid by that payment, in minor units; None when nothing."""
        ...


def shown(state: Mapping[str, Any]) -> dict[str, Any]:
    """A payment's state without what only the machinery needs."""
    return {k: v for k, v in state.items() if k not in ("ask_at", "tries")}
