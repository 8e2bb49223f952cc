from __future__ import annotations

import threading

import pytest
from sqlalchemy import select, update

import fairday
import stock
from fairday.kernel.decider import Command
from fairday.storage.batch import stream_state
from fairday.storage.deadlines import deadlines


@pytest.fixture
def stocked(shop: fairday.Shop) -> fairday.Shop:
    stock.takes.create(shop.db.engine, checkfirst=True)
    stock.register(shop.runner)
    return shop


def hold(stocked, clock, stream="stock:a", ms=1000):
    assert stocked.runner.submit(Command("take", stream, {"n": 1, "due": clock.now() + ms})).ok


def fired(shop, stream="stock:a") -> int:
    with shop.db.read() as conn:
        return stream_state(conn, stream)[1]["fired"]


def test_a_deadline_fires_once(stocked, clock):
    hold(stocked, clock)
    assert stocked.fire_due() == 0
    clock.move(1000)
    assert stocked.fire_due() == 1
    assert stocked.fire_due() == 0
    assert fired(stocked) == 1


def test_a_deadline_survives_restarts_and_clock_jumps(stocked, url, clock):
    hold(stocked, clock, ms=60_000)
    clock.move(-86_400_000)  # the clock jumps back a day: it waits for its instant, and is not lost
    assert stocked.fire_due() == 0
    stocked.close()
    with fairday.open(url, clock=clock) as reopened:
        stock.register(reopened.runner)
        assert reopened.fire_due() == 0
        clock.move(10 * 86_400_000)  # forward over it
        assert reopened.fire_due() == 1
        clock.move(-20 * 86_400_000)  # and back: it has fired
        assert reopened.fire_due() == 0
        hold(reopened, clock, ms=30 * 86_400_000)
        clock.move(20 * 86_400_000 + 1000)
        assert reopened.fire_due() == 0
        clock.move(10 * 86_400_000)
        assert reopened.fire_due() == 1
        assert fired(reopened) == 2


def test_the_background_worker_fires_after_a_jump(stocked, clock):
    hold(stocked, clock, ms=3_600_000)
    stocked.start()
    clock.move(3_600_000)
    for _ in range(100):
        if fired(stocked):
            return
        threading.Event().wait(0.05)
    raise AssertionError("the deadline never fired")


def test_several_processes_fire_a_deadline_once(stocked, url, clock):
    for n in range(200):
        stocked.runner.post(Command("take", f"stock:{n}", {"n": 1, "due": clock.now() + 5}))
    hold(stocked, clock, ms=5)
    clock.move(10)
    shops = [stocked, *(fairday.open(url, clock=clock) for _ in range(3))]
    counts: list[int] = []
    for shop in shops[1:]:
        stock.register(shop.runner)
    threads = [threading.Thread(target=lambda s=s: counts.append(s.fire_due())) for s in shops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for shop in shops[1:]:
        shop.close()
    assert sum(counts) == 201
    with stocked.db.read() as conn:
        assert {s["fired"] for s in stock.assert_agrees(conn).values()} == {1}


def test_a_deadline_that_fails_again_and_again_steps_aside(stocked, clock):
    """More failing ones than are looked at in one round, all longer overdue than the one that works."""
    for n in range(1100):
        stocked.runner.post(Command("take", f"stock:{n}.stuck", {"n": 1, "due": clock.now() + n % 7}))
    hold(stocked, clock)
    clock.move(1000)
    assert stocked.fire_due() == 0
    assert stocked.fire_due() == 1
    assert stocked.fire_due() == 0
    with stocked.db.read() as conn:
        waits = set(conn.execute(select(deadlines.c.tries, deadlines.c.next_try - clock.now())).all())
    assert waits == {(1, 1000)}
    clock.move(1000)
    stocked.fire_due()
    stocked.fire_due()
    with stocked.db.read() as conn:
        assert set(conn.execute(select(deadlines.c.tries, deadlines.c.next_try - clock.now())).all()) == {(2, 2000)}


def test_a_deadline_the_table_remembers_wrongly_is_set_right(stocked, clock):
    hold(stocked, clock)
    with stocked.db.write() as conn:
        conn.execute(update(deadlines).values(at=clock.now() - 5, next_try=clock.now() - 5))
    assert stocked.fire_due() == 0
    with stocked.db.read() as conn:
        assert conn.execute(select(deadlines.c.at, deadlines.c.next_try)).one() == (clock.now() + 1000,) * 2
    clock.move(1000)
    assert stocked.fire_due() == 1
