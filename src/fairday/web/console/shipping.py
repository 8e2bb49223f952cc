"""Shipping: what sending costs into which zone, and a trial of it."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from fairday.kernel.errors import FairdayError
from fairday.kernel.money import digits, major
from fairday.trade.shipping.carriers import CARRIERS, carrier_name
from fairday.trade.shipping.kept import MOST, all_rates, delete_rate, read_rate, save_rate
from fairday.trade.shipping.rates import BYS, Quote, Rate, quotes
from fairday.web.auth import field, inside
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

FIELDS = (
    "rate", "service", "carrier", "countries", "postcodes", "places", "by", "steps", "more_each", "more_price",
    "free_from", "days",
)  # fmt: skip


def written(rate: Rate) -> dict[str, str]:
    """A rate as its form has it."""

    def money(amount: int) -> str:
        return f"{major(amount, rate.currency):.{digits(rate.currency)}f}"

    def measure(amount: int) -> str:
        return money(amount) if rate.by == "amount" else str(amount)

    steps = [money(s.price) if rate.by == "flat" else f"{measure(s.upto)}: {money(s.price)}" for s in rate.steps]
    return {
        "rate": rate.rate, "service": rate.service, "carrier": rate.carrier, "countries": ", ".join(rate.countries),
        "postcodes": ", ".join(rate.postcodes), "places": ", ".join(rate.places), "by": rate.by,
        "steps": "\n".join(steps),
        "more_each": measure(rate.more_each) if rate.more_each else "",
        "more_price": money(rate.more_price) if rate.more_each else "",
        "free_from": "" if rate.free_from is None else money(rate.free_from),
        "days": "" if not rate.days[1] else f"{rate.days[0]}-{rate.days[1]}",
    }  # fmt: skip


def _show(request: Request, error: FairdayError | None = None, given: dict[str, str] | None = None) -> Response:
    shop, query = shop_of(request), request.query_params
    with shop.db.read() as conn:
        rates = all_rates(conn)
    chosen = next((r for r in rates if r.rate == query.get("rate")), None)
    tried, found = {name: query.get(name, "").strip()[:20] for name in ("to", "code", "grams", "amount")}, None
    if tried["to"]:
        try:
            found = _try(rates, tried, shop.settings.currency)
        except FairdayError as wrong:
            error = error or wrong
    return page(
        request,
        "shipping.html",
        status_of(error) if error else 200,
        rates=rates,
        given=(written(chosen) if chosen else dict.fromkeys(FIELDS, "")) | (given or {}),
        carriers=CARRIERS,
        carrier_name=carrier_name,
        bys=BYS,
        tried=tried,
        found=found,
        error=say(tongue_of(request), error) if error else None,
    )


def _try(rates: list[Rate], tried: dict[str, str], currency: str) -> list[Quote]:
    grams = tried["grams"] or "500"
    if not grams.isdecimal() or len(grams) > 8:
        raise FairdayError(f"{grams!r} is no weight.", code="bad_weight", where="grams", remedy="Write grams: 500.")
    asked = read_rate({"rate": "asked", "service": "asked", "steps": tried["amount"] or "0"}, currency)
    to = tried["to"].upper()
    return quotes(rates, to, tried["code"], int(grams), asked.steps[0].price, currency)


@inside.get("/shipping")
def shipping(request: Request) -> Response:
    return _show(request)


@inside.post("/shipping")
def save(request: Request) -> Response:
    shop = shop_of(request)
    given = {name: field(request, name, 2000) for name in FIELDS}
    try:
        rate = read_rate(given, shop.settings.currency)
        with shop.db.write() as conn:
            if len(all_rates(conn)) >= MOST:
                raise FairdayError(f"A shop has at most {MOST} rates.", code="too_many")
            save_rate(conn, rate)
    except FairdayError as error:
        return _show(request, error, given)
    return go("/console/shipping?done=rate_saved")


@inside.post("/shipping/{rate}/remove")
def remove(request: Request, rate: str) -> Response:
    with shop_of(request).db.write() as conn:
        delete_rate(conn, rate)
    return go("/console/shipping?done=rate_removed")
