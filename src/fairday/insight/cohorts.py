"""Cohorts: who ordered first in a month, how many of them came back in each month after, and what they spent."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from sqlalchemy import Connection

from fairday.insight.asked import Asked
from fairday.insight.trade import columns
from fairday.kernel.clock import to_date
from fairday.kernel.settings import Settings

COHORTS = 12
"""Months of first orders that are shown, the last being that of the period's end."""
FEWEST = 10
"""Below this many people a cohort's share is luck."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A cohort in a month: people of it who ordered, their share with its 95 % score interval, and money."""

    people: int
    share: float
    low: float
    high: float
    net: int


class Cohort(msgspec.Struct, frozen=True, kw_only=True):
    """People whose first order of all fell in a month (``2026-06``).

    Attributes:
        people: how many they are.
        cells: from the month of the first order (share 1) to the last month of the period, which may not be over.
        small: too few people for their shares to say much.
    """

    month: str
    people: int
    cells: list[Cell]
    small: bool


class Cohorts(msgspec.Struct, frozen=True, kw_only=True):
    """The last cohorts, the oldest first; ``elder``: buyers of before them, ``open``: the last month is not over."""

    cohorts: list[Cohort]
    elder: int
    open: bool


def cohorts(conn: Connection, settings: Settings, asked: Asked, now: int) -> Cohorts:
    """The section. Months after the period's are left out; days after it in its last month are in."""
    query = (
        "SELECT m.month, o.person, m.orders, m.net FROM sales_months m JOIN ownership o ON o.id = m.interval_id"
        f" WHERE m.month <= {_month(asked.last)}"
    )
    month, person, orders, net = columns(conn, query, 4)
    last = _month(asked.last)
    start = last - COHORTS + 1
    ordered = orders > 0
    people, place = np.unique(person, return_inverse=True)
    began = np.full(len(people), np.iinfo(np.int64).max)
    np.minimum.at(began, place[ordered], month[ordered])
    own = began[place]
    inside = (own >= start) & (month >= own) & (own <= last)
    shape = (COHORTS, COHORTS)
    counts = np.zeros(shape, dtype=np.int64)
    pairs = np.unique(np.stack([own, month - own, person])[:, inside & ordered], axis=1)
    np.add.at(counts, (pairs[0] - start, pairs[1]), 1)
    money = np.zeros(shape, dtype=np.int64)
    np.add.at(money, (own[inside] - start, month[inside] - own[inside]), net[inside])
    found = []
    for i in range(COHORTS):
        size = int(counts[i, 0])
        if size:
            cells = [_cell(int(counts[i, k]), size, int(money[i, k])) for k in range(COHORTS - i)]
            name = f"{(start + i) // 12}-{(start + i) % 12 + 1:02d}"
            found.append(Cohort(month=name, people=size, cells=cells, small=size < FEWEST))
    over = _month(asked.last + 1) > last
    return Cohorts(cohorts=found, elder=int((began < start).sum()), open=not over)


def _cell(people: int, of: int, net: int) -> Cell:
    p, z2 = people / of, 1.959964**2
    middle = (p + z2 / (2 * of)) / (1 + z2 / of)
    half = math.sqrt(z2 * (p * (1 - p) / of + z2 / (4 * of * of))) / (1 + z2 / of)
    return Cell(people=people, share=p, low=max(0.0, middle - half), high=min(1.0, middle + half), net=net)


def _month(day: int) -> int:
    date = to_date(day)
    return date.year * 12 + date.month - 1
