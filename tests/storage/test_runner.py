from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import wait

import pytest
from sqlalchemy import select

import fairday
import stock
from fairday.kernel.decider import Command, Event
from fairday.kernel.errors import Conflict, FairdayError
from fairday.storage.batch import stream_state
from fairday.storage.log import Happening, events, stream_events


@pytest.fixture
def stocked(shop: fairday.Shop) -> fairday.Shop:
    stock.takes.create(shop.db.engine, checkfirst=True)
    stock.register(shop.runner)
    return shop


def take(n=1, stream="stock:a", **given):
    extra = {k: given.pop(k) for k in ("take", "due") if k in given}
    return Command("take", stream, {"n": n, **extra}, **given)


def test_256_callers_never_exceed_a_stock_and_everybody_gets_their_own_answer_in_order(stocked):
    """Fair: answers follow the order of asking, so nobody is overtaken, and everyone is answered as often."""
    asked: list[int] = []
    answered: list[tuple[int, int]] = []  # (number, left after it)
    refused: list[int] = []

    async def caller(me: int) -> None:
        for _ in range(15):
            number = len(asked)
            asked.append(number)
            answer = await stocked.runner.send(take(3, take=f"t{number}"))
            if answer.ok:
                assert answer.events[0][2] == {"n": 3, "take": f"t{number}"}
                answered.append((number, answer.events[1][2]["left"]))
            else:
                refused.append(number)

    async def everybody() -> None:
        await asyncio.gather(*(caller(me) for me in range(256)))

    asyncio.run(everybody())
    assert len(answered) == 3333
    assert len(refused) == 256 * 15 - 3333
    assert [n for n, _ in answered] == list(range(3333)), "answered in the order of asking"
    assert [left for _, left in answered] == list(range(9997, -1, -3))
    with stocked.db.read() as conn:
        assert stock.assert_agrees(conn)["stock:a"]["left"] == 1


def test_256_threads_never_exceed_a_stock(stocked):
    answers = []

    def caller() -> None:
        answers.extend(stocked.runner.submit(take(10)).ok for _ in range(5))

    threads = [threading.Thread(target=caller) for _ in range(256)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(answers) == [False] * 280 + [True] * 1000


def test_nobody_is_answered_before_the_commit(stocked):
    """At the moment of each answer, on the thread that gives it, another connection sees the event."""
    seen: list[bool] = []

    def look(future, key):
        with stocked.db.read() as conn:
            found = conn.execute(select(stock.takes.c.take).where(stock.takes.c.take == key)).one_or_none()
        seen.append(found is not None)

    futures = []
    for n in range(150):
        future = stocked.runner.post(take(take=f"t{n}"))
        future.add_done_callback(lambda f, key=f"t{n}": look(f, key))
        futures.append(future)
    wait(futures)
    assert [f.result().ok for f in futures] == [True] * 150
    stocked.writer.close()  # callbacks have run
    assert len(seen) == 150
    assert all(seen)


@pytest.mark.parametrize(
    ("guilty", "error", "code"),
    [
        (Command("boom", "stock:a"), RuntimeError, None),
        (Command("note", "stock:a", {"text": "x" * 5000}), FairdayError, "state_too_large"),
        (Command("note", "stock:a", {"text": object()}), TypeError, None),
        (take(take="first"), Conflict, "constraint"),  # the ledger has this key: found only at the write
        (take(-1, take="minus"), FairdayError, "bad_transfer"),
        (Command("stock.take_each", "stock:a", {"streams": ["nothing:a"]}), FairdayError, "unknown_stream"),
        (Command("stock.take_each", "stock:a", {"streams": ["stock:a"], "boom": 1}), FairdayError, "not_located"),
        (Command("stock.take_each", "stock:a", {}), KeyError, None),
    ],
)
def test_a_failing_command_harms_only_itself(stocked, guilty, error, code):
    stocked.runner.submit(take(take="first"))
    futures = [stocked.runner.post(take(take=f"t{n}")) for n in range(100)]
    bad = stocked.runner.post(guilty)
    futures += [stocked.runner.post(take(take=f"t{n}")) for n in range(100, 200)]
    with pytest.raises(error) as told:
        bad.result()
    if code:
        assert told.value.code == code
    assert [f.result().events[1][2]["left"] for f in futures] == list(range(9998, 9798, -1))
    with stocked.db.read() as conn:
        assert stock.assert_agrees(conn)["stock:a"]["taken"] == 201


def test_commands_that_make_no_sense_are_refused_before_they_queue(stocked):
    for command, code in (
        (Command("take", "x" * 201), "bad_stream"),
        (Command("take", ""), "bad_stream"),
        (Command("take", "nothing:a"), "unknown_stream"),
        (take(actor="x" * 101), "bad_key"),
        (take(key="x" * 201), "bad_key"),
    ):
        with pytest.raises(FairdayError) as told:
            stocked.runner.post(command)
        assert told.value.code == code


def test_a_spanning_command_is_all_or_nothing(stocked):
    stocked.runner.submit(take(9_999, stream="stock:b"))
    both = Command("stock.take_each", "stock:a", {"streams": ["stock:b", "stock:a"]})
    futures = [stocked.runner.post(both) for _ in range(20)]
    assert [f.result().ok for f in futures] == [True] + [False] * 19
    with stocked.db.read() as conn:
        states = stock.assert_agrees(conn)
    assert (states["stock:a"]["taken"], states["stock:b"]["taken"]) == (1, 10_000)


def test_a_located_stream_that_moved_is_located_again(stocked):
    """The first stream's note says which the second is; it changes between commands of the same batch."""
    futures = []
    for n in range(30):
        futures.append(stocked.runner.post(Command("note", "stock:map", {"text": "b" if n % 2 else "c"})))
        futures.append(stocked.runner.post(Command("stock.follow", "stock:map")))
    assert all(f.result().ok for f in futures)
    with stocked.db.read() as conn:
        states = stock.assert_agrees(conn)
    # One that has to wait for the next batch may meet a later note, but never takes from where no note ever pointed.
    assert set(states) <= {"stock:map", "stock:b", "stock:c"}
    assert states.pop("stock:map")["taken"] == 30 == sum(s["taken"] for s in states.values())


def test_a_repeat_gets_the_first_answer_refusals_included(stocked):
    first = stocked.runner.submit(take(9_999, actor="ann", key="k"))
    refused = stocked.runner.submit(take(2, actor="ann", key="l"))
    other = stocked.runner.submit(take(1, actor="bob", key="k"))
    assert other.ok
    assert refused.refusal.detail == {"left": 1}
    assert stocked.runner.submit(take(9_999, actor="ann", key="k")) == first
    assert stocked.runner.submit(take(2, actor="ann", key="l")) == refused, "though the detail would differ now"
    with pytest.raises(Conflict) as told:
        stocked.runner.submit(take(2, actor="ann", key="k"))
    assert told.value.code == "key_reused"
    with stocked.db.read() as conn:
        assert [e.name for e in stream_events(conn, "stock:a")] == ["Stock Taken", "Stock Counted"] * 2


def test_a_repeat_after_a_restart_gets_the_first_answer(stocked, url, clock):
    first = stocked.runner.submit(take(take="k", actor="ann", key="k"))
    stocked.close()
    clock.move(86_400_000)
    with fairday.open(url, clock=clock) as reopened:
        stock.register(reopened.runner)
        assert reopened.runner.submit(take(take="k", actor="ann", key="k")) == first


def test_repeats_racing_in_one_batch_and_across_processes_act_once(stocked, url, clock):
    with fairday.open(url, clock=clock) as second:
        stock.register(second.runner)
        shops = [stocked, second]
        futures = [shops[n % 2].runner.post(take(take=f"k{n // 8}", actor="ann", key=f"k{n // 8}")) for n in range(400)]
        answers = [f.result() for f in futures]
    assert all(answers[n] == answers[n - n % 8] for n in range(400))
    with stocked.db.read() as conn:
        assert stock.assert_agrees(conn)["stock:a"]["taken"] == 50


def test_a_key_may_be_forgotten_after_thirty_days(stocked, clock):
    stocked.runner.submit(take(actor="ann", key="k"))
    assert stocked.forget_answers() == 0
    clock.move(31 * 86_400_000)
    assert stocked.forget_answers() == 1
    assert stocked.runner.submit(take(2, actor="ann", key="k")).ok


def test_now_is_never_before_the_streams_last_event_and_other_streams_keep_their_time(stocked, clock):
    clock.move(60_000)
    ahead = stocked.runner.submit(take()).at
    clock.move(-3_600_000)  # the clock was wrong, and is set right
    futures = [stocked.runner.post(take()), stocked.runner.post(take(stream="stock:b"))]
    assert [f.result().at for f in futures] == [ahead, clock.now()]


def test_happenings_are_kept_once(stocked):
    one = Happening(message_id="m1", kind="track", name="Product Viewed", at=1, received=2, source="test")
    assert stocked.append([one, one]).result() == 1
    assert stocked.append([one]).result() == 0


def test_two_processes_on_the_same_streams_lose_nothing(stocked, url, clock):
    """New streams created by both at once, spanning commands over them in opposite order, one shared projection."""
    with fairday.open(url, clock=clock) as second:
        stock.register(second.runner)
        futures = []
        for n in range(300):
            for who, shop in enumerate((stocked, second)):
                streams = [f"stock:{n % 7}", f"stock:{(n * 3 + 1) % 7}", f"stock:{n % 40}"]
                each = Command("stock.take_each", "stock:x", {"streams": streams[:: 1 - 2 * who]})
                futures.append(shop.runner.post(each))
                futures.append(shop.runner.post(take(stream=f"stock:{n}", take=f"{who}.{n}")))
        assert all(f.result().ok for f in futures)
    with stocked.db.read() as conn:
        states = stock.assert_agrees(conn)
        total = len([1 for (name,) in conn.execute(select(events.c.name)) if name == "Stock Taken"])
    assert sum(s["taken"] for s in states.values()) == total


def test_a_caller_that_gives_up_takes_nothing_back_and_breaks_nothing(stocked):
    async def impatient() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stocked.runner.send(take()), 0)
        task = asyncio.create_task(stocked.runner.send(take(2)))
        await asyncio.sleep(0)
        task.cancel()
        assert (await stocked.runner.send(take(3))).ok

    asyncio.run(impatient())
    with stocked.db.read() as conn:
        version, state = stream_state(conn, "stock:a")
    assert state["taken"] in (5, 6)
    assert version == (4 if state["taken"] == 5 else 6)


def test_evolve_is_the_only_source_of_state():
    rules = stock.Stock()
    before = rules.initial()
    after = rules.evolve(before, Event("Stock Taken", {"n": 1, "take": None}))
    assert (before["left"], after["left"]) == (10_000, 9_999)
