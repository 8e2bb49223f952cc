"""The mailbox: what was sent, what would have been, and why something was held back."""

from __future__ import annotations

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from fairday.reach import outbox
from fairday.scenes import life
from fairday.web import desk, queries
from fairday.web.auth import Number, inside
from fairday.web.console.data import PAGE, number
from fairday.web.guard import MAIL_POLICY
from fairday.web.render import page, shop_of, tongue_of

STATUSES = ("queued", "sending", "sent", "withheld", "failed", "unsure")


@inside.get("/mailbox")
def mailbox(request: Request) -> Response:
    asked = request.query_params
    scene = asked.get("scene", "")[:100]
    status = asked.get("status", "") if asked.get("status") in STATUSES else ""
    with shop_of(request).db.read() as conn:
        rows = outbox.page(conn, scene=scene, status=status, before=number(asked.get("before")), limit=PAGE + 1)
        scenes = queries.mailed_scenes(conn)
        called = desk.titles(shop_of(request), tongue_of(request), life.all_scenes(conn))
    older = rows[PAGE - 1].id if len(rows) > PAGE else None
    return page(request, "mailbox.html", rows=rows[:PAGE], older=older, scene=scene, state=status, scenes=scenes,
                statuses=STATUSES, titles=called)  # fmt: skip


@inside.get("/mailbox/{message}")
def mail(request: Request, message: Number) -> Response:
    with shop_of(request).db.read() as conn:
        found = outbox.get(conn, message)
        called = desk.titles(shop_of(request), tongue_of(request), life.all_scenes(conn))
    if found is None:
        raise HTTPException(404)
    return page(request, "mail.html", mail=found, titles=called)


@inside.get("/mailbox/{message}/view")
def mail_view(request: Request, message: Number) -> Response:
    """The mail itself for the frame: nothing in it runs or loads, whatever it holds."""
    with shop_of(request).db.read() as conn:
        found = outbox.get(conn, message)
    if found is None:
        raise HTTPException(404)
    return HTMLResponse(found.html, headers={"Content-Security-Policy": MAIL_POLICY})
