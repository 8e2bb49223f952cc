"""Ratings both ways, once each, after an order between people is over: a stream ``rating:ORDER``. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import BaseDecider, Command, Event, Located, Peek, Refusal, Row, Spanning, State
from fairday.trade import order as rules
from fairday.trade.c2c.mode import MODE

RATE_MS = 60 * DAY_MS
"""How long after it was received a deal can be rated."""


class RatingDecider(BaseDecider):
    """What buyer and seller said of one another, in stars."""

    kind = "rating"

    def initial(self) -> State:
        return {}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        return Refusal("unknown_command", f"A rating knows no command {command.name!r}.")

    def evolve(self, state: State, event: Event) -> State:
        return {**state, event.data["by"]: event.data["stars"]}

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        number, data = stream.partition(":")[2], event.data
        values = {"id": f"{number}:{data['by']}", "about": data["about"], "stars": data["stars"], "at": now}
        yield Row("ratings", values)


def _locate(command: Command, peek: Peek) -> Located:
    return Located((command.stream, f"order:{command.stream.partition(':')[2]}"))


def _give(states: Mapping[str, State], command: Command, now: int) -> Mapping[str, Sequence[Event]] | Refusal:
    """``by``: an account; ``stars``: 1 to 5."""
    data, order = command.data, states[f"order:{command.stream.partition(':')[2]}"]
    by = None
    if rules.exists(order) and order["mode"] == MODE and data.get("by"):
        by = {order["account"]: "buyer", order["data"]["seller"]: "seller"}.get(data["by"])
    if by is None:
        return Refusal("no_such_order", "There is no such order.")
    if type(data.get("stars")) is not int or not 1 <= data["stars"] <= 5:
        return Refusal("bad_stars", "Give 1 to 5 stars.")
    since = order["received_at"] or order["shipped_at"] or 0
    if order["life"] != "completed" or now > since + RATE_MS:
        return Refusal("not_to_rate", "A deal is rated within 60 days after it is over.")
    if by in states[command.stream]:
        return Refusal("rated_before", "You have rated this deal.")
    about = order["data"]["seller"] if by == "buyer" else order["account"]
    return {command.stream: [Event("Deal Rated", {"by": by, "about": about, "stars": data["stars"], "at": now})]}


RATE = Spanning("rating.give", _locate, _give)
