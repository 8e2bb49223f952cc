"""Payments through the sandbox over real HTTP, on both databases: paid, late, double, lost, out of order, refunded."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

import fairday
from fairday.kernel.clock import ManualClock
from fairday.kernel.errors import Conflict
from fairday.trade.payment import tables
from fairday.trade.payment.model import stream_of
from paying import AMOUNT, begin, do, held, provider, ready, served, status, tear, ticket, token_of


@pytest.fixture
def base(shop: fairday.Shop) -> Iterator[str]:
    with served(ready(shop)) as address:
        yield address


def test_wechat_pay_is_paid_and_counted_in_one_transaction_with_what_it_pays_for(base: str, shop: fairday.Shop) -> None:
    for n, (channel, kind) in enumerate({"jsapi": "jsapi", "h5": "redirect", "native": "qr"}.items(), 1):
        started = begin(shop, "wechat", channel, f"ticket:{n}", payer="openid-1")
        assert (started.go.kind, status(shop, started.number)) == (kind, "pending")
        do(base, shop, started.number, "pay")
        assert (status(shop, started.number), ticket(shop, f"ticket:{n}")) == ("succeeded", "paid")
        assert held(shop) == n * AMOUNT


def test_alipay_is_paid_and_the_shopper_comes_back(base: str, shop: fairday.Shop) -> None:
    for n, channel in enumerate(("wap", "page"), 1):
        started = begin(shop, "alipay", channel, f"ticket:{n}")
        arrived = httpx.get(started.go.url)
        assert (arrived.status_code, status(shop, started.number)) == (303, "pending")
        do(base, shop, started.number, "pay", "alipay")
        assert (status(shop, started.number), ticket(shop, f"ticket:{n}")) == ("succeeded", "paid")
        assert held(shop, "alipay") == n * AMOUNT
        page = httpx.get(base + arrived.headers["location"]).text
        assert f"/pay/{started.number}?app_id=" in page
        assert "<h1>Paid</h1>" in httpx.get(f"{base}/pay/{started.number}", headers={"accept-language": "en"}).text


@pytest.mark.parametrize(("method", "channel"), [("wechat", "native"), ("alipay", "wap")])
def test_late_double_held_and_lost_notices_count_once(
    base: str, shop: fairday.Shop, clock: ManualClock, method: str, channel: str
) -> None:
    for n, (how, sent) in enumerate({"double": [3], "delay": [1], "hold": [0], "lose": []}.items(), 1):
        started = begin(shop, method, channel, f"ticket:{n}")
        if method == "alipay":
            httpx.get(started.go.url)
        do(base, shop, started.number, how, method)
        if how != "double":
            assert status(shop, started.number) == "pending", "nothing is assumed"
            assert held(shop, method) == (n - 1) * AMOUNT
            clock.move(10_000)
            shop.payments.tick()
        assert (status(shop, started.number), ticket(shop, f"ticket:{n}")) == ("succeeded", "paid")
        notices = shop.payments.sandbox.notices(method, started.number)
        assert [notice["sent"] for notice in notices] == sent
        for notice in notices:
            shop.payments.sandbox.deliver(notice["id"], 2)
        assert held(shop, method) == n * AMOUNT


def test_what_nobody_pays_is_closed_at_the_provider_when_its_time_is_over(
    base: str, shop: fairday.Shop, clock: ManualClock
) -> None:
    wechat, alipay, unopened = (
        begin(shop, method, channel, f"ticket:{n}")
        for n, (method, channel) in enumerate([("wechat", "h5"), ("alipay", "wap"), ("alipay", "page")], 1)
    )
    httpx.get(alipay.go.url)
    assert shop.payments.ask(unopened.number)["status"] == "pending"
    clock.move(31 * 60_000)
    assert shop.payments.tick() == 3
    for method, started in (("wechat", wechat), ("alipay", alipay), ("alipay", unopened)):
        assert status(shop, started.number) == "closed"
        trade = shop.payments.sandbox.find(method, started.number)
        assert (trade or {"state": "closed"})["state"] == "closed"
        with pytest.raises(Conflict):
            shop.payments.go_on(started.number)
    assert httpx.get(unopened.go.url).status_code == 403, "its address is too old for anybody to pay"


def test_money_that_comes_too_late_for_its_ticket_goes_back_by_itself(
    base: str, shop: fairday.Shop, clock: ManualClock
) -> None:
    started = begin(shop)
    tear(shop)
    do(base, shop, started.number, "pay")
    state = shop.payments.state(started.number)
    assert state is not None
    assert (state["status"], state["for"], ticket(shop)) == ("succeeded", "refund", "torn")
    shop.payments.tick()
    clock.move(10_000)
    shop.payments.tick()
    with shop.db.read() as conn:
        refunds = tables.refunds_of(conn, stream_of(started.number))
        row = tables.get(conn, stream_of(started.number))
    assert [(r.refund, r.amount, r.status, r.why) for r in refunds] == [("auto", AMOUNT, "succeeded", "ticket_over")]
    assert row is not None
    assert (row.made, row.refunded, held(shop)) == ("refund", AMOUNT, 0)


@pytest.mark.parametrize(("method", "channel"), [("wechat", "h5"), ("alipay", "page")])
def test_refunds_in_parts_reach_the_provider_once_each(
    base: str, shop: fairday.Shop, clock: ManualClock, method: str, channel: str
) -> None:
    number = paid(base, shop, method, channel)
    shop.payments.refund(number, "r1", 3000, "broken", "anna")
    shop.payments.refund(number, "r1", 3000, "broken", "anna")
    with pytest.raises(Conflict):
        shop.payments.refund(number, "r2", 5801, "", "anna")
    shop.payments.tick()
    clock.move(10_000)
    shop.payments.tick()
    assert held(shop, method) == AMOUNT - 3000
    shop.payments.refund(number, "r2", 5800, "", "anna")
    for _ in range(3):
        shop.payments.tick()
        clock.move(20_000)
    assert held(shop, method) == 0
    trade = shop.payments.sandbox.find(method, number)
    assert trade is not None
    assert sorted(r["amount"] for r in trade["refunds"].values()) == [3000, 5800]


@pytest.mark.parametrize(("method", "channel"), [("wechat", "h5"), ("alipay", "page")])
def test_notices_told_in_the_wrong_order_make_the_same_of_it(
    base: str, shop: fairday.Shop, clock: ManualClock, method: str, channel: str
) -> None:
    started = begin(shop, method, channel)
    if method == "alipay":
        httpx.get(started.go.url)
    do(base, shop, started.number, "hold", method)
    shop.payments.ask(started.number)
    shop.payments.refund(started.number, "r1", AMOUNT, "", "anna")
    shop.payments.tick()
    clock.move(1_000)
    token = token_of(shop, started.number, method)
    for notice in reversed(shop.payments.sandbox.notices(method, started.number)):
        answer = httpx.post(f"{base}/sandbox/notice/{token}/{notice['id']}", data={"times": "2"})
        assert answer.status_code == 303
    clock.move(20_000)
    shop.payments.tick()
    assert (status(shop, started.number), ticket(shop), held(shop, method)) == ("succeeded", "paid", 0)
    assert all(n["taken"] for n in shop.payments.sandbox.notices(method, started.number))


def test_the_refund_that_was_lost_on_the_way_is_the_same_refund_when_it_is_sent_again(
    base: str, shop: fairday.Shop, clock: ManualClock
) -> None:
    number = paid(base, shop, "wechat", "h5")
    shop.payments.refund(number, "r1", 1000, "", "anna")
    provider(shop).refund(number, "r1", 1000, AMOUNT, "CNY", "")  # as if the answer had not come
    shop.payments.tick()
    clock.move(10_000)
    shop.payments.tick()
    trade = shop.payments.sandbox.find("wechat", number)
    assert trade is not None
    assert (len(trade["refunds"]), held(shop)) == (1, AMOUNT - 1000)


def paid(base: str, shop: fairday.Shop, method: str, channel: str) -> str:
    started = begin(shop, method, channel)
    if method == "alipay":
        httpx.get(started.go.url)
    do(base, shop, started.number, "pay", method)
    assert status(shop, started.number) == "succeeded"
    return started.number
