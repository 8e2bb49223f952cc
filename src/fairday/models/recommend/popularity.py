"""What everybody buys, and what is bought again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairday.models.recommend.purchases import Purchases

PRIOR = 5.0
"""A good's share of people who buy again is drawn to its category's by so many people, and that to the shop's."""

WAIT = 28
"""Days since the first purchase after which somebody could have bought again."""


KEPT = 10.0
"""The share of people who still buy a good is drawn to the shop's by so many people."""

NEW_FOR = 90
"""Days for which it matters how long ago a good was sold first."""


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


LATELY = ("sold", "hot", "hot_7", "kept", "kept_ever", "first", "first_share", "reach", "age")
"""What ``lately`` says of a good, in its columns."""


def lately(purchases: Purchases, today: int) -> NDArray[np.float64]:
    """(goods, ``LATELY``) how a good has been doing, which decides whether its buyers buy it again now.

    In their order: ln of 1 + its purchases of a year against the mean good's; ln of the purchases of 14 and of 7 days,
    with 1 added, against their share of that year's, with 1 added; of those who bought it 28 to 83 days ago, and of
    those who first did 28 days ago or earlier, the share that bought it in the last 28 days, drawn to the shop's by
    ``KEPT`` people; ln(1 + people who bought it for the first time in the last 28 days), and what share of its
    purchases of these days that was, drawn to two fifths by five purchases; ln of 1 + the people who ever bought it
    against the mean good's; ln(1 + days since it was first sold), after ``NEW_FOR`` days the same.
    """
    goods = purchases.items
    ages = today - purchases.day
    year = ages < 365
    days = min(365, int(ages.max(initial=0)) + 1)

    def counted(rows: NDArray[np.bool_], of: NDArray[np.int64] = purchases.item) -> NDArray[np.float64]:
        return np.bincount(of[rows], minlength=goods).astype(np.float64)

    sold = counted(year)
    starts = np.flatnonzero(np.diff(purchases.person * max(goods, 1) + purchases.item, prepend=-1))
    item, oldest = purchases.item[starts], ages[starts]
    newest = ages[np.append(starts, len(ages))[1:] - 1]

    def kept(before: NDArray[np.bool_]) -> NDArray[np.float64]:
        having, still = counted(before, item), counted(before & (newest < WAIT), item)
        whole = (still.sum() + 1.0) / (having.sum() + 2.0)
        return np.asarray((still + KEPT * whole) / (having + KEPT))

    between = (ages >= WAIT) & (ages < 3 * WAIT)
    some = np.add.reduceat(between, starts) > 0 if len(starts) else np.zeros(0, dtype=bool)
    first = counted(oldest < WAIT, item)
    age = np.zeros(goods)
    np.maximum.at(age, item, oldest)
    return np.stack(
        [
            _beside_the_mean(sold),
            *(np.log((counted(ages < n) + 1.0) / (sold * n / days + 1.0)) for n in (14, 7)),
            kept(some),
            kept(oldest >= WAIT),
            np.log1p(first),
            (first + 2.0) / (counted(ages < WAIT) + 5.0),
            _beside_the_mean(np.bincount(item, minlength=goods)),
            np.log1p(np.minimum(age, NEW_FOR)),
        ],
        axis=1,
    )


def _beside_the_mean(counts: NDArray[np.number]) -> NDArray[np.float64]:
    """ln of 1 + counts against 1 + the mean of those above 0: the same for a shop that is twice as old."""
    some = counts[counts > 0]
    return np.asarray(np.log((counts + 1.0) / (1.0 + (float(some.mean()) if len(some) else 0.0))))
