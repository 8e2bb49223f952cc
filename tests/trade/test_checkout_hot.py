"""Checkout while everybody wants the same: over two places, to the last unit, and when it comes back."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.stores.near import Store
from fairday.stores.records import save_stores
from fairday.trade.cart import Cart, add_line, new_cart
from fairday.trade.checkout import Buyer, Checkout, Choice, Placed
from fairday.trade.plain import PlainPrices
from fairday.trade.records import Contact
from stocking import assert_levels_agree, assert_orders_agree

EVE = Contact(name="Eva Li", phone="+8613800138000", city="上海", street="南京路 1")


@pytest.fixture
def hot(shop: fairday.Shop) -> fairday.Shop:
    depots = [Store(store=n, name=n, latitude=31, longitude=121, kind="warehouse", serves="ship") for n in ("a", "b")]
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="HOT", title="Hot", price=9900, currency="CNY")], 1)
        save_stores(conn, depots)
    shop.checkout = Checkout(shop.db, shop.clock, lambda: shop.settings, shop.orders, shop.goods, shop.stock,
                             shop.coupons, PlainPrices())  # fmt: skip
    return shop


def picked(shop: fairday.Shop, qty: int) -> Cart:
    with shop.db.write() as conn:
        return add_line(conn, new_cart(conn, None, 1), "HOT", "HOT", qty, {}, 1)


def test_buyers_at_once_are_served_from_wherever_units_are_left(hot: fairday.Shop) -> None:
    hot.stock.count("HOT", "a", 20)
    hot.stock.count("HOT", "b", 20)
    buyers = 48
    carts = [picked(hot, 1) for _ in range(buyers)]
    gate = threading.Barrier(buyers)

    def buy(cart: Cart) -> str:
        seen = hot.checkout.quote(cart, Choice(), Buyer()).seen
        gate.wait()
        placed = hot.checkout.place(cart, Choice(), EVE, Buyer(), seen, actor="guest")
        return "sold" if isinstance(placed, Placed) else placed.why

    with ThreadPoolExecutor(buyers) as pool:
        answers = Counter(pool.map(buy, carts))
    assert answers["sold"] == 40, answers
    levels = assert_levels_agree(hot)
    assert [levels["HOT", place][:2] for place in "ab"] == [[20, 20], [20, 20]]


def test_an_order_that_no_place_has_whole_comes_from_two(hot: fairday.Shop) -> None:
    hot.stock.count("HOT", "a", 2)
    hot.stock.count("HOT", "b", 1)
    cart = picked(hot, 3)
    seen = hot.checkout.quote(cart, Choice(), Buyer()).seen
    assert isinstance(hot.checkout.place(cart, Choice(), EVE, Buyer(), seen, actor="guest"), Placed)
    assert assert_levels_agree(hot) == {("HOT", "a"): [2, 2, 0], ("HOT", "b"): [1, 1, 0]}
    assert hot.orders.act("order.cancel", cart.order, {}, actor="guest").ok
    assert assert_levels_agree(hot) == {("HOT", "a"): [2, 0, 0], ("HOT", "b"): [1, 0, 0]}


def test_a_cart_that_was_refused_is_placed_when_the_goods_are_back(hot: fairday.Shop) -> None:
    """A refusal under a key would be the answer for a month."""
    hot.stock.count("HOT", "a", 1)
    cart, other = picked(hot, 1), picked(hot, 1)
    seen = hot.checkout.quote(cart, Choice(), Buyer()).seen
    supply = hot.stock.available

    def stale(conn, skus, places=None):  # somebody else is first after the look and before the write
        found = supply(conn, skus, places)
        hot.stock.available = supply
        hot.checkout.place(other, Choice(), EVE, Buyer(), seen, actor="other")
        return found

    quote = hot.checkout.quote(cart, Choice(), Buyer())
    assert quote.ready
    hot.stock.available = stale
    assert not isinstance(hot.checkout.place(cart, Choice(), EVE, Buyer(), seen, actor="guest"), Placed)
    assert hot.orders.act("order.cancel", other.order, {}, actor="other").ok
    assert isinstance(hot.checkout.place(cart, Choice(), EVE, Buyer(), seen, actor="guest"), Placed)
    assert assert_orders_agree(hot, {"HOT": 1}) == {"placed": 1, "cancelled": 1}
