"""The ledger: double entry. A transfer debits one account and credits another; balances are folds of transfers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import BigInteger, Connection, Index, String, Table, case, func, or_, select

from fairday.kernel.decider import Transfer
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import split
from fairday.storage.bulk import insert_rows
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


def check(made: Iterable[Transfer]) -> None:
    """Refuse what is not a transfer.

    Raises:
        FairdayError: an amount that is not a positive integer, or an account paying itself.
    """
    for transfer in made:
        if type(transfer.amount) is not int or transfer.amount <= 0 or transfer.debit == transfer.credit:
            raise FairdayError(
                f"Transfer {transfer.key!r} must move a positive integer amount between two accounts.",
                code="bad_transfer",
            )


def post(conn: Connection, made: Sequence[tuple[Transfer, str, int]]) -> None:
    """Write transfers, each with the stream that made it and when (ms), in the caller's transaction.

    Raises:
        FairdayError: as ``check``.
        IntegrityError: a business key that has been used.
    """
    check(t for t, _, _ in made)
    rows = sorted((t.key, t.debit, t.credit, t.unit, t.amount, stream, at) for t, stream, at in made)
    insert_rows(conn, transfers, ("key", "debit", "credit", "unit", "amount", "stream", "at"), rows)


def balance(conn: Connection, account: str, unit: str) -> int:
    """What an account holds of a unit: credits less debits."""
    signed = case((transfers.c.credit == account, transfers.c.amount), else_=-transfers.c.amount)
    query = select(func.coalesce(func.sum(signed), 0)).where(
        or_(transfers.c.debit == account, transfers.c.credit == account), transfers.c.unit == unit
    )
    return int(conn.execute(query).scalar_one())


def reversal(
    recorded: Iterable[Transfer], returned: Mapping[str, int], part: int, whole: int, already: int, suffix: str
) -> list[Transfer]:
    """Transfers that give back a share of recorded ones, exact to the unit however often it is done in parts.

    Args:
        recorded: what was posted when the thing was bought.
        returned: how much of each was given back before, by the recorded transfer's key.
        part: how much of ``whole`` is refunded now, in the same measure (minor units paid).
        whole: what was paid in all.
        already: how much of ``whole`` was refunded before.
        suffix: makes the keys unique (the refund's id).

    Returns:
        The transfers turned round. Of each unit, what has been given back after this refund is that unit's total
        times the refunded share of ``whole``, rounded half up; it is spread over the transfers by what is left of
        each with the largest remainder. So where the transfers are the payment itself, exactly ``part`` goes back,
        no transfer gives back more than it took, and refunding everything in any parts returns everything.

    Raises:
        FairdayError: more than was paid.
    """
    if part <= 0 or already < 0 or already + part > whole:
        raise FairdayError(
            "A refund may not exceed what was paid.",
            code="refund_exceeds_payment",
            remedy=f"At most {max(0, whole - already)} is left to refund.",
        )
    units: dict[str, list[Transfer]] = {}
    for transfer in recorded:
        units.setdefault(transfer.unit, []).append(transfer)
    back = []
    for unit, of_unit in units.items():
        total = sum(t.amount for t in of_unit)
        due = split(total, (already + part, whole - already - part))[0] - sum(returned.get(t.key, 0) for t in of_unit)
        left = [t.amount - returned.get(t.key, 0) for t in of_unit]
        if due <= 0:
            continue
        for t, amount in zip(of_unit, split(due, left), strict=True):
            if amount:
                back.append(Transfer(f"{t.key}:{suffix}", t.credit, t.debit, unit, amount))
    return back
