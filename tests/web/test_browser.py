"""The console and the storefront in a real Chromium."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

import fairday
import parts
import shopfull
from fairday import operators
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import ManualClock
from fairday.people import audiences
from fairday.scenes import life
from webdesk import HASH, PASSWORD, serving

PAGES = ["/console", "/console/people", "/console/people/{person}", "/console/audiences", "/console/audiences/buyers",
         "/console/audiences/new?expression=ordes(90d)", "/console/scenes", "/console/scenes/tea-season",
         "/console/scenes/new", "/console/scenes/new?tab=yaml", "/console/scenes/calendar", "/console/stores",
         "/console/scenes/tea-season/preview?who=age%20%3C%2030",
         "/console/scenes/tea-season/preview?q=u7", "/console/mailbox", "/console/mailbox/1",
         "/console/report", "/console/data", "/console/data/rejected", "/console/data/imports", "/console/data/keys",
         "/console/data/followers", "/console/settings", "/console/password", "/console/nowhere", "/",
         "/goods/tea-1", "/feed", "/search?q=tea", "/search?q=tea+lamp", "/me", "/wishes",
         "/unsubscribe/token-0", "/nowhere"]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = parts.chromium()
    if found is None:
        parts.missing("Chromium", "On Debian or Ubuntu: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=parts.FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, fairday.Shop]]:
    """A full shop behind a real server, with an owner who has a password and one who has not."""
    path = tmp_path_factory.mktemp("browser") / "shop.db"
    with fairday.open(path, clock=ManualClock(1_780_315_200_000), language="en") as shop:
        shopfull.fill(shop)
        with shop.db.write() as conn:
            row = {"email": "owner@example.com", "hash": HASH, "role": "owner", "must_change": False, "active": True}
            conn.execute(operators.operators.insert(), row | {"created": 0, "seen": 0})
        with serving(shop) as url:
            yield url, shop


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(8000)
    errors: list[str] = []
    opened.on("pageerror", lambda e: errors.append(str(e)))
    opened.on("console", lambda m: errors.append(m.text) if "Content Security Policy" in m.text else None)
    yield opened
    context.close()
    assert errors == []


def enter(page: Page, url: str, email: str = "owner@example.com", password: str = PASSWORD) -> None:
    page.goto(f"{url}/console/sign-in?lang=en")
    page.fill('[name="email"]', email)
    page.fill('[name="password"]', password)
    page.click("form.card button")


def buyers(shop: fairday.Shop) -> str:
    """What the library counts for ``orders(90d) >= 1``."""
    with shop.db.read() as conn:
        return str(audiences.count(conn, "orders(90d) >= 1", shop.settings, shop.clock.now()))


def test_a_new_operator_signs_in_and_sets_a_password(page: Page, address: tuple[str, fairday.Shop]) -> None:
    url, shop = address
    once = operators.create(shop.db, f"new-{os.getpid()}@example.com", "analyst", shop.clock.now())
    enter(page, url, f"new-{os.getpid()}@example.com", once)
    expect(page).to_have_url(f"{url}/console/password")
    page.goto(f"{url}/console/people")
    expect(page).to_have_url(f"{url}/console/password")
    page.fill('[name="old"]', once)
    page.fill('[name="new"]', "my own password")
    page.fill('[name="again"]', "my own password")
    page.click("form.card button")
    expect(page.locator(".note.good")).to_have_text("Your password is saved.")
    page.click("text=Sign out")
    expect(page).to_have_url(f"{url}/console/sign-in")


def test_an_audience_is_built_with_its_count_as_it_is_typed(page: Page, address: tuple[str, fairday.Shop]) -> None:
    url, shop = address
    enter(page, url)
    page.goto(f"{url}/console/audiences/new")
    page.type("#expression", "ordes(90d) >= 1", delay=5)
    expect(page.locator("#live mark")).to_have_text("ordes")
    expect(page.locator("#live")).to_contain_text("Did you mean orders?")
    page.fill("#expression", "")
    page.click('[data-insert="orders(90d)"]')
    page.type("#expression", " >= 1")
    expect(page.locator("#live .count")).to_have_text(buyers(shop))
    page.fill('[name="name"]', "recent-buyers")
    page.click("text=Save audience")
    expect(page.locator("h1")).to_have_text("recent-buyers")


def test_a_scene_is_written_in_the_form(page: Page, address: tuple[str, fairday.Shop]) -> None:
    url, shop = address
    enter(page, url)
    page.goto(f"{url}/console/scenes/new?from=valentines-day&lang=en")
    page.fill('[name="scene"]', "form-made")
    page.fill('[name="who"]', "")
    page.click('[name="who"]')
    page.select_option(".helper .word", "age")
    page.select_option(".helper .op", ">=")
    page.fill(".helper .value input", "20")
    page.click(".helper .add")
    expect(page.locator('[name="who"]')).to_have_value("age >= 20")
    expect(page.locator("#live .count")).to_have_text("36")
    floors = page.locator('[name^="what.floors["][name$=".goods"]')
    before = floors.count()
    page.click('button[value="add:what.floors"]')
    expect(floors).to_have_count(before + 1)
    expect(page.locator(":focus")).to_have_attribute("name", f"what.floors[{before + 1}].title.en")
    page.click(f'button[value="remove:what.floors:{before + 1}"]')
    expect(floors).to_have_count(before)
    page.fill('[name="guard.holdout"]', "95")
    page.click("text=Save scene")
    expect(page.locator('label[id="f-guard.holdout"] .wrong')).to_contain_text("90%")
    page.fill('[name="guard.holdout"]', "15")
    page.click("text=Save scene")
    expect(page.locator(".head .chip")).to_have_text("draft")
    with shop.db.read() as conn:
        text = life.get_scene(conn, "form-made").text
    assert "who: age >= 20" in text
    assert "holdout: 15%" in text


def test_a_scene_with_a_mistake_is_mended_and_started(page: Page, address: tuple[str, fairday.Shop]) -> None:
    url, shop = address
    enter(page, url)
    page.goto(f"{url}/console/scenes/new?tab=yaml")
    text = shopfull.SCENE.replace("tea-season", "summer-tea")
    page.fill(".editor textarea", text.replace("where:", "were:"))
    expect(page.locator(".problems [data-line]")).to_have_attribute("data-line", "12")
    expect(page.locator(".problems")).to_contain_text("Did you mean where")
    expect(page.locator(".editor .lines b")).to_have_text("12\n")
    page.fill(".editor textarea", text)
    expect(page.locator("#live .count")).to_have_text("40")
    page.click("text=Save scene")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click('form[action$="/start"] button')
    expect(page.locator(".head .chip")).to_have_text("live")
    with shop.db.read() as conn:
        assert life.get_scene(conn, "summer-tea").status == "live"


def test_a_shopper_agrees_and_their_view_comes_in(page: Page, address: tuple[str, fairday.Shop]) -> None:
    url, shop = address
    page.goto(f"{url}/goods/tea-1?lang=en")
    page.click("text=Yes")
    expect(page.locator(".banner")).to_have_count(0)
    anonymous = next(c["value"] for c in page.context.cookies() if c["name"] == "fairday_id")
    expect(page.locator("body")).to_be_visible()
    for _ in range(100):  # (a waiting function would be an eval, which the page's policy forbids)
        if page.evaluate("localStorage.getItem('fairday.queue')") is None:
            break
        page.wait_for_timeout(50)
    with shop.db.read() as conn:
        rows = conn.exec_driver_sql("SELECT name, ids FROM happenings WHERE source = 'browser:storefront'").fetchall()
    assert ("Product Viewed", f'[["anonymous_id","{anonymous}"]]') in [tuple(r) for r in rows]


@pytest.mark.parametrize("language", ["zh", "en", "es"])
def test_no_page_is_wider_than_a_phone(page: Page, address: tuple[str, fairday.Shop], language: str) -> None:
    url, shop = address
    enter(page, url)
    expect(page.locator("h1")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    with shop.db.read() as conn:
        person = conn.exec_driver_sql("SELECT MIN(person) FROM people").scalar_one()
    wide = {}
    for path in PAGES:
        full = path.format(person=person)
        page.goto(f"{url}{full}{'&' if '?' in full else '?'}lang={language}", wait_until="domcontentloaded")
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if over > 0:
            wide[path] = over
    assert wide == {}


def test_the_menu_opens_on_a_phone_and_stands_beside_a_wide_page(page: Page, address: tuple[str, fairday.Shop]) -> None:
    url, _ = address
    enter(page, url)
    expect(page.locator("nav a >> text=Scenes")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("nav a >> text=Scenes")).to_be_hidden()
    page.click(".menu > summary")
    page.click("nav summary >> text=Scenes")
    page.click("nav a >> text=Scenes")
    expect(page).to_have_url(f"{url}/console/scenes")


def test_everything_works_without_script(browser: Browser, address: tuple[str, fairday.Shop]) -> None:
    url, shop = address
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    enter(page, url)
    page.goto(f"{url}/console/audiences/new?lang=en")
    page.fill("#expression", "orders(90d) >= 1")
    page.click('button:text-is("Count")')
    expect(page.locator("#live .count")).to_have_text(buyers(shop))
    page.goto(f"{url}/")
    page.click('button:text-is("No")')
    context.close()


def test_the_feed_goes_on_as_one_scrolls_and_without_script_by_a_link(
    browser: Browser, page: Page, address: tuple[str, fairday.Shop]
) -> None:
    url, shop = address
    with shop.db.write() as conn:
        save_products(
            conn, [ProductRow(product=f"x{n}", title=f"Thing {n}", category=f"k{n % 9}") for n in range(90)], 9
        )
    shop.staging.forget()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{url}/feed?lang=en")
    for _ in range(40):
        page.mouse.wheel(0, 4000)
        page.wait_for_timeout(40)
        if page.locator(".goods").count() >= 60:
            break
    seen = page.locator(".goods").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert len(seen) == len(set(seen)) >= 60
    page.fill('.find input[name="q"]', "thi")
    expect(page.locator("#words option")).to_have_attribute("value", "thing")
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"{url}/feed?lang=en")
    before = plain.locator(".goods").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    plain.click("text=Show more")
    after = plain.locator(".goods").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert after
    assert not set(before) & set(after)
    context.close()
