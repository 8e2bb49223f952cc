"""What the demo makes up, all of it written with the source ``simulated``: addresses, consent, and shoppers' answers.

The Complete Journey holds no addresses and ends with its year, so a scene that runs after it needs people who can be
written to and who react. The reaction has a known effect planted, so that the report can be held against it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from sqlalchemy import Connection, text

from fairday.kernel.clock import DAY_MS, local_day
from fairday.kernel.settings import Settings
from fairday.storage.log import Happening

SOURCE = "simulated"
AGREED = 0.85
"""The share of households that agree to mail."""

LIFT = 0.15
"""The planted effect: the treated order this much more often than they would have."""

BASKET_DAYS = 90


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

    An order costs what the person's orders did on average, with noise. Nobody real acted.
    """
    rng = random.Random(seed)
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
        rate = orders / BASKET_DAYS * (1 + LIFT if arm == other == "treated" else 1)
        for day in range(1, days + 1):
            if rng.random() >= rate:
                continue
            total = round(amount / orders / 100 * rng.lognormvariate(-0.125, 0.5), 2)
            at = now + day * DAY_MS + rng.randrange(8 * 3_600_000)
            order = f"simulated-{scene}-{person}-{day}"
            yield Happening(
                message_id=f"simulated:order:{scene}:{person}:{day}", kind="track", name="Order Completed", at=at,
                received=at, source=SOURCE, ids=(("user_id", household),),
                body={"properties": {"order_id": order, "total": total, "currency": settings.currency, "products": []}},
            )  # fmt: skip
