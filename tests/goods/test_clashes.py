"""Clashing prices: between our own places, against elsewhere, and below cost."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.clashes import find_clashes
from fairday.goods.observed import Seen, save_seen
from fairday.goods.price_records import save_list, set_prices
from fairday.goods.prices import ListPrice, PriceList
from fairday.goods.rates import save_rates
from fairday.goods.records import Details, Variant, save_details, save_variants
from fairday.kernel.clock import ManualClock
from webdesk import Client

NOW = 1_780_315_200_000
TODAY = NOW // 86_400_000


def fill(shop: fairday.Shop, clock: ManualClock) -> None:
    clock.at = NOW
    shop.change_settings(zone="UTC", currency="EUR", country="ES")
    with shop.db.write() as conn:
        rows = [ProductRow(product=n, title=n.title(), price=p, currency="EUR")
                for n, p in (("mug", 1000), ("cup", 1000), ("pot", 1000), ("bag", 1000), ("hid", 1000))]  # fmt: skip
        save_products(conn, rows, NOW)
        for one in (
            PriceList(list="shops", title="In the shops", currency="EUR", channel="store"),
            PriceList(list="firm", title="A company", currency="EUR", company="c1", priority=9),
            PriceList(list="old", title="Over", currency="EUR", channel="fair", ends_at=NOW - 1),
        ):
            save_list(conn, one, NOW)
        set_prices(conn, "shops", [ListPrice("shops", "mug", 1, 1200), ListPrice("shops", "cup", 1, 1040),
                                   ListPrice("shops", "hid", 1, 1)], NOW)  # fmt: skip
        set_prices(conn, "firm", [ListPrice("firm", "cup", 1, 100)], NOW)
        set_prices(conn, "old", [ListPrice("old", "cup", 1, 100)], NOW)
        save_details(conn, [Details(product="hid", hidden=True), Details(product="bag", cost=1001)], NOW)
        save_variants(
            conn,
            "pot",
            [
                Variant(sku="pot-s", product="pot", options={"size": "S"}, price=1000),
                Variant(sku="pot-l", product="pot", options={"size": "L"}, price=2000),
            ],
            NOW,
            "EUR",
        )
        seen = [("pot", 1200, "Bazar", TODAY), ("mug", 1000, "Bazar", TODAY), ("cup", 1, "Old", TODAY - 40),
                ("bag", 1050, "Bazar", TODAY)]  # fmt: skip
        save_seen(conn, [Seen(goods=g, place=p, day=d, amount=a, currency="EUR", source="x") for g, a, p, d in seen])


def test_prices_that_lie_too_far_apart_are_found_and_others_are_not(shop: fairday.Shop, clock: ManualClock) -> None:
    fill(shop, clock)
    with shop.db.read() as conn:
        found = find_clashes(conn, shop.settings, NOW, TODAY)
    told = [(c.sku, c.kind, c.gap, c.low.list, c.high.list) for c in found]
    assert told == [
        ("pot-l", "dearer", Fraction(2000, 1200) - 1, None, None),
        ("mug", "apart", Fraction(1, 5), None, "shops"),
        ("pot-s", "cheaper", Fraction(1, 5), None, None),
        ("bag", "below_cost", Fraction(1, 1000), None, None),
    ]
    shop.change_settings(price_tolerance=3)
    with shop.db.read() as conn:
        closer = {(c.sku, c.kind) for c in find_clashes(conn, shop.settings, NOW, TODAY)}
    assert closer - {(sku, kind) for sku, kind, *_ in told} == {("cup", "apart"), ("bag", "cheaper")}


def test_a_price_of_nothing_by_mistake_is_the_widest_clash(shop: fairday.Shop, clock: ManualClock) -> None:
    fill(shop, clock)
    with shop.db.write() as conn:
        set_prices(conn, "shops", [ListPrice("shops", "bag", 1, 0)], NOW)
    with shop.db.read() as conn:
        found = [(c.sku, c.kind, c.gap) for c in find_clashes(conn, shop.settings, NOW, TODAY)]
    assert found[:2] == [("bag", "below_cost", Fraction(1000)), ("bag", "apart", Fraction(999))]


def test_what_others_ask_is_held_against_the_price_online_at_home(shop: fairday.Shop, clock: ManualClock) -> None:
    """Not against a list for a country that comes sooner in the alphabet."""
    fill(shop, clock)
    with shop.db.write() as conn:
        save_list(conn, PriceList(list="at", title="Austria", currency="EUR", country="AT"), NOW)
        set_prices(conn, "at", [ListPrice("at", "mug", 1, 1_030)], NOW)
        save_seen(conn, [Seen(goods="mug", place="Bazar", day=TODAY, amount=1_100, currency="EUR", source="x")])
    with shop.db.read() as conn:
        found = {c.kind: c for c in find_clashes(conn, shop.settings, NOW, TODAY) if c.sku == "mug"}
    assert found["cheaper"].gap == Fraction(1, 10)
    assert found["cheaper"].low.country == "ES"


def test_another_currency_is_compared_by_the_days_rate_or_not_at_all(shop: fairday.Shop, clock: ManualClock) -> None:
    fill(shop, clock)
    with shop.db.write() as conn:
        save_list(conn, PriceList(list="us", title="US", currency="USD", country="US"), NOW)
        set_prices(conn, "us", [ListPrice("us", "cup", 1, 2000)], NOW)
        assert "cup" not in {c.sku for c in find_clashes(conn, shop.settings, NOW, TODAY)}
        save_rates(conn, [("EUR", "USD", TODAY, Decimal("1.25"))])
        cup = next(c for c in find_clashes(conn, shop.settings, NOW, TODAY) if c.sku == "cup")
    assert (cup.gap, cup.high.list, cup.high.price.amount) == (Fraction(6, 10), "us", 2000)


def test_the_page_and_today_tell_them_with_a_click_to_each_price(shop: fairday.Shop, clock: ManualClock) -> None:
    fill(shop, clock)
    owner = Client(shop).sign_in()
    page = owner.get("/console/prices/clashes?lang=en").text
    for text in ("dearer than elsewhere", "our own prices differ", "below cost", "/console/prices?list=shops",
                 "/console/goods/good?n=mug", "Bazar", "€12.00"):  # fmt: skip
        assert text in page, text
    assert "A company" not in page
    today = owner.get("/console/morning?lang=en").text
    assert "4 prices clash" in today
    assert "/console/prices?list=shops" in today
    assert owner.post("/console/prices/clashes", {"tolerance": "25"}).status_code == 303
    assert shop.settings.price_tolerance == 25
    assert "2 prices clash" in owner.get("/console/morning?lang=en").text
    for wrong in ("-1", "501", "x", ""):
        assert owner.post("/console/prices/clashes", {"tolerance": wrong}).status_code == 422
    clerk = Client(shop).sign_in("analyst", "a@example.com")
    assert clerk.post("/console/prices/clashes", {"tolerance": "9"}).status_code == 403
