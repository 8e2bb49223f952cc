"""Where a shopper wants things sent, chosen once for all pages, and what crossing a border adds, in their words."""

from __future__ import annotations

from typing import Any

from babel import Locale
from fastapi import Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from fairday.goods.offering import Offer
from fairday.kernel.errors import FairdayError
from fairday.trade.border import Crossing, Sent, crossed, crosses
from fairday.trade.shipping.addresses import known_country
from fairday.web.i18n import Tongue
from fairday.web.render import shop_of, tongue_of
from fairday.web.storefront.front import YEAR, back, posted, router

COUNTRY = "fairday_country"
COUNTRIES = ("CN", "HK", "MO", "TW", "SG", "MY", "JP", "KR", "US", "CA", "MX", "ES", "FR", "DE", "IT", "PT", "NL", "GB",
             "AU", "NZ", "AR", "CL", "CO", "PE", "BR")  # fmt: skip


def country_of(request: Request) -> str:
    """Where this shopper said things go, or where the shop is; "" where neither is known."""
    said = request.cookies.get(COUNTRY, "")
    return said if len(said) == 2 and known_country(said) else shop_of(request).settings.country


def countries(request: Request, chosen: str) -> list[tuple[str, str]]:
    """Countries to choose from, (code, name), by name; the chosen one is always among them."""
    locale = Locale.parse(tongue_of(request).locale)
    codes = {*COUNTRIES, chosen or "CN"}
    return sorted(((c, locale.territories.get(c, c)) for c in codes), key=lambda c: c[1])


@router.post("/country", dependencies=[Depends(posted)])
def choose_country(request: Request) -> Response:
    """Where things go, kept on this device; a country that is none changes nothing."""
    said = str(request.state.form.get("country", ""))
    response = RedirectResponse(back(request), 303)
    if len(said) == 2 and known_country(said):
        https = request.url.scheme == "https"
        response.set_cookie(COUNTRY, said, max_age=YEAR, httponly=True, samesite="lax", secure=https)
    return response


def landed_drawn(request: Request, crossing: Crossing | None) -> dict[str, Any] | None:
    """What crossing adds, for a template; None at home."""
    if crossing is None:
        return None
    tongue = tongue_of(request)
    name = Locale.parse(tongue.locale).territories.get(crossing.country, crossing.country)
    drawn: dict[str, Any] = {"country": name, "problem": None, "prepaid": crossing.prepaid, "refused": ""}
    if crossing.problem is not None:
        drawn["problem"] = why_not(tongue, crossing.problem)
    if crossing.problems:
        drawn["refused"] = why_not(tongue, next(iter(crossing.problems.values())))
    if crossing.landed is None:
        return drawn | {"duty": "", "tax": "", "sum": "", "unknown": False, "certain": False, "version": ""}
    landed = crossing.landed
    return drawn | {
        "duty": tongue.money(landed.duty) if landed.duty else "", "tax": tongue.money(landed.tax) if landed.tax else "",
        "sum": tongue.money(landed.duty + landed.tax) if landed.duty + landed.tax else "",
        "unknown": landed.regime == "unknown", "certain": landed.certain, "version": landed.version,
    }  # fmt: skip


def why_not(tongue: Tongue, error: FairdayError) -> str:
    """Why something may not cross, in the shopper's words."""
    reason = error.where
    named = error.code == "border_refused" and tongue.has(f"barred.{reason}")
    said = tongue.plain(f"barred.{reason}") if named else ""
    key = f"buy.problem.{error.code}"
    return tongue.plain(key, n=said) if tongue.has(key) else tongue.plain("buy.problem.other")


def one_landed(
    request: Request, conn: Connection, offer: Offer, account: str | None, now: int
) -> dict[str, Any] | None:
    """What one piece pays to cross, without its carriage, where this shopper said it goes; None at home."""
    shop, country = shop_of(request), country_of(request)
    if not crosses(shop.settings, country) or offer.currency != shop.settings.currency:
        return None
    value = round(offer.unit_price.exact)
    sent = [Sent(line="1", qty=1, value=value, code=offer.hs_code or "", names=(offer.product, *offer.tags))]
    return landed_drawn(request, crossed(conn, shop.settings, sent, country, 0, account, now))
