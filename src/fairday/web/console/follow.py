"""Follow one shopper: their phone on the left, on the right what each of their steps did, as it happens."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.goods.catalogue import ProductRow, all_products, product
from fairday.kernel.errors import FairdayError
from fairday.kernel.ids import new_id
from fairday.kernel.money import major
from fairday.people import identity
from fairday.reach import outbox, smtp
from fairday.scenes import life
from fairday.storage.log import Happening
from fairday.web import desk, queries
from fairday.web.auth import Number, field, inside
from fairday.web.following import START, Followed, Follows
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of
from fairday.web.storefront.front import LINK_MS
from fairday.web.story import figures, persons_of, story

TILL = "operator"
"""The source of an order that somebody sends by hand."""


def follows_of(request: Request) -> Follows:
    """The visitors followed in this process."""
    found: Follows = request.app.state.follows
    return found


def _visitor(request: Request, token: str) -> Followed:
    found = follows_of(request).find(token, shop_of(request).clock.now())
    if found is None:
        raise HTTPException(404)
    return found


@inside.get("/follow")
def choose(request: Request) -> Response:
    shop = shop_of(request)
    # A mail's link makes the visitor its reader: only where mails leave the house for nobody.
    mails = []
    if smtp.from_environment() is None:
        with shop.db.read() as conn:
            fresh = shop.clock.now() - LINK_MS  # older links recognise nobody
            mails = [m for m in outbox.page(conn, status="sent", limit=6) if m.planned_at > fresh]
    return page(request, "follow_start.html", mails=mails)


@inside.post("/follow")
def begin(request: Request) -> Response:
    shop, first, found = shop_of(request), "/", None
    mail = request.state.form.get("mail")
    if isinstance(mail, str) and mail.isdecimal() and smtp.from_environment() is None:
        with shop.db.read() as conn:
            found = outbox.get(conn, int(mail[:18]))
        if found is not None:
            first = f"/?m={found.token}"
    made = follows_of(request).begin(shop.clock.now(), figures(shop), first)
    if first != "/" and found is not None:
        made.since = found.planned_at  # the mail is where their story begins
    return go(f"/console/follow/{made.token}")


@inside.get("/follow/{token}")
def watch(request: Request, token: str) -> Response:
    return _show(request, _visitor(request, token))


@inside.get("/follow/person/{person}")
def watch_person(request: Request, person: Number) -> Response:
    """Somebody known: watched, not played; what they see stays between them and their phone."""
    shop = shop_of(request)
    with shop.db.read() as conn:
        if not queries.people_rows(conn, [person]):
            raise HTTPException(404)
    now = shop.clock.now()
    visitor = Followed("", now - 86_400_000, now)
    return _show(request, visitor, person=person)


def _show(
    request: Request, visitor: Followed, error: FairdayError | None = None, person: int | None = None
) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    with shop.db.read() as conn:
        persons = persons_of(conn, shop, visitor.ids) if person is None else [person]
        names = desk.names(conn, persons, tongue_of(request))
        ids = [i for p in persons for i in identity.ids_of(conn, p) if i.current]
    with shop.db.read() as conn:
        scenes = desk.titles(shop_of(request), tongue_of(request), list(life.all_scenes(conn)))
    now = figures(shop)
    moved = [(name, visitor.before.get(name, 0), now[name]) for name in now if visitor.token]
    return page(
        request,
        "follow.html",
        200 if error is None else status_of(error),
        visitor=visitor,
        phone=f"{START}{visitor.token}{visitor.first}" if visitor.token else "",
        person=persons[0] if persons else None,
        name=names.get(persons[0], "") if persons else "",
        ids=ids,
        beats=story(shop, visitor.since, visitor.ids, persons),
        moved=moved,
        titles=scenes,
        error=say(tongue, error) if error else None,
    )


@inside.post("/follow/{token}/order")
def order(request: Request, token: str) -> Response:
    """An order as the till would send it: of what they looked at last. It is marked as a test and counts like any."""
    shop, visitor = shop_of(request), _visitor(request, token)
    try:
        if not visitor.ids:
            raise FairdayError("Nobody is recognised yet.", code="nobody_yet", remedy="Agree in the phone first.")
        goods = _last_viewed(request, visitor)
        if goods is None:
            raise FairdayError("There are no goods with a price.", code="no_goods")
    except FairdayError as error:
        return _show(request, visitor, error)
    now = shop.clock.now()
    currency = goods.currency or shop.settings.currency
    price = float(major(goods.price or 0, currency))
    line: dict[str, Any] = {"product_id": goods.product, "name": goods.title, "price": price, "quantity": 1}
    line |= {k: v for k, v in (("category", goods.category), ("brand", goods.brand)) if v}
    number = new_id(now)
    properties = {"order_id": f"TEST-{number[-6:]}", "total": price, "currency": currency, "products": [line],
                  "channel": "store", "test": True}  # fmt: skip
    sent = Happening(
        message_id=f"operator:order:{number}", kind="track", name="Order Completed", at=now, received=now, source=TILL,
        ids=tuple(visitor.ids), body={"properties": properties},
    )  # fmt: skip
    shop.append([sent]).result()
    shop.followers.wake()
    return go(f"/console/follow/{token}")


@inside.post("/follow/{token}/mail")
def mail(request: Request, token: str) -> Response:
    """Plan and send the mail that is due now, instead of within the next minute."""
    visitor = _visitor(request, token)
    shop_of(request).run_mail()
    return go(f"/console/follow/{visitor.token}")


def _last_viewed(request: Request, visitor: Followed) -> ProductRow | None:
    shop = shop_of(request)
    asked = field(request, "product", 200) if request.state.form.get("product") else ""
    with shop.db.read() as conn:
        seen = [asked] if asked else []
        for person in persons_of(conn, shop, visitor.ids):
            rows = queries.timeline(conn, person, None, 40)
            seen += [str(h.properties.get("product_id", "")) for h in rows if h.name == "Product Viewed"]
        for number in filter(None, seen):
            found = product(conn, number)
            if found is not None and found.price:
                return found
        return next((p for p in all_products(conn) if p.price), None)
