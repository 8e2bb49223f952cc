"""Choosing a store: nearest first, then its prices, its stock, collected there; and goods that only stores have."""

from __future__ import annotations

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.price_records import save_list, set_prices
from fairday.goods.prices import ListPrice, PriceList
from fairday.kernel.clock import ManualClock
from fairday.people.identity import person_of
from fairday.scenes.loading import load_person
from fairday.storage.log import Happening
from fairday.stores.near import Store
from fairday.stores.records import save_stores
from fairday.web.signing import secret_of, sign
from webdesk import Client

SHANGHAI = Store(
    store="sh", name="南京西路店", city="上海", latitude=31.23, longitude=121.46, collect_until=1080,
    address="南京西路 1266 号",
)  # fmt: skip
HANGZHOU = Store(store="hz", name="西湖店", city="杭州", latitude=30.25, longitude=120.15)
BEIJING = Store(store="bj", name="国贸店", city="北京", latitude=39.91, longitude=116.46)
DEPOT = Store(store="depot", name="仓", latitude=30.75, longitude=120.75, kind="warehouse", serves="ship")


@pytest.fixture
def tea(shop: fairday.Shop, clock: ManualClock) -> fairday.Shop:
    """Tea at 68.00, at 60.00 in Hangzhou, where two are; forty in the depot. A cup that only Hangzhou has."""
    shop.change_settings(country="CN", currency="CNY", language="en")
    now = clock.now()
    with shop.db.write() as conn:
        save_stores(conn, [SHANGHAI, HANGZHOU, BEIJING, DEPOT])
        save_products(conn, [ProductRow(product=p, title=p.title(), price=6800, currency="CNY", category="Tea")
                             for p in ("tea", "cup")], now)  # fmt: skip
        save_list(conn, PriceList(list="hz", title="Hangzhou", currency="CNY", store="hz"), now)
        set_prices(conn, "hz", [ListPrice("hz", "tea", 1, 6000)], now)
    shop.stock.count("tea", "depot", 40)
    shop.stock.count("tea", "hz", 2)
    shop.stock.count("cup", "hz", 5)
    shop.catch_up()
    return shop


def names(page: str) -> list[str]:
    """The stores of a page, from the top."""
    return [name for _, name in sorted((page.find(s.name), s.name) for s in (SHANGHAI, HANGZHOU, BEIJING))]


def test_the_nearest_stores_to_a_town_come_first_and_no_warehouse_among_them(tea: fairday.Shop) -> None:
    page = Client(tea).get("/stores?near=杭州&lang=en").text
    assert names(page) == ["西湖店", "南京西路店", "国贸店"]
    assert "Close by" in page
    assert "仓" not in page
    assert names(Client(tea).get("/stores?near=1266").text)[0] == "南京西路店"  # by its street
    assert "Nothing found for" in Client(tea).get("/stores?near=Atlantis&lang=en").text


def test_a_page_of_stores_says_which_have_a_good(tea: fairday.Shop) -> None:
    page = Client(tea).get("/stores?sku=tea&lang=en").text
    assert page.count("In stock, ready") == 1
    assert page.count("Not in this store") == 2
    assert Client(tea).get("/stores?sku=nothing").status_code == 200


def test_whoever_chose_a_store_sees_its_price_and_stock_and_collects_there(tea: fairday.Shop) -> None:
    client = Client(tea)
    assert "68.00" in client.get("/goods/tea?lang=en").text
    answer = client.post("/stores", {"store": "hz", "to": "/goods/tea"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/goods/tea")
    page = client.get("/goods/tea").text
    assert "60.00" in page
    assert "西湖店" in page
    assert "In stock, ready" in page
    client.post("/cart/add", {"sku": "tea", "qty": "2"})
    cart = client.get("/cart").text
    assert "Collected at 西湖店" in cart
    assert "120.00" in cart
    checkout = client.get("/checkout").text
    assert 'value="pickup" checked' in checkout
    assert 'value="hz" data-raw selected' in checkout
    client.post("/cart/add", {"sku": "tea", "qty": "1"})  # more than the store has: sent, at the price for that
    cart = client.get("/cart").text
    assert "Collected at" not in cart
    assert "204.00" in cart
    assert "/checkout" in cart
    client.post("/stores", {"store": "", "to": "/"})
    assert "68.00" in client.get("/goods/tea").text


def test_goods_that_only_a_store_has_are_said_to_be_collected_and_can_be(tea: fairday.Shop) -> None:
    client = Client(tea)
    assert "In stores only" in client.get("/goods/cup?lang=en").text
    client.post("/cart/add", {"sku": "cup"})
    cart = client.get("/cart").text
    assert "Only our stores have it" in cart
    assert 'href="/checkout"' in cart
    checkout = client.get("/checkout").text
    assert "Only our stores have it" in checkout
    assert 'value="order"' not in checkout
    assert 'value="order"' in client.get("/checkout?way=pickup&store=hz").text


def test_only_a_store_where_orders_are_collected_can_be_chosen_and_no_other_site_is_gone_to(tea: fairday.Shop) -> None:
    client = Client(tea)
    for store in ("depot", "nowhere", "hz\0", "x" * 70):
        assert client.post("/stores", {"store": store}).status_code in (404, 422)
    assert client.post("/stores", {"store": "hz", "to": "//evil.example"}).headers["location"] == "/"
    with tea.db.write() as conn:
        save_stores(
            conn, [Store(**{**{f: getattr(HANGZHOU, f) for f in HANGZHOU.__struct_fields__}, "serves": "none"})]
        )
    assert "68.00" in client.get("/goods/tea").text  # it no longer hands over orders


def test_a_shop_without_stores_has_no_such_page(shop: fairday.Shop) -> None:
    assert Client(shop).get("/stores").status_code == 404
    assert "/stores" not in Client(shop).get("/").text


def test_the_choice_is_told_so_that_floors_show_the_store_and_the_last_one_counts(
    tea: fairday.Shop, clock: ManualClock
) -> None:
    client = Client(tea)
    client.post("/consent", {"answer": "yes"})
    met = Happening(message_id="met", kind="identify", at=clock.now(), received=clock.now(), source="shop",
                    ids=(("email", "li@example.com"),))  # fmt: skip
    tea.append([met]).result()
    tea.catch_up()
    token = sign(secret_of(tea), "confirm|one|li@example.com", clock.now() + 60_000)
    client.post(f"/me/confirm/{token}")
    for store in ("hz", "bj", "hz"):  # back to the first, within the hour
        clock.move(1000)
        client.post("/stores", {"store": store, "to": "/"})
    tea.catch_up()
    tea.catch_up()
    with tea.db.read() as conn:
        person = person_of(conn, "email", "li@example.com")
        assert person is not None
        chosen = load_person(conn, person, clock.now()).lately.store
    assert chosen is not None
    assert chosen[0] == "hz"
