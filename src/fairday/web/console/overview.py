"""The overview: what waits for somebody, what today brought, who can be reached, which scenes run, what to do next."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from fairday.people import audiences, consent
from fairday.people.traits import SEGMENTS
from fairday.scenes import life
from fairday.web import desk, queries
from fairday.web.auth import inside
from fairday.web.console.scenes import scene_numbers
from fairday.web.render import page, shop_of, tongue_of
from fairday.web.waiting import taken, waiting

DAYS = 30


@inside.get("")
def overview(request: Request) -> Response:
    shop = shop_of(request)
    today = desk.today(shop)
    with shop.db.read() as conn:
        people = queries.people_count(conn)
        days = queries.per_day(conn, shop.settings.zone, today, DAYS)
        reachable = queries.agreed(conn, "email", consent.MARKETING)
        segments = queries.segments(conn)
        rows = life.all_scenes(conn)
        live = [(r, scene_numbers(conn, r.scene)) for r in rows if r.status == "live"]
        kept = len(audiences.kept(conn))
        mails = queries.mails_sent(conn)
        anything = queries.anything(conn)
        todo = waiting(conn)
        sales = taken(conn, shop.settings, today)
    lag = shop.followers.lag()
    steps = [
        ("data", anything, "/console/data/keys"),
        ("audience", kept > 0, "/console/audiences/new"),
        ("scene", bool(rows), "/console/scenes/new"),
        ("start", any(r.started_at for r in rows), "/console/scenes"),
        ("mail", mails > 0, "/console/mailbox"),
    ]
    return page(
        request,
        "overview.html",
        people=people,
        reachable=reachable,
        days=days,
        first=today - DAYS + 1,
        today=today,
        segments=[(s, segments[s]) for s in SEGMENTS if s in segments],
        live=live,
        titles=desk.titles(shop_of(request), tongue_of(request), [r for r, _ in live]),
        mails=mails,
        behind=sum(f.rows for f in lag),
        late=max((f.ms for f in lag), default=0),
        steps=steps,
        todo=todo,
        sales=sales,
    )
