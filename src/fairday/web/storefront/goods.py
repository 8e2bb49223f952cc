"""A product's page: its forms, what each costs and why, options of a piece made for one, what it costs elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.goods.catalogue import ProductRow
from fairday.goods.catalogue import product as find_product
from fairday.goods.made import Made, MadeOption, picture
from fairday.goods.naming import texts_of
from fairday.goods.observed import seen_of
from fairday.goods.offering import Offer, Wanted
from fairday.goods.photos import PICTURE, keep_photo, photo_image, redraw
from fairday.goods.prices import Amount
from fairday.goods.records import Details, Variant, details_of, media_of, variants_of
from fairday.kernel.errors import FairdayError
from fairday.kernel.trace import Step
from fairday.people.identity import ids_of
from fairday.scenes.loading import load_person
from fairday.scenes.shelf import Good
from fairday.scenes.staging import as_product
from fairday.scenes.taste import Taste
from fairday.web import desk
from fairday.web.goods import because, card, cards, safe
from fairday.web.guard import place_of
from fairday.web.i18n import Tongue
from fairday.web.render import say, shop_of, tongue_of
from fairday.web.storefront.abroad import one_crossing
from fairday.web.storefront.buying import account_of
from fairday.web.storefront.company_price import company_price
from fairday.web.storefront.feeding import FeedGoods
from fairday.web.storefront.front import (
    acted,
    answer_of,
    by_link,
    front_of,
    router,
    shown,
    spend,
    told,
    visitor_of,
    where_of,
)
from fairday.web.storefront.landing import Landing, landed_drawn, landed_price, landing_of
from fairday.web.storefront.prefer import Purse, purse_of
from fairday.web.storefront.trail import trail_of, wishes_of
from fairday.web.storefront.wishes import drawn, facts_of
from fairday.web.supply import supply_of

PER_ROW, PICTURES = 8, 8
"""So many that a page stays under 30 KB."""
MADE = "made."
CART = "/cart/add"
"""Where the cart takes ``sku``, ``qty`` and ``made.NAME`` of a form."""


def named(number: str) -> str:
    """A product's number of an address, or a page that is not there."""
    if not 1 <= len(number) <= 200 or "\0" in number:
        raise HTTPException(404)
    return number


@router.get("/goods/{number:path}")
def goods_page(request: Request, number: str) -> Response:
    named(number)
    came = by_link(request)
    if came is not None:
        return came
    shop, visitor, tongue = shop_of(request), visitor_of(request), tongue_of(request)
    now = shop.clock.now()
    with shop.db.read() as conn:
        row = find_product(conn, number)
        details = details_of(conn, [number]).get(number, Details(product=number))
        if row is None or details.hidden:
            raise HTTPException(404)
        stage = shop.staging.stage(conn, now)
        person = load_person(conn, visitor.person, now)
        mine = visitor.person if visitor.own else None
        recent = drawn(request, conn, [n for n in trail_of(conn, mine, now).viewed if n != number][:8])
        kept = number in wishes_of(conn, mine)
        bought_page = _bought(request, conn, row, details, now)
    facts = facts_of(row, shop.settings.currency)
    # The page's script knows its own browser's id only; of a recognised shopper the page itself tells.
    scripted = visitor.id is None or visitor.id[0] in shop.settings.identity.weak
    if not scripted:
        told(request, "Product Viewed", facts, number)
    elif answer_of(request) == "yes":
        acted(request)
    of = stage.shelf.liking(person.person, person.facts, desk.today(shop))
    around = neighbours(front_of(request).feed(stage.shelf), of, number)
    bought = of.product.get(number)
    reason = Step("bought_before", {"times": bought.times, "days_ago": bought.days_ago}) if bought else None
    drawn_ = card(request, as_product(row), because(tongue, reason) if reason else "")
    rows = [(name, cards(request, goods)) for name, goods in around]
    return shown(
        request, "shop_goods.html", visitor,
        goods=drawn_ | bought_page.pop("texts"), rows=[*rows, ("recent", recent)], kept=kept,
        viewed=facts if scripted else None, **bought_page,
    )  # fmt: skip


def neighbours(goods: FeedGoods, of: Taste, number: str) -> list[tuple[str, list[Good]]]:
    """What goes with a product and what is like it: as the fit knows them, else in the order for this person."""
    shelf, order = goods.shelf, goods.shelf.personal(of)
    taken = shelf.flags([number])
    fitted = shelf.around(number, PER_ROW)
    if fitted is not None:
        return fitted
    alike = shelf.pick(goods.alike(number), "personal", order, of, PER_ROW, 0, taken)
    beside = shelf.pick(goods.beside(number), "personal", order, of, PER_ROW, 0.6, taken)
    return [("goes_with", beside), ("similar", alike)]


# ---- what is bought --------------------------------------------------------------------------------------------------


def _bought(request: Request, conn: Connection, row: ProductRow, details: Details, now: int) -> dict[str, Any]:
    """The chosen form, its price and why, its options, pictures, and what it costs elsewhere."""
    shop, tongue, number = shop_of(request), tongue_of(request), row.product
    forms = [v for v in variants_of(conn, [number]).get(number, ()) if not v.hidden]
    asked = request.query_params.get("v", "")
    form = next((v for v in forms if v.sku == asked), forms[0] if forms else None)
    said = {o.name: request.query_params.get(MADE + o.name, "")[:400] for o in details.made}
    given = {name: value for name, value in said.items() if value}
    where = where_of(request, conn)
    sku = form.sku if form else number
    offer, wrong = _offer(shop.goods.offers(conn, [Wanted(sku=sku, options=given)], where, now)[0])
    ready = wrong is None
    if wrong is not None and details.made:
        # The piece as it is, while an option still lacks something; what is required is not asked for yet.
        plain = [Wanted(sku=sku, options={})]
        offer = offer or _offer(shop.goods.offers(conn, plain, where, now, unmade=True)[0])[0]
    media = [m for m in media_of(conn, number) if m.kind == "image" and safe(m.url)]
    words = texts_of(conn, "word", {w for v in forms for pair in v.options.items() for w in pair}
                     | {w for pair in details.attributes.items() for w in pair}
                     | {m.alt for m in media if m.alt})  # fmt: skip
    texts = texts_of(conn, "product", [number])

    def word(name: str) -> str:
        return words.get((name, "title"), {}).get(tongue.language) or name

    described = texts.get((number, "description"), {}).get(tongue.language) or details.description
    title = texts.get((number, "title"), {}).get(tongue.language)
    images = [(m.url, word(m.alt) if m.alt else "") for m in media][:PICTURES]
    image = safe(form.image if form else None) or safe(row.image) or (images[0][0] if images else None)
    today = desk.today(shop)
    purse, landing, member = purse_of(request), landing_of(request), account_of(request)
    account = member[0] if member is not None else None
    return {
        "texts": {"description": described, "image": image, "alt": dict(images).get(image or "", "")}
        | ({"title": title} if title else {}),
        "images": images if len(images) > 1 else [],
        "supply": supply_of(request, conn, sku, now),
        "axes": _axes(forms, form, number, word),
        "sku": sku,
        "yours": company_price(request, conn, sku, now) if offer else None,
        "price": _price(purse, offer, where.country, landing) if offer else None,
        "landed": landed_drawn(request, one_crossing(request, conn, offer, account, now)) if offer else None,
        "rate": purse.rate(),
        "options": [_option(purse, o, said[o.name]) for o in details.made],
        "said": list(given.items()),
        "piece": _piece(details.made, offer.made, image) if offer and offer.made.lines else None,
        "wrong": say(tongue, wrong) if wrong is not None and (given or not _lacks(wrong)) else None,
        "ready": ready and offer is not None,
        "cart": CART,
        "attributes": [(word(a), word(v)) for a, v in details.attributes.items()],
        "elsewhere": [
            {"place": s.place, "url": s.url, "price": tongue.money(s.amount, s.currency), "day": tongue.day(s.day)}
            for s in {x.place: x for g in (number, sku) for x in seen_of(conn, [g], today).get(g, ())}.values()
        ],
    }


def _offer(found: Offer | FairdayError) -> tuple[Offer | None, FairdayError | None]:
    return (found, None) if isinstance(found, Offer) else (None, found)


def _lacks(error: FairdayError) -> bool:
    return error.code == "option_missing"


def _axes(forms: list[Variant], form: Variant | None, number: str, word: Any) -> list[dict[str, Any]]:
    """For each axis its values, each leading to the form that has it and is most like the chosen one."""
    if form is None:
        return []

    def alike(value: Variant) -> int:
        return sum(form.options.get(a) == x for a, x in value.options.items())

    axes = []
    for axis in form.options:
        rows = []
        for value in dict.fromkeys(v.options[axis] for v in forms):
            best = max((v for v in forms if v.options[axis] == value), key=alike)
            on = form.options[axis] == value
            rows.append({"title": word(value), "on": on, "to": f"/goods/{quote(number)}?{urlencode({'v': best.sku})}"})
        axes.append({"title": word(axis), "rows": rows})
    return axes


def _price(purse: Purse, offer: Offer, country: str | None, landing: Landing | None) -> dict[str, Any]:
    """The price as it lands and its why, in the shopper's words."""
    tongue, price = purse.tongue, offer.unit_price

    def landed(amount: Amount) -> dict[str, str]:
        return landed_price(tongue, purse, landing, amount, offer.hs_code or "", (offer.product, *offer.tags))

    was = offer.reduction.shown_against(country) if offer.reduction else None
    won = offer.why[0]
    if won.code == "price.base":
        why = tongue.plain("goods.why.base")
    elif won.params["min_qty"] > 1:
        why = tongue.plain("goods.why.list.from", title=won.params["title"], n=won.params["min_qty"])
    else:
        why = tongue.plain("goods.why.list", title=won.params["title"])
    law = was is not None and offer.reduction is not None and was is offer.reduction.lowest
    tiers = [(t.min_qty, landed(t.price)["text"]) for t in offer.tiers] if len(offer.tiers) > 1 else []
    return {
        **landed(price), "plain": purse.unit(price), "was": "" if was is None else landed(was)["text"], "law": law,
        "why": why,
        "tiers": tiers, "days": offer.made.days,
        "extra": purse.money(offer.extra) if offer.extra else "",
    }  # fmt: skip


def _option(purse: Purse, option: MadeOption, said: str) -> dict[str, Any]:
    """An option for the form."""
    tongue = purse.tongue

    def priced(price: int) -> str:
        return f"+{purse.money(price)}" if price else ""

    return {
        "name": MADE + option.name, "title": titled(tongue, option.titles, option.name), "kind": option.kind,
        "required": option.required, "price": priced(option.price), "sign": priced(option.per_sign), "said": said,
        "days": option.days, "longest": option.longest, "least": option.least, "latin": option.signs == "latin",
        "choices": [
            {"name": c.name, "title": titled(tongue, c.titles, c.name), "price": priced(c.price)}
            for c in option.choices
        ],
    }  # fmt: skip


def titled(tongue: Tongue, titles: Mapping[str, str], name: str) -> str:
    """What something is called in the reader's language, else in any, else its name."""
    return titles.get(tongue.language) or titles.get("en") or next(iter(titles.values()), name)


def _piece(options: tuple[MadeOption, ...], made: Made, image: str | None) -> Markup:
    """The piece as it will be. ``picture`` escapes what was said."""
    at = {line.value: f"/photos/{line.value}" for line in made.lines if line.kind == "photo"}
    return Markup(picture(options, made, image, at))


# ---- made for one ----------------------------------------------------------------------------------------------------


async def _uploaded(request: Request) -> None:
    """Read a form that may carry photos, refusing one that another site sends."""
    origin = request.headers.get("origin")
    if origin is not None and place_of(origin) != request.headers.get("host", ""):
        raise HTTPException(403)
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403)
    request.state.form = await request.form(max_files=4, max_fields=40, max_part_size=4096)


@router.post("/made")
async def made(request: Request) -> Response:
    """Take what was said of a piece, photos included, and show it on the goods page."""
    spend(request, front_of(request).photos)
    await _uploaded(request)
    form = request.state.form
    photos = {name: await value.read() for name, value in form.items() if not isinstance(value, str)}
    return await run_in_threadpool(_made, request, photos)


def _made(request: Request, photos: dict[str, bytes]) -> Response:
    shop, form = shop_of(request), request.state.form
    number, sku = (form.get(name) for name in ("product", "v"))
    if not isinstance(number, str) or not isinstance(sku, str):
        raise HTTPException(422)
    said = {n: v[:400] for n, v in form.items() if n.startswith(MADE) and isinstance(v, str) and v}
    with shop.db.read() as conn:
        details = details_of(conn, [named(number)]).get(number)
    if details is None or details.hidden:
        raise HTTPException(404)
    wanted = {MADE + o.name for o in details.made if o.kind == "photo"}
    kept = {name: redraw(sent) for name, sent in photos.items() if name in wanted and sent}
    if kept:
        with shop.db.write() as conn:
            who = visitor_of(request)
            own = ids_of(conn, who.person) if who.person is not None else []
            owner = next((i.number for i in own if (i.type, i.value) == who.id), None)
            for name, drawn_ in kept.items():
                said[name] = keep_photo(conn, drawn_, shop.clock.now(), owner).photo
    query = urlencode({n: v for n, v in {"v": sku, **said}.items() if v})
    return RedirectResponse(f"/goods/{quote(number)}?{query}", 303)


@router.get("/photos/{photo}")
def photo(request: Request, photo: str) -> Response:
    """A shopper's photo, for whoever has its address; a picture of goods, for everybody."""
    shop = shop_of(request)
    with shop.db.read() as conn:
        image = photo_image(conn, photo, shop.clock.now()) if len(photo) <= 40 else None
    if image is None:
        raise HTTPException(404)
    cached = "public, max-age=31536000, immutable" if photo.startswith(PICTURE) else "private, max-age=3600"
    headers = {"cache-control": cached, "content-security-policy": "default-src 'none'; sandbox"}
    return Response(image, media_type="image/jpeg", headers=headers)
