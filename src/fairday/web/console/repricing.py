"""Had this run last year: last year's carts under a promotion of the book, or under a batch of coupons."""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from fairday.insight.replay import Handed, days_asked
from fairday.insight.replay.repriced import version_of
from fairday.kernel.clock import to_date, to_day
from fairday.kernel.errors import FairdayError
from fairday.offers.coupons import Terms, records
from fairday.offers.model import Rule
from fairday.shop import Shop
from fairday.web.auth import field, inside
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

MARGIN = 30
"""Percent of the revenue that is margin, until somebody says."""


@inside.get("/reprice")
def look(request: Request) -> Response:
    return _page(request, request.query_params.get("rule", ""), request.query_params.get("batch", ""))


@inside.post("/reprice")
def start(request: Request) -> Response:
    """Begin on the days that were asked for."""
    shop = shop_of(request)
    rule, batch = (field(request, name, 80) if name in request.state.form else "" for name in ("rule", "batch"))
    try:
        begin(request, *asked_of(shop, rule, batch))
    except FairdayError as error:
        return _page(request, rule, batch, error)
    return go(f"/console/reprice?{'batch' if batch else 'rule'}={batch or rule}#repriced")


def asked_of(shop: Shop, rule: str, batch: str) -> tuple[str, list[Rule], Handed]:
    """What is repriced: its name among the repricings, the rules, and how coupons are in people's hands.

    Raises:
        NotFound: no such rule or batch.
    """
    with shop.db.read() as conn:
        if batch:
            terms = records.get_batch(conn, batch).terms
            return f"batch:{batch}", [shop.offers.get(conn, r) for r, _ in terms.deck], handed_by(terms)
        return f"rule:{rule}", [found(shop, conn, rule)], Handed()


def found(shop: Shop, conn: Connection, rule: str) -> Rule:
    """A rule that is in the book, those of live scenes too, or was in it.

    Raises:
        NotFound: there is none.
    """
    live = {one.id: one for one in shop.offers.live(conn)}
    return live[rule] if rule in live else shop.offers.get(conn, rule)


def handed_by(terms: Terms) -> Handed:
    """A batch's coupons in everybody's hands: as many as one may hold, no more than there are."""
    most = terms.size * (terms.in_pack if terms.kind == "share" else 1)
    return Handed(deck=terms.deck, per_person=1 if terms.kind == "share" else terms.per_person, most=most)


def begin(request: Request, name: str, rules: list[Rule], handed: Handed) -> None:
    """Start a repricing by what the form of ``repriced.html`` said.

    Raises:
        FairdayError: the days or the margin make no sense.
    """
    form = request.state.form
    days = days_asked(_day(field(request, "first", 10), "first"), _day(field(request, "last", 10), "last"))
    margin = field(request, "margin", 3)
    if not margin.isascii() or not margin.isdigit() or int(margin) > 100:
        raise FairdayError(f"{margin!r} is no margin.", code="bad_margin", where="margin", remedy="Write 0 to 100.")
    shop_of(request).repricings.start(
        name, rules, days, beside=form.get("beside") == "yes", handed=handed, margin=int(margin)
    )


def shown(request: Request, name: str, rules: list[Rule], handed: Handed) -> dict[str, Any]:
    """What the part ``repriced.html`` shows of a name: the latest run, its bars, the days to ask for next."""
    shop, tongue = shop_of(request), tongue_of(request)
    with shop.db.read() as conn:
        run = shop.repricings.latest(conn, name)
    result = run.result if run is not None else None
    usual = shop.repricings.usual(rules) if rules else None
    days = (result.first, result.last) if result is not None else (usual.first, usual.last) if usual else None
    return {
        "run": run,
        "found": result,
        "older": run is not None and bool(rules) and run.version != version_of(rules, handed),
        "days": tuple(to_date(d).isoformat() for d in days) if days else ("", ""),
        "margin": result.margin if result is not None else MARGIN,
        "bars": [(given,) for _, _, given in result.stretches] if result is not None else [],
        "tones": [""] * len(result.stretches) if result is not None else [],
        "bar_titles": [
            tongue.plain("reprice.bar", day=tongue.day(day), carts=tongue.number(carts), given=tongue.money(given))
            for day, carts, given in (result.stretches if result is not None else ())
        ],
    }


def _page(request: Request, rule: str, batch: str, error: FairdayError | None = None) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    name, rules, handed = asked_of(shop, rule, batch)
    title = tongue.pick(rules[0].title) if not batch and rules[0].title else ""
    if batch:
        title = shop.coupons.batch(batch).terms.title
    parts = shown(request, name, rules, handed)
    answer = page(
        request, "reprice.html", status_of(error) if error else 200, rule=rule, batch=batch, title=title,
        action="/console/reprice", error=say(tongue, error) if error else None, **parts,
    )  # fmt: skip
    if parts["run"] is not None and parts["run"].status == "running":
        answer.headers["refresh"] = "3"  # without the script; with it the part fetches itself
    return answer


def _day(text: str, where: str) -> int:
    try:
        return to_day(date.fromisoformat(text))
    except ValueError:
        raise FairdayError(
            f"{text!r} is not a date.", code="bad_replay_days", where=where, remedy="Write 2026-05-10."
        ) from None
