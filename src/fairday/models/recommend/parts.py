"""The arrays everybody shares, made from purchases up to a day."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairday.models.recommend.als import als
from fairday.models.recommend.ease import CAP, ease
from fairday.models.recommend.features import TASTE, Parts
from fairday.models.recommend.neighbours import POOL, unit_rows
from fairday.models.recommend.popularity import popularity, rebuy, trend
from fairday.models.recommend.purchases import Matrix, Purchases, decay

NEAR_LIFE = 60.0
"""The half-life by which people are compared."""

ACTIVE_LIFE = 30.0
"""The half-life by which the pool of neighbours is chosen."""

LEAST = 0.02
"""A neighbour's purchase that has decayed below this is not kept."""


def parts(
    purchases: Purchases,
    today: int,
    category: NDArray[np.int64],
    penalty: float,
    recent: float,
    with_factors: bool = False,
) -> Parts:
    """All of them.

    Args:
        category: (goods,) numbers from 1, 0 where a good has none.
        penalty: EASE's.
        recent: the half-life of what neighbours bought.
        with_factors: whether ALS is fitted.
    """
    eased = head(purchases, today)
    place = np.full(purchases.items, -1)
    place[eased] = np.arange(len(eased))

    def narrow(values: NDArray[np.float64]) -> NDArray[np.float32]:
        return values.astype(np.float32)

    return Parts(
        weights=ease(purchases.decayed(today, TASTE, 1.0)[:, eased], penalty),
        eased=eased,
        place=place,
        popular_7=narrow(popularity(purchases, today, 7)),
        popular=narrow(popularity(purchases, today, 28)),
        trend=narrow(trend(purchases, today)),
        rebuy=narrow(rebuy(purchases, today, category)[0]),
        profile=profile(purchases, today, recent),
        category=category,
        factors=factors(purchases, today) if with_factors else None,
    )


def head(purchases: Purchases, today: int) -> NDArray[np.int64]:
    """The goods EASE is fitted for, ascending: the ``CAP`` bought most, the lately bought counting more."""
    if purchases.items <= CAP:
        return np.arange(purchases.items)
    worth = np.bincount(purchases.item, decay(today - purchases.day, TASTE), minlength=purchases.items)
    return np.sort(np.argsort(-worth, kind="stable")[:CAP])


def profile(purchases: Purchases, today: int, recent: float) -> NDArray[np.float32]:
    """(goods,) the mean of everybody's recent purchases."""
    found = np.asarray(purchases.decayed(today, recent, 1.0).sum(axis=0)).ravel()
    return (found / max(purchases.people, 1)).astype(np.float32)


def factors(purchases: Purchases, today: int) -> NDArray[np.float32]:
    """(head, factors) of ALS over the goods of the head."""
    matrix = purchases.decayed(today, TASTE)[:, head(purchases, today)]
    matrix.data = np.minimum(np.log1p(matrix.data), 1.0)
    return als(matrix)[1]


def pointing(purchases: Purchases, today: int) -> Matrix:
    """People by goods with rows of length 1, by which people are compared."""
    return unit_rows(purchases.decayed(today, NEAR_LIFE))


def pool(purchases: Purchases, today: int) -> NDArray[np.int64]:
    """The people who may be neighbours, ascending: the ``POOL`` who bought most lately."""
    worth = np.bincount(purchases.person, decay(today - purchases.day, ACTIVE_LIFE), minlength=purchases.people)
    found = np.argsort(-worth, kind="stable")[:POOL]
    return np.sort(found[worth[found] > 0])


def lately(
    purchases: Purchases, today: int, recent: float
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """What people bought lately, as ``People`` holds it: where each one's begin, goods, weights."""
    found = purchases.decayed(today, recent, 1.0)
    found.data[found.data < LEAST] = 0.0
    found.eliminate_zeros()
    return found.indptr.astype(np.int64), found.indices.astype(np.int32), found.data.astype(np.float32)
