"""A shop with patterns a merchant knows: regulars, some of them gone, first-timers, a category that rises."""

from __future__ import annotations

import random

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import DAY_MS
from fairday.storage.log import Happening

CATEGORIES = ("tea", "coffee", "cookies", "baby food", "beef", "candles")
FIRST_TIMERS, REGULARS, GONE, PARENTS = range(0, 40), range(40, 100), range(100, 140), range(140, 170)


def fill(shop: fairday.Shop) -> None:
    """170 people over 300 days up to yesterday, the same every time.

    Regulars order about every ten days and tea every thirty; those gone stopped 60 days ago; first-timers ordered once
    within 40 days; everybody who ordered in the last 20 days took candles.
    """
    luck, now, rows = random.Random(5), shop.clock.now(), []

    def order(who: int, days: float, *categories: str) -> None:
        at = now - int(days * DAY_MS)
        lines = [
            {"product_id": f"{c}-{luck.randrange(3)}", "category": c, "price": 20, "quantity": 1} for c in categories
        ]
        body = {"properties": {"order_id": f"o{len(rows)}", "total": 20 * len(lines), "products": lines}}
        rows.append(_said(f"o{len(rows)}", "track", "Order Completed", at, who, body))

    for who in (*REGULARS, *GONE, *PARENTS):
        last = 60 if who in GONE else 1
        day, tea = 300.0 - luck.random() * 10, 300.0
        while day > last:
            bought = ["cookies"]
            if tea - day >= 28:
                bought.append("tea")
                tea = day
            if day < 20:
                bought.append("candles")
            if who in PARENTS and luck.random() < 0.5:
                bought.append("baby food")
            order(who, day, *bought)
            day -= luck.uniform(8, 12)
    for who in FIRST_TIMERS:
        order(who, luck.uniform(10, 40), "coffee", "beef")
    for who in range(170):
        body = {"traits": {"email": f"p{who}@example.com", "name": f"P{who}"}}
        rows.append(_said(f"i{who}", "identify", "", now - 290 * DAY_MS, who, body))
        said = {"properties": {"channel": "email"}}
        rows.append(_said(f"c{who}", "track", "Consent Given", now - 280 * DAY_MS, who, said))
    shop.append(sorted(rows, key=lambda h: h.at)).result()
    with shop.db.write() as conn:
        goods = [
            ProductRow(product=f"{c}-{n}", title=f"{c.title()} {n}", category=c, price=2000, currency="CNY")
            for c in CATEGORIES
            for n in range(3)
        ]
        save_products(conn, goods, now)
    shop.catch_up()


def _said(id_: str, kind: str, name: str, at: int, who: int, body: dict[str, object]) -> Happening:
    ids = (("user_id", f"u{who}"), ("email", f"p{who}@example.com"))
    return Happening(message_id=id_, kind=kind, name=name, at=at, received=at, source="server:till", ids=ids, body=body)
