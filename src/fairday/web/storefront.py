"""The storefront: what a shopper meets. Drawn on the server, whole without script, first for a phone.

A shopper is recognised by a signed cookie, set after they agreed to be remembered or came by a link of a mail. No id
in an address or an unsigned cookie is believed, so nobody sees what another person would.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.goods.catalogue import product as find_product
from fairday.intake.keys import create_key, list_keys
from fairday.kernel.money import major
from fairday.people.identity import claimed, ids_of, person_of
from fairday.reach import outbox
from fairday.scenes import arms
from fairday.scenes.choice import Choice, Person, choose
from fairday.scenes.shelf import Good, taste
from fairday.scenes.stage import Stage
from fairday.scenes.staging import as_product, load_person
from fairday.shop import Shop
from fairday.storage.log import OURS, Happening, append_happenings
from fairday.web import desk
from fairday.web.auth import address_of
from fairday.web.goods import card, cards
from fairday.web.guard import Bucket, place_of
from fairday.web.i18n import LANGUAGES
from fairday.web.render import page, shop_of, tongue_of
from fairday.web.signing import secret_of, sign, signed

VISITOR, ANSWER = "fairday_visitor", "fairday_consent"
YEAR = 31_536_000
LINK_MS = 30 * 86_400_000
"""A mail's link recognises its reader for this long after the mail was planned."""
PER_FLOOR, MORE = 8, 12
KEY_NAME = "storefront"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks: the id they are recognised by and their number, both None for a stranger."""

    id: tuple[str, str] | None = None
    person: int | None = None


class Front:
    """What the storefront keeps while it serves: signing key, write key for its pages, the limits."""

    def __init__(self, shop: Shop) -> None:
        self.secret = secret_of(shop)
        self.key = _write_key(shop)
        self.pages = Bucket(240)
        self.posts = Bucket(30)


def _write_key(shop: Shop) -> str:
    with shop.db.write() as conn:
        for key in list_keys(conn):
            if key.name == KEY_NAME:
                return "" if key.revoked else key.shown
        return create_key(conn, KEY_NAME, "browser", shop.clock.now())[1]


def front_of(request: Request) -> Front:
    """The storefront's own parts."""
    front: Front = request.app.state.front
    return front


def limited(request: Request) -> None:
    """So many pages and posts a minute from one address."""
    front, now = front_of(request), shop_of(request).clock.now()
    bucket = front.pages if request.method in ("GET", "HEAD") else front.posts
    waits = bucket.take(address_of(request), now)
    if waits:
        raise HTTPException(429, headers={"Retry-After": str(-(-waits // 1000))})


router = APIRouter(dependencies=[Depends(limited)])


def visitor_of(request: Request) -> Visitor:
    """Who the signed cookie says is looking."""
    shop = shop_of(request)
    said = signed(front_of(request).secret, request.cookies.get(VISITOR, ""), shop.clock.now())
    kind, colon, value = (said or "").partition(":")
    if not colon:
        return Visitor()
    weak = kind in shop.settings.identity.weak
    with shop.db.read() as conn:
        person = person_of(conn, kind, value)
        if person is not None and weak and claimed(conn, person, shop.settings.identity.weak):
            person = None
        return Visitor((kind, value), person)


def remember(response: Response, request: Request, id_: tuple[str, str], until: int | None = None) -> None:
    """Set the signed cookie that recognises a shopper, for a year or until an instant (ms)."""
    now = shop_of(request).clock.now()
    end = now + YEAR * 1000 if until is None else until
    value = sign(front_of(request).secret, f"{id_[0]}:{id_[1]}", end)
    https = request.url.scheme == "https"
    response.set_cookie(VISITOR, value, max_age=(end - now) // 1000, httponly=True, samesite="lax", secure=https)


def shown(request: Request, template: str, visitor: Visitor, status: int = 200, **values: Any) -> Response:
    """A page of the storefront."""
    answered = request.cookies.get(ANSWER)
    front = front_of(request)
    return page(
        request,
        template,
        status,
        visitor=visitor,
        answered=answered if answered in ("yes", "no") else "",
        write_key=front.key,
        **values,
    )


def _by_link(request: Request) -> Response | None:
    """A link of a mail: recognise its reader, then show the same page without the token."""
    token = request.query_params.get("m")
    if not token or len(token) > 64:
        return None
    shop = shop_of(request)
    language = request.query_params.get("lang", "")
    query = f"?lang={language}" if language in LANGUAGES else ""
    path = "/" + quote(request.scope["path"].lstrip("/\\")) + query
    response = RedirectResponse(path, 303)
    with shop.db.read() as conn:
        message = outbox.by_token(conn, token)
        if message is not None and shop.clock.now() - message.planned_at < LINK_MS:
            own = {i.number: (i.type, i.value) for i in ids_of(conn, message.person)}
            refused = request.cookies.get(ANSWER) == "no"
            # A mail that was passed on must not make another customer of one who is known here.
            known = visitor_of(request).id
            if message.identifier in own and not refused and (known is None or known[0] == "anonymous_id"):
                remember(response, request, own[message.identifier], message.planned_at + LINK_MS)
    return response


@router.get("/")
def home(request: Request) -> Response:
    by_link = _by_link(request)
    if by_link is not None:
        return by_link
    shop, visitor = shop_of(request), visitor_of(request)
    now = shop.clock.now()
    with shop.db.read() as conn:
        stage = shop.staging.stage(conn, now)
        person = load_person(conn, visitor.person, now)
    choice = choose(person, "page", now, stage, per_floor=PER_FLOOR)
    if visitor.id is not None:
        _record(shop, choice, visitor.id, now)
    seen = frozenset(g.product.product for _, floor in choice.floors for g in floor.goods)
    return shown(request, "shop_home.html", visitor, floors=_floors(request, choice),
                 more=cards(request, liked(shop, stage, person, seen)))  # fmt: skip


def _record(shop: Shop, choice: Choice, who: tuple[str, str], now: int) -> None:
    happenings = choice.exposures(who, now, shop.settings.zone)
    if happenings:
        with shop.db.write() as conn:
            arms.record(conn, choice.new_arms(), now)
            append_happenings(conn, happenings)
        shop.followers.wake()


def liked(shop: Shop, stage: Stage, person: Person, seen: frozenset[str]) -> list[Good]:
    """Goods for the foot of a page: what the person likes, what is popular, with variety."""
    of = taste(person.facts, desk.today(shop))
    shelf = stage.shelf
    return shelf.pick(shelf.all, "personal", shelf.personal(of), of, MORE, 0.4, shelf.flags(seen))


def _floors(request: Request, choice: Choice) -> list[dict[str, Any]]:
    language = tongue_of(request).language
    return [
        {
            "title": floor.title.get(language),
            "scene": met.spec.title.get(language),
            "goods": cards(request, floor.goods),
        }
        for met, floor in choice.floors
    ]


@router.get("/goods/{number:path}")
def goods_page(request: Request, number: str) -> Response:
    if not 1 <= len(number) <= 200 or "\0" in number:
        raise HTTPException(404)
    by_link = _by_link(request)
    if by_link is not None:
        return by_link
    shop, visitor = shop_of(request), visitor_of(request)
    now = shop.clock.now()
    with shop.db.read() as conn:
        row = find_product(conn, number)
        if row is None:
            raise HTTPException(404)
        stage = shop.staging.stage(conn, now)
        person = load_person(conn, visitor.person, now)
    product = as_product(row)
    more = cards(request, liked(shop, stage, person, frozenset({number})))
    viewed: dict[str, Any] = {"product_id": product.product, "name": product.title, "category": product.category,
              "brand": product.brand, "currency": product.currency}  # fmt: skip
    if product.price is not None:
        viewed["price"] = float(major(product.price, product.currency or shop.settings.currency))
    facts = {k: v for k, v in viewed.items() if v is not None}
    return shown(request, "shop_goods.html", visitor, goods=card(request, product), more=more, viewed=facts)


# ---- what the shopper decides ----------------------------------------------------------------------------------------


async def _posted(request: Request) -> None:
    origin = request.headers.get("origin")
    if origin is not None and place_of(origin) != request.headers.get("host", ""):
        raise HTTPException(403)
    request.state.form = await request.form(max_files=0, max_fields=10, max_part_size=4096)


@router.post("/consent", dependencies=[Depends(_posted)])
def consent(request: Request) -> Response:
    """The answer of the banner: agreed to be remembered, or not. Works without script."""
    answer = request.state.form.get("answer")
    if answer not in ("yes", "no"):
        raise HTTPException(422)
    came = request.headers.get("referer", "")
    here = place_of(came) == request.headers.get("host", "")
    response = RedirectResponse("/" + urlsplit(came).path.lstrip("/\\") if here else "/", 303)
    https = request.url.scheme == "https"
    response.set_cookie(ANSWER, answer, max_age=YEAR, samesite="lax", secure=https)
    if answer == "no":
        response.delete_cookie(VISITOR)
        response.delete_cookie("fairday_id")
    elif visitor_of(request).id is None:
        anonymous = str(uuid.uuid4())
        remember(response, request, ("anonymous_id", anonymous))
        # The page's script takes its id from here, so that what it reports and who is recognised are one visitor.
        response.set_cookie("fairday_id", anonymous, max_age=YEAR, samesite="lax", secure=https)
    return response


@router.get("/unsubscribe/{token}")
def unsubscribe_page(request: Request, token: str) -> Response:
    """Asks first: mail scanners open every link, and must not unsubscribe anyone."""
    return shown(request, "shop_unsubscribe.html", Visitor(), message=_message(request, token), over=False)


@router.post("/unsubscribe/{token}")
def unsubscribe(request: Request, token: str) -> Response:
    """One click, from the page or from the mail program (RFC 8058); a repeat changes nothing."""
    shop = shop_of(request)
    message = _message(request, token)
    now = shop.clock.now()
    said = Happening(
        # Not the token alone: who agreed again meanwhile can leave again by an old mail.
        message_id=f"fairday:unsubscribe:{token}:{now // 60_000}",
        kind="track",
        name="Email Unsubscribed",
        at=now,
        received=now,
        source=OURS,
        ids=(("email", message.address),),
        body={"properties": {"channel": "email", "purpose": "marketing", "scene": message.scene}},
    )
    shop.append([said]).result()
    return shown(request, "shop_unsubscribe.html", Visitor(), message=message, over=True)


def _message(request: Request, token: str) -> outbox.Message:
    with shop_of(request).db.read() as conn:
        found = outbox.by_token(conn, token[:64])
    if found is None:
        raise HTTPException(404)
    return found
