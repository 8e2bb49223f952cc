"""Why somebody meets what they meet: one page for a person at a touchpoint, a scene of it, a product on its floors."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from sqlalchemy import text
from starlette.responses import Response

from fairday.kernel.errors import FairdayError
from fairday.scenes.spec import TOUCHPOINTS
from fairday.web import desk
from fairday.web.auth import inside
from fairday.web.console.data import number
from fairday.web.render import page, say, shop_of, status_of, tongue_of
from fairday.web.why import Teller

MOST = 60
"""Scenes that do not meet somebody, told of on one page; one is asked for by name."""


@inside.get("/why")
def why(request: Request) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    asked = request.query_params
    id_, scene, good = (asked.get(name, "").strip()[:320] for name in ("id", "scene", "good"))
    at = asked.get("at", "page") if asked.get("at") in TOUCHPOINTS else "page"
    person = number(asked.get("person"))
    values: dict[str, Any] = {"asked": id_, "at": at, "scene": scene, "good": good, "places": TOUCHPOINTS,
                              "error": None, "name": "", "met": [], "others": [], "left": 0, "joined": []}  # fmt: skip
    status = 200
    try:
        if id_:
            person = shop.person(id_ if ":" in id_ else f"{'email' if '@' in id_ else 'user_id'}:{id_}")
        with shop.db.read() as conn:
            name = desk.names(conn, [person], tongue_of(request)).get(person, "") if person is not None else ""
            known = (
                person is None or conn.execute(text("SELECT 1 FROM people WHERE person = :p"), {"p": person}).first()
            )
        if not known:
            raise FairdayError("There is no such person.", code="unknown_id")
        found = shop.why(person, at, scene=scene or None, good=good or None)
        teller = Teller(tongue, desk.vocabulary(shop).traits)
        told = [(s, s.title.get(tongue.language), teller.lines(s)) for s in found.scenes]
        met = [one for one in told if one[0].outcome in ("shown", "withheld")]
        others = [one for one in told if one[0].outcome not in ("shown", "withheld")]
        values |= {"name": name, "met": met, "others": others[:MOST], "left": len(others) - len(others[:MOST]),
                   "joined": teller.joined(found)}  # fmt: skip
    except FairdayError as error:
        values["error"], status = say(tongue, error), status_of(error)
    return page(request, "why_person.html", status, person=person, **values)
