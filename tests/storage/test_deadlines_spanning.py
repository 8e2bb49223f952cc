from __future__ import annotations

import pytest

import fairday
import stock
from fairday.kernel.decider import Command, Event, Located, Spanning
from fairday.storage.batch import stream_state


@pytest.fixture
def stocked(shop: fairday.Shop) -> fairday.Shop:
    stock.takes.create(shop.db.engine, checkfirst=True)
    stock.register(shop.runner)
    return shop


def state(shop, stream):
    with shop.db.read() as conn:
        found = stream_state(conn, stream)
    return None if found is None else found[1]


def both(command, peek):
    return Located((command.stream, "stock:other"))


def rest(states, command, now):
    taken = [Event("Stock Taken", {"n": 1, "take": None})]
    return {command.stream: [Event("Stock Rested", {"at": now})], "stock:other": taken}


def test_a_deadline_of_a_kind_with_a_spanning_command_is_decided_over_all_it_locates(stocked, clock):
    stocked.runner.register_spanning(Spanning("stock.deadline", both, rest))
    assert stocked.runner.submit(Command("take", "stock:a", {"n": 1, "due": clock.now() + 1000})).ok
    assert stocked.fire_due() == 0
    clock.move(1000)
    assert stocked.fire_due() == 1
    assert (state(stocked, "stock:a")["fired"], state(stocked, "stock:other")["taken"]) == (1, 1)
    assert stocked.fire_due() == 0
    moved = stocked.runner.submit(Command("deadline", "stock:a", {"at": 5}))
    assert moved.refusal.code == "deadline_moved"
    assert state(stocked, "stock:other")["taken"] == 1


def test_one_that_leaves_its_own_deadline_standing_changes_nothing_anywhere(stocked, clock):
    def only_other(states, command, now):
        return {"stock:other": [Event("Stock Taken", {"n": 1, "take": None})]}

    stocked.runner.register_spanning(Spanning("stock.deadline", both, only_other))
    stocked.runner.submit(Command("take", "stock:a", {"n": 1, "due": clock.now() + 1000}))
    clock.move(1000)
    assert stocked.fire_due() == 0
    assert state(stocked, "stock:other") is None
    assert state(stocked, "stock:a")["fired"] == 0
