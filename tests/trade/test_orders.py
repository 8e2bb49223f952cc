from __future__ import annotations

import pytest
from sqlalchemy import select

import fairday
import trading
from fairday.storage.ledger import balance
from fairday.trade import order as rules
from fairday.trade.records import Contact, contact_of, contacts, keep_contact
from trading import fill, line, pay, place, state

O = "order:1"  # noqa: E741


@pytest.fixture
def trade(shop: fairday.Shop) -> fairday.Shop:
    trading.register(shop)
    fill(shop, "mug", 10)
    fill(shop, "tea", 10)
    return shop


def status(shop, order=O):
    return rules.status(state(shop, order))


def money(shop, account):
    with shop.db.read() as conn:
        return balance(conn, account, "CNY")


def act(shop, name, order=O, **data):
    return shop.orders.act(name, order, data, actor="clerk")


def test_an_order_goes_from_placed_to_completed(trade, clock):
    assert place(trade, O, line("1", "mug", 2, 1000), line("2", "tea", 1, 500), shipping=800).ok
    assert status(trade) == "placed"
    assert state(trade, "shelf:mug")["left"] == 8
    assert pay(trade, O, 3300).ok
    assert status(trade) == "paid"
    assert money(trade, "sales") == 2500
    assert money(trade, "sales:shipping") == 800
    assert money(trade, O) == 0
    assert act(trade, "order.ship", units={"1": 1}).ok
    assert status(trade) == "part_shipped"
    assert act(trade, "order.ship").ok
    assert status(trade) == "shipped"
    assert state(trade, "shelf:mug")["gone"] == 2
    assert act(trade, "order.receive").ok
    clock.move(14 * 86_400_000)
    assert trade.fire_due() == 1
    assert status(trade) == "completed"


def test_an_unpaid_order_expires_by_itself_and_gives_back_what_it_held(trade, clock):
    place(trade, O, line("1", "mug", 10, 1000))
    assert not place(trade, "order:2", line("1", "mug", 1, 1000)).ok
    clock.move(30 * 60_000)
    assert trade.fire_due() == 1
    assert status(trade) == "expired"
    assert state(trade, "shelf:mug")["left"] == 10
    assert trade.fire_due() == 0


def test_an_order_paid_by_transfer_waits_three_days(trade, clock):
    place(trade, O, line("1", "mug", 10, 1000), method="bank_transfer")
    clock.move(3 * 86_400_000 - 1)
    trade.fire_due()
    assert status(trade) == "placed"
    clock.move(1)
    trade.fire_due()
    assert status(trade) == "expired"


def test_a_late_payment_still_gets_its_goods(trade, clock):
    place(trade, O, line("1", "mug", 10, 1000))
    clock.move(30 * 60_000)
    trade.fire_due()
    assert pay(trade, O, 10_000).ok
    assert status(trade) == "paid"
    assert state(trade, "shelf:mug")["left"] == 0


def test_a_late_payment_whose_goods_are_gone_is_refunded_by_itself(trade, clock):
    place(trade, O, line("1", "mug", 10, 1000))
    clock.move(30 * 60_000)
    trade.fire_due()
    place(trade, "order:2", line("1", "mug", 1, 1000))
    assert pay(trade, O, 10_000).ok
    assert status(trade) == "expired"
    assert state(trade, "till:1") == {"in": 10_000, "back": 10_000, "refused": "sold_out", "currency": "CNY"}
    assert money(trade, O) == 0


def test_a_contact_whose_order_was_never_placed_is_forgotten_after_a_day(trade, clock):
    place(trade, O, line("1", "mug", 1, 1000))
    with trade.db.write() as conn:
        keep_contact(conn, "never", Contact(name="Ana"), (), clock.now())
        keep_contact(conn, O.partition(":")[2], Contact(name="Li"), (), clock.now())
    assert trade.forget_unplaced() == 0
    clock.move(25 * 3_600_000)
    assert trade.forget_unplaced() == 1
    with trade.db.read() as conn:
        assert contact_of(conn, "never")[0].name == ""
        assert conn.execute(select(contacts.c.id)).scalars().all() == [O.partition(":")[2]]
