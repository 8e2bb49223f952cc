"""Fills a shop with a little of everything, so that pages have something to show."""

from __future__ import annotations

import random

import fairday
from fairday.kernel.clock import DAY_MS
from fairday.storage.log import Happening


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
    shop.append(sorted(rows, key=lambda h: h.at)).result()
    shop.followers.catch_up()
