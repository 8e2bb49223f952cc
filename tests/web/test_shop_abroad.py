from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.rates import save_rates
from fairday.goods.records import Details, save_details
from fairday.kernel.clock import to_day
from webdesk import Client

DAY = to_day(date(2026, 11, 20))
BERLIN = {"name": "Eva Li", "phone": "+4930123456", "country": "DE", "region": "", "city": "Berlin",
          "street": "Torstr. 1", "postcode": "10119", "email": "eva@example.com"}  # fmt: skip


@pytest.fixture
def abroad(shop: fairday.Shop, clock) -> Client:
    clock.at = (DAY + 1) * 86_400_000
    shop.change_settings(country="CN", currency="CNY", language="en")
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="mug", title="Mug", price=8_000, currency="CNY"),
                             ProductRow(product="rocket", title="Rocket", price=900, currency="CNY")], 1)  # fmt: skip
        save_details(conn, [Details(product="mug", hs_code="691200"), Details(product="rocket", hs_code="360410")], 1)
        save_rates(conn, [("EUR", "CNY", DAY, Decimal(8))])
    return Client(shop)


def hidden(page: str, name: str) -> str:
    import html

    return html.unescape(re.search(rf'name="{name}" value="([^"]*)"', page)[1])


def page(web, path, **params):
    answer = web.get(path, params={"lang": "en", **params})
    assert answer.status_code == 200
    assert len(answer.content) < 30_000
    return answer.text


def test_the_country_is_chosen_once_and_goods_cart_and_order_say_what_crossing_costs(abroad):
    assert "Germany" not in page(abroad, "/goods/mug")
    assert abroad.post("/country", data={"country": "DE"}).status_code == 303
    # 3 euros of duty, 19 % of both: ¥24.00 and ¥19.76.
    good = page(abroad, "/goods/mug")
    assert "CN¥80.00 for the goods and CN¥43.76 of duty and tax, both in the price" in good
    assert "<span data-raw>CN¥123.76</span>" in good
    abroad.post("/cart/add", data={"sku": "mug", "qty": "1"})
    cart = page(abroad, "/cart")
    assert all(x in cart for x in ("Duty", "¥24.00", "Import tax, Germany", "¥19.76", "¥123.76", "2026-11"))
    shown = page(abroad, "/checkout")
    assert '<option value="DE" data-raw selected>' in shown
    form = {**BERLIN, "seen": hidden(shown, "seen"), "cart": hidden(shown, "cart"), "go": "order", "way": "ship",
            "payment": "bank_transfer"}  # fmt: skip
    assert abroad.post("/checkout", data=form).headers["location"].startswith("/pay/")
    link = re.search(r'href="(/order/[^"]+)"', abroad.get("/orders").text)[1]
    order = page(abroad, link)
    assert all(x in order for x in ("Duty", "¥24.00", "Tax", "¥19.76", "¥123.76"))
    assert abroad.get(f"{link}/invoice.pdf").content.startswith(b"%PDF")


def test_what_was_seen_at_home_is_not_placed_abroad(abroad):
    abroad.post("/cart/add", data={"sku": "mug", "qty": "1"})
    shown = page(abroad, "/checkout")
    form = {**BERLIN, "seen": hidden(shown, "seen"), "cart": hidden(shown, "cart"), "go": "order", "way": "ship",
            "payment": "bank_transfer"}  # fmt: skip
    answer = abroad.post("/checkout", data=form)
    assert answer.status_code == 409
    assert "¥123.76" in answer.text


def test_goods_that_may_not_be_sent_say_why_and_no_order_is_placed(abroad):
    abroad.post("/country", data={"country": "DE"})
    assert "It may not be sent there: fireworks" in page(abroad, "/goods/rocket")
    abroad.post("/cart/add", data={"sku": "rocket", "qty": "1"})
    assert "It may not be sent there: fireworks" in page(abroad, "/cart")
    assert "Place the order" not in page(abroad, "/checkout")


@pytest.mark.parametrize("country", ["XX", "", "DEU", "d", "<b"])
def test_a_country_that_is_none_changes_nothing(abroad, country):
    assert abroad.post("/country", data={"country": country}).status_code == 303
    assert "fairday_country" not in abroad.cookies


def test_a_day_without_a_rate_is_said(abroad, clock):
    clock.at += 20 * 86_400_000
    abroad.post("/country", data={"country": "DE"})
    abroad.post("/cart/add", data={"sku": "mug", "qty": "1"})
    assert "no exchange rate for today" in page(abroad, "/cart")
