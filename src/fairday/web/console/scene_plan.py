"""The calendar of all scenes over a year: phases as bars, festivals, and what gets into each other's way."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import msgspec
from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from fairday.kernel.clock import to_date, to_day
from fairday.kernel.festivals import all_festivals, occurrences
from fairday.playbooks import Known
from fairday.scenes import life
from fairday.scenes.conflicts import Conflict, Planned, Sizes, by_scene, conflicts, plan
from fairday.web import desk
from fairday.web.auth import inside
from fairday.web.render import page, shop_of, tongue_of

MONTHS = 12

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


class Month(msgspec.Struct, frozen=True):
    """A month of the calendar: its first and last day, its festivals, and what of each scene lies in it."""

    first: int
    last: int
    festivals: list[tuple[int, str]]
    scenes: list[tuple[Planned, list[tuple[str, int, int]]]]


@inside.get("/scenes/calendar")
def calendar(request: Request) -> Response:
    shop = shop_of(request)
    today = desk.today(shop)
    start = _start(request.query_params.get("from", ""), today)
    first, last = to_day(start), to_day(_later(start, MONTHS)) - 1
    with shop.db.read() as conn:
        plans, found, titles = looked_at(request, conn, first, last)
    shown = [p for p in plans if p.status != "ended" or p.stretches]
    festivals = _festivals(request, plans, first, last)
    months = []
    for n in range(MONTHS):
        a, b = to_day(_later(start, n)), to_day(_later(start, n + 1)) - 1
        parts = [
            (p, [(s.phase, max(s.first, a), min(s.last, b)) for s in p.stretches if s.first <= b and s.last >= a])
            for p in shown
        ]
        months.append(Month(a, b, [f for f in festivals if a <= f[0] <= b], [part for part in parts if part[1]]))
    return page(
        request,
        "scene_calendar.html",
        plans=shown,
        months=months,
        first=first,
        last=last,
        today=today,
        titles=titles,
        start=f"{start:%Y-%m}",
        before=f"{_later(start, -MONTHS):%Y-%m}",
        after=f"{_later(start, MONTHS):%Y-%m}",
        conflicts=found,
        counted=by_scene(found),
        number_of=_phase_numbers(shown),
    )


def _start(asked: str, today: int) -> date:
    """The first day of the month asked for, within a century; else of this month."""
    found = _MONTH.fullmatch(asked)
    if found and 1990 <= int(found[1]) <= 2090:
        return date(int(found[1]), int(found[2]), 1)
    return to_date(today).replace(day=1)


def _later(start: date, months: int) -> date:
    at = start.year * 12 + start.month - 1 + months
    return date(at // 12, at % 12 + 1, 1)


def _phase_numbers(plans: list[Planned]) -> dict[tuple[str, str], int]:
    """The colour of each phase: its place in its scene."""
    return {(p.spec.scene, name): n % 4 for p in plans for n, name in enumerate(p.spec.when.names)}


def _festivals(request: Request, plans: list[Planned], first: int, last: int) -> list[tuple[int, str]]:
    """Festivals kept where the shop is, and those its scenes follow: (day, title), by day."""
    tongue, shop = tongue_of(request), shop_of(request)
    country = Known(categories=(), currency=shop.settings.currency, today=first).country
    used = {p.spec.when.festival for p in plans}
    kept = [f for f in all_festivals() if f.name in used or (f.country in (None, country) and "pay_day" not in f.name)]
    days = ((day, tongue.pick(f.titles)) for f in kept if not f.own_trait for day in occurrences(f.name, first, last))
    return sorted(set(days))


# ---- conflicts -----------------------------------------------------------------------------------------------------


def looked_at(
    request: Request, conn: Connection, first: int, last: int, only: str | None = None
) -> tuple[list[Planned], list[Conflict], dict[str, str]]:
    """All scenes over some days, where they get into each other's way, and what they are called for the reader."""
    shop, tongue = shop_of(request), tongue_of(request)
    known = desk.vocabulary(shop)
    specs = [(spec, row.status) for row in life.all_scenes(conn) if (spec := desk.scene(shop, row.text))]
    plans = plan(specs, first, last)
    sizes: Sizes | None = getattr(request.app.state, "sizes", None)
    if sizes is None:
        sizes = request.app.state.sizes = Sizes()
    found = conflicts(
        plans,
        shop.settings.contact.per_week,
        size=sizes.over(conn, known, desk.today(shop)),
        only=only,
    )
    return plans, found, {spec.scene: spec.title.get(tongue.language) or spec.scene for spec, _ in specs}


def of_one(request: Request, scene: str) -> dict[str, Any]:
    """What the scene's own page shows of its conflicts over the coming year."""
    today = desk.today(shop_of(request))
    with shop_of(request).db.read() as conn:
        _, found, titles = looked_at(request, conn, today, today + 365, scene)
    return {"conflicts": found[:8], "titles": titles}
