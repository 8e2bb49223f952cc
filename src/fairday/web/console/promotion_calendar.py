"""Promotions over a month or a quarter as bars, the offers of scenes among them."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from fastapi import Request
from starlette.responses import Response

from fairday.kernel.clock import local_day, to_date, to_day
from fairday.offers.model import When
from fairday.scenes import life
from fairday.scenes.conflicts import plan
from fairday.web import desk
from fairday.web.auth import inside
from fairday.web.promotion_words import gives, title
from fairday.web.render import page, shop_of, tongue_of

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@inside.get("/promotions/calendar")
def calendar(request: Request) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    today, zone = desk.today(shop), shop.settings.zone
    months = 1 if request.query_params.get("months") == "1" else 3
    start = _start(request.query_params.get("from", ""), today)
    first, last = to_day(start), to_day(_later(start, months)) - 1
    rows: list[dict[str, Any]] = []
    with shop.db.read() as conn:
        for kept in shop.offers.all(conn, shop.clock.now()):
            a, b = _span(kept.rule.when, zone, first, last)
            if a <= b and not (kept.standing == "ended" and kept.rule.when.start is None):
                rows.append({
                    "href": f"/console/promotions/one?rule={kept.rule.id}", "title": title(tongue, kept.rule),
                    "gives": gives(tongue, kept.rule), "standing": kept.standing, "bars": [(a, b)], "scene": False,
                    "always": kept.rule.when.start is None and kept.rule.when.end is None,
                })  # fmt: skip
        specs = [(s, r.status) for r in life.all_scenes(conn) if (s := desk.scene(shop, r.text)) is not None]
    for planned in plan([(s, status) for s, status in specs if any(o.rule for o in s.offers)], first, last):
        if planned.status != "ended" and planned.stretches:
            spec = planned.spec
            rows.append({
                "href": f"/console/scenes/{spec.scene}", "title": spec.title.get(tongue.language) or spec.scene,
                "gives": " / ".join(gives(tongue, o.rule) for o in spec.offers if o.rule is not None),
                "standing": planned.status, "bars": [(s.first, s.last) for s in planned.stretches], "scene": True,
                "always": spec.when.festival is None and spec.when.first_day is None,
            })  # fmt: skip
    rows.sort(key=lambda r: (r["bars"][0][0], r["title"]))
    starts = [to_day(_later(start, n)) for n in range(months)]
    return page(
        request, "promotion_calendar.html", rows=rows, first=first, last=last, today=today, months=months,
        parts=[(a, b - 1) for a, b in zip(starts, [*starts[1:], last + 1], strict=True)],
        ticks=_ticks(first, last), before=f"{_later(start, -months):%Y-%m}", after=f"{_later(start, months):%Y-%m}",
        start=f"{start:%Y-%m}",
    )  # fmt: skip


def _span(when: When, zone: str, first: int, last: int) -> tuple[int, int]:
    """The days of first..last on which a promotion may hold."""
    a = first if when.start is None else max(first, local_day(when.start, zone))
    b = last if when.end is None else min(last, local_day(when.end - 1, zone))
    return a, b


def _ticks(first: int, last: int) -> list[int]:
    """The Mondays, as marks along the way."""
    return [day for day in range(first, last + 1) if to_date(day).weekday() == 0]


def _start(asked: str, today: int) -> date:
    """The first day of the month asked for, within a century; else of this month."""
    found = _MONTH.fullmatch(asked)
    if found and 1990 <= int(found[1]) <= 2090:
        return date(int(found[1]), int(found[2]), 1)
    return to_date(today).replace(day=1)


def _later(start: date, months: int) -> date:
    at = start.year * 12 + start.month - 1 + months
    return date(at // 12, at % 12 + 1, 1)
