"""The README's moving picture: one shopper, from a mail to the report, as the console's "Follow" page tells it.

    python scripts/follow.py --out docs/images

A small tea shop is made in a folder that is gone afterwards: people, goods, one live scene, a mail. A browser then
plays the reader of that mail inside the page's phone, and every step is photographed. Needs Playwright with Chromium
and Pillow to put the pictures together (``pip install pillow``); without it the pictures are left as they are.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import uvicorn
from playwright.sync_api import Page, sync_playwright

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import DAY_MS
from fairday.serving import free_port
from fairday.storage.log import Happening
from fairday.web.app import create

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
WIDTH, HEIGHT = 1180, 800
GOODS = [("Longjing, first flush", "Green tea", 5800), ("Biluochun", "Green tea", 6400), ("Tieguanyin", "Oolong", 4200),
         ("Rock oolong", "Oolong", 7600), ("Pu'er, ten years", "Dark tea", 9900), ("Jasmine pearls", "Scented", 3600),
         ("Chrysanthemum", "Scented", 2400), ("Travel cup", "Teaware", 3200), ("Gaiwan, white", "Teaware", 4800),
         ("Bamboo tray", "Teaware", 6800)]  # fmt: skip
SCENE = """\
scene: spring-tea
title: {{zh: 春茶上市, en: Spring tea is here, es: Llega el té de primavera}}
when: {{dates: {first}..{last}}}
who: "orders(365d) >= 1"
what:
  floors:
    - title: {{zh: 今年的新茶, en: This year's first leaves, es: Las primeras hojas del año}}
      goods: "category in ('Green tea', 'Oolong')"
      rank: personal
where: [page, email]
guard: {{holdout: 10%}}
goal: {{metric: revenue, within: 14d}}
"""


def daytime() -> str:
    """A zone in which it is about noon: mail waits for no morning there."""
    now = datetime.now(UTC)
    zones = [
        "Asia/Shanghai",
        "Europe/London",
        "America/New_York",
        "America/Los_Angeles",
        "Pacific/Auckland",
        "Asia/Dubai",
    ]
    return min(zones, key=lambda z: abs(now.astimezone(ZoneInfo(z)).hour - 13))


def fill(shop: fairday.Shop) -> None:
    """Thirty customers with two months behind them, and a scene that is live."""
    luck, now, rows = random.Random(7), shop.clock.now(), []
    with shop.db.write() as conn:
        goods = [ProductRow(product=f"T{n}", title=t, category=c, price=p, currency="USD")
                 for n, (t, c, p) in enumerate(GOODS)]  # fmt: skip
        save_products(conn, goods, now)

    def said(n: int, kind: str, name: str, at: int, body: dict[str, object]) -> None:
        ids = (("email", f"customer{n}@example.com"),)
        told = Happening(
            message_id=f"m{len(rows)}", kind=kind, name=name, at=at, received=at, source="shop", ids=ids, body=body
        )
        rows.append(told)

    for n in range(30):
        said(n, "identify", "", now - 70 * DAY_MS, {"traits": {"name": f"Customer {n}"}})
        said(n, "track", "Consent Given", now - 60 * DAY_MS, {"properties": {"channel": "email"}})
        for k in range(luck.randint(1, 4)):
            number = luck.randrange(len(GOODS))
            title, category, price = GOODS[number]
            line = {"product_id": f"T{number}", "name": title, "category": category, "price": price / 100}
            line["quantity"] = 1
            order = {"order_id": f"{n}-{k}", "total": price / 100, "currency": "USD", "products": [line]}
            said(n, "track", "Order Completed", now - luck.randint(5, 60) * DAY_MS, {"properties": order})
    shop.append(sorted(rows, key=lambda h: h.at)).result()
    shop.followers.catch_up()
    today = datetime.now(UTC).date()
    shop.save_scene(SCENE.format(first=today - timedelta(days=2), last=today + timedelta(days=20)))
    shop.move_scene("start", "spring-tea")
    shop.run_mail()
    shop.followers.catch_up()


def play(base: str, email: str, password: str, folder: Path) -> list[Path]:
    """Walk one shopper through and photograph it."""
    taken: list[Path] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")

        def snap(wait: float) -> None:
            page.wait_for_timeout(wait * 1000)
            page.evaluate("window.scrollTo(0, 0)")
            taken.append(folder / f"follow-{len(taken):02}.png")
            page.screenshot(path=taken[-1])

        sign_in(page, base, email, password)
        page.goto(f"{base}/console/follow?lang=en")
        page.locator('main form:has(input[name="mail"]) button').first.click()
        page.wait_for_url("**/console/follow/*")
        snap(4)
        phone = page.frames[-1]
        answer = phone.locator('.banner button[value="yes"]')
        if answer.count():
            answer.click()
            snap(5)
        phone = page.frames[-1]
        phone.locator("a.goods").first.click()
        snap(5)
        page.locator(".acts button").first.click()
        snap(7)
        browser.close()
    return taken


def sign_in(page: Page, base: str, email: str, once: str) -> None:
    """Sign in by the one-time password and set another."""
    page.goto(f"{base}/console/sign-in?lang=en")
    page.fill('input[name="email"]', email)
    page.fill('input[name="password"]', once)
    page.click("form.card button")
    page.wait_for_url("**/console/password")
    page.fill('input[name="old"]', once)
    page.fill('input[name="new"]', "a long enough password")
    page.fill('input[name="again"]', "a long enough password")
    page.click("main form.card button, form.card button")
    page.wait_for_url("**/console?*")


def assemble(pictures: list[Path], target: Path) -> None:
    """One animated WebP of the pictures, the last held longest."""
    from PIL import Image

    frames = [Image.open(p).convert("RGB") for p in pictures]
    frames = [f.resize((960, round(f.height * 960 / f.width))) for f in frames]
    held = [2200] * (len(frames) - 1) + [4200]
    frames[0].save(target, save_all=True, append_images=frames[1:], duration=held, loop=0, quality=72, method=6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--pictures", type=Path, help="Keep the single pictures here.")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fairday-follow-"))
    pictures = options.pictures or folder
    pictures.mkdir(parents=True, exist_ok=True)
    try:
        with fairday.open(folder / "shop.db", name="Leaf & Cup", zone=daytime(), currency="USD", language="en") as shop:
            fill(shop)
            once = shop.add_operator("owner@example.com", "owner")
            port = free_port("127.0.0.1", 0, print)
            shop.change_settings(public_url=f"http://127.0.0.1:{port}")
            shop.start()
            server = uvicorn.Server(uvicorn.Config(create(shop), host="127.0.0.1", port=port, log_level="error"))
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            while not server.started:
                thread.join(0.05)
            taken = play(f"http://127.0.0.1:{port}", "owner@example.com", once, pictures)
            server.should_exit = True
            thread.join()
        try:
            assemble(taken, options.out / "follow.webp")
            print(options.out / "follow.webp")
        except ImportError:
            print(f"Pillow is missing: the {len(taken)} single pictures are in {pictures}")
    finally:
        if options.pictures:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
