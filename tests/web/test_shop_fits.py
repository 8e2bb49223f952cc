"""The storefront in a real Chromium on a phone: bought in three taps with and without script, and fit for everybody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import fairday
import parts
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import ManualClock
from fairday.stores.near import Store
from fairday.stores.records import save_stores
from fitness import unfit
from paying import ready, served
from shopping import Shopper

PHONE = {"width": 390, "height": 844}
PAGES = ["/", "/feed", "/search", "/search?q=zzqx", "/goods/oolong", "/goods/none", "/compare", "/cart", "/checkout",
         "/orders", "{order}", "/me", "/me/card", "/wallet", "/wishes", "/stores", "/place", "/market", "/sell",
         "/sell/item", "/designs", "/designs/new", "/briefs", "/company"]  # fmt: skip


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    found = parts.chromium()
    if found is None:
        parts.missing("Chromium", "On Debian or Ubuntu: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=parts.FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shopper]:
    """A member who ordered once, in a shop that sells tea, has two stores and takes part in every way to trade."""
    path = tmp_path_factory.mktemp("phone") / "shop.db"
    with fairday.open(path, clock=ManualClock(1_780_315_200_000), language="en", currency="CNY", country="CN") as shop:
        now = shop.clock.now()
        shop.change_settings(
            market={"open": True, "commission": 500, "hold_days": 7, "review": True}, crowd={"open": True},
            rewards={"on": True, "unit": "stars", "per": 1000, "months": 12, "top_ups": [10_000],
                     "levels": [{"name": "Gold", "at": 60}]},
        )  # fmt: skip
        with shop.db.write() as conn:
            save_products(conn, [ProductRow(product=p, title=t, price=6800, currency="CNY", category="Tea")
                                 for p, t in (("oolong", "Oolong tea"), ("puer", "Aged pu'er"))], now)  # fmt: skip
            save_stores(conn, [
                Store(store="sh", name="Nanjing Road", city="Shanghai", latitude=31.2, longitude=121.5, serves="both"),
                Store(store="hz", name="West Lake", city="Hangzhou", latitude=30.25, longitude=120.15),
            ])  # fmt: skip
        shop.stock.count("oolong", "sh", 90)
        shop.stock.count("puer", "sh", 90)
        shop.catch_up()
        with served(ready(shop)) as base:
            who = Shopper(shop, base).sign_in("li@example.com")
            who.pay(who.add("oolong").buy())
            yield who


def phone(chromium: Browser, who: Shopper, *, script: bool = True, scheme: str = "light") -> Page:
    """Their phone, signed in."""
    context = chromium.new_context(
        viewport=PHONE, has_touch=True, locale="en-GB", java_script_enabled=script, color_scheme=scheme
    )
    context.add_cookies([{"name": c.name, "value": c.value or "", "url": who.base} for c in who.web.cookies.jar])
    page = context.new_page()
    page.set_default_timeout(15_000)
    return page


@pytest.mark.parametrize("script", [True, False])
def test_a_known_shopper_orders_in_three_taps_also_without_script(
    chromium: Browser, known: Shopper, script: bool
) -> None:
    page = phone(chromium, known, script=script)
    page.goto(f"{known.base}/goods/oolong")
    page.get_by_role("button", name="Add to cart").tap()
    page.wait_for_url("**/cart")
    page.get_by_role("link", name="Checkout").tap()
    page.wait_for_url("**/checkout")
    assert "Li Wei" in page.locator(".known summary").inner_text()  # whom it goes to is said, and nothing asked
    placed = len(known.get("/orders").text.split('href="/order/'))
    page.get_by_role("button", name="Order and pay").tap()
    page.wait_for_url("**/pay/**")
    assert len(known.get("/orders").text.split('href="/order/')) == placed + 1
    page.context.close()


@pytest.mark.parametrize("language", ["zh", "en", "es"])
def test_every_page_can_be_used_by_everybody_and_is_small(chromium: Browser, known: Shopper, language: str) -> None:
    known.add("puer")
    page = phone(chromium, known, scheme="dark" if language == "en" else "light")
    wrong = {}
    for path in PAGES:
        at = path.format(order=known.order()) if "{" in path else path
        answer = page.goto(f"{known.base}{at}{'&' if '?' in at else '?'}lang={language}")
        assert answer is not None
        found = unfit(page)
        if len(answer.body()) >= 30_000:
            found.append(f"{len(answer.body())} bytes")
        if answer.status not in (200, 404):
            found.append(f"status {answer.status}")
        if found:
            wrong[path] = found
    assert wrong == {}
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle + document.activeElement.tagName")
    assert outline == "solidA"
    page.context.close()
