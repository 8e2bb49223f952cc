"""Stock: what is where, what is promised and on its way; counting, moving, receiving, and what happened to a good."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from sqlalchemy import Connection, func, or_, select
from starlette.datastructures import UploadFile
from starlette.responses import Response

from fairday.goods.called import calm
from fairday.goods.catalogue import ProductRow, products
from fairday.goods.records import variants_named, variants_of
from fairday.goods.stock import MAIN, Level, stock_stream
from fairday.goods.stock.rules import MOST, REASONS
from fairday.intake.stock import read_counts
from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.ids import new_id
from fairday.storage.log import StoredEvent
from fairday.stores.places import place_names
from fairday.stores.records import all_places
from fairday.web.auth import field, inside
from fairday.web.goods import safe, tone
from fairday.web.i18n import Tongue
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

PAGE, HISTORY = 40, 40
ACTS = ("count", "receive", "expect", "move", "adjust")


class Shown:
    """A good as its stock is shown: its title and picture, its levels by place."""

    def __init__(self, sku: str, product: ProductRow | None, options: str, levels: list[Level]) -> None:
        self.sku = sku
        self.known = product is not None
        self.title = calm(product.title) if product is not None and product.title else sku
        self.options = options
        self.image = safe(product.image) if product is not None else None
        self.tone = tone(product.category if product is not None else None, sku)
        self.sign = self.title.strip()[:1].upper() or "·"
        self.levels = levels
        self.free = sum(level.available for level in levels)
        self.incoming = sum(level.incoming for level in levels)
        self.most = max([1, *(max(level.on_hand, level.reserved) + level.incoming for level in levels)])


def _goods(conn: Connection, levels: dict[str, list[Level]], skus: list[str]) -> list[Shown]:
    variants = variants_named(conn, skus)
    numbers = {sku: variants[sku].product if sku in variants else sku for sku in skus}
    rows = conn.execute(select(products).where(products.c.product.in_(set(numbers.values())))).mappings()
    found = {row["product"]: ProductRow(**{f: row[f] for f in ProductRow.__struct_fields__}) for row in rows}
    options = {sku: " · ".join(v.options.values()) for sku, v in variants.items()}
    return [Shown(sku, found.get(numbers[sku]), options.get(sku, ""), levels.get(sku, [])) for sku in skus]


def _titled(conn: Connection, words: str) -> list[str]:
    """SKUs of goods whose title holds the words: products and their variants."""
    c = products.c
    like = func.lower(c.title).contains(words.lower(), autoescape=True)
    numbers = list(conn.execute(select(c.product).where(or_(like, c.product == words)).limit(200)).scalars())
    return [*numbers, *(v.sku for found in variants_of(conn, numbers).values() for v in found)]


@inside.get("/stock")
def stock(request: Request) -> Response:
    return _list(request)


def _list(request: Request, error: FairdayError | None = None) -> Response:
    shop, query = shop_of(request), request.query_params
    words, place, out = query.get("q", "").strip()[:100], query.get("place", ""), query.get("out") == "1"
    start = int(query["from"]) if query.get("from", "").isdecimal() and len(query["from"]) < 8 else 0
    with shop.db.read() as conn:
        named = _called(conn, tongue_of(request))
        titled = _titled(conn, words) if words else None
        skus = shop.stock.skus(
            conn, place=place, among=titled, beginning=words, sold_out=out, limit=PAGE + 1, offset=start
        )
        goods = _goods(conn, shop.stock.levels(conn, skus[:PAGE]), skus[:PAGE])
        counted = set(shop.stock.levels(conn, titled or [])) | set(skus)
        uncounted = [sku for sku in (titled or []) if sku not in counted][:8]
        used, (total, gone) = shop.stock.places_used(conn), shop.stock.counts(conn)
        free = _goods(conn, {}, uncounted)
        places = all_places(conn)
    served = {place.store for place in places} or {MAIN}
    names = named | {p: p for p in used if p not in named}
    most = max([1, *(on_hand + incoming for _, on_hand, _, incoming in used.values())])
    return page(
        request,
        "stock.html",
        status_of(error) if error else 200,
        goods=goods,
        uncounted=free,
        names=names,
        used=used,
        stranded=[(place, level[1]) for place, level in used.items() if level[1] > 0 and place not in served],
        most=most,
        total=total,
        gone=gone,
        words=words,
        place=place,
        out=out,
        bars=bars,
        older=_link(words, place, out, start + PAGE) if len(skus) > PAGE else "",
        newer=_link(words, place, out, max(0, start - PAGE)) if start else "",
        error=say(tongue_of(request), error) if error else None,
        where=error.where if error else "",
    )


def _link(words: str, place: str, out: bool, start: int) -> str:
    return f"?q={quote(words)}&place={quote(place)}&out={int(out)}&from={start}"


def bars(on_hand: int, reserved: int, incoming: int, most: int) -> list[tuple[str, float, float]]:
    """A level as parts of a lying bar of 100: (what, where it begins, how long it is)."""
    promised = min(on_hand, reserved)
    made, at = [], 0.0
    for name, units in (("free", on_hand - promised), ("promised", promised), ("coming", incoming)):
        long = 100 * units / most
        if units:
            made.append((name, round(at, 2), round(max(long, 0.6), 2)))
        at += long
    return made


@inside.get("/stock/good")
def good(request: Request) -> Response:
    return _good(request, request.query_params.get("sku", "").strip())


def _good(
    request: Request, sku: str, error: FairdayError | None = None, given: dict[str, str] | None = None
) -> Response:
    shop, query = shop_of(request), request.query_params
    try:
        stock_stream(sku)
    except FairdayError:
        raise NotFound("There is no such good.", code="no_good") from None
    before = int(query["before"]) if query.get("before", "").isdecimal() and len(query["before"]) < 10 else None
    with shop.db.read() as conn:
        names = _called(conn, tongue_of(request))
        levels = shop.stock.levels(conn, [sku])
        shown = _goods(conn, levels, [sku])[0]
        told = shop.stock.history(conn, sku, HISTORY + 1, before)
    names |= {level.place: level.place for level in shown.levels if level.place not in names}
    places = [level.place for level in shown.levels] or list(names)[:1]
    form = {"act": query.get("act", "count"), "place": query.get("place", places[0]), "to": "", "qty": "", "note": "",
            "reason": "damaged", "arrived": "yes"} | (given or {})  # fmt: skip
    return page(
        request,
        "stock_good.html",
        status_of(error) if error else 200,
        good=shown,
        names=names,
        acts=ACTS,
        reasons=REASONS,
        given=form,
        key=new_id(shop.clock.now()),
        told=[_told(event) for event in told[:HISTORY]],
        older=f"?sku={quote(sku)}&before={told[HISTORY - 1].seq}" if len(told) > HISTORY else "",
        bars=bars,
        error=say(tongue_of(request), error) if error else None,
    )


def _called(conn: Connection, tongue: Tongue) -> dict[str, str]:
    """What places are called; the one place of a shop that named none is its warehouse."""
    return {place: name or tongue.plain("stock.main") for place, name in place_names(conn).items()}


def _told(event: StoredEvent) -> dict[str, Any]:
    """An event as the history tells it: by how much what is there changed, and what stands after it."""
    data = event.data
    change: int = data["change"] if event.name in ("Stock Counted", "Stock Adjusted") else data["qty"]
    sign = -1 if event.name in ("Stock Shipped", "Stock Moved") else 1
    return {
        "seq": event.seq,
        "name": event.name.removeprefix("Stock ").lower(),
        "at": event.at,
        "place": data["place"],
        "to": data.get("to", ""),
        "arrived": data.get("arrived", True),
        "change": sign * change,
        "order": str(data.get("order", "")).partition(":")[2],
        "why": data.get("reason", ""),
        "note": data.get("note", ""),
        "by": data.get("by", ""),
        "after": data["levels"][data["place"]],
    }


@inside.post("/stock/good")
def act(request: Request) -> Response:
    shop, sku = shop_of(request), field(request, "sku", 190)
    given = {
        name: field(request, name, 200) for name in ("act", "place", "to", "qty", "reason", "note", "arrived", "key")
    }
    how = {"actor": f"operator:{request.state.operator.id}", "key": given["key"], "note": given["note"]}
    try:
        units, place = _units(given["qty"]), _place(request, given["place"])
        match given["act"]:
            case "count":
                shop.stock.count(sku, place, units, **how)
            case "receive":
                shop.stock.receive(sku, place, units, **how)
            case "expect":
                shop.stock.expect(sku, place, units, **how)
            case "move":
                to = _place(request, given["to"])
                shop.stock.move(sku, place, to, units, arrived=given["arrived"] == "yes", **how)
            case "adjust":
                shop.stock.adjust(sku, place, units, given["reason"], **how)
            case other:
                raise FairdayError(f"{other[:40]!r} is nothing one does to stock.", code="bad_act")
    except FairdayError as error:
        return _good(request, sku, error, given)
    return go(f"/console/stock/good?sku={quote(sku, safe='')}&done=stock_{given['act']}")


def _units(text: str) -> int:
    """A whole number as people type it: 12, +3, -3, 1,200."""
    plain = text.replace(",", "").replace("，", "").replace("−", "-").replace(" ", "").removeprefix("+")
    if not plain.removeprefix("-").isdecimal() or len(plain) > 11:
        raise FairdayError(f"{text[:40]!r} is not a number of units.", code="bad_units", where="qty")
    units = int(plain)
    if abs(units) > MOST:
        raise FairdayError(f"A place holds at most {MOST} units.", code="too_many_units", where="qty")
    return units


def _place(request: Request, number: str) -> str:
    """A place that is kept, or holds stock already."""
    shop = shop_of(request)
    with shop.db.read() as conn:
        if number in place_names(conn) or number in shop.stock.places_used(conn):
            return number
    raise FairdayError(f"There is no place {number[:60]!r}.", code="no_place", where="place")


@inside.post("/stock/import")
def bring(request: Request) -> Response:
    shop, sent = shop_of(request), request.state.form.get("file")
    try:
        if not isinstance(sent, UploadFile) or not sent.filename:
            raise FairdayError("Choose a file.", code="no_file_chosen", remedy="Choose a CSV or XLSX file.")
        place = field(request, "place", 60)
        with shop.db.read() as conn:
            names = _called(conn, tongue_of(request))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"count{Path(sent.filename).suffix[:8]}"
            with path.open("wb") as f:
                while part := sent.file.read(1 << 20):
                    f.write(part)
            counted = read_counts(path, names, _place(request, place) if place else "")
        shop.stock.count_all(counted, f"operator:{request.state.operator.id}", Path(sent.filename).name[:100])
    except FairdayError as error:
        return _list(request, error)
    return go("/console/stock?done=stock_counted")
