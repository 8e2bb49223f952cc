"""Dated exchange rates: what is used today, told one by one or from a file, each with who says so."""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import Request
from starlette.responses import Response

from fairday.goods.rates import OLDEST, Told, forget_rate, rates_on, read_rates, save_rates, told_rates, unlikely
from fairday.kernel.clock import local_day, to_date, to_day
from fairday.kernel.errors import Conflict, FairdayError
from fairday.trade.charging import exchange
from fairday.web.auth import field, inside
from fairday.web.console.borders import text_of_file
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of
from fairday.web.storefront.prefer import currency_name

SHOWN = 80
FUTURE = 1
"""Days ahead a rate may be told for: the next day's is out the evening before."""


@inside.get("/borders/rates")
def rates(request: Request) -> Response:
    return _rates(request)


def _rates(
    request: Request, error: FairdayError | None = None, given: dict[str, str] | None = None, sure: bool = False
) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    day, home = local_day(shop.clock.now(), shop.settings.zone), shop.settings.currency
    with shop.db.read() as conn:
        used, told = rates_on(conn, day), told_rates(conn, SHOWN)
    kept = {"base": "EUR", "currency": home if home != "EUR" else "USD", "rate": "", "day": to_date(day).isoformat(),
            "source": ""}  # fmt: skip
    return page(
        request, "border_rates.html", status_of(error) if error else 200, tab="rates", given=kept | (given or {}),
        error=say(tongue, error) if error else None, sure=sure, oldest=OLDEST,
        today=[
            {
                "currency": c, "name": currency_name(tongue, c), "takes": c in shop.settings.border.takes,
                "rate": _plain(by.rate), "back": _plain(1 / by.rate), "day": tongue.day(by.day),
                "age": day - by.day, "source": by.source,
            }
            for c in used.currencies
            if c != home and (by := exchange(used, home, c, day)) is not None
        ],
        missing=[c for c in shop.settings.border.takes if exchange(used, home, c, day) is None],
        told=[
            row | {"shown": tongue.day(row["day"]), "iso": to_date(row["day"]).isoformat(),
                   "old": day - row["day"] > OLDEST}
            for row in told
        ],
        home=home,
    )  # fmt: skip


def _plain(rate: Any) -> str:
    return f"{float(rate):.6g}"


@inside.post("/borders/rates")
def add(request: Request) -> Response:
    """One rate, told by hand."""
    given = {name: field(request, name, 60) for name in ("base", "currency", "rate", "day", "source")}
    text = ",".join((given["day"], given["base"], given["currency"], given["rate"].replace(",", ".")))
    return _keep(request, lambda: (f"date,base,currency,rate\n{text}\n", "form"), given["source"], given)


@inside.post("/borders/rates/import")
def bring(request: Request) -> Response:
    """Rates from a file."""
    return _keep(request, lambda: text_of_file(request), field(request, "source", 60), None)


def _keep(request: Request, text: Any, source: str, given: dict[str, str] | None) -> Response:
    shop = shop_of(request)
    sure = request.state.form.get("sure") == "yes"
    try:
        told = read_rates(*text())
        _timely(request, told)
        if not told:
            raise FairdayError("There is no rate in it.", code="bad_rates", where="")
        with shop.db.write() as conn:
            strange = None if sure else unlikely(conn, sorted(told, key=lambda t: t[2])[-200:])
            if strange is None:
                save_rates(conn, told, source)
        if strange is not None:
            base, currency, day, rate = strange
            raise Conflict(
                "It is far from the one before.", code="unlikely_rate",
                where=f"1 {base} = {rate} {currency}, {to_date(day)}",
            )  # fmt: skip
    except FairdayError as error:
        return _rates(request, error, given, error.code == "unlikely_rate")
    return go("/console/borders/rates?done=rates_saved")


def _timely(request: Request, told: list[Told]) -> None:
    shop = shop_of(request)
    today = local_day(shop.clock.now(), shop.settings.zone)
    late = next((day for _, _, day, _ in told if day > today + FUTURE), None)
    if late is not None:
        raise FairdayError("That day has not come.", code="rate_of_tomorrow", where=str(to_date(late)))


@inside.post("/borders/rates/remove")
def remove(request: Request) -> Response:
    """Take one rate away."""
    base, currency, day = (field(request, name, 10) for name in ("base", "currency", "day"))
    try:
        number = to_day(date.fromisoformat(day))
    except ValueError:
        return _rates(request, FairdayError("That is no day.", code="bad_rates", where=day))
    with shop_of(request).db.write() as conn:
        forget_rate(conn, base, currency, number)
    return go("/console/borders/rates?done=rate_gone")
