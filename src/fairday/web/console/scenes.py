"""Scenes: the list, the editor that tells every problem while it is typed, starting and ending, the numbers."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.kernel.errors import FairdayError
from fairday.reach import outbox
from fairday.scenes import arms, life
from fairday.web import desk
from fairday.web.auth import inside
from fairday.web.console.foresee import power_of
from fairday.web.console.scene_form import checked
from fairday.web.console.scene_plan import of_one
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

_OFFERED: dict[str, tuple[life.Move, ...]] = {
    "draft": ("start",),
    "live": ("pause", "end"),
    "paused": ("resume", "end"),
}
"""What may be done with a scene, by its state; the stream's own rules decide."""


@inside.get("/scenes")
def scenes(request: Request) -> Response:
    shop = shop_of(request)
    with shop.db.read() as conn:
        rows = life.all_scenes(conn)
        numbers = {row.scene: scene_numbers(conn, row.scene) for row in rows}
    return page(
        request,
        "scenes.html",
        rows=rows,
        numbers=numbers,
        titles=desk.titles(shop_of(request), tongue_of(request), rows),
    )


def scene_numbers(conn: Any, scene: str) -> dict[str, int]:
    """The numbers of a scene: people by arm, mails by what became of them."""
    by_arm = arms.counts(conn, scene)
    mails: dict[str, int] = {}
    for (_, status, _), n in outbox.counts(conn, scene).items():
        mails[status] = mails.get(status, 0) + n
    return {
        "eligible": sum(by_arm.values()),
        "held_out": by_arm.get("holdout", 0),
        "mailed": mails.get("sent", 0),
        "withheld": mails.get("withheld", 0),
    }


@inside.get("/scenes/{scene}")
def scene_page(request: Request, scene: str) -> Response:
    return _scene(request, scene)


def _scene(request: Request, scene: str, error: FairdayError | None = None) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    with shop.db.read() as conn:
        row = life.get_scene(conn, scene)
        numbers = scene_numbers(conn, scene)
        versions = life.versions(conn, scene)
        mails = outbox.counts(conn, scene)
    known = checked(request, row.text)
    return page(
        request,
        "scene.html",
        status_of(error) if error else 200,
        row=row,
        numbers=numbers,
        versions=versions,
        mails=sorted(mails.items()),
        moves=_OFFERED.get(row.status, ()),
        error=say(tongue, error) if error else None,
        text=row.text,
        **known,
        **(of_one(request, scene) if row.status != "ended" else {"conflicts": []}),
        **power_of(request, known["spec"] if row.status == "draft" else None),
    )


@inside.post("/scenes/{scene}/{move}")
def move(request: Request, scene: str, move: str) -> Response:
    if move not in life.MOVES:
        raise HTTPException(404)
    shop = shop_of(request)
    try:
        with shop.db.read() as conn:
            life.get_scene(conn, scene)
        shop.move_scene(move, scene, actor=f"operator:{request.state.operator.id}")
    except FairdayError as error:
        if error.code == "no_scene":
            raise
        return _scene(request, scene, error)
    return go(f"/console/scenes/{scene}?done=scene_{move}")
