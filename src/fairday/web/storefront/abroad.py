"""Where a shopper wants things sent and what they read prices in: one page, chosen once, kept on this device."""

from __future__ import annotations

import contextlib
import re

from fastapi import Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from fairday.goods.offering import Offer
from fairday.goods.rates import half_up
from fairday.kernel.clock import DAY_MS
from fairday.kernel.errors import Unavailable
from fairday.kernel.ids import digest
from fairday.storage.log import OURS, Happening
from fairday.trade.border import Crossing, Sent, crossed, crosses
from fairday.trade.shipping.addresses import known_country
from fairday.web.i18n import LANGUAGES
from fairday.web.render import LANGUAGE_COOKIE, shop_of
from fairday.web.storefront.front import YEAR, answer_of, back, posted, router, shown, visitor_of
from fairday.web.storefront.prefer import (
    COUNTRIES,
    COUNTRY,
    CURRENCY,
    countries,
    country_of,
    currencies,
    preference,
    purse_of,
)

__all__ = ["COUNTRIES", "one_crossing"]


def ours(path: str) -> str:
    """A path of ours, else the first page: an address of elsewhere is not gone to."""
    usable = re.fullmatch(r"/(?![/\\])[^\s\\\x00-\x1f]{0,300}", path)
    return path if usable and not path.startswith(("/place", "/stores")) else "/"


@router.get("/place")
def place_page(request: Request) -> Response:
    """Country, currency and language, on one page."""
    found = preference(request)
    return shown(
        request, "shop_place.html", visitor_of(request), countries=countries(request, found.country),
        chosen=found, currencies=currencies(request), rate=purse_of(request).rate(),
        to=ours(request.query_params.get("to", "/")),
    )  # fmt: skip


def _kept(response: Response, request: Request, name: str, value: str) -> None:
    https = request.url.scheme == "https"
    response.set_cookie(name, value, max_age=YEAR, httponly=True, samesite="lax", secure=https)


@router.post("/place", dependencies=[Depends(posted)])
def choose_place(request: Request) -> Response:
    """Keep what was chosen; what cannot be changes nothing."""
    form = request.state.form
    country, currency, language = (str(form.get(name, "")) for name in ("country", "currency", "language"))
    response = RedirectResponse(ours(str(form.get("to", "/"))), 303)
    if len(country) == 2 and known_country(country):
        _kept(response, request, COUNTRY, country)
        _tell(request, country)
    if currency in {code for code, _, _ in currencies(request)}:
        _kept(response, request, CURRENCY, currency)
    if language in LANGUAGES:
        _kept(response, request, LANGUAGE_COOKIE, language)
    return response


def _tell(request: Request, country: str) -> None:
    """Their country is known from now on, so that their own calendar's scenes find them; if they agreed to that."""
    shop, visitor = shop_of(request), visitor_of(request)
    if visitor.id is None or answer_of(request) != "yes":
        return
    now = shop.clock.now()
    said = Happening(
        message_id=f"shop-place-{digest(*visitor.id, country, str(now // DAY_MS))}", kind="identify", at=now,
        received=now, source=OURS, ids=(visitor.id,), body={"traits": {"address": {"country": country}}},
    )  # fmt: skip
    with contextlib.suppress(Unavailable):  # the choice itself is kept on the device
        shop.append([said])


@router.post("/country", dependencies=[Depends(posted)])
def choose_country(request: Request) -> Response:
    """Where things go, from the cart; a country that is none changes nothing."""
    said = str(request.state.form.get("country", ""))
    response = RedirectResponse(back(request), 303)
    if len(said) == 2 and known_country(said):
        _kept(response, request, COUNTRY, said)
        _tell(request, said)
    return response


def one_crossing(request: Request, conn: Connection, offer: Offer, account: str | None, now: int) -> Crossing | None:
    """What one piece pays to cross, without its carriage, where this shopper has things sent; None at home."""
    shop, country = shop_of(request), country_of(request)
    if not crosses(shop.settings, country) or offer.currency != shop.settings.currency:
        return None
    value = half_up(offer.unit_price.exact)
    sent = [Sent(line="1", qty=1, value=value, code=offer.hs_code or "", names=(offer.product, *offer.tags))]
    return crossed(conn, shop.settings, sent, country, 0, account, now)
