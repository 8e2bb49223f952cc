"""What tests of payment share: something small that can be paid for, keys made once, a shop behind a real server."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx

import fairday
from fairday.kernel.decider import BaseDecider, Command, Event, Located, Refusal, State
from fairday.storage import ledger
from fairday.storage.runner import stream_state
from fairday.trade.payment.model import Paid, Provider
from fairday.trade.payment.sandbox import keys as sandbox_keys
from fairday.trade.payment.service import Started
from webdesk import serving

AMOUNT = 8800

served = serving
"""A provider tells its outcome to a real address."""


class TicketDecider(BaseDecider):
    """A ticket: open, then paid or torn up."""

    kind = "ticket"

    def initial(self) -> State:
        return {"status": "open", "paid": {}}

    def decide(self, state: State, command: Command, now: int) -> Any:
        return [Event("Ticket Torn")]

    def evolve(self, state: State, event: Event) -> State:
        if event.name == "Ticket Torn":
            return {**state, "status": "torn"}
        return {"status": "paid", "paid": {event.data["payment"]: event.data["amount"]}}


class Tickets:
    """The rules of paying for a ticket."""

    def streams(self, peek: Any, stream: str) -> Located:
        return Located((stream,), {stream: peek(stream)[0]})

    def paid(self, states: Mapping[str, State], stream: str, paid: Paid, now: int) -> Any:
        if states[stream]["status"] != "open":
            return Refusal("ticket_over", "The ticket is over.")
        return {stream: [Event("Ticket Paid", {"payment": paid.payment, "amount": paid.amount})]}

    def received(self, state: State, payment: str) -> int | None:
        return state["paid"].get(payment)


@cache
def _made_once() -> dict[str, str]:
    return _make(1_780_315_200_000)


_make = sandbox_keys._made


def ready(shop: fairday.Shop) -> fairday.Shop:
    """A shop where tickets can be paid for; the sandbox's keys are made once for all tests, making takes a second."""
    sandbox_keys._made = lambda now: _made_once()
    shop.runner.register(TicketDecider())
    shop.payments.register_payable("ticket", Tickets())
    return shop


def begin(
    shop: fairday.Shop, method: str = "wechat", channel: str = "h5", pays: str = "ticket:1", **more: Any
) -> Started:
    """Begin a payment of 88 yuan."""
    given = {"subject": "Tea & Co", "actor": "test"} | more
    return shop.payments.begin(pays, method, channel, given.pop("amount", AMOUNT), "CNY", **given)


def tear(shop: fairday.Shop, ticket: str = "ticket:1") -> None:
    """The ticket is over."""
    assert shop.runner.submit(Command("tear", ticket)).ok


def token_of(shop: fairday.Shop, number: str, provider: str = "wechat") -> str:
    """The token of a payment's page in the sandbox."""
    trade = shop.payments.sandbox.find(provider, number)
    assert trade is not None
    return str(trade["token"])


def do(base: str, shop: fairday.Shop, number: str, how: str, provider: str = "wechat") -> httpx.Response:
    """What the shopper does on the sandbox's page; notices that are due have been sent when this returns."""
    token = token_of(shop, number, provider)
    answer = httpx.post(f"{base}/sandbox/pay/{token}", data={"how": how})
    shop.payments.sandbox.deliver_due()
    return answer


def provider(shop: fairday.Shop, name: str = "wechat") -> Provider:
    return shop.payments.providers.get(name)


def held(shop: fairday.Shop, method: str = "wechat") -> int:
    """What the provider owes the shop, by the ledger."""
    with shop.db.read() as conn:
        return -ledger.balance(conn, f"receivable:{method}", "CNY")


def status(shop: fairday.Shop, number: str) -> str:
    state = shop.payments.state(number)
    assert state is not None
    return str(state["status"])


def ticket(shop: fairday.Shop, stream: str = "ticket:1") -> str:
    with shop.db.read() as conn:
        found = stream_state(conn, stream)
    return "open" if found is None else str(found[1]["status"])
