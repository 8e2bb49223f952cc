"""Orders and visits as arrays, one row a person and day; what the sections of a report are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from fairday.people.tables import OPEN

Ints = NDArray[np.int64]
VIEWS = ("Page Viewed", "Screen Viewed", "Product Viewed")
"""What counts as a visit: a person who did one of these on a day visited on that day."""


@dataclass(frozen=True, slots=True)
class Trade:
    """Orders of a span of days: arrays of equal length, by day.

    Attributes:
        day: local days.
        person: person numbers.
        orders: how many were completed.
        net: money less refunds, minor units.
    """

    day: Ints
    person: Ints
    orders: Ints
    net: Ints

    def between(self, first: int, last: int) -> Trade:
        """The rows of a span of days within this one."""
        part = slice(*np.searchsorted(self.day, (first, last + 1)))
        return Trade(self.day[part], self.person[part], self.orders[part], self.net[part])


def columns(conn: Connection, query: str, n: int) -> list[Ints]:
    """The whole numbers of a query's ``n`` columns as arrays."""
    # From the driver's own cursor: a report reads tens of thousands of rows, and wrapping each costs more than reading.
    with conn.exec_driver_sql(query) as result:
        assert result.cursor is not None
        rows = result.cursor.fetchall()
    flat = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=n * len(rows)).reshape(-1, n)
    return [np.ascontiguousarray(flat[:, i]) for i in range(n)]


def trade(conn: Connection, first: int, last: int) -> Trade:
    """The orders of a span of days (both included)."""
    query = (
        "SELECT s.day, o.person, s.orders, s.net FROM sales s JOIN ownership o ON o.id = s.interval_id"
        f" WHERE s.day BETWEEN {int(first)} AND {int(last)} ORDER BY s.day"
    )
    return Trade(*columns(conn, query, 4))


def first_orders(conn: Connection) -> tuple[Ints, Ints]:
    """Every buyer (ascending) and the day of their first order."""
    query = "SELECT person, lo FROM profile WHERE trait = 'first_order_day' AND lo IS NOT NULL ORDER BY person"
    person, day = columns(conn, query, 2)
    return person, day


def visits(conn: Connection, first: int, last: int) -> tuple[Ints, Ints]:
    """Each (day, person) with a visit, once."""
    names = ", ".join(f"'{v}'" for v in VIEWS)
    query = (
        "SELECT DISTINCT a.day, o.person FROM activity a JOIN ownership o ON o.id = a.interval_id"
        f" WHERE a.measure IN ({names}) AND a.day BETWEEN {int(first)} AND {int(last)} AND a.n > 0 ORDER BY a.day"
    )
    day, person = columns(conn, query, 2)
    return day, person


def known(conn: Connection) -> int:
    """How many people the shop knows."""
    return int(conn.execute(text("SELECT count(DISTINCT person) FROM ownership")).scalar_one())


def reachable(conn: Connection) -> set[int]:
    """People who own a mail address now."""
    owned = "FROM ownership o JOIN identifiers i ON i.id = o.identifier AND i.type = 'email' WHERE o.until_at = :open"
    return set(conn.execute(text(f"SELECT DISTINCT o.person {owned}"), {"open": OPEN}).scalars())
