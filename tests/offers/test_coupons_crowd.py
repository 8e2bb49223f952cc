"""256 at once, and a process that is killed: never more than there are, nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import fairday
import parts
from couponing import open_batch, terms
from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict
from fairday.storage.log import events
from fairday.storage.runner import stream_state

CROWD, THERE = 256, 100


def crowd(calls) -> list[str]:
    """What each call gave: "ok", or the code it was refused with."""
    ready = threading.Barrier(len(calls))

    def one(call) -> str:
        ready.wait(30)
        try:
            call()
        except Conflict as error:
            return error.code
        return "ok"

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


@pytest.fixture
def people(shop) -> list[str]:
    streams = [f"account:p{n}" for n in range(CROWD)]
    assert all(a.ok for a in shop.runner.gather([Command("open", stream) for stream in streams]))
    return streams


def claims(shop) -> list[tuple[str, str]]:
    with shop.db.read() as conn:
        return [tuple(r) for r in conn.exec_driver_sql("SELECT claim, account FROM coupon_claims")]


def test_256_who_want_one_of_100_get_100(shop, clock, people):
    open_batch(shop, "rush", terms(clock.now(), size=THERE))
    got = crowd([lambda p=p: shop.coupons.give("rush", p) for p in people])
    assert got.count("ok") == THERE
    assert got.count("all_given") == CROWD - THERE
    assert len({a for _, a in claims(shop)}) == THERE
    assert shop.coupons.batch("rush").given == THERE


def test_256_with_one_code_and_one_with_256_tabs(shop, clock, people):
    open_batch(shop, "codes", terms(clock.now(), kind="codes", size=10))
    code = shop.coupons.print_codes("codes", 1)[0]
    got = crowd([lambda p=p: shop.coupons.enter(code, p) for p in people])
    assert (got.count("ok"), got.count("code_used")) == (1, CROWD - 1)
    open_batch(shop, "rush", terms(clock.now(), size=THERE, per_person=3))
    got = crowd([lambda: shop.coupons.give("rush", people[0]) for _ in range(CROWD)])
    assert (got.count("ok"), got.count("already_claimed")) == (3, CROWD - 3)


def test_256_friends_empty_a_pack_of_ten_exactly(shop, clock, people):
    deck = (("twenty-off", 1), ("ten-off", 3), ("five-off", 6))
    open_batch(shop, "pack", terms(clock.now(), kind="share", deck=deck, size=1))
    opened = crowd([lambda n=n: shop.coupons.share("pack", people[0], f"order:{n}") for n in range(8)])
    assert opened.count("ok") == 1
    with shop.db.read() as conn:
        pack = conn.exec_driver_sql("SELECT pack FROM coupon_packs").scalar_one()
    got = crowd([lambda p=p: shop.coupons.draw(pack, p) for p in people])
    assert (got.count("ok"), got.count("pack_empty")) == (10, CROWD - 10)
    with shop.db.read() as conn:
        rules = conn.exec_driver_sql("SELECT rule, COUNT(*) FROM coupon_claims GROUP BY rule").fetchall()
    assert {r: n for r, n in rules} == dict(deck)


def test_two_processes_share_one_count(shop, clock, people, url):
    open_batch(shop, "rush", terms(clock.now(), size=THERE))
    with fairday.open(url, clock=clock) as other:
        calls = [lambda p=p, s=(shop, other)[n % 2]: s.coupons.give("rush", p) for n, p in enumerate(people)]
        got = crowd(calls)
    assert got.count("ok") == THERE
    assert len(claims(shop)) == THERE


def test_a_process_killed_while_coupons_are_claimed_loses_nothing_it_acknowledged(shop, clock, url):
    open_batch(shop, "rush", terms(0, size=400, closes=2**50, until=2**51))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    acknowledged: set[str] = set()
    for life in range(4):
        child = subprocess.Popen(
            [sys.executable, str(parts.ROOT / "tests" / "claiming.py"), url, str(life)],
            stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        assert child.stdout
        enough = random.Random(life).randrange(20, 90)
        for n, line in enumerate(child.stdout):
            acknowledged.add(line.strip())
            if n == enough:
                os.kill(child.pid, signal.SIGKILL)
        child.wait()
    there = {a for _, a in claims(shop)}
    assert len(acknowledged) >= 80
    assert acknowledged <= there
    given = shop.coupons.batch("rush").given
    assert given == len(there) <= 400
    with shop.db.read() as conn:
        claimed = conn.execute(events.select().where(events.c.name == "Coupon Claimed")).all()
        assert len(claimed) == given
        for event in claimed:
            found = stream_state(conn, event.stream)
            assert found
            assert found[1]["status"] == "claimed"
