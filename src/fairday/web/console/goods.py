"""Goods: the list, one product whole, categories and brands, prices seen elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import yaml
from fastapi import Request
from sqlalchemy import Connection, func, or_, select
from starlette.responses import Response

from fairday.goods.catalogue import ProductRow, product, products, save_products
from fairday.goods.made import MadeOption, read_options
from fairday.goods.naming import LANGUAGES, all_groups, save_group, save_texts, texts_of
from fairday.goods.observed import read_seen, save_seen, seen_of
from fairday.goods.pictures import settle
from fairday.goods.records import (
    Details,
    Medium,
    add_variants,
    bad,
    details_of,
    media_of,
    save_details,
    save_media,
    save_variants,
    variants_of,
)
from fairday.goods.sheets import (
    read_groups,
    read_money,
    read_pairs,
    read_variant_table,
    read_variants,
    read_words,
    write_variants,
    write_words,
    written,
)
from fairday.goods.stock.service import stock_levels
from fairday.goods.tables import variants
from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.money import major
from fairday.web import desk
from fairday.web.auth import field, inside
from fairday.web.goods import safe
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

PAGE = 50
TEXT = 250_000
FIELDS = ("product", "title", "category", "department", "brand", "price", "currency", "image", "description", "tags",
          "attributes", "tax_class", "weight_g", "hs_code", "origin", "floor", "media", "forms", "words", "made",
          "texts", "cost")  # fmt: skip


@inside.get("/goods")
def goods(request: Request) -> Response:
    return _list(request)


def _list(request: Request, error: FairdayError | None = None, given: str = "", forms: str = "") -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    text = request.query_params.get("q", "").strip()[:100]
    start = request.query_params.get("start", "0")
    at = int(start) if start.isascii() and start.isdigit() and len(start) < 9 else 0
    c = products.c
    which = []
    if text:
        of_variant = select(variants.c.product).where(func.lower(variants.c.sku) == text.lower())
        like = [func.lower(x).contains(text.lower(), autoescape=True) for x in (c.title, c.product, c.brand)]
        which = [or_(*like, c.product.in_(of_variant))]
    with shop.db.read() as conn:
        total = conn.execute(select(func.count()).select_from(products).where(*which)).scalar_one()
        rows = conn.execute(select(products).where(*which).order_by(c.product).limit(PAGE).offset(at)).mappings().all()
        numbers = [r["product"] for r in rows]
        details, of = details_of(conn, numbers), variants_of(conn, numbers)
        left = _left(conn, {n: [v.sku for v in of.get(n, ())] or [n] for n in numbers})

    def known(number: str) -> Details:
        return details.get(number) or Details(product=number)

    listed = [
        {
            "number": r["product"], "to": f"/console/goods/good?{urlencode({'n': r['product']})}",
            "title": r["title"] or r["product"], "category": r["category"] or "", "brand": r["brand"] or "",
            "price": "" if r["price"] is None else tongue.money(r["price"], r["currency"]),
            "forms": len(of.get(r["product"], ())), "image": safe(r["image"]) or "",
            "left": left.get(r["product"]), "made": bool(known(r["product"]).made),
            "hidden": known(r["product"]).hidden,
        }
        for r in rows
    ]  # fmt: skip

    def to(place: int) -> str:
        return f"/console/goods?{urlencode({'q': text, 'start': place})}"

    return page(
        request, "goods.html", status_of(error) if error else 200,
        rows=listed, total=total, q=text, given=given, given_forms=forms,
        older=to(at + PAGE) if at + PAGE < total else "", newer=to(max(at - PAGE, 0)) if at else "",
        error=say(tongue, error) if error else None, where=error.where if error else "",
    )  # fmt: skip


@inside.post("/goods/elsewhere")
def elsewhere(request: Request) -> Response:
    """Prices seen in other stores and on platforms, as CSV."""
    shop = shop_of(request)
    text = field(request, "csv", TEXT)
    try:
        told = read_seen(text, shop.settings.currency, request.state.operator.email, desk.today(shop))
    except FairdayError as error:
        return _list(request, error, text)
    with shop.db.write() as conn:
        save_seen(conn, told)
    return go("/console/goods?done=goods_seen")


@inside.post("/goods/forms")
def forms(request: Request) -> Response:
    """Forms of many products, as CSV."""
    shop = shop_of(request)
    text = field(request, "forms", TEXT)
    try:
        told = read_variant_table(text, shop.settings.currency)
        with shop.db.write() as conn:
            add_variants(conn, told, shop.clock.now(), shop.settings.currency)
    except FairdayError as error:
        return _list(request, error, forms=text)
    return go("/console/goods?done=forms_saved")


def _left(conn: Connection, skus: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """By product how many can be sold now, over all places and forms; only what is counted at all."""
    c = stock_levels.c
    every = [sku for several in skus.values() for sku in several]
    free = select(c.sku, func.sum(c.on_hand - c.reserved)).where(c.sku.in_(every)).group_by(c.sku)
    by_sku = {sku: int(n) for sku, n in conn.execute(free)}
    return {
        number: sum(by_sku.get(sku, 0) for sku in several)
        for number, several in skus.items()
        if any(sku in by_sku for sku in several)
    }


# ---- one product -----------------------------------------------------------------------------------------------------


@inside.get("/goods/good")
def good(request: Request) -> Response:
    return _good(request, request.query_params.get("n", "")[:200])


def _good(
    request: Request, number: str, error: FairdayError | None = None, given: dict[str, Any] | None = None
) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    with shop.db.read() as conn:
        row = product(conn, number) if number else None
        if number and row is None and given is None:
            raise NotFound(f"There is no product {number}.", code="unknown_goods")
        kept = _written(conn, row, shop.settings.currency) if row is not None else _empty(shop.settings.currency)
        seen = seen_of(conn, [number], desk.today(shop)).get(number, []) if row is not None else []
    return page(
        request, "good.html", status_of(error) if error else 200,
        number=number if row is not None else "", given=kept | (given or {}),
        seen=[(s.place, tongue.money(s.amount, s.currency), tongue.day(s.day), s.source) for s in seen],
        error=say(tongue, error) if error else None, where=error.where if error else "",
        front=f"/goods/{quote(number)}" if row is not None else "",
    )  # fmt: skip


def _empty(currency: str) -> dict[str, Any]:
    return dict.fromkeys(FIELDS, "") | {"tax_class": "standard", "currency": currency, "hidden": False}


def _written(conn: Connection, row: ProductRow, currency: str) -> dict[str, Any]:
    """A product as its form has it."""
    number, paid = row.product, row.currency or currency
    details = details_of(conn, [number]).get(number, Details(product=number))
    forms = variants_of(conn, [number]).get(number, [])
    words = dict.fromkeys(w for v in forms for pair in v.options.items() for w in pair)
    words |= dict.fromkeys(w for pair in details.attributes.items() for w in pair)
    media = media_of(conn, number)
    words |= dict.fromkeys(m.alt for m in media if m.alt)
    said = {name: by for (name, kind), by in texts_of(conn, "word", words).items() if kind == "title"}
    texts = texts_of(conn, "product", [number])
    told = [["title", *(texts.get((number, "title"), {}).get(x, "") for x in LANGUAGES)],
            ["description", *(texts.get((number, "description"), {}).get(x, "") for x in LANGUAGES)]]  # fmt: skip
    plain = {name: "" if (value := getattr(row, name)) is None else value for name in FIELDS[:8]}
    of_details = {n: "" if (value := getattr(details, n)) is None else value for n in FIELDS[8:16]}
    return plain | of_details | {
        "price": "" if row.price is None else f"{major(row.price, paid):f}", "currency": paid,
        "tags": ", ".join(details.tags), "attributes": "\n".join(f"{k}: {v}" for k, v in details.attributes.items()),
        "floor": "" if details.floor is None else f"{major(details.floor, paid):f}",
        "cost": "" if details.cost is None else f"{major(details.cost, paid):f}", "hidden": details.hidden,
        "media": "\n".join(m.url + (f" | {m.alt}" if m.alt else "") for m in media),
        "forms": write_variants(forms, paid), "words": write_words(words, said),
        "made": _options_written(details.made), "texts": written(["field", *LANGUAGES], told),
    }  # fmt: skip


def _options_written(options: tuple[MadeOption, ...]) -> str:
    """Options as YAML, without what is as it is by default."""
    if not options:
        return ""

    def bare(value: Any, default: Any) -> Any:
        plain, usual = msgspec.to_builtins(value), msgspec.to_builtins(default)
        return {k: v for k, v in plain.items() if k in ("name", "kind") or usual.get(k) != v}

    plain = MadeOption(name="x", kind="text")
    return yaml.safe_dump([bare(o, plain) for o in options], allow_unicode=True, sort_keys=False)


@inside.post("/goods/good")
def save(request: Request) -> Response:
    """Keep a product whole: all of it, or nothing where something cannot be."""
    shop = shop_of(request)
    given: dict[str, Any] = {name: field(request, name, TEXT) for name in FIELDS}
    given["hidden"] = request.state.form.get("hidden") == "yes"
    number, new = given["product"], request.state.form.get("new") == "yes"
    try:
        row, details, media = _told(given)
        with shop.db.write() as conn:
            if new and (product(conn, number) is not None or _is_variant(conn, number)):
                raise bad(f"{number} is taken.", "product", "Give it another number.", "number_taken")
            _keep(conn, request, row, details, media, given)
    except FairdayError as error:
        return _good(request, "" if new else number, error, given)
    shop.staging.forget()
    return go(f"/console/goods/good?{urlencode({'n': number, 'done': 'good_saved'})}")


def _is_variant(conn: Connection, number: str) -> bool:
    return conn.execute(select(variants.c.sku).where(variants.c.sku == number)).first() is not None


def _told(given: dict[str, Any]) -> tuple[ProductRow, Details, list[Medium]]:
    """What a form says of a product, read.

    Raises:
        FairdayError: ``where`` names the field or line.
    """
    number, currency = given["product"], given["currency"].upper()
    if not 1 <= len(number) <= 200 or "\n" in number:
        raise bad("The product has no number.", "product", "Write its number, 1 to 200 signs.")
    if not given["title"] or len(given["title"]) > 500:
        raise bad("The product has no title, or too long a one.", "title", "Write up to 500 signs.")
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise bad(f"{currency[:10]!r} is not a currency.", "currency", "Write three letters such as CNY.")
    if given["weight_g"] and not (given["weight_g"].isascii() and given["weight_g"].isdigit()):
        raise bad(f"{given['weight_g'][:20]!r} is not a weight.", "weight_g", "Write whole grams.")
    price = read_money(given["price"], currency, "price", exact=True)
    row = ProductRow(
        product=number, title=given["title"], category=given["category"] or None, brand=given["brand"] or None,
        department=given["department"] or None, price=price, currency=currency if price is not None else None,
        image=given["image"] or None,
    )  # fmt: skip
    try:
        options = read_options(yaml.safe_load(given["made"]) or [])
    except (yaml.YAMLError, RecursionError) as error:
        raise bad(f"The options cannot be read: {error}", "made", "Write them as YAML.", "bad_options") from None
    details = Details(
        product=number, description=given["description"], attributes=read_pairs(given["attributes"]),
        tags=tuple(dict.fromkeys(t.strip() for t in given["tags"].replace("，", ",").split(",") if t.strip())),
        made=options, hidden=given["hidden"], tax_class=given["tax_class"] or "standard",
        weight_g=int(given["weight_g"]) if given["weight_g"] else None, hs_code=given["hs_code"] or None,
        origin=given["origin"].upper() or None, floor=read_money(given["floor"], currency, "floor"),
        cost=read_money(given["cost"], currency, "cost"),
    )  # fmt: skip
    lines = [line.partition("|") for line in given["media"].splitlines() if line.strip()]
    return row, details, [Medium(url=url.strip(), alt=alt.strip()[:300]) for url, _, alt in lines]


def _keep(
    conn: Connection,
    request: Request,
    row: ProductRow,
    details: Details,
    media: list[Medium],
    given: dict[str, Any],
) -> None:
    shop, number = shop_of(request), row.product
    now, currency = shop.clock.now(), row.currency or shop.settings.currency
    shown_before = _urls(conn, number)
    save_products(conn, [row], now)
    save_variants(conn, number, read_variants(given["forms"], number, currency), now, currency)
    save_details(conn, [details], now)
    save_media(conn, number, media)
    settle(conn, shown_before | _urls(conn, number), now)
    for word, texts in read_words(given["words"]).items():
        save_texts(conn, "word", word, "title", texts)
    texts_by_field = read_words(given["texts"], "field")
    save_texts(conn, "product", number, "title", texts_by_field.get("title", {}))
    save_texts(conn, "product", number, "description", texts_by_field.get("description", {}))


def _urls(conn: Connection, number: str) -> set[str]:
    """The pictures a product and its forms show."""
    row = product(conn, number)
    told = [row.image if row else None, *(v.image for v in variants_of(conn, [number]).get(number, ()))]
    return {url for url in (*told, *(m.url for m in media_of(conn, number))) if url}


# ---- categories and brands -------------------------------------------------------------------------------------------


@inside.get("/goods/groups")
def groups(request: Request) -> Response:
    return _groups(request)


def _groups(request: Request, error: FairdayError | None = None, given: str | None = None) -> Response:
    with shop_of(request).db.read() as conn:
        kept = all_groups(conn)
        said = {
            (kind, name): by
            for kind in ("category", "brand")
            for (name, _), by in texts_of(conn, kind, [g.name for g in kept if g.kind == kind]).items()
        }
    rows = [
        [g.kind, g.name, g.parent or "", g.image or "", *(said.get((g.kind, g.name), {}).get(x, "") for x in LANGUAGES)]
        for g in kept
    ]
    text = written(["kind", "name", "parent", "image", *LANGUAGES], rows)
    return page(
        request, "goods_groups.html", status_of(error) if error else 200, given=text if given is None else given,
        error=say(tongue_of(request), error) if error else None, where=error.where if error else "",
    )  # fmt: skip


@inside.post("/goods/groups")
def save_groups(request: Request) -> Response:
    text = field(request, "csv", TEXT)
    try:
        told = read_groups(text)
        with shop_of(request).db.write() as conn:
            for group, texts in told:
                save_group(conn, group)
                save_texts(conn, group.kind, group.name, "title", texts)
    except FairdayError as error:
        return _groups(request, error, text)
    return go("/console/goods/groups?done=groups_saved")
