"""A process killed while it gives back what a missed design was paid: the next one goes on, and none goes twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from typing import Any

import fairday
import parts
from crowding import bought, held, opened, put_up
from fairday.kernel.clock import DAY_MS
from fairday.storage import deadlines

ORDERS = 12
KILLS = int(os.environ.get("FAIRDAY_KILLS", "2"))


def live_and_die(process: subprocess.Popen[str], url: str, life: int) -> None:
    """One process gives back for a while and is killed in the middle of it."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(url + "\n")
    dice, child, told = random.Random(life), 0, 0
    for raw in process.stdout:
        if raw[0] == "@":
            child = int(raw[1:])
        elif raw[0] == "!":
            told += 1
            if told == 1:
                threading.Timer(dice.random() * 0.03, os.kill, (child, signal.SIGKILL)).start()
        elif raw[0] == "#":
            return


def test_a_process_killed_while_it_gives_back_leaves_the_rest_and_gives_nothing_twice(url: str, clock: Any) -> None:
    with fairday.open(url, clock=clock) as shop:
        opened(shop)
        put_up(shop, goal=ORDERS + 1, most=ORDERS + 1)
        orders = [bought(shop) for _ in range(ORDERS)]
        clock.at += 10 * DAY_MS
        # The decision alone, as a process leaves it that dies right after.
        assert deadlines.fire_due(shop.db, shop.runner, clock.now(), lambda stream, error: None) == 1
        assert held(shop, "held:design:crane1") == ORDERS * 8_800
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, str(parts.ROOT / "tests" / "giving.py")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, bufsize=1,
    )  # fmt: skip
    try:
        for life in range(KILLS):
            live_and_die(process, url, life)
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait(20)
    with fairday.open(url, clock=clock) as shop:
        left = held(shop, "held:design:crane1") // 8_800
        assert left < ORDERS, "something was given back before the kill"
        while shop.designs.settle():
            pass
        for order in orders:
            state = shop.orders.state(order)
            assert state is not None
            assert (state["life"], state["refunded"]) == ("cancelled", 8_800)
            payment = shop.payments.state(state["payments"][0]["payment"].partition(":")[2])
            assert payment is not None
            assert [r["amount"] for r in payment["refunds"].values()] == [8_800]
        assert held(shop, "held:design:crane1") == 0
