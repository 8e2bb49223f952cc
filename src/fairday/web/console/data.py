"""Data: what comes in, what was refused and why, who reads it and how far behind."""

from __future__ import annotations

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fairday.intake import keys, rejections
from fairday.intake.runs import list_imports
from fairday.kernel.errors import FairdayError
from fairday.scenes import fitting
from fairday.web import desk, queries
from fairday.web.auth import field, inside
from fairday.web.refusals import explained
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

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
    folder = shop.rankings.folder
    fit = None if folder is None else fitting.latest(folder)
    working = None if folder is None else fitting.running(folder)
    return page(request, "data_followers.html", lag=lag, skipped=skipped, fit=fit, working=working, tab="followers")


@inside.post("/data/followers/{name}/rebuild")
async def rebuild(request: Request, name: str) -> Response:
    shop = shop_of(request)
    shop.followers.get(name)
    await run_in_threadpool(shop.followers.rebuild, name)
    return go("/console/data/followers?done=rebuilt")


@inside.get("/data/rejected")
def rejected(request: Request) -> Response:
    shop, asked = shop_of(request), request.query_params
    code = asked.get("code", "")[:32] or None
    with shop.db.read() as conn:
        rows = rejections.list_rejected(conn, code=code, before=number(asked.get("before")), limit=PAGE + 1)
        counted = rejections.count_rejected(conn, desk.today(shop) - 6)
    totals: dict[str, int] = {}
    for _, _, kind, n in counted:
        totals[kind] = totals.get(kind, 0) + n
    older = rows[PAGE - 1].id if len(rows) > PAGE else None
    ranked = sorted(totals.items(), key=lambda kind: -kind[1])
    return page(request, "data_rejected.html", rows=rows[:PAGE], older=older, code=code, totals=ranked, tab="rejected")


def _keys(request: Request, error: FairdayError | None = None, fresh: tuple[str, str] | None = None) -> Response:
    with shop_of(request).db.read() as conn:
        found = keys.list_keys(conn)
    said = say(tongue_of(request), error) if error else None
    status = status_of(error) if error else 200
    return page(request, "data_keys.html", status, keys=found, error=said, fresh=fresh, tab="keys")


@inside.get("/data/keys")
def write_keys(request: Request) -> Response:
    return _keys(request)


@inside.post("/data/keys")
def make_key(request: Request) -> Response:
    shop = shop_of(request)
    name, kind = field(request, "name", 100), field(request, "kind", 20)
    try:
        with shop.db.write() as conn:
            made, key = keys.create_key(conn, name, kind, shop.clock.now())
    except FairdayError as error:
        return _keys(request, error)
    return _keys(request, fresh=(made.kind, key))


@inside.post("/data/keys/revoke")
def revoke_key(request: Request) -> Response:
    shop = shop_of(request)
    with shop.db.write() as conn:
        keys.revoke_key(conn, field(request, "name", 100), shop.clock.now())
    return go("/console/data/keys?done=revoked")


@inside.get("/data/imports")
def imports(request: Request) -> Response:
    shop = shop_of(request)
    with shop.db.read() as conn:
        runs = list_imports(conn, shop.clock.now())
    return page(request, "data_imports.html", runs=runs, explained=explained, tab="imports")
