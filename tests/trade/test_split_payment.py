"""One order, two payments: what the balance has, and the rest by another method; what goes back goes back to both."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import ManualClock
from fairday.kernel.decider import Command
from fairday.people import accounts
from fairday.storage import ledger
from fairday.trade import order as rules
from fairday.trade.payment import tables
from fairday.trade.payment.tables import payments as payments_table
from paying import begin, do, ready, served
from shopping import Shopper
from trading import Shelf, ShelfClaim, fill, line, place

A, O = "account:a", "order:1"  # noqa: E741


@pytest.fixture
def base(shop: fairday.Shop) -> Iterator[str]:
    ready(shop)
    shop.runner.register(Shelf())
    shop.orders.register_claim(ShelfClaim())
    fill(shop, "mug", 3)
    shop.runner.submit(Command("open", A))
    number = shop.payments.begin(A, "cash", "", 3_333, "CNY", subject="card", actor="test").number
    shop.payments.confirm(number, "slip 1", "test")
    with served(shop) as address:
        yield address


def purse(shop: fairday.Shop) -> int:
    with shop.db.read() as conn:
        kept = accounts.balances(conn, A).get("CNY", 0)
        assert kept == ledger.balance(conn, A, "CNY")
    return kept


def part(shop: fairday.Shop, amount: int = 10_000) -> int:
    return shop.payments.spend_part(O, amount, "CNY", account=A, actor="b")


def due(shop: fairday.Shop) -> int:
    return rules.due(shop.orders.state(O))


def work(shop: fairday.Shop, clock: ManualClock) -> None:
    for _ in range(2):
        shop.payments.tick()
        clock.move(20_000)
    shop.payments.tick()


def test_the_balance_pays_what_it_has_and_wechat_the_rest(base: str, shop: fairday.Shop, clock: ManualClock) -> None:
    place(shop, O, line("1", "mug", 3, 3_334), shipping=0)
    assert part(shop, 10_002) == 3_333
    assert (purse(shop), due(shop)) == (0, 6_669)
    assert rules.status(shop.orders.state(O)) == "placed", "nothing is sent for a part"
    assert shop.orders.act("order.ship", O, actor="c").refusal.code == "not_shipped"
    do(base, shop, begin(shop, pays=O, amount=6_669).number, "pay")
    assert rules.status(shop.orders.state(O)) == "paid"
    shop.orders.act("order.ship", O, actor="c")
    for _ in range(3):  # a unit at a time, back to both by what is left of each
        assert shop.orders.act("order.refund", O, {"units": {"1": 1}}, actor="c").ok
        state = shop.orders.state(O)
        assert sum(p["back"] for p in state["payments"]) == state["refunded"]
    work(shop, clock)
    assert purse(shop) == 3_333
    with shop.db.read() as conn:
        assert [ledger.balance(conn, a, "CNY") for a in (O, "receivable:wechat", "sales")] == [0, 0, 0]


@pytest.mark.parametrize("how", ["expires", "cancelled"])
def test_where_the_rest_does_not_come_the_balance_comes_back_by_itself(
    base: str, shop: fairday.Shop, clock: ManualClock, how: str
) -> None:
    place(shop, O, line("1", "mug", 1, 10_000))
    assert part(shop) == 3_333
    number = begin(shop, pays=O, amount=6_667).number
    do(base, shop, number, "fail")
    if how == "expires":
        clock.move(3_600_000)
        while shop.fire_due():
            pass
    else:
        assert shop.orders.act("order.cancel", O, actor="b").ok
    work(shop, clock)
    assert purse(shop) == 3_333
    with shop.db.read() as conn:
        assert ledger.balance(conn, O, "CNY") == 0


def test_the_rest_that_comes_too_late_goes_back_too(base: str, shop: fairday.Shop, clock: ManualClock) -> None:
    place(shop, O, line("1", "mug", 1, 10_000))
    part(shop)
    number = begin(shop, pays=O, amount=6_667).number
    shop.orders.act("order.cancel", O, actor="b")
    do(base, shop, number, "pay")
    work(shop, clock)
    assert purse(shop) == 3_333
    with shop.db.read() as conn:
        assert [ledger.balance(conn, a, "CNY") for a in (O, "receivable:wechat")] == [0, 0]


def test_asked_many_times_at_once_one_part_is_paid_and_never_more_than_the_balance_has(
    base: str, shop: fairday.Shop
) -> None:
    place(shop, O, line("1", "mug", 1, 10_000))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: part(shop), range(8)))
    assert purse(shop) == 0
    assert due(shop) == 6_667
    with shop.db.read() as conn:
        assert len(tables.of(conn, O)) == 1


@pytest.mark.parametrize("amount", [0, 1, 3_332, 3_333])
def test_a_balance_that_is_enough_pays_no_part(base: str, shop: fairday.Shop, amount: int) -> None:
    place(shop, O, line("1", "mug", 1, 10_000))
    assert part(shop, amount) == 0
    assert purse(shop) == 3_333


def test_a_member_pays_a_part_by_balance_at_the_checkout(shop: fairday.Shop) -> None:
    ready(shop)
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="mug", title="Mug", price=8_800, currency="CNY")], 1)
    with served(shop) as address:
        shopper = Shopper(shop, address).sign_in("wei@example.com")
        with shop.db.read() as conn:
            account = conn.exec_driver_sql("SELECT account FROM member_accounts").scalar()
        number = shop.payments.begin(account, "cash", "", 3_000, "CNY", subject="card", actor="t").number
        shop.payments.confirm(number, "slip", "t")
        shopper.add("mug")
        assert "balance_first" in shopper.get("/checkout").text
        paying = shopper.buy(balance_first="yes")
        shopper.pay(paying)
        assert shop.payments.state(paying)["amount"] == 5_800
        page = shopper.get(shopper.order()).text
        assert "58.00" in page
        assert "30.00" in page
        with shop.db.read() as conn:
            query = select(func.count()).select_from(payments_table).where(payments_table.c.pays.startswith("order:"))
            assert conn.execute(query).scalar() == 2
