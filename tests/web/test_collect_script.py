"""The browser script in a real Chromium, on a page of another origin."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright

import doors
import fairday
import parts
from doors import BROWSER_KEY, log_of
from fairday.kernel.clock import SystemClock

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


class Site:
    """A merchant's page on its own origin, a door, and a browser."""

    def __init__(self, shop: fairday.Shop, folder: Path, door: str, origin: str, browser: BrowserContext) -> None:
        self.shop, self.folder, self.door, self.origin, self.browser = shop, folder, door, origin, browser

    def open(self, name: str = "p.html", query: str = "", tag: str = "", before: str = "") -> Page:
        script = f'<script async src="{self.door}/t.js" data-key="{BROWSER_KEY}" {tag}></script>'
        html = f"<!doctype html><meta charset=utf-8><title>商品</title>{before}{script}<a href=other.html>x</a>"
        (self.folder / name).write_text(html)
        page = self.browser.new_page()
        page.goto(f"{self.origin}/{name}{query}", wait_until="load")
        return page

    def wait(self, test: Callable[[list[Any]], bool]) -> list[Any]:
        end = time.monotonic() + 10
        while not test(found := log_of(self.shop)):
            assert time.monotonic() < end, found
            time.sleep(0.05)
        return found


@contextmanager
def pages(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    chromium = parts.chromium()
    if chromium is None:
        parts.missing("Chromium", "On Debian or Ubuntu: apt-get install chromium")
    folder = tmp_path / "site"
    folder.mkdir()
    with fairday.open(tmp_path / "shop.db", clock=SystemClock()) as shop:
        doors.make_keys(shop)
        with doors.running(shop) as door, pages(folder) as origin, sync_playwright() as playwright:
            browser = playwright.chromium.launch_persistent_context(
                str(tmp_path / "profile"), executable_path=chromium, args=FLAGS, headless=True
            )
            if wanted := getattr(request, "param", None):
                browser.add_init_script(wanted)
            yield Site(shop, folder, door, origin, browser)
            browser.close()


def test_the_script_tells_pages_events_and_who(site: Site) -> None:
    early = "<script>window.fairday=[['track','Early',{n:1}]]</script>"
    page = site.open(query="?utm_source=weibo&utm_campaign=618&gclid=G1", before=early)
    page.evaluate("fairday.identify('u1', {email: 'li@example.com'}); fairday.track('Product Viewed', {price: 18.99})")
    kept = {h.name or h.kind: h for h in site.wait(lambda found: len(found) >= 4)}
    assert set(kept) == {"Early", "page", "identify", "Product Viewed"}
    first, viewed = kept["page"], kept["Product Viewed"]
    assert first.source == "browser:page"
    assert first.properties["title"] == "商品"
    assert first.properties["path"] == "/p.html"
    assert first.body["touch"] == {"source": "weibo", "campaign": "618", "gclid": "G1"}
    anonymous = dict(first.ids)["anonymous_id"]
    assert dict(viewed.ids) == {"anonymous_id": anonymous, "user_id": "u1"}
    assert viewed.properties == {"price": 18.99}
    assert kept["identify"].traits == {"email": "li@example.com"}
    assert abs(first.received - first.at) < 5_000
    # The same person on the next page, also where localStorage was emptied; another after a sign-out.
    page.evaluate("localStorage.clear()")
    again = site.open("other.html")
    last = site.wait(lambda found: len(found) >= 5)[-1]
    assert dict(last.ids)["anonymous_id"] == anonymous
    again.evaluate("fairday.reset(); fairday.track('After', {})")
    assert dict(site.wait(lambda found: len(found) >= 6)[-1].ids)["anonymous_id"] != anonymous


def test_what_is_said_while_leaving_the_page_arrives(site: Site) -> None:
    page = site.open(tag='data-page="off"')
    page.evaluate("addEventListener('pagehide', () => 0); fairday.track('Left', {}); location.href = 'about:blank'")
    assert [h.name for h in site.wait(lambda found: len(found) >= 1)] == ["Left"]


def test_what_could_not_be_sent_is_sent_later_and_once(site: Site) -> None:
    page = site.open()
    site.wait(lambda found: len(found) == 1)
    site.browser.set_offline(True)
    page.evaluate("for (let n = 0; n < 30; n++) fairday.track('Offline', {n})")
    page.wait_for_timeout(500)
    assert len(log_of(site.shop)) == 1
    site.browser.set_offline(False)
    found = site.wait(lambda found: len(found) >= 31)
    assert [h.properties["n"] for h in found[1:]] == list(range(30))
    assert page.evaluate("localStorage.getItem('fairday.queue')") is None


def test_nothing_is_stored_or_sent_before_consent_nor_after_it_is_taken_back(site: Site) -> None:
    page = site.open(tag='data-consent="required"')
    page.evaluate("fairday.track('Before', {}); fairday.identify('u1', {})")
    page.wait_for_timeout(400)
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    page.evaluate("fairday.consent(true); fairday.track('Within', {})")
    assert [h.name or h.kind for h in site.wait(lambda found: len(found) >= 2)] == ["page", "Within"]
    page.evaluate("fairday.consent(false); fairday.track('After', {})")
    page.wait_for_timeout(400)
    assert page.evaluate("[JSON.stringify({...localStorage}), document.cookie]") == ['{"fairday.consent":"0"}', ""]
    assert len(log_of(site.shop)) == 2


@pytest.mark.parametrize(
    "site",
    [
        "Object.defineProperty(navigator, 'doNotTrack', {get: () => '1'})",
        "Object.defineProperty(navigator, 'globalPrivacyControl', {get: () => true})",
    ],
    indirect=True,
    ids=["do not track", "global privacy control"],
)
def test_who_asks_not_to_be_tracked_is_not(site: Site) -> None:
    page = site.open()
    page.evaluate("fairday.consent(true); fairday.track('A', {}); fairday.identify('u1', {})")
    page.wait_for_timeout(400)
    assert log_of(site.shop) == []
    assert page.evaluate("[localStorage.getItem('fairday.id'), document.cookie]") == [None, ""]


def test_the_script_is_small() -> None:
    import gzip

    import fairday.web

    script = Path(fairday.web.__file__).parent / "static" / "t.js"
    assert len(gzip.compress(script.read_bytes())) < 4_000
