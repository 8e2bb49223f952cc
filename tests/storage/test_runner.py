from __future__ import annotations

from concurrent.futures import wait

import pytest

import fairday
from fairday.kernel.decider import BaseDecider, Command, Event, Located, Refusal, Spanning
from fairday.kernel.errors import Conflict
from fairday.storage.log import Happening, stream_events


class Stock(BaseDecider):
    """A stock that can be taken from; every tenth command fails on purpose where asked."""

    kind = "stock"

    def initial(self):
        return {"left": 10_000, "due": None}

    def decide(self, state, command, now):
        if command.name == "deadline":
            return [Event("Stock Closed", {})]
        if command.name == "boom":
            raise RuntimeError("boom")
        n = command.data["n"]
        if n > state["left"]:
            return Refusal("sold_out", "Nothing is left.")
        return [Event("Stock Taken", {"n": n, "due": command.data.get("due")})]

    def evolve(self, state, event):
        if event.name == "Stock Closed":
            return {**state, "due": None, "closed": state.get("closed", 0) + 1}
        return {**state, "left": state["left"] - event.data["n"], "due": event.data.get("due")}

    def deadline(self, state):
        return state["due"]


def _both(command, peek):
    return Located(command.data["streams"])


def _take_both(states, command, now):
    if any(s["left"] < 1 for s in states.values()):
        return Refusal("sold_out", "One of them is sold out.")
    return {s: [Event("Stock Taken", {"n": 1})] for s in states}


@pytest.fixture
def stocked(shop: fairday.Shop) -> fairday.Shop:
    shop.runner.register(Stock())
    shop.runner.register_spanning(Spanning("stock.take_both", _both, _take_both))
    return shop


def test_a_stock_is_never_exceeded_and_everybody_gets_their_own_answer(stocked):
    futures = [stocked.runner.post(Command("take", "stock:a", {"n": 3})) for _ in range(4000)]
    futures.insert(500, bad := stocked.runner.post(Command("boom", "stock:a", {})))
    wait(futures)
    with pytest.raises(RuntimeError, match="boom"):
        bad.result()
    answers = [f.result() for f in futures if f is not bad]
    assert sum(a.ok for a in answers) == 3333
    assert {a.refusal.code for a in answers if not a.ok} == {"sold_out"}
    with stocked.db.read() as conn:
        log = stream_events(conn, "stock:a")
    assert [e.seq for e in log] == list(range(1, 3334))


def test_a_repeat_gets_the_first_answer(stocked):
    first = stocked.runner.submit(Command("take", "stock:a", {"n": 1}, actor="ann", key="k"))
    again = stocked.runner.submit(Command("take", "stock:a", {"n": 1}, actor="ann", key="k"))
    other = stocked.runner.submit(Command("take", "stock:a", {"n": 1}, actor="bob", key="k"))
    assert (first.at, next(iter(first.events))[2]["n"]) == (again.at, next(iter(again.events))[2]["n"])
    assert other.ok
    with pytest.raises(Conflict):
        stocked.runner.submit(Command("take", "stock:a", {"n": 2}, actor="ann", key="k"))
    with stocked.db.read() as conn:
        assert len(stream_events(conn, "stock:a")) == 2


def test_a_spanning_command_is_all_or_nothing(stocked):
    stocked.runner.submit(Command("take", "stock:b", {"n": 9_999}))
    both = Command("stock.take_both", "stock:a", {"streams": ["stock:b", "stock:a"]})
    assert stocked.runner.submit(both).ok
    refused = stocked.runner.submit(both)
    assert refused.refusal is not None
    with stocked.db.read() as conn:
        assert len(stream_events(conn, "stock:a")) == 1


def test_a_deadline_fires_once(stocked, clock):
    stocked.runner.submit(Command("take", "stock:a", {"n": 1, "due": clock.now() + 1000}))
    assert stocked.fire_due() == 0
    clock.move(1000)
    assert stocked.fire_due() == 1
    assert stocked.fire_due() == 0


def test_happenings_are_kept_once(stocked, clock):
    one = Happening(message_id="m1", kind="track", name="Product Viewed", at=1, received=2, source="test")
    assert stocked.append([one, one]).result() == 1
    assert stocked.append([one]).result() == 0
