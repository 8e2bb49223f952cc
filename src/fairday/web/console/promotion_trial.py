"""A promotion tried on a real cart: before and after line by line, why each rule applied or not, what is missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import Request
from sqlalchemy import Connection, select

from fairday.goods.catalogue import sold_products
from fairday.goods.offering import Wanted
from fairday.kernel.clock import local_day, local_minute
from fairday.offers import model, telling
from fairday.offers.model import Priced, Rule
from fairday.offers.overlaps import Overlap, overlaps
from fairday.offers.pricing import Book, price
from fairday.shop import Shop
from fairday.trade.cart import CartLine, cart_lines, carts
from fairday.trade.checkout import Choice
from fairday.trade.checkout.lines import priced_cart, quoted
from fairday.trade.delivery import deliveries
from fairday.trade.records import orders
from fairday.web import desk
from fairday.web.promotion_words import title
from fairday.web.render import shop_of, tongue_of

LAST = 6
"""Orders, and carts not ordered yet, to pick from."""
GOODS = 400
"""Goods that are looked at for what promotions have in common."""
_LINE = re.compile(r"(.+?)(?:\s*[x×*,，]\s*(\d{1,3}))?")


class Picked(msgspec.Struct, frozen=True):
    """A cart to try on: its name in addresses, (sku, units), and when it was filled."""

    name: str
    lines: tuple[tuple[str, int], ...]
    at: int


def last_carts(conn: Connection, shop: Shop) -> list[Picked]:
    """The last orders and carts, the latest first."""
    found = []
    rows = conn.execute(
        select(orders.c.id, orders.c.placed_at)
        .where(orders.c.placed_at.is_not(None), orders.c.mode == "b2c")
        .order_by(orders.c.placed_at.desc(), orders.c.id)
        .limit(LAST)
    )
    for order, at in rows.all():
        state = shop.orders.state(f"order:{order}")
        lines = [(x["sku"], x["qty"]) for x in (state or {}).get("lines", {}).values() if not x.get("gift")]
        if lines:
            found.append(Picked(f"order:{order}", tuple(lines), at))
    open_ = select(carts.c.cart, carts.c.updated_at).order_by(carts.c.updated_at.desc(), carts.c.cart).limit(LAST)
    for cart, at in conn.execute(open_).all():
        got = conn.execute(select(cart_lines.c.sku, cart_lines.c.qty).where(cart_lines.c.cart == cart)).all()
        if got:
            found.append(Picked(f"cart:{cart[:12]}", tuple((sku, qty) for sku, qty in got), at))
    return sorted(found, key=lambda p: -p.at)[: LAST * 2]


def written(text: str) -> list[tuple[str, int]]:
    """Articles and units as somebody writes them: one a line, ``SKU x 2``."""
    found = []
    for row in text.splitlines()[:50]:
        said = _LINE.fullmatch(row.strip())
        if said:
            found.append((said[1].strip()[:200], min(999, max(1, int(said[2] or 1)))))
    return found


def tried(request: Request, conn: Connection, rule: Rule, lines: Sequence[tuple[str, int]]) -> dict[str, Any] | None:
    """What a cart costs without and with a rule; None where nothing of it can be had."""
    shop, tongue = shop_of(request), tongue_of(request)
    settings, now = shop.settings, shop.clock.now()
    at = now if rule.when.start is None else max(now, rule.when.start)
    where = shop.goods.where("online", None, settings.country or None, None)
    offers = shop.goods.offers(conn, [Wanted(sku=sku, qty=qty) for sku, qty in lines], where, now)
    made = [
        quoted(CartLine(line=n, sku=sku, product=sku, qty=qty), offer)
        for n, ((sku, qty), offer) in enumerate(zip(lines, offers, strict=True), 1)
    ]
    had = [x for x in made if x.offer is not None]
    if not had:
        return None
    grams = sum((x.offer.weight_g or 0) * x.qty for x in had if x.offer is not None)
    worth = sum(x.offer.unit * x.qty // 10**x.offer.unit_digits for x in had if x.offer is not None)
    ways = deliveries(conn, settings.country, "", grams, worth, settings.currency)
    coupons = [(rule.id, rule.id)] if rule.when.coupon else []
    cart = priced_cart(made, Choice(), settings.country, settings, ways[0] if ways else None, coupons)
    if rule.when.payment_methods:
        cart = msgspec.structs.replace(cart, payment_method=min(rule.when.payment_methods))
    others = [r for r in shop.offers.live(conn) if r.id != rule.id]
    facts = shop.offers.facts(conn, None, None, now)
    facts = msgspec.structs.replace(facts, minute=local_minute(at, settings.zone), first_order=rule.when.first_order)
    if rule.when.who or rule.when.unless or rule.when.scene:  # it is tried as somebody it is for
        rule = msgspec.structs.replace(rule, when=msgspec.structs.replace(rule.when, who="", unless="", scene=""))
    day = local_day(at, settings.zone)
    *wide, mine = shop.offers.spread(conn, [*others, rule])
    before, after = (_priced(shop, cart, some, facts, at, day) for some in (wide, [*wide, mine]))
    known = {r.id: r for r in [*others, rule]}

    def name(rule_id: str) -> str:
        return title(tongue, known[rule_id]) if rule_id in known else rule_id

    def cash(amount: int) -> str:
        return tongue.money(amount)

    old, new = ({x.line: x for x in p.lines} for p in (before, after))
    given: dict[str, int] = {}
    for _, discounts in [*((x.line, x.discounts) for x in after.lines), ("", after.shipping_discounts)]:
        for r, n in discounts:
            given[r] = given.get(r, 0) + n
    return {
        "lines": [
            {"title": x.offer.title if x.offer else x.sku, "sku": x.sku, "qty": x.qty,
             "gross": new[x.line].gross, "before": old[x.line].price, "after": new[x.line].price}
            for x in had
        ],
        "missing": [x.sku for x in made if x.offer is None],
        "before": _sum(before), "after": _sum(after), "gross": after.gross + (after.shipping or 0),
        "shipping": after.shipping, "shipping_off": sum(n for _, n in after.shipping_discounts),
        "gifts": [(sku, n) for r, sku, n in after.gifts],
        "applied": [(name(t.rule), t.rule == rule.id, given.get(t.rule, 0)) for t in after.applied],
        "refused": [(name(t.rule), t.rule == rule.id, telling.refused(t, tongue.language, cash, name))
                    for t in sorted(after.refused, key=lambda t: t.rule != rule.id)],
        "steps": [telling.missing(m, tongue.language, cash, name) for m in after.missing if m.rule == rule.id],
        "got": any(t.rule == rule.id for t in after.applied),
        "certificate": after.certificate, "at": at, "later": at > now, "rules": len(known),
        "for_some": bool(known[rule.id].when.who or known[rule.id].when.unless) or rule.when != known[rule.id].when,
    }  # fmt: skip


def _sum(priced: Priced) -> int:
    return priced.goods + (priced.shipping or 0) - sum(n for _, n in priced.shipping_discounts)


def _priced(shop: Shop, cart: model.Cart, rules: Sequence[Rule], facts: model.Facts, at: int, day: int) -> Priced:
    book = Book(rules, shop.offers.policy, people=desk.vocabulary(shop), currency=shop.settings.currency)
    return price(cart, book, facts, at, day)


def in_the_way(request: Request, conn: Connection, rule: Rule) -> list[Overlap]:
    """The live promotions that meet a rule on goods the shop sells."""
    shop = shop_of(request)
    now, currency = shop.clock.now(), shop.settings.currency
    goods = [
        model.Line(line=p.product, sku=p.product, product=p.product, unit=p.price, qty=1, title=p.title,
                   category=p.category or "", department=p.department or "", brand=p.brand or "")
        for p in sold_products(conn)[:GOODS]
        if p.price and p.currency in (None, currency)
    ]  # fmt: skip
    live = shop.offers.live(conn)
    known = {other.id: other for other in live}
    *others, mine = shop.offers.spread(conn, [*live, rule])
    found = overlaps(mine, others, goods, now, desk.today(shop), currency=currency, policy=shop.offers.policy)
    return [msgspec.structs.replace(one, other=known[one.other.id]) for one in found]
