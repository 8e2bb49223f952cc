"""What a company may owe: ``credit:<company>``. Pure.

Every order on account takes its amount of the limit in the transaction that places it, so the sum of what is owed is
never above the limit, however many buyers order at once. It is freed when the order is paid, cancelled or refunded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, State
from fairday.trade.b2b.company import MOST

MOST_DAYS = 180
MOST_OPEN = 500


def stream_of(company: str) -> str:
    """The stream of a company's credit."""
    return f"credit:{company}"


class CreditDecider(BaseDecider):
    """The rules of ``credit:<company>``.

    One command, ``terms`` {limit, days, currency}: how much may be owed at a time (minor units; 0: everything is paid
    before it is sent) and how many days after an order its invoice is due. A limit below what is owed stands: nothing
    more is sent on account until enough was paid.
    """

    kind = "credit"
    max_state_bytes = 65_536

    def initial(self) -> State:
        return {"limit": 0, "days": 30, "currency": "", "open": {}}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        if command.name != "terms":
            return Refusal("unknown_command", f"Credit knows no command {command.name!r}.")
        limit, days, currency = (command.data.get(k) for k in ("limit", "days", "currency"))
        if type(limit) is not int or not 0 <= limit <= MOST:
            return Refusal("bad_limit", "A limit is an amount of money, 0 or more.")
        if type(days) is not int or not 1 <= days <= MOST_DAYS:
            return Refusal("bad_days", f"An invoice is due after 1 to {MOST_DAYS} days.")
        if state["open"] and currency != state["currency"]:
            return Refusal("other_currency", f"What is owed is in {state['currency']}.")
        return [Event("Credit Terms Set", {"limit": limit, "days": days, "currency": currency})]

    def evolve(self, state: State, event: Event) -> State:
        data = event.data
        match event.name:
            case "Credit Terms Set":
                return {**state, "limit": data["limit"], "days": data["days"], "currency": data["currency"]}
            case "Credit Taken":
                taken = {data["order"]: [data["amount"], data["due_at"]]}
                return {**state, "open": {**state["open"], **taken}}
        assert event.name == "Credit Freed"
        amount, due_at = state["open"][data["order"]]
        others = {k: v for k, v in state["open"].items() if k != data["order"]}
        left = amount - data["amount"]
        return {**state, "open": {**others, data["order"]: [left, due_at]} if left else others}


def used(state: State) -> int:
    """What is owed, minor units."""
    return sum(amount for amount, _ in state["open"].values())


def free(state: State) -> int:
    """What may still be owed, minor units."""
    return max(0, int(state["limit"]) - used(state))


def overdue(state: State, now: int) -> int:
    """What is owed past its day, minor units."""
    return sum(amount for amount, due_at in state["open"].values() if due_at < now)


def refused(state: State, amount: int, now: int) -> Refusal | None:
    """Why an order may not be put on account, or None."""
    if overdue(state, now):
        return Refusal("credit_overdue", "An invoice of this company is overdue; pay it first.",
                       {"overdue": overdue(state, now)})  # fmt: skip
    if amount > free(state):
        return Refusal("over_credit", "This is more than the company's credit allows.", {"free": free(state)})
    if len(state["open"]) >= MOST_OPEN:
        return Refusal("too_many_open", "Too many invoices of this company are open; pay some first.")
    return None


def due_after(now: int, days: int) -> int:
    """When (ms) an invoice of an order placed now is due."""
    return now + days * DAY_MS


class CreditClaim:
    """An order on account: ``Hold("credit", "credit:<company>", {amount, currency, due_at})``."""

    name = "credit"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        amount = hold.data["amount"]
        if turn.step == "place":
            if hold.data["currency"] != state["currency"]:
                return Refusal("other_currency", f"The company's credit is in {state['currency'] or 'no currency'}.")
            wrong = refused(state, amount, now)
            if wrong is not None:
                return wrong
            # An order that costs nothing owes nothing.
            return [_event("Taken", turn, amount, due_at=hold.data["due_at"])] if amount else []
        owed = state["open"].get(turn.order)
        if owed is None:
            return []
        if turn.step in ("pay", "cancel"):
            return [_event("Freed", turn, owed[0])]
        if turn.step == "refund" and min(owed[0], turn.part):
            return [_event("Freed", turn, min(owed[0], turn.part))]
        return []


def _event(what: str, turn: Turn, amount: int, **more: Any) -> Event:
    said: Mapping[str, Any] = {"order": turn.order, "amount": amount, **more}
    return Event(f"Credit {what}", said)
