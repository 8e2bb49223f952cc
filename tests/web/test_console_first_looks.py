"""What an operator sees first: what waits, whose order it is, names where numbers stood."""

from __future__ import annotations

import re

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.trade.links import order_number
from fairday.trade.records import Contact
from trading import line, placing
from webdesk import Client

IDS = ("0190a1b2c3d4e5f60718293a4b", "0190a1b2c3d4e5f60718293a4c")
NAMES = ("Li Wei", "Ana Gómez")


@pytest.fixture
def sold(shop: fairday.Shop) -> fairday.Shop:
    """A shop with two orders, of two people; one is paid and waits to be sent."""
    shop.change_settings(zone="UTC")
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="mug", title="Mug", price=4500, currency="CNY")], 1)
    shop.stock.count("mug", "main", 2)
    for id_, name in zip(IDS, NAMES, strict=True):
        holds = [["stock", "stock:mug", {"sku": "mug", "place": "main", "line": "1", "qty": 1}]]
        contact = Contact(name=name, email=f"{name[:2].lower()}@example.com", city="上海市", street="1", country="CN")
        ids = [("email", contact.email)]
        made = placing(line("1", "mug", 1, 4500), holds=holds)
        assert shop.orders.place(f"order:{id_}", made, contact, ids, actor="b").ok
    begun = shop.payments.begin(f"order:{IDS[0]}", "bank_transfer", "", 4500, "CNY", subject="x", actor="b")
    desk = Client(shop).sign_in("owner", "till@example.com")
    desk.get(f"/console/payments/{begun.number}")
    assert desk.post(f"/console/payments/{begun.number}/confirm", {"reference": "T1"}).status_code == 303
    return shop


def test_orders_tell_whose_they_are_and_are_counted_by_status(sold: fairday.Shop) -> None:
    desk = Client(sold).sign_in()

    def rows(query: str) -> list[str]:
        return re.findall(r'href="/console/orders/(\w{26})"', desk.get(f"/console/orders?lang=en&{query}").text)

    page = desk.get("/console/orders?lang=en").text
    assert all(name in page for name in NAMES)
    assert re.search(r"Paid <b>1</b>", page)
    assert sorted(rows("")) == sorted(IDS)
    assert rows("q=g%C3%B3mez") == [IDS[1]]
    assert rows("status=paid") == [IDS[0]]


def test_the_first_page_says_what_waits_and_what_today_brought(sold: fairday.Shop) -> None:
    page = Client(sold).sign_in().get("/console?lang=en").text
    told = dict(re.findall(r"<span>([^<]+)</span><b>(\d+)</b></a>", page))
    assert told["Orders to send"] == "1"
    assert told["Goods sold out"] == "1"
    assert "1 order<" in page
    assert "CN¥45.00" in page
    clerk = Client(sold).sign_in("analyst").get("/console?lang=en").text
    assert "Orders to send" in clerk, "an analyst reads orders too"


def test_an_empty_shop_has_nothing_to_do(shop: fairday.Shop) -> None:
    assert 'class="todo"' not in Client(shop).sign_in().get("/console?lang=en").text


def test_stock_is_told_by_order_number_and_the_warehouse_by_its_name(sold: fairday.Shop) -> None:
    page = Client(sold).sign_in().get("/console/stock/good?sku=mug&lang=es").text
    assert f">{order_number(IDS[0])}</a>" in page
    assert "Almacén principal" in page
    assert IDS[0] not in re.sub(r'href="[^"]*"', "", page)
