"""Price lists: whom each is for, its prices, and which price somebody would pay and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from sqlalchemy import Connection, func, select, text
from starlette.responses import Response

from fairday.goods.catalogue import products_named
from fairday.goods.price_records import all_lists, delete_list, drop_prices, find_list, save_list, set_prices
from fairday.goods.prices import ListPrice, PriceList
from fairday.goods.records import bad, variants_named
from fairday.goods.sheets import read_prices, write_prices
from fairday.goods.tables import list_prices
from fairday.kernel.clock import zone
from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.trace import Step
from fairday.people import audiences
from fairday.stores.records import all_places
from fairday.trade.records import orders
from fairday.web.auth import field, inside
from fairday.web.goods import unit
from fairday.web.i18n import Tongue
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

TERMS = ("list", "title", "currency", "channel", "store", "country", "company", "crowd", "starts_at", "ends_at",
         "priority", "factor")  # fmt: skip
FOR = ("channel", "store", "country", "company", "crowd")
SHOWN, TEXT = 2_000, 900_000
"""Prices of a list that are shown at once."""


@inside.get("/prices")
def prices(request: Request) -> Response:
    return _show(request)


def _show(
    request: Request,
    error: FairdayError | None = None,
    given: dict[str, str] | None = None,
    name: str | None = None,
    csv: str | None = None,
) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    name = request.query_params.get("list", "")[:60] if name is None else name
    with shop.db.read() as conn:
        lists = all_lists(conn)
        per_list = select(list_prices.c.list, func.count()).group_by(list_prices.c.list)
        counts: dict[str, int] = {name_: n for name_, n in conn.execute(per_list)}
        chosen = next((one for one in lists if one.list == name), None)
        some = _some(conn, chosen.list) if chosen else []
        tried = _tried(request, conn, tongue)
        offered = choices(conn, tongue)
    fields = _written(chosen, shop.settings.zone) if chosen else dict.fromkeys(TERMS, "") | {
        "currency": shop.settings.currency
    }  # fmt: skip
    now = shop.clock.now()
    return page(
        request, "prices.html", status_of(error) if error else 200,
        rows=[_row(tongue, one, counts.get(one.list, 0), now, offered) for one in lists], offered=offered,
        chosen=chosen, given=fields | (given or {}), tried=tried,
        csv=csv if csv is not None else write_prices(some, chosen.currency) if some and chosen else "",
        more=counts.get(name, 0) > SHOWN, shown=SHOWN,
        error=say(tongue, error) if error else None, where=error.where if error else "",
    )  # fmt: skip


def _some(conn: Connection, name: str) -> list[ListPrice]:
    c = list_prices.c
    query = select(list_prices).where(c.list == name).order_by(c.goods, c.min_qty).limit(SHOWN)
    return [ListPrice(r.list, r.goods, r.min_qty, r.amount, r.digits) for r in conn.execute(query)]


def choices(conn: Connection, tongue: Tongue) -> dict[str, list[tuple[str, str]]]:
    """What a list may be for, by field: (what is kept, what people call it)."""
    sold_by = conn.execute(select(orders.c.channel).distinct().order_by(orders.c.channel)).scalars()
    firms = conn.execute(text("SELECT id, name FROM companies ORDER BY name LIMIT 500"))
    channels = dict.fromkeys(["online", *filter(None, sold_by)])
    return {
        "channel": [(x, tongue.plain(f"clashes.channel.{x}") if tongue.has(f"clashes.channel.{x}") else x)
                    for x in channels],
        "store": [(p.store, p.name or p.store) for p in all_places(conn)],
        "company": [(str(id_), str(name)) for id_, name in firms],
        "crowd": [(a.name, a.title.get(tongue.language) or a.name) for a in audiences.kept(conn)],
    }  # fmt: skip


def _row(
    tongue: Tongue, one: PriceList, count: int, now: int, offered: Mapping[str, Sequence[tuple[str, str]]]
) -> dict[str, Any]:
    state = "early" if one.starts_at is not None and now < one.starts_at else "on"
    state = "over" if one.ends_at is not None and now >= one.ends_at else state
    return {
        "list": one.list, "title": one.title, "currency": one.currency, "count": count, "state": state,
        "to": f"/console/prices?{urlencode({'list': one.list})}",
        "of": [(field_, dict(offered.get(field_, ())).get(kept, kept)) for field_ in FOR
               if (kept := getattr(one, field_)) is not None],
        "from": tongue.time(one.starts_at) if one.starts_at is not None else "",
        "until": tongue.time(one.ends_at) if one.ends_at is not None else "",
        "priority": one.priority, "factor": "" if one.factor is None else tongue.percent(one.factor / 10_000, 2),
    }  # fmt: skip


def _written(one: PriceList, zone_name: str) -> dict[str, str]:
    """A list's terms as its form has them."""

    def moment(at: int | None) -> str:
        return "" if at is None else datetime.fromtimestamp(at / 1000, zone(zone_name)).strftime("%Y-%m-%dT%H:%M")

    plain = {name: "" if (value := getattr(one, name)) is None else str(value) for name in TERMS}
    factor = "" if one.factor is None else f"{Decimal(one.factor) / 100:f}"
    return plain | {"starts_at": moment(one.starts_at), "ends_at": moment(one.ends_at), "factor": factor}


def _tried(request: Request, conn: Connection, tongue: Tongue) -> dict[str, Any]:
    """What somebody would pay, and why, as asked in the address."""
    names = ("sku", "qty", *FOR, "currency")
    asked = {name: request.query_params.get(f"try_{name}", "").strip()[:200] for name in names}
    nothing: dict[str, Any] = {"asked": asked, "error": None, "price": ""}
    if not asked["sku"]:
        return nothing
    goods = shop_of(request).goods
    qty = int(asked["qty"]) if asked["qty"].isascii() and asked["qty"].isdigit() and len(asked["qty"]) < 9 else 1
    try:
        offer = goods.offer(
            asked["sku"], asked["channel"] or "online", asked["store"] or None, asked["country"] or None,
            asked["company"] or None, [asked["crowd"]] if asked["crowd"] else [], qty,
            currency=asked["currency"].upper() or None, conn=conn, unmade=True,
        )  # fmt: skip
    except FairdayError as error:
        return nothing | {"error": say(tongue, error)}
    steps = [_step(tongue, step) for step in offer.why]
    low = offer.reduction.lowest if offer.reduction else None
    return nothing | {
        "title": offer.title, "price": unit(tongue, offer.unit_price), "why": steps,
        "lowest": unit(tongue, low) if low is not None else "",
    }  # fmt: skip


def _step(tongue: Tongue, step: Step) -> str:
    """A step of why, in the merchant's words."""
    if step.code == "price.base":
        return tongue.plain("prices.why.base")
    title = step.params["title"] or step.params["list"]
    if step.code == "price.won":
        return tongue.plain("prices.why.won", title=title, n=step.params["min_qty"])
    return tongue.plain(
        "prices.why.passed", title=title, because=tongue.plain(f"prices.because.{step.params['because']}")
    )


@inside.post("/prices")
def save(request: Request) -> Response:
    """Keep a list's terms."""
    shop = shop_of(request)
    given = {name: field(request, name, 200) for name in TERMS}
    try:
        one = _read(given, shop.settings.zone)
        with shop.db.write() as conn:
            save_list(conn, one, shop.clock.now())
    except FairdayError as error:
        return _show(request, error, given)
    return go(f"/console/prices?{urlencode({'list': one.list, 'done': 'list_saved'})}")


def _read(given: dict[str, str], zone_name: str) -> PriceList:
    """A list's terms from a form.

    Raises:
        FairdayError: ``where`` names the field.
    """

    def moment(name: str) -> int | None:
        if not given[name]:
            return None
        try:
            at = datetime.fromisoformat(given[name]).replace(tzinfo=zone(zone_name))
            return int(at.timestamp() * 1000)
        except (ValueError, OverflowError):
            raise bad(f"{given[name][:30]!r} is not a time.", name, "Write it as 2026-11-11T00:00.") from None

    def number(name: str, scale: int) -> int | None:
        if not given[name]:
            return None
        try:
            value = Decimal(given[name].replace(",", ".").removesuffix("%")) * scale
            if value != value.to_integral_value() or abs(value) > 1_000_000:
                raise InvalidOperation
        except ArithmeticError:
            raise bad(f"{given[name][:30]!r} is not such a number.", name, "Write one such as 85 or 12.5.") from None
        return int(value)

    plain = {name: given[name] or None for name in FOR}
    return PriceList(
        list=given["list"], title=given["title"], currency=given["currency"].upper(),
        channel=plain["channel"], store=plain["store"], country=(plain["country"] or "").upper() or None,
        company=plain["company"], crowd=plain["crowd"], starts_at=moment("starts_at"), ends_at=moment("ends_at"),
        priority=number("priority", 1) or 0, factor=number("factor", 100),
    )  # fmt: skip


@inside.post("/prices/{name}/set")
def set_(request: Request, name: str) -> Response:
    """Set and take away prices of a list, as CSV."""
    shop = shop_of(request)
    written = field(request, "csv", TEXT)
    now = shop.clock.now()
    try:
        with shop.db.write() as conn:
            one = find_list(conn, name)
            if one is None:
                raise NotFound(f"There is no price list {name[:60]}.", code="unknown_price_list")
            told, gone = read_prices(written, name, one.currency)
            _must_be_sold(conn, [p.goods for p in told])
            set_prices(conn, name, told, now)
            for goods, least in gone:
                drop_prices(conn, name, goods, now, least)
    except FairdayError as error:
        return _show(request, error, None, name, written)
    return go(f"/console/prices?{urlencode({'list': name, 'done': 'prices_saved'})}")


def _must_be_sold(conn: Connection, goods: list[str]) -> None:
    known = products_named(conn, goods).keys() | variants_named(conn, goods).keys()
    unknown = next((g for g in goods if g not in known), None)
    if unknown is not None:
        raise NotFound(f"There are no goods {unknown[:60]}.", code="unknown_goods", where=unknown[:60])


@inside.post("/prices/{name}/remove")
def remove(request: Request, name: str) -> Response:
    shop = shop_of(request)
    with shop.db.write() as conn:
        delete_list(conn, name, shop.clock.now())
    return go("/console/prices?done=list_removed")
