"""A process killed fifty times while it writes: what was acknowledged is there, and nothing is half there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import wait

import pytest

import parts
import stock
from fairday.kernel.clock import SystemClock
from fairday.kernel.decider import Command
from fairday.storage.database import Database
from fairday.storage.deadlines import fire_due
from fairday.storage.groupcommit import GroupCommit
from fairday.storage.log import events
from fairday.storage.runner import Runner

KILLS = 50


def _check(db: Database, acknowledged: set[str]) -> dict[str, dict]:
    with db.read() as conn:
        states = stock.assert_agrees(conn)
        there = set(conn.execute(stock.takes.select().with_only_columns(stock.takes.c.take)).scalars())
        untaken = [s for (s,) in conn.execute(events.select().with_only_columns(events.c.stream).where(
            events.c.name == "Stock Taken", events.c.data.like('%"take":null%')))]  # fmt: skip
    lost = {key for key in acknowledged if int(key.split(".")[1]) % 8 != 1} - there
    assert not lost, f"acknowledged and lost: {sorted(lost)[:5]}"
    first = untaken.count("stock:0")
    assert first * 2 == len(untaken), "half of a spanning command"
    assert first >= sum(int(key.split(".")[1]) % 8 == 1 for key in acknowledged)
    return states


def test_a_process_killed_fifty_times_loses_nothing_it_acknowledged(db, url, capsys):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    nursery = subprocess.Popen(
        [sys.executable, str(parts.ROOT / "tests" / "crashing.py")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, bufsize=1,
    )  # fmt: skip
    assert nursery.stdin
    assert nursery.stdout
    acknowledged: set[str] = set()
    in_flight: list[int] = []
    try:
        for life in range(KILLS):
            nursery.stdin.write(f"start {url} {life}\n")
            asked: set[str] = set()
            child, enough = 0, random.Random(life).randrange(20, 250)
            answered = 0
            for raw in nursery.stdout:
                mark, line = raw[0], raw[1:].strip()
                if mark == "@":
                    child = int(line)
                elif mark == "?":
                    asked.add(line)
                elif mark == "!":
                    asked.discard(line)
                    acknowledged.add(line)
                    answered += 1
                    if answered == enough:
                        # Some way into the next batch, wherever that may be: reading, writing, syncing.
                        threading.Timer(random.Random(life).random() * 0.01, os.kill, (child, signal.SIGKILL)).start()
                elif mark == "#":
                    break
            in_flight.append(len(asked))
            if life % 10 == 0:
                _check(db, acknowledged)
    finally:
        nursery.stdin.close()
        nursery.wait(10)
    clock = SystemClock()
    writer = GroupCommit(db)
    runner = Runner(writer, clock)
    stock.register(runner)
    time.sleep(0.03)
    while fire_due(db, runner, clock.now(), lambda stream, error: None):
        pass
    writer.close()
    states = _check(db, acknowledged)
    fired = [s["fired"] for name, s in states.items() if name.count(".") == 2]
    flying = sum(n > 0 for n in in_flight)
    with capsys.disabled():
        print(
            f"\n{db.dialect}: {KILLS} kills, {flying} with commands in flight ({sum(in_flight) / KILLS:.0f} on average)"
        )
        print(f"{len(acknowledged)} acknowledged, {len(fired)} deadlines")
    assert set(fired) == {1}, "every deadline fires once"
    assert flying >= 40
    assert len(in_flight) == KILLS


@pytest.fixture
def own_server():
    """A server of this test's own: nobody else should meet its crashes."""
    if parts.postgres_bin() is None:
        parts.missing("PostgreSQL's server", "On Debian or Ubuntu: apt-get install postgresql")
    server = parts.Postgres()
    yield server
    server.stop()


def test_the_server_itself_may_crash_and_come_back(own_server):
    """Callers with a key wait while it is away, and are answered once."""
    db = Database(own_server.database())
    db.create_all()
    writer = GroupCommit(db)
    writer.PATIENCE = 120.0  # a laden machine takes its time to start a server
    runner = Runner(writer, SystemClock())
    stock.register(runner)
    futures = []
    stop = threading.Event()

    def caller(me: int) -> None:
        n = 0
        while not stop.is_set():
            key = f"{me}.{n}"
            n += 1
            future = runner.post(Command("take", f"stock:{me % 3}", {"n": 1, "take": key}, actor="crash", key=key))
            futures.append(future)
            wait([future])

    threads = [threading.Thread(target=caller, args=(me,)) for me in range(64)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(0.3)
        own_server.restart("immediate")
    time.sleep(0.3)
    stop.set()
    for thread in threads:
        thread.join()
    assert all(future.result().ok for future in futures)
    with db.read() as conn:
        states = stock.assert_agrees(conn)
    assert sum(s["taken"] for s in states.values()) == len(futures)
    writer.close()
    db.close()
