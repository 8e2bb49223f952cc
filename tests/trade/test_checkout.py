from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.claims import Hold
from fairday.kernel.decider import Command
from fairday.trade import cart as carts
from fairday.trade.cart import new_cart, set_qty
from fairday.trade.checkout import Buyer, Checkout, Choice, Moved, Placed
from fairday.trade.plain import PlainPrices
from fairday.trade.records import Contact, contact_of
from trading import fill, pay, picked, register, state

EVE = Contact(name="Eva Li", phone="+8613800138000", city="上海", street="南京路 1")
GUEST = Buyer()


class TenOff(PlainPrices):
    """Ten off the first line, whatever it is."""

    def price(self, cart, account, person, now, without=()):
        priced = super().price(cart, account, person, now)
        if not priced.lines:
            return priced
        first = priced.lines[0]
        off = min(1000, first.gross)
        less = msgspec.structs.replace(
            first,
            discounts=(("ten-off", off),),
            price=first.gross - off,
            net=first.gross - off,
            total=first.gross - off,
        )
        return msgspec.structs.replace(
            priced, lines=(less, *priced.lines[1:]), discount=off, goods=priced.goods - off, total=priced.total - off
        )

    def title(self, rule):
        return {"en": "Ten off"}


@pytest.fixture
def trade(shop: fairday.Shop) -> fairday.Shop:
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="mug", title="Mug", price=4500, currency="CNY"),
                             ProductRow(product="tea", title="Tea", price=1990, currency="CNY")], 1)  # fmt: skip
    register(shop)
    shop.stock.count("mug", "main", 5)
    shop.checkout = Checkout(shop.db, shop.clock, lambda: shop.settings, shop.orders, shop.goods, shop.stock,
                             shop.coupons, TenOff())  # fmt: skip
    return shop


def place(shop, cart, seen=None, choice=Choice()):  # noqa: B008
    seen = shop.checkout.quote(cart, choice, GUEST).seen if seen is None else seen
    return shop.checkout.place(cart, choice, EVE, GUEST, seen, actor="guest")


def test_a_cart_is_placed_at_the_prices_that_were_seen_and_holds_its_stock(trade):
    cart = picked(trade, mug=2, tea=1)
    quote = trade.checkout.quote(cart, Choice(), GUEST)
    assert quote.total == 2 * 4500 + 1990 - 1000
    assert [(rule, title["en"], n) for rule, title, n in quote.savings] == [("ten-off", "Ten off", 1000)]
    placed = place(trade, cart)
    assert placed == Placed(cart.order, 9990)
    order = state(trade, cart.order)
    assert order["lines"]["1"]["discounts"] == [["ten-off", 1000]]
    with trade.db.read() as conn:
        assert trade.stock.available(conn, ["mug"])["mug"].available == 3
        assert contact_of(conn, cart.order.partition(":")[2])[0] == EVE
    assert pay(trade, cart.order, 9990).ok


def test_asking_twice_places_once(trade):
    cart = picked(trade, mug=2)
    seen = trade.checkout.quote(cart, Choice(), GUEST).seen
    assert place(trade, cart, seen) == Placed(cart.order, 8000)
    assert place(trade, cart, seen) == Placed(cart.order, 8000, again=True)
    with trade.db.read() as conn:
        assert trade.stock.available(conn, ["mug"])["mug"].available == 3


@pytest.mark.parametrize(
    "seen", ["", "{}", "[]", '{"lines":{"1":["mug",2,1]},"shipping":0,"total":1}', "1", '{"lines":3}']
)
def test_what_was_seen_is_compared_and_never_believed(trade, seen):
    moved = place(trade, picked(trade, mug=2), seen)
    assert isinstance(moved, Moved)
    assert moved.why == "changed"
    assert moved.quote.total == 8000
    assert any(c.line == "total" and c.now == 8000 for c in moved.changes)


def test_a_price_that_moved_meanwhile_is_shown_before_anything_is_placed(trade):
    cart = picked(trade, mug=2)
    seen = trade.checkout.quote(cart, Choice(), GUEST).seen
    with trade.db.write() as conn:
        save_products(conn, [ProductRow(product="mug", price=5000)], 2)
    moved = place(trade, cart, seen)
    assert [(c.line, c.before, c.now) for c in moved.changes] == [("1", 8000, 9000), ("total", 8000, 9000)]
    assert trade.orders.state(cart.order) is None
    assert isinstance(place(trade, cart, moved.quote.seen), Placed)


def test_a_cart_that_wants_more_than_there_is_says_of_which_line(trade):
    cart = picked(trade, tea=1, mug=6)
    moved = place(trade, cart)
    assert moved.why == "problem"
    assert [(x.sku, x.problem and x.problem.code) for x in moved.quote.lines] == [("tea", None), ("mug", "too_few")]
    with trade.db.write() as conn:
        cart = set_qty(conn, cart, 2, 5, 2)
    assert isinstance(place(trade, cart), Placed)
    assert place(trade, picked(trade, mug=1)).quote.lines[0].problem.code == "sold_out"


def test_goods_that_are_no_longer_sold_do_not_stop_the_others_from_being_seen(trade):
    quote = trade.checkout.quote(picked(trade, mug=1, gone=1), Choice(), GUEST)
    assert [x.problem and x.problem.code for x in quote.lines] == [None, "unknown_goods"]
    assert not quote.ready
    assert quote.lines[0].paid == 3500


def test_what_the_last_other_buyer_takes_while_one_places_is_said(trade):
    """The stock was there when it was looked at; the claim in the write finds it gone."""
    cart = picked(trade, mug=5)

    class Late(TenOff):
        def holds(self, priced, account, now):
            trade.stock.count("mug", "main", 4)
            return []

    trade.checkout._pricer = Late()
    moved = place(trade, cart)
    assert (moved.why, moved.quote.lines[0].problem.code) == ("sold_out", "too_few")
    assert trade.orders.state(cart.order) is None
    with trade.db.read() as conn:
        assert contact_of(conn, cart.order.partition(":")[2]) == (Contact(), [])


def test_an_order_may_be_picked_again(trade):
    cart = picked(trade, mug=1, tea=2)
    place(trade, cart)
    with trade.db.write() as conn:
        again = carts.refill(conn, new_cart(conn, None, 2), state(trade, cart.order)["lines"].values(), 2)
    assert {x.sku: x.qty for x in again.lines} == {"mug": 1, "tea": 2}


def test_holds_of_rules_go_with_the_order(trade):
    fill(trade, "luck", 1)

    class Counted(TenOff):
        def holds(self, priced, account, now):
            return [Hold("shelf", "shelf:luck", {"line": "1", "qty": 1})]

    trade.checkout._pricer = Counted()
    assert isinstance(place(trade, picked(trade, tea=1)), Placed)
    assert state(trade, "shelf:luck")["left"] == 0
    assert place(trade, picked(trade, tea=1)).why == "sold_out"


class PointsPay(PlainPrices):
    """Points pay a cent each, and double what is earned."""

    def price(self, cart, account, person, now, without=()):
        priced = super().price(cart, account, person, now)
        off, first = cart.points, priced.lines[0]
        less = msgspec.structs.replace(first, discounts=(("points", off),), price=first.gross - off,
                                       net=first.gross - off, total=first.gross - off)  # fmt: skip
        return msgspec.structs.replace(
            priced, lines=(less, *priced.lines[1:]), goods=priced.goods - off, total=priced.total - off,
            points_paid=off, points_factor=Decimal(2), points_extra=5,
        )  # fmt: skip


def test_an_order_takes_points_and_promises_points_and_both_follow_its_life(trade):
    trade.change_settings(rewards={"on": True, "per": 100})
    trade.checkout = Checkout(trade.db, trade.clock, lambda: trade.settings, trade.orders, trade.goods, trade.stock,
                              trade.coupons, PointsPay(), trade.rewards)  # fmt: skip
    trade.runner.submit(Command("open", "account:a"))
    earn = {"unit": "points", "amount": 300, "reason": "gift"}
    trade.runner.submit(Command("earn", "account:a", earn))
    cart, buyer, choice = picked(trade, mug=1), Buyer(account="account:a"), Choice(points=10_000)
    quote = trade.checkout.quote(cart, choice, buyer)
    assert (quote.priced.points_paid, quote.total, quote.earns) == (300, 4200, 89), "no more than there are"
    assert isinstance(trade.checkout.place(cart, choice, EVE, buyer, quote.seen, actor="a"), Placed)
    with trade.db.read() as conn:
        assert trade.rewards.points(conn, "account:a") == 0
    pay(trade, cart.order, 4200)
    for step in ("order.ship", "order.complete"):
        assert trade.orders.act(step, cart.order, actor="clerk").ok
    with trade.db.read() as conn:
        assert trade.rewards.points(conn, "account:a") == 89
    assert trade.orders.act("order.refund", cart.order, {"units": {"1": 1}}, actor="clerk").ok
    with trade.db.read() as conn:
        assert trade.rewards.points(conn, "account:a") == 300


def test_a_guest_and_a_shop_without_a_program_hold_no_points(trade):
    assert not any(h[0] == "earning" for h in state_holds(trade, GUEST, on=True))
    assert not any(h[0] == "earning" for h in state_holds(trade, Buyer(account="account:a"), on=False))


def state_holds(trade, buyer, on):
    trade.change_settings(rewards={"on": on})
    trade.runner.submit(Command("open", "account:a"))
    cart = picked(trade, tea=1)
    quote = trade.checkout.quote(cart, Choice(), buyer)
    trade.checkout.place(cart, Choice(), EVE, buyer, quote.seen, actor="a")
    return state(trade, cart.order)["holds"]
