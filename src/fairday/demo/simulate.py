"""What the demo makes up, all with the source ``simulated``: addresses, consent, shoppers' answers, and visits.

The Complete Journey holds no addresses and ends with its year, so a scene that runs after it needs people who can be
written to and who react. The reaction has a known effect planted, so that the report can be held against it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, text

from fairday.kernel.audience import unpack
from fairday.kernel.clock import DAY_MS, local_day
from fairday.kernel.money import split
from fairday.kernel.settings import Settings
from fairday.storage.log import Happening

SOURCE = "simulated"
AGREED = 0.85
"""The share of households that agree to mail."""

LIFT = 0.15
"""The planted effect: the treated order this much more often than they would have."""

BASKET_DAYS = 90

TRIES, TRIES_ANYWAY = 0.35, 0.2
"""How often an order holds something of any category, among the treated and among the others."""

SHELF = 20
"""Goods of a category that are bought."""


def contacts(conn: Connection, now: int, seed: int = 1) -> Iterator[Happening]:
    """An address for every household, and for most of them consent to mail."""
    rng = random.Random(seed)
    query = text("SELECT value FROM identifiers WHERE type = 'user_id' ORDER BY id")
    for (household,) in conn.execute(query):
        ids = (("user_id", household), ("email", f"household-{household}@example.com"))
        yield Happening(
            message_id=f"simulated:address:{household}", kind="identify", at=now - DAY_MS, received=now, source=SOURCE,
            ids=ids, body={"traits": {"email": ids[1][1]}, "context": {"verified": ["email"]}},
        )  # fmt: skip
        given = rng.random() < AGREED
        yield Happening(
            message_id=f"simulated:consent:{household}", kind="track",
            name="Consent Given" if given else "Consent Withdrawn", at=now - DAY_MS, received=now, source=SOURCE,
            ids=ids, body={"properties": {"channel": "email", "purpose": "marketing"}},
        )  # fmt: skip


def answers(
    conn: Connection, settings: Settings, scene: str, now: int, days: int, seed: int = 2
) -> Iterator[Happening]:
    """Orders of the ``days`` after a scene's start: each person as often as in their last 90 days, the treated more.

    An order costs what the person's orders did on average, with noise, and is of the categories the person prefers; the
    treated more often try another one. Nobody real acted.
    """
    rng = random.Random(seed)
    held, shelf = random.Random(seed + 100), _shelf(conn)  # luck of its own: what was bought moves no order
    tastes: dict[int, list[str]] = {
        person: [c for c in unpack(packed) if c in shelf]
        for person, packed in conn.execute(
            text("SELECT person, txt FROM profile WHERE trait = 'preferred_categories' AND txt IS NOT NULL")
        )
    }
    today = local_day(now, settings.zone)
    households: dict[int, str] = dict(
        conn.execute(
            text(
                "SELECT o.person, min(i.value) FROM ownership o JOIN identifiers i ON i.id = o.identifier"
                " AND i.type = 'user_id' GROUP BY o.person"
            )
        ).all()
    )
    usual = {
        person: (orders, amount)
        for person, orders, amount in conn.execute(
            text(
                "SELECT o.person, sum(a.n), sum(a.amount) FROM activity a JOIN ownership o ON o.id = a.interval_id"
                " WHERE a.measure = 'Order Completed' AND a.day > :since GROUP BY o.person"
            ),
            {"since": today - BASKET_DAYS},
        )
    }
    people = conn.execute(
        text(
            "SELECT o.person, min(a.arm), max(a.arm) FROM scene_arms a JOIN ownership o ON o.identifier = a.identifier"
            " WHERE a.scene = :scene GROUP BY o.person ORDER BY o.person"
        ),
        {"scene": scene},
    ).all()
    for person, arm, other in people:
        household = households.get(person)
        orders, amount = usual.get(person, (0, 0))
        if not orders or household is None:
            continue
        treated = arm == other == "treated"
        rate = orders / BASKET_DAYS * (1 + LIFT if treated else 1)
        for day in range(1, days + 1):
            if rng.random() >= rate:
                continue
            total = round(amount / orders / 100 * rng.lognormvariate(-0.125, 0.5), 2)
            at = now + day * DAY_MS + rng.randrange(8 * 3_600_000)
            order = f"simulated-{scene}-{person}-{day}"
            lines = _lines(held, shelf, tastes.get(person, []), total, TRIES if treated else TRIES_ANYWAY)
            yield Happening(
                message_id=f"simulated:order:{scene}:{person}:{day}", kind="track", name="Order Completed", at=at,
                received=at, source=SOURCE, ids=(("user_id", household),),
                body={
                    "properties": {"order_id": order, "total": total, "currency": settings.currency, "products": lines}
                },
            )  # fmt: skip


def _shelf(conn: Connection) -> dict[str, list[tuple[str, str | None]]]:
    """A few goods (number, brand) of every category."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    query = text("SELECT product, category, brand FROM products WHERE category IS NOT NULL ORDER BY product")
    for product, category, brand in conn.execute(query):
        goods = found.setdefault(category, [])
        if len(goods) < SHELF:
            goods.append((product, brand))
    return found


def _lines(
    rng: random.Random, shelf: dict[str, list[tuple[str, str | None]]], liked: list[str], total: float, tries: float
) -> list[dict[str, Any]]:
    """What an order of that total holds: goods of categories that are liked, now and then one of another."""
    if not shelf:
        return []
    every = sorted(shelf)
    chosen = [rng.choice(liked or every) for _ in range(rng.randint(1, 4))]
    if rng.random() < tries:
        chosen.append(rng.choice(every))
    cents = split(round(total * 100), [rng.randint(1, 5) for _ in chosen])
    lines = []
    for category, amount in zip(chosen, cents, strict=True):
        product, brand = rng.choice(shelf[category])
        line = {"product_id": product, "category": category, "price": amount / 100, "quantity": 1}
        lines.append(line | ({"brand": brand} if brand else {}))
    return lines


# ---- visits ----------------------------------------------------------------------------------------------------------

VISITED = 0.5
"""The share of orders that somebody came by for; the others are made in a store unannounced."""

MOST_VISITS = 5

LOOKED, LOOKED_DAYS = 0.4, 14
"""The share of households that look and leave again, within so many days."""

_OPENERS = {"social": 30, "search": 22, "paid_search": 12, "referral": 10, "email": 14, "direct": 12}
_ONWARD = {
    "social": {"social": 25, "search": 35, "direct": 25, "email": 15},
    "search": {"search": 20, "direct": 45, "email": 25, "paid_search": 10},
    "paid_search": {"search": 25, "direct": 45, "email": 20, "paid_search": 10},
    "referral": {"search": 40, "direct": 40, "email": 20},
    "email": {"direct": 55, "email": 30, "search": 15},
    "direct": {"direct": 50, "email": 30, "search": 20},
}
_ENTRANCES: dict[str, tuple[dict[str, Any], ...]] = {
    "social": (
        {"page": {"referrer": "https://www.instagram.com/"}},
        {"page": {"referrer": "https://l.facebook.com/"}},
        {"page": {"referrer": ""}, "campaign": {"source": "xiaohongshu", "medium": "social", "name": "winter-table"}},
    ),
    "search": ({"page": {"referrer": "https://www.google.com/"}}, {"page": {"referrer": "https://www.bing.com/"}}),
    "paid_search": ({"page": {"referrer": "https://www.google.com/"},
                     "campaign": {"source": "google", "medium": "cpc", "name": "groceries"}},),
    "referral": ({"page": {"referrer": "https://recipes.example/soup"}},),
    "email": ({"page": {"referrer": ""}, "campaign": {"source": "newsletter", "medium": "email", "name": "weekly"}},),
    "direct": ({"page": {"referrer": ""}},),
}  # fmt: skip


def visits(conn: Connection, settings: Settings, now: int, days: int = 60, seed: int = 3) -> Iterator[Happening]:
    """Visits of the last ``days``: before half of the orders one to five, and some that led nowhere.

    Social media and search open most paths, mail and direct visits close most, so that models differ. Nobody came.
    """
    rng = random.Random(seed)
    orders = conn.execute(
        text(
            "SELECT i.value, p.at FROM purchases p JOIN timeline t ON t.pos = p.pos JOIN identifiers i"
            " ON i.id = t.identifier AND i.type = 'user_id' WHERE p.n = 1 AND p.at >= :since ORDER BY p.pos"
        ),
        {"since": now - days * DAY_MS},
    ).all()
    ends = [(household, at) for household, at in orders if rng.random() < VISITED]
    everyone = conn.execute(text("SELECT value FROM identifiers WHERE type = 'user_id' ORDER BY id")).scalars()
    ends += [(household, now - rng.randrange(LOOKED_DAYS * DAY_MS)) for household in everyone if rng.random() < LOOKED]
    for number, (household, end) in enumerate(ends):
        channel, weights = "", _OPENERS
        steps = min(MOST_VISITS, 1 + int(rng.expovariate(0.6)))
        left = sorted((rng.randrange(3_600_000, 5 * DAY_MS) for _ in range(steps)), reverse=True)
        for step, before in enumerate(left):
            weights = _ONWARD[channel] if channel else weights
            channel = rng.choices(list(weights), list(weights.values()))[0]
            context = rng.choice(_ENTRANCES[channel])
            page = {"url": f"{settings.public_url}/", "path": "/", **context["page"]}
            yield Happening(
                message_id=f"simulated:visit:{number}:{step}", kind="page", at=end - before, received=end - before,
                source=SOURCE, ids=(("user_id", household),), body={"context": {**context, "page": page}},
            )  # fmt: skip
