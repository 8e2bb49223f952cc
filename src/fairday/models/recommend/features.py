"""What the blend knows of a person and the goods, as numbers: the same code fits it and serves it.

One person at a time: their own days come as they are now, everything else from the fitted arrays (``Parts``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairday.models.recommend.als import fold_in
from fairday.models.recommend.purchases import decay

Floats = NDArray[np.float32]

HALF_LIVES = (20.0, 60.0, 120.0, 365.0)
"""Days after which a purchase counts half, one feature each."""

TASTE = 120.0
"""The half-life of what a person likes, where one number is enough: EASE's input, the share of a category."""

MOST_GOODS = 300
"""Of somebody's goods the ones they bought most lately, so many at most, go into what predicts other goods."""

VIEW = 0.25
"""What a view counts beside a purchase where a person's goods predict other goods."""

PRIOR = 1.0
"""How many neighbours' worth of the whole shop stands beside a person's own neighbours."""

AGAIN = (
    "bought_20", "bought_60", "bought_120", "bought_365", "share", "due", "since", "once", "rebuy",
    "viewed", "popular", "trend", "ease", "ease_log", "alike", "alike_log", "category",
)  # fmt: skip
"""What says whether somebody buys a good again that they have bought."""

FACTORS = "factors"
"""The feature of ALS, last in both where the fit kept it."""

NEW = ("viewed", "popular_7", "popular", "trend", "ease", "ease_log", "alike", "alike_log", "category")
"""What says whether somebody buys a good they have never bought."""

EVERYBODY = tuple(NEW.index(name) for name in ("popular_7", "popular", "trend"))
"""Those of ``NEW`` that are known of a stranger too."""


@dataclass(frozen=True, slots=True)
class History:
    """What one person bought and viewed, up to now.

    Attributes:
        item: (rows,) goods in ascending order; a good has one row for each day it was bought on.
        day: (rows,) those days, ascending within a good.
        viewed, viewed_day: (views,) goods viewed and the days of it, in any order.
    """

    item: NDArray[np.int64]
    day: NDArray[np.int64]
    viewed: NDArray[np.int64]
    viewed_day: NDArray[np.int64]

    @classmethod
    def empty(cls) -> History:
        """Of somebody nothing is known of."""
        none = np.zeros(0, dtype=np.int64)
        return cls(none, none, none, none)


@dataclass(frozen=True, slots=True)
class Parts:
    """Fitted arrays that everybody shares.

    Attributes:
        weights: (eased, eased) EASE's weights between the goods it was fitted for.
        eased: (eased,) those goods, ascending.
        place: (goods,) where a good stands in ``eased``, or -1.
        popular_7, popular: (goods,) ln(1 + buyers of 7, of 28 days), the largest 1.
        trend: (goods,) ln of the buyers of 14 days against those of the six weeks before, each with 3 added.
        rebuy: (goods,) the share of its buyers who bought it again.
        profile: (goods,) the whole shop's recent buying: what somebody with no neighbours is taken to be near to.
        category: (goods,) numbers of categories from 1; 0 where a good has none.
        factors: (goods, factors) of ALS, or None where it did not help.
    """

    weights: Floats
    eased: NDArray[np.int64]
    place: NDArray[np.int64]
    popular_7: Floats
    popular: Floats
    trend: Floats
    rebuy: Floats
    profile: Floats
    category: NDArray[np.int64]
    factors: Floats | None = None

    @property
    def goods(self) -> int:
        """How many goods there are."""
        return len(self.popular)


@dataclass(frozen=True, slots=True)
class Seen:
    """A person against all goods.

    Attributes:
        stranger: whether they neither bought nor viewed anything.
        own: (k,) goods they have bought, ascending.
        times, since: (k,) on how many days, and how many days ago the last.
        gap: (k,) days between two purchases on average; 0 for what was bought once.
        again: (k, features) those of ``AGAIN``.
        new: (goods, features) those of ``NEW``, of all goods; both with that of ``FACTORS`` where there are some.
    """

    stranger: bool
    own: NDArray[np.int64]
    times: NDArray[np.int64]
    since: NDArray[np.int64]
    gap: Floats
    again: Floats
    new: Floats


def near(parts: Parts, cosines: Floats | None, sums: Floats | None) -> Floats:
    """(goods,) how much a person's neighbours lately bought each good; the whole shop stands in where they are few.

    Args:
        cosines: (n,) of the neighbours; None for somebody without.
        sums: (goods,) their recent purchases times those.
    """
    if cosines is None or sums is None:
        return parts.profile
    return np.asarray((sums + PRIOR * parts.profile) / (float(cosines.sum()) + PRIOR), dtype=np.float32)


def features(parts: Parts, history: History, alike: Floats, today: int) -> Seen:
    """What the blend reads of one person.

    Args:
        alike: (goods,) of ``near``.
        today: the local day; purchases of later days must not be in the history.
    """
    goods = parts.goods
    own, first, times = np.unique(history.item, return_index=True, return_counts=True)
    ages = np.maximum(today - history.day, 0).astype(np.float64)
    bought = [np.add.reduceat(decay(ages, h), first) if len(own) else np.zeros(0) for h in HALF_LIVES]
    liked = bought[HALF_LIVES.index(TASTE)]
    last = first + times - 1
    since = ages[last]
    gap = np.where(times > 1, (ages[first] - since) / np.maximum(times - 1, 1), 0.0)
    viewed = np.zeros(goods, dtype=np.float32)
    if len(history.viewed):
        seen = decay(today - history.viewed_day, HALF_LIVES[0])
        viewed += np.bincount(history.viewed, weights=seen, minlength=goods).astype(np.float32)
    ease = _eased(parts, own, np.minimum(liked, 1.0), viewed)
    category = np.zeros(int(parts.category.max(initial=0)) + 1)
    np.add.at(category, parts.category[own], liked)
    if len(history.viewed):
        np.add.at(category, parts.category, VIEW * np.minimum(viewed, 1.0))
    category[0] = 0.0
    fond = (category / (category.sum() + 1.0)).astype(np.float32)[parts.category]
    total = float(liked.sum())
    ease_log, alike_log = np.log(np.maximum(ease, 0.0) + 0.003), np.log(alike + 0.002)
    looked = np.log1p(viewed)
    again: dict[str, NDArray[Any]] = {
        "bought_20": np.log1p(bought[0]),
        "bought_60": np.log1p(bought[1]),
        "bought_120": np.log1p(bought[2]),
        "bought_365": np.log1p(bought[3]),
        "share": np.log1p(100.0 * liked / (total + 1.0)),
        "due": np.where(times > 1, np.exp(-since / np.maximum(gap, 3.0)), 0.0),
        "since": np.log1p(since),
        "once": (times == 1).astype(np.float64),
        "rebuy": parts.rebuy[own],
        "viewed": looked[own],
        "popular": parts.popular[own],
        "trend": parts.trend[own],
        "ease": ease[own],
        "ease_log": ease_log[own],
        "alike": alike[own],
        "alike_log": alike_log[own],
        "category": fond[own],
    }
    new: dict[str, NDArray[Any]] = {
        "viewed": looked,
        "popular_7": parts.popular_7,
        "popular": parts.popular,
        "trend": parts.trend,
        "ease": ease,
        "ease_log": ease_log,
        "alike": alike,
        "alike_log": alike_log,
        "category": fond,
    }
    if parts.factors is not None:
        having = np.minimum(np.log1p(liked), 1.0)
        new[FACTORS] = fold_in(parts.factors, own, having) @ parts.factors.T
        again[FACTORS] = new[FACTORS][own]
    return Seen(
        stranger=not (len(own) or len(history.viewed)),
        own=own,
        times=times,
        since=since.astype(np.int64),
        gap=gap.astype(np.float32),
        again=np.stack(list(again.values()), axis=1).astype(np.float32),
        new=np.stack(list(new.values()), axis=1, dtype=np.float32),
    )


def _eased(parts: Parts, own: NDArray[np.int64], liked: NDArray[np.float64], viewed: Floats) -> Floats:
    """(goods,) EASE's scores; 0 for goods it was not fitted for."""
    found = np.zeros(parts.goods, dtype=np.float32)
    row = np.zeros(parts.goods, dtype=np.float32) if len(own) or viewed.any() else None
    if row is None:
        return found
    row[own] = liked
    np.maximum(row, np.minimum(VIEW * viewed, VIEW), out=row)
    having = np.flatnonzero(row)
    if len(having) > MOST_GOODS:
        having = np.sort(having[np.argsort(-row[having], kind="stable")[:MOST_GOODS]])
    places = parts.place[having]
    having, places = having[places >= 0], places[places >= 0]
    found[parts.eased] = row[having] @ parts.weights[places]
    return found
