"""What changed since the other period by more than chance, and which goods moved it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from fairday.insight.asked import Asked
from fairday.insight.figures import paired
from fairday.kernel.clock import day_start
from fairday.kernel.settings import Settings
from fairday.models.swings import FEWEST_DAYS, beyond_chance, swing
from fairday.people.traits.totals import CATEGORY

Kind = Literal["category", "source", "scene"]
Unit = Literal["money", "pieces", "visits", "meetings"]
Series = dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
"""By name one value a day, in the period and in the other one."""

MOST: Mapping[Kind, int] = {"category": 6, "source": 3, "scene": 3}
"""Changes told at most of each kind, the largest first."""
GOODS = 3
"""Goods told with a category."""
LEAST = 0.05
"""A change below this share of what was there before is not worth a merchant's look, however sure."""


class Good(msgspec.Struct, frozen=True, kw_only=True):
    """A product's part in the change of its category."""

    product: str
    title: str
    now: int
    before: int


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change larger than the days' usual swings.

    Attributes:
        kind: what ``name`` is.
        unit: ``money`` (minor units), ``pieces``, ``visits`` of a channel or ``meetings`` of a scene.
        now, before: the sums of both periods.
        low, high: the 95 % interval of the difference.
        p: how likely so large a change is by chance alone.
        goods: of a category, the goods that moved it most in the same direction.
    """

    kind: Kind
    name: str
    unit: Unit
    now: int
    before: int
    low: float
    high: float
    p: float
    goods: list[Good] = []


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What is worth a look; ``looked`` is how many things were looked at, ``days`` too few to say when ``few``."""

    changes: list[Change]
    looked: int
    few: bool


def changes(conn: Connection, settings: Settings, asked: Asked, now: int) -> Changes:
    """The section. Money for the metric ``revenue``, pieces else."""
    if asked.days < FEWEST_DAYS:
        return Changes(changes=[], looked=0, few=True)
    column = "amount" if asked.metric == "revenue" else "n"
    looked = [
        *_looked(asked, "category", "money" if column == "amount" else "pieces", _bought(conn, asked, column)),
        *_looked(asked, "source", "visits", _came(conn, settings, asked)),
        *_looked(asked, "scene", "meetings", _met(conn, asked)),
    ]
    real = [
        change
        for change, sure in zip(looked, beyond_chance([c.p for c in looked]), strict=True)
        if sure and abs(change.now - change.before) >= LEAST * max(abs(change.before), 1)
    ]
    real.sort(key=lambda c: (-abs(c.now - c.before), c.name))
    shown = [c for kind, most in MOST.items() for c in [c for c in real if c.kind == kind][:most]]
    told = [
        msgspec.structs.replace(c, goods=_goods(conn, asked, c, column)) if c.kind == "category" else c for c in shown
    ]
    return Changes(changes=told, looked=len(looked), few=False)


def _looked(asked: Asked, kind: Kind, unit: Unit, series: Series) -> Iterator[Change]:
    """Everything of a kind that can be compared."""
    for name, (now, before) in series.items():
        found = swing(now, before, paired(asked))
        if found is not None:
            yield Change(
                kind=kind, name=name, unit=unit, now=round(now.sum()), before=round(before.sum()),
                low=found.low, high=found.high, p=found.p,
            )  # fmt: skip


def _bought(conn: Connection, asked: Asked, column: str) -> Series:
    query = f"SELECT measure, day, {column} FROM tally WHERE measure LIKE '{CATEGORY}%' AND day BETWEEN :a AND :b"
    return {name.removeprefix(CATEGORY): days for name, days in _series(conn, query, asked).items()}


def _met(conn: Connection, asked: Asked) -> Series:
    query = "SELECT scene, day, sum(shown) FROM scene_meetings WHERE day BETWEEN :a AND :b GROUP BY scene, day"
    return _series(conn, query, asked)


def _came(conn: Connection, settings: Settings, asked: Asked) -> Series:
    """Ways in by channel."""
    found: Series = {}
    for side, one in enumerate((asked, asked.earlier)):
        starts = np.array([day_start(day, settings.zone) for day in range(one.first, one.last + 2)])
        by_channel: dict[str, list[int]] = {}
        query = text("SELECT channel, at FROM touches WHERE at >= :a AND at < :b")
        for channel, at in conn.execute(query, {"a": int(starts[0]), "b": int(starts[-1])}):
            by_channel.setdefault(channel, []).append(at)
        for channel, ats in by_channel.items():
            both = found.setdefault(channel, (np.zeros(asked.days), np.zeros(asked.days)))
            both[side][:] = np.bincount(np.searchsorted(starts, ats, "right") - 1, minlength=asked.days)
    return found


def _series(conn: Connection, query: str, asked: Asked) -> Series:
    """Each name's values by day, in the period and in the other one."""
    found: Series = {}
    for side, one in enumerate((asked, asked.earlier)):
        for name, day, value in conn.execute(text(query), {"a": one.first, "b": one.last}):
            both = found.setdefault(name, (np.zeros(asked.days), np.zeros(asked.days)))
            both[side][day - one.first] += float(value)
    return found


def _goods(conn: Connection, asked: Asked, change: Change, column: str) -> list[Good]:
    """The goods of a category that moved with it most."""
    # CROSS JOIN has SQLite go product by product, each a narrow stretch of the index over measures and days.
    query = text(
        f"SELECT p.product, min(p.title), sum(a.{column}) FROM products p CROSS JOIN activity a"
        " WHERE p.category = :category AND a.measure = 'bought:product=' || p.product AND a.day BETWEEN :a AND :b"
        " GROUP BY p.product"
    )
    titles: dict[str, str] = {}
    sums: list[dict[str, int]] = []
    for one in (asked, asked.earlier):
        rows = conn.execute(query, {"category": change.name, "a": one.first, "b": one.last}).all()
        titles |= {product: title or product for product, title, _ in rows}
        sums.append({product: int(value or 0) for product, _, value in rows})
    way = 1 if change.now > change.before else -1
    moved = {p: way * (sums[0].get(p, 0) - sums[1].get(p, 0)) for p in titles}
    best = sorted((p for p in moved if moved[p] > 0), key=lambda p: (-moved[p], p))[:GOODS]
    return [Good(product=p, title=titles[p], now=sums[0].get(p, 0), before=sums[1].get(p, 0)) for p in best]
