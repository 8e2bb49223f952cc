from __future__ import annotations

import random
import threading
import time

import pytest
from sqlalchemy import BigInteger, Integer, Table, func, insert, select, text
from sqlalchemy.exc import OperationalError

import fairday
from fairday.kernel.errors import FairdayError
from fairday.storage.database import Database, col, metadata
from fairday.storage.followers import Followers, skipped
from fairday.storage.log import Happening, append_happenings, happenings

copied = Table(
    "test_copied",
    metadata,
    col("n", Integer, primary_key=True, autoincrement=True, personal=False),
    col("pos", BigInteger, nullable=False, personal=False),
)
counted = Table(
    "test_counted",
    metadata,
    col("pos", BigInteger, primary_key=True, personal=False),
    col("seen", Integer, nullable=False, personal=False),
)


class Copy:
    """Writes the position of each row it is given; cannot take rows named "bad"."""

    name, source, after, tables = "copy", "happenings", (), (copied,)

    def __init__(self) -> None:
        self.slices: list[int] = []
        self.raises: list[Exception] = []

    def handle(self, conn, rows, now):
        self.slices.append(len(rows))
        if self.raises:
            raise self.raises.pop()
        conn.execute(insert(copied), [{"pos": r.pos} for r in rows])
        if any(r.name == "bad" for r in rows):
            raise ValueError("a bad row")


class Count:
    """Comes after Copy and needs what it has written."""

    name, source, after, tables = "count", "happenings", ("copy",), (counted,)

    def handle(self, conn, rows, now):
        for row in rows:
            seen = conn.execute(select(func.count()).where(copied.c.pos == row.pos)).scalar_one()
            conn.execute(insert(counted), {"pos": row.pos, "seen": seen})


def happening(n: int, name: str = "Product Viewed") -> Happening:
    return Happening(message_id=f"m{n}", kind="track", name=name, at=n, received=n, source="test")


@pytest.fixture
def followed(db, clock):
    found = Followers(db, clock)
    found.register(Copy())
    found.register(Count())
    return found


def _positions(db, table=copied) -> list[int]:
    with db.read() as conn:
        return list(conn.execute(select(table.c.pos).order_by(table.c.pos)).scalars())


def _append(db, rows):
    with db.write() as conn:
        append_happenings(conn, rows)


def test_four_writers_committing_out_of_order_lose_nothing_and_double_nothing(db, clock, capsys):
    """Each takes its positions early and commits late. Beside it a naive reader of ``pos > cursor``."""
    writers, rounds, each = 4, 60, 5
    followers = Followers(db, clock)
    followers.register(Copy())
    done = threading.Event()

    def write(me: int) -> None:
        wait = random.Random(me)
        for n in range(rounds):
            with db.write() as conn:
                append_happenings(conn, [happening((me * rounds + n) * each + i) for i in range(each)])
                time.sleep(wait.random() * 0.008)

    naive: list[int] = []

    def read_naively() -> None:
        while True:
            last = done.is_set()
            with db.read() as conn:
                at = naive[-1] if naive else 0
                naive.extend(
                    conn.execute(select(happenings.c.pos).where(happenings.c.pos > at).order_by("pos")).scalars()
                )
            if last:
                return
            time.sleep(0.002)

    def follow() -> None:
        while True:
            last = done.is_set()
            while followers.step("copy", 7):
                pass
            if last:
                return
            time.sleep(0.002)

    threads = [threading.Thread(target=write, args=(me,)) for me in range(writers)]
    readers = [threading.Thread(target=t) for t in (read_naively, follow, follow)]
    for thread in threads + readers:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    total = writers * rounds * each
    with db.read() as conn:
        there = list(conn.execute(select(happenings.c.pos).order_by(happenings.c.pos)).scalars())
    assert len(there) == total
    assert _positions(db) == there
    with capsys.disabled():
        print(f"\n{db.dialect}: {total} rows by {writers} writers; a naive reader saw {len(naive)}")
    if not db.is_sqlite:
        assert len(naive) < total, "what the horizon is for"


def test_a_follower_dropped_and_rebuilt_gives_the_same_tables(db, followed):
    _append(db, [happening(n) for n in range(1200)])
    followed.catch_up()
    before = _positions(db)
    assert before == _positions(db, counted)
    followed.rebuild("copy")
    assert _positions(db) == before
    assert [(lag.rows, lag.skipped) for lag in followed.lag()] == [(0, 0)] * 2


def test_a_follower_never_overtakes_the_one_it_comes_after(db, followed):
    _append(db, [happening(n) for n in range(100)])
    assert followed.step("count") == 0
    assert followed.step("copy", 30) == 30
    assert followed.step("count", 20) == 20
    assert followed.step("count", 20) == 10
    assert followed.step("count", 20) == 0
    followed.catch_up()
    with db.read() as conn:
        assert conn.execute(select(func.count(), func.min(counted.c.seen))).one() == (100, 1)


def test_rows_that_cannot_be_taken_are_kept_aside_and_the_others_taken(db, followed):
    bad = {17, 18, 400}
    _append(db, [happening(n, "bad" if n in bad else "good") for n in range(500)])
    followed.catch_up("copy")
    assert len(_positions(db)) == 497
    with db.read() as conn:
        kept = conn.execute(select(skipped.c.pos, skipped.c.error)).all()
        names = (
            conn.execute(select(happenings.c.name).where(happenings.c.pos.in_([p for p, _ in kept]))).scalars().all()
        )
    assert names == ["bad"] * 3
    assert all("ValueError: a bad row" in error for _, error in kept)
    assert followed.lag()[0].skipped == 3
    assert len(followed.get("copy").slices) < 60, "found by halving"


@pytest.mark.parametrize(
    "error", [OperationalError("", {}, Exception("no such table")), MemoryError(), OSError(28, "full")]
)
def test_what_is_no_rows_fault_leaves_no_row_out(db, followed, error):
    _append(db, [happening(n) for n in range(10)])
    followed.get("copy").raises = [error]
    with pytest.raises(type(error)):
        followed.step("copy")
    assert _positions(db) == []
    assert followed.step("copy") == 10
    assert followed.lag()[0].skipped == 0


def test_the_lag_says_how_many_rows_and_how_old(db, followed, clock):
    _append(db, [happening(clock.now() - 5000), happening(clock.now() - 1000)])
    first = followed.lag()[0]
    assert (first.name, first.rows, first.ms) == ("copy", 2, 5000)
    followed.step("copy", 1)
    assert (followed.lag()[0].rows, followed.lag()[0].ms) == (1, 1000)


def test_two_processes_share_a_follower(url, db, clock):
    second = Database(url)
    _append(db, [happening(n) for n in range(600)])
    threads = []
    for database in (db, second):
        followers = Followers(database, clock)
        followers.register(Copy())
        threads.append(threading.Thread(target=followers.catch_up, args=("copy",), kwargs={"limit": 20}))
        threads[-1].start()
    for thread in threads:
        thread.join()
    second.close()
    assert len(_positions(db)) == len(set(_positions(db))) == 600


def test_the_background_follows_what_is_appended(shop, db):
    shop.followers.register(Copy())
    shop.start()
    shop.append([happening(1)]).result()
    for _ in range(100):
        if _positions(db):
            return
        time.sleep(0.02)
    raise AssertionError("not followed")


def test_unknown_followers_and_mixed_sources_are_refused(shop: fairday.Shop):
    with pytest.raises(FairdayError, match="There is no follower"):
        shop.followers.get("nobody")
    shop.followers.register(Copy())
    mixed = Count()
    mixed.source = "events"
    with pytest.raises(FairdayError, match="different tables"):
        shop.followers.register(mixed)


def test_a_transaction_that_stays_open_holds_the_horizon_on_postgresql(db, clock):
    followers = Followers(db, clock)
    followers.register(Copy())
    if db.is_sqlite:
        _append(db, [happening(1)])
        assert followers.step("copy") == 1
        return
    with db.engine.connect() as early:
        early.execute(text("SELECT pg_current_xact_id()"))
        _append(db, [happening(1)])
        assert followers.step("copy") == 0
    assert followers.step("copy") == 1
