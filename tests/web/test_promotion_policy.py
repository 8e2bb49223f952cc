"""How promotions are reckoned is set in the console and holds in the shop: objective, floors, rounding, tax."""

from __future__ import annotations

import re

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.naming import Group, save_group
from fairday.goods.records import Details, save_details
from fairday.kernel.errors import FairdayError
from fairday.offers.model import AmountOff, Goods, PercentOff, Rule
from fairday.trade import cart as carts
from fairday.trade.checkout import Buyer, Choice, Quote
from fairday.web.console.promotion_policy import CHOICES, read_floors
from webdesk import Client

USUAL = {name: choices[0] for name, choices in CHOICES.items()} | {"floors": ""}
BIG = Rule(id="big", benefits=(AmountOff(amount=2_000),), group="one", priority=1, borne=100)
SMALL = Rule(id="small", benefits=(AmountOff(amount=700),), group="one", priority=5)
SHARED = Rule(id="shared", benefits=(AmountOff(amount=1_500),), group="one", borne=20)


@pytest.fixture
def selling(shop: fairday.Shop) -> fairday.Shop:
    with shop.db.write() as conn:
        for name, parent in (("drinks", None), ("tea", "drinks"), ("green", "tea"), ("cups", None)):
            save_group(conn, Group(kind="category", name=name, parent=parent))
        goods = [("leaf", "green", 3333), ("sencha", "green", 3333), ("cup", "cups", 3333)]
        save_products(
            conn, [ProductRow(product=p, title=p, category=c, price=n, currency="CNY") for p, c, n in goods], 1
        )
        save_details(conn, [Details(product="sencha", floor=1_000)], 1)
    return shop


def publish(shop: fairday.Shop, *rules: Rule) -> None:
    with shop.db.write() as conn:
        for rule in rules:
            shop.offers.save(conn, rule, shop.clock.now())


def quote(shop: fairday.Shop, *goods: str, qty: int = 1) -> Quote:
    with shop.db.write() as conn:
        cart = carts.new_cart(conn, None, shop.clock.now())
        for sku in goods:
            cart = carts.add_line(conn, cart, sku, sku, qty, {}, shop.clock.now())
    return shop.checkout.quote(cart, Choice(country="CN"), Buyer())


def set_(desk: Client, **said: str) -> None:
    desk.get("/console/promotions/policy")
    answer = desk.post("/console/promotions/policy", USUAL | said)
    assert answer.status_code == 303, answer.text


@pytest.mark.parametrize(("objective", "taken"), [("customer", "big"), ("priority", "small"), ("merchant", "shared")])
def test_the_objective_that_is_chosen_chooses(selling: fairday.Shop, objective: str, taken: str) -> None:
    publish(selling, BIG, SMALL, SHARED)
    set_(Client(selling).sign_in(), objective=objective)
    found = quote(selling, "cup")
    assert [told.rule for told in found.priced.applied] == [taken]
    assert found.priced.certificate.objective == objective


def test_no_piece_goes_below_the_floor_of_its_category_or_one_above_it(selling: fairday.Shop) -> None:
    publish(selling, Rule(id="half", benefits=(PercentOff(percent=50),)))
    desk = Client(selling).sign_in()
    set_(desk, floors="drinks: 80%\ncups 62.5%")
    page = desk.get("/console/promotions/policy").text
    assert "drinks 80%" in page
    assert "cups 62.5%" in page
    found = quote(selling, "leaf", "sencha", "cup", qty=2)
    paid = {x.sku: x.paid for x in found.lines}
    # 80 % of 33.33 is 26.664, so 26.67 a piece; its own floor of 10.00 lets the second go to half; 62.5 % is 20.84.
    assert paid == {"leaf": 2 * 2667, "sencha": 3333, "cup": 2 * 2084}
    set_(desk)
    assert {x.paid for x in quote(selling, "leaf", "sencha", "cup", qty=2).lines} == {3333}


def test_cents_go_where_the_settings_say(selling: fairday.Shop) -> None:
    publish(selling, Rule(id="ten", benefits=(AmountOff(amount=1_000),)))
    desk = Client(selling).sign_in()
    shares = {}
    for remainder in CHOICES["remainder"]:
        set_(desk, remainder=remainder)
        shares[remainder] = [sum(n for _, n in x.discounts) for x in quote(selling, "leaf", "sencha", "cup").lines]
    assert all(sum(found) == 1_000 for found in shares.values())
    assert shares["largest"] == shares["floor, first"] == [334, 333, 333]
    assert shares["floor, last"] == [333, 333, 334]


def test_tax_is_rounded_by_line_or_by_order_as_the_settings_say(selling: fairday.Shop) -> None:
    selling.change_settings(country="CN", taxes={"CN": {"rates": {"standard": "7.5"}, "included": False}})
    desk = Client(selling).sign_in()
    taxes = {}
    for by in CHOICES["tax_by"]:
        set_(desk, tax_by=by)
        taxes[by] = sum(x.tax for x in quote(selling, "leaf", "sencha", "cup").lines)
    assert taxes == {"line": 3 * 250, "order": 750}  # 249.975 each
    selling.change_settings(taxes={"CN": {"rates": {"standard": "7.52"}, "included": False}})
    set_(desk, tax_by="line")
    assert sum(x.tax for x in quote(selling, "leaf", "sencha", "cup").lines) == 3 * 251  # 250.64 each
    set_(desk, tax_by="order")
    assert sum(x.tax for x in quote(selling, "leaf", "sencha", "cup").lines) == 752  # 751.92


def test_a_condition_on_what_is_new_holds_in_a_cart(selling: fairday.Shop) -> None:
    """What came into the catalogue lately: the day is known of a cart's goods."""
    with selling.db.write() as conn:
        fresh = ProductRow(product="fresh", title="Fresh", category="green", price=5_000, currency="CNY")
        save_products(conn, [fresh], selling.clock.now())
    late = Goods(condition="days_since(new_since) <= 30")
    publish(selling, Rule(id="new", benefits=(PercentOff(percent=10, goods=late),)))
    assert {x.sku: x.paid for x in quote(selling, "leaf", "fresh").lines} == {"leaf": 3_333, "fresh": 4_500}


@pytest.mark.parametrize(
    "text", ["tea", "tea 0%", "tea 101%", "tea nan%", "tea 12.345%", "80%", "tea 80%\ntea 70%", "tea -5"]
)
def test_what_is_no_floor_is_told_by_its_line(selling: fairday.Shop, text: str) -> None:
    with pytest.raises(FairdayError) as caught:
        read_floors(text)
    assert caught.value.code == "bad_floor"
    desk = Client(selling).sign_in()
    desk.get("/console/promotions/policy")
    answer = desk.post("/console/promotions/policy", USUAL | {"floors": text})
    assert answer.status_code == 422
    assert "tea 80%" in answer.text
    assert selling.settings.pricing.floors == {}


def test_only_the_owner_changes_it_and_only_to_what_there_is(selling: fairday.Shop) -> None:
    desk = Client(selling).sign_in()
    desk.get("/console/promotions/policy")
    assert desk.post("/console/promotions/policy", USUAL | {"objective": "luck"}).status_code == 422
    marketer = Client(selling).sign_in("marketer")
    page = marketer.get("/console/promotions/policy")
    assert page.status_code == 200
    assert not re.search(r'<form[^>]+action="/console/promotions/policy"', page.text)
    assert marketer.post("/console/promotions/policy", USUAL).status_code == 403
