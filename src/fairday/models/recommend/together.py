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

DENSE = 20_000_000
"""Cells up to which a matrix is multiplied with its zeros: 80 MB."""

_BLOCK = 500

Places = NDArray[np.int64]
Values = NDArray[np.float32]


def goes_with(
    purchases: Purchases, others: Places | None = None, listed: int = LISTED
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """For each good those bought on the same day by the same person more often than by chance.

    Of n baskets (people's days) with two goods at least, of which a hold the one and b the other, a × b / n hold both
    by chance. The excess over that, divided by it plus ``SHRINK``, is the strength.

    Args:
        others: goods that may be listed, ascending; None: all.

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
    having = np.asarray(held.sum(axis=0)).ravel().astype(np.float32)

    def strengths(one: Places, other: Places, both: Values) -> Values:
        chance = having[one] * (having[other] / np.float32(max(count, 1)))
        found = both - chance
        chance += np.float32(SHRINK)
        found /= chance
        found[both < AT_LEAST] = 0.0
        return found

    return _listed(held, np.arange(purchases.items) if others is None else others, strengths, listed, AT_LEAST)


def similar(
    bought: Any, category: NDArray[np.int64], others: Places | None = None, listed: int = LISTED
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """For each good those that the same people buy (cosine over people, each the less the more they buy).

    Args:
        bought: (people, goods) csr of ones.
        category: (goods,) numbers from 1, 0 where there is none; goods of another category count ``OTHER_CATEGORY``.
        others: as for ``goes_with``.

    Returns:
        As ``goes_with``.
    """
    columns = unit_rows(bought.T).T.astype(np.float32)

    def strengths(one: Places, other: Places, both: Values) -> Values:
        differs = (category[one] != category[other]) & (category[one] != 0) & (category[other] != 0)
        both[differs] *= np.float32(OTHER_CATEGORY)
        return both

    return _listed(columns, np.arange(bought.shape[1]) if others is None else others, strengths, listed)


def _listed(
    columns: Any,
    others: Places,
    strengths: Callable[[Places, Places, Values], Values],
    listed: int,
    least: int = 1,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The strongest of some others beside each good, by blocks of columnsᵀ columns.

    Args:
        columns: anything by goods, sparse.
        others: goods that may be listed, ascending.
        least: goods in fewer rows have nothing beside them.
        strengths: of goods (rows, 1), others (1, others) and what they have in common (rows, others).
    """
    by_column = sparse.csc_array(columns)
    by_row = sparse.csr_array(by_column[:, others])
    if by_row.shape[0] * by_row.shape[1] <= DENSE:
        by_row = by_row.toarray()  # a processor multiplies zeros quicker than it looks for what is not zero
    goods, count = by_column.shape[1], min(listed, len(others))
    numbers = np.full((goods, listed), -1, dtype=np.int32)
    found = np.zeros((goods, listed), dtype=np.float32)
    if not count:
        return numbers, found
    rows = np.flatnonzero(np.diff(by_column.indptr) >= least)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        both = sparse.csr_array(by_column[:, block].T) @ by_row
        both = both if isinstance(both, np.ndarray) else both.toarray()
        worth = strengths(block[:, None], others[None, :], both)
        worth[block[:, None] == others[None, :]] = 0.0
        order = np.argpartition(-worth, count - 1, axis=1)[:, :count]
        best = np.take_along_axis(worth, order, axis=1)
        # By strength, of equals the smaller number: the same data give the same list.
        by = np.lexsort((order, -best), axis=1)
        order, best = np.take_along_axis(order, by, axis=1), np.take_along_axis(best, by, axis=1)
        numbers[block, :count] = np.where(best > 0, others[order], -1)
        found[block, :count] = np.maximum(best, 0.0)
    return numbers, found
