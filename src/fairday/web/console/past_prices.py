"""Past prices of a good: day by day as a shopper paid them, each price of each list, and the lowest before a cut."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from starlette.responses import Response

from fairday.goods.catalogue import product
from fairday.goods.past_prices import by_day, stood
from fairday.goods.price_records import all_lists, history_of
from fairday.goods.prices import Amount
from fairday.goods.prior import DAYS, Past
from fairday.goods.records import variants_of
from fairday.kernel.clock import local_day
from fairday.kernel.errors import FairdayError, NotFound
from fairday.web.auth import inside
from fairday.web.drawing import columns
from fairday.web.goods import unit
from fairday.web.render import page, shop_of, tongue_of

CHARTED, SHOWN = 90, 200
"""Days drawn; prices in the table."""


@inside.get("/goods/prices")
def past(request: Request) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    number = request.query_params.get("n", "")[:200]
    now, zone = shop.clock.now(), shop.settings.zone
    where = shop.goods.where()
    with shop.db.read() as conn:
        row = product(conn, number) if number else None
        if row is None:
            raise NotFound(f"There is no product {number}.", code="unknown_goods")
        forms = variants_of(conn, [number]).get(number, [])
        asked = request.query_params.get("v", "")[:200]
        form = next((f for f in forms if f.sku == asked), forms[0] if forms else None)
        sku = form.sku if form else number
        kept = history_of(conn, {sku, number})
        lists = {one.list: one.title or one.list for one in all_lists(conn)}
        try:
            reduction = shop.goods.offer(sku, unmade=True, conn=conn).reduction
        except FairdayError:  # not sold now: its past is there all the same
            reduction = None
    of = Past(kept, sku, number, where, shop.settings.currency)
    days, least = by_day(of, now, CHARTED), of.lowest(now + 1)
    was = reduction.shown_against(where.country) if reduction is not None else None

    def said(price: Amount | None) -> str:
        return tongue.plain("past.none") if price is None else unit(tongue, price)

    titles = [f"{tongue.day(local_day(at, zone))}: {said(price)}" for at, price in days]
    rows: list[dict[str, Any]] = [
        {
            "from": tongue.time(s.start) if s.start else "", "until": "" if s.end is None else tongue.time(s.end),
            "price": unit(tongue, s.price), "list": lists.get(s.list, s.list), "base": not s.list, "qty": s.min_qty,
            "to": f"/console/prices?{urlencode({'list': s.list})}" if s.list in lists else "",
            "all": bool(forms) and s.goods == number,
        }
        for s in stood(kept)
    ]  # fmt: skip
    return page(
        request, "past_prices.html", number=number, title=row.title or number, rows=rows[:SHOWN],
        more=len(rows) > SHOWN, shown=SHOWN, back=f"/console/goods/good?{urlencode({'n': number})}",
        front=f"/goods/{quote(number)}", sku=sku, days=CHARTED,
        forms=[(f.sku, " · ".join(f.options.values()) or f.sku,
                f"/console/goods/prices?{urlencode({'n': number, 'v': f.sku})}") for f in forms],
        chart=columns([0 if p is None else round(p.exact) for _, p in days], tongue.plain("past.chart", n=CHARTED),
                      titles) if any(p for _, p in days) else None,
        first=tongue.day(local_day(days[0][0], zone)), last=tongue.day(local_day(now, zone)), today=said(days[-1][1]),
        least="" if least is None else unit(tongue, least), law_days=DAYS,
        was="" if was is None else unit(tongue, was), since=None if reduction is None else reduction.since,
        law=was is not None and reduction is not None and was is reduction.lowest,
        silent=reduction is not None and was is None,
    )  # fmt: skip
