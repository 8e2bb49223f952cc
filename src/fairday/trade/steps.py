"""The steps of an order as spanning commands: the order and all it holds, in one transaction.

``place``, ``ship``, ``hand_over``, ``complete``, ``cancel``, ``refund``, ``exchange`` and the order's own deadline.
Paying is the payment's command: it takes ``streams`` and ``paid`` from here into its own transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fairday.kernel.decider import (
    BaseDecider,
    Command,
    Event,
    Located,
    Peek,
    Refusal,
    Row,
    Spanning,
    State,
    Transfer,
    kind_of,
)
from fairday.kernel.errors import FairdayError
from fairday.storage.runner import Runner
from fairday.trade import deciding
from fairday.trade import order as rules
from fairday.trade.deciding import Plan
from fairday.trade.holds import Claims, Made
from fairday.trade.modes import Mode
from fairday.trade.order import exists, holds, is_paid
from fairday.trade.payment.model import Paid

Result = Mapping[str, Sequence[Event]] | Refusal


class OrderDecider(BaseDecider):
    """The rules of streams ``order:ID``.

    Commands that touch holds are spanning ones (``Steps``). Those that touch only the order come here: ``order.ready``,
    ``order.receive``, ``order.ask_return``, ``order.answer_return``.
    """

    kind = "order"
    max_state_bytes = 65_536

    def initial(self) -> State:
        return rules.initial()

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        return deciding.alone(state, command.name, command.data, now)

    def evolve(self, state: State, event: Event) -> State:
        return rules.evolve(state, event)

    def deadline(self, state: State) -> int | None:
        return rules.deadline(state)

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        return rules.rows(stream, event, now)

    def transfers(self, stream: str, event: Event, now: int) -> Iterable[Transfer]:
        return rules.transfers(stream, event)


class Steps:
    """The spanning commands over one registry of claims and modes."""

    def __init__(self, runner: Runner) -> None:
        self.claims = Claims()
        self.modes: dict[str, Mode] = {}
        self._runner = runner

    def register(self) -> None:
        """Give the runner the rules of orders."""
        self._runner.register(OrderDecider())
        for name, decide in self._decided().items():
            locate = {"order.place": _to_place, "order.exchange": _to_exchange}.get(name, _to_step)
            self._runner.register_spanning(Spanning(name, locate, decide))

    def _decided(self) -> dict[str, Callable[[Mapping[str, State], Command, int], Result]]:
        return {
            "order.place": self._place,
            "order.ship": lambda states, c, now: self._step(
                states, c.stream, deciding.ship(c.stream, states[c.stream], c.data, now), now
            ),
            "order.hand_over": lambda states, c, now: self._step(
                states, c.stream, deciding.ship(c.stream, states[c.stream], c.data, now, by_hand=True), now
            ),
            "order.complete": self._complete,
            "order.cancel": lambda states, c, now: self._step(
                states, c.stream, deciding.cancel(c.stream, states[c.stream], c.data, now), now
            ),
            "order.refund": lambda states, c, now: self._step(
                states, c.stream, deciding.refund(c.stream, states[c.stream], c.data, now), now
            ),
            "order.exchange": self._exchange,
            "order.deadline": self._deadline,
        }

    def decide(self, name: str, states: Mapping[str, State], command: Command, now: int) -> Result:
        """What a step means, for commands that take several of them in one go."""
        return self._decided()[name](states, command, now)

    def evolve(self, stream: str, state: State, event: Event) -> State:
        """A stream's state after an event, by the rules of its kind."""
        return self._runner.evolve(stream, state, event)

    def mode(self, name: str) -> Mode:
        """The mode of that name.

        Raises:
            FairdayError: nobody registered it.
        """
        if name not in self.modes:
            known = ", ".join(sorted(self.modes))
            raise FairdayError(f"There is no mode of trade {name!r}.", code="unknown_mode", remedy=f"Known: {known}.")
        return self.modes[name]

    # ---- for the payment's own transaction -------------------------------------------------------------------------

    def streams(self, peek: Peek, order: str) -> Located:
        """What must be locked for a step of an order: itself and all it holds."""
        return _located(peek, order)

    def paid(self, states: Mapping[str, State], order: str, paid: Paid, now: int) -> Result:
        """What money that came in means for the order and all it holds.

        Args:
            states: of ``streams(peek, order)``; more are left alone.

        Returns:
            Events by stream; or a Refusal: the order does not take the money (it was cancelled, it is paid already, it
            expired and something it held is gone), and the payment must give it back by itself.
        """
        state = states[order]
        if not exists(state):
            return Refusal("no_such_order", "There is no such order.")
        return self._step(states, order, deciding.pay(order, state, paid, self.mode(state["mode"]), now), now)

    # ---- the steps -------------------------------------------------------------------------------------------------

    def _step(
        self, states: Mapping[str, State], order: str, plan: Plan | Refusal, now: int, made: Made | None = None
    ) -> Made | Refusal:
        if isinstance(plan, Refusal):
            return plan
        found = {**(made or {}), order: [*(made or {}).get(order, ()), *plan.events]}
        return self.claims.fold(states, plan.turns, now, self._runner.evolve, found)

    def _place(self, states: Mapping[str, State], command: Command, now: int) -> Result:
        order, data = command.stream, command.data
        return self._step(
            states, order, deciding.place(order, states[order], data, self.mode(data.get("mode", "")), now), now
        )

    def _complete(self, states: Mapping[str, State], command: Command, now: int) -> Result:
        state = states[command.stream]
        if not exists(state):
            return Refusal("no_such_order", "There is no such order.")
        mode = self.mode(state["mode"])
        return self._step(states, command.stream, deciding.complete(command.stream, state, mode, now), now)

    def _deadline(self, states: Mapping[str, State], command: Command, now: int) -> Result:
        """Time has come: an order that nobody paid expires, one that was received is over."""
        state = states[command.stream]
        if is_paid(state) or state["on_account"]:
            return self._complete(states, command, now)
        return self._step(states, command.stream, deciding.cancel(command.stream, state, {"why": "expired"}, now), now)

    def _exchange(self, states: Mapping[str, State], command: Command, now: int) -> Result:
        """Units come back and others go out: what the first cost pays for the second."""
        old, new = command.stream, str(command.data["into"])
        placing: dict[str, Any] = dict(command.data["placing"])
        if old == new:
            return Refusal("same_order", "An order cannot be exchanged for itself.")
        plan = deciding.refund(old, states[old], {**command.data, "owed": placing["total"]}, now, into=new)
        made = self._step(states, old, plan, now)
        if isinstance(plan, Refusal) or isinstance(made, Refusal):
            return made
        said = plan.events[0].data
        placing["credit"] = {"from": old, "payments": said["moved"]}
        placing["account"] = states[old]["account"]
        placed = deciding.place(new, states[new], placing, self.mode(placing["mode"]), now)
        # The goods that come back may be those that go out: the second order is folded over the first.
        return self._step(states, new, placed, now, made)


def _located(peek: Peek, order: str) -> Located:
    _check(order)
    version, state = peek(order)
    found = [hold.stream for hold in holds(state)] if exists(state) else []
    return Located(tuple(dict.fromkeys([order, *found])), {order: version})


def _to_step(command: Command, peek: Peek) -> Located:
    return _located(peek, command.stream)


def _to_place(command: Command, peek: Peek) -> Located:
    _check(command.stream)
    held = [stream for _, stream, _ in command.data.get("holds", ())]
    return Located(tuple(dict.fromkeys([command.stream, *held])))


def _to_exchange(command: Command, peek: Peek) -> Located:
    one = _located(peek, command.stream)
    new = str(command.data.get("into", ""))
    _check(new)
    held = [stream for _, stream, _ in command.data["placing"].get("holds", ())]
    return Located(tuple(dict.fromkeys([*one.streams, new, *held])), one.relied)


def _check(stream: str) -> None:
    if kind_of(stream) != "order" or not stream.partition(":")[2]:
        raise FairdayError(f"{stream!r} is not an order.", code="bad_order", remedy="Write order:ID.")
