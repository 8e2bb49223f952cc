"""Pictures of a product: uploaded, put in order, told in words, chosen for its forms."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import msgspec
from fastapi import Request
from sqlalchemy import Connection
from starlette.datastructures import UploadFile
from starlette.responses import Response

from fairday.goods.catalogue import product
from fairday.goods.photos import Drawn
from fairday.goods.pictures import Shown, arrange, choose, draw_picture, keep_picture, shown
from fairday.goods.records import MOST_MEDIA, Medium, variants_of
from fairday.kernel.errors import FairdayError, NotFound
from fairday.web.auth import field, inside
from fairday.web.goods import safe
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

ALT = 200


@inside.get("/goods/pictures")
def pictures(request: Request) -> Response:
    return _page(request, request.query_params.get("n", "")[:200])


def _page(request: Request, number: str, error: FairdayError | None = None, of: str = "") -> Response:
    with shop_of(request).db.read() as conn:
        row, had = product(conn, number), shown(conn, number)
        forms = variants_of(conn, [number]).get(number, [])
    urls = [m.url for m in had.pictures]
    return page(
        request, "pictures.html", status_of(error) if error else 200, number=number, had=had.pictures, fixed=had.fixed,
        title=(row.title if row else "") or number, front=f"/goods/{quote(number)}", most=MOST_MEDIA, longest=ALT,
        kept="\n".join(urls), back=f"/console/goods/good?{urlencode({'n': number})}", drawn=[safe(u) for u in urls],
        forms=[{"sku": v.sku, "what": " · ".join(v.options.values()), "image": safe(v.image),
                "at": urls.index(v.image) + 1 if v.image in urls else 0, "own": bool(v.image) and v.image not in urls}
               for v in forms],
        error=say(tongue_of(request), error) if error else None, of=of,
    )  # fmt: skip


@inside.post("/goods/pictures")
def save(request: Request) -> Response:
    """Keep all that the page says, uploads included, or nothing of it."""
    shop, number = shop_of(request), field(request, "n", 200)
    name = ""
    try:
        drawn: list[Drawn] = []
        for sent in request.state.form.getlist("file"):
            if isinstance(sent, UploadFile) and (sent.size or sent.filename):
                name = (sent.filename or "")[:80]
                drawn.append(draw_picture(sent.file.read()))
        name = ""
        with shop.db.write() as conn:
            now = shop.clock.now()
            kept = _told(request, shown(conn, number))
            choose(conn, number, _chosen(request, conn, number), now)
            arrange(conn, number, [*kept, *(Medium(url=keep_picture(conn, one)) for one in drawn)], now)
    except NotFound:
        raise
    except FairdayError as error:
        return _page(request, number, error, name)
    shop.staging.forget()
    return go(f"/console/goods/pictures?{urlencode({'n': number, 'done': 'pictures_saved'})}")


def _told(request: Request, had: Shown) -> list[Medium]:
    """The pictures there are as the form orders and tells them; those added meanwhile stay behind."""
    form = request.state.form
    seen = {url: n for n, url in enumerate(field(request, "kept", 70_000).splitlines(), 1)}
    ordered: list[tuple[int, int, Medium]] = []
    for now_at, one in enumerate(had.pictures, 1):
        n = seen.get(one.url)
        if n is None:
            ordered.append((10_000, now_at, one))
        elif form.get(f"gone.{n}") != "yes":
            place = field(request, f"place.{n}", 4) if f"place.{n}" in form else ""
            at = int(place) if place.isascii() and place.isdigit() else n
            alt = " ".join(field(request, f"alt.{n}", ALT).split()) if f"alt.{n}" in form else one.alt
            ordered.append((at, n, msgspec.structs.replace(one, alt=alt)))
    return [one for *_, one in sorted(ordered, key=lambda x: x[:2])]


def _chosen(request: Request, conn: Connection, number: str) -> dict[str, str | None]:
    """The picture of each form that the page says; ``same``: whatever it has."""
    form = request.state.form
    urls = field(request, "kept", 70_000).splitlines()
    there = {m.url for m in shown(conn, number).pictures}
    chosen: dict[str, str | None] = {}
    for form_of in variants_of(conn, [number]).get(number, ()):
        said = form.get(f"of.{form_of.sku}")
        if said == "0":
            chosen[form_of.sku] = None
        elif isinstance(said, str) and said.isascii() and said.isdigit() and 0 < int(said[:4]) <= len(urls):
            url = urls[int(said[:4]) - 1]
            if url in there:
                chosen[form_of.sku] = None if form.get(f"gone.{int(said[:4])}") == "yes" else url
    return chosen
