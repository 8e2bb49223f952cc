"""Stored value and payments: what is paid in, what pays, what comes back. Pure; see docs/algorithms/rewards.md.

The payment's own transfer moves the money in the ledger (from the provider to the account, from the account to the
order), so these events post none of their own: they carry the payment's name instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Event, Refusal, State
from fairday.people.accounts.lots import Lot, give_back, take, total
from fairday.people.accounts.rules import BACK_DAYS, complete, gained, lots_of, spent, unusable


def paid_in(state: State, payment: str, unit: str, amount: int) -> Sequence[Event] | Refusal:
    """The event of money that came by a payment; what is owed of the unit is kept from it first."""
    state = complete(state)
    made = unusable(state) or gained(state, "Value Paid In", unit, amount, payment)
    if isinstance(made, Refusal):
        return made
    (event,) = made
    more = {"payment": payment, "kept": amount - event.data["change"], "paid_in": {payment: amount}}
    return [Event(event.name, {**event.data, **more})]


def paid_out(state: State, payment: str, unit: str, amount: int) -> tuple[Event, list[Lot]] | Refusal:
    """The event of a balance that pays, and the lots it was paid from."""
    state = complete(state)
    taken = take(lots_of(state, unit), amount)[0]
    made = unusable(state) or spent(state, "Value Paid", unit, amount, payment, payment=payment)
    return made if isinstance(made, Refusal) else (made[0], taken)


def paid_back(
    state: State, payment: str, unit: str, amount: int, taken: Sequence[Lot], before: int, now: int
) -> Sequence[Event]:
    """The event of money that a payment gives back: as the lots it was, good for at least ``BACK_DAYS``.

    Never refused: a merged account sends it on by itself.

    Args:
        taken: the lots the payment was made from.
        before: how much of them came back before.
    """
    state = complete(state)
    rest = take(taken, total(taken) - before)[0] if before else list(taken)
    lots = give_back(lots_of(state, unit), rest, amount, now + BACK_DAYS * DAY_MS)
    said = {"n": state["n"] + 1, "unit": unit, "change": amount, "reason": payment, "lots": lots, "payment": payment}
    return [Event("Value Returned", said)]
