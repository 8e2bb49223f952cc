"""Orders paid through the sandbox: paid, refunded, paid twice, paid too late; several processes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import fairday
from fairday.kernel.clock import ManualClock
from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict, NotFound
from fairday.storage import ledger
from fairday.storage.runner import stream_state
from fairday.trade import order as rules
from fairday.trade.payment.model import stream_of
from fairday.trade.payment.sandbox.wechat import sign_notice
from paying import begin, do, ready, served
from trading import Shelf, ShelfClaim, fill, line, place
from webdesk import Client

O = "order:1"  # noqa: E741


@pytest.fixture
def base(shop: fairday.Shop) -> Iterator[str]:
    sell(shop)
    fill(shop, "mug", 2)
    with served(shop) as address:
        yield address


def sell(shop: fairday.Shop) -> fairday.Shop:
    ready(shop)
    shop.runner.register(Shelf())
    shop.orders.register_claim(ShelfClaim())
    return shop


def status(shop: fairday.Shop, order: str = O) -> str:
    found = shop.orders.state(order)
    assert found is not None
    return rules.status(found)


def balances(shop: fairday.Shop, *accounts: str) -> list[int]:
    with shop.db.read() as conn:
        return [ledger.balance(conn, account, "CNY") for account in accounts]


def work(shop: fairday.Shop, clock: ManualClock) -> None:
    """Let refunds go out and come through."""
    for _ in range(2):
        shop.payments.tick()
        clock.move(20_000)
    shop.payments.tick()


def test_an_order_is_paid_and_what_it_gives_back_goes_back_through_its_payment(
    base: str, shop: fairday.Shop, clock: ManualClock
) -> None:
    assert place(shop, O, line("1", "mug", 2, 1000), shipping=800).ok
    number = begin(shop, pays=O, amount=2800).number
    do(base, shop, number, "double")
    assert status(shop) == "paid"
    assert balances(shop, O, "receivable:wechat", "sales", "sales:shipping") == [0, -2800, 2000, 800]
    assert shop.orders.act("order.ship", O, actor="clerk").ok
    assert shop.orders.act("order.refund", O, {"units": {"1": 1}}, actor="clerk").ok
    work(shop, clock)
    assert balances(shop, O, "receivable:wechat", "sales") == [0, -1800, 1000]
    trade = shop.payments.sandbox.find("wechat", number)
    assert trade is not None
    assert [r["amount"] for r in trade["refunds"].values()] == [1000]


def test_an_order_paid_twice_keeps_the_first_payment_and_sends_the_second_back(
    base: str, shop: fairday.Shop, clock: ManualClock
) -> None:
    place(shop, O, line("1", "mug", 1, 1000))
    first, second = (begin(shop, pays=O, amount=1000, channel=c).number for c in ("h5", "native"))
    do(base, shop, second, "pay")
    do(base, shop, first, "pay")
    work(shop, clock)
    assert status(shop) == "paid"
    assert balances(shop, O, "receivable:wechat", "sales") == [0, -1000, 1000]
    states = [shop.payments.state(n) for n in (first, second)]
    assert [s["for"] for s in states if s] == ["refund", "order"]


def test_money_after_the_order_expired_still_gets_its_goods_or_goes_back(
    base: str, shop: fairday.Shop, clock: ManualClock
) -> None:
    place(shop, O, line("1", "mug", 1, 1000))
    place(shop, "order:2", line("1", "mug", 1, 1000))
    numbers = [begin(shop, pays=o, amount=1000).number for o in (O, "order:2")]
    for number in numbers:  # paid in the last moment, and nobody is told
        do(base, shop, number, "lose")
    clock.move(30 * 60_000)
    shop.fire_due()
    assert [status(shop), status(shop, "order:2")] == ["expired", "expired"]
    place(shop, "order:3", line("1", "mug", 1, 1000))
    work(shop, clock)
    stand = [status(shop), status(shop, "order:2")]
    assert sorted(stand) == ["expired", "paid"], "one mug was left: one is retaken, the other's money goes back"
    assert balances(shop, "receivable:wechat", "sales") == [-1000, 1000]


def test_the_same_notice_at_several_processes_at_once_counts_once(url: str, clock: ManualClock) -> None:
    with fairday.open(url, clock=clock) as one, fairday.open(url, clock=clock) as two:
        sell(one), sell(two)
        fill(one, "mug", 2)
        place(one, O, line("1", "mug", 2, 1000))
        with served(one):
            two.settings = one.settings
            number = begin(one, pays=O, amount=2000).number
            trade = one.payments.sandbox.find("wechat", number)
        assert trade is not None
        told = one.payments.wechat_side.told(trade | {"state": "paid", "trade": "42", "paid_at": clock.now()})
        notice: dict[str, Any] = {"id": "n", "kind": "payment", "created": 0, "signed_as": "", "told": told}

        def tell(n: int) -> bool:
            headers, body = sign_notice(one.payments.sandbox.keys, notice, clock.now())
            low = {k.lower(): v for k, v in headers.items()}
            return asyncio.run((one, two)[n % 2].payments.receive("wechat", low, body)).ok

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(tell, range(24)))
        assert status(one) == "paid"
        assert balances(one, "receivable:wechat", "sales") == [-2000, 2000]
        with one.db.read() as conn:
            found = stream_state(conn, stream_of(number))
        assert found is not None
        assert found[0] == 3, "requested, pending, succeeded"


def test_money_of_an_order_goes_back_through_it_and_never_past_it(
    base: str, shop: fairday.Shop, clock: ManualClock
) -> None:
    place(shop, O, line("1", "mug", 2, 1000))
    number = begin(shop, pays=O, amount=2000).number
    do(base, shop, number, "pay")
    with pytest.raises(Conflict, match="through its order"):
        shop.payments.refund(number, "r1", 500, "by hand", "anna")
    desk = Client(shop).sign_in("owner")
    assert 'href="/console/orders/1#refund"' in desk.get(f"/console/payments/{number}").text
    assert (
        desk.post(f"/console/payments/{number}/refund", {"amount": "5", "why": "", "refund": "r1"}).status_code == 409
    )
    with ThreadPoolExecutor(8) as pool:  # the order's refund, and attempts past it, at once
        past = [
            pool.submit(
                shop.runner.submit, Command("refund", stream_of(number), {"refund": f"x{n}", "amount": 900, "why": ""})
            )
            for n in range(6)
        ]
        through = pool.submit(shop.orders.act, "order.refund", O, {"unshipped": {"1": 1}}, actor="anna", key="once")
        assert {p.result().refusal.code for p in past} == {"through_order"}
        assert through.result().ok
    work(shop, clock)
    assert balances(shop, O, "receivable:wechat", "sales") == [0, -1000, 1000]


def test_a_refund_that_its_provider_would_not_make_is_tried_again_once_each_time(
    base: str, shop: fairday.Shop, clock: ManualClock
) -> None:
    place(shop, O, line("1", "mug", 2, 1000))
    number = begin(shop, pays=O, amount=2000).number
    do(base, shop, number, "pay")
    shop.orders.act("order.refund", O, {"unshipped": {"1": 1}}, actor="anna")
    (refund,) = shop.payments.state(number)["refunds"]
    with pytest.raises(NotFound):
        shop.payments.refund_again(number, refund, "anna")
    failed = {"refund": refund, "state": "failed", "amount": 1000, "trade": "", "at": 1}
    assert shop.runner.submit(Command("refund.outcome", stream_of(number), failed)).ok
    desk = Client(shop).sign_in("owner")
    assert f"/refunds/{refund}/again" in desk.get(f"/console/payments/{number}").text
    for _ in range(3):
        assert desk.post(f"/console/payments/{number}/refunds/{refund}/again").status_code == 303
    assert f"/refunds/{refund}/again" not in desk.get(f"/console/payments/{number}").text
    work(shop, clock)
    assert balances(shop, O, "receivable:wechat", "sales") == [0, -1000, 1000]
