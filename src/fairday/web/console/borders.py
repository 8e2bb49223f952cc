"""Selling abroad: where to and by whose rules, goods' customs codes, taxes, and the table of duties."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from babel.numbers import is_currency
from fastapi import Request
from sqlalchemy import Connection, func, select
from starlette.datastructures import UploadFile
from starlette.responses import Response

from fairday.goods.catalogue import products
from fairday.goods.customs import barred, read_customs, save_customs, written
from fairday.goods.duties.table import Dated, Regime, Territory, on_day
from fairday.goods.rates import rates_on
from fairday.goods.tables import details
from fairday.kernel.clock import local_day
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import TaxSettings
from fairday.trade.border import table_of
from fairday.trade.shipping.addresses import known_country
from fairday.web.auth import field, inside
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of
from fairday.web.storefront.prefer import country_name

FILE_BYTES = 5_000_000


def codes(text: str) -> tuple[str, ...]:
    """Countries from a field, with commas or spaces between.

    Raises:
        FairdayError: one is none.
    """
    return _listed(text, known_country, "bad_codes")


def _listed(text: str, known: Callable[[str], bool], code: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(c for c in re.split(r"[\s,;，、]+", text.upper()) if c))
    bad = next((c for c in found if not known(c)), None)
    if bad is not None:
        raise FairdayError(f"{bad[:20]!r} is none.", code=code, where=bad[:20], remedy="Write codes such as DE, FR.")
    return found


def percent(text: str, where: str) -> Decimal:
    """A rate in percent from a field.

    Raises:
        FairdayError: it is none between 0 and 1000.
    """
    try:
        rate = Decimal(text.replace(",", ".").removesuffix("%").strip())
        if not (rate.is_finite() and 0 <= rate <= 1000):
            raise InvalidOperation
    except InvalidOperation:
        raise FairdayError(f"{text[:20]!r} is not a rate.", code="bad_percent", where=where) from None
    return rate


def change(request: Request, **changes: Any) -> None:
    """Change what is set of borders and keep it.

    Raises:
        FairdayError: it cannot be.
    """
    shop = shop_of(request)
    shop.change_settings(border=msgspec.structs.replace(shop.settings.border, **changes))


# ---- where to --------------------------------------------------------------------------------------------------------


@inside.get("/borders")
def borders(request: Request) -> Response:
    return _borders(request)


def _borders(request: Request, error: FairdayError | None = None, given: dict[str, str] | None = None) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    border, table, day = shop.settings.border, table_of(shop.settings), today(request)
    with shop.db.read() as conn:
        coded, goods = _coded(conn)
        rates = rates_on(conn, day)
    kept = {
        "country": shop.settings.country, "countries": ", ".join(border.countries), "closed": ", ".join(border.closed),
        "takes": ", ".join(border.takes), "prepaid": "yes" if border.prepaid else "no",
        "numbers": "\n".join(f"{place}: {number}" for place, number in border.numbers.items()),
    }  # fmt: skip
    missing = [c for c in border.takes if c not in rates.currencies and c != shop.settings.currency]
    unpaid = [c for c in border.takes if not shop.payments.methods(c)]
    home = table.countries.get(shop.settings.country)
    where = sorted({*table.countries, *border.countries, *border.closed} - {shop.settings.country})
    return page(
        request, "borders.html", status_of(error) if error else 200, tab="borders", given=kept | (given or {}),
        error=say(tongue, error) if error else None, version=table.version, coded=coded, goods=goods,
        missing=missing, unpaid=unpaid,
        countries=[
            {
                "code": code, "name": country_name(tongue, code),
                "sold": border.sells_to(code), "named": code in border.countries,
                "rules": "own" if code in shop.settings.taxes and home is not None and code in table.countries
                and table.countries[code].customs == home.customs
                else "inside" if home is not None and code in table.countries
                and table.countries[code].customs == home.customs
                else "known" if code in table.countries else "unknown",
                "tax": rate_of(tongue.percent, table.countries[code].tax, day) if code in table.countries else "",
                "customs": table.countries[code].customs if code in table.countries else "",
            }
            for code in where
        ],
        territories=[_territory(request, one, day) for one in table.territories.values()],
    )  # fmt: skip


def today(request: Request) -> int:
    """Today, in the shop."""
    shop = shop_of(request)
    return local_day(shop.clock.now(), shop.settings.zone)


def _coded(conn: Connection) -> tuple[int, int]:
    """How many goods have a customs code, and how many there are."""
    with_code = conn.execute(select(func.count()).select_from(details).where(details.c.hs_code.is_not(None))).scalar()
    return with_code or 0, conn.execute(select(func.count()).select_from(products)).scalar() or 0


def rate_of(shown: Callable[[float, int], str], dated: Dated, day: int) -> str:
    """A rate of a day as percent."""
    return shown(float(on_day(dated, day)), 3)


def _territory(request: Request, one: Territory, day: int) -> dict[str, Any]:
    """A customs territory's thresholds of today, in the merchant's words."""
    tongue = tongue_of(request)
    holding = [r for r in one.regimes if r.first <= day <= r.last]
    coming = [r for r in one.regimes if r.first > day]
    return {
        "name": one.name, "currency": one.currency,
        "number": shop_of(request).settings.border.numbers.get(one.name, ""),
        "title": country_name(tongue, one.name) if one.name != "EU" else tongue.plain("borders.eu"),
        "rules": [_regime(request, r, one.currency) for r in holding],
        "coming": [tongue.day(r.first) for r in coming],
    }  # fmt: skip


def _regime(request: Request, rules: Regime, currency: str) -> dict[str, Any]:
    tongue = tongue_of(request)
    limit = tongue.money(rules.at_most, rules.at_most_in or currency) if rules.at_most is not None else ""
    if rules.duty == "tariff":
        duty = tongue.plain("borders.duty.tariff")
    elif isinstance(rules.duty, int):
        duty = tongue.plain("borders.duty.each", amount=tongue.money(rules.duty, currency))
    else:
        duty = tongue.plain("borders.duty.none")
    known = tongue.has(f"borders.rule.{rules.name}")
    return {
        "name": tongue.plain(f"borders.rule.{rules.name}") if known else rules.name, "limit": limit,
        "each": rules.each, "yearly": tongue.money(rules.yearly, currency) if rules.yearly else "",
        "duty": duty, "taxed": rules.base != "none", "share": tongue.percent(float(rules.share)),
        "collected": rules.collected, "refused": rules.refused, "source": rules.source,
        "since": tongue.day(rules.first) if rules.first > 0 else "",
    }  # fmt: skip


@inside.post("/borders")
def save(request: Request) -> Response:
    """Where the shop is, where it sells to, who pays at the border, and its numbers with customs."""
    shop = shop_of(request)
    given = {name: field(request, name, 4000) for name in ("country", "countries", "closed", "takes", "numbers")}
    given["prepaid"] = "yes" if request.state.form.get("prepaid") == "yes" else "no"
    try:
        home = codes(given["country"])
        if len(home) != 1:
            raise FairdayError("A shop is in one country.", code="bad_codes", where=given["country"][:20])
        numbers = {}
        for line in given["numbers"].splitlines():
            place, colon, number = line.partition(":")
            if line.strip() and not (colon and number.strip() and re.fullmatch("[A-Z]{2}", place.strip().upper())):
                raise FairdayError("A number is written as EU: IM2760000000.", code="bad_number", where=line[:30])
            if line.strip():
                numbers[place.strip().upper()] = number.strip()[:40]
        takes = tuple(c for c in _listed(given["takes"], is_currency, "bad_currencies") if c != shop.settings.currency)
        border = msgspec.structs.replace(
            shop.settings.border, countries=tuple(c for c in codes(given["countries"]) if c != home[0]),
            closed=codes(given["closed"]), takes=takes, prepaid=given["prepaid"] == "yes", numbers=numbers,
        )  # fmt: skip
        shop.change_settings(country=home[0], border=border)
    except FairdayError as error:
        return _borders(request, error, given)
    return go("/console/borders?done=borders_saved")


# ---- goods for customs -----------------------------------------------------------------------------------------------


@inside.get("/borders/goods.csv")
def goods_file(request: Request) -> Response:
    """Every product with its customs code, for a table program, and back."""
    shop = shop_of(request)
    query = (
        select(products.c.product, details.c.hs_code, details.c.origin)
        .outerjoin(details, details.c.product == products.c.product)
        .order_by(products.c.product)
    )
    with shop.db.read() as conn:
        text = written([tuple(row) for row in conn.execute(query)], shop.settings.border.refuses)
    headers = {"content-disposition": 'attachment; filename="customs.csv"'}
    return Response("\ufeff" + text, media_type="text/csv; charset=utf-8", headers=headers)


@inside.post("/borders/goods")
def bring(request: Request) -> Response:
    """Take a file of customs codes, origins and countries goods may not go to."""
    shop = shop_of(request)
    try:
        told = read_customs(*text_of_file(request))
        with shop.db.write() as conn:
            save_customs(conn, told, shop.clock.now())
        refuses = barred(shop.settings.border.refuses, told)
        if refuses != shop.settings.border.refuses:
            change(request, refuses=refuses)
    except FairdayError as error:
        return _borders(request, error)
    return go("/console/borders?done=customs_saved")


def text_of_file(request: Request) -> tuple[str, str]:
    """The text and name of the file that was sent.

    Raises:
        FairdayError: none was, it is too large, or no UTF-8 text.
    """
    sent = request.state.form.get("file")
    if not isinstance(sent, UploadFile) or not sent.filename:
        raise FairdayError("Choose a file.", code="no_file_chosen", remedy="Choose a CSV file.")
    read = sent.file.read(FILE_BYTES + 1)
    name = sent.filename[:100]
    try:
        if len(read) > FILE_BYTES:
            raise FairdayError("The file is larger than 5 MB.", code="file_too_large", where=name)
        return read.decode("utf-8-sig"), name
    except UnicodeDecodeError:
        raise FairdayError(
            "It is not UTF-8 text.", code="not_utf8", where=name, remedy="Save it as CSV UTF-8."
        ) from None


# ---- taxes -----------------------------------------------------------------------------------------------------------


@inside.get("/borders/taxes")
def taxes(request: Request) -> Response:
    return _taxes(request)


def _taxes(request: Request, error: FairdayError | None = None, given: dict[str, str] | None = None) -> Response:
    shop, tongue, day = shop_of(request), tongue_of(request), today(request)
    table, border = table_of(shop.settings), shop.settings.border
    asked = request.query_params.get("country", "")[:2].upper()
    chosen = shop.settings.taxes.get(asked)
    kept = {"country": asked or shop.settings.country, "included": "yes", "rates": "standard: ", "shipping": "standard"}
    if chosen is not None:
        kept |= {
            "included": "yes" if chosen.included else "no", "shipping": chosen.shipping,
            "rates": "\n".join(f"{name}: {rate}" for name, rate in chosen.rates.items()),
        }  # fmt: skip
    return page(
        request, "border_taxes.html", status_of(error) if error else 200, tab="taxes", given=kept | (given or {}),
        error=say(tongue, error) if error else None, version=table.version,
        registered=[
            {"code": code, "name": country_name(tongue, code), "rates": list(one.rates.items()), "included":
             one.included} for code, one in sorted(shop.settings.taxes.items())
        ],
        countries=[
            {
                "code": code, "name": country_name(tongue, code), "rate": rate_of(tongue.percent, one.tax, day),
                "own": code in border.vat, "customs": one.customs,
                "reduced": sorted((p, rate_of(tongue.percent, r, day)) for p, r in one.reduced.items()),
            }
            for code, one in sorted(table.countries.items())
        ],
    )  # fmt: skip


@inside.post("/borders/taxes")
def save_taxes(request: Request) -> Response:
    """The rates of a country where the shop is registered for tax, or none any more."""
    shop = shop_of(request)
    given = {name: field(request, name, 2000) for name in ("country", "rates", "shipping")}
    given["included"] = "yes" if request.state.form.get("included") == "yes" else "no"
    try:
        (country, *more) = codes(given["country"]) or ("",)
        if not country or more:
            raise FairdayError("One country at a time.", code="bad_codes", where=given["country"][:20])
        kept = dict(shop.settings.taxes)
        if request.state.form.get("go") == "remove":
            kept.pop(country, None)
        else:
            rates = {}
            for line in given["rates"].splitlines():
                name, colon, rate = line.partition(":")
                if line.strip() and not colon:
                    raise FairdayError("A rate is written as standard: 19.", code="bad_tax_line", where=line[:30])
                if line.strip() and rate.strip():
                    rates[name.strip().lower()] = percent(rate, line[:30])
            made = {"rates": rates, "included": given["included"] == "yes", "shipping": given["shipping"] or "standard"}
            kept[country] = _tax_settings(made)
        shop.change_settings(taxes=kept)
    except FairdayError as error:
        return _taxes(request, error, given)
    return go("/console/borders/taxes?done=taxes_saved")


def _tax_settings(made: dict[str, Any]) -> TaxSettings:
    try:
        return msgspec.convert(msgspec.to_builtins(made), TaxSettings)
    except msgspec.ValidationError as error:
        raise FairdayError(f"{error}.", code="bad_tax_line", where=str(error)[:60]) from None


@inside.post("/borders/taxes/abroad")
def save_vat(request: Request) -> Response:
    """The shop's own rate for what is sent to a country; empty: the table's again."""
    try:
        (country,) = codes(field(request, "country", 2)) or ("",)
        vat = dict(shop_of(request).settings.border.vat)
        text = field(request, "rate", 20)
        if text:
            vat[country] = percent(text, country)
        else:
            vat.pop(country, None)
        change(request, vat=vat)
    except FairdayError as error:
        return _taxes(request, error)
    return go("/console/borders/taxes?done=taxes_saved")
