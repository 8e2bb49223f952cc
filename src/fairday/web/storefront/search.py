"""Search that narrows: words, filters and order in the address, so that every state is a link and works without
script."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec
from fastapi import Request
from starlette.responses import JSONResponse, Response

from fairday.goods.search import DEEPEST, LONGEST, SORTS, Asked, Found, Mended, SearchIndex, Sort
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import major, minor
from fairday.kernel.trace import Step
from fairday.scenes.choice import Person
from fairday.scenes.loading import load_person
from fairday.scenes.shelf import Shelf, Taste
from fairday.web import desk
from fairday.web.goods import because, calm, card
from fairday.web.i18n import Tongue
from fairday.web.render import shop_of, tongue_of
from fairday.web.storefront.front import by_link, front_of, router, shown, told, visitor_of

PAGE = 24


def asked_of(request: Request, currency: str) -> Asked:
    """The search of an address; what is malformed in it is left out."""
    given = request.query_params
    text = " ".join(given.get("q", "")[: LONGEST * 2].split())[:LONGEST]
    sort: Sort = next((s for s in SORTS if s == given.get("sort")), "best")
    page = given.get("p", "1")
    number = min(int(page), DEEPEST // PAGE) if page.isascii() and page.isdigit() and len(page) < 4 else 1
    return Asked(
        text=text, category=given.get("c", "")[:200] or None, brand=given.get("b", "")[:200] or None,
        least=_amount(given.get("min", ""), currency), most=_amount(given.get("max", ""), currency),
        sort=sort, start=PAGE * (max(number, 1) - 1), count=PAGE,
    )  # fmt: skip


def _amount(text: str, currency: str) -> int | None:
    text = text.strip().replace(",", ".")
    if not 1 <= len(text) <= 12:
        return None
    try:
        return max(0, minor(text, currency))
    except FairdayError:
        return None


def link(asked: Asked, currency: str, **changes: Any) -> str:
    """The address of a search, some of it changed; from its first page unless ``start`` is."""
    now = msgspec.structs.replace(asked, **{"start": 0, **changes})
    said = {
        "q": now.text, "c": now.category, "b": now.brand,
        "min": None if now.least is None else f"{major(now.least, currency):f}",
        "max": None if now.most is None else f"{major(now.most, currency):f}",
        "sort": now.sort if now.sort != "best" else None,
        "p": now.start // PAGE + 1 if now.start else None,
    }  # fmt: skip
    query = urlencode({k: v for k, v in said.items() if v not in (None, "")})
    return f"/search?{query}" if query else "/search"


@router.get("/search")
def search_page(request: Request) -> Response:
    came = by_link(request)
    if came is not None:
        return came
    shop, visitor, tongue = shop_of(request), visitor_of(request), tongue_of(request)
    currency, now = shop.settings.currency, shop.clock.now()
    asked = asked_of(request, currency)
    with shop.db.read() as conn:
        stage = shop.staging.stage(conn, now)
        person = load_person(conn, visitor.person, now)
    shelf, index = front_of(request).index(stage.shelf)
    liking = shelf.liking(person.person, person.facts, desk.today(shop)) if person.person is not None else Taste()
    worth = shelf.personal(liking).worth
    prefer = worth / (float(worth.max(initial=0)) or 1) if person.person is not None else None
    found = index.search(asked, prefer)
    if asked.text and not asked.start:
        told(request, "Products Searched", {"query": asked.text, "results": found.total}, asked.text)

    def to(**changes: Any) -> str:
        return link(asked, currency, **changes)

    goods = _goods(request, shelf, found.places, person, liking)
    after = asked.start + PAGE
    more = to(start=after) if after < min(found.total, DEEPEST) else ""
    if request.query_params.get("part"):
        return shown(request, "shop_part.html", visitor, entries=[{"goods": g} for g in goods], next=more)
    return shown(
        request, "shop_search.html", visitor,
        here="search", asked=asked.text, search=asked, found=found, goods=goods, next=more, to=to, sorts=SORTS,
        plain_price=lambda amount: "" if amount is None else f"{major(amount, currency):f}",
        facets=_facets(asked, found, to), bands=_bands(tongue, asked, found, to),
        chips=_chips(tongue, asked, to), words=_words(asked, found, to),
        mended=_mended(tongue, index, asked, currency) if not found.total else [],
    )  # fmt: skip


def _goods(request: Request, shelf: Shelf, places: list[int], person: Person, liking: Taste) -> list[dict[str, Any]]:
    """Found goods for a template; only a person's own reasons are said, popularity ranks everywhere."""
    tongue = tongue_of(request)
    drawn = []
    for place in places:
        product = shelf.products[place]
        own = liking.product.get(product.product)
        entry = card(request, product)
        if own:
            entry["reason"] = because(tongue, Step("bought_before", {"times": own.times, "days_ago": own.days_ago}))
        drawn.append(entry)
    return drawn


def _facets(asked: Asked, found: Found, to: Any) -> list[dict[str, Any]]:
    facets = []
    for name, values, chosen in (
        ("category", found.categories, asked.category),
        ("brand", found.brands, asked.brand),
    ):
        rows = [
            {"title": calm(v), "n": n, "on": v == chosen, "to": to(**{name: None if v == chosen else v})}
            for v, n in values
        ]
        if len(rows) > 1 or chosen:
            facets.append({"name": name, "rows": rows})
    return facets


def _bands(tongue: Tongue, asked: Asked, found: Found, to: Any) -> list[dict[str, Any]]:
    return [
        {
            "title": _band(tongue, low, high), "n": n, "on": (asked.least, asked.most) == (low, high),
            "to": to(least=low, most=high),
        }
        for low, high, n in found.bands
    ]  # fmt: skip


def _band(tongue: Tongue, low: int | None, high: int | None) -> str:
    if low is None and high is not None:
        return tongue.plain("search.to", most=tongue.money(high))
    if high is None:
        return tongue.plain("search.from", least=tongue.money(low or 0))
    return f"{tongue.money(low or 0)} – {tongue.money(high)}"


def _chips(tongue: Tongue, asked: Asked, to: Any) -> list[dict[str, str]]:
    """What narrows it now, each with the way back."""
    typed = asked.words
    chips = [
        {"title": word, "to": to(text=" ".join([*typed[:i], *typed[i + 1 :]]))} for i, word in enumerate(typed)
    ] if len(typed) > 1 else []  # fmt: skip
    if asked.category:
        chips.append({"title": calm(asked.category), "to": to(category=None)})
    if asked.brand:
        chips.append({"title": calm(asked.brand), "to": to(brand=None)})
    if asked.least is not None or asked.most is not None:
        chips.append({"title": _band(tongue, asked.least, asked.most), "to": to(least=None, most=None)})
    return chips


def _words(asked: Asked, found: Found, to: Any) -> list[dict[str, Any]]:
    return [{"title": word, "to": to(text=f"{asked.text} {word}".strip())} for word, _ in found.narrower]


def _mended(tongue: Tongue, index: SearchIndex, asked: Asked, currency: str) -> list[dict[str, Any]]:
    ways: list[Mended] = index.mend(asked)
    return [
        {
            "kind": f"{way.kind}.{way.what}" if way.kind == "filter" else way.kind,
            "what": way.what, "n": way.total, "to": link(way.asked, currency),
        }
        for way in ways
    ]  # fmt: skip


@router.get("/search/suggest")
def suggest(request: Request) -> Response:
    """Whole queries that what is typed may become, as a JSON list."""
    shop = shop_of(request)
    text = " ".join(request.query_params.get("q", "")[:LONGEST].split())
    with shop.db.read() as conn:
        stage = shop.staging.stage(conn, shop.clock.now())
    _, index = front_of(request).index(stage.shelf)
    return JSONResponse(index.suggest(text), headers={"cache-control": "private, max-age=60"})
