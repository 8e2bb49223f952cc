"""What is to be made: lines of paid orders whose pieces were ordered as somebody said, by the day they are promised."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from sqlalchemy import Connection, select

from fairday.kernel.clock import local_day
from fairday.kernel.decider import State
from fairday.trade import order as rules
from fairday.trade.records import Contact, contacts, orders

WAITING = ("placed", "paid", "part_shipped")
MOST = 500


class ToMake(msgspec.Struct, frozen=True, kw_only=True):
    """Pieces of one line that are not sent yet.

    Attributes:
        order, line: where they were ordered.
        qty: how many are still to be sent.
        said: value by option, as the buyer said; a photo's id for an own photo.
        days: of making; due: the local day (days since 1970-01-01) on which they are promised to be ready.
    """

    order: str
    line: str
    sku: str
    product: str
    title: str
    form: Mapping[str, str]
    qty: int
    said: Mapping[str, str]
    ordered_at: int
    days: int
    due: int


def due_day(state: State, days: int, zone: str) -> int:
    """The local day on which pieces of an order are promised: their days of making after it was paid, or ordered on
    account."""
    return local_day(state["paid_at"] or state["placed_at"], zone) + days


def to_make(conn: Connection, state_of: Callable[[str], State | None], zone: str) -> list[ToMake]:
    """What is to be made now, the first promised first: of orders that are paid (or on account) and not sent.

    Args:
        state_of: the state of an order's stream, by its name.
        zone: IANA zone of the shop's days.
    """
    query = (
        select(orders.c.id, contacts.c.contact)
        .join(contacts, contacts.c.id == orders.c.id)
        .where(orders.c.status.in_(WAITING), contacts.c.contact.contains('"options":{"'))
        .order_by(orders.c.placed_at)
        .limit(MOST)
    )
    found = []
    for order, text in conn.execute(query).all():
        said = msgspec.json.decode(text, type=Contact).options
        state = state_of(f"order:{order}") if any(said.values()) else None
        if state is None or state["life"] != "open" or not (rules.is_paid(state) or state["on_account"]):
            continue
        for part, x in state["lines"].items():
            if said.get(part) and rules.waiting(x):
                found.append(
                    ToMake(
                        order=order, line=part, sku=x["sku"], product=x["product"], title=x["title"],
                        form=x["form"] or {}, qty=rules.waiting(x), said=said[part], ordered_at=state["placed_at"],
                        days=x["days"], due=due_day(state, x["days"], zone),
                    )
                )  # fmt: skip
    return sorted(found, key=lambda one: (one.due, one.ordered_at, one.order, one.line))


__all__ = ["ToMake", "due_day", "to_make"]
