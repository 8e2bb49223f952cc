"""What a company will likely need: each article by its own past orders, with how sure that is. Shared by both sides.

An article is ordered now and then, each time some units. How often is taken from the orders since the first (Gamma with
Jeffreys' prior over the days since then), how many from what was ordered; both together are drawn many times, always
the same, and told as the middle and the range that eight of ten draws fall into. See docs/algorithms/b2b.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection, select

from fairday.kernel.clock import local_day
from fairday.kernel.ids import digest
from fairday.storage.batch import stream_states
from fairday.trade.b2b.tables import company_orders

HORIZONS = (30, 60, 90)
"""Days ahead that can be asked for."""
DRAWS = 4_000
LEAST = 2
"""Orders of an article below which nothing is said of its future."""
LOOKS_BACK = 730
"""Days of orders that count."""
MOST_ORDERS = 1_000
_GONE = ("cancelled", "expired")


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """An article's past and its likely future.

    Attributes:
        orders, units: how many orders held it, and of how many pieces in all.
        first, last: days (since 1970) of the first and the last of them.
        every: days between two orders in the middle (the median), None below three orders.
        expected: units in the days ahead, the mean; None where too few orders tell.
        low, high: eight of ten outcomes are between these.
    """

    sku: str
    title: str
    orders: int
    units: int
    first: int
    last: int
    every: int | None = None
    expected: float | None = None
    low: int | None = None
    high: int | None = None


def need(sku: str, title: str, bought: Sequence[tuple[int, int]], today: int, ahead: int) -> Need:
    """What is to be expected of one article.

    Args:
        bought: (day, units) of each order that held it; at least one.
        ahead: days from today on.
    """
    by_day: dict[int, int] = {}
    for day, n in bought:  # what was ordered in two goes on one day was needed once
        by_day[day] = by_day.get(day, 0) + n
    days = sorted(by_day)
    units = np.array([by_day[day] for day in days], dtype=float)
    told = Need(sku=sku, title=title, orders=len(bought), units=int(units.sum()), first=days[0], last=days[-1])
    if len(days) < LEAST:
        return told
    since = max(1, today - days[0])
    luck = np.random.default_rng(int(digest("need", sku)[:8], 16))
    # The first order began the watch; the others are what came in it.
    rate = luck.gamma(len(days) - 1 + 0.5, 1 / since, DRAWS)
    times = luck.poisson(rate * ahead)
    drawn = luck.choice(units, int(times.sum()))
    sums = np.add.reduceat(np.append(drawn, 0.0), np.minimum(np.cumsum(times) - times, len(drawn)))
    sums[times == 0] = 0
    gaps = np.diff(days)
    return msgspec.structs.replace(
        told,
        every=int(np.median(gaps)) if len(gaps) >= LEAST else None,
        expected=float(sums.mean()),
        low=int(np.quantile(sums, 0.1, method="lower")),
        high=int(np.quantile(sums, 0.9, method="higher")),
    )


def needs(conn: Connection, company: str, today: int, ahead: int, zone: str) -> list[Need]:
    """What a company will likely need of everything it has ordered, what is expected most first."""
    c = company_orders.c
    query = select(c.id).where(c.company == company).order_by(c.placed_at.desc()).limit(MOST_ORDERS)
    names = [f"order:{number}" for number in conn.execute(query).scalars()]
    found: dict[str, tuple[str, list[tuple[int, int]]]] = {}
    for state in stream_states(conn, names).values():
        day = local_day(state["placed_at"], zone)
        if state["life"] in _GONE or day < today - LOOKS_BACK:
            continue
        for sku, title, units in _bought(state["lines"].values()):
            found.setdefault(sku, (title, []))[1].append((day, units))
    made = [need(sku, title, bought, today, ahead) for sku, (title, bought) in found.items()]
    return sorted(made, key=lambda x: (-(x.expected or -1), x.sku))


def _bought(lines: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str, int]]:
    for line in lines:
        units = line["qty"] - line["cancelled"] - line["returned"]
        if units > 0 and line["gift"] is None:
            yield line["sku"], line["title"], units
