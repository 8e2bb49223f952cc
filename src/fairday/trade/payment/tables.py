"""What a payment's stream says, where it can be looked for: guard rows of the runner, and the days that were matched.

Rows are written piece by piece as events come, so all but the keys may be empty.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, Integer, String, Table, Text, select

from fairday.storage.database import col, metadata

payments = Table(
    "payments",
    metadata,
    col("stream", String(64), primary_key=True, personal=False),
    col("pays", String(120), index=True, personal=False),
    col("method", String(16), personal=False),
    col("channel", String(16), personal=False),
    col("status", String(12), personal=False),
    col("made", String(8), personal=False),
    col("amount", BigInteger, personal=False),
    col("currency", String(3), personal=False),
    col("refunded", BigInteger, personal=False),
    col("trade", String(64), personal=False),
    col("problem", String(32), personal=False),
    col("created", BigInteger, index=True, personal=False),
    col("expires", BigInteger, personal=False),
    col("paid_at", BigInteger, index=True, personal=False),
    col("ask_at", BigInteger, index=True, personal=False),
)
"""``made``: "order" when the money counted for what it was paid for, "refund" when it came too late and goes back.
``ask_at``: when (ms) the provider is asked next, empty when it has nothing more to say."""

payment_refunds = Table(
    "payment_refunds",
    metadata,
    col("payment", String(64), primary_key=True, personal=False),
    col("refund", String(24), primary_key=True, personal=False),
    col("amount", BigInteger, personal=False),
    col("status", String(12), personal=False),
    col("why", String(100), personal=False),
    col("trade", String(64), personal=False),
    col("asked_at", BigInteger, personal=False),
    col("done_at", BigInteger, index=True, personal=False),
)

payment_days = Table(
    "payment_days",
    metadata,
    col("method", String(16), primary_key=True, personal=False),
    col("day", Integer, primary_key=True, personal=False),
    col("state", String(12), nullable=False, personal=False),
    col("found", Text, nullable=False, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
)
"""The match of a provider's day, three ways: ``state`` is matched, differs or waiting (no bill yet)."""


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment as it stands."""

    stream: str
    pays: str
    method: str
    channel: str
    status: str
    made: str | None
    amount: int
    currency: str
    refunded: int
    trade: str | None
    problem: str | None
    created: int
    expires: int
    paid_at: int | None
    ask_at: int | None


@dataclass(frozen=True, slots=True)
class RefundRow:
    """A refund as it stands."""

    payment: str
    refund: str
    amount: int
    status: str
    why: str
    trade: str | None
    asked_at: int
    done_at: int | None


def due(conn: Connection, now: int, limit: int = 50) -> list[tuple[str, int]]:
    """Payments whose provider is to be asked, the longest overdue first: (stream, ask_at)."""
    query = select(payments.c.stream, payments.c.ask_at).where(payments.c.ask_at <= now)
    return [(s, a) for s, a in conn.execute(query.order_by(payments.c.ask_at, payments.c.stream).limit(limit))]


def get(conn: Connection, stream: str) -> PaymentRow | None:
    """One payment, or None."""
    row = conn.execute(select(payments).where(payments.c.stream == stream)).one_or_none()
    return None if row is None else PaymentRow(**row._mapping)


def of(conn: Connection, pays: str) -> list[PaymentRow]:
    """The payments made for a stream, the oldest first."""
    query = select(payments).where(payments.c.pays == pays).order_by(payments.c.created, payments.c.stream)
    return [PaymentRow(**row._mapping) for row in conn.execute(query)]


def page(
    conn: Connection, *, method: str = "", status: str = "", before: tuple[int, str] | None = None, limit: int = 50
) -> list[PaymentRow]:
    """Payments, the newest first; ``status`` may also be "problem"; ``before``: (created, stream) of the last seen."""
    query = select(payments)
    if method:
        query = query.where(payments.c.method == method)
    if status == "problem":
        query = query.where(payments.c.problem.is_not(None))
    elif status:
        query = query.where(payments.c.status == status)
    if before is not None:
        at, stream = before
        older = (payments.c.created < at) | ((payments.c.created == at) & (payments.c.stream < stream))
        query = query.where(older)
    query = query.order_by(payments.c.created.desc(), payments.c.stream.desc()).limit(limit)
    return [PaymentRow(**row._mapping) for row in conn.execute(query)]


def refunds_of(conn: Connection, stream: str) -> list[RefundRow]:
    """A payment's refunds, the oldest first."""
    t = payment_refunds
    query = select(t).where(t.c.payment == stream).order_by(t.c.asked_at, t.c.refund)
    return [RefundRow(**row._mapping) for row in conn.execute(query)]
