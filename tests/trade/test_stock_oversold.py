"""Never oversold: buyers at once, processes killed at any moment, reservations that end."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

import fairday
import parts
import trading
from fairday.goods.stock import stock_holds
from fairday.kernel.clock import ManualClock, SystemClock
from fairday.trade.records import Contact
from stocking import assert_levels_agree, assert_orders_agree, wanting

KILLS = 8
HOUR = 3_600_000


def test_256_buyers_at_once_of_100_units_get_exactly_100(shop: fairday.Shop) -> None:
    shop.stock.count("HOT", "main", 100)
    gate = threading.Barrier(256)

    def buyer(me: int) -> str:
        gate.wait()
        answer = shop.orders.place(f"order:{me}", wanting(("HOT", 1)), Contact(), (), actor=f"buyer {me}")
        return "sold" if answer.refusal is None else answer.refusal.code

    with ThreadPoolExecutor(256) as pool:
        answers = Counter(pool.map(buyer, range(256)))
    assert answers == {"sold": 100, "sold_out": 156}
    assert assert_levels_agree(shop) == {("HOT", "main"): [100, 100, 0]}


def test_256_buyers_in_four_processes_get_exactly_100(url: str) -> None:
    with fairday.open(url) as shop:
        shop.stock.count("HOT", "main", 100)
    with parts.nursery("buying.py") as process:
        assert process.stdin
        assert process.stdout
        for who in range(4):
            process.stdin.write(f"race {url} {who} 64\n")
        sold = [int(said[1:]) for said in (process.stdout.readline() for _ in range(8)) if said[0] == "="]
    assert sum(sold) == 100
    assert len(sold) == 4
    with fairday.open(url) as shop:
        assert assert_levels_agree(shop) == {("HOT", "main"): [100, 100, 0]}
        assert assert_orders_agree(shop, {"HOT": 100}) == {"placed": 100}


def test_processes_killed_lose_nothing_they_told_and_leak_no_reservation(
    url: str, capsys: pytest.CaptureFixture
) -> None:
    filled = {"HOT": 1_000_000, "COLD": 1_000_000}
    with fairday.open(url) as shop:
        for sku, units in filled.items():
            shop.stock.count(sku, "main", units)
    told: set[str] = set()
    flying = 0
    with parts.nursery("buying.py") as process:
        assert process.stdin
        assert process.stdout
        for life in range(KILLS):
            process.stdin.write(f"start {url} {life}\n")
            asked: set[str] = set()
            dice, child, answered = random.Random(life), 0, 0
            enough = dice.randrange(10, 200)
            for raw in process.stdout:
                mark, what = raw[0], raw[1:].strip()
                if mark == "@":
                    child = int(what)
                elif mark == "?":
                    asked.add(what)
                elif mark == "!":
                    asked.discard(what)
                    told.add(what)
                    answered += 1
                    if answered == enough:
                        threading.Timer(dice.random() * 0.01, os.kill, (child, signal.SIGKILL)).start()
                elif mark == "#":
                    break
            flying += bool(asked)
    assert flying > KILLS // 2
    clock = ManualClock(SystemClock().now())
    with fairday.open(url, clock=clock) as shop:
        before = assert_orders_agree(shop, filled)
        for what in told:
            name, order = what.split("|")
            state = shop.orders.state(order)
            assert state is not None, f"{order} was answered and is lost"
            if name == "order.ship":
                assert state["lines"]["0"]["shipped"] == 1
            if name == "order.cancel":
                assert state["life"] == "cancelled"
        clock.move(HOUR)
        while shop.fire_due():
            pass
        after = assert_orders_agree(shop, filled)
    assert after["placed"] == 0
    assert after["expired"] == before["placed"] > 0
    with capsys.disabled():
        print(f"\n{url.partition(':')[0][:10]}: {KILLS} kills, {len(told)} answers kept, {after['expired']} expired")


def test_a_reservation_that_ended_is_free_for_the_next_buyer(shop: fairday.Shop, clock: ManualClock) -> None:
    shop.stock.count("HOT", "main", 1)

    def buy(order: str) -> str:
        answer = shop.orders.place(order, wanting(("HOT", 1)), Contact(), (), actor="buyer")
        return "sold" if answer.refusal is None else answer.refusal.code

    assert [buy("order:1"), buy("order:2")] == ["sold", "sold_out"]
    clock.move(HOUR)
    assert shop.fire_due() == 1
    assert buy("order:3") == "sold"
    assert assert_orders_agree(shop, {"HOT": 1}) == {"expired": 1, "placed": 1}


def test_goods_paid_late_are_taken_again_or_the_money_goes_back(shop: fairday.Shop, clock: ManualClock) -> None:
    trading.register(shop)
    shop.stock.count("HOT", "main", 1)

    def placed_and_expired(order: str) -> None:
        assert shop.orders.place(order, wanting(("HOT", 1)), Contact(), (), actor="buyer").ok
        clock.move(HOUR)
        assert shop.fire_due() == 1
        assert assert_levels_agree(shop)["HOT", "main"] == [1, 0, 0]

    placed_and_expired("order:1")
    placed_and_expired("order:2")
    assert trading.pay(shop, "order:1", 1000, "till:1").ok
    assert trading.state(shop, "till:1")["back"] == 0
    assert trading.pay(shop, "order:2", 1000, "till:2").ok
    assert trading.state(shop, "till:2") == {"in": 1000, "back": 1000, "refused": "sold_out", "currency": "CNY"}
    assert assert_levels_agree(shop)["HOT", "main"] == [1, 1, 0]
    assert assert_orders_agree(shop, {"HOT": 1}) == {"paid": 1, "expired": 1}


def test_an_order_of_several_goods_is_promised_whole_or_not_at_all(shop: fairday.Shop) -> None:
    shop.stock.count("HOT", "main", 5)
    shop.stock.count("COLD", "main", 1)
    answer = shop.orders.place("order:1", wanting(("HOT", 2), ("COLD", 2)), Contact(), (), actor="buyer")
    assert answer.refusal is not None
    assert answer.refusal.detail == {"sku": "COLD", "place": "main", "left": 1}
    assert assert_levels_agree(shop) == {("HOT", "main"): [5, 0, 0], ("COLD", "main"): [1, 0, 0]}


def test_a_line_from_two_places_is_sent_given_up_and_sent_back(shop: fairday.Shop) -> None:
    shop.stock.count("HOT", "main", 2)
    shop.stock.count("HOT", "xuhui", 5)
    (hold,) = stock_holds([("0", "HOT", "main", 2), ("0", "HOT", "xuhui", 2)])
    placing = wanting(("HOT", 4), unit=0) | {"holds": [[hold.claim, hold.stream, dict(hold.data)]]}
    assert shop.orders.place("order:1", placing, Contact(), (), actor="buyer").ok
    assert assert_levels_agree(shop) == {("HOT", "main"): [2, 2, 0], ("HOT", "xuhui"): [5, 2, 0]}
    assert shop.orders.act("order.ship", "order:1", {"units": {"0": 3}}, actor="clerk").ok
    assert assert_levels_agree(shop) == {("HOT", "main"): [0, 0, 0], ("HOT", "xuhui"): [4, 1, 0]}
    back = {"units": {"0": 1}, "unshipped": {"0": 1}}
    assert shop.orders.act("order.refund", "order:1", back, actor="clerk").ok
    assert assert_levels_agree(shop) == {("HOT", "main"): [1, 0, 0], ("HOT", "xuhui"): [4, 0, 0]}
