"""What activity sums to for the whole shop and by day: kept beside it, so that a report reads no person's buckets.

Always equal to sums over ``activity`` (a test compares them); written in the same transactions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import TypeVar

from sqlalchemy import BigInteger, Connection, Integer, String, Table, select, text

from fairday.kernel.clock import to_date
from fairday.people.tables import activity
from fairday.people.traits.folding import ORDERED, REFUNDED
from fairday.storage.bulk import insert_rows
from fairday.storage.database import col, metadata

CATEGORY = "bought:category="

tally = Table(
    "tally",
    metadata,
    col("measure", String(256), primary_key=True, personal=False),
    col("day", Integer, primary_key=True, autoincrement=False, personal=False),
    col("n", BigInteger, nullable=False, personal=False),
    col("amount", BigInteger, nullable=False, personal=False),
    sqlite_with_rowid=False,
)
"""The whole shop by day: orders, refunds and what was bought of each category. ``amount`` in minor units."""

sales = Table(
    "sales",
    metadata,
    col("day", Integer, primary_key=True, autoincrement=False, personal=True),
    col("interval_id", BigInteger, primary_key=True, autoincrement=False, personal="interval"),
    col("orders", BigInteger, nullable=False, personal=True),
    col("net", BigInteger, nullable=False, personal=True),
    sqlite_with_rowid=False,
)
"""Orders of an ownership interval on a day; ``net`` is money less refunds, minor units."""

sales_months = Table(
    "sales_months",
    metadata,
    col("month", Integer, primary_key=True, autoincrement=False, personal=True),
    col("interval_id", BigInteger, primary_key=True, autoincrement=False, personal="interval"),
    col("orders", BigInteger, nullable=False, personal=True),
    col("net", BigInteger, nullable=False, personal=True),
    sqlite_with_rowid=False,
)
"""The same by month: ``month`` is year × 12 + month - 1 (``month_of``)."""

TABLES = (tally, sales, sales_months)

Row = tuple[int, str, int, int, int]
"""interval, measure, day, n, amount: a row of ``activity``."""

_TALLIED = f"(measure IN ('{ORDERED}', '{REFUNDED}') OR measure LIKE '{CATEGORY}%')"


@lru_cache(maxsize=4096)
def month_of(day: int) -> int:
    """The month a day falls in, counted from the year 0."""
    date = to_date(day)
    return date.year * 12 + date.month - 1


def add(conn: Connection, rows: Iterable[Row], sign: int = 1) -> None:
    """Add buckets that ``activity`` gained, or with -1 take off what it lost."""
    shop: dict[tuple[str, int], list[int]] = {}
    days: dict[tuple[int, int], list[int]] = {}
    months: dict[tuple[int, int], list[int]] = {}
    for interval, measure, day, n, amount in rows:
        if measure == ORDERED:
            orders, net = sign * n, sign * amount
        elif measure == REFUNDED:
            orders, net = 0, -sign * amount
        elif measure.startswith(CATEGORY):
            _sum(shop, (measure, day), sign * n, sign * amount)
            continue
        else:
            continue
        _sum(shop, (measure, day), sign * n, sign * amount)
        _sum(days, (day, interval), orders, net)
        _sum(months, (month_of(day), interval), orders, net)
    for table, sums in ((tally, shop), (sales, days), (sales_months, months)):
        columns = tuple(c.name for c in table.columns)
        insert_rows(conn, table, columns, [(*key, *value) for key, value in sorted(sums.items())], _plus(table))


_Key = TypeVar("_Key", tuple[str, int], tuple[int, int])


def _sum(into: dict[_Key, list[int]], key: _Key, a: int, b: int) -> None:
    cell = into.setdefault(key, [0, 0])
    cell[0] += a
    cell[1] += b


@lru_cache
def _plus(table: Table) -> str:
    keys = ", ".join(c.name for c in table.primary_key)
    sums = ", ".join(
        f"{c.name} = {table.name}.{c.name} + excluded.{c.name}" for c in table.columns if not c.primary_key
    )
    return f"ON CONFLICT ({keys}) DO UPDATE SET {sums}"


def withdraw(conn: Connection, intervals: Collection[int], days: tuple[int | None, int | None] = (None, None)) -> None:
    """Take off what intervals did in a span of days, before their buckets are deleted."""
    c = activity.c
    query = select(c.interval_id, c.measure, c.day, c.n, c.amount).where(text(_TALLIED))
    if days[0] is not None:
        query = query.where(c.day >= days[0])
    if days[1] is not None:
        query = query.where(c.day <= days[1])
    held = sorted(intervals)
    for start in range(0, len(held), 500):
        part = query.where(c.interval_id.in_(held[start : start + 500]))
        add(conn, conn.execute(part), -1)


def missing(conn: Connection) -> bool:
    """Whether activity is older than these tables and has not been summed yet."""
    if conn.execute(select(tally.c.day).limit(1)).first() is not None:
        return False
    return conn.execute(select(activity.c.day).where(activity.c.measure == ORDERED).limit(1)).first() is not None


def refill(conn: Connection) -> None:
    """Sum activity from nothing."""
    for table in TABLES:
        conn.execute(table.delete())
    c = activity.c
    query = select(c.interval_id, c.measure, c.day, c.n, c.amount).where(text(_TALLIED))
    found = conn.execute(query.execution_options(yield_per=20_000))
    for part in found.partitions():
        add(conn, part)
