"""Coupons: batches with their forecast beside them, codes handed out once, and who used them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date
from typing import Any

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from fairday.insight.coupon_forecast import FEWEST, Asked, asked_of, kept
from fairday.insight.replay import Typical
from fairday.kernel.audience import AudienceError
from fairday.kernel.clock import DAY_MS, day_start, local_day, to_date, to_day
from fairday.kernel.errors import FairdayError
from fairday.offers.coupons import Terms, check_terms, records
from fairday.offers.coupons.batch import outlived
from fairday.offers.coupons.service import MOST_AT_ONCE
from fairday.offers.model import Rule
from fairday.people.consent import MARKETING, all_consents
from fairday.people.traits.folding import COUPON_USED
from fairday.shop import Shop
from fairday.trade.links import order_number
from fairday.web import desk
from fairday.web.auth import field, inside, may
from fairday.web.i18n import Tongue
from fairday.web.promotion_words import title
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

SIZES = 6
"""Rows for promotions in the form of a pack."""
FIELDS = (
    "title", "batch", "kind", "word", "size", "per_person", "opens", "closes", "until", "days", "restore",
    "share_hours", "who", "like", "categories", "margin", "sure",
    *(f"{part}{n}" for n in range(SIZES) for part in ("rule", "n", "label")),
)  # fmt: skip
USED_SHOWN = 100


@inside.get("/coupons")
def coupons(request: Request) -> Response:
    return _list(request)


@inside.post("/coupons/reminders")
def reminders(request: Request) -> Response:
    """How many days before they run out members are told of coupons and points; nothing: never."""
    shop = shop_of(request)
    try:
        text = field(request, "days", 20)
        if text and not (text.isascii() and text.isdigit() and 1 <= int(text) <= 30):
            raise FairdayError("That is no number of days.", code="bad_reminder_days", where="days")
        shop.change_settings(reminder_days=int(text or 0))
    except FairdayError as error:
        return _list(request, error)
    return go("/console/coupons?done=reminders_saved")


def _list(request: Request, error: FairdayError | None = None) -> Response:
    with shop_of(request).db.read() as conn:
        rows = records.all_batches(conn)
        numbers = records.counts(conn, [b.batch for b in rows])
    return page(
        request, "coupons.html", status_of(error) if error else 200, rows=rows, numbers=numbers,
        error=say(tongue_of(request), error) if error else None,
    )  # fmt: skip


@inside.get("/coupons/new")
def new(request: Request) -> Response:
    today = desk.today(shop_of(request))
    given = dict.fromkeys(FIELDS, "") | {
        "kind": "public", "size": "1000", "per_person": "1", "restore": "full", "share_hours": "72", "margin": "30",
        "opens": to_date(today).isoformat(), "closes": to_date(today + 13).isoformat(),
        "until": to_date(today + 29).isoformat(), "n0": "1",
    }  # fmt: skip
    return _form(request, given)


@inside.post("/coupons/forecast")
def forecast(request: Request) -> Response:
    """The live part alone, for the script; the page around it for a browser without."""
    given = _given(request)
    if request.headers.get("x-part"):
        return page(request, "coupon_live.html", ask=False, **_looked_at(request, given))
    return _form(request, given)


@inside.post("/coupons")
def save(request: Request) -> Response:
    """Open a batch, and keep what was foreseen of it."""
    shop, given = shop_of(request), _given(request)
    try:
        terms, asked = _read(request, given)
        if not given["sure"] and _too_long(request, terms):
            return _form(request, given, ask=True)
        foreseen = shop.coupon_forecasts.foresee(asked)
        shop.coupons.open(given["batch"], terms, actor=f"operator:{request.state.operator.id}")
    except FairdayError as error:
        return _form(request, given, error)
    with shop.db.write() as conn:
        shop.coupon_forecasts.keep(conn, given["batch"], foreseen)
    return go(f"/console/coupons/{given['batch']}?done=coupon_opened")


def _form(request: Request, given: dict[str, str], error: FairdayError | None = None, ask: bool = False) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    with shop.db.read() as conn:
        rules = _rules(shop, conn, tongue)
    return page(
        request, "coupon_new.html", status_of(error) if error else 409 if ask else 200, ask=ask,
        given=given, error=say(tongue, error) if error else None, rules=rules, sizes=range(SIZES),
        kinds=shop.coupon_forecasts.kinds(), **_looked_at(request, given),
    )  # fmt: skip


def _rules(shop: Shop, conn: Connection, tongue: Tongue) -> dict[str, str]:
    """The promotions of the book that ask for a coupon, each with what it is called."""
    asking = shop.offers.asking(conn)
    return {rule.id: title(tongue, rule) for rule in shop.offers.live(conn) if asking.get(rule.id)}


def _takes_off(shop: Shop, deck: Sequence[tuple[str, int]]) -> list[tuple[Rule, int, Typical]]:
    """What one coupon of each promotion takes off, by the latest carts; those the book does not hold are left out."""
    with shop.db.read() as conn:
        known = {rule.id: rule for rule in shop.offers.live(conn)}
    return [(known[r], n, shop.repricings.typical(known[r])) for r, n in deck if r in known]


def _too_long(request: Request, terms: Terms) -> list[dict[str, Any]]:
    """The promotions of a batch that are over before its last coupon: called, its end, and what to write instead."""
    shop, tongue = shop_of(request), tongue_of(request)
    zone = shop.settings.zone
    with shop.db.read() as conn:
        known = {rule.id: rule for rule in shop.offers.live(conn)}
    over = outlived(terms, {rule.id: rule.when.end for rule in known.values()})
    return [
        {"rule": rule, "title": title(tongue, known[rule]), "end": tongue.day(local_day(end - 1, zone)),
         "last": tongue.day(local_day(terms.last - 1, zone)), "own": not rule.startswith("scene/")}
        for rule, end in over.items()
    ]  # fmt: skip


def _given(request: Request) -> dict[str, str]:
    form = request.state.form
    return {name: field(request, name, 4000) if name in form else "" for name in FIELDS}


def _looked_at(request: Request, given: dict[str, str]) -> dict[str, Any]:
    """What the live part shows: the forecast, or what keeps it from being made."""
    shop, tongue = shop_of(request), tongue_of(request)
    shown: dict[str, Any] = {"foreseen": None, "mistake": None, "few": FEWEST, "takes_off": [],
                             "too_long": []}  # fmt: skip
    if not any(given[f"rule{n}"] for n in range(SIZES)):
        return shown
    try:
        terms, asked = _read(request, given, named=False)
        shown["takes_off"] = _takes_off(shop, terms.deck)
        shown["too_long"] = _too_long(request, terms)
        if shown["takes_off"]:
            shown["foreseen"] = shop.coupon_forecasts.foresee(asked)
    except AudienceError as error:
        shown["mistake"] = tongue("coupon.bad_who", message=error.message)
    except FairdayError as error:
        shown["mistake"] = say(tongue, error)
    return shown


def _read(request: Request, given: dict[str, str], *, named: bool = True) -> tuple[Terms, Asked]:
    """The terms and the forecast's question; unnamed, what only opening needs may be missing."""
    shop = shop_of(request)
    zone, now = shop.settings.zone, shop.clock.now()
    filled = [n for n in range(SIZES) if given[f"rule{n}"]]
    deck = [(given[f"rule{n}"], _number(given[f"n{n}"] or "1", f"n{n}")) for n in filled]
    kind: Any = given["kind"] if given["kind"] in ("codes", "public", "share") else "public"
    if kind != "share":
        deck, filled = [(rule, 1) for rule, _ in deck[:1]], filled[:1]
    labels = tuple(given[f"label{n}"] for n in filled)
    terms = Terms(
        title=given["title"] if named else given["title"] or "–",
        kind=kind,
        deck=tuple(deck if named else deck or [("–", 1)]),
        labels=labels if any(labels) else (),
        size=_number(given["size"], "size"),
        per_person=_number(given["per_person"] or "1", "per_person"),
        opens=day_start(_day(given["opens"], "opens"), zone),
        closes=day_start(_day(given["closes"], "closes") + 1, zone),
        until=day_start(_day(given["until"], "until") + 1, zone),
        days=_number(given["days"], "days") if given["days"] else None,
        restore="never" if given["restore"] == "never" else "full",
        word=given["word"] if named or kind != "public" else given["word"] or "XXXX",
        share_hours=_number(given["share_hours"] or "72", "share_hours"),
    )
    discount = round(sum(one.amount * n for _, n, one in _takes_off(shop, deck)) / max(1, sum(n for _, n in deck)))
    asked = asked_of(
        check_terms(terms), now, who=given["who"], kind=given["like"],
        categories=[c.strip() for c in given["categories"].replace("，", ",").split(",") if c.strip()],
        discount=discount,
        margin=_number(given["margin"] or "0", "margin"),
    )  # fmt: skip
    return terms, asked


def _number(text: str, where: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise FairdayError(f"{text[:20]!r} is not a whole number.", code="bad_coupon_number", where=where,
                           remedy="Write digits only.")  # fmt: skip
    return int(text)


def _day(text: str, where: str) -> int:
    try:
        return to_day(date.fromisoformat(text))
    except ValueError:
        raise FairdayError(f"{text[:20]!r} is not a date.", code="bad_coupon_dates", where=where,
                           remedy="Write 2026-05-10.")  # fmt: skip


# ---- one batch -------------------------------------------------------------------------------------------------------


@inside.get("/coupons/{batch}")
def batch(request: Request, batch: str) -> Response:
    return _batch(request, batch)


def _batch(request: Request, name: str, error: FairdayError | None = None) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    now = shop.clock.now()
    with shop.db.read() as conn:
        found = records.get_batch(conn, name)
        numbers = records.counts(conn, [name]).get(name, {"worth": 0})
        foreseen = kept(conn, name)
        by_rule = records.by_rule(conn, name)
        called = _rules(shop, conn, tongue)
        used = records.redeemed(conn, name, USED_SHOWN) if may(request, "people.list") else []
        people = records.people_of(conn, [h.account for h in used])
        names = desk.names(conn, sorted(set(people.values())), tongue_of(request))
        reach = {person: _reachable(conn, person) for person in sorted(set(people.values()))}
    return page(
        request, "coupon_batch.html", status_of(error) if error else 200,
        too_long=[] if now >= found.terms.last else _too_long(request, found.terms),
        batch=found, terms=found.terms, numbers=numbers, foreseen=foreseen, by_rule=by_rule, called=called, used=used,
        people=people, order_number=order_number,
        names=names, reach=reach, error=say(tongue, error) if error else None, few=FEWEST,
        over=found.status == "stopped" or now >= found.terms.closes,
        most=min(found.terms.size - found.printed, MOST_AT_ONCE),
        expression=f"count('{COUPON_USED}{name}', 365d) >= 1", day_ms=DAY_MS,
        first_day=local_day(found.terms.opens, shop.settings.zone),
        last_day=local_day(found.terms.closes - 1, shop.settings.zone),
        until_day=local_day(found.terms.until - 1, shop.settings.zone),
    )  # fmt: skip


def _reachable(conn: Connection, person: int) -> list[str]:
    """The channels by which a person agreed to be written to."""
    said = all_consents(conn, person)
    return sorted({channel for channel, purpose, consent in said if purpose == MARKETING and consent.given})


@inside.post("/coupons/{batch}/print")
def print_codes(request: Request, batch: str) -> Response:
    """New codes as a file, in this answer and never again."""
    shop = shop_of(request)
    try:
        codes = shop.coupons.print_codes(
            batch, _number(field(request, "n", 10), "n"), actor=f"operator:{request.state.operator.id}"
        )
    except FairdayError as error:
        return _batch(request, batch, error)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["code", "link"])
    writer.writerows([code, f"{shop.settings.public_url}/c/{code}"] for code in codes)
    run = shop.coupons.batch(batch).runs
    headers = {"content-disposition": f'attachment; filename="{batch}-{run}.csv"', "cache-control": "no-store"}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@inside.post("/coupons/{batch}/void")
def void(request: Request, batch: str) -> Response:
    actor = f"operator:{request.state.operator.id}"
    try:
        shop_of(request).coupons.void_run(batch, _number(field(request, "run", 3), "run"), actor=actor)
    except FairdayError as error:
        return _batch(request, batch, error)
    return go(f"/console/coupons/{batch}?done=coupon_voided")


@inside.post("/coupons/{batch}/stop")
def stop(request: Request, batch: str) -> Response:
    try:
        shop_of(request).coupons.stop(batch, actor=f"operator:{request.state.operator.id}")
    except FairdayError as error:
        return _batch(request, batch, error)
    return go(f"/console/coupons/{batch}?done=coupon_stopped")
