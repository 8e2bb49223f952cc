"""The table of duties: looked up by code, tried, and the shop's own rates laid over it."""

from __future__ import annotations

import re
from typing import Any

from fastapi import Request
from starlette.responses import Response

from fairday.goods.duties.table import by_prefix
from fairday.goods.rates import rates_on
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import typed
from fairday.trade.border import Sent, cross, table_of
from fairday.web.auth import field, inside
from fairday.web.console.borders import change, codes, percent, rate_of, today
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of
from fairday.web.storefront.prefer import COUNTRIES, country_name

SHOWN = 120
"""Lines of the tariff that are shown at once."""


@inside.get("/borders/duties")
def duties(request: Request) -> Response:
    return _duties(request)


def _duties(request: Request, error: FairdayError | None = None) -> Response:
    shop, tongue, day = shop_of(request), tongue_of(request), today(request)
    table, border = table_of(shop.settings), shop.settings.border
    query = request.query_params
    name = query.get("customs", "") if query.get("customs", "") in table.territories else next(iter(table.territories))
    chosen, looked = table.territories[name], re.sub(r"[^0-9]", "", query.get("code", ""))[:10]
    own = border.tariffs.get(name, {})
    rows = sorted(p for p in chosen.tariff if not looked or p.startswith(looked) or looked.startswith(p))
    tried = {k: query.get(k, "").strip()[:20] for k in ("to", "hs", "value")}
    try:
        found = _tried(request, tried) if tried["to"] and tried["value"] else None
    except FairdayError as wrong:
        found, error = None, error or wrong
    hit = by_prefix(chosen.tariff, looked, day) if looked else None
    return page(
        request, "border_duties.html", status_of(error) if error else 200, tab="duties", version=table.version,
        territories=[(t.name, country_name(tongue, t.name) if t.name != "EU" else tongue.plain("borders.eu"))
                     for t in table.territories.values()],
        chosen=chosen, looked=looked, error=say(tongue, error) if error else None, tried=tried, found=found,
        hit=(hit[0], tongue.percent(float(hit[1]), 3)) if hit else None,
        rows=[(p, rate_of(tongue.percent, chosen.tariff[p], day), p in own) for p in rows[:SHOWN]],
        excise=[(p, rate_of(tongue.percent, r, day)) for p, r in sorted(chosen.excise.items())],
        refuses=[(p, tongue.plain(f"barred.{w}") if tongue.has(f"barred.{w}") else w)
                 for p, w in chosen.refuses.items()],
        countries=sorted((country_name(tongue, c), c) for c in {*table.countries, *COUNTRIES}),
    )  # fmt: skip


def _tried(request: Request, tried: dict[str, str]) -> dict[str, Any]:
    """What one thing of a value would pay to a country, worked out as an order would."""
    shop, tongue, day = shop_of(request), tongue_of(request), today(request)
    (country,) = codes(tried["to"][:2]) or ("",)
    value = typed(tried["value"].replace(",", "."), shop.settings.currency)
    with shop.db.read() as conn:
        rates = rates_on(conn, day)
    sent = [Sent(line="1", qty=1, value=max(value, 0), code=re.sub(r"[^0-9]", "", tried["hs"]))]
    made = cross(sent, shop.settings, country, 0, None, 0, day, table_of(shop.settings), rates)
    landed = made.landed
    if landed is None:
        assert made.problem is not None
        raise made.problem
    line = landed.lines[0]
    return {
        "regime": tongue.plain(f"borders.rule.{landed.regime}") if tongue.has(f"borders.rule.{landed.regime}")
        else landed.regime,
        "duty": tongue.money(landed.duty), "tax": tongue.money(landed.tax),
        "whole": tongue.money(value + landed.duty + landed.tax), "prepaid": made.prepaid, "certain": landed.certain,
        "duty_rate": tongue.percent(float(line.duty_rate), 3) if line.duty_rate is not None else "",
        "tax_rate": tongue.percent(float(line.tax_rate), 3),
        "refused": [tongue.plain(f"barred.{w}") if tongue.has(f"barred.{w}") else w for _, w in landed.refused],
        "source": next((s.params["source"] for s in landed.steps if s.params.get("source")), ""),
    }  # fmt: skip


@inside.post("/borders/duties")
def save_duty(request: Request) -> Response:
    """The shop's own duty for a prefix of codes; empty: the table's again."""
    shop = shop_of(request)
    name = field(request, "customs", 20)
    try:
        if name not in table_of(shop.settings).territories:
            raise FairdayError("No such territory.", code="bad_codes", where=name)
        prefix = re.sub(r"[ .]", "", field(request, "prefix", 14))
        if not re.fullmatch(r"\d{2,10}", prefix):
            raise FairdayError("A prefix is digits.", code="bad_prefix", where=prefix)
        text = field(request, "rate", 20)
        tariffs = {t: dict(rates) for t, rates in shop.settings.border.tariffs.items()}
        if text:
            tariffs.setdefault(name, {})[prefix] = percent(text, prefix)
        else:
            tariffs.get(name, {}).pop(prefix, None)
        change(request, tariffs={t: rates for t, rates in tariffs.items() if rates})
    except FairdayError as error:
        return _duties(request, error)
    return go(f"/console/borders/duties?customs={name}&code={prefix}&done=duty_saved")
