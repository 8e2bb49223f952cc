"""The feed without end: pages of goods chosen for one shopper, with the floors of scenes between them.

Where one is stands in the address, signed: the visit's seed, the page, and two bytes of each product seen. So nothing
comes twice however the ranking moves meanwhile, any process can go on, and a page deep down costs what the first does.
After ``ROUND`` goods a new round begins, in another order.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from fairday.kernel import ids
from fairday.scenes.choice import Choice, Person, choose
from fairday.scenes.loading import load_person
from fairday.scenes.shelf import Good
from fairday.scenes.stage import Stage
from fairday.scenes.taste import Taste
from fairday.web import desk
from fairday.web.goods import cards
from fairday.web.render import shop_of, tongue_of
from fairday.web.storefront.feeding import PAGE, FeedGoods, Place, first_place, place_of
from fairday.web.storefront.front import by_link, front_of, router, shown, told, visitor_of
from fairday.web.storefront.home import floors, look, recorded

PER_FLOOR, FLOORS, BETWEEN = 5, 3, 4
"""Goods of a floor, floors, goods between two of them; so many that a page stays under 30 KB."""
TURNS = 999


@router.get("/feed")
def feed(request: Request) -> Response:
    came = by_link(request)
    if came is not None:
        return came
    shop, visitor, front = shop_of(request), visitor_of(request), front_of(request)
    now = shop.clock.now()
    asked = request.query_params.get("at", "")
    place = place_of(front.secret, asked, now) if asked else None
    if asked and place is None:
        return RedirectResponse("/feed", 303)  # written by somebody else, or of another day
    if place is None:
        turn = request.query_params.get("turn", "")
        turned = int(turn) if turn.isascii() and turn.isdigit() and len(turn) < 4 else 0
        place = first_place(ids.digest(str(desk.today(shop)), visitor.key)[:16], min(turned, TURNS))
    with shop.db.read() as conn:
        stage = shop.staging.stage(conn, now)
        person = load_person(conn, visitor.person, now)
    choice = choose(person, "feed", now, stage, per_floor=PER_FLOOR, floors=FLOORS) if not place.page else None
    if choice is not None and visitor.id is not None:
        choice = recorded(shop, choice, visitor.id, now)
    of = stage.shelf.liking(person.person, person.facts, desk.today(shop))
    goods, after = page_of(front.feed(stage.shelf), place, of, choice)
    products = [{"product_id": g.product.product, "position": n} for n, g in enumerate(goods, 1)]
    where = {"list_id": "feed", "seed": place.seed, "turn": place.turn, "page": place.page, "products": products}
    told(request, "Product List Viewed", where, place.seed, str(place.turn), str(place.page))
    values: dict[str, Any] = {
        "entries": _entries(request, goods, choice, stage, person),
        "next": f"/feed?at={after.encoded(front.secret, now)}" if len(goods) == PAGE or after.turn > place.turn else "",
        "over": tongue_of(request).plain("feed.over"),
    }
    if request.query_params.get("part"):
        return shown(request, "shop_part.html", visitor, **values)
    others = f"/feed?turn={min(place.turn + 1, TURNS)}"
    return shown(request, "shop_feed.html", visitor, here="feed", others=others, **look(request, choice), **values)


def page_of(goods: FeedGoods, place: Place, of: Taste, choice: Choice | None) -> tuple[list[Good], Place]:
    """The goods of a page at a place, and the place after it and the floors on it."""
    on_floors = frozenset(g.product.product for _, f in (choice.floors if choice else []) for g in f.goods)
    picked = goods.pick(place, of, on_floors)
    return picked, place.after(goods.marked(place, [*on_floors, *(g.product.product for g in picked)]))


def _entries(
    request: Request, goods: list[Good], choice: Choice | None, stage: Stage, person: Person
) -> list[dict[str, Any]]:
    """Goods with the floors of scenes between them."""
    waiting: list[dict[str, Any]] = floors(request, choice, stage, person) if choice else []
    entries: list[dict[str, Any]] = []
    for n, drawn in enumerate(cards(request, goods)):
        if waiting and n and n % BETWEEN == 0:
            entries.append({"floor": waiting.pop(0)})
        entries.append({"goods": drawn})
    return entries + [{"floor": floor} for floor in waiting]
