"""Paying by balance: a member's stored value, spent and settled in one transaction; and paying into it. Pure.

``payment.balance`` spans the payment, what it pays for and the account; ``payment.give_back`` the payment and the
account. See docs/algorithms/payments.md, rule 10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fairday.kernel.decider import Command, Event, Located, Peek, Refusal, Spanning, State, kind_of
from fairday.people.accounts import AccountDecider, paid_back, paid_in, paid_out
from fairday.trade.payment.decider import PaymentDecider
from fairday.trade.payment.model import BALANCE, Paid, Payable

_PAYMENTS = PaymentDecider()
_ACCOUNTS = AccountDecider()


def pay(payables: Mapping[str, Payable]) -> Spanning:
    """``payment.balance``, with the data of ``request``: asked for, taken from the account and settled, or nothing.

    What cannot be paid for any more refuses, and so nothing has to go back.
    """

    def locate(command: Command, peek: Peek) -> Located:
        version, _ = peek(command.stream)
        pays, account = str(command.data.get("pays", "")), str(command.data.get("account", ""))
        if _wrong(command, payables) is not None:
            return Located((command.stream,), {command.stream: version})
        found = payables[kind_of(pays)].streams(peek, pays)
        streams = dict.fromkeys((command.stream, account, *found.streams))
        return Located(tuple(streams), {**found.relied, command.stream: version})

    def decide(states: Mapping[str, State], command: Command, now: int) -> Mapping[str, Sequence[Event]] | Refusal:
        payment, data = command.stream, {**command.data, "method": BALANCE, "channel": ""}
        wrong = _wrong(command, payables)
        asked = wrong or _PAYMENTS.decide(states[payment], Command("request", payment, data), now)
        if isinstance(asked, Refusal) or not asked:
            return asked if isinstance(asked, Refusal) else {}  # paid by this very command before
        state = _PAYMENTS.evolve(states[payment], asked[0])
        account, pays = state["account"], state["pays"]
        out = paid_out(states[account], payment, state["currency"], state["amount"])
        if isinstance(out, Refusal):
            return out
        spend, taken = out
        after = {**states, account: _ACCOUNTS.evolve(states[account], spend)}
        paid = Paid(
            payment=payment, method=BALANCE, amount=state["amount"], currency=state["currency"], account=account
        )
        made = payables[kind_of(pays)].paid(after, pays, paid, now)
        if isinstance(made, Refusal):
            return made
        came = Event("Payment Succeeded", {
            "trade": payment, "paid_at": now, "method": BALANCE, "pays": pays, "amount": state["amount"],
            "currency": state["currency"], "account": account, "for": "order", "ask_at": None, "lots": taken,
        })  # fmt: skip
        return {**made, account: [spend, *made.get(account, ())], payment: [*asked, came]}

    return Spanning("payment.balance", locate, decide)


def _wrong(command: Command, payables: Mapping[str, Payable]) -> Refusal | None:
    kind = kind_of(str(command.data.get("pays", "")))
    if kind_of(command.stream) != "payment":
        return Refusal("payment_unknown", "There is no such payment.")
    if kind not in payables or kind == "account":
        return Refusal("bad_payable", "A balance pays for an order.")
    if kind_of(str(command.data.get("account", ""))) != "account":
        return Refusal("account_unknown", "There is no such account; open it first.")
    return None


def _locate_back(command: Command, peek: Peek) -> Located:
    version, state = peek(command.stream)
    if state["status"] != "succeeded" or state["method"] != BALANCE:
        return Located((command.stream,), {command.stream: version})
    return Located((command.stream, state["account"]), {command.stream: version})


def _back(states: Mapping[str, State], command: Command, now: int) -> Mapping[str, Sequence[Event]] | Refusal:
    payment, refund = command.stream, str(command.data.get("refund"))
    state = states[payment]
    if state["status"] != "succeeded" or state["method"] != BALANCE:
        return Refusal("refund_unknown", "There is no such refund of a balance.")
    amount = state["refunds"].get(refund, {"amount": 0})["amount"]
    said = {"refund": refund, "state": "succeeded", "amount": amount, "trade": payment, "at": now}
    made = _PAYMENTS.decide(state, Command("refund.outcome", payment, said), now)
    if isinstance(made, Refusal):
        return made
    if not any(event.name == "Refund Succeeded" for event in made):
        return {payment: made}
    before = sum(r["amount"] for r in state["refunds"].values() if r["status"] == "succeeded")
    taken = [(lot[0], lot[1]) for lot in state["lots"]]
    back = paid_back(states[state["account"]], payment, state["currency"], amount, taken, before, now)
    return {payment: made, state["account"]: back}


GIVE_BACK = Spanning("payment.give_back", _locate_back, _back)
"""``payment.give_back`` {refund}: a refund that was asked for reaches the balance it came from."""


class AccountPayable:
    """A member's account as something that can be paid for: what is paid in is its balance of that currency."""

    def streams(self, peek: Peek, stream: str) -> Located:
        """The account alone."""
        return Located((stream,))

    def paid(
        self, states: Mapping[str, State], stream: str, paid: Paid, now: int
    ) -> Mapping[str, Sequence[Event]] | Refusal:
        """The balance grows; a merged account refuses, and the money goes back."""
        made = paid_in(states[stream], paid.payment, paid.currency, paid.amount)
        return made if isinstance(made, Refusal) else {stream: made}

    def received(self, state: State, payment: str) -> int | None:
        """What the account has on record as paid in by a payment, minor units."""
        found: int | None = state.get("paid_in", {}).get(payment)
        return found
