"""Guests' orders count for whom they were priced for, not for whom they are told of; see docs/algorithms/report.md.

A guest's order is told of the address that was typed; the scene met the device, or the reader of a mail's link, and the
cart was priced by their arm. What a scene caused, and which visits led to an order, is asked of the latter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from fairday.insight.touches import BACK, BY, WHOLE
from fairday.insight.trade import Ints, Trade, columns
from fairday.kernel.clock import day_start, local_day
from fairday.kernel.settings import Settings

_OWNER = (
    " JOIN timeline t ON t.pos = x.pos JOIN ownership o ON o.identifier = t.identifier AND o.from_at <= t.at"
    " AND o.until_at > t.at"
)


def placers(begin: int, end: int) -> str:
    """SQL to begin a query with: ``b``, the ``number``, ``person`` and ``at`` (ms) of the orders of a stretch of time
    (ms) whose placer is on record. One row an order, the last, whatever the log holds.
    """
    span = f"x.at >= {int(begin)} AND x.at < {int(end)}"
    # Once and for all: SQLite would look for it anew for each order, and take minutes.
    return (
        f"WITH b (number, person, at) AS MATERIALIZED (SELECT x.number, o.person, x.at FROM purchases x{_OWNER}"
        f" JOIN (SELECT x.number, max(x.pos) AS pos FROM purchases x WHERE x.n = {BY} AND {span} GROUP BY x.number) l"
        " ON l.pos = x.pos) "
    )


@dataclass(frozen=True, slots=True)
class Placed:
    """What orders told of one person but priced for another brought: a row an order, an addition or a giving back.

    Attributes:
        day: the local day it counts on.
        told, by: person numbers.
        since: the local day the order was placed.
        orders: 1 for the order itself, else 0.
        net: minor units, below 0 for what went back.
        simulated: orders that a simulation wrote.
    """

    day: Ints
    told: Ints
    by: Ints
    since: Ints
    orders: Ints
    net: Ints
    simulated: Ints

    def for_those(self, eligible: Mapping[int, int], last: int) -> Placed:
        """The rows until a day of orders whose placer was eligible (by person, the first local day) when they did."""
        kept = [eligible.get(by, since + 1) <= since for by, since in _rows(self.by, self.since)]
        part = np.array(kept, dtype=bool) & (self.day <= last)
        return Placed(*(getattr(self, name)[part] for name in self.__slots__))

    @property
    def days(self) -> dict[tuple[int, int], int]:
        """Whom what somebody is told to have ordered on a day counts for: (told, day) → by."""
        return {(told, day): by for told, day, by, n in _rows(self.told, self.day, self.by, self.orders) if n}


def placed(conn: Connection, settings: Settings, first: int, last: int) -> Placed:
    """Those of a span of local days (both included) whose orders were placed in it."""
    begin, end = day_start(first, settings.zone), day_start(last + 1, settings.zone)
    some = f"SELECT x.pos FROM purchases x WHERE x.n = {BY} AND x.at >= {begin} AND x.at < {end} LIMIT 1"
    query = (
        f"{placers(begin, end)}"
        "SELECT x.at, o.person, b.person, b.at, x.n, x.amount, CASE WHEN x.simulated THEN 1 ELSE 0 END"
        f" FROM purchases x{_OWNER} CROSS JOIN b WHERE b.number = x.number AND b.person <> o.person"
        f" AND x.n BETWEEN {BACK} AND {WHOLE} AND x.at >= {begin} AND x.at < {end}"
    )
    if not len(columns(conn, some, 1)[0]):
        return Placed(*(np.zeros(0, dtype=np.int64) for _ in Placed.__slots__))
    at, told, by, since, n, net, simulated = columns(conn, query, 7)
    orders = (n == WHOLE).astype(np.int64)
    return Placed(_days(at, settings), told, by, _days(since, settings), orders, net, simulated * orders)


def _days(at: Ints, settings: Settings) -> Ints:
    return np.array([local_day(x, settings.zone) for x in at.tolist()], dtype=np.int64)


def moved(trade: Trade, some: Placed) -> Trade:
    """Trade as it is with some orders taken from whom they are told of and given to whom they were priced for."""
    if not len(some.day):
        return trade
    sums = Trade(
        np.concatenate((trade.day, some.day, some.day)), np.concatenate((trade.person, some.told, some.by)),
        np.concatenate((trade.orders, -some.orders, some.orders)), np.concatenate((trade.net, -some.net, some.net)),
    )  # fmt: skip
    # One row a person and day, so that a day whose only order went to another is a day without one.
    keys = np.stack((sums.day, sums.person))
    (day, person), place = np.unique(keys, axis=1, return_inverse=True)
    orders, net = np.zeros(len(day), dtype=np.int64), np.zeros(len(day), dtype=np.int64)
    np.add.at(orders, place.reshape(-1), sums.orders)
    np.add.at(net, place.reshape(-1), sums.net)
    return Trade(day, person, orders, net)


def began(person: Ints, first: Ints, trade: Trade, some: Placed) -> tuple[Ints, Ints]:
    """Every buyer and the day of their first order of all, after ``moved``.

    Whoever placed an order that is told of somebody who had bought before is no new buyer; and whoever's first order
    counts for another has none.

    Args:
        person, first: as they are told.
        trade: with those orders moved.
    """
    known = dict(zip(person.tolist(), first.tolist(), strict=True))
    left = {(p, d): n for p, d, n in _rows(trade.person, trade.day, trade.orders)}
    found = dict(known)
    for told in set(some.told.tolist()):
        if left.get((told, known.get(told, -1)), 1) <= 0:
            found.pop(told, None)
    for told, by, day, n in _rows(some.told, some.by, some.day, some.orders):
        if n:
            found[by] = min(found.get(by, day), known.get(told, day), day)
    people = sorted(found)
    return np.array(people, dtype=np.int64), np.array([found[p] for p in people], dtype=np.int64)


def _rows(*arrays: Ints) -> Iterator[tuple[int, ...]]:
    return zip(*(a.tolist() for a in arrays), strict=True)
