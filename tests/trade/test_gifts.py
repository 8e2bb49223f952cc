"""Gifts come by themselves, while there are any: what a cart gets for nothing, told when it has run out."""

from __future__ import annotations

from typing import Any

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import ManualClock
from fairday.offers.model import AmountOff, Gift, Limits, Need, Rule, When
from fairday.storage.runner import stream_state
from fairday.stores.near import Store
from fairday.stores.records import save_stores
from fairday.trade.cart import Cart
from fairday.trade.checkout import Buyer, Choice, Moved, Placed
from fairday.trade.records import Contact
from trading import picked

EVE = Contact(name="Eva Li", phone="+8613800138000", city="上海", street="南京路 1", country="CN")
GUEST = Buyer()
TIN = Rule(
    id="tin", title={"en": "A tin for you"}, benefits=(Gift(sku="tin"),), when=When(needs=(Need(spend=5_000),)),
    limits=Limits(uses=10), layer="order", group="spend",
)  # fmt: skip


@pytest.fixture
def trade(shop: fairday.Shop, clock: ManualClock) -> fairday.Shop:
    """A shop with mugs, and three tins; from 50 on a tin comes along."""
    goods = {"mug": 5_000, "tin": 1_200}
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product=p, title=p, price=n, currency="CNY") for p, n in goods.items()], 1)
    shop.stock.count("mug", "main", 50)
    shop.stock.count("tin", "main", 3)
    publish(shop, TIN)
    return shop


def publish(shop: fairday.Shop, *rules: Rule) -> None:
    with shop.db.write() as conn:
        for rule in rules:
            shop.offers.save(conn, rule, shop.clock.now())


def look(shop: fairday.Shop, cart: Cart, choice: Choice = Choice()) -> tuple[list[str], list[str]]:  # noqa: B008
    """The gifts that come with a cart, and those that are gone."""
    quote = shop.checkout.quote(cart, choice, GUEST)
    return [x.sku for x in quote.lines if x.gift], [x.sku for x in quote.gone]


def place(shop: fairday.Shop, cart: Cart, seen: str | None = None, choice: Choice = Choice()) -> Any:  # noqa: B008
    told = shop.checkout.quote(cart, choice, GUEST).seen if seen is None else seen
    return shop.checkout.place(cart, choice, EVE, GUEST, told, actor="guest")


def state(shop: fairday.Shop, stream: str) -> Any:
    with shop.db.read() as conn:
        found = stream_state(conn, stream)
    return None if found is None else found[1]


def paid(shop: fairday.Shop, order: str) -> None:
    due = state(shop, order)["total"]
    number = shop.payments.begin(order, "cash", "", due, "CNY", subject="x", actor="a").number
    shop.payments.confirm(number, "slip", "c")


def test_a_gift_comes_by_itself_with_its_stock_reserved(trade: fairday.Shop) -> None:
    cart = picked(trade, mug=1)
    assert look(trade, cart) == (["tin"], [])
    assert place(trade, cart) == Placed(cart.order, 5_000)
    assert state(trade, "stock:tin")["places"]["main"] == [3, 1, 0]
    lines = state(trade, cart.order)["lines"]
    assert [(x["sku"], x["qty"], x["paid"], x["gift"]) for x in lines.values()] == [
        ("mug", 1, 5_000, None), ("tin", 1, 0, "tin")
    ]  # fmt: skip


def test_a_gift_that_has_run_out_is_told_and_uses_nothing_up(trade: fairday.Shop) -> None:
    trade.stock.count("tin", "main", 0)
    cart = picked(trade, mug=1)
    assert look(trade, cart) == ([], ["tin"])
    quote = trade.checkout.quote(cart, Choice(), GUEST)
    assert [(t.rule, t.code, t.values) for t in quote.priced.refused] == [("tin", "barred", {"by": "gift"})]
    assert isinstance(place(trade, cart), Placed)
    assert state(trade, "budget:tin") is None


def test_a_buyer_of_the_last_ones_of_a_good_gets_none_as_a_gift(trade: fairday.Shop) -> None:
    cart = picked(trade, mug=1, tin=3)
    assert look(trade, cart) == ([], ["tin"])
    assert isinstance(place(trade, cart), Placed), "what cannot come along keeps nobody from buying"


def test_two_offers_share_the_last_gift(trade: fairday.Shop) -> None:
    more = Rule(id="more", benefits=(Gift(sku="tin"),), when=When(needs=(Need(units=2),)), layer="order")
    publish(trade, more)
    trade.stock.count("tin", "main", 1)
    cart = picked(trade, mug=2)
    assert look(trade, cart) == (["tin"], ["tin"])
    assert isinstance(place(trade, cart), Placed)


def test_an_offer_whose_gift_has_run_out_stands_in_no_others_way(trade: fairday.Shop) -> None:
    """Of one group the tin went first; without tins the other one holds."""
    publish(
        trade, Rule(id="ten", benefits=(AmountOff(amount=1_000),), when=TIN.when, layer="order", group="spend"),
        Rule(id="tin", benefits=(Gift(sku="tin", value=1_200),), when=TIN.when, layer="order", group="spend"),
    )  # fmt: skip
    cart = picked(trade, mug=1)
    assert look(trade, cart) == (["tin"], [])
    trade.stock.count("tin", "main", 0)
    quote = trade.checkout.quote(cart, Choice(), GUEST)
    assert (quote.total, [x.sku for x in quote.gone]) == (4_000, ["tin"])


def test_money_off_stays_where_the_gift_beside_it_has_run_out(trade: fairday.Shop) -> None:
    publish(trade, Rule(id="tin", benefits=(AmountOff(amount=700), Gift(sku="tin")), when=TIN.when, layer="order"))
    trade.stock.count("tin", "main", 0)
    cart = picked(trade, mug=1)
    assert look(trade, cart) == ([], ["tin"])
    assert place(trade, cart) == Placed(cart.order, 4_300)


def test_a_gift_that_runs_out_while_one_places_is_said_before_anything_is_ordered(trade: fairday.Shop) -> None:
    cart = picked(trade, mug=1)
    seen = trade.checkout.quote(cart, Choice(), GUEST).seen
    trade.stock.count("tin", "main", 0)
    moved = place(trade, cart, seen)
    assert isinstance(moved, Moved)
    assert [(c.line, c.before, c.now) for c in moved.changes] == [("g1", 0, None)]
    assert isinstance(place(trade, cart, moved.quote.seen), Placed)


def test_what_is_collected_comes_with_gifts_of_that_store_alone(trade: fairday.Shop) -> None:
    with trade.db.write() as conn:
        save_stores(conn, [Store(store="bund", name="Bund", latitude=31.2, longitude=121.5)])
    trade.stock.count("mug", "bund", 5)
    choice = Choice(way="pickup", store="bund")
    assert look(trade, picked(trade, mug=1), choice) == ([], ["tin"]), "tins are elsewhere"
    assert isinstance(place(trade, picked(trade, mug=1), choice=choice), Placed)
    trade.stock.count("tin", "bund", 1)
    assert look(trade, picked(trade, mug=1), choice) == (["tin"], [])


def test_what_lies_in_a_store_that_does_not_send_cannot_be_sent_and_says_so(trade: fairday.Shop) -> None:
    with trade.db.write() as conn:
        save_stores(conn, [Store(store="bund", name="Bund", latitude=31.2, longitude=121.5)])
    for sku in ("mug", "tin"):
        trade.stock.count(sku, "bund", 5)
    trade.stock.count("tin", "main", 0)
    trade.stock.count("mug", "main", 1)
    assert look(trade, picked(trade, mug=1)) == ([], ["tin"])
    moved = place(trade, picked(trade, mug=2))
    assert isinstance(moved, Moved)
    assert moved.quote.lines[0].problem is not None
    assert (moved.why, moved.quote.lines[0].problem.code) == ("problem", "too_few")


@pytest.mark.parametrize(("with_gift", "rule", "back"), [(True, "deduct", 5_000), (False, "deduct", 3_800),
                                                         (False, "leave", 5_000)])  # fmt: skip
def test_who_sends_the_goods_back_and_keeps_the_gift_pays_for_it_unless_it_is_left(
    trade: fairday.Shop, with_gift: bool, rule: str, back: int
) -> None:
    cart = picked(trade, mug=1)
    assert isinstance(place(trade, cart), Placed)
    paid(trade, cart.order)
    assert trade.orders.act("order.ship", cart.order, actor="c").ok
    units = {"1": 1} | ({"g1": 1} if with_gift else {})
    assert trade.orders.act("order.refund", cart.order, {"units": units, "gifts": rule}, actor="c").ok
    assert state(trade, cart.order)["refunded"] == back
    assert state(trade, "stock:tin")["places"]["main"][0] == (3 if with_gift else 2)


def test_a_gift_of_several_comes_whole_or_not_at_all(trade: fairday.Shop) -> None:
    publish(trade, Rule(id="tin", benefits=(Gift(sku="tin", qty=4),), when=TIN.when, layer="order"))
    assert look(trade, picked(trade, mug=1)) == ([], ["tin"])
