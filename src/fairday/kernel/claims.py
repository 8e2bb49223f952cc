"""Claims: what an order lays hands on elsewhere (stock, a coupon, a budget, points), step by step with the order.

A step of an order and what it sets off on other streams are one transaction: the order's command locates the streams of
its holds, and each hold's claim says which events the step means there. Rooms that own such streams register a claim
with ``trade``; trade knows none of them. Pure, as deciders are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from fairday.kernel.decider import Event, Refusal, State

Step = Literal["place", "pay", "ship", "complete", "cancel", "refund"]
"""What an order does: placed (holds are taken), paid (holds become final), some units leave, received and past its
return window, given up (before payment, by time-out, or after it: what was taken goes back), money goes back."""


class Hold(msgspec.Struct, frozen=True):
    """One thing an order claims of one stream.

    Attributes:
        claim: the registered claim's name ("stock", "coupon", "budget").
        stream: where it is taken ("stock:MUG-RED").
        data: what is taken there; small JSON, written when the order is placed and kept in its state.
    """

    claim: str
    stream: str
    data: Mapping[str, Any] = {}


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A step of an order, as its claims see it.

    Attributes:
        step: which.
        order: the order's stream ("order:01J…"): with ``n`` the business key of whatever a claim posts.
        n: how many steps of this kind the order had before (0 for the first shipment, refund).
        account: the buyer's member account's stream, or None for a guest.
        units: units by line that leave (ship), come back to be sold again (refund), or are given up (cancel).
        unshipped: refund only: units by line that never left and are given up.
        sent, waiting: units by line that had left before this step, and that were still to leave; where not said, none
            had and all were.
        part: refund only, minor units paid: given back now.
        whole, already: minor units: what the order costs in all, what was given back before this step.
        paid: the order was paid before this step.
        completed: the order was over before this step.
        released: complete only: minor units by ledger account that are handed on.
        final: refund only: nothing of the order is left after it.
        over: nothing of the order was left before this step: whatever it held has gone back with an earlier one.
        why: "" or the reason told ("expired", "changed my mind").
    """

    step: Step
    order: str
    n: int = 0
    account: str | None = None
    units: Mapping[str, int] = {}
    unshipped: Mapping[str, int] = {}
    sent: Mapping[str, int] = {}
    waiting: Mapping[str, int] = {}
    part: int = 0
    whole: int = 0
    already: int = 0
    paid: bool = False
    completed: bool = False
    released: Mapping[str, int] = {}
    final: bool = False
    over: bool = False
    why: str = ""

    def back(self, amount: int) -> int:
        """How much of an amount that an order holds goes back with a refund or cancelling of it.

        Parts of the order's price, each sum rounded down, so that all steps together give back exactly the whole, and
        nothing more once it has all gone back. Of an order that cost nothing all of it goes with its last unit.
        """
        if self.over or self.step not in ("cancel", "refund"):
            return 0
        upto = amount if self.step == "cancel" or self.final else self._of(amount, self.already + self.part)
        return upto - self._of(amount, self.already)

    def _of(self, amount: int, given: int) -> int:
        return amount * min(given, self.whole) // self.whole if self.whole else 0


class Claim(Protocol):
    """The rules of one kind of hold."""

    name: str

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        """What a step means for the held stream. A refusal at ``place`` refuses the order; ``cancel`` and ``refund``
        never refuse: they must be able to give back whatever was taken."""
        ...
