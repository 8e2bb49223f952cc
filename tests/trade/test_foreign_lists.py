"""What a price list in the buyer's currency says is what they are charged, to the cent, under every offer."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.price_records import save_list, set_prices
from fairday.goods.prices import Amount, ListPrice, PriceList, Turned, Where, price_charged
from fairday.goods.rates import save_rates
from fairday.goods.records import Details, save_details
from fairday.kernel.clock import ManualClock, to_day
from fairday.offers.model import AmountOff, PercentOff, Rule
from fairday.storage.ledger import balance
from fairday.trade.cart import Cart, add_line, new_cart
from fairday.trade.charging import Exchange, Part, charged
from fairday.trade.checkout import Buyer, Choice, Moved, Placed
from fairday.trade.given import given_by
from fairday.trade.order import SHIPPING
from fairday.trade.records import Contact
from fairday.trade.shipping.kept import save_rate
from fairday.trade.shipping.rates import Rate, Step

DAY = to_day(date(2026, 11, 20))
EVA = Contact(name="Eva Li", phone="+4930123456", email="eva@example.com", city="Berlin", street="Torstr. 1",
              country="DE")  # fmt: skip
IN_EUROS, IN_YEN = Choice(country="DE", currency="EUR"), Choice(country="DE", currency="JPY")
GUEST = Buyer()


@pytest.fixture
def trade(shop: fairday.Shop, clock: ManualClock) -> fairday.Shop:
    """A shop in Berlin whose books are in pounds, which takes euros (1.1478 a pound) and yen; scarves are 33.33, mugs
    12.99; its list for euros says 39.99 for a scarf, its list for yen 6,200, and 5,800 from three on."""
    clock.at = (DAY + 1) * 86_400_000
    shop.change_settings(country="DE", currency="GBP", zone="Europe/Berlin", border={"takes": ["EUR", "JPY"]})
    with shop.db.write() as conn:
        goods = [ProductRow(product=p, title=p, price=n, currency="GBP") for p, n in (("scarf", 3_333), ("mug", 1_299))]
        save_products(conn, goods, 1)
        save_details(conn, [Details(product=g.product) for g in goods], 1)
        save_rate(conn, Rate(rate="all", service="standard", steps=(Step(0, 499),), currency="GBP"))
        told = [("EUR", "GBP", DAY, Decimal("0.87125")), ("EUR", "JPY", DAY, Decimal("180.55"))]
        save_rates(conn, told, "European Central Bank")
        save_list(conn, PriceList(list="eur", title="Euros", currency="EUR", country="DE"), 1)
        save_list(conn, PriceList(list="jpy", title="Yen", currency="JPY"), 1)
        set_prices(conn, "eur", [ListPrice("eur", "scarf", 1, 3_999)], 1)
        set_prices(conn, "jpy", [ListPrice("jpy", "scarf", 1, 6_200), ListPrice("jpy", "scarf", 3, 5_800)], 1)
    return shop


def picked(shop: fairday.Shop, **skus: int) -> Cart:
    with shop.db.write() as conn:
        cart = new_cart(conn, None, 1)
        for sku, qty in skus.items():
            cart = add_line(conn, cart, sku, sku, qty, {}, 1)
    return cart


def publish(shop: fairday.Shop, rule: Rule) -> None:
    with shop.db.write() as conn:
        shop.offers.save(conn, rule, shop.clock.now())


def costs(shop: fairday.Shop, cart: Cart, choice: Choice = IN_EUROS) -> dict[str, int]:
    return {name: part.paid for name, part in shop.checkout.quote(cart, choice, GUEST).parts.items()}


def test_a_list_in_the_buyers_currency_prices_their_cart_and_its_absence_is_converted(trade: fairday.Shop) -> None:
    cart = picked(trade, scarf=2, mug=1)
    assert costs(trade, cart) == {"1": 7_998, "2": 1_491, SHIPPING: 573}
    assert costs(trade, cart, IN_YEN) == {"1": 12_400, "2": 2_692, SHIPPING: 1_034}
    assert costs(trade, picked(trade, scarf=3), IN_YEN)["1"] == 17_400, "tiers as the list says them"
    assert costs(trade, cart, Choice(country="DE")) == {"1": 6_666, "2": 1_299, SHIPPING: 499}, "its own currency"
    assert costs(trade, cart, Choice(country="DE", currency="USD"))["1"] == 6_666, "not taken"


def test_a_list_for_another_country_prices_nothing(trade: fairday.Shop) -> None:
    with trade.db.write() as conn:
        save_list(conn, PriceList(list="eur", title="Euros", currency="EUR", country="FR"), 2)
    assert costs(trade, picked(trade, scarf=1))["1"] == 3_826


def test_offers_take_from_it_what_they_say_and_refunds_give_back_all_of_it(trade: fairday.Shop) -> None:
    publish(trade, Rule(id="tenth", benefits=(PercentOff(percent=Decimal(10)),)))
    cart = picked(trade, scarf=3)
    quote = trade.checkout.quote(cart, IN_EUROS, GUEST)
    # 119.97 euros are 104.52 pounds at the day's rate, of which a tenth is 10.45: that share of 119.97.
    assert (quote.parts["1"].gross, quote.parts["1"].paid) == (11_997, 10_798)
    placed = trade.checkout.place(cart, IN_EUROS, EVA, GUEST, quote.seen, actor="g")
    assert placed == Placed(cart.order, 10_798 + 573)
    state = trade.orders.state(cart.order)
    assert state is not None
    assert (state["lines"]["1"]["unit"], state["lines"]["1"]["unit_digits"]) == (3_999, 0)
    number = trade.payments.begin(cart.order, "cash", "", 11_371, "EUR", subject="x", actor="a").number
    trade.payments.confirm(number, "slip", "c")
    for units in (1, 1, 1):
        assert trade.orders.act("order.refund", cart.order, {"unshipped": {"1": units}}, actor="c").ok
    assert trade.orders.act("order.refund", cart.order, {"shipping": True}, actor="c").ok
    trade.catch_up()
    with trade.db.read() as conn:
        assert [balance(conn, x, "EUR") for x in ("sales", "sales:shipping")] == [0, 0]
        gave = given_by(conn, ["tenth"])["tenth"]
    assert (gave.amount, gave.kept) == (1_045, 0)


def test_what_costs_nothing_after_offers_costs_nothing_there(trade: fairday.Shop) -> None:
    publish(trade, Rule(id="all", benefits=(PercentOff(percent=Decimal(100)),)))
    quote = trade.checkout.quote(picked(trade, scarf=1), IN_EUROS, GUEST)
    assert (quote.currency, quote.parts["1"].gross, quote.parts["1"].paid) == ("EUR", 3_999, 0)


def test_a_list_price_that_moves_between_look_and_order_is_told_first(trade: fairday.Shop) -> None:
    cart = picked(trade, scarf=1)
    seen = trade.checkout.quote(cart, IN_EUROS, GUEST).seen
    with trade.db.write() as conn:
        set_prices(conn, "eur", [ListPrice("eur", "scarf", 1, 4_099)], 2)
    moved = trade.checkout.place(cart, IN_EUROS, EVA, GUEST, seen, actor="g")
    assert isinstance(moved, Moved)
    assert next((c.line, c.before, c.now) for c in moved.changes) == ("1", 3_999, 4_099)


def test_goods_that_only_a_list_in_another_currency_prices_are_sold_in_it_alone(trade: fairday.Shop) -> None:
    with trade.db.write() as conn:
        save_products(conn, [ProductRow(product="hat", title="hat")], 1)
        set_prices(conn, "eur", [ListPrice("eur", "hat", 1, 2_500)], 2)
    cart = picked(trade, hat=1)
    assert costs(trade, cart)["1"] == 2_500
    problem: Any = trade.checkout.quote(cart, IN_YEN, GUEST).lines[0].problem
    assert problem.code == "no_price"


# ---- the rules -------------------------------------------------------------------------------------------------------


@given(st.integers(1, 10**7), st.integers(0, 2), st.fractions(Fraction(1, 500), 500))
def test_a_price_turned_home_and_back_is_what_was_said(amount: int, digits: int, rate: Fraction) -> None:
    lists = [PriceList(list="x", currency="EUR")]
    where = Where(currency="GBP", turned=Turned("EUR", rate))
    found = price_charged("a", "a", None, lists, [ListPrice("x", "a", 1, amount, digits)], where, 1, 0)
    assert found is not None
    assert found.price.currency == "GBP"
    assert found.price.said == Amount(amount, "EUR", digits)
    assert abs(found.price.exact * rate - Fraction(amount, 10**digits)) <= rate / 20_000


@settings(max_examples=200)
@given(
    st.integers(1, 10**6), st.lists(st.integers(0, 100), max_size=3), st.integers(0, 30), st.booleans(),
    st.fractions(Fraction(1, 200), 200), st.integers(1, 10**6),
)  # fmt: skip
def test_what_is_said_stands_and_every_sum_is_the_sum_of_its_parts(
    gross: int, percents: list[int], tax: int, inside: bool, rate: Fraction, said: int
) -> None:
    by = Exchange(home="GBP", currency="EUR", rate=rate, day=1)
    off = [(f"r{n}", gross * p // 400) for n, p in enumerate(percents)]
    net = gross - sum(n for _, n in off)
    levy = net * tax // 100
    part = Part(gross=gross, discounts=tuple(off), tax=levy, paid=net if inside else net + levy)
    found = charged({"1": part}, by, {"1": said})
    if found is None:  # it would cost nothing there, or too much
        return
    there = found.parts["1"]
    assert there.gross == said
    assert there.net == there.gross - sum(n for _, n in there.discounts)
    assert there.paid == (there.net if inside else there.net + there.tax)
    assert 0 <= there.tax <= there.paid
    assert all(n >= 0 for _, n in there.discounts)
    assert abs(Fraction(there.net, said) - Fraction(net, gross)) <= Fraction(1, 2 * said)
    if not off:
        assert there.net == said


def test_an_amount_off_is_taken_at_the_share_that_it_is_at_home(trade: fairday.Shop) -> None:
    """5 pounds off 34.84 (39.99 euros at the day's rate): 5.74 euros."""
    publish(trade, Rule(id="five", benefits=(AmountOff(amount=500),)))
    assert costs(trade, picked(trade, scarf=1))["1"] == 3_999 - 574
