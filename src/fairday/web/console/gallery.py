"""The gallery: every playbook as a card, filled from this shop; copied into a draft of one's own."""

from __future__ import annotations

import threading
import time

import msgspec
from fastapi import Request
from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.insight.morning import fitted, free_name, next_festival
from fairday.insight.patterns import known
from fairday.kernel.errors import FairdayError
from fairday.kernel.festivals import next_occurrence
from fairday.playbooks import all_playbooks, fill, load, rows
from fairday.scenes.spec import SceneSpec
from fairday.shop import Shop
from fairday.web import desk, queries
from fairday.web.auth import inside
from fairday.web.i18n import Tongue
from fairday.web.render import go, page, shop_of, tongue_of

PATIENCE, KEPT = 0.5, 600.0
"""Seconds that one look at the gallery counts people for, and seconds for which a count is kept."""


class Counts:
    """How many people the cards' audiences have: what a look has no time for is counted after it is answered."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._kept: dict[tuple[str, int], tuple[int, float]] = {}
        self._waiting: list[tuple[str, int]] = []
        self._lock = threading.Lock()
        self._until = 0.0

    def look(self) -> None:
        """Begin a look: its time runs."""
        self._until = time.monotonic() + PATIENCE

    def of(self, conn: Connection, who: str, today: int) -> int | None:
        """How many, some minutes old at most; None where it is yet to be counted."""
        kept = self._kept.get((who, today))
        if kept is None and time.monotonic() < self._until:
            return self._count(conn, who, today)
        if kept is None or time.monotonic() > kept[1] + KEPT:
            self._waiting.append((who, today))
        return None if kept is None else kept[0]

    def rest(self) -> None:
        """Count what waits."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            for who, today in dict.fromkeys(waiting):
                with self._shop.db.read() as conn:
                    self._count(conn, who, today)

    def _count(self, conn: Connection, who: str, today: int) -> int:
        read = desk.understood(who, desk.vocabulary(self._shop))
        count = 0 if isinstance(read, FairdayError) else desk.count(conn, read, today)
        self._kept = {key: kept for key, kept in self._kept.items() if key[1] == today}
        self._kept[who, today] = count, time.monotonic()
        return count


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
    shop, tongue = shop_of(request), tongue_of(request)
    today = desk.today(shop)
    showing = {id_: row.playbooks for id_, row in rows().items()}
    cards = []
    counts: Counts = request.app.state.__dict__.setdefault("gallery_counts", Counts(shop))
    counts.look()
    with shop.db.read() as conn:
        people = queries.people_count(conn)
        filled = known(conn, shop.settings, today)
        coming = next_festival(filled.country, today)
        if coming is not None:
            filled = msgspec.structs.replace(filled, festival=coming[0])
        for of in all_playbooks():
            spec = desk.scene(shop, fill(of, filled))
            if spec is None:
                continue
            cards.append(
                {
                    "name": of.name,
                    "art": of.head.art,
                    "title": spec.title.get(tongue.language),
                    "does": tongue.pick(of.head.does),
                    "rows": [id_ for id_, names in showing.items() if of.name in names],
                    "when": when_next(tongue, spec, today),
                    "audience": people if spec.who is None else counts.of(conn, spec.who, today),
                }
            )  # fmt: skip
    response = page(request, "gallery.html", cards=cards, people=people)
    response.background = BackgroundTask(counts.rest)
    return response


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
