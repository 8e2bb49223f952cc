"""Where orders come from: what each channel is credited with, under every model side by side.

A path is a person's visits by channel in the days before an order; the models are ``fairday.models.attribution`` and
their rules, like those of paths, stand in docs/algorithms/attribution.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, get_args

import msgspec
import numpy as np
from sqlalchemy import Connection, text

from fairday.insight.asked import Asked
from fairday.insight.channels import CHANNELS
from fairday.insight.placed import placers
from fairday.insight.touches import MORE, WHOLE
from fairday.kernel.clock import DAY_MS, day_start, to_date
from fairday.kernel.money import major, split
from fairday.kernel.settings import Settings
from fairday.models import attribution
from fairday.models.attribution import Credits, Paths
from fairday.models.attribution.paths import Floats, Ints

Model = Literal[
    "last_non_direct", "last", "first", "linear", "linear_unique", "position", "time_decay", "markov1", "markov2",
    "markov3",
]  # fmt: skip
MODELS: tuple[Model, ...] = get_args(Model)

Group = Literal["email", "search", "social", "direct", "other"]
GROUPS: tuple[Group, ...] = get_args(Group)
_GROUP: dict[str, Group] = {
    "email": "email", "search": "search", "paid_search": "search", "social": "social", "paid_social": "social",
    "direct": "direct",
}  # fmt: skip

PAY_MS = 60 * DAY_MS
"""An order that was placed longer before it was paid than this is nobody's but whose it is told of."""

VISIT_MS = 30 * 60_000
"""Touches that follow one another within this are one visit while the channel stays, or where they say "direct"."""

FEW = 30
"""Below this many orders with a known visit, shares are noise and are said to be."""


class SourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A channel: its visits in the period, the people who came by it, and how many of its visits a simulation wrote."""

    channel: str
    visits: int
    people: int
    simulated: int


class ModelCredits(msgspec.Struct, frozen=True, kw_only=True):
    """What a model credits each channel with, in the order of ``Sources.rows``.

    Attributes:
        orders: may be fractions; they sum to the credited orders.
        revenue: minor units; they sum to the credited revenue, exactly.
    """

    model: Model
    orders: Sequence[float]
    revenue: Sequence[int]


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Orders and revenue of a period by channel; amounts are minor units of ``currency``, before returns.

    Attributes:
        rows: the channels somebody came by, most visits first.
        models: one for each of ``MODELS`` where there is anything to credit.
        orders, revenue: of orders with at least one known visit in the ``lookback`` days before them.
        unknown_orders, unknown_revenue: of orders without one; no model credits them.
        nulls: people who came and had not ordered since, by the period's end.
        p_conv: the share of paths that ended in an order, or None without paths.
        simulated_orders: of the credited orders, those a simulation wrote.
    """

    currency: str
    first: int
    last: int
    lookback: int
    rows: Sequence[SourceRow]
    models: Sequence[ModelCredits]
    orders: int
    revenue: int
    unknown_orders: int
    unknown_revenue: int
    nulls: int
    p_conv: float | None
    simulated_orders: int

    @property
    def few(self) -> bool:
        """Whether there are too few orders for shares to mean much."""
        return self.orders < FEW

    @property
    def simulated(self) -> int:
        """How many of the visits a simulation wrote."""
        return sum(row.simulated for row in self.rows)

    @property
    def groups(self) -> tuple[Group, ...]:
        """What ``picture`` gives shares of, in order."""
        return GROUPS

    def picture(self, metric: str = "revenue") -> list[tuple[Model, list[float]]]:
        """For each model the share of each of ``GROUPS`` in what is credited: of revenue, or of orders."""
        found = []
        for one in self.models:
            credited: Sequence[float] = one.revenue if metric == "revenue" and self.revenue else one.orders
            shares = dict.fromkeys(GROUPS, 0.0)
            for row, amount in zip(self.rows, credited, strict=True):
                shares[_GROUP.get(row.channel, "other")] += amount
            whole = sum(shares.values())
            found.append((one.model, [s / whole if whole else 0.0 for s in shares.values()]))
        return found


def sources(conn: Connection, settings: Settings, asked: Asked, now: int) -> Sources:
    """The section of a report that says where its period's orders come from."""
    begin, end = day_start(asked.first, settings.zone), day_start(asked.last + 1, settings.zone)
    lookback = settings.lookback * DAY_MS
    visits = _visits(conn, begin - lookback, end)
    # Nobody is credited with an order from before the first visit, nor does one cut a path.
    seen_from = int(visits.at.min()) if len(visits.at) else end
    orders = _orders(conn, max(begin - lookback, seen_from), end)
    paths, credited = _paths(visits, orders, begin, end, lookback)
    whole, worth = _whole(conn, begin, end)
    known = int(credited.sum())
    revenue = int(orders.amount[credited].sum())
    inside = visits.at >= begin
    seen = np.bincount(visits.channel[inside], minlength=len(CHANNELS))
    made = np.bincount(visits.channel[inside & visits.simulated], minlength=len(CHANNELS))
    pairs = np.unique(visits.channel[inside] * np.int64(visits.size) + visits.person[inside])
    people = np.bincount(pairs // max(visits.size, 1), minlength=len(CHANNELS))
    touched = np.bincount(paths.codes, minlength=len(CHANNELS))
    shown = sorted(np.flatnonzero(seen + touched).tolist(), key=lambda c: (-seen[c], c))
    rows = [
        SourceRow(channel=CHANNELS[c], visits=int(seen[c]), people=int(people[c]), simulated=int(made[c]))
        for c in shown
    ]
    ended = float(paths.conversions.sum() + paths.nulls.sum())
    return Sources(
        currency=settings.currency,
        first=asked.first,
        last=asked.last,
        lookback=settings.lookback,
        rows=rows,
        models=_credits(_only(paths, shown), revenue) if known else [],
        orders=known,
        revenue=revenue,
        unknown_orders=whole - known,
        unknown_revenue=worth - revenue,
        nulls=int(paths.nulls.sum()),
        p_conv=known / ended if ended else None,
        simulated_orders=int(orders.simulated[credited].sum()),
    )


# ---- visits and orders -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Visits:
    """Visits by person and time: whose, when (ms), the channel's code, whether a simulation wrote it.

    ``size`` is above every person's place.
    """

    people: Ints
    person: Ints
    at: Ints
    channel: Ints
    simulated: np.ndarray[tuple[int], np.dtype[np.bool_]]

    @property
    def size(self) -> int:
        return len(self.people)


@dataclass(frozen=True)
class _Orders:
    """Orders by person and time: whose (a number), when (ms), worth (minor units), whether a simulation wrote it."""

    person: Ints
    at: Ints
    amount: Ints
    simulated: np.ndarray[tuple[int], np.dtype[np.bool_]]


_OWNED = (
    " JOIN timeline t ON t.pos = x.pos JOIN ownership o ON o.identifier = t.identifier AND o.from_at <= t.at"
    " AND o.until_at > t.at"
)
_CODES = " ".join(f"WHEN '{name}' THEN {i}" for i, name in enumerate(CHANNELS))


def _table(conn: Connection, query: str, columns: int) -> Ints:
    """The whole numbers a query gives, a row each; past SQLAlchemy, which takes longer over a row than the database."""
    cursor: Any = conn.connection.cursor()
    try:
        cursor.execute(query)
        rows = cursor.fetchall()
    finally:
        cursor.close()
    return np.fromiter(chain.from_iterable(rows), np.int64, columns * len(rows)).reshape(-1, columns)


def _within(begin: int, end: int) -> str:
    return f" WHERE x.at >= {int(begin)} AND x.at < {int(end)}"


def _visits(conn: Connection, begin: int, end: int) -> _Visits:
    what = f"o.person, x.at, x.pos, CASE x.channel {_CODES} END, x.simulated"
    table = _table(conn, f"SELECT {what} FROM touches x{_OWNED}{_within(begin, end)}", 5)
    table = table[np.lexsort((table[:, 2], table[:, 1], table[:, 0]))]
    people, person = np.unique(table[:, 0], return_inverse=True)
    at, channel = table[:, 1], table[:, 3]
    direct = CHANNELS.index("direct")
    goes_on = np.zeros(len(table), dtype=bool)
    goes_on[1:] = (
        (person[1:] == person[:-1])
        & (at[1:] - at[:-1] <= VISIT_MS)
        & ((channel[1:] == channel[:-1]) | (channel[1:] == direct))
    )
    new = ~goes_on
    return _Visits(people, person[new], at[new], channel[new], table[new, 4].astype(bool))


def _orders(conn: Connection, begin: int, end: int) -> _Orders:
    """The orders of a stretch of time, with what was added to them within it."""
    when = _within(begin, end)
    # A guest's order is told of an address; the visits before it were theirs who placed it.
    query = (
        f"{placers(begin - PAY_MS, end)}SELECT coalesce(b.person, o.person), x.at, x.pos, x.amount, x.simulated"
        f" FROM purchases x{_OWNED} LEFT JOIN b ON b.number = x.number{when} AND x.n = {WHOLE}"
    )
    table = _table(conn, query, 5)
    more = (
        "SELECT p.pos, CAST(sum(x.amount) AS BIGINT) FROM purchases x JOIN (SELECT x.number, min(x.pos) AS pos"
        f" FROM purchases x{when} AND x.n = {WHOLE} AND x.number <> '' GROUP BY x.number) p ON p.number = x.number"
        f"{when} AND x.n = {MORE} GROUP BY p.pos"
    )
    if conn.execute(text(f"SELECT 1 FROM purchases x{when} AND x.n = {MORE} LIMIT 1")).first() is not None:
        added = dict(_table(conn, more, 2).tolist())
        table[:, 3] += np.array([added.get(pos, 0) for pos in table[:, 2].tolist()], dtype=np.int64)
    table = table[np.lexsort((table[:, 2], table[:, 1], table[:, 0]))]
    return _Orders(table[:, 0], table[:, 1], np.maximum(table[:, 3], 0), table[:, 4].astype(bool))


def _whole(conn: Connection, begin: int, end: int) -> tuple[int, int]:
    """How many orders somebody placed in the period, and what they are worth with what was added in it."""
    query = "SELECT sum(x.n), sum(x.amount) FROM purchases x JOIN timeline t ON t.pos = x.pos"
    found = conn.execute(text(f"{query}{_within(begin, end)} AND x.n IN ({WHOLE}, {MORE})")).one()
    return int(found[0] or 0), int(found[1] or 0)


def _paths(
    visits: _Visits, orders: _Orders, begin: int, end: int, lookback: int
) -> tuple[Paths, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """The paths of the period's orders with a visit since the order before, then one null path a person who came after
    their last order; and which orders are among them."""
    # One number for person and time: each person's visits lie together, and a look back never reaches another's.
    base = begin - 2 * lookback
    width = np.int64(end - base + 1)
    keys = visits.person * width + (visits.at - base)
    place = np.searchsorted(visits.people, orders.person)
    came = np.append(visits.people, -1)[place] == orders.person
    key = np.where(came, place, 0) * width + (orders.at - base)
    before = np.zeros(len(key), dtype=np.int64)
    before[1:] = np.where(orders.person[1:] == orders.person[:-1], key[:-1] + 1, 0)
    low, high = np.searchsorted(keys, np.maximum(key - lookback, before)), np.searchsorted(keys, key, "right")
    credited = came & (high > low) & (orders.at >= begin)
    last_order = np.full(visits.size, -1, dtype=np.int64)
    np.maximum.at(last_order, place[came], orders.at[came])
    # Null paths: what each person did after their last order, back from the last visit.
    people = np.arange(visits.size)
    tail = np.searchsorted(keys, (people + 1) * width, "left")
    final = visits.at[tail - 1] if len(keys) else np.zeros(0, dtype=np.int64)
    since = np.maximum(last_order + 1, final - lookback)
    head = np.searchsorted(keys, people * width + np.maximum(since - base, 0), "left")
    null = (tail > head) & (final >= begin) if len(keys) else np.zeros(visits.size, dtype=bool)
    starts, ends = np.concatenate((low[credited], head[null])), np.concatenate((high[credited], tail[null]))
    lengths = ends - starts
    offsets = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths)))
    picked = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    closed = np.concatenate((orders.at[credited], final[null]))
    n, nulls = int(credited.sum()), int(null.sum())
    paths = Paths(
        CHANNELS,
        visits.channel[picked],
        offsets,
        np.repeat([1.0, 0.0], [n, nulls]),
        np.repeat([0.0, 1.0], [n, nulls]),
        np.concatenate((orders.amount[credited], np.zeros(nulls))).astype(np.float64),
        (np.repeat(closed, lengths) - visits.at[picked]) / DAY_MS,
    )
    return paths, credited


# ---- credits ---------------------------------------------------------------------------------------------------------


def _only(paths: Paths, channels: Sequence[int]) -> Paths:
    """The paths over some of the channels alone, numbered in that order; the others are on none of them."""
    place = np.zeros(len(CHANNELS), dtype=np.int64)
    place[list(channels)] = np.arange(len(channels))
    names = tuple(CHANNELS[c] for c in channels)
    return Paths(names, place[paths.codes], paths.starts, paths.conversions, paths.nulls, paths.values, paths.days)


def _credits(paths: Paths, revenue: int) -> list[ModelCredits]:
    found: dict[Model, Credits] = {
        "last_non_direct": attribution.last_non_direct(paths),
        "last": attribution.last(paths),
        "first": attribution.first(paths),
        "linear": attribution.linear(paths),
        "linear_unique": attribution.linear_unique(paths),
        "position": attribution.position(paths),
        "time_decay": attribution.time_decay(paths),
    }
    chains: tuple[Model, ...] = ("markov1", "markov2", "markov3")
    found |= zip(chains, (markov.credits for markov in attribution.markovs(paths)), strict=True)
    return [
        ModelCredits(
            model=model, orders=found[model].conversions.tolist(), revenue=_money(revenue, found[model].values)
        )
        for model in MODELS
    ]


def _money(total: int, shares: Floats | None) -> list[int]:
    """A total in minor units by shares, to the last unit."""
    if shares is None or not len(shares):
        return []
    scale = float(shares.sum())
    weights = [round(s / scale * (1 << 50)) for s in shares.tolist()] if scale else [0] * len(shares)
    return split(total, weights) if any(weights) else [0] * len(weights)


# ---- in words --------------------------------------------------------------------------------------------------------

_SHORT: dict[Model, str] = {
    "last_non_direct": "last*", "last": "last", "first": "first", "linear": "linear", "linear_unique": "unique",
    "position": "position", "time_decay": "decay", "markov1": "Markov 1", "markov2": "Markov 2", "markov3": "Markov 3",
}  # fmt: skip


def lines(found: Sources) -> list[str]:
    """The section as text for a terminal."""
    told = [f"Where orders come from, {to_date(found.first)} to {to_date(found.last)}"]
    if not found.models:
        told.append("  No order of the period has a visit before it that is known.")
        return told

    def money(amount: int) -> str:
        return f"{round(major(amount, found.currency)):,}"

    told.append(f"  {found.orders:,} orders, {money(found.revenue)} {found.currency}, with a known visit in the"
                f" {found.lookback} days before; revenue by channel under each model:")  # fmt: skip
    told.append("  " + " " * 12 + "".join(f"{_SHORT[m.model]:>10}" for m in found.models))
    for i, row in enumerate(found.rows):
        told.append(f"  {row.channel:12}" + "".join(f"{money(m.revenue[i]):>10}" for m in found.models))
    told.append("  last*: last that is not direct")
    if found.unknown_orders:
        told.append(f"  {found.unknown_orders:,} orders ({money(found.unknown_revenue)} {found.currency}) without one")
    if found.few:
        told.append("  Too few orders for the shares to mean much.")
    if found.simulated:
        told.append(f"  {found.simulated:,} of the visits are SIMULATED.")
    told.append("  Models share out what happened; what a channel caused is measured by holding people out.")
    return told
