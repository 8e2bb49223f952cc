"""The report: what campaigns and scenes brought, and what cannot be said of them."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from fairday.insight.campaigns import redemption
from fairday.scenes import life
from fairday.web import queries
from fairday.web.auth import inside
from fairday.web.console.scenes import scene_numbers, titles
from fairday.web.render import page, shop_of


@inside.get("/report")
def report(request: Request) -> Response:
    shop = shop_of(request)
    with shop.db.read() as conn:
        campaigns = redemption(conn)
        rows = [r for r in life.all_scenes(conn) if r.started_at]
        scenes = [(r, scene_numbers(conn, r.scene)) for r in rows]
        segments = queries.segments(conn)
    kinds = [campaigns.total, *campaigns.by_kind] if campaigns.total.targeted else []
    most = max((k.redeemed / k.targeted for k in kinds if k.targeted), default=0)
    return page(request, "report.html", kinds=kinds, most=most, scenes=scenes, titles=titles(request, rows),
                segments=sorted(segments.items(), key=lambda s: -s[1]))  # fmt: skip
