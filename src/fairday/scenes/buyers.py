"""Buyers as the book of offers asks for them: traits, whether they have ordered before, arms in scenes."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from fairday.kernel.audience import Facts as Traits
from fairday.offers.model import Facts
from fairday.people.traits.folding import ORDERED
from fairday.scenes.loading import load_person
from fairday.trade.records import orders


def knowing(conn: Connection, account: str | None, person: int | None, scenes: Mapping[str, int], now: int) -> Facts:
    """What is known of a buyer; see ``offers.book.Knowing``.

    Whether an order is the first is known of members only: the shop's orders of the account are looked at as they
    stand in the transaction, and what the person bought before by any other door.
    """
    known = load_person(conn, person, now)
    first = account is not None and not _bought(known.facts) and not _ordered(conn, account)
    return Facts(
        person=None if person is None else known.facts,
        first_order=first,
        arms={scene: known.arm_in(scene, holdout).arm for scene, holdout in scenes.items()},
    )


def _bought(facts: Traits) -> bool:
    days = facts.activity.get(ORDERED)
    return days is not None and days[1][-1] > 0


def _ordered(conn: Connection, account: str) -> bool:
    stands = select(orders.c.id).where(orders.c.account == account, orders.c.status != "cancelled").limit(1)
    return conn.execute(stands).first() is not None
