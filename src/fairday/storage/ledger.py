"""The ledger: double entry. A transfer debits one account and credits another; balances are folds of transfers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, Connection, Index, String, Table, case, func, or_, select

from fairday.kernel.decider import Transfer
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import split
from fairday.storage.database import col, metadata

transfers = Table(
    "transfers",
    metadata,
    col("key", String(200), primary_key=True, personal=False),
    col("debit", String(120), nullable=False, personal=False),
    col("credit", String(120), nullable=False, personal=False),
    col("unit", String(24), nullable=False, personal=False),
    col("amount", BigInteger, nullable=False, personal=False),
    col("stream", String(200), nullable=False, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
    Index("transfers_debit", "debit", "unit"),
    Index("transfers_credit", "credit", "unit"),
)
"""One row is both legs: ``amount`` of ``unit`` leaves ``debit`` and reaches ``credit``. The business key is unique."""


def post(conn: Connection, made: Sequence[tuple[Transfer, str]], at: int) -> None:
    """Write transfers, each with the stream that made it, in the caller's transaction.

    Raises:
        FairdayError: an amount that is not a positive integer, or an account paying itself.
        IntegrityError: a business key that has been used.
    """
    for transfer, _ in made:
        if transfer.amount <= 0 or transfer.debit == transfer.credit:
            raise FairdayError(
                f"Transfer {transfer.key!r} must move a positive amount between two accounts.",
                code="bad_transfer",
            )
    if made:
        conn.execute(
            transfers.insert(),
            [
                {"key": t.key, "debit": t.debit, "credit": t.credit, "unit": t.unit, "amount": t.amount,
                 "stream": stream, "at": at}
                for t, stream in made
            ],
        )  # fmt: skip


def balance(conn: Connection, account: str, unit: str) -> int:
    """What an account holds of a unit: credits less debits."""
    signed = case((transfers.c.credit == account, transfers.c.amount), else_=-transfers.c.amount)
    query = select(func.coalesce(func.sum(signed), 0)).where(
        or_(transfers.c.debit == account, transfers.c.credit == account), transfers.c.unit == unit
    )
    return int(conn.execute(query).scalar_one())


def reversal(recorded: Iterable[Transfer], part: int, whole: int, already: int, suffix: str) -> list[Transfer]:
    """Transfers that give back a share of recorded ones, exact to the unit however often it is done in parts.

    Args:
        recorded: what was posted when the thing was bought.
        part: how much of ``whole`` is refunded now, in the same measure (minor units paid).
        whole: what was paid in all.
        already: how much of ``whole`` was refunded before.
        suffix: makes the keys unique (the refund's id).

    Returns:
        The transfers turned round; their running sums over all refunds equal the cumulative share rounded by the
        largest remainder of [refunded, kept], so refunding everything in any parts returns everything.
    """
    if part <= 0 or already < 0 or already + part > whole:
        raise FairdayError("A refund may not exceed what was paid.", code="refund_exceeds_payment")
    back = []
    for t in recorded:
        upto = split(t.amount, (already + part, whole - already - part))[0]
        before = split(t.amount, (already, whole - already))[0]
        if upto > before:
            back.append(Transfer(f"{t.key}:{suffix}", t.credit, t.debit, t.unit, upto - before))
    return back
