"""What all pages of the storefront share: who looks, what they answered, the limits."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.goods.prices import Turned, Where
from fairday.intake.keys import create_key, list_keys
from fairday.kernel import ids
from fairday.kernel.errors import Unavailable
from fairday.people.audiences import memberships_of
from fairday.people.identity import claimed, ids_of, person_of
from fairday.reach import outbox
from fairday.scenes.shelf import Shelf
from fairday.shop import Shop
from fairday.storage.log import OURS, Happening
from fairday.web import clicks, desk
from fairday.web.auth import address_of
from fairday.web.goods import finish_cards
from fairday.web.guard import Bucket, place_of
from fairday.web.i18n import LANGUAGES
from fairday.web.render import page, shop_of
from fairday.web.signing import secret_of, sign, signed
from fairday.web.storefront.feeding import FeedGoods
from fairday.web.storefront.landing import land_cards
from fairday.web.storefront.prefer import country_of, place_drawn, preference
from fairday.web.storefront.store import collecting_stores, store_of

VISITOR, ANSWER, OWN, ACTED = "fairday_visitor", "fairday_consent", "fairday_own", "fairday_acted"
YEAR = 31_536_000
FRESH_DAYS = 30
"""For how long what came in has places of its own in the feed."""
LINK_MS = 30 * 86_400_000
"""A mail's link recognises its reader for this long after the mail was planned."""
KEY_NAME = "storefront"
PRICED = frozenset(f"shop_{name}.html" for name in ("home", "feed", "search", "goods", "cart", "checkout", "wishes",
                                                    "compare"))  # fmt: skip
"""Pages that say on top for where, and in what, their prices are."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks.

    Attributes:
        id: what they are recognised by, None for a stranger.
        person: their number, None where nothing is known of them.
        own: this device has been shown to be theirs. A link of a mail does not show that: mails are passed on. What
            they searched, saw and kept is shown only then.
    """

    id: tuple[str, str] | None = None
    person: int | None = None
    own: bool = False

    @property
    def key(self) -> str:
        return "" if self.id is None else f"{self.id[0]}:{self.id[1]}"


class Front:
    """What the storefront keeps while it serves: signing key, write key for its pages, the limits."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.secret = secret_of(shop)
        self.key = _write_key(shop)
        self.pages = Bucket(240)
        self.posts = Bucket(30)
        self.heavy = Bucket(6)
        self.strangers = Bucket(12, minutes=60)
        self.photos = Bucket(12)
        self.erasing = threading.Lock()
        self._feed: FeedGoods | None = None

    def feed(self, shelf: Shelf) -> FeedGoods:
        """What the feed needs of a shelf."""
        found = self._feed
        if found is None or found.shelf is not shelf:
            found = self._feed = FeedGoods(shelf, desk.today(self._shop) - FRESH_DAYS)
        return found


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
    front = front_of(request)
    spend(request, front.pages if request.method in ("GET", "HEAD") else front.posts)


def spend(request: Request, bucket: Bucket) -> None:
    """Take one from a bucket for the caller's address, or answer 429."""
    waits = bucket.take(address_of(request), shop_of(request).clock.now())
    if waits:
        raise HTTPException(429, headers={"Retry-After": str(-(-waits // 1000))})


router = APIRouter(dependencies=[Depends(limited)])


FINISHES: list[Callable[[Request, Connection, list[dict[str, Any]]], None]] = []
"""What modules above this one say on the cards of an answer, once their prices stand."""


def where_of(request: Request, conn: Connection) -> Where:
    """Where whoever looks would buy, and as whom: what prices and lists go by."""
    visitor = visitor_of(request)
    crowds = tuple(memberships_of(conn, visitor.person)) if visitor.own and visitor.person is not None else ()
    store = store_of(request)
    where = shop_of(request).goods.where(
        store=store.store if store else None, country=country_of(request) or None, crowds=crowds
    )
    reads = preference(request)
    if not reads.charged or reads.exchange is None:
        return where
    return msgspec.structs.replace(where, turned=Turned(reads.currency, reads.exchange.exact(1)))


def visitor_of(request: Request) -> Visitor:
    """Who the signed cookie says is looking."""
    kept: Visitor | None = getattr(request.state, "visitor", None)
    if kept is None:
        kept = request.state.visitor = _visitor(request)
    return kept


def _visitor(request: Request) -> Visitor:
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
        owned = signed(front_of(request).secret, request.cookies.get(OWN, ""), shop.clock.now())
        return Visitor((kind, value), person, own=weak or owned == f"own|{kind}:{value}")


def remember(response: Response, request: Request, id_: tuple[str, str], until: int | None = None) -> None:
    """Set the signed cookie that recognises a shopper, for a year or until an instant (ms)."""
    now = shop_of(request).clock.now()
    end = now + YEAR * 1000 if until is None else until
    value = sign(front_of(request).secret, f"{id_[0]}:{id_[1]}", end)
    https = request.url.scheme == "https"
    response.set_cookie(VISITOR, value, max_age=(end - now) // 1000, httponly=True, samesite="lax", secure=https)


def answer_of(request: Request) -> str:
    """What the shopper answered the banner: ``yes``, ``no`` or ""."""
    answered = request.cookies.get(ANSWER, "")
    return answered if answered in ("yes", "no") else ""


def own(response: Response, request: Request, id_: tuple[str, str]) -> None:
    """Remember on this device that it is the shopper's own."""
    end = shop_of(request).clock.now() + YEAR * 1000
    value = sign(front_of(request).secret, f"own|{id_[0]}:{id_[1]}", end)
    https = request.url.scheme == "https"
    response.set_cookie(OWN, value, max_age=YEAR, httponly=True, samesite="lax", secure=https)


def shown(request: Request, template: str, visitor: Visitor, status: int = 200, **values: Any) -> Response:
    """A page of the storefront."""
    given = {"visitor": visitor, "answered": answer_of(request), "write_key": front_of(request).key, "here": "",
             "asked": "", "theme": "plain", "greeting": "",
             "collects": bool(collecting_stores(request)), "my_store": store_of(request)}  # fmt: skip
    shop = shop_of(request)
    with shop.db.read() as conn:
        finish_cards(request, conn, where_of(request, conn), shop.clock.now())
        land_cards(request, conn, getattr(request.state, "cards", []))
        for finish in FINISHES:
            finish(request, conn, getattr(request.state, "cards", []))
    response = page(request, template, status, **{**given, "place": place_drawn(request, template in PRICED), **values})
    # Who looks is in it: no cache between may keep it for another.
    response.headers.setdefault("cache-control", "private, no-cache")
    clicks.count(response, request, front_of(request).secret)
    keep_acted(response, request)
    return response


def acted(request: Request) -> None:
    """Something they did is told from this device now, so that another device knows what to go on with."""
    request.state.acted = shop_of(request).clock.now()


def keep_acted(response: Response, request: Request) -> None:
    """Keep when something was last told from this device."""
    at = getattr(request.state, "acted", None)
    if at is not None:
        https = request.url.scheme == "https"
        response.set_cookie(ACTED, str(at), max_age=86_400, httponly=True, samesite="lax", secure=https)


def acted_at(request: Request) -> int:
    """When (ms) something was last told from this device, 0 for never."""
    kept = request.cookies.get(ACTED, "")
    return int(kept) if kept.isascii() and kept.isdigit() and len(kept) < 16 else 0


def told(request: Request, name: str, properties: dict[str, Any], *of: str) -> None:
    """Write down, soon, something the shopper did, if they agreed to that; the same thing within an hour once.

    Args:
        of: what makes it the same.
    """
    shop, visitor = shop_of(request), visitor_of(request)
    if visitor.id is None or answer_of(request) != "yes":
        return
    now = shop.clock.now()
    said = Happening(
        message_id=f"shop-{ids.digest(name, *visitor.id, str(now // 3_600_000), *of)}", kind="track", name=name, at=now,
        received=now, source=OURS, ids=(visitor.id,), body={"properties": properties},
    )  # fmt: skip
    with contextlib.suppress(Unavailable):  # the page matters more
        shop.append([said])
        acted(request)


def by_link(request: Request) -> Response | None:
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
            stranger = known is None or known[0] == "anonymous_id"
            if message.identifier in own and not refused and (stranger or known in own.values()):
                clicks.mark(response, request, front_of(request).secret, token)
            if message.identifier in own and not refused and stranger:
                remember(response, request, own[message.identifier], message.planned_at + LINK_MS)
    return response


def same_site(request: Request) -> None:
    """Refuse what another site sends."""
    origin = request.headers.get("origin")
    if origin is not None and place_of(origin) != request.headers.get("host", ""):
        raise HTTPException(403)
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403)


async def posted(request: Request) -> None:
    """Read the form of a post, refusing one that another site sends."""
    same_site(request)
    request.state.form = await request.form(max_files=0, max_fields=10, max_part_size=4096)


async def posted_long(request: Request) -> None:
    """As ``posted``, for forms with many fields."""
    same_site(request)
    request.state.form = await request.form(max_files=0, max_fields=60, max_part_size=20_000)


def back(request: Request) -> str:
    """The path (of ours) that a post came from."""
    from urllib.parse import urlsplit

    came = request.headers.get("referer", "")
    if place_of(came) != request.headers.get("host", ""):
        return "/"
    return "/" + urlsplit(came).path.lstrip("/\\")
