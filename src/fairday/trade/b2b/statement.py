"""What a company was invoiced, paid and owes, read from the ledger and adding up to it."""

from __future__ import annotations

from typing import Literal

import msgspec
from sqlalchemy import Connection, or_, select

from fairday.storage.ledger import transfers
from fairday.trade.b2b.tables import company_orders

Kind = Literal["invoice", "credit_note", "payment", "refund"]
_KINDS: dict[tuple[bool, bool], Kind] = {
    (True, True): "invoice", (True, False): "credit_note", (False, False): "payment", (False, True): "refund",
}  # fmt: skip
SLICE = 200


class Entry(msgspec.Struct, frozen=True):
    """A line of a statement: ``amount`` minor units, above 0 what the company owes more by; ``balance`` after it."""

    at: int
    kind: Kind
    order: str
    amount: int
    balance: int
    due_at: int | None


class Invoice(msgspec.Struct, frozen=True):
    """What is open of an order, minor units; ``due_at`` (ms)."""

    order: str
    owed: int
    placed_at: int
    due_at: int | None


class Statement(msgspec.Struct, frozen=True):
    """``entries`` in order of time, ``open`` invoices the oldest first, ``owed`` what they add up to."""

    entries: tuple[Entry, ...]
    open: tuple[Invoice, ...]
    owed: int


def statement(conn: Connection, company: str, currency: str) -> Statement:
    """A company's statement: every transfer out of or into the accounts of its orders.

    An order's own account (``order:ID``) is debited with what is invoiced and credited with what is paid, so that what
    is owed is what it lacks.
    """
    c = company_orders.c
    rows = conn.execute(select(c.id, c.placed_at, c.due_at).where(c.company == company).order_by(c.placed_at)).all()
    orders = {f"order:{row.id}": row for row in rows}
    moved: dict[tuple[int, str, str], int] = {}
    names = list(orders)
    t = transfers.c
    for start in range(0, len(names), SLICE):
        some = names[start : start + SLICE]
        query = select(t.debit, t.credit, t.amount, t.stream, t.at).where(
            or_(t.debit.in_(some), t.credit.in_(some)), t.unit == currency
        )
        for debit, credit, amount, stream, at in conn.execute(query):
            for account, signed in ((debit, amount), (credit, -amount)):
                if account in orders:
                    key = (at, account, stream)
                    moved[key] = moved.get(key, 0) + signed
    entries, balance = [], 0
    owed = dict.fromkeys(orders, 0)
    # What is invoiced stands before what pays for it, where both are of one moment.
    for (at, order, stream), amount in sorted(moved.items(), key=lambda x: (x[0][0], x[0][1], -x[1])):
        if amount:
            balance += amount
            owed[order] += amount
            kind = _KINDS[stream == order, amount > 0]
            due_at = orders[order].due_at if kind == "invoice" else None
            entries.append(Entry(at, kind, order, amount, balance, due_at))
    left = tuple(Invoice(order, n, orders[order].placed_at, orders[order].due_at) for order, n in owed.items() if n > 0)
    return Statement(tuple(entries), left, balance)
