"""Where an order is sent from: the policy of the settings over the address's own words, and parcels by place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fairday
import trading
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.stock import stock_holds
from fairday.kernel.decider import Refusal
from fairday.stores.near import Store
from fairday.stores.points import point_of
from fairday.stores.records import save_stores
from fairday.trade.cart import add_line, new_cart
from fairday.trade.checkout import Buyer, Choice, Placed
from fairday.trade.records import Contact
from fairday.trade.rows import rows_from, waiting_at
from stocking import assert_levels_agree, wanting

PLACES = [
    Store(store="beijing", name="北京仓", city="北京", latitude=39.9, longitude=116.4, kind="warehouse", serves="ship"),
    Store(store="jingan", name="静安店", city="上海", latitude=31.2, longitude=121.4, serves="both"),
    Store(store="canton", name="广州仓", city="广州", latitude=23.1, longitude=113.3, kind="warehouse", serves="ship"),
]


@pytest.fixture
def trade(shop: fairday.Shop) -> fairday.Shop:
    shop.change_settings(country="CN")
    with shop.db.write() as conn:
        save_stores(conn, PLACES)
        save_products(conn, [ProductRow(product=p, title=p, price=1000, currency="CNY") for p in ("mug", "tea")], 1)
    return shop


def buy(shop: fairday.Shop, contact: Contact, **skus: int) -> str:
    with shop.db.write() as conn:
        cart = new_cart(conn, None, 1)
        for sku, qty in skus.items():
            cart = add_line(conn, cart, sku, sku, qty, {}, 1)
    choice = Choice(country="CN")
    placed = shop.checkout.place(
        cart, choice, contact, Buyer(), shop.checkout.quote(cart, choice, Buyer()).seen, actor="g"
    )
    assert isinstance(placed, Placed)
    return placed.order


def places_of(shop: fairday.Shop, order: str) -> dict[str, dict[str, int]]:
    state = shop.orders.state(order)
    assert state is not None
    return waiting_at(state)


@pytest.mark.parametrize(
    ("region", "city", "near"),
    [("上海市", "上海市", "jingan"), ("北京市", "北京市", "beijing"), ("广东省", "深圳市", "canton"),
     ("河北省", "石家庄市", "beijing"), ("浙江省", "杭州市", "jingan")],
)  # fmt: skip
def test_the_nearest_place_sends_by_the_words_of_the_address(trade, region, city, near):
    trade.change_settings(sending={"policy": "nearest"})
    for place in ("beijing", "jingan", "canton"):
        trade.stock.count("mug", place, 5)
    order = buy(trade, Contact(name="x", country="CN", region=region, city=city, street="1"), mug=2)
    assert places_of(trade, order) == {near: {"1": 2}}


def test_the_policy_decides_between_near_cheap_and_whole(trade):
    trade.stock.count("mug", "jingan", 1)
    trade.stock.count("mug", "beijing", 5)
    trade.stock.count("mug", "canton", 5)
    home = Contact(name="x", country="CN", region="上海市", city="上海市", street="1")
    prices = {"jingan": (300, 0), "beijing": (1500, 0), "canton": (900, 0)}
    found = {}
    for policy in ("nearest", "keep_whole", "cheapest"):
        trade.change_settings(sending={"policy": policy, "prices": prices})
        order = buy(trade, home, mug=2)
        found[policy] = places_of(trade, order)
        trade.orders.act("order.cancel", order, actor="x")
    assert found == {
        "nearest": {"jingan": {"1": 1}, "beijing": {"1": 1}},
        "keep_whole": {"canton": {"1": 2}},
        "cheapest": {"canton": {"1": 2}},
    }


def test_an_address_that_says_nothing_has_no_point():
    assert point_of("CN", "", "", PLACES) is None
    assert point_of("FR", "", "Paris", PLACES) is None
    assert point_of("CN", "x", "上海市", PLACES, "CN") == (31.2, 121.4)
    assert point_of("US", "", "上海", PLACES, "CN") is None


def test_each_place_sends_what_is_there_in_whatever_order(trade):
    trade.stock.count("mug", "beijing", 2)
    trade.stock.count("mug", "canton", 3)
    (hold,) = stock_holds([("0", "mug", "beijing", 2), ("0", "mug", "canton", 3)])
    placing = wanting(("mug", 5), unit=0) | {"holds": [[hold.claim, hold.stream, dict(hold.data)]]}
    assert trade.orders.place("order:1", placing, Contact(), (), actor="b").ok

    def ship(place, n):
        return trade.orders.act("order.ship", "order:1", {"place": place, "units": {"0": n}}, actor="c")

    assert ship("canton", 4).refusal.code == "too_many_units"
    assert ship("nowhere", 1).refusal.code == "too_many_units"
    assert ship("canton", 2).ok
    assert assert_levels_agree(trade) == {("mug", "beijing"): [2, 2, 0], ("mug", "canton"): [1, 1, 0]}
    assert places_of(trade, "order:1") == {"canton": {"0": 1}, "beijing": {"0": 2}}
    assert trade.orders.act("order.refund", "order:1", {"unshipped": {"0": 1}}, actor="c").ok
    assert ship("beijing", 1).ok
    left = places_of(trade, "order:1")
    assert sum(n for at in left.values() for n in at.values()) == 1
    assert trade.orders.act("order.ship", "order:1", actor="c").ok
    levels = assert_levels_agree(trade)
    assert sum(level[0] for level in levels.values()) == 1
    assert all(level[1] == 0 for level in levels.values())


def test_goods_nobody_counts_wait_at_no_place():
    world = trading.World()
    assert world.ask("order.place", "order:1", **trading.placing(trading.line("1", "x", 2, 0), holds=[])) is None
    assert waiting_at(world.state("order:1")) == {"": {"1": 2}}
    assert world.ask("order.ship", "order:1", place="main", units={"1": 1}).code == "not_there"
    assert world.ask("order.ship", "order:1", place="", units={"1": 1}) is None


@settings(max_examples=30)
@given(st.data())
def test_whatever_leaves_in_whatever_order_a_row_keeps_its_units(data):
    row = data.draw(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4)), min_size=1, max_size=3,
                             unique_by=lambda x: x[0]))  # fmt: skip
    whole = sum(n for _, n in row)
    hold = ["stock", "stock:x", {"sku": "x", "place": row[0][0], "line": "1", "qty": whole, "parts": row}]
    left, shipped, cancelled = dict(row), 0, 0
    while shipped + cancelled < whole:
        state = {"lines": {"1": {"qty": whole, "shipped": shipped, "cancelled": cancelled}}, "holds": [hold],
                 "payments": []}  # fmt: skip
        assert waiting_at(state) == {place: {"1": n} for place, n in left.items() if n}
        place, n = data.draw(st.sampled_from("abc")), data.draw(st.integers(1, 4))
        rows = rows_from(state, place, {"1": n})
        if n > left.get(place, 0):
            assert isinstance(rows, Refusal)
            continue
        hold = [*hold[:2], {**hold[2], "parts": rows["1"]}]
        assert sum(m for _, m in rows["1"]) == whole
        left[place] -= n
        shipped += n


def test_orders_and_stock_agree_after_parcels_by_place(trade):
    filled = {"mug": 10}
    trade.stock.count("mug", "jingan", 4)
    trade.stock.count("mug", "canton", 6)
    (hold,) = stock_holds([("0", "mug", "jingan", 2), ("0", "mug", "canton", 2)])
    placing = wanting(("mug", 4), unit=0) | {"holds": [[hold.claim, hold.stream, dict(hold.data)]]}
    trade.orders.place("order:1", placing, Contact(), (), actor="b")
    assert trade.orders.act("order.ship", "order:1", {"place": "canton", "units": {"0": 2}}, actor="c").ok
    with trade.db.read() as conn:
        assert sum(trade.stock.available(conn, ["mug"])["mug"].by_place.values()) == filled["mug"] - 4
    assert trade.orders.act("order.ship", "order:1", actor="c").ok
    assert assert_levels_agree(trade) == {("mug", "jingan"): [2, 0, 0], ("mug", "canton"): [4, 0, 0]}
