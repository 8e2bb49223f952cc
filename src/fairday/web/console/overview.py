"""The overview: who can be reached, what is happening, which scenes run, what to do next."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from fairday.kernel.clock import local_day
from fairday.web import queries
from fairday.web.auth import inside
from fairday.web.render import page, shop_of

DAYS = 30


@inside.get("")
def overview(request: Request) -> Response:
    shop = shop_of(request)
    today = local_day(shop.clock.now(), shop.settings.zone)
    with shop.db.read() as conn:
        people = queries.people_count(conn)
        days = queries.per_day(conn, shop.settings.zone, today, DAYS)
    lag = shop.followers.lag()
    return page(
        request,
        "overview.html",
        people=people,
        days=days,
        first=today - DAYS + 1,
        behind=sum(f.rows for f in lag),
        late=max((f.ms for f in lag), default=0),
    )
