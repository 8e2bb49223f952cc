"""Pictures of every page of a running shop, at 390 and 1280 pixels, in three languages.

    python scripts/screenshots.py http://127.0.0.1:8000 --email owner@example.com --password … --out pictures

A one-time password is changed to ``--password`` with ``-new`` behind it at the first run. ``--pages`` takes paths of
one's own, ``--languages`` and ``--widths`` narrow the choice, ``--dark`` asks for the dark look.
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

CONSOLE = ["", "/people", "/audiences", "/audiences/new", "/scenes", "/scenes/new", "/mailbox", "/report", "/data",
           "/data/rejected", "/data/imports", "/data/keys", "/data/followers", "/settings"]  # fmt: skip
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


def sign_in(page: Page, base: str, email: str, password: str) -> None:
    """Sign in, changing a one-time password on the way."""
    for tried in (password, f"{password}-new"):
        page.goto(f"{base}/console/sign-in")
        page.fill('input[name="email"]', email)
        page.fill('input[name="password"]', tried)
        page.click("form.card button")
        if page.url.endswith("/console/password"):
            page.fill('input[name="old"]', tried)
            page.fill('input[name="new"]', f"{password}-new")
            page.fill('input[name="again"]', f"{password}-new")
            page.click("form.card button")
        if "/sign-in" not in page.url:
            return
    raise SystemExit("Could not sign in: check the e-mail and the password.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("--email", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--out", type=Path, default=Path("pictures"))
    parser.add_argument("--pages", nargs="*", default=[*(f"/console{p}" for p in CONSOLE), "/"])
    parser.add_argument("--languages", nargs="*", default=["zh", "en", "es"])
    parser.add_argument("--widths", nargs="*", type=int, default=[390, 1280])
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        context = browser.new_context(color_scheme="dark" if options.dark else "light")
        page = context.new_page()
        page.set_viewport_size({"width": 1280, "height": 900})
        sign_in(page, options.base, options.email, options.password)
        for width in options.widths:
            page.set_viewport_size({"width": width, "height": 844 if width < 700 else 900})
            for path in options.pages:
                for language in options.languages:
                    page.goto(f"{options.base}{path}{'&' if '?' in path else '?'}lang={language}")
                    name = re.sub(r"\W+", "-", path).strip("-") or "home"
                    page.screenshot(path=options.out / f"{name}-{language}-{width}.png", full_page=True)
                    over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                    if over > 0:
                        print(f"{path} {language} {width}: {over} px too wide")
        browser.close()


if __name__ == "__main__":
    main()
