"""Search that narrows: words, filters and order in the address, so that every state is a link and works without
script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import JSONResponse, Response

from fairday.goods.called import calm
from fairday.goods.naming import About, texts_of
from fairday.goods.prices import Where
from fairday.goods.search import DEEPEST, LONGEST, MOST_FILTERS, SORTS, Asked, Found, Mended, SearchIndex, Sort
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import major, minor
from fairday.kernel.trace import Step
from fairday.scenes.loading import load_person
from fairday.scenes.shelf import Order, Shelf
from fairday.scenes.taste import Taste
from fairday.trade.charging import Exchange
from fairday.web import desk
from fairday.web.called import called_of
from fairday.web.goods import because, card
from fairday.web.i18n import Tongue
from fairday.web.render import shop_of, tongue_of
from fairday.web.storefront.front import by_link, router, shown, told, visitor_of, where_of
from fairday.web.storefront.prefer import Purse, preference, purse_of

PAGE = 24
MOST_LIKED = 200
"""Goods that a person likes best and that a search puts further up."""


def asked_of(request: Request, currency: str, language: str) -> Asked:
    """The search of an address; what is malformed in it is left out. ``cur`` says that its prices were typed in what
    the shopper reads."""
    given = request.query_params
    reads = preference(request)
    by = reads.exchange if reads.charged and given.get("cur") == reads.currency else None
    text = " ".join(given.get("q", "")[: LONGEST * 2].split())[:LONGEST]
    sort: Sort = next((s for s in SORTS if s == given.get("sort")), "best")
    page = given.get("p", "1")
    number = min(int(page), DEEPEST // PAGE) if page.isascii() and page.isdigit() and len(page) < 4 else 1
    return Asked(
        text=text, category=given.get("c", "")[:200] or None, brand=given.get("b", "")[:200] or None,
        options=_options(given.getlist("o")), language=language,
        least=_amount(given.get("min", ""), currency, by), most=_amount(given.get("max", ""), currency, by),
        sort=sort, start=PAGE * (max(number, 1) - 1), count=PAGE,
    )  # fmt: skip


def _options(told: list[str]) -> tuple[tuple[str, str], ...]:
    """What goods come in, as ``colour:red`` for each axis."""
    parts = [one.partition(":") for one in told[:MOST_FILTERS] if len(one) <= 200]
    return tuple({axis: value for axis, colon, value in parts if colon and axis and value}.items())


def _amount(text: str, currency: str, by: Exchange | None) -> int | None:
    text = text.strip().replace(",", ".")
    if not 1 <= len(text) <= 12:
        return None
    try:
        return max(0, minor(text, currency) if by is None else by.back(minor(text, by.currency)))
    except FairdayError:
        return None


def link(asked: Asked, currency: str, **changes: Any) -> str:
    """The address of a search, some of it changed; from its first page unless ``start`` is."""
    now = msgspec.structs.replace(asked, **{"start": 0, **changes})
    said = {
        "q": now.text, "c": now.category, "b": now.brand, "o": [f"{axis}:{value}" for axis, value in now.options],
        "min": None if now.least is None else f"{major(now.least, currency):f}",
        "max": None if now.most is None else f"{major(now.most, currency):f}",
        "sort": now.sort if now.sort != "best" else None,
        "p": now.start // PAGE + 1 if now.start else None,
    }  # fmt: skip
    query = urlencode({k: v for k, v in said.items() if v not in (None, "", [])}, doseq=True)
    return f"/search?{query}" if query else "/search"


@router.get("/search")
def search_page(request: Request) -> Response:
    came = by_link(request)
    if came is not None:
        return came
    shop, visitor, tongue = shop_of(request), visitor_of(request), tongue_of(request)
    currency, now = shop.settings.currency, shop.clock.now()
    asked, purse = asked_of(request, currency, tongue.language), purse_of(request)
    with shop.db.read() as conn:
        stage = shop.staging.stage(conn, now)
        person = load_person(conn, visitor.person, now)
        where = where_of(request, conn)
    shelf, index = stage.shelf, shop.search.index()
    tariff, exact = index.tariff(where)
    asked = msgspec.structs.replace(asked, tariff=tariff)
    liking = shelf.liking(person.person, person.facts, desk.today(shop)) if person.person is not None else Taste()
    likes = liked(shelf, shelf.personal(liking)) if person.person is not None else None
    found = index.search(asked, likes, purse.cut)
    if asked.text and not asked.start:
        told(request, "Products Searched", {"query": asked.text, "results": found.total}, asked.text)

    def to(**changes: Any) -> str:
        return link(asked, currency, **changes)

    with shop.db.read() as conn:
        said = _said(conn, found, tongue.language)
        groups = {*(name for name, _ in found.categories), asked.category or ""} - {""}
        said |= {name: called_of(request).category(name) for name in groups}
        numbers = found.numbers if exact else _ordered(request, conn, asked, found.numbers, where)
    goods = _goods(request, shelf, numbers, liking)
    after = asked.start + PAGE
    more = to(start=after) if after < min(found.total, DEEPEST) else ""
    if request.query_params.get("part"):
        return shown(request, "shop_part.html", visitor, entries=[{"goods": g} for g in goods], next=more)
    return shown(
        request, "shop_search.html", visitor,
        here="search", asked=asked.text, search=asked, found=found, goods=goods, next=more, to=to, sorts=SORTS,
        hidden=[*(("o", f"{axis}:{value}") for axis, value in asked.options), ("cur", purse.of.paid_in)],
        plain_price=purse.plain,
        facets=_facets(tongue, asked, found, said, to), bands=_bands(purse, asked, found, to),
        chips=_chips(purse, asked, said, to), words=_words(asked, found, to),
        mended=_mended(tongue, index, asked, currency) if not found.total else [],
    )  # fmt: skip


def _ordered(request: Request, conn: Connection, asked: Asked, numbers: list[str], where: Where) -> list[str]:
    """A page in the order of what this shopper pays, where the index has no prices of theirs."""
    if asked.sort not in ("price", "price-down"):
        return numbers
    shop, sign = shop_of(request), 1 if asked.sort == "price" else -1
    fronts = shop.goods.fronts(conn, numbers, where, shop.clock.now())
    return sorted(numbers, key=lambda n: (n not in fronts, sign * fronts[n].price.exact if n in fronts else 0))


def liked(shelf: Shelf, order: Order) -> dict[str, float]:
    """The goods a person likes best, each from 0 to 1."""
    best = order.best(shelf.all, MOST_LIKED)
    most = float(order.worth[best].max(initial=0)) or 1.0
    return {shelf.products[at].product: float(order.worth[at]) / most for at in best.tolist()}


def _goods(request: Request, shelf: Shelf, numbers: list[str], liking: Taste) -> list[dict[str, Any]]:
    """Found goods for a template; only a person's own reasons are said, popularity ranks everywhere."""
    tongue = tongue_of(request)
    drawn = []
    for number in numbers:
        place = shelf.place(number)
        if place is None:  # found in an index that is a moment older or newer than the shelf
            continue
        product = shelf.products[place]
        own = liking.product.get(product.product)
        reason = Step("bought_before", {"times": own.times, "days_ago": own.days_ago}) if own else None
        drawn.append(card(request, product, because(tongue, reason) if reason else ""))
    return drawn


def _facets(tongue: Tongue, asked: Asked, found: Found, said: Mapping[str, str], to: Any) -> list[dict[str, Any]]:
    facets = []
    for name, values, chosen in (
        ("category", found.categories, asked.category),
        ("brand", found.brands, asked.brand),
    ):
        rows = [
            {"title": said.get(v) or calm(v), "n": n,
             "on": v == chosen, "to": to(**{name: None if v == chosen else v})}
            for v, n in values
        ]  # fmt: skip
        if len(rows) > 1 or chosen:
            facets.append({"title": tongue.plain(f"shop.{name}"), "rows": rows})
    chosen_of = dict(asked.options)
    for axis, values in found.options:
        others = tuple(o for o in asked.options if o[0] != axis)
        rows = [
            {
                "title": said.get(v, v), "n": n, "on": chosen_of.get(axis) == v,
                "to": to(options=others if chosen_of.get(axis) == v else (*others, (axis, v))),
            }
            for v, n in values
        ]  # fmt: skip
        facets.append({"title": said.get(axis, axis), "rows": rows})
    return facets


def _said(conn: Connection, found: Found, language: str) -> dict[str, str]:
    """What the values that are counted are called in the reader's language, where that is known."""
    words = [word for axis, values in found.options for word in (axis, *(v for v, _ in values))]
    names: tuple[tuple[About, list[str]], ...] = (
        ("word", words), ("category", [c for c, _ in found.categories]), ("brand", [b for b, _ in found.brands]),
    )  # fmt: skip
    texts = [texts_of(conn, about, listed) for about, listed in names]
    return {
        name: by[language]
        for one in texts
        for (name, field), by in one.items()
        if field == "title" and by.get(language)
    }


def _bands(purse: Purse, asked: Asked, found: Found, to: Any) -> list[dict[str, Any]]:
    return [
        {
            "title": _band(purse, low, high), "n": n, "on": (asked.least, asked.most) == (low, high),
            "to": to(least=low, most=high),
        }
        for low, high, n in found.bands
    ]  # fmt: skip


def _band(purse: Purse, low: int | None, high: int | None) -> str:
    tongue = purse.tongue
    if low is None and high is not None:
        return tongue.plain("search.to", most=purse.limit(high))
    if high is None:
        return tongue.plain("search.from", least=purse.limit(low or 0))
    return f"{purse.limit(low or 0)} – {purse.limit(high)}"


def _chips(purse: Purse, asked: Asked, said: Mapping[str, str], to: Any) -> list[dict[str, str]]:
    """What narrows it now, each with the way back."""
    typed = asked.words
    chips = [
        {"title": word, "to": to(text=" ".join([*typed[:i], *typed[i + 1 :]]))} for i, word in enumerate(typed)
    ] if len(typed) > 1 else []  # fmt: skip
    if asked.category:
        title = said.get(asked.category) or calm(asked.category)
        chips.append({"title": title, "to": to(category=None)})
    if asked.brand:
        chips.append({"title": said.get(asked.brand) or calm(asked.brand), "to": to(brand=None)})
    for one in asked.options:
        chips.append({"title": said.get(one[1], one[1]), "to": to(options=tuple(o for o in asked.options if o != one))})
    if asked.least is not None or asked.most is not None:
        chips.append({"title": _band(purse, asked.least, asked.most), "to": to(least=None, most=None)})
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
    text = " ".join(request.query_params.get("q", "")[:LONGEST].split())
    found = shop_of(request).search.index().suggest(text, tongue_of(request).language)
    return JSONResponse(found, headers={"cache-control": "private, max-age=60"})
