"""Goods that go together, and goods like another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairday.models.recommend.neighbours import unit_rows
from fairday.models.recommend.purchases import Purchases

LISTED = 24
"""Goods listed beside a good."""

SHRINK = 10.0
"""Baskets added to those expected by chance: a pair seen a few times is no rule."""

AT_LEAST = 3
"""Baskets that two goods must share."""

OTHER_CATEGORY = 0.3
"""What likeness to a good of another category counts."""

_BLOCK = 500


def goes_with(purchases: Purchases, listed: int = LISTED) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """For each good those bought on the same day by the same person more often than by chance.

    Of n baskets (people's days) with two goods at least, of which a hold the one and b the other, a × b / n hold both
    by chance. The excess over that, divided by it plus ``SHRINK``, is the strength.

    Returns:
        (goods, listed) numbers of goods, the strongest first, -1 where there are no more, and their strengths.
    """
    basket = np.unique(purchases.person * 100_000 + purchases.day, return_inverse=True)[1]
    sizes = np.bincount(basket)
    kept = sizes[basket] > 1
    baskets = np.unique(basket[kept], return_inverse=True)[1]
    count = int(baskets.max(initial=-1)) + 1
    held = sparse.csr_array(
        (np.ones(len(baskets), dtype=np.float32), (baskets, purchases.item[kept])), shape=(count, purchases.items)
    )
    having = np.asarray(held.sum(axis=0)).ravel().astype(np.float64)

    def strengths(rows: slice, both: NDArray[np.float64]) -> NDArray[np.float64]:
        chance = np.outer(having[rows], having) / max(count, 1)
        return np.where(both >= AT_LEAST, (both - chance) / (chance + SHRINK), 0.0)

    return _listed(held, purchases.items, strengths, listed)


def similar(
    bought: Any, category: NDArray[np.int64], listed: int = LISTED
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """For each good those that the same people buy (cosine over people, each the less the more they buy).

    Args:
        bought: (people, goods) csr of ones.
        category: (goods,) numbers from 1, 0 where there is none; goods of another category count ``OTHER_CATEGORY``.

    Returns:
        As ``goes_with``.
    """
    columns = sparse.csc_array(unit_rows(bought.T).T.astype(np.float32))
    apart = category == 0

    def strengths(rows: slice, both: NDArray[np.float64]) -> NDArray[np.float64]:
        same = (category[rows, None] == category[None, :]) | apart[rows, None] | apart[None, :]
        return both * np.where(same, 1.0, OTHER_CATEGORY)

    return _listed(columns, bought.shape[1], strengths, listed)


def _listed(columns: Any, goods: int, strengths: Any, listed: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The strongest others of each good, by blocks of columnsᵀ columns."""
    numbers = np.full((goods, listed), -1, dtype=np.int32)
    found = np.zeros((goods, listed), dtype=np.float32)
    by_column = sparse.csc_array(columns)
    by_row = sparse.csr_array(by_column)
    count = min(listed, goods)
    for start in range(0, goods, _BLOCK):
        rows = slice(start, min(start + _BLOCK, goods))
        both = np.asarray((sparse.csr_array(by_column[:, rows].T) @ by_row).toarray(), dtype=np.float64)
        strong = strengths(rows, both)
        strong[np.arange(strong.shape[0]), np.arange(rows.start, rows.stop)] = 0.0
        order = np.argpartition(-strong, count - 1, axis=1)[:, :count]
        worth = np.take_along_axis(strong, order, axis=1)
        # By strength, of equals the smaller number: the same data give the same list.
        by = np.lexsort((order, -worth), axis=1)
        order, worth = np.take_along_axis(order, by, axis=1), np.take_along_axis(worth, by, axis=1)
        numbers[rows, :count] = np.where(worth > 0, order, -1)
        found[rows, :count] = np.maximum(worth, 0.0)
    return numbers, found
