"""People's designs: looked at, put to pre-order with a goal and a day, how far they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.kernel.clock import local_day, to_date
from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.money import minor
from fairday.storage.ledger import balance
from fairday.trade.c2b import tables
from fairday.trade.c2b.design import STOPS
from fairday.trade.c2b.designs import Terms
from fairday.trade.c2b.mode import held_for
from fairday.trade.c2c.listing import REASONS
from fairday.web.auth import field, inside
from fairday.web.crowding import amount_in, last_day, whole_of, written
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

OVER = ("made", "missed", "stopped")


@inside.get("/designs")
def designs(request: Request) -> Response:
    return _page(request)


def _page(request: Request, error: FairdayError | None = None, asked: str = "") -> Response:
    shop = shop_of(request)
    now, zone, settings = shop.clock.now(), shop.settings.zone, shop.settings
    with shop.db.read() as conn:
        waiting = tables.designs_of(conn, lives=["review"], limit=40)
        open_ = tables.designs_of(conn, lives=["open"])
        over = tables.designs_of(conn, lives=OVER, limit=40)
        held = {d.id: balance(conn, held_for(d.id), d.currency) for d in open_}
        counts = tables.counts(conn)
    today = local_day(now, zone)
    given = {
        "goal": "30", "most": "200", "until": to_date(today + 21).isoformat(),
        "made_by": to_date(today + 60).isoformat(), "royalty": written(settings.crowd.royalty, "EUR"),
    }  # fmt: skip
    if asked:
        given |= {name: str(request.state.form.get(name, ""))[:20] for name in (*given, "price")}
    return page(
        request, "designs.html", status_of(error) if error else 200, waiting=waiting, open_designs=open_, over=over,
        held=held, counts=counts, versions={d.id: shop.designs.version(d.id) for d in waiting}, given=given,
        asked=asked, reasons=REASONS, stops=STOPS, written=written,
        error=say(tongue_of(request), error) if error else None,
    )  # fmt: skip


def _actor(request: Request) -> str:
    return f"operator:{request.state.operator.id}"


@inside.post("/designs/{design}/accept")
def accept(request: Request, design: str) -> Response:
    """Put it to pre-order on the terms of the form."""
    shop = shop_of(request)

    def act() -> None:
        zone, currency = shop.settings.zone, shop.settings.currency
        terms = Terms(
            price=amount_in(field(request, "price", 15), currency, "price"),
            goal=whole_of(field(request, "goal", 9), "goal"), most=whole_of(field(request, "most", 9), "most"),
            until=last_day(field(request, "until", 10), zone),
            royalty=minor(field(request, "royalty", 8), "EUR"),
            made_day=local_day(last_day(field(request, "made_by", 10), zone, "made_by") - 1, zone),
        )  # fmt: skip
        shop.designs.accept(design[:64], _version(request), terms, actor=_actor(request))

    return _done(request, act, "design.accepted", design)


@inside.post("/designs/{design}/refuse")
def refuse(request: Request, design: str) -> Response:
    """Refuse it with a reason."""
    why, actor = field(request, "why", 40), _actor(request)
    return _done(
        request, lambda: shop_of(request).designs.refuse(design[:64], _version(request), why, actor=actor),
        "design.refused",
    )  # fmt: skip


@inside.post("/designs/{design}/stop")
def stop(request: Request, design: str) -> Response:
    """End its pre-orders; everybody has their money back."""
    why, actor = field(request, "why", 40), _actor(request)
    return _done(request, lambda: shop_of(request).designs.stop(design[:64], why, actor=actor), "design.stopped")


def _version(request: Request) -> int:
    version = field(request, "version", 9)
    if not (version.isascii() and version.isdigit()):
        raise HTTPException(422)
    return int(version)


def _done(request: Request, act: Callable[[], Any], done: str, asked: str = "") -> Response:
    try:
        act()
    except NotFound:
        raise HTTPException(404) from None
    except FairdayError as error:
        return _page(request, error, asked)
    return go(f"/console/designs?done={done}")
