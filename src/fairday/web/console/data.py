"""Data: what comes in, what was refused and why, who reads it and how far behind."""

from __future__ import annotations

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fairday.web import queries
from fairday.web.auth import inside
from fairday.web.render import go, page, shop_of

PAGE = 50


def number(text: str | None) -> int | None:
    """A positive number from an address, or None where there is none or nonsense."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


@inside.get("/data")
def live(request: Request) -> Response:
    name = request.query_params.get("name", "")[:200]
    with shop_of(request).db.read() as conn:
        rows = queries.latest_happenings(conn, number(request.query_params.get("before")), name, PAGE + 1)
    older = rows[PAGE - 1].pos if len(rows) > PAGE else None
    return page(request, "data_live.html", rows=rows[:PAGE], older=older, name=name, tab="live")


@inside.get("/data/followers")
def followers(request: Request) -> Response:
    shop = shop_of(request)
    lag = shop.followers.lag()
    with shop.db.read() as conn:
        skipped = {f.name: queries.skipped_rows(conn, f.name) for f in lag if f.skipped}
    return page(request, "data_followers.html", lag=lag, skipped=skipped, tab="followers")


@inside.post("/data/followers/{name}/rebuild")
async def rebuild(request: Request, name: str) -> Response:
    shop = shop_of(request)
    shop.followers.get(name)
    await run_in_threadpool(shop.followers.rebuild, name)
    return go("/console/data/followers?done=rebuilt")
