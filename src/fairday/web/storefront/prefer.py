"""What a shopper prefers: the country things go to and the currency they read, chosen once or guessed at first.

The guess is of the browser's languages ("de-AT"), is made only where the shop has said that it sells abroad, and the
page says that it is one. A currency is charged where the shop takes it, has a rate of today and a way to pay; any other
that has a rate is shown as about, beside the shop's own, which is what is paid.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec
from babel import Locale
from babel.numbers import format_decimal, get_currency_name, get_territory_currencies
from fastapi import Request

from fairday.goods.prices import Amount
from fairday.goods.rates import Rates, half_up, rates_on
from fairday.goods.search import rounded
from fairday.kernel.clock import local_day
from fairday.kernel.money import major
from fairday.kernel.settings import Settings
from fairday.trade.border import crosses
from fairday.trade.charging import Exchange, exchange
from fairday.trade.records import Contact
from fairday.trade.shipping.addresses import Address, known_country, written
from fairday.web.goods import unit
from fairday.web.i18n import Tongue
from fairday.web.render import shop_of, tongue_of

COUNTRY, CURRENCY = "fairday_country", "fairday_currency"
COUNTRIES = ("CN", "HK", "MO", "TW", "SG", "MY", "JP", "KR", "US", "CA", "MX", "ES", "FR", "DE", "IT", "PT", "NL", "GB",
             "AU", "NZ", "AR", "CL", "CO", "PE", "BR")  # fmt: skip


def told_abroad(settings: Settings) -> bool:
    """Whether the merchant has said anything of selling abroad, so that a stranger's country may be guessed."""
    return bool(settings.country and (settings.border.countries or settings.border.takes))


def guessed_country(accept: str, settings: Settings) -> str:
    """The country of the language a browser likes best, where the shop sells to it; "" where nothing is to be told."""
    if not told_abroad(settings):
        return ""
    first = re.match(r"\s*[A-Za-z]{2,3}(?:-[A-Za-z]{4})?-([A-Za-z]{2})\s*(?:[,;]|$)", accept[:100])
    found = first[1].upper() if first else ""
    return found if known_country(found) and (found == settings.country or settings.border.sells_to(found)) else ""


def country_of(request: Request) -> str:
    """Where this shopper said things go, else what is guessed, else where the shop is; "" where none is known."""
    settings = shop_of(request).settings
    said = chosen_country(request)
    return said or guessed_country(request.headers.get("accept-language", ""), settings) or settings.country


def chosen_country(request: Request) -> str:
    """Where this shopper said things go, or ""."""
    said = request.cookies.get(COUNTRY, "")
    return said if len(said) == 2 and known_country(said) else ""


def countries(request: Request, chosen: str) -> list[tuple[str, str]]:
    """Countries to choose from, (code, name), by name; the chosen one is always among them."""
    settings = shop_of(request).settings
    border = settings.border
    codes = {*(border.countries or COUNTRIES), settings.country or "CN", chosen or "CN"} - set(border.closed)
    codes |= {chosen} if chosen else set()
    return sorted(((c, country_name(tongue_of(request), c)) for c in codes), key=lambda c: c[1])


def country_name(tongue: Tongue, country: str) -> str:
    """A country as the reader calls it."""
    return str(Locale.parse(tongue.locale).territories.get(country, country))


def address_lines(tongue: Tongue, contact: Contact) -> list[str]:
    """Where an order goes, line by line, its country as the reader calls it; none where nothing is sent."""
    if not contact.street:
        return []
    address = Address(**{name: getattr(contact, name) for name in Address.__struct_fields__})
    return written(address, country_name(tongue, address.country))


def currency_name(tongue: Tongue, currency: str) -> str:
    """A currency as the reader calls it."""
    return str(get_currency_name(currency, locale=tongue.locale))


class Preference(msgspec.Struct, frozen=True, kw_only=True):
    """What a shopper reads prices in.

    Attributes:
        country: where things go; ``guessed``: nobody said so.
        currency: what they read; ``exchange`` turns the shop's into it, None where it is the shop's own.
        charged: it is also what they pay in.
    """

    country: str
    guessed: bool = False
    currency: str
    exchange: Exchange | None = None
    charged: bool = False

    @property
    def paid_in(self) -> str:
        """What an order would be charged in, for ``Choice.currency``; "" for the shop's own."""
        return self.currency if self.charged else ""


def day_of(request: Request) -> int:
    """Today, in the shop."""
    shop = shop_of(request)
    return local_day(shop.clock.now(), shop.settings.zone)


def todays_rates(request: Request) -> Rates:
    """The rates of today, read once for a page."""
    kept: Rates | None = getattr(request.state, "rates", None)
    if kept is None:
        with shop_of(request).db.read() as conn:
            kept = request.state.rates = rates_on(conn, day_of(request))
    return kept


def preference(request: Request) -> Preference:
    """What this shopper reads, found out once for a page."""
    kept: Preference | None = getattr(request.state, "preference", None)
    if kept is None:
        kept = request.state.preference = _preference(request)
    return kept


def _preference(request: Request) -> Preference:
    shop, country = shop_of(request), country_of(request)
    settings = shop.settings
    home = settings.currency
    guessed = not chosen_country(request) and country != settings.country
    plain = Preference(country=country, guessed=guessed, currency=home)
    wanted = request.cookies.get(CURRENCY, "")
    if not re.fullmatch("[A-Z]{3}", wanted):
        abroad = country and settings.country and country != settings.country
        local = get_territory_currencies(country) if abroad else []
        wanted = str(local[0]) if local else home
    if wanted == home:
        return plain
    by = exchange(todays_rates(request), home, wanted, day_of(request))
    if by is None:
        return plain
    taken = wanted in settings.border.takes and bool(shop.payments.methods(wanted))
    return Preference(country=country, guessed=guessed, currency=wanted, exchange=by, charged=taken)


def currencies(request: Request) -> list[tuple[str, str, bool]]:
    """Currencies to choose from: (code, name, whether it is charged), the shop's own first, then those it takes."""
    shop, tongue = shop_of(request), tongue_of(request)
    home, takes = shop.settings.currency, shop.settings.border.takes
    rates, day = todays_rates(request), day_of(request)
    usable = [c for c in rates.currencies if c != home and exchange(rates, home, c, day) is not None]
    first = [c for c in takes if c in usable and shop.payments.methods(c)]
    others = [c for c in usable if c not in first]
    rows = [(home, True), *((c, True) for c in first), *((c, False) for c in others)]
    return [(code, currency_name(tongue, code), charged) for code, charged in rows]


class Purse:
    """Amounts of the shop as a shopper reads them: in the currency they are charged in, and about in their own."""

    def __init__(self, tongue: Tongue, of: Preference) -> None:
        self.tongue = tongue
        self.of = of

    def money(self, amount: int) -> str:
        """Minor units of the shop's currency, in what is charged."""
        by = self.of.exchange
        return (
            self.tongue.money(by.turned(amount), by.currency) if by and self.of.charged else self.tongue.money(amount)
        )

    def plain(self, amount: int | None) -> str:
        """A limit in minor units as a form's field has it, in what is charged; "" for none."""
        if amount is None:
            return ""
        by = self.of.exchange
        if by and self.of.charged:
            return f"{major(self._meant(amount, by), by.currency):f}"
        return f"{major(amount, self.tongue.currency):f}"

    def limit(self, amount: int) -> str:
        """A limit in minor units of the shop's currency, in what is charged, as it was meant there."""
        by = self.of.exchange
        charged = by is not None and self.of.charged
        return self.tongue.money(self._meant(amount, by), by.currency) if by and charged else self.tongue.money(amount)

    def cut(self, amount: int) -> int:
        """Where a band of prices may be cut near an amount of the shop's: where it reads round in what is charged."""
        by = self.of.exchange
        return by.back(rounded(by.turned(amount))) if by and self.of.charged else rounded(amount)

    @staticmethod
    def _meant(amount: int, by: Exchange) -> int:
        """The roundest amount that is this one in the shop's currency: 50.00, where turning it there and back gives
        50.02. One that ends a band, a minor unit below a round one, stays below it."""
        turned, below = by.turned(amount), by.turned(amount + 1)
        for step in (1_000_000, 100_000, 10_000, 1000, 100, 10):
            for base, less in ((turned, 0), (below, 1)):
                near = (base + step // 2) // step * step
                if near > 0 and by.back(near) == amount + less:
                    return near - less
        return turned

    def about(self, amount: int) -> str:
        """The same in the currency they read, where it is not what is charged: "≈ €12.55"; else ""."""
        by = self.of.exchange
        return f"≈ {self.tongue.money(by.turned(amount), by.currency)}" if by and not self.of.charged else ""

    def unit(self, price: Amount) -> str:
        """A unit price, with as many decimals as it has in the shop's currency; as a list in what is charged says."""
        if price.said is not None and self.of.paid_in == price.said.currency:
            return unit(self.tongue, price.said)
        if self.of.charged and self.of.exchange is not None and price.currency == self.of.exchange.home:
            return self.money(half_up(price.exact))
        return unit(self.tongue, price)

    def rate(self) -> str:
        """By which rate, in the reader's words; "" where none is used."""
        return rate_told(self.tongue, self.of.exchange) if self.of.exchange is not None else ""


def rate_told(tongue: Tongue, by: Exchange) -> str:
    """A rate in the reader's words, with its day and source: of the dearer currency, so that no zeros lead it."""
    inverse = by.rate < 1
    worth = 1 / by.rate if inverse else by.rate
    one, other = (by.currency, by.home) if inverse else (by.home, by.currency)
    said = tongue.plain("place.rate", one=one, worth=_figure(tongue, float(worth)), other=other, day=tongue.day(by.day))
    return f"{said} ({by.source})" if by.source else said


def _figure(tongue: Tongue, worth: float) -> str:
    """Six figures of a rate, written as the reader writes numbers."""
    return str(format_decimal(Decimal(f"{worth:.6g}"), format="#,##0.##########", locale=tongue.locale))


def purse_of(request: Request) -> Purse:
    """How this shopper reads amounts."""
    return Purse(tongue_of(request), preference(request))


def place_drawn(request: Request, strip: bool) -> dict[str, Any]:
    """Where prices are for and in what, for the link at a page's foot and, with ``strip``, for the line on its top."""
    tongue, found = tongue_of(request), preference(request)
    settings = shop_of(request).settings
    abroad = crosses(settings, found.country)
    return {
        "country": country_name(tongue, found.country) if found.country else "",
        "currency": found.currency, "abroad": abroad, "guessed": found.guessed,
        "strip": strip and (abroad or found.guessed or found.exchange is not None),
        "about": found.exchange is not None and not found.charged, "home": settings.currency,
        "rate": purse_of(request).rate(), "path": request.url.path,
    }  # fmt: skip
