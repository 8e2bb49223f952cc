"""What changed since the other period by more than chance, and which goods moved it."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from fairday.insight.asked import Asked
from fairday.insight.figures import paired
from fairday.kernel.settings import Settings
from fairday.models.swings import FEWEST_DAYS, beyond_chance, swing
from fairday.people.traits.totals import CATEGORY

MOST = 8
"""Changes told at most, the largest first."""
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
        unit: ``money`` (minor units), ``pieces`` or ``meetings``.
        now, before: the sums of both periods.
        low, high: the 95 % interval of the difference.
        p: how likely so large a change is by chance alone.
        goods: of a category, the goods that moved it most in the same direction.
    """

    kind: Literal["category", "scene"]
    name: str
    unit: Literal["money", "pieces", "meetings"]
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
    unit: Literal["money", "pieces"] = "money" if asked.metric == "revenue" else "pieces"
    found: list[Change] = []
    column = "amount" if unit == "money" else "n"
    bought = f"SELECT measure, day, {column} FROM tally WHERE measure LIKE '{CATEGORY}%' AND day BETWEEN :a AND :b"
    met = "SELECT scene, day, sum(shown) FROM scene_meetings WHERE day BETWEEN :a AND :b GROUP BY scene, day"
    looked: list[Change] = []
    for kind, query, what in (("category", bought, unit), ("scene", met, "meetings")):
        for name, (a, b) in _series(conn, query, asked).items():
            compared = swing(a, b, paired(asked))
            if compared is not None:
                looked.append(
                    Change(
                        kind=kind, name=name.removeprefix(CATEGORY) if kind == "category" else name,  # type: ignore[arg-type]
                        unit=what, now=round(a.sum()), before=round(b.sum()),  # type: ignore[arg-type]
                        low=compared.low, high=compared.high, p=compared.p,
                    )
                )  # fmt: skip
    for change, real in zip(looked, beyond_chance([c.p for c in looked]), strict=True):
        if real and abs(change.now - change.before) >= LEAST * max(abs(change.before), 1):
            found.append(change)
    # Money and meetings are of different kinds: what sells comes first.
    found.sort(key=lambda c: (c.kind != "category", -abs(c.now - c.before), c.name))
    shown = [
        msgspec.structs.replace(c, goods=_goods(conn, asked, c, column)) if c.kind == "category" else c
        for c in found[:MOST]
    ]
    return Changes(changes=shown, looked=len(looked), few=False)


def _series(conn: Connection, query: str, asked: Asked) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Each name's values by day, in the period and in the other one."""
    found: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    for side, one in enumerate((asked, asked.earlier)):
        for name, day, value in conn.execute(text(query), {"a": one.first, "b": one.last}):
            if name not in found:
                found[name] = (np.zeros(asked.days), np.zeros(asked.days))
            found[name][side][day - one.first] += float(value)
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
