"""Goods that go together, and goods like another."""

from __future__ import annotations

from collections.abc import Callable
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

Places = NDArray[np.int64]
Values = NDArray[np.float64]


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

    def strengths(one: Places, other: Places, both: Values) -> Values:
        chance = having[one] * having[other] / max(count, 1)
        return np.where(both >= AT_LEAST, (both - chance) / (chance + SHRINK), 0.0)

    return _listed(held, strengths, listed)


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
    columns = unit_rows(bought.T).T.astype(np.float32)

    def strengths(one: Places, other: Places, both: Values) -> Values:
        same = (category[one] == category[other]) | (category[one] == 0) | (category[other] == 0)
        return both * np.where(same, 1.0, OTHER_CATEGORY)

    return _listed(columns, strengths, listed)


def _listed(
    columns: Any, strengths: Callable[[Places, Places, Values], Values], listed: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The strongest others of each good, by blocks of columnsᵀ columns; only pairs that meet are looked at."""
    by_column, by_row = sparse.csc_array(columns), sparse.csr_array(columns)
    goods = by_column.shape[1]
    numbers = np.full((goods, listed), -1, dtype=np.int32)
    found = np.zeros((goods, listed), dtype=np.float32)
    for start in range(0, goods, _BLOCK):
        met = sparse.coo_array(sparse.csr_array(by_column[:, start : start + _BLOCK].T) @ by_row)
        one, other = met.row.astype(np.int64) + start, met.col.astype(np.int64)
        worth = strengths(one, other, met.data.astype(np.float64))
        kept = (worth > 0) & (one != other)
        one, other, worth = one[kept], other[kept], worth[kept]
        # By strength, of equals the smaller number: the same data give the same list.
        order = np.lexsort((other, -worth, one))
        one, other, worth = one[order], other[order], worth[order]
        rank = np.arange(len(one)) - np.searchsorted(one, one)
        first = rank < listed
        numbers[one[first], rank[first]] = other[first]
        found[one[first], rank[first]] = worth[first]
    return numbers, found
