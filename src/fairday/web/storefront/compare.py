"""Up to four goods side by side: which ones stands in the address, and on this device in a cookie."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote, urlencode

from fastapi import Depends, Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.goods.called import calm
from fairday.goods.catalogue import products_named
from fairday.goods.naming import texts_of
from fairday.goods.observed import seen_of
from fairday.goods.records import Details, details_of, variants_of
from fairday.scenes.staging import as_product
from fairday.web import desk
from fairday.web.called import called_of
from fairday.web.goods import card
from fairday.web.render import shop_of, tongue_of
from fairday.web.storefront.front import by_link, posted, router, shown, visitor_of
from fairday.web.storefront.goods import named, titled

MOST = 4
COOKIE = "fairday_compare"


def kept(request: Request) -> list[str]:
    """The goods on this device's list."""
    numbers = [unquote(n) for n in request.cookies.get(COOKIE, "")[:4000].split("|") if n]
    return [n for n in dict.fromkeys(numbers) if len(n) <= 200 and "\0" not in n][:MOST]


@router.post("/compare", dependencies=[Depends(posted)])
def choose(request: Request) -> Response:
    """Put goods on the list, where the oldest of five makes room, or take them off."""
    number, keep = request.state.form.get("product"), request.state.form.get("keep")
    if not isinstance(number, str) or keep not in ("yes", "no"):
        raise HTTPException(422)
    others = [n for n in kept(request) if n != named(number)]
    numbers = [*others, number][-MOST:] if keep == "yes" else others
    response = RedirectResponse(f"/compare?{urlencode([('g', n) for n in numbers])}", 303)
    value = "|".join(quote(n, safe="") for n in numbers)
    https = request.url.scheme == "https"
    response.set_cookie(COOKIE, value, max_age=7 * 86_400, httponly=True, samesite="lax", secure=https)
    return response


@router.get("/compare")
def compare(request: Request) -> Response:
    came = by_link(request)
    if came is not None:
        return came
    asked = [n for n in request.query_params.getlist("g") if 1 <= len(n) <= 200 and "\0" not in n]
    numbers = list(dict.fromkeys(asked or kept(request)))[:MOST]
    with shop_of(request).db.read() as conn:
        goods, rows = _table(request, conn, numbers)
    return shown(request, "shop_compare.html", visitor_of(request), here="search", goods=goods, rows=rows)


def _table(
    request: Request, conn: Connection, numbers: list[str]
) -> tuple[list[dict[str, Any]], list[tuple[str, list[str], bool]]]:
    """The goods, and the rows under them: title, a text for each of the goods, whether they differ."""
    tongue, called = tongue_of(request), called_of(request)
    found, details = products_named(conn, numbers), details_of(conn, numbers)
    numbers = [n for n in numbers if n in found and not (n in details and details[n].hidden)]
    forms = {n: [v for v in many if not v.hidden] for n, many in variants_of(conn, numbers).items()}
    more = [details.get(n) or Details(product=n) for n in numbers]
    said = {w for n in numbers for v in forms.get(n, ()) for pair in v.options.items() for w in pair}
    said |= {w for d in more for pair in d.attributes.items() for w in pair}
    words = texts_of(conn, "word", said)

    def word(name: str) -> str:
        return words.get((name, "title"), {}).get(tongue.language) or name

    goods = [card(request, as_product(found[number])) for number in numbers]
    seen = seen_of(conn, numbers, desk.today(shop_of(request)))
    rows: list[tuple[str, list[str]]] = [
        (tongue.plain("shop.brand"), [calm(found[n].brand or "") for n in numbers]),
        (tongue.plain("shop.category"), [called.category(found[n].category or "") for n in numbers]),
    ]
    axes = dict.fromkeys(a for n in numbers for v in forms.get(n, ())[:1] for a in v.options)
    for axis in axes:
        values = [dict.fromkeys(v.options.get(axis, "") for v in forms.get(n, ())) for n in numbers]
        rows.append((word(axis), [", ".join(word(v) for v in some if v) for some in values]))
    for name in dict.fromkeys(a for d in more for a in d.attributes):
        rows.append((word(name), [word(d.attributes[name]) if name in d.attributes else "" for d in more]))
    made = [", ".join(titled(tongue, o.titles, o.name) for o in d.made) for d in more]
    rows.append((tongue.plain("goods.made"), made))
    grams = [tongue.plain("goods.grams", g=tongue.number(d.weight_g)) if d.weight_g else "" for d in more]
    rows.append((tongue.plain("goods.weight"), grams))
    lowest = [seen[n][0] if n in seen else None for n in numbers]
    rows.append(
        (
            tongue.plain("goods.elsewhere"),
            [f"{tongue.money(s.amount, s.currency)} · {s.place}, {tongue.day(s.day)}" if s else "" for s in lowest],
        )
    )
    return goods, [(title, cells, len(set(cells)) > 1) for title, cells in rows if any(cells)]
