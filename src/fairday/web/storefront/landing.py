"""Prices as they land: of cards and goods pages, with the duty and tax of where this shopper has things sent."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import msgspec
from fastapi import Request
from sqlalchemy import Connection

from fairday.goods.duties import DutyTable
from fairday.goods.prices import Amount
from fairday.goods.rates import Rates, half_up
from fairday.goods.records import Details, details_of
from fairday.kernel.decider import State
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import Settings
from fairday.trade.border import Crossing, Sent, cross, crosses, table_of
from fairday.trade.charging import exchange_of
from fairday.web.i18n import Tongue
from fairday.web.render import shop_of, tongue_of
from fairday.web.storefront.prefer import Purse, country_name, country_of, day_of, purse_of, rate_told, todays_rates


class Landing(msgspec.Struct, frozen=True):
    """What single things cost in a country: the table and the rates of today."""

    settings: Settings
    country: str
    day: int
    table: DutyTable
    rates: Rates

    def of(self, value: int, code: str, names: tuple[str, ...]) -> Crossing:
        """What one thing of a value, minor units of the shop's currency, pays to cross, without its carriage."""
        sent = [Sent(line="1", qty=1, value=value, code=code, names=names)]
        return cross(sent, self.settings, self.country, 0, None, 0, self.day, self.table, self.rates)


def landing_of(request: Request) -> Landing | None:
    """What prices land by for this shopper; None where nothing crosses a border."""
    settings, country = shop_of(request).settings, country_of(request)
    if not crosses(settings, country):
        return None
    return Landing(settings, country, day_of(request), table_of(settings), todays_rates(request))


def landed_price(
    tongue: Tongue, purse: Purse, landing: Landing | None, price: Amount, code: str, names: tuple[str, ...]
) -> dict[str, str]:
    """A price for a card or a page: ``text`` in what is charged, duty and tax in it where they are paid now; ``about``
    in the shopper's own; ``levy``: what else is to be known of it."""
    if landing is None or price.currency != landing.settings.currency:
        about = purse.about(half_up(price.exact)) if price.currency == purse.tongue.currency else ""
        return {"text": purse.unit(price), "about": about, "levy": ""}
    value = half_up(price.exact)
    found = landing.of(value, code, names)
    if found.problems:
        levy = tongue.plain("place.not_sent", country=country_name(tongue, landing.country))
        return {"text": purse.unit(price), "about": purse.about(value), "levy": levy}
    if not found.now:
        later = tongue.plain("place.later", amount=purse.money(found.later)) if found.later else ""
        return {"text": purse.unit(price), "about": purse.about(value), "levy": later}
    return {"text": both(purse, price, found), "about": purse.about(value + found.now), "levy": ""}


def both(purse: Purse, price: Amount, found: Crossing) -> str:
    """A price with its duty and tax: in another currency the sum of what is turned one by one, as a cart has it."""
    by, value = purse.of.exchange, half_up(price.exact)
    duty, tax = found.levied("1")
    if by is None or not purse.of.charged:
        return purse.tongue.money(value + duty + tax)
    said = price.said if price.said is not None and price.said.currency == by.currency else None
    if said is None:
        return purse.tongue.money(by.turned(value) + by.turned(duty) + by.turned(tax), by.currency)
    whole = half_up(said.exact)
    own = half_up(Fraction(tax * whole, value)) if value else 0
    return purse.tongue.money(whole + by.turned(duty) + own, by.currency)


def land_cards(request: Request, conn: Connection, drawn: Sequence[dict[str, Any]]) -> None:
    """Give cards the prices that this shopper reads."""
    purse, landing = purse_of(request), landing_of(request)
    if landing is None and purse.of.exchange is None:
        return
    tongue = tongue_of(request)
    details = details_of(conn, [c["id"] for c in drawn]) if landing is not None else {}
    for one in drawn:
        price: Amount | None = one["amount"]
        if price is None:
            continue
        more = details.get(one["id"]) or Details(product=one["id"])
        names = (one["id"], *more.tags)
        found = landed_price(tongue, purse, landing, price, more.hs_code or "", names)
        text = found["text"]
        one["price"] = tongue.plain("shop.price.from", price=text) if one["several"] else text
        one["about"], one["levy"] = found["about"], found["levy"]
        was: Amount | None = one["was_amount"]
        if was is not None:
            one["was"] = landed_price(tongue, purse, landing, was, more.hs_code or "", names)["text"]


def landed_drawn(request: Request, crossing: Crossing | None) -> dict[str, Any] | None:
    """What crossing adds, for a template; None at home. Amounts are of the shop's currency, turned one by one."""
    if crossing is None:
        return None
    tongue, purse = tongue_of(request), purse_of(request)
    drawn: dict[str, Any] = {
        "country": country_name(tongue, crossing.country), "problem": None, "prepaid": crossing.prepaid, "refused": "",
        "yearly": _yearly(tongue, crossing), "number": crossing.number,
    }  # fmt: skip
    drawn["sign_in"] = crossing.problem is not None and crossing.problem.code == "border_sign_in"
    if crossing.problem is not None:
        drawn["problem"] = why_not(tongue, crossing.problem)
    if crossing.problems:
        drawn["refused"] = why_not(tongue, next(iter(crossing.problems.values())))
    if crossing.landed is None:
        return drawn | {"duty": "", "tax": "", "sum": "", "unknown": False, "certain": False, "version": ""}
    landed = crossing.landed
    source = next((s.params["source"] for s in landed.steps if s.params.get("source")), "")
    return drawn | {
        "duty": purse.money(landed.duty) if landed.duty else "", "tax": purse.money(landed.tax) if landed.tax else "",
        "sum": _together(purse, landed.duty, landed.tax),
        "unknown": landed.regime == "unknown", "certain": landed.certain, "version": landed.version, "source": source,
    }  # fmt: skip


def _together(purse: Purse, duty: int, tax: int) -> str:
    """Duty and tax in one: in another currency each is turned by itself, as a cart turns them."""
    by = purse.of.exchange if purse.of.charged else None
    if duty + tax and by is not None:
        return purse.tongue.money(by.turned(duty) + by.turned(tax), by.currency)
    return purse.tongue.money(duty + tax) if duty + tax else ""


def _yearly(tongue: Tongue, crossing: Crossing) -> str:
    if crossing.yearly is None:
        return ""
    found = crossing.yearly
    left, limit = (tongue.money(n, found.currency) for n in (found.left, found.limit))
    return tongue.plain("place.yearly", country=country_name(tongue, crossing.country), left=left, limit=limit)


def why_not(tongue: Tongue, error: FairdayError) -> str:
    """Why something may not cross, in the shopper's words."""
    reason = error.where
    named = error.code == "border_refused" and tongue.has(f"barred.{reason}")
    said = tongue.plain(f"barred.{reason}") if named else ""
    key = f"buy.problem.{error.code}"
    return tongue.plain(key, n=said) if tongue.has(key) else tongue.plain("buy.problem.other")


def abroad_drawn(tongue: Tongue, state: State) -> dict[str, str] | None:
    """What an order keeps of crossing a border and of the currency it is charged in, in the reader's words; None for
    one that does neither."""
    border, by = state["data"].get("border"), exchange_of(state)
    if border is None and by is None:
        return None
    drawn = dict.fromkeys(("country", "regime", "number", "version", "later", "owed", "home", "rate"), "")
    if by is not None:
        drawn |= {"home": tongue.money(state["data"]["exchange"]["total"], by.home), "rate": rate_told(tongue, by)}
    if border is None:
        return drawn
    due = tongue.money(border["duty"] + border["tax"], state["currency"]) if border["duty"] + border["tax"] else ""
    rule = f"borders.rule.{border['regime']}"
    return drawn | {
        "country": country_name(tongue, border["country"]), "version": border["version"],
        "regime": tongue.plain(rule) if tongue.has(rule) else border["regime"], "number": border.get("number", ""),
        "later": "" if border["prepaid"] else due, "owed": due if border["prepaid"] else "",
    }  # fmt: skip
