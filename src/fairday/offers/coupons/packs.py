"""Share packs: ten coupons of different sizes that friends draw from, one each. Pure.

Which sizes lie in a pack, and in which order they will be drawn, is settled when it is opened: shuffled by the
machine's random source, and sealed by a digest that everybody may note down. The nth friend gets the nth coupon,
whoever they are; when the pack is over, its order and its seal's secret are shown, so that anyone can check that
nothing was moved.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, Row, State
from fairday.kernel.ids import digest


def shuffled(deck: Sequence[tuple[str, int]]) -> list[int]:
    """A deck's sizes (their places in the deck) in an order that is uniform over all."""
    order = [place for place, (_, n) in enumerate(deck) for _ in range(n)]
    secrets.SystemRandom().shuffle(order)
    return order


def seal(order: Sequence[int], secret: str) -> str:
    """The digest of an order that is published when the pack is opened."""
    return digest("pack", secret, ",".join(str(place) for place in order))


class PackDecider(BaseDecider):
    """The rules of a pack by itself: it closes at its end. Opening and drawing are spanning commands."""

    kind = "pack"

    def initial(self) -> State:
        return {"status": None}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        if state["status"] is None:
            return Refusal("no_pack", "There is no such pack.")
        if command.name == "deadline":
            return [Event("Pack Closed", {**state, "status": "over"})] if state["status"] == "open" else []
        return Refusal("unknown_command", f"A pack knows no command {command.name!r}.")

    def evolve(self, state: State, event: Event) -> State:
        if event.name == "Coupon Drawn":
            taken = event.data["n"]
            over = taken == len(state["order"])
            return {**state, "taken": taken, "status": "over" if over else state["status"]}
        return dict(event.data)

    def deadline(self, state: State) -> int | None:
        return int(state["until"]) if state["status"] == "open" else None

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        if event.name == "Pack Opened":
            data = event.data
            yield Row("coupon_packs", {
                "pack": stream.partition(":")[2], "batch": data["batch"], "account": data["account"],
                "about": data["about"], "size": len(data["order"]), "opened_at": now, "until": data["until"],
            })  # fmt: skip


class OnceDecider(BaseDecider):
    """Streams ``once:WHAT``: something taken by one alone (a code, a public word, an order's pack)."""

    kind = "once"

    def initial(self) -> State:
        return {"by": None}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        return Refusal("unknown_command", f"What is taken once knows no command {command.name!r}.")

    def evolve(self, state: State, event: Event) -> State:
        return {"by": event.data["by"]}


def taken(by: str) -> Event:
    """The event by which it is taken."""
    return Event("Taken", {"by": by})
