"""A payment's outcome, in one transaction with what it pays for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairday.kernel.decider import Command, Event, Located, Peek, Refusal, Spanning, State, kind_of
from fairday.trade.payment.decider import MAX_WHY, PaymentDecider, mismatch, noted, refunding
from fairday.trade.payment.model import Paid, Payable


def settle(payables: Mapping[str, Payable]) -> Spanning:
    """``payment.settle`` {state, amount, currency, trade, at}: a payment's outcome, in one transaction with what it
    pays for. Money for something that cannot take it any more is refunded by itself, under the refund id ``auto``.

    Args:
        payables: the rules of what can be paid for, by kind of stream; may grow later.
    """
    alone = PaymentDecider()

    def locate(command: Command, peek: Peek) -> Located:
        version, state = peek(command.stream)
        if kind_of(command.stream) != "payment" or not _moves(state, command.data):
            return Located((command.stream,), {command.stream: version})
        pays = state["pays"]
        found = payables[kind_of(pays)].streams(peek, pays)
        others = (s for s in found.streams if s != command.stream)
        return Located((command.stream, *others), {**found.relied, command.stream: version})

    def decide(states: Mapping[str, State], command: Command, now: int) -> Mapping[str, Sequence[Event]] | Refusal:
        payment, state = command.stream, states[command.stream]
        if kind_of(payment) != "payment" or not state["status"]:
            return Refusal("payment_unknown", "There is no such payment.")
        if not _moves(state, command.data):
            made = alone.decide(state, Command("settle", payment, command.data), now)
            if isinstance(made, Refusal) and made.code == "needs_payable":
                made = noted(state, str(mismatch(state, command.data)), command.data)
            return made if isinstance(made, Refusal) else {payment: made}
        pays = state["pays"]
        paid = Paid(
            payment=payment,
            method=state["method"],
            amount=state["amount"],
            currency=state["currency"],
            account=state["account"],
        )
        taken = payables[kind_of(pays)].paid(states, pays, paid, now)
        refused = isinstance(taken, Refusal)
        came = Event("Payment Succeeded", {
            "trade": command.data["trade"], "paid_at": command.data.get("at") or now, "method": state["method"],
            "pays": pays, "amount": state["amount"], "currency": state["currency"],
            "for": "refund" if refused else "order", "ask_at": None,
            # An account's ledger is what it holds, always: money it did not take waits on the payment.
            **({"books": payment} if refused and kind_of(pays) == "account" else {}),
        })  # fmt: skip
        if not isinstance(taken, Refusal):
            return {**taken, payment: [came]}
        back = refunding(alone.evolve(state, came), "auto", state["amount"], taken.code[:MAX_WHY], now)
        return back if isinstance(back, Refusal) else {payment: [came, *back]}

    return Spanning("payment.settle", locate, decide)


def _moves(state: State, data: Mapping[str, Any]) -> bool:
    """Whether the outcome makes money count: a success, as it was asked for, for the first time."""
    unpaid = state["status"] not in ("", "succeeded")
    return unpaid and data.get("state") == "succeeded" and mismatch(state, data) is None
