from __future__ import annotations

import sqlite3
import threading
import time

import pytest
from sqlalchemy import Integer, Table, insert, select, text
from sqlalchemy.exc import OperationalError

import fairday
import stock
from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict, FairdayError, Unavailable
from fairday.storage.database import Database, Turns, col, metadata, passing
from fairday.storage.groupcommit import Again, GroupCommit, Lane

numbers = Table("test_numbers", metadata, col("n", Integer, primary_key=True, personal=False))


class Numbers(Lane):
    """Writes numbers; counts its batches; says Again of what it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.again: set[int] = set()
        self.raises: list[BaseException] = []

    def apply(self, conn, items):
        self.batches.append(list(items))
        if self.raises:
            raise self.raises.pop()
        written = [{"n": n} for n in items if n not in self.again]
        if written:
            conn.execute(insert(numbers), written)
        return [Again("told so") if n in self.again else n for n in items]


@pytest.fixture
def writer(db):
    made = GroupCommit(db)
    yield made
    made.close()


def _written(db: Database) -> list[int]:
    with db.read() as conn:
        return list(conn.execute(select(numbers.c.n).order_by(numbers.c.n)).scalars())


def _held(db: Database, writer: GroupCommit, lane: Lane, items: list[int]):
    """Queue items while the writer is held up, so that they are one batch."""
    gate = threading.Event()

    class Gate(Lane):
        def apply(self, conn, items):
            gate.wait()
            return items

    first = writer.submit(Gate(), 0)
    futures = writer.submit_many(lane, items)
    gate.set()
    first.result()
    return futures


def test_a_poisoned_batch_is_replayed_in_halves_and_only_the_guilty_fails(db, writer):
    lane = Numbers()
    writer.submit(lane, 500).result()
    futures = _held(db, writer, lane, list(range(1000)))
    with pytest.raises(Conflict) as told:
        futures[500].result()
    assert told.value.code == "constraint"
    assert [f.result() for i, f in enumerate(futures) if i != 500] == [n for n in range(1000) if n != 500]
    assert _written(db) == list(range(1000))
    assert len(lane.batches) < 25, "not one transaction an item"


def test_two_lanes_in_one_batch_and_the_guilty_lane_harms_only_itself(db, writer):
    good, bad = Numbers(), Numbers()
    bad.raises = [ValueError("mine")] * 9
    failed = writer.submit(bad, 1)
    assert [f.result() for f in writer.submit_many(good, [2, 3])] == [2, 3]
    with pytest.raises(ValueError, match="mine"):
        failed.result()


def test_an_item_that_must_wait_goes_first_next_time_and_not_for_ever(db, writer):
    writer.PATIENCE = 0.2
    lane = Numbers()
    lane.again = {3}
    futures = _held(db, writer, lane, [1, 2, 3, 4])
    with pytest.raises(Unavailable) as told:
        futures[2].result()
    assert told.value.code == "contended"
    assert [futures[i].result() for i in (0, 1, 3)] == [1, 2, 4]
    assert all(batch[0] == 3 for batch in lane.batches[1:])
    assert 3 < len(lane.batches) < 100, "tried again with pauses"


class Lost(Exception):
    sqlstate = "40P01"


def test_what_passes_is_tried_again_whole_and_in_order(db, writer):
    lane = Numbers()
    lane.raises = [OperationalError("", {}, Lost()), OperationalError("", {}, Lost())]
    assert [f.result() for f in _held(db, writer, lane, [1, 2, 3])] == [1, 2, 3]
    assert lane.batches == [[1, 2, 3]] * 3


def test_a_commit_of_unknown_outcome_is_never_repeated_blindly(shop, monkeypatch):
    """The connection is lost as COMMIT returns: done, but nobody was told."""
    stock.takes.create(shop.db.engine, checkfirst=True)
    stock.register(shop.runner)
    real = Database.write
    lose = [True]

    from contextlib import contextmanager

    @contextmanager
    def write(self):
        with real(self) as conn:
            yield conn
        if lose and lose.pop():
            raise OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))

    monkeypatch.setattr(Database, "write", write)
    with pytest.raises(Unavailable) as told:
        shop.runner.submit(Command("take", "stock:a", {"n": 1, "take": "a"}))
    assert told.value.code == "outcome_unknown"
    lose.append(True)
    assert shop.runner.submit(Command("take", "stock:a", {"n": 1, "take": "b"}, key="b")).ok
    with shop.db.read() as conn:
        assert stock.assert_agrees(conn)["stock:a"]["taken"] == 2


def test_a_closed_writer_and_a_full_queue_say_so(db):
    writer = GroupCommit(db)
    writer.MAX_QUEUE = 3
    with pytest.raises(Unavailable) as told:
        writer.submit_many(Numbers(), [1, 2, 3, 4])
    assert told.value.code == "queue_full"
    kept = writer.submit_many(Numbers(), [1, 2, 3])
    writer.close()
    assert [f.result() for f in kept] == [1, 2, 3]
    with pytest.raises(Unavailable) as told:
        writer.submit(Numbers(), 5)
    assert told.value.code == "closing"


def test_an_interrupt_in_the_writer_answers_its_caller_and_the_writer_lives(db, writer):
    lane = Numbers()
    lane.raises = [KeyboardInterrupt()]
    with pytest.raises(FairdayError) as told:
        writer.submit(lane, 1).result(5)
    assert told.value.code == "interrupted"
    assert writer.submit(lane, 2).result(5) == 2


def test_turns_are_taken_in_the_order_of_asking():
    turns, order, threads = Turns(), [], []
    with turns:
        for n in range(20):

            def take(n=n):
                with turns:
                    order.append(n)

            threads.append(threading.Thread(target=take))
            threads[-1].start()
            while len(turns._waiting) <= n:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == list(range(20))


def test_a_pool_connection_that_was_cut_is_replaced(postgres_server):
    url = postgres_server.database()
    with fairday.open(url) as shop:
        stock.takes.create(shop.db.engine, checkfirst=True)
        stock.register(shop.runner)
        assert shop.runner.submit(Command("take", "stock:a", {"n": 1})).ok
        with shop.db.write() as conn:
            conn.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                              " AND datname = current_database()"))  # fmt: skip
        assert shop.runner.submit(Command("take", "stock:a", {"n": 1})).ok


def test_which_errors_pass(db):
    with db.write() as conn:
        conn.execute(insert(numbers), {"n": 1})
    for statement in ("INSERT INTO test_numbers VALUES (1)", "INSERT INTO no_such_table VALUES (1)", "SELEC 1"):
        with pytest.raises(Exception) as told, db.write() as conn:
            conn.exec_driver_sql(statement)
        assert not passing(told.value)
    assert not passing(ValueError())


def test_a_locked_table_is_waited_for(postgres_server):
    """Another process holds the stream and then gives it back."""
    db = Database(postgres_server.database())
    db.create_all()
    writer, lane = GroupCommit(db), Numbers()
    with db.write() as conn:
        conn.execute(text("LOCK TABLE test_numbers IN EXCLUSIVE MODE"))
        future = writer.submit(lane, 1)
        time.sleep(0.1)
        assert not future.done()
    assert future.result(5) == 1
    writer.close()
    db.close()
