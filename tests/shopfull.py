"""Fills a shop with a little of everything, so that pages have something to show."""

from __future__ import annotations

import random

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.intake.keys import create_key
from fairday.intake.rejections import keep_rejected, rejection
from fairday.kernel.clock import DAY_MS
from fairday.people import audiences
from fairday.people.identity import ids_of, person_of
from fairday.reach import delivery, outbox
from fairday.scenes.arms import Meeting
from fairday.storage.log import Happening

SCENE = """\
scene: tea-season
title: {zh: 春茶上市, en: Spring tea, es: Té de primavera}
when: {dates: 2026-05-01..2026-09-01}
what:
  floors:
    - title: {zh: 新茶到店, en: Fresh tea, es: Té fresco}
      goods: "category = 'tea'"
      rank: personal
    - title: {zh: 送给家人, en: For your family, es: Para tu familia}
      unless: "age < 18"
      goods: "category = 'gifts'"
where: [page, email]
guard: {holdout: 10%}
goal: {metric: revenue, within: 14d}
"""


def fill(shop: fairday.Shop) -> None:
    """A month of a small tea shop: 40 people, their visits and orders; the same every time."""
    luck, now, rows = random.Random(7), shop.clock.now(), []
    for n in range(300):
        who = luck.randrange(40)
        product = luck.randrange(12)
        name = luck.choice(["Product Viewed", "Product Viewed", "Order Completed"])
        line = {"product_id": f"tea-{product}", "name": f"Tea {product}", "category": "tea", "price": 68, "quantity": 1}
        properties = line if name == "Product Viewed" else {"order_id": f"o{n}", "total": 68, "products": [line]}
        at = now - luck.randrange(30 * DAY_MS)
        rows.append(
            Happening(
                message_id=f"full-{n}", kind="track", name=name, at=at, received=at, source="website",
                ids=(("user_id", f"u{who}"), ("email", f"li{who}@example.com")),
                body={"properties": properties},
            )
        )  # fmt: skip
    for who in range(40):
        rows.append(
            _said(f"i{who}", "identify", "", now - DAY_MS, who, {"traits": {"name": f"Li {who}", "age": 16 + who}})
        )
        rows.append(_said(f"c{who}", "track", "Consent Given", now, who, {"properties": {"channel": "email"}}))
    shop.append(sorted(rows, key=lambda h: h.at)).result()
    with shop.db.write() as conn:
        goods = [
            ProductRow(
                product=f"tea-{n}", title=f"Tea {n}", category=("tea", "gifts")[n % 2], price=6800, currency="CNY"
            )
            for n in range(12)
        ]
        save_products(conn, goods, now)
        create_key(conn, "web shop", "browser", now)
        keep_rejected(conn, [rejection(now, "browser:web shop", "no_id", "Nobody.", b"{}")], shop.settings.zone)
        audiences.save(conn, "buyers", "orders(90d) >= 1", shop.settings, now)
    start_scene(shop)
    shop.followers.catch_up()
    with shop.db.write() as conn:
        outbox.plan(conn, [_mail(conn, n) for n in range(6)], now)
    delivery.deliver_locally(shop.db, now, shop.settings.zone)
    shop.followers.catch_up()


def _said(id_: str, kind: str, name: str, at: int, who: int, body: dict[str, object]) -> Happening:
    ids = (("user_id", f"u{who}"), ("email", f"li{who}@example.com"))
    return Happening(message_id=id_, kind=kind, name=name, at=at, received=at, source="website", ids=ids, body=body)


def _mail(conn: object, n: int) -> outbox.Planned:
    person = person_of(conn, "email", f"li{n}@example.com")  # type: ignore[arg-type]
    assert person is not None
    number = next(i.number for i in ids_of(conn, person) if i.type == "email")  # type: ignore[arg-type]
    meeting = Meeting(scene="tea-season", version=1, phase="run", occasion=20574, touchpoint="email",
                      withheld="no_consent" if n % 3 == 2 else "")  # fmt: skip
    return outbox.Planned(
        meeting=meeting, channel="email", identifier=number, person=person, address=f"li{n}@example.com", language="en",
        subject="Spring tea", html="<p>Tea</p><script>alert(1)</script>", text="Tea", token=f"token-{n}",
    )  # fmt: skip


def start_scene(shop: fairday.Shop) -> None:
    """Save and start the tea season."""
    spec = shop.save_scene(SCENE)
    shop.move_scene("start", spec.scene)
