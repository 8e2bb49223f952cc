"""Rules that tests of the streams share: a stock with claims, a ledger and deadlines; and whether a shop agrees."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import BigInteger, Connection, Integer, String, Table, select

from fairday.kernel import jsons
from fairday.kernel.decider import BaseDecider, Event, Located, Refusal, Row, Spanning, Transfer
from fairday.storage.answers import answers
from fairday.storage.batch import streams
from fairday.storage.database import col, metadata
from fairday.storage.deadlines import deadlines
from fairday.storage.ledger import transfers
from fairday.storage.log import events

takes = Table(
    "test_takes",
    metadata,
    col("take", String(64), primary_key=True, personal=False),
    col("stream", String(200), nullable=False, personal=False),
    col("n", Integer, nullable=False, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
)


class Stock(BaseDecider):
    """A stock of 10,000 that can be taken from, and misbehaves where asked.

    Commands: take {n, take?, due?}; note {text} grows the state; boom raises; deadline ends what was due.
    """

    kind = "stock"

    def initial(self):
        return {"left": 10_000, "taken": 0, "due": None, "fired": 0, "note": ""}

    def decide(self, state, command, now):
        if command.name == "deadline":
            if command.stream.endswith("stuck"):
                raise RuntimeError("stuck")
            assert now >= state["due"]
            return [Event("Stock Rested", {"at": now})]
        if command.name == "boom":
            raise RuntimeError("boom")
        if command.name == "note":
            return [Event("Stock Noted", {"text": command.data["text"]})]
        n = command.data["n"]
        if n > state["left"]:
            return Refusal("sold_out", "Nothing is left.", {"left": state["left"]})
        return [
            Event("Stock Taken", {"n": n, "take": command.data.get("take")}),
            Event("Stock Counted", {"left": state["left"] - n, "due": command.data.get("due", state["due"])}),
        ]

    def evolve(self, state, event):
        if event.name == "Stock Rested":
            return {**state, "due": None, "fired": state["fired"] + 1}
        if event.name == "Stock Noted":
            return {**state, "note": event.data["text"]}
        if event.name == "Stock Taken":
            return {**state, "left": state["left"] - event.data["n"], "taken": state["taken"] + event.data["n"]}
        return {**state, "due": event.data["due"]}

    def deadline(self, state):
        return state["due"]

    def rows(self, stream, event, now):
        if event.name == "Stock Taken" and event.data["take"]:
            yield Row("test_takes", {"take": event.data["take"], "stream": stream, "n": event.data["n"], "at": now})

    def transfers(self, stream, event, now):
        if event.name == "Stock Taken" and event.data["take"]:
            yield Transfer(f"take:{event.data['take']}", f"held:{stream}", "sold", "piece", event.data["n"])


def _take_each(states, command, now):
    if any(s["left"] < 1 for s in states.values()):
        return Refusal("sold_out", "One of them is sold out.")
    made = {s: [Event("Stock Taken", {"n": 1, "take": None})] for s in states}
    if command.data.get("boom"):
        made["stock:nowhere"] = [Event("Stock Taken", {"n": 1, "take": None})]
    return made


def _follow(command, peek):
    """Finds its second stream in the note of the first."""
    version, state = peek(command.stream)
    return Located((command.stream, f"stock:{state['note'] or 'a'}"), {command.stream: version})


SPANNING = (
    Spanning("stock.take_each", lambda command, peek: Located(command.data["streams"]), _take_each),
    Spanning("stock.follow", _follow, _take_each),
)


def register(runner) -> None:
    runner.register(Stock())
    for spanning in SPANNING:
        runner.register_spanning(spanning)


def assert_agrees(conn: Connection) -> dict[str, dict]:
    """Events, states, projection, ledger, answers and deadlines tell one story; the states by stream."""
    rules = Stock()
    states: dict[str, dict] = {}
    versions: Counter[str] = Counter()
    said: dict[str, int] = {}
    for stream, seq, name, raw in conn.execute(
        select(events.c.stream, events.c.seq, events.c.name, events.c.data).order_by(events.c.stream, events.c.seq)
    ):
        data = jsons.loads(raw)
        versions[stream] += 1
        assert seq == versions[stream], f"{stream} has a gap before {seq}"
        states[stream] = rules.evolve(states.get(stream) or rules.initial(), Event(name, data))
        if name == "Stock Taken" and data["take"]:
            assert data["take"] not in said, "taken twice"
            said[data["take"]] = data["n"]
    saved = {s: (v, jsons.loads(state)) for s, v, _, state in conn.execute(select(streams))}
    assert saved == {s: (versions[s], state) for s, state in states.items()}
    assert {t: n for t, _, n, _ in conn.execute(select(takes))} == said
    entries = {k.removeprefix("take:"): n for k, n in conn.execute(select(transfers.c.key, transfers.c.amount))}
    assert entries == said
    kept = dict(conn.execute(select(deadlines.c.stream, deadlines.c.at)).all())
    assert kept == {s: state["due"] for s, state in states.items() if state["due"] is not None}
    for key, raw in conn.execute(select(answers.c.key, answers.c.answer)):
        _, made, refusal = jsons.loads(raw)
        assert refusal is not None or made[0][2]["take"] is None or made[0][2]["take"] == key in said
    return states
