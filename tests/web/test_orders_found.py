"""An order is found by what somebody has of it: a number read aloud, a code at the counter, a parcel, a phone."""

from __future__ import annotations

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.ids import new_id
from fairday.trade.finding import find_orders
from fairday.trade.links import order_number, pickup_code
from fairday.trade.records import Contact, keep_parcel
from fairday.web.signing import secret_of
from trading import line, placing
from webdesk import Client


@pytest.fixture
def orders(shop: fairday.Shop) -> list[str]:
    """Three orders: of Li Wei, of Eva, and one of Eva's that she will collect."""
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="mug", title="Mug", price=4500, currency="CNY")], 1)
    made = []
    for n, (name, phone, way) in enumerate(
        [("李伟", "+8613800138000", "ship"), ("Eva 100%", "+8613900139000", "ship"), ("Eva", "", "pickup")]
    ):
        id_ = new_id(shop.clock.now() + n)
        contact = Contact(name=name, phone=phone, email=f"buyer{n}@example.com", city="上海市", country="CN")
        data = placing(line("1", "mug", 1, 4500), holds=[]) | {"way": way}
        assert shop.orders.place(f"order:{id_}", data, contact, [("email", f"buyer{n}@example.com")], actor="b").ok
        made.append(id_)
    with shop.db.write() as conn:
        keep_parcel(conn, new_id(shop.clock.now()), made[1], "sf", "SF1234567890123", shop.clock.now())
    return made


def found(shop: fairday.Shop, text: str) -> list[str]:
    with shop.db.read() as conn:
        return find_orders(conn, secret_of(shop), text)[0]


def test_an_order_is_found_by_all_that_people_have_of_it(shop: fairday.Shop, orders: list[str]) -> None:
    wei, eva, collected = orders
    for one in orders:
        number = order_number(one)
        assert found(shop, number) == found(shop, f" #{number.lower()} ") == found(shop, one) == [one]
    assert found(shop, pickup_code(secret_of(shop), collected)) == [collected]
    assert found(shop, "sf 1234567890123") == found(shop, "SF1234567890123") == [eva]
    assert found(shop, "138 0013 8000") == found(shop, "+86 138-0013-8000") == [wei]
    assert found(shop, "李伟") == [wei]
    assert found(shop, "eva") == [collected, eva]
    assert found(shop, "Eva 100%") == [eva], "a sign of LIKE is a sign"
    assert found(shop, "buyer2@example.com") == [collected]


@pytest.mark.parametrize("text", ["", "  ", "%", "_", "999999", "269999-ABCDEF", "nobody", "\\", "0" * 40, "'; --"])
def test_what_is_nobodys_finds_nothing(shop: fairday.Shop, orders: list[str], text: str) -> None:
    assert [o for o in found(shop, text) if text.strip() not in ("%",)] == []


def test_the_console_goes_straight_to_what_a_number_or_code_says(shop: fairday.Shop, orders: list[str]) -> None:
    desk = Client(shop).sign_in("clerk")
    to = desk.get("/console/orders", params={"q": order_number(orders[0])})
    assert (to.status_code, to.headers["location"]) == (303, f"/console/orders/{orders[0]}")
    code = pickup_code(secret_of(shop), orders[2])
    assert desk.get("/console/orders", params={"q": code}).headers["location"] == f"/console/orders/{orders[2]}"
    page = desk.get("/console/orders", params={"q": "Eva"}).text
    assert orders[1] in page
    assert orders[0] not in page
    assert desk.get("/console/orders", params={"q": "nobody"}).status_code == 200
