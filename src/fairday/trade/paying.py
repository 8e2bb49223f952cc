"""Orders and payments: what an order says to money that came, and what a payment is told of money that goes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.decider import Event, Located, Peek, Refusal, State
from fairday.kernel.ids import digest
from fairday.trade.holds import PAYMENT
from fairday.trade.payment.decider import giving_back
from fairday.trade.payment.model import Paid
from fairday.trade.steps import Steps


class OrderPayable:
    """An order as something that can be paid for; in the words of ``payment.model.Payable``."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def streams(self, peek: Peek, stream: str) -> Located:
        """The order and all it holds."""
        return self._steps.streams(peek, stream)

    def paid(
        self, states: Mapping[str, State], stream: str, paid: Paid, now: int
    ) -> Mapping[str, Sequence[Event]] | Refusal:
        """The order takes the money, or refuses it and it goes back."""
        return self._steps.paid(states, stream, paid, now)

    def received(self, state: State, payment: str) -> int | None:
        """What the order has on record as paid by a payment, minor units."""
        found = [p["amount"] for p in state.get("payments", ()) if p["payment"] == payment]
        return sum(found) if found else None


class PaymentClaim:
    """Money that goes back through the payment it came by; each refund of an order has one id at its payment."""

    name = PAYMENT

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        if turn.step != "refund" or not turn.part:
            return []
        return giving_back(state, refund_id(turn.order, turn.n), turn.part, turn.why, now, turn.order)


def refund_id(order: str, n: int) -> str:
    """The id at its payment of an order's refund."""
    return digest(order, str(n))[:20]
