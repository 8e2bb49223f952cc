"""Goods as pages show them: title, price in the reader's way, picture, and why they are shown."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from fastapi import Request

from fairday.kernel.trace import Step
from fairday.scenes.shelf import Good, Product
from fairday.web.i18n import Tongue
from fairday.web.render import tongue_of

HUES, PATTERNS = 12, 4
"""How many tones and patterns placeholders have; shop.css names them h0 to h11 and p0 to p3."""

_COUNTED = {"bought_before": "times", "popular": "buyers", "due_again": "every"}


def because(tongue: Tongue, step: Step) -> str:
    """Why an article is shown, in the reader's words; "" for a reason shoppers are not told."""
    key = f"because.{step.code}"
    if not tongue.has(key):
        return ""
    counted = _COUNTED.get(step.code)
    said = {k: calm(v) if isinstance(v, str) else v for k, v in step.params.items()}
    return tongue.plain(key, n=step.params[counted] if counted else 0, **said)


def calm(text: str) -> str:
    """A name written all in capitals, as tills keep them, the way one reads it; any other as it is."""
    if not text.isupper() or len(text) < 4:
        return text
    return text[:1] + text[1:].lower()


def tone(category: str | None, product: str) -> str:
    """The classes of the picture of goods without one: a hue for the category, a pattern for the product."""
    return f"h{zlib.crc32((category or product).encode()) % HUES} p{zlib.crc32(product.encode()) % PATTERNS}"


def card(request: Request, product: Product) -> dict[str, Any]:
    """A product for a template; pictures only from encrypted addresses, prices as text."""
    tongue = tongue_of(request)
    image = product.image if product.image and product.image.lower().startswith("https://") else None
    return {
        "id": product.product,
        "title": calm(product.title),
        "tone": tone(product.category, product.product),
        "sign": product.title.strip()[:1].upper() or "·",
        "category": product.category,
        "category_title": calm(product.category or ""),
        "brand": product.brand,
        "price": "" if product.price is None else tongue.money(product.price, product.currency),
        "image": image,
        "reason": "",
    }


def cards(request: Request, goods: Sequence[Good]) -> list[dict[str, Any]]:
    """Chosen goods for a template, each with its reason."""
    tongue = tongue_of(request)
    return [card(request, g.product) | {"reason": because(tongue, g.reason)} for g in goods]
