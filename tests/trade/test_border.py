from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.rates import save_rates
from fairday.goods.records import Details, save_details
from fairday.kernel.claims import Hold, Turn
from fairday.kernel.clock import to_day
from fairday.kernel.decider import Refusal
from fairday.kernel.ids import new_id
from fairday.storage.ledger import balance
from fairday.trade.border import AllowanceClaim, AllowanceDecider
from fairday.trade.checkout import Buyer, Choice
from fairday.trade.records import Contact
from fairday.trade.shipping.kept import save_rate
from fairday.trade.shipping.rates import Rate, Step
from trading import pay, picked, register, state

EVA = Contact(name="Eva Li", phone="+8613800138000", city="Berlin", street="Torstr. 1", country="DE")
DAY = to_day(date(2026, 11, 20))
GERMANY, AMERICA = Choice(country="DE"), Choice(country="US")


@pytest.fixture
def abroad(shop: fairday.Shop, clock) -> fairday.Shop:
    """A shop in Shanghai: one euro is eight yuan, parcels go anywhere for 40."""
    clock.at = (DAY + 1) * 86_400_000
    shop.change_settings(country="CN", currency="CNY", zone="Asia/Shanghai")
    goods = [
        ("scarf", 40_000, "62141000"),
        ("mug", 8_000, "69120000"),
        ("knife", 9_000, "93070000"),
        ("lamp", 9_999, None),
    ]
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product=p, title=p, price=n, currency="CNY") for p, n, _ in goods], 1)
        save_details(conn, [Details(product=p, hs_code=c) for p, _, c in goods], 1)
        save_rate(conn, Rate(rate="all", service="standard", steps=(Step(0, 4_000),), currency="CNY"))
        save_rates(conn, [("EUR", "CNY", DAY, Decimal(8)), ("EUR", "USD", DAY, Decimal("1.1"))])
    register(shop)
    return shop


def placed(shop, cart, choice, buyer=Buyer()):  # noqa: B008
    seen = shop.checkout.quote(cart, choice, buyer).seen
    return shop.checkout.place(cart, choice, EVA, buyer, seen, actor="guest")


def test_at_home_nothing_is_added(abroad):
    quote = abroad.checkout.quote(picked(abroad, mug=1), Choice(), Buyer())
    assert (quote.crossing, quote.total) == (None, 12_000)


def test_a_small_parcel_to_europe_pays_its_duty_and_tax_at_checkout(abroad):
    quote = abroad.checkout.quote(picked(abroad, scarf=1, mug=2), GERMANY, Buyer())
    # 3 EUR for each of two headings; 19 % of goods, carriage and duty.
    assert quote.crossing.landed.regime == "ioss"
    duty, tax = 2 * 2_400, round((56_000 + 4_000 + 4_800) * 0.19)
    parts = quote.parts.values()
    assert (sum(x.duty for x in parts), sum(x.tax for x in parts)) == (duty, duty + tax)
    # Delivery bears its own tax, so a line costs what its goods' page says.
    assert quote.parts["shipping"].paid == 4_000 + 760
    assert quote.total == 60_000 + duty + tax
    assert (quote.crossing.now, quote.crossing.later) == (duty + tax, 0)


def test_a_dear_parcel_is_told_what_the_carrier_will_ask_unless_the_shop_pays_ahead(abroad):
    cart = picked(abroad, scarf=4)
    told = abroad.checkout.quote(cart, GERMANY, Buyer())
    assert (told.crossing.landed.regime, told.total, told.crossing.now) == ("standard", 164_000, 0)
    assert told.crossing.later > 30_000
    abroad.change_settings(border={"prepaid": True})
    paid = abroad.checkout.quote(cart, GERMANY, Buyer())
    assert (paid.total, paid.crossing.later) == (164_000 + told.crossing.later, 0)


def test_what_may_not_be_sent_says_why_and_is_not_sold(abroad):
    abroad.change_settings(border={"refuses": {"DE": ["mug"]}})
    quote = abroad.checkout.quote(picked(abroad, knife=1, mug=1), GERMANY, Buyer())
    assert [(x.problem.code, x.problem.where) for x in quote.lines] == [
        ("border_refused", "arms"), ("border_refused", "shop"),
    ]  # fmt: skip
    assert not quote.ready
    assert abroad.checkout.quote(picked(abroad, knife=1, mug=1), Choice(), Buyer()).ready


def test_goods_without_a_code_are_counted_at_the_general_rate_and_said_to_be_a_guess(abroad):
    quote = abroad.checkout.quote(picked(abroad, lamp=1), GERMANY, Buyer())
    assert quote.ready
    assert not quote.crossing.landed.certain


def test_without_a_rate_of_the_day_nothing_is_sold_abroad(abroad, clock):
    clock.at += 11 * 86_400_000
    quote = abroad.checkout.quote(picked(abroad, mug=1), GERMANY, Buyer())
    assert (quote.ready, quote.crossing.problem.code) == (False, "border_no_rate")
    assert abroad.checkout.quote(picked(abroad, mug=1), Choice(), Buyer()).ready


def test_the_shops_own_table_lies_over_the_one_that_ships(abroad):
    abroad.change_settings(border={"table": "version: ours\ncountries: {DE: {customs: EU, tax: 50}}\n"})
    quote = abroad.checkout.quote(picked(abroad, mug=1), GERMANY, Buyer())
    assert quote.crossing.landed.version == "ours"
    assert quote.crossing.landed.tax == (8_000 + 4_000 + 2_400) // 2


def test_inside_one_customs_territory_a_registered_shop_charges_its_own_tax(abroad):
    abroad.change_settings(country="FR", taxes={"DE": {"rates": {"standard": "19"}}})
    quote = abroad.checkout.quote(picked(abroad, mug=1), GERMANY, Buyer())
    assert (quote.crossing, quote.tax_inside) == (None, True)
    assert (
        abroad.checkout.quote(picked(abroad, mug=1), Choice(country="ES"), Buyer()).crossing.landed.regime == "inside"
    )


def test_duty_and_tax_are_kept_apart_and_go_back_with_the_goods_to_the_cent(abroad):
    cart = picked(abroad, scarf=1, mug=3)
    quote = abroad.checkout.quote(cart, GERMANY, Buyer())
    order = placed(abroad, cart, GERMANY).order
    assert state(abroad, order)["mode"] == "cross-border"
    pay(abroad, order, quote.total)

    def kept(account):
        with abroad.db.read() as conn:
            return balance(conn, account, "CNY")

    landed = quote.crossing.landed
    assert (kept("duty:DE"), kept("import-tax:DE")) == (landed.duty, landed.tax)
    assert kept("sales") + kept("sales:shipping") == 68_000
    assert kept("sales:shipping") == 4_000
    assert abroad.orders.act("order.ship", order, {}, actor="shop").ok
    mug = state(abroad, order)["lines"]["2"]
    for _ in range(3):
        assert abroad.orders.act("order.refund", order, {"units": {"2": 1}, "why": "other"}, actor="shop").ok
    assert (kept("duty:DE"), kept("import-tax:DE")) == (
        landed.duty - mug["duty"],
        landed.tax - mug["tax"] + mug["duty"],
    )
    done = abroad.orders.act("order.refund", order, {"units": {"1": 1}, "shipping": True, "why": "other"}, actor="shop")
    assert done.ok
    assert {kept(a) for a in ("duty:DE", "import-tax:DE", "sales", "sales:shipping", order)} == {0}


# ---- what a person may spend in a year -------------------------------------------------------------------------------


@pytest.fixture
def chinese(abroad):
    """The same shop in Paris, selling to China."""
    abroad.change_settings(country="FR")
    from fairday.kernel.decider import Command

    account = f"account:{new_id(1)}"
    assert abroad.runner.submit(Command("open", account)).ok
    return abroad, Buyer(account=account)


CHINA = Choice(country="CN")


def test_china_asks_who_buys_and_counts_the_year(chinese):
    shop, eva = chinese
    cart = picked(shop, mug=1)
    assert shop.checkout.quote(cart, CHINA, Buyer()).crossing.problem.code == "border_sign_in"
    quote = shop.checkout.quote(cart, CHINA, eva)
    assert quote.ready
    assert quote.crossing.landed.tax == round(12_000 * 0.13 * 0.7)
    order = placed(shop, cart, CHINA, eva).order
    stream = quote.crossing.holds[0].stream
    assert stream == f"allowance:CN:2026:{eva.account.partition(':')[2]}"
    assert state(shop, stream)["spent"] == 12_000
    assert shop.orders.act("order.cancel", order, {"why": "other"}, actor="shop").ok
    assert state(shop, stream)["spent"] == 0


def test_a_year_is_never_overspent_and_an_order_over_the_limit_is_refused(chinese):
    shop, eva = chinese
    for _ in range(6):
        placed(shop, picked(shop, scarf=1), CHINA, eva)
    big = picked(shop, scarf=13)
    assert shop.checkout.quote(big, CHINA, eva).crossing.problem.code == "border_limit"
    hold = shop.checkout.quote(picked(shop, mug=1), CHINA, eva).crossing.holds[0]
    assert state(shop, hold.stream)["spent"] == 6 * 44_000
    taken = AllowanceClaim().decide(
        {"spent": 2_600_000 - 11_999}, hold, Turn(step="place", order="order:1", account=eva.account), 1
    )
    assert isinstance(taken, Refusal)


@given(
    st.integers(1, 10**7), st.lists(st.integers(1, 10**5), min_size=1, max_size=6), st.integers(0, 10**5), st.booleans()
)
@settings(max_examples=100, deadline=None)
def test_whatever_goes_back_in_parts_gives_the_whole_allowance_back_at_the_end(amount, parts, rest, cancelled):
    decider, claim = AllowanceDecider(), AllowanceClaim()
    hold = Hold("allowance", "allowance:CN:2026:1", {"amount": amount, "limit": 10**8})
    whole, already, kept = sum(parts) + rest, 0, decider.initial()
    turns = [Turn(step="place", order="order:1", whole=whole)]
    for n, part in enumerate(parts):
        final = n == len(parts) - 1 and not cancelled
        turns.append(Turn(step="refund", order="order:1", n=n, part=part, whole=whole, already=already, final=final))
        already += part
    if cancelled:
        turns.append(Turn(step="cancel", order="order:1", whole=whole, already=already))
    for turn in turns:
        for event in claim.decide(kept, hold, turn, 1):
            kept = decider.evolve(kept, event)
        assert 0 <= kept["spent"] <= amount
    assert kept["spent"] == 0
