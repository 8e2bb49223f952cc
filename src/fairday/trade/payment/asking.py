"""What is asked of a provider about one payment, and what it says as a command on the payment."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fairday.kernel.decider import Command, State
from fairday.kernel.errors import NotFound
from fairday.trade.payment.model import (
    NUMBER,
    Hint,
    Notice,
    Outcome,
    Provider,
    ProviderRefused,
    RefundOutcome,
    stream_of,
)

log = logging.getLogger("fairday.payments")


def command_of(told: Notice, by: str) -> Command:
    """What a provider said, as a command on its payment; ``by``: how it was said ("wechat", "query").

    Raises:
        NotFound: what it calls the payment is no number of ours.
    """
    stream = stream_of(told.number)
    if not NUMBER.fullmatch(told.number):
        raise NotFound("There is no such payment.", code="payment_unknown")
    actor = f"payments:{by}"
    if isinstance(told, Hint):
        return Command("hint", stream, {}, actor)
    if isinstance(told, RefundOutcome):
        data = {
            "refund": told.refund,
            "state": told.state,
            "amount": told.amount,
            "trade": told.trade,
            "at": told.at,
        }
        return Command("refund.outcome", stream, data, actor)
    return Command("payment.settle", stream, _outcome(told), actor)


def closed(provider: Provider, number: str) -> Outcome:
    """Nobody paid in time: close it there, so that nobody can. If somebody just did, that is what is found."""
    try:
        provider.close(number)
    except ProviderRefused:
        return provider.query(number)
    return Outcome(number=number, state="closed")


def refunded(provider: Provider, number: str, refund: str, kept: Mapping[str, Any], state: State) -> RefundOutcome:
    """Ask after a refund that was sent, or send it; a refund's number makes sending it again the same refund."""
    amount, whole, currency = kept["amount"], state["amount"], state["currency"]
    if kept["status"] == "pending":
        said = provider.refund_query(number, refund)
        if said.state != "unknown":
            return said
    try:
        return provider.refund(number, refund, amount, whole, currency, "")
    except ProviderRefused as error:
        said = provider.refund_query(number, refund)
        if said.state != "unknown":
            return said
        log.warning("refund %s of payment %s was refused: %s", refund, number, error.code)
        return RefundOutcome(number=number, refund=refund, state="failed")


def _outcome(told: Outcome) -> dict[str, Any]:
    if told.state != "succeeded":
        return {"state": told.state}
    return {"state": told.state, "amount": told.amount, "currency": told.currency, "trade": told.trade, "at": told.at}
