"""The morning page: three scenes worth starting today, each one tap away."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from markupsafe import Markup
from starlette.responses import Response

from fairday.insight.morning import Suggestion, morning
from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.festivals import festival
from fairday.playbooks import category_name, load
from fairday.web import desk
from fairday.web.auth import field, inside
from fairday.web.console.clashes import clashes_now
from fairday.web.i18n import Tongue
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of


def why(tongue: Tongue, of: Suggestion) -> Markup:
    """Why a scene is suggested, in the reader's words."""
    values: dict[str, Any] = dict(of.values)
    if "festival" in values:
        values["festival"] = tongue.pick(festival(values["festival"]).titles)
    if "category" in values:
        values["category"] = Markup("<span data-raw>{}</span>").format(category_name(values["category"]))
    for name in ("now", "before"):
        if name in values:
            values[name] = tongue.number(values[name])
    if "day" in values:
        values["day"] = tongue.day(values["day"])
    return tongue(f"morning_why.{of.why}", **values)


@inside.get("/morning")
def morning_page(request: Request) -> Response:
    return _page(request)


def _page(request: Request, error: FairdayError | None = None) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    found = morning(shop.db, shop.settings, shop.clock.now())
    clashing, widest = clashes_now(request, 3)
    return page(
        request,
        "morning.html",
        status_of(error) if error else 200,
        clashing=clashing,
        widest=widest,
        today=desk.today(shop),
        picks=[(s, load(s.playbook).head.art, why(tongue, s)) for s in found],
        error=say(tongue, error) if error else None,
    )


@inside.post("/morning/{playbook}")
def start(request: Request, playbook: str) -> Response:
    """Save a suggestion as a scene; with ``how=start`` it goes live at once."""
    shop = shop_of(request)
    actor = f"operator:{request.state.operator.id}"
    try:
        found = morning(shop.db, shop.settings, shop.clock.now())
        one = next((s for s in found if s.playbook == playbook), None)
        if one is None:
            raise NotFound(f"{playbook!r} is not suggested today.", code="no_suggestion")
        spec = shop.save_scene(one.text, actor=actor)
        if field(request, "how", 10) != "start":
            return go(f"/console/scenes/{spec.scene}?done=scene_saved")
        shop.move_scene("start", spec.scene, actor=actor)
    except FairdayError as error:
        return _page(request, error)
    return go(f"/console/scenes/{spec.scene}?done=scene_start")
