"""What everybody buys, and what is bought again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairday.models.recommend.purchases import Purchases

PRIOR = 5.0
"""A good's share of people who buy again is drawn to its category's by so many people, and that to the shop's."""

WAIT = 28
"""Days since the first purchase after which somebody could have bought again."""


def buyers(purchases: Purchases, today: int, days: int) -> NDArray[np.float64]:
    """(goods,) purchases (person and day) of each good in the ``days`` days before and with ``today``."""
    lately = purchases.item[(purchases.day > today - days) & (purchases.day <= today)]
    return np.bincount(lately, minlength=purchases.items).astype(np.float64)


def popularity(purchases: Purchases, today: int, days: int) -> NDArray[np.float64]:
    """(goods,) ln(1 + purchases) of the last days, the largest 1; 0 where nobody buys anything."""
    found = np.log1p(buyers(purchases, today, days))
    most = found.max(initial=0.0)
    return found / most if most else found


def trend(purchases: Purchases, today: int, days: int = 14, against: int = 42) -> NDArray[np.float64]:
    """(goods,) ln of the purchases of the last ``days`` against those of the ``against`` before.

    Those are scaled to as many days. 3 is added to both, so that little is no trend.
    """
    now = buyers(purchases, today, days)
    before = (buyers(purchases, today, days + against) - now) * days / against
    return np.log((now + 3.0) / (before + 3.0))


def rebuy(
    purchases: Purchases, today: int, category: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How likely a buyer of a good ever buys it again, and a buyer of a category the same good of it.

    Counted over people whose first purchase is at least ``WAIT`` days old; over everybody where nobody's is.

    Args:
        category: (goods,) numbers from 1, 0 where there is none.

    Returns:
        (goods,) shares drawn to their category's, and (categories + 1,) shares drawn to the shop's.
    """
    pairs, first = np.unique(purchases.person * max(purchases.items, 1) + purchases.item, return_index=True)
    days = np.diff(np.append(first, len(purchases)))
    item = pairs % max(purchases.items, 1)
    old = purchases.day[first] <= today - WAIT
    if not old.any():
        old[:] = True
    item, again = item[old], (days[old] > 1).astype(np.float64)
    having = np.bincount(item, minlength=purchases.items).astype(np.float64)
    twice = np.bincount(item, weights=again, minlength=purchases.items)
    whole = (twice.sum() + 1.0) / (having.sum() + 2.0)
    groups = int(category.max(initial=0)) + 1
    of_having = np.bincount(category, weights=having, minlength=groups)
    of_twice = np.bincount(category, weights=twice, minlength=groups)
    of_having[0] = of_twice[0] = 0.0
    by_category = (of_twice + PRIOR * whole) / (of_having + PRIOR)
    return (twice + PRIOR * by_category[category]) / (having + PRIOR), by_category
