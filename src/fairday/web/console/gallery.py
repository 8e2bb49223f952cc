"""The gallery: every playbook as a card, filled from this shop; copied into a draft of one's own."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.insight.morning import fitted, free_name, next_festival
from fairday.insight.patterns import known
from fairday.kernel.errors import FairdayError
from fairday.kernel.festivals import next_occurrence
from fairday.playbooks import all_playbooks, fill, load, rows
from fairday.scenes.grammar import parse_scene
from fairday.scenes.spec import SceneSpec
from fairday.web import desk, queries
from fairday.web.auth import inside
from fairday.web.i18n import Tongue
from fairday.web.render import go, page, shop_of, tongue_of


def when_next(tongue: Tongue, spec: SceneSpec, today: int) -> str:
    """When a scene fits next, in the reader's words."""
    when = spec.when
    if when.festival is not None:
        first = when.phases[0].first if when.phases else 0
        last = when.phases[-1].last if when.phases else 0
        day = next_occurrence(when.festival, today - last)
        if day is None:
            return tongue.plain("gallery.when.any")
        if day + first <= today:
            return tongue.plain("gallery.when.now", last=tongue.day(day + last))
        return tongue.plain("gallery.when.from", first=tongue.day(day + first))
    return tongue.plain("gallery.when.moment" if when.moment is not None else "gallery.when.any")


@inside.get("/gallery")
def gallery(request: Request) -> Response:
    shop, tongue, words = shop_of(request), tongue_of(request), desk.vocabulary(shop_of(request))
    today = desk.today(shop)
    showing = {id_: row.playbooks for id_, row in rows().items()}
    cards = []
    # How many people an audience has is counted once for a day and a number of people.
    counted: dict[Any, int] = request.app.state.__dict__.setdefault("gallery_counts", {})
    with shop.db.read() as conn:
        people = queries.people_count(conn)
        filled = known(conn, shop.settings, today)
        coming = next_festival(filled.country, today)
        if coming is not None:
            filled = msgspec.structs.replace(filled, festival=coming[0])
        for of in all_playbooks():
            spec = parse_scene(fill(of, filled), words)[0]
            if spec is None:
                continue
            audience, key = people, (today, people, spec.who)
            if spec.who is not None and key not in counted:
                read = desk.understood(spec.who, words)
                counted[key] = 0 if isinstance(read, FairdayError) else desk.count(conn, read, today)
            if spec.who is not None:
                audience = counted[key]
            cards.append(
                {
                    "name": of.name,
                    "art": of.head.art,
                    "title": spec.title.get(tongue.language),
                    "does": tongue.pick(of.head.does),
                    "rows": [id_ for id_, names in showing.items() if of.name in names],
                    "when": when_next(tongue, spec, today),
                    "audience": audience,
                }
            )  # fmt: skip
    for old in [key for key in counted if key[:2] != (today, people)]:
        counted.pop(old, None)
    return page(request, "gallery.html", cards=cards, people=people)


@inside.post("/gallery/{name}")
def copy(request: Request, name: str) -> Response:
    """Copy a playbook into a draft, filled from this shop, and open it in the editor."""
    if name not in {p.name for p in all_playbooks()}:
        raise HTTPException(404)
    shop = shop_of(request)
    today = desk.today(shop)
    with shop.db.read() as conn:
        text = fill(load(name), fitted(conn, shop.settings, today, name), free_name(conn, name, drafts=True))
    spec = shop.save_scene(text, actor=f"operator:{request.state.operator.id}")
    return go(f"/console/scenes/{spec.scene}/edit?done=copied")
