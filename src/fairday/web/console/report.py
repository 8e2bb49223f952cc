"""The report: what people, campaigns and scenes brought, and what cannot be said of them."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from fairday.models.experiments import Effect
from fairday.scenes import life
from fairday.web import queries
from fairday.web.auth import inside
from fairday.web.console.scenes import titles
from fairday.web.i18n import Tongue
from fairday.web.render import page, shop_of, tongue_of


@inside.get("/report")
def report(request: Request) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    found = shop.report()
    with shop.db.read() as conn:
        rows = [r for r in life.all_scenes(conn) if r.started_at]
        segments = sorted(queries.segments(conn).items(), key=lambda s: -s[1])
    campaigns = found.campaigns
    kinds = [campaigns.total, *campaigns.by_kind] if campaigns.total.targeted else []
    most = max((k.redeemed / k.targeted for k in kinds if k.targeted), default=0)
    scenes = [(s, money_effect(tongue, s.net), share_effect(tongue, s.buying)) for s in found.scenes]
    return page(request, "report.html", report=found, kinds=kinds, most=most, scenes=scenes,
                titles=titles(request, rows), segments=segments)  # fmt: skip


def money_effect(tongue: Tongue, effect: Effect | None) -> tuple[str, str, str] | None:
    """An effect on money per person with its interval, written for the reader; None where nothing can be said."""
    if effect is None:
        return None
    return tuple(tongue.money(round(v)) for v in (effect.estimate, effect.low, effect.high))  # type: ignore[return-value]


def share_effect(tongue: Tongue, effect: Effect | None) -> tuple[str, str, str] | None:
    """The same for an effect on a share."""
    if effect is None:
        return None
    return tuple(tongue.percent(v, 2) for v in (effect.estimate, effect.low, effect.high))  # type: ignore[return-value]
