"""Goods as pages show them: title, price in the reader's way, picture, and why they are shown."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from babel.numbers import format_currency
from fastapi import Request
from sqlalchemy import Connection

from fairday.goods.called import calm
from fairday.goods.prices import Amount, Where
from fairday.kernel.money import digits
from fairday.kernel.trace import Step
from fairday.scenes.shelf import Good, Product
from fairday.web.called import Called, called_of
from fairday.web.i18n import Tongue
from fairday.web.render import shop_of, tongue_of

HUES, PATTERNS = 12, 4
"""How many tones and patterns placeholders have; shop.css names them h0 to h11 and p0 to p3."""

_PHOTO = re.compile(r"/photos/[\w-]{1,40}")

_COUNTED = {"bought_before": "times", "popular": "buyers", "due_again": "every"}


def because(tongue: Tongue, step: Step, called: Called | None = None) -> str:
    """Why an article is shown, in the reader's words; "" for a reason shoppers are not told.

    Args:
        called: names in the reader's language, for shoppers; the console says the catalogue's.
    """
    key = f"because.{step.code}"
    if not tongue.has(key):
        return ""
    counted = _COUNTED.get(step.code)
    said = {k: calm(v) if isinstance(v, str) else v for k, v in step.params.items()}
    if called is not None and "category" in step.params:
        said["category"] = called.category(str(step.params["category"]))
    return tongue.plain(key, n=step.params[counted] if counted else 0, **said)


def tone(category: str | None, product: str) -> str:
    """The classes of the picture of goods without one: a hue for the category, a pattern for the product."""
    return f"h{zlib.crc32((category or product).encode()) % HUES} p{zlib.crc32(product.encode()) % PATTERNS}"


def safe(image: str | None) -> str | None:
    """The address of a picture, if it is an encrypted one or a photo of our own."""
    return image if image and (image.lower().startswith("https://") or _PHOTO.fullmatch(image)) else None


def unit(tongue: Tongue, price: Amount) -> str:
    """A unit price in the reader's way, with as many decimals as it has."""
    if not price.digits:
        return tongue.money(price.amount, price.currency)
    exact = Decimal(price.amount).scaleb(-price.digits - digits(price.currency))
    return str(
        format_currency(exact, price.currency, locale=tongue.locale, currency_digits=False, decimal_quantization=False)
    )


def card(request: Request, product: Product, reason: str = "") -> dict[str, Any]:
    """A product for a template; prices as text, those of the catalogue until ``finish_cards``."""
    tongue = tongue_of(request)
    entry = {
        "id": product.product,
        "title": calm(product.title),
        "tone": tone(product.category, product.product),
        "sign": product.title.strip()[:1].upper() or "·",
        "category": product.category,
        "category_title": called_of(request).category(product.category or ""),
        "brand": product.brand,
        "price": "" if product.price is None else tongue.money(product.price, product.currency),
        "amount": None if product.price is None else Amount(product.price, product.currency or tongue.currency),
        "was": "",
        "was_amount": None,
        "several": False,
        "about": "",
        "levy": "",
        "yours": "",
        "image": safe(product.image),
        "reason": reason,
    }
    request.state.cards = [*getattr(request.state, "cards", ()), entry]
    return entry


def finish_cards(request: Request, conn: Connection, where: Where, now: int) -> None:
    """Give every card of this answer the price that whoever looks would pay, and its title in their language."""
    drawn: list[dict[str, Any]] = getattr(request.state, "cards", [])
    if not drawn:
        return
    goods, tongue = shop_of(request).goods, tongue_of(request)
    called = called_of(request).read(conn, [c["id"] for c in drawn])
    for one in drawn:
        one["title"] = called.goods(one["id"], one["title"])
    if goods.plain(conn):
        return
    fronts = goods.fronts(conn, [c["id"] for c in drawn], where, now)
    for one in drawn:
        front = fronts.get(one["id"])
        if front is not None:
            price = unit(tongue, front.price)
            one["price"] = tongue.plain("shop.price.from", price=price) if front.several else price
            one["was"] = "" if front.was is None else unit(tongue, front.was)
            one |= {"amount": front.price, "was_amount": front.was, "several": front.several}


def cards(request: Request, goods: Sequence[Good]) -> list[dict[str, Any]]:
    """Chosen goods for a template, each with its reason."""
    tongue, called = tongue_of(request), called_of(request)
    return [card(request, g.product, because(tongue, g.reason, called)) for g in goods]
