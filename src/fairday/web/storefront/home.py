"""The home page, the goods pages, and the floors that scenes put on them."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.goods.catalogue import product as find_product
from fairday.kernel.money import major
from fairday.scenes import arms
from fairday.scenes.choice import Choice, Person, choose
from fairday.scenes.shelf import Good, taste
from fairday.scenes.stage import Stage
from fairday.scenes.staging import as_product, load_person
from fairday.shop import Shop
from fairday.storage.log import append_happenings
from fairday.web import desk
from fairday.web.goods import calm, card, cards
from fairday.web.render import shop_of, tongue_of
from fairday.web.storefront.front import by_link, front_of, router, shown, visitor_of

PER_FLOOR, MORE, TILES = 8, 12, 10
THEMES = ("plain", "festive", "calm", "young", "warm")


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
    choice = choose(person, "page", now, stage, per_floor=PER_FLOOR)
    if visitor.id is not None:
        record(shop, choice, visitor.id, now)
    seen = frozenset(g.product.product for _, floor in choice.floors for g in floor.goods)
    return shown(
        request, "shop_home.html", visitor,
        here="home", floors=floors(request, choice), tiles=tiles(request, stage),
        more=cards(request, liked(shop, stage, person, seen)), **look(request, choice),
    )  # fmt: skip


def look(request: Request, choice: Choice | None) -> dict[str, Any]:
    """The theme and the greeting that scenes give this page."""
    found: Any = getattr(choice, "look", None)
    if found is None:
        return {}
    theme = found.theme if found.theme in THEMES else "plain"
    greeting = found.greeting.get(tongue_of(request).language) if found.greeting else ""
    return {"theme": theme, "greeting": greeting}


def tiles(request: Request, stage: Stage) -> list[dict[str, str]]:
    """The categories with the most goods, as ways into the shop."""
    _, index = front_of(request).index(stage.shelf)
    return [{"name": name, "title": calm(name)} for name, _ in index.largest[:TILES]]


def record(shop: Shop, choice: Choice, who: tuple[str, str], now: int) -> None:
    """Write down whom scenes met here."""
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


def floors(request: Request, choice: Choice) -> list[dict[str, Any]]:
    """The floors of a choice for a template."""
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
    came = by_link(request)
    if came is not None:
        return came
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
    return shown(request, "shop_goods.html", visitor, goods=card(request, product), rows=[("more", more)], viewed=facts)
