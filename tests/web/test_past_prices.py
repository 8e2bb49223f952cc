from __future__ import annotations

import html
import re

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.past_prices import by_day, stood
from fairday.goods.price_records import drop_prices, history_of, save_list, set_prices
from fairday.goods.prices import ListPrice, PriceList, Where
from fairday.goods.prior import Past
from fairday.kernel.clock import DAY_MS, ManualClock
from webdesk import Client


def sell(shop: fairday.Shop, price: int) -> None:
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="tea", title="Tea", price=price, currency="CNY")], shop.clock.now())


def ask(shop: fairday.Shop, price: int | None, qty: int = 1) -> None:
    with shop.db.write() as conn:
        save_list(conn, PriceList(list="spring", title="Spring prices", currency="CNY"), shop.clock.now())
        if price is None:
            drop_prices(conn, "spring", "tea", shop.clock.now(), qty)
        else:
            set_prices(conn, "spring", [ListPrice("spring", "tea", qty, price)], shop.clock.now())


@pytest.fixture
def told(shop: fairday.Shop, clock: ManualClock) -> fairday.Shop:
    """Tea at 100, then 110, then 80 in a list for ten days, at 110 again for ten, and at 90 in the list for the last
    five; the list has a price from ten pieces on, too."""
    for days, base, listed in ((0, 10_000, 0), (20, 11_000, 0), (20, 0, 8_000), (10, 0, None), (10, 0, 9_000)):
        clock.move(days * DAY_MS)
        if base:
            sell(shop, base)
        elif listed != 0:
            ask(shop, listed)
    ask(shop, 7_000, 10)
    clock.move(5 * DAY_MS)
    return shop


def test_each_price_stands_from_one_change_to_the_next(told: fairday.Shop) -> None:
    now = told.clock.now()
    with told.db.read() as conn:
        kept = history_of(conn, ["tea"])
    day = [(s.list, s.min_qty, s.price.amount, (now - s.start) // DAY_MS, None if s.end is None else
            (now - s.end) // DAY_MS) for s in stood(kept)]  # fmt: skip
    assert day == [("spring", 1, 9_000, 5, None), ("spring", 10, 7_000, 5, None), ("", 1, 11_000, 45, None),
                   ("spring", 1, 8_000, 25, 15), ("", 1, 10_000, 65, 45)]  # fmt: skip
    past = Past(kept, "tea", "tea", Where(currency="CNY"), "CNY")
    charted = [None if price is None else price.amount for _, price in by_day(past, now, 70)]
    assert charted == [None] * 4 + [10_000] * 20 + [11_000] * 20 + [8_000] * 10 + [11_000] * 10 + [9_000] * 6


def test_the_console_shows_past_prices_and_the_lowest_the_shop_tells(told: fairday.Shop) -> None:
    desk = Client(told).sign_in("analyst")
    assert 'href="/console/goods/prices?n=tea"' in desk.get("/console/goods/good?n=tea").text

    def shown() -> str:
        answer = desk.get("/console/goods/prices?n=tea&lang=en")
        assert answer.status_code == 200
        assert answer.text.count('<rect class="bar"') == 90
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.text)))

    page = shown()
    for text in ("One piece now CN¥90.00", "Lowest of 30 days CN¥80.00", "Crossed out in the shop CN¥110.00",
                 "CN¥70.00 from 10 pieces Spring prices", "CN¥100.00 Base price",
                 "Crossed out is the base price."):  # fmt: skip
        assert text in page, text
    told.change_settings(country="ES")
    page = shown()
    assert "Crossed out in the shop –" in page, "it cost 80 in the thirty days before"
    assert "by law it is not announced as reduced" in page


def test_goods_nobody_knows_have_no_past(lite: fairday.Shop) -> None:
    desk = Client(lite).sign_in("owner")
    assert desk.get("/console/goods/prices?n=nothing").status_code == 404
    assert desk.get("/console/goods/prices").status_code == 404
    sell(lite, 900)
    assert "CN¥9.00" in desk.get("/console/goods/prices?n=tea&v=other&lang=en").text
