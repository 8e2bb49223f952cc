"""Disputes: a stream ``dispute:ORDER`` beside the order, and what a decision does to both. Pure but for the wiring.

While a dispute is open the order has an open return, so its money stays where it is held. A decision says how much goes
back to the buyer; the same transaction refunds that and closes the order, which hands the rest to the seller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
)
from fairday.trade import deciding
from fairday.trade import order as rules
from fairday.trade.c2c.mode import MODE, party
from fairday.trade.deciding import Plan
from fairday.trade.holds import Evolve, Made
from fairday.trade.steps import Result, Steps

REASONS = ("not_arrived", "damaged", "not_as_told", "counterfeit", "incomplete", "other")
MODES = (MODE, "brief")
"""The modes whose orders people may dispute: a thing bought from a person, and work done for a brief."""
MAX_SAID = 20
"""How often each side may say something, photos included."""


class DisputeDecider(BaseDecider):
    """The rules of streams ``dispute:ORDER``: open, then decided. Alone it takes ``dispute.say`` {by: account, key}."""

    kind = "dispute"
    max_state_bytes = 16_384

    def initial(self) -> State:
        return {"life": "none", "buyer": None, "seller": None, "return": "", "said": {}}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        if command.name != "dispute.say":
            return Refusal("unknown_command", f"A dispute knows no command {command.name!r}.")
        by = side(state, command.data.get("by"))
        if state["life"] != "open" or by is None:
            return Refusal("no_such_dispute", "There is no such open dispute.")
        if state["said"].get(by, 0) >= MAX_SAID:
            return Refusal("said_enough", f"Each side may say something {MAX_SAID} times; the shop decides now.")
        return [Event("Dispute Said", {"by": by, "key": str(command.data["key"]), "at": now})]

    def evolve(self, state: State, event: Event) -> State:
        data = event.data
        if event.name == "Dispute Opened":
            return {**state, "life": "open", **{name: data[name] for name in ("buyer", "seller", "return")}}
        if event.name == "Dispute Said":
            return {**state, "said": {**state["said"], data["by"]: state["said"].get(data["by"], 0) + 1}}
        return {**state, "life": "decided"}

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        data, row = event.data, {"id": stream.partition(":")[2], "updated_at": now}
        if event.name == "Dispute Opened":
            kept = {name: data[name] for name in ("buyer", "seller", "why", "currency", "amount")}
            yield Row("disputes", row | kept | {"status": "open", "opened_at": now})
        elif event.name == "Dispute Decided":
            yield Row("disputes", row | {"status": "decided", "back": data["back"], "decided_by": data["by"]})
        else:
            yield Row("disputes", row)


def side(state: State, account: Any) -> str | None:
    """Which side of a dispute an account is, None for neither."""
    return next((name for name in ("buyer", "seller") if account and state[name] == account), None)


class Disputes:
    """The spanning commands ``dispute.open`` and ``dispute.decide``."""

    def __init__(self, steps: Steps, evolve: Evolve) -> None:
        self._steps = steps
        self._evolve = evolve

    def spanning(self) -> list[Spanning]:
        """For the runner."""
        return [
            Spanning("dispute.open", _both, self._open),
            Spanning("dispute.decide", self._with_holds, self._decide),
        ]

    def _with_holds(self, command: Command, peek: Peek) -> Located:
        found = self._steps.streams(peek, order_of(command.stream))
        return Located((command.stream, *found.streams), found.relied)

    def _open(self, states: Mapping[str, State], command: Command, now: int) -> Result:
        """The buyer ``by`` says what is wrong (``why``)."""
        order, data = order_of(command.stream), command.data
        state = states[order]
        if not rules.exists(state) or state["mode"] not in MODES or party(state, "buyer") != data.get("by"):
            return Refusal("no_such_order", "There is no such order.")
        if states[command.stream]["life"] != "none":
            return Refusal("disputed_before", "There was a dispute over this order already.")
        if data.get("why") not in REASONS:
            return Refusal("bad_reason", "Say what is wrong: " + ", ".join(REASONS) + ".")
        if state["life"] != "open" or state["shipped_at"] is None:
            return Refusal("nothing_to_dispute", "Nothing of this order is under way, or it is over.")
        asked = next((n for n, r in state["returns"].items() if r["state"] in ("asked", "accepted")), None)
        made: Sequence[Event] = []
        if asked is None:
            units = {"units": _out(state), "why": data["why"]}
            found = deciding.alone(state, "order.ask_return", units, now)
            if isinstance(found, Refusal):
                return found
            made, asked = found, str(found[0].data["return"])
        said = {"buyer": party(state, "buyer"), "seller": state["data"]["seller"], "return": asked, "why": data["why"],
                "currency": state["currency"], "amount": _kept(state), "at": now}  # fmt: skip
        return {command.stream: [Event("Dispute Opened", said)], order: made}

    def _decide(self, states: Mapping[str, State], command: Command, now: int) -> Result:
        """``back``: minor units that go back to the buyer, or None for all; ``by``: the buyer's account (who may only
        give up), the seller's (who may only give all back), or "shop"."""
        stream, order, data = command.stream, order_of(command.stream), command.data
        dispute, state = states[stream], states[order]
        if dispute["life"] != "open":
            return Refusal("no_such_dispute", "There is no such open dispute.")
        kept = _kept(state)
        back = kept if data.get("back") is None else data["back"]
        by = "shop" if data.get("by") == "shop" else side(dispute, data.get("by"))
        if by is None or (by == "buyer" and back != 0) or (by == "seller" and back != kept):
            return Refusal("not_yours_to_decide", "The buyer may give up, the seller may give all back.")
        if type(back) is not int or not 0 <= back <= kept:
            return Refusal("bad_amount", "Between nothing and all that was paid goes back.", {"most": kept})
        ended = Event("Dispute Decided", {"back": back, "kept": kept - back, "by": by, "at": now})
        made: Made | Refusal
        if back:
            asked: dict[str, Any] = {"return": dispute["return"], "why": "dispute"}
            asked |= {"units": _out(state), "shipping": True} if back == kept else {"extra": back}
            plan = deciding.refund(order, state, asked, now)
            made = self._fold(states, order, plan, now, {stream: [ended]})
        else:
            answer = {"return": dispute["return"], "answer": "refused"}
            found = deciding.alone(state, "order.answer_return", answer, now)
            made = found if isinstance(found, Refusal) else {stream: [ended], order: list(found)}
        if isinstance(made, Refusal):
            return made
        after = state
        for event in made[order]:
            after = self._evolve(order, after, event)
        if rules.due(after):  # on credit: what it comes to now is divided when the invoice is paid
            return made
        mode = self._steps.mode(state["mode"])
        return self._fold(states, order, deciding.complete(order, after, mode, now), now, made)

    def _fold(
        self, states: Mapping[str, State], order: str, plan: Plan | Refusal, now: int, made: Made
    ) -> Made | Refusal:
        if isinstance(plan, Refusal):
            return plan
        found = {**made, order: [*made.get(order, ()), *plan.events]}
        return self._steps.claims.fold(states, plan.turns, now, self._evolve, found)


def disputed(state: State) -> bool:
    """Whether a dispute over an order (its state) is open."""
    return any(r["state"] in ("asked", "accepted") for r in state["returns"].values())


def order_of(dispute: str) -> str:
    """The order a dispute is about."""
    return f"order:{dispute.partition(':')[2]}"


def _both(command: Command, peek: Peek) -> Located:
    return Located((command.stream, order_of(command.stream)))


def _out(state: State) -> dict[str, int]:
    return {part: x["shipped"] - x["returned"] for part, x in state["lines"].items()}


def _kept(state: State) -> int:
    return sum(int(x["paid"] - x["refunded"]) for _, x in rules.parts(state))
