"""A sale with realistic rows: two events, state, a projection row, an answer and a moved deadline per command."""

from __future__ import annotations

from random import getrandbits

from sqlalchemy import BigInteger, Integer, String, Table

from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, Row
from fairday.kernel.ids import new_id
from fairday.storage.database import col, metadata

claims = Table(
    "bench_claims",
    metadata,
    col("claim", String(64), primary_key=True, personal=False),
    col("stream", String(200), nullable=False, personal=False),
    col("account", String(64), nullable=False, personal=False),
    col("n", Integer, nullable=False, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
)

HOLD_MS = 900_000


class Sale(BaseDecider):
    """Takes from a stock, and holds what was taken for a quarter of an hour."""

    kind = "sale"

    def initial(self):
        return {"left": 10_000_000, "taken": 0, "until": None, "price": 19900, "title": "618 flash sale", "limit": 2}

    def decide(self, state, command, now):
        n = command.data["n"]
        if n > state["left"]:
            return Refusal("sold_out", "Nothing is left.")
        return [
            Event("Item Reserved", {**command.data, "account": command.actor}),
            Event("Hold Extended", {"claim": command.data["claim"], "until": now + HOLD_MS + state["taken"] % 1000}),
        ]

    def evolve(self, state, event):
        if event.name == "Item Reserved":
            n = event.data["n"]
            return {**state, "left": state["left"] - n, "taken": state["taken"] + n}
        return {**state, "until": event.data["until"]}

    def deadline(self, state):
        return state["until"]

    def rows(self, stream, event, now):
        if event.name != "Item Reserved":
            return ()
        d = event.data
        values = {"claim": d["claim"], "stream": stream, "account": d["account"], "n": d["n"], "at": now}
        return (Row("bench_claims", values),)


def command(number: int, streams: int) -> Command:
    """The number-th command of a run over that many streams: ids as the shop makes them, a browser's random key."""
    data = {"n": 1, "claim": new_id(), "sku": "SCARF-RED-180", "source": "scene:new-year-goods"}
    actor, key = f"account-{getrandbits(17)}", f"{getrandbits(128):032x}"
    return Command("sale.take", f"sale:{number % streams}", data, actor=actor, key=key)
