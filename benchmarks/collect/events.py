"""A shop's traffic as an SDK sends it: 600 to 700 bytes an event, most of them views, some of them orders."""

from __future__ import annotations

import random
from typing import Any

import msgspec

from fairday.kernel.clock import iso

CATEGORIES = ("tea", "gifts", "snacks", "kitchen", "scarves")


def event(n: int, run: str, at: int, chance: random.Random) -> dict[str, Any]:
    """The n-th event of a run, of one of a few thousand shoppers."""
    who = chance.randrange(5_000)
    product = chance.randrange(400)
    line = {
        "product_id": f"p{product}",
        "sku": f"SKU-{product:05d}",
        "name": f"Product {product} 商品",
        "category": CATEGORIES[product % 5],
        "brand": f"brand-{product % 23}",
        "price": 18.99,
        "quantity": 1,
    }
    found: dict[str, Any] = {
        "messageId": f"{run}-{n}",
        "timestamp": iso(at),
        "anonymousId": f"a-{who}",
        "integrations": {},
        "context": {
            "ip": "203.0.113.7",
            "userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15",
            "locale": "zh-CN",
            "timezone": "Asia/Shanghai",
            "page": {
                "path": f"/p/{product}",
                "url": f"https://shop.example/p/{product}?utm_source=weibo&utm_medium=social&utm_campaign=618",
                "referrer": "https://weibo.com/",
                "title": f"Product {product}",
            },
            "library": {"name": "analytics-python", "version": "2.4.0"},
        },
    }
    if n % 20 == 0:
        return found | {"type": "identify", "userId": f"u-{who}", "traits": {"email": f"user{who}@example.com"}}
    if n % 20 == 1:
        order = {"order_id": f"o-{run}-{n}", "total": 37.98, "currency": "CNY", "products": [line, line]}
        return found | {"type": "track", "event": "Order Completed", "userId": f"u-{who}", "properties": order}
    return found | {"type": "track", "event": "Product Viewed", "properties": line}


def singles(run: str, events: int, at: int) -> list[tuple[str, bytes]]:
    """(path, body) of single events, each message id once."""
    chance = random.Random(run)
    made = (event(n, run, at, chance) for n in range(events))
    return [(f"/v1/{one['type']}", msgspec.json.encode(one)) for one in made]


def batches(run: str, events: int, size: int, at: int) -> list[tuple[str, bytes]]:
    """(path, body) of batches of ``size`` events, each message id once."""
    chance = random.Random(run)
    return [
        ("/v1/batch", msgspec.json.encode({"batch": [event(start + i, run, at, chance) for i in range(size)]}))
        for start in range(0, events, size)
    ]
