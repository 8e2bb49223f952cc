"""The home page, the goods pages, and the floors that scenes put on them."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from fairday.kernel.errors import Unavailable
from fairday.scenes.choice import Choice, Person, choose
from fairday.scenes.loading import load_person
from fairday.scenes.moment import near_you
from fairday.scenes.shelf import Good
from fairday.scenes.stage import Stage
from fairday.shop import Shop
from fairday.web import desk
from fairday.web.called import called_of
from fairday.web.goods import cards
from fairday.web.render import shop_of, tongue_of
from fairday.web.storefront.front import acted_at, by_link, front_of, router, shown, visitor_of
from fairday.web.storefront.trail import trail_of, wishes_of
from fairday.web.storefront.wishes import drawn
from fairday.web.why import for_shopper

PER_FLOOR, FLOORS, PER_ROW, MORE, TILES = 6, 5, 10, 8, 10
"""So many that a page stays under 30 KB."""
A_WHILE, SOON = 20 * 60_000, 10_000
"""After so long a visit is another one; what a page's own script tells comes so much later than the page."""

log = logging.getLogger("fairday.web")


@router.get("/")
def home(request: Request) -> Response:
    came = by_link(request)
    if came is not None:
        return came
    shop, visitor = shop_of(request), visitor_of(request)
    now = shop.clock.now()
    with shop.db.read() as conn:
        stage = shop.staging.stage(conn, now)
        person = load_person(conn, visitor.person, now)
        resume = left_off(request, conn, stage, now)
    choice = choose(person, "page", now, stage, per_floor=PER_FLOOR, floors=FLOORS)
    if visitor.id is not None:
        choice = recorded(shop, choice, visitor.id, now)
    seen = frozenset(g.product.product for _, floor in choice.floors for g in floor.goods)
    return shown(
        request, "shop_home.html", visitor,
        here="home", resume=resume, floors=floors(request, choice, stage, person), tiles=tiles(request),
        more=cards(request, liked(shop, stage, person, seen)), **look(request, choice),
        near=near_you(person.lately, stage.around, now) if visitor.own else [],
    )  # fmt: skip


def look(request: Request, choice: Choice | None) -> dict[str, Any]:
    """The theme and the greeting that scenes give this page."""
    found = None if choice is None else choice.look
    return {} if found is None else {"theme": found.theme, "greeting": found.greeting.get(tongue_of(request).language)}


def tiles(request: Request) -> list[dict[str, str]]:
    """The categories with the most goods, as ways into the shop."""
    index = shop_of(request).search.index()
    return [{"name": name, "title": called_of(request).category(name)} for name, _ in index.largest[:TILES]]


def recorded(shop: Shop, choice: Choice, who: tuple[str, str], now: int) -> Choice:
    """The choice, its record queued; one without scenes where it cannot be written down who met them."""
    try:
        shop.record(choice, who, now)
    except Unavailable as error:
        log.warning("a page is shown without scenes: %s", error)
        return Choice(touchpoint=choice.touchpoint, shown=[], withheld=[], trace=choice.trace)
    return choice


def liked(shop: Shop, stage: Stage, person: Person, seen: frozenset[str]) -> list[Good]:
    """Goods for the foot of a page: what the person likes, what is popular, with variety."""
    shelf = stage.shelf
    of = shelf.liking(person.person, person.facts, desk.today(shop))
    return shelf.pick(shelf.all, "personal", shelf.personal(of), of, MORE, 0.4, shelf.flags(seen))


def floors(request: Request, choice: Choice, stage: Stage, person: Person) -> list[dict[str, Any]]:
    """The floors of a choice for a template, each with why it is there."""
    tongue, shop, own = tongue_of(request), shop_of(request), visitor_of(request).own
    today = desk.today(shop)
    return [
        {
            "title": floor.title.get(tongue.language),
            "scene": met.spec.title.get(tongue.language),
            "goods": cards(request, floor.goods),
            "why": for_shopper(tongue, stage, shop.vocabulary, person, met, floor, today, own=own),
        }
        for met, floor in choice.floors
    ]


def left_off(request: Request, conn: Connection, stage: Stage, now: int) -> dict[str, Any] | None:
    """Where they left off on another device or a while ago, for the strip that leads back there."""
    visitor, front = visitor_of(request), front_of(request)
    if not visitor.own or visitor.person is None:
        return None
    done = trail_of(conn, visitor.person, now)
    if not done.at or (now - done.at < A_WHILE and done.at <= acted_at(request) + SOON):
        return None  # they did it here, a moment ago
    place = front.feed(stage.shelf).on_from(done.listed)
    wishes = len(wishes_of(conn, visitor.person))
    found = {
        "search": done.search,
        "feed": f"/feed?at={place.encoded(front.secret, now)}" if place else "",
        "viewed": drawn(request, conn, list(done.viewed[:4])),
        "wishes": wishes,
    }
    return found if any(found.values()) else None
