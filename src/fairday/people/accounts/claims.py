"""What orders do to accounts: points paid with, and points earned. Pure; see docs/algorithms/rewards.md."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Event, Refusal, State
from fairday.people.accounts.rules import (
    BACK_DAYS,
    MAX_OPEN,
    came_back,
    clawed_back,
    counted,
    gained,
    holding,
    settled,
    spent,
    unusable,
)
from fairday.people.accounts.tiers import Program


class PointsClaim:
    """Value that an order is paid with as a discount: ``Hold("points", "account:ID", {"unit", "amount", "days"})``.

    Taken when the order is placed; back when it is cancelled; of a refund its share, exact however it is split, as the
    lots it was, also after the order was over. ``days`` (None: for ever) is how long value of the program is good:
    what comes back of lots that nobody knows any more is good for so long. What an exchange takes again in the
    transaction in which it came back is ``carried``, also on an account merged meanwhile.
    """

    name = "points"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        unit, amount = str(hold.data["unit"]), int(hold.data["amount"])
        ref = f"{turn.order}:{unit}"
        if turn.step == "place":
            if holding(state) >= MAX_OPEN:
                return Refusal("too_many_open", "Too many orders hold value of this account; finish one first.")
            wrong = None if hold.data.get("carried") else unusable(state)
            return wrong or spent(state, "Value Spent", unit, amount, turn.order, held=[ref])
        if turn.step == "cancel":
            left = sum(lot[1] for lot in state["held"].get(ref, {"lots": ()})["lots"])
            return came_back(state, unit, left, turn.order, ref, now, end=True)
        if turn.step == "refund":
            back = turn.back(amount)
            if back:
                days = hold.data.get("days", BACK_DAYS)
                return came_back(state, unit, back, turn.order, ref, now, turn.final, days)
            return settled(state, ref) if turn.final else []
        return settled(state, ref, known=True) if turn.step == "complete" else []


class EarningClaim:
    """Value that an order earns: ``Hold("earning", "account:ID", {"unit", "amount", "days", "program"})``.

    ``amount`` for the whole order as it was placed, good for ``days`` days (None: for ever). It comes when the order is
    over, for the money that stayed; of a later refund its share goes again. ``program`` (a Program as JSON, or None):
    what is earned counts towards its tiers.
    """

    name = "earning"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        unit, amount = str(hold.data["unit"]), int(hold.data["amount"])
        program = msgspec.convert(hold.data["program"], Program) if hold.data.get("program") else Program()
        if turn.step == "place":
            return unusable(state) or []
        if turn.step == "complete":
            earned = 0 if turn.over else _left(amount, turn.already, turn.whole)
            if not earned:
                return []
            days = hold.data.get("days")
            made = gained(
                state, "Value Earned", unit, earned, turn.order, None if days is None else now + days * DAY_MS
            )
            return made if isinstance(made, Refusal) else _count(state, made, earned, now, program)
        if turn.step == "refund" and turn.completed and not turn.over:
            after = 0 if turn.final else _left(amount, turn.already + turn.part, turn.whole)
            gone = _left(amount, turn.already, turn.whole) - after
            return _count(state, clawed_back(state, unit, gone, turn.order), -gone, now, program)
        return []


def _left(amount: int, given: int, whole: int) -> int:
    """The part of an amount that belongs to the money that stayed."""
    return amount * max(0, whole - given) // whole if whole else amount


def _count(state: State, made: Sequence[Event], amount: int, now: int, program: Program) -> Sequence[Event]:
    tier = counted({**state, "n": state["n"] + len(made)}, amount, now, now, program)
    return [*made, *tier]
