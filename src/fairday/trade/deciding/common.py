"""What every decision of an order starts from: what it may refuse, how it tells an event, whom it tells. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fairday.kernel.claims import Hold, Step, Turn
from fairday.kernel.decider import Event, Refusal, State
from fairday.trade.order import evolve, exists, is_paid, over, status, waiting

_WHY = re.compile(r"[a-z_]{0,40}")


class Plan(msgspec.Struct, frozen=True):
    """What a command does: the order's events, and its holds' turns in order."""

    events: Sequence[Event]
    turns: Sequence[tuple[Hold, Turn]] = ()


def tell(state: State, name: str, data: Mapping[str, Any]) -> tuple[State, Event]:
    """An event with where the order stands after it, for the rows that lists are drawn from."""
    after = evolve(state, Event(name, data))
    paid = sum(p["amount"] for p in after["payments"])
    back = sum(p["back"] for p in after["payments"])
    return after, Event(name, {**data, "status": status(after), "sums": {"paid": paid, "refunded": back}})


def unknown(state: State) -> Refusal | None:
    """Why nothing can be done to it: it was never placed."""
    return None if exists(state) else Refusal("no_such_order", "There is no such order.")


def not_now(what: str, state: State) -> Refusal:
    """A step that an order in this state does not take."""
    return Refusal(f"not_{what}", f"An order that is {status(state).replace('_', ' ')} cannot be {_DONE[what]}.",
                   {"status": status(state)})  # fmt: skip


_DONE = {"shipped": "shipped", "cancelled": "cancelled", "received": "received", "refunded": "refunded",
         "completed": "completed", "ready": "made ready for pickup", "returned": "sent back",
         "paid": "paid"}  # fmt: skip


def why_of(data: Mapping[str, Any]) -> str | Refusal:
    """The reason given, a word of small letters."""
    why = data.get("why", "")
    if not isinstance(why, str) or not _WHY.fullmatch(why):
        return Refusal("bad_reason", "A reason is a word of small letters, such as changed_mind.")
    return why


def turn_of(order: str, state: State, step: Step, **more: Any) -> Turn:
    """What an order's holds are told of a step."""
    lines = state["lines"].items()
    return Turn(
        step=step, order=order, n=state["counts"].get(step, 0), account=state["account"],
        whole=state["total"], already=state["refunded"], completed=state["life"] == "completed", paid=is_paid(state),
        over=over(state),
        sent={part: line["shipped"] for part, line in lines}, waiting={part: waiting(line) for part, line in lines},
        **more,
    )  # fmt: skip


def all_waiting(state: State) -> dict[str, int]:
    """Units by line that are still to leave."""
    return {part: waiting(line) for part, line in state["lines"].items()}
