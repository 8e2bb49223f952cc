"""Where features cross: what an exchange, a second refund, a foreign currency or a merge must not change of another."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

import couponing
import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import DAY_MS, ManualClock
from fairday.kernel.decider import Command
from fairday.people import accounts
from fairday.storage import ledger
from fairday.storage.runner import stream_state
from fairday.trade import order as rules
from fairday.trade.given import Given, given_by
from fairday.trade.payment.model import number_of
from fairday.trade.payment.tables import payment_refunds
from fairday.trade.records import Contact
from trading import line, placing

A, B, O = "account:a", "account:b", "order:1"  # noqa: E741
POINTS = ["points", A, {"unit": "points", "amount": 100}]
EARNS = ["earning", A, {"unit": "points", "amount": 100, "days": None, "program": None}]
ONCE = ["budget", "budget:r", {"rule": "r", "amount": 1000, "uses": 1, "amount_limit": 1000, "uses_limit": 1}]


@pytest.fixture
def trade(shop: fairday.Shop) -> fairday.Shop:
    """A shop with mugs and bowls, and a member with 500 points."""
    with shop.db.write() as conn:
        goods = {"mug": 5000, "bowl": 9900}
        save_products(conn, [ProductRow(product=p, title=p, price=n, currency="CNY") for p, n in goods.items()], 1)
    for sku in goods:
        shop.stock.count(sku, "main", 20)
    for account in (A, B):
        assert shop.runner.submit(Command("open", account)).ok
    assert shop.runner.submit(Command("earn", A, {"unit": "points", "amount": 500, "reason": "gift"})).ok
    return shop


def ordered(shop: fairday.Shop, order: str = O, qty: int = 2, *, off: int = 0, shipping: int = 0, holds: Any = (),
            sent: bool = True, **more: Any) -> str:  # fmt: skip
    """Mugs at 50 that a member ordered, paid in cash and was sent."""
    taken = [["stock", "stock:mug", {"sku": "mug", "place": "main", "line": "1", "qty": qty}], *holds]
    data = placing(line("1", "mug", qty, 5000, off=off), shipping=shipping, holds=taken, account=A, **more)
    answer = shop.orders.place(order, data, Contact(country="CN"), (), actor="a")
    assert answer.ok, answer.refusal
    paid(shop, order)
    if sent:
        assert shop.orders.act("order.ship", order, actor="c").ok
    return order


def paid(shop: fairday.Shop, order: str) -> str:
    state = shop.orders.state(order)
    number = shop.payments.begin(
        order, "cash", "", rules.due(state), state["currency"], subject="x", actor="a", account=A
    ).number
    shop.payments.confirm(number, "slip", "c")
    return number


def act(shop: fairday.Shop, name: str, order: str = O, **data: Any) -> None:
    answer = shop.orders.act(f"order.{name}", order, data, actor="c")
    assert answer.ok, answer.refusal


def handed_back(shop: fairday.Shop) -> None:
    """Every refund that was asked for is done."""
    with shop.db.read() as conn:
        rows = conn.execute(select(payment_refunds).where(payment_refunds.c.status == "requested")).all()
    for row in rows:
        shop.payments.paid_back(number_of(row.payment), row.refund, "slip", "c")


def points(shop: fairday.Shop, account: str = A) -> int:
    with shop.db.read() as conn:
        kept = accounts.balances(conn, account).get("points", 0)
        assert kept == ledger.balance(conn, account, "points")
        return kept


def state(shop: fairday.Shop, stream: str) -> Any:
    with shop.db.read() as conn:
        found = stream_state(conn, stream)
    return None if found is None else found[1]


def books(shop: fairday.Shop, *names: str, unit: str = "CNY") -> list[int]:
    with shop.db.read() as conn:
        return [ledger.balance(conn, name, unit) for name in names]


# ---- an order of which nothing is left gives back nothing more -------------------------------------------------------


def test_points_come_back_once_though_delivery_is_given_back_later(trade: fairday.Shop) -> None:
    ordered(trade, shipping=1000, holds=[POINTS, ONCE])
    assert points(trade) == 400
    act(trade, "refund", units={"1": 2})
    assert points(trade) == 500
    assert state(trade, "budget:r") == {"amount": 0, "uses": 0}
    act(trade, "refund", shipping=True)
    assert points(trade) == 500, "nobody makes points"
    assert state(trade, "budget:r") == {"amount": 0, "uses": 0}


def test_a_use_of_an_offer_comes_back_once_when_money_goes_first_and_goods_later(trade: fairday.Shop) -> None:
    ordered(trade, holds=[POINTS, ONCE])
    act(trade, "refund", extra=10_000)
    for _ in range(2):
        act(trade, "refund", units={"1": 1})
    assert points(trade) == 500
    assert state(trade, "budget:r") == {"amount": 0, "uses": 0}


def test_giving_up_an_order_of_which_all_was_given_up_gives_back_only_its_delivery(trade: fairday.Shop) -> None:
    ordered(trade, shipping=1000, holds=[POINTS, ONCE], sent=False)
    act(trade, "refund", unshipped={"1": 2})
    act(trade, "cancel")
    assert points(trade) == 500
    assert state(trade, "budget:r") == {"amount": 0, "uses": 0}
    handed_back(trade)
    assert books(trade, O, "receivable:cash") == [0, 0]


def test_an_order_of_which_all_came_back_earns_nothing_for_its_delivery(
    trade: fairday.Shop, clock: ManualClock
) -> None:
    ordered(trade, shipping=1000, holds=[EARNS])
    act(trade, "refund", units={"1": 2})
    clock.move(60 * DAY_MS)
    trade.fire_due()
    assert state(trade, O)["life"] == "completed"
    assert points(trade) == 500


def test_what_was_earned_is_taken_once_though_delivery_is_given_back_later(
    trade: fairday.Shop, clock: ManualClock
) -> None:
    ordered(trade, shipping=1000, holds=[EARNS])
    clock.move(60 * DAY_MS)
    trade.fire_due()
    assert points(trade) == 600
    act(trade, "refund", units={"1": 2})
    act(trade, "refund", shipping=True)
    assert points(trade) == 500


# ---- exchanges -------------------------------------------------------------------------------------------------------


def exchanged(shop: fairday.Shop, units: int, sku: str, qty: int, into: str = "order:2", order: str = O) -> Any:
    swap = shop.exchanges.look(order, {"1": units}, [(sku, qty)])
    shop.exchanges.make(order, into, {"1": units}, [(sku, qty)], seen=swap.seen, actor="c")
    return swap


def test_money_of_an_exchanged_order_goes_back_from_the_order_that_has_it(trade: fairday.Shop) -> None:
    ordered(trade)
    exchanged(trade, 2, "mug", 2)
    act(trade, "ship", "order:2")
    act(trade, "refund", "order:2", units={"1": 2})
    handed_back(trade)
    assert books(trade, O, "order:2", "receivable:cash", "sales") == [0, 0, 0, 0]


def test_an_exchange_for_the_same_goods_gives_no_points_away(trade: fairday.Shop) -> None:
    ordered(trade, off=1000, holds=[POINTS, ONCE])
    swap = exchanged(trade, 2, "mug", 2)
    assert (swap.due, swap.rest) == (0, 0)
    assert points(trade) == 400, "they still stand in the price of what is kept"
    assert state(trade, "budget:r") == {"amount": 1000, "uses": 1}


@pytest.mark.parametrize("merged", [False, True])
def test_points_of_an_exchanged_order_come_back_with_the_new_one(trade: fairday.Shop, merged: bool) -> None:
    ordered(trade, qty=3, off=1000, holds=[POINTS, ONCE])
    if merged:
        trade.merging.merge(A, B)
    who = B if merged else A
    for n, into in ((1, "order:2"), (2, "order:3")):
        exchanged(trade, n, "mug", n, into)
        trade.fire_due()
        assert points(trade, who) == 400
        assert state(trade, "budget:r") == {"amount": 1000, "uses": 1}
        act(trade, "ship", into)
    act(trade, "refund", "order:2", units={"1": 1})
    act(trade, "refund", "order:3", units={"1": 2})
    trade.fire_due()
    assert points(trade, who) == 500
    assert state(trade, "budget:r") == {"amount": 0, "uses": 0}
    handed_back(trade)
    assert books(trade, O, "order:2", "order:3", "receivable:cash", "sales") == [0] * 5


def test_other_goods_at_todays_price_give_the_points_back(trade: fairday.Shop) -> None:
    ordered(trade, off=1000, holds=[POINTS, ONCE])
    exchanged(trade, 2, "bowl", 2)
    assert points(trade) == 500
    assert state(trade, "budget:r") == {"amount": 0, "uses": 0}


@pytest.mark.parametrize("restore", ["full", "never"])
def test_a_coupon_stands_in_the_price_of_what_is_exchanged_and_comes_back_with_it(
    trade: fairday.Shop, clock: ManualClock, restore: str
) -> None:
    couponing.open_batch(trade, "spring", couponing.terms(clock.now(), restore=restore))
    stream = f"coupon:{trade.coupons.give('spring', A).claim}"
    ordered(trade, off=1000, holds=[["coupon", stream, {"account": A, "worth": 1000}]])
    clock.move(400 * DAY_MS)
    exchanged(trade, 2, "mug", 2)
    assert state(trade, stream)["status"] == "redeemed", "not used twice"
    act(trade, "ship", "order:2")
    act(trade, "refund", "order:2", units={"1": 2})
    assert state(trade, stream)["status"] == ("claimed" if restore == "full" else "redeemed")


def test_what_an_offer_gave_for_nothing_is_told_in_the_shops_currency_too(trade: fairday.Shop) -> None:
    """Delivery for nothing in an order charged in euros: 8 yuan off, though nothing was paid for it."""
    told = {"home": "CNY", "rate": "1/8", "day": 20_000, "source": "test", "total": 80_000,
            "parts": {"1": 80_000, "shipping": 0}}  # fmt: skip
    free = {"gross": 100, "discounts": [["free", 100]], "net": 0, "tax": 0, "paid": 0}
    of = placing(line("1", "mug", 2, 5000), holds=[], account=A, currency="EUR", data={"exchange": told})
    answer = trade.orders.place(O, {**of, "shipping": free}, Contact(country="DE"), (), actor="a")
    assert answer.ok, answer.refusal
    trade.catch_up()
    with trade.db.read() as conn:
        assert given_by(conn, ["free"])["free"].amount == 800


def test_an_exchanged_order_earns_for_what_was_paid(trade: fairday.Shop, clock: ManualClock) -> None:
    trade.change_settings(rewards={"on": True, "per": 100})
    ordered(trade, off=5000)  # 50 for two that cost 100
    exchanged(trade, 2, "mug", 2)
    earns = [h[2]["amount"] for h in state(trade, "order:2")["holds"] if h[0] == "earning"]
    assert earns == [50]


def test_an_order_of_an_account_that_was_merged_can_be_exchanged(trade: fairday.Shop) -> None:
    trade.change_settings(rewards={"on": True, "per": 100})
    ordered(trade)
    trade.merging.merge(A, B)
    exchanged(trade, 2, "bowl", 1)
    assert state(trade, "order:2")["life"] == "open"


def test_an_exchange_is_no_promotion_of_the_shops(trade: fairday.Shop) -> None:
    ordered(trade, off=1000)
    exchanged(trade, 2, "mug", 2)
    trade.catch_up()
    with trade.db.read() as conn:
        assert set(given_by(conn, ["rule", "exchange"])) == {"rule"}


def test_an_order_that_late_money_took_up_again_counts_for_its_offers(trade: fairday.Shop, clock: ManualClock) -> None:
    """It expired, its money came, one of two went back: it stands again, and what went back is one piece's share."""
    taken = [["stock", "stock:mug", {"sku": "mug", "place": "main", "line": "1", "qty": 2}]]
    data = placing(line("1", "mug", 2, 5000, off=1000), holds=taken, account=A)
    assert trade.orders.place(O, data, Contact(country="CN"), (), actor="a").ok
    clock.move(DAY_MS)
    trade.fire_due()
    trade.catch_up()
    with trade.db.read() as conn:
        assert not given_by(conn, ["rule"]), "nobody paid for it"
    late = trade.payments.begin(O, "cash", "", 9_000, "CNY", subject="x", actor="a").number
    trade.payments.confirm(late, "slip", "c")
    assert trade.orders.act("order.ship", O, actor="c").ok
    act(trade, "refund", units={"1": 1})
    trade.catch_up()
    with trade.db.read() as conn:
        assert given_by(conn, ["rule"])["rule"] == Given(orders=1, amount=1000, back=500)


def test_what_offers_gave_in_another_currency_is_what_was_priced_at_home(trade: fairday.Shop) -> None:
    """99.99 % off: two cents paid at a rate of 7.2 would tell a discount of 700 where 719.86 was given."""
    told = {"home": "CNY", "rate": "5/36", "day": 20_000, "source": "test", "total": 14, "parts": {"1": 14},
            "off": {"1": [["most", 71_986]]}}  # fmt: skip
    of = line("1", "mug", 1, 10_000, off=9_998)
    of["discounts"] = [["most", 9_998]]
    answer = trade.orders.place(
        O, placing(of, holds=[], account=A, currency="EUR", data={"exchange": told}), Contact(), (), actor="a"
    )
    assert answer.ok, answer.refusal
    trade.catch_up()
    with trade.db.read() as conn:
        assert given_by(conn, ["most"])["most"].amount == 71_986
