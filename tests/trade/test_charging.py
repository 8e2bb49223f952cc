"""Orders charged in the buyer's currency: exact in both, from the quote to the last refund."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.rates import rates_on, save_rates
from fairday.goods.records import Details, save_details
from fairday.kernel.clock import to_day
from fairday.storage.ledger import balance
from fairday.trade.charging import Exchange, Part, at_home, charged, exchange
from fairday.trade.checkout import Buyer, Choice, Moved
from fairday.trade.order import MAX_MONEY
from fairday.trade.records import Contact
from fairday.trade.shipping.kept import save_rate
from fairday.trade.shipping.rates import Rate, Step
from trading import pay, picked, register, state

DAY = to_day(date(2026, 11, 20))
EVA = Contact(name="Eva Li", phone="+4930123456", email="eva@example.com", city="Berlin", street="Torstr. 1",
              country="DE")  # fmt: skip
IN_EUROS = Choice(country="DE", currency="EUR")


@pytest.fixture
def abroad(shop: fairday.Shop, clock) -> fairday.Shop:
    """A shop in London that takes euros and yen; a pound is 1.1478 euros."""
    clock.at = (DAY + 1) * 86_400_000
    shop.change_settings(country="GB", currency="GBP", zone="Europe/London", border={"takes": ["EUR", "JPY"]})
    goods = [("scarf", 3_333, "62141000"), ("mug", 1_299, "69120000")]
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product=p, title=p, price=n, currency="GBP") for p, n, _ in goods], 1)
        save_details(conn, [Details(product=p, hs_code=c) for p, _, c in goods], 1)
        save_rate(conn, Rate(rate="all", service="standard", steps=(Step(0, 499),), currency="GBP"))
        told = [("EUR", "GBP", DAY, Decimal("0.87125")), ("EUR", "JPY", DAY, Decimal("180.55"))]
        save_rates(conn, told, "European Central Bank")
    register(shop)
    return shop


def placed(shop, cart, choice=IN_EUROS):
    buyer = Buyer(ids=(("email", "eva@example.com"),))
    seen = shop.checkout.quote(cart, choice, buyer).seen
    return shop.checkout.place(cart, choice, EVA, buyer, seen, actor="guest")


def told_totals(shop):
    shop.catch_up()
    shop.catch_up()
    query = "SELECT name, body FROM happenings WHERE name LIKE 'Order %' ORDER BY pos"
    with shop.db.read() as conn:
        rows = conn.exec_driver_sql(query.replace("%", "%%") if conn.dialect.name == "postgresql" else query).all()
    import json

    return [(n, json.loads(b)["properties"]) for n, b in rows]


def test_an_order_in_euros_freezes_its_rate_and_keeps_what_it_was_in_pounds(abroad):
    cart = picked(abroad, scarf=1, mug=2)
    at_home_ = abroad.checkout.quote(cart, Choice(country="DE"), Buyer())
    quote = abroad.checkout.quote(cart, IN_EUROS, Buyer())
    assert (at_home_.currency, at_home_.charged) == ("GBP", None)
    assert quote.currency == "EUR"
    assert quote.total == sum(p.paid for p in quote.parts.values())
    # 33.33 pounds are 38.26 euros, and its part of the duty and tax is turned beside it.
    assert quote.parts["1"].net == round(3_333 / 0.87125) == 3_826
    order = placed(abroad, cart).order
    kept = state(abroad, order)
    assert (kept["currency"], kept["total"]) == ("EUR", quote.total)
    rate = kept["data"]["exchange"]
    assert Fraction(rate["rate"]) == 1 / Fraction("0.87125")
    assert (rate["home"], rate["day"], rate["source"]) == ("GBP", DAY, "European Central Bank")
    assert rate["total"] == at_home_.total == sum(rate["parts"].values())


def test_refunds_are_exact_in_euros_and_the_report_in_pounds(abroad):
    cart = picked(abroad, scarf=1, mug=3)
    home = abroad.checkout.quote(cart, Choice(country="DE"), Buyer()).total
    order = placed(abroad, cart).order
    total = state(abroad, order)["total"]
    pay(abroad, order, total, currency="EUR")
    assert abroad.orders.act("order.ship", order, {}, actor="shop").ok
    for _ in range(3):
        assert abroad.orders.act("order.refund", order, {"units": {"2": 1}, "why": "other"}, actor="shop").ok
    last = {"units": {"1": 1}, "shipping": True, "why": "other"}
    assert abroad.orders.act("order.refund", order, last, actor="shop").ok
    assert state(abroad, order)["refunded"] == total
    with abroad.db.read() as conn:
        for account in ("sales", "sales:shipping", "duty:DE", "import-tax:DE", order):
            assert balance(conn, account, "EUR") == balance(conn, account, "GBP") == 0
    told = told_totals(abroad)
    bought = [p for n, p in told if n == "Order Completed"]
    back = [p for n, p in told if n == "Order Refunded"]
    assert [(p["currency"], p["total"]) for p in bought] == [("GBP", home / 100)]
    assert {p["currency"] for p in back} == {"GBP"}
    assert len(back) == 4
    assert round(sum(p["total"] for p in back) * 100) == home


@pytest.mark.parametrize("wanted", ["", "GBP", "USD", "XXX", "eur", "EUR'"])
def test_a_currency_the_shop_does_not_take_is_charged_in_its_own(abroad, wanted):
    quote = abroad.checkout.quote(picked(abroad, mug=1), Choice(country="DE", currency=wanted), Buyer())
    assert (quote.currency, quote.charged) == ("GBP", None)


def test_without_a_rate_of_today_the_shops_own_currency_is_charged(abroad, clock):
    clock.at += 11 * 86_400_000
    quote = abroad.checkout.quote(picked(abroad, mug=1), Choice(country="GB", currency="EUR"), Buyer())
    assert (quote.currency, quote.ready) == ("GBP", True)


def test_a_rate_that_changed_between_looking_and_buying_places_nothing(abroad):
    cart = picked(abroad, mug=1)
    seen = abroad.checkout.quote(cart, IN_EUROS, Buyer()).seen
    with abroad.db.write() as conn:
        save_rates(conn, [("EUR", "GBP", DAY, Decimal("0.8"))])
    moved = abroad.checkout.place(cart, IN_EUROS, EVA, Buyer(), seen, actor="guest")
    assert isinstance(moved, Moved)
    assert moved.why == "changed"
    other = abroad.checkout.place(cart, Choice(country="DE"), EVA, Buyer(), seen, actor="guest")
    assert isinstance(other, Moved)
    assert {c.before for c in other.changes} == {None}, "euros are not compared with pounds"


def test_money_of_another_currency_does_not_pay_it(abroad):
    order = placed(abroad, picked(abroad, mug=1)).order
    total = state(abroad, order)["total"]
    pay(abroad, order, total)
    assert state(abroad, "till:1")["refused"] == "wrong_money"
    pay(abroad, order, total, "till:2", "EUR")
    assert state(abroad, order)["paid_at"] is not None


def test_yen_have_no_cents_and_what_would_vanish_is_not_turned():
    by = Exchange(home="GBP", currency="JPY", rate=Fraction(200), day=DAY)
    assert by.turned(1_299) == 2_598
    assert by.back(2_598) == 1_299
    poor = Exchange(home="JPY", currency="KWD", rate=Fraction(1, 10**6), day=DAY)
    assert charged({"1": Part(gross=100, paid=100)}, poor) is None
    rich = Exchange(home="GBP", currency="JPY", rate=Fraction(10**9), day=DAY)
    assert charged({"1": Part(gross=MAX_MONEY, paid=MAX_MONEY)}, rich) is None


def test_rates_over_another_base_go_through_it_and_the_day_is_the_older(abroad):
    with abroad.db.write() as conn:
        save_rates(conn, [("GBP", "EUR", DAY + 1, Decimal("1.25")), ("GBP", "CHF", DAY - 2, Decimal("1.1"))], "bank")
        save_rates(conn, [("EUR", "GBP", DAY - 3, Decimal("0.9"))], "ecb")
    with abroad.db.read() as conn:
        rates = rates_on(conn, DAY + 1)
    assert rates.rate("GBP", "EUR", DAY + 1) == Fraction(5, 4)
    assert rates.known("GBP", "JPY", DAY + 1).day == DAY
    assert rates.rate("EUR", "CHF", DAY - 2) == Fraction("0.99")
    assert exchange(rates, "GBP", "XXX", DAY) is None


AMOUNTS = st.integers(0, 10**7)


@given(
    st.lists(st.tuples(AMOUNTS, st.lists(AMOUNTS, max_size=3), AMOUNTS, AMOUNTS), min_size=1, max_size=5),
    st.fractions(Fraction(1, 500), Fraction(500)),
    st.booleans(),
    st.sampled_from([("GBP", "EUR"), ("JPY", "KWD"), ("EUR", "JPY")]),
)
@settings(max_examples=150, deadline=None)
def test_every_part_adds_up_in_both_currencies(given_, rate, inside, pair):
    parts = {}
    for n, (gross, off, tax, duty) in enumerate(given_):
        gross += sum(off)
        discounts = tuple((f"r{i}", x) for i, x in enumerate(off))
        net = gross - sum(off)
        one = {"tax": min(tax, net), "duty": 0, "paid": net} if inside else {
            "tax": tax + duty, "duty": duty, "paid": net + tax + duty
        }  # fmt: skip
        parts[str(n)] = Part(gross=gross, discounts=discounts, **one)
    by = Exchange(home=pair[0], currency=pair[1], rate=rate, day=DAY)
    made = charged(parts, by)
    if made is None:
        return
    assert made.total == sum(p.paid for p in made.parts.values())
    for name, part in made.parts.items():
        assert part.paid in (part.net, part.net + part.tax)
        assert 0 <= part.duty <= part.tax or inside
        assert all(n >= 0 for _, n in part.discounts)
        assert part.tax <= part.paid
        assert abs(part.net - by.exact(parts[name].net)) <= Fraction(1, 2)
        steps = sorted({0, part.paid // 3, part.paid // 2, part.paid})
        told = made.told()
        back = [at_home(told, name, part.paid, a, b) for a, b in pairwise(steps)]
        assert sum(back) == (parts[name].paid if part.paid else 0)
        assert all(n >= 0 for n in back)
