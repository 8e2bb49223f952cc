"""What a page must be so that everybody can use it, asked in a real browser: names, the order of headings, contrast,
the size of what a finger meets, nothing wider than the screen."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

LEAST_TAP = 40
"""CSS pixels of height of what is tapped; links within a sentence are exempt, as WCAG 2.5.8 exempts them."""


@cache
def _asked() -> str:
    return Path(__file__).with_suffix(".js").read_text("utf-8")


def unfit(page: Page) -> list[str]:
    """What keeps somebody from using the page as it stands; nothing where all is well."""
    found: list[str] = page.evaluate(_asked(), LEAST_TAP)
    return found
