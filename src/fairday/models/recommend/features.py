"""What the blend knows of a person and the goods, as numbers: the same code fits it and serves it.

One person at a time: their own days come as they are now, everything else from the fitted arrays (``Parts``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairday.models.recommend.als import fold_in
from fairday.models.recommend.blend import Weights
from fairday.models.recommend.purchases import decay

Floats = NDArray[np.float32]

NO_FLOATS: Floats = np.zeros(0, dtype=np.float32)

HALF_LIVES = (20.0, 60.0, 120.0, 365.0)
"""Days after which a purchase counts half, one feature each."""

_PER_DAY = -1.0 / np.array(HALF_LIVES)[:, None]

TASTE = 120.0
"""The half-life of what a person likes, where one number is enough: EASE's input, the share of a category."""

MOST_GOODS = 300
"""Of somebody's goods the ones they bought most lately, so many at most, go into what predicts other goods."""

TAIL = 500
"""Goods outside the head that a person's neighbours may bring in."""

VIEW = 0.25
"""What a view counts beside a purchase where a person's goods predict other goods."""

EASE_FLOOR, ALIKE_FLOOR = np.float32(0.003), np.float32(0.002)
"""Added before logarithms are taken."""

PRIOR = 1.0
"""How many neighbours' worth of the whole shop stands beside a person's own neighbours."""

CURVED = ("bought_20", "bought_120", "bought_365", "due", "since", "rebuy")
"""What the chance of buying again does not grow evenly with: their squares and products are features, too."""

_ONE, _OTHER = np.triu_indices(len(CURVED))

_OWN = (
    "bought_20", "bought_60", "bought_120", "bought_365", "share", "due", "since", "once", "gap", "late", "rebuy",
    "viewed", "popular", "trend", "ease", "ease_log", "alike", "alike_log", "category",
)  # fmt: skip

AGAIN = (*_OWN, *(f"{CURVED[i]} {CURVED[j]}" for i, j in zip(_ONE, _OTHER, strict=True)))
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


@dataclass(frozen=True)
class Parts:
    """Fitted arrays that everybody shares.

    Of many goods only the *head* has a weight from every other; the rest is reached through neighbours.

    Attributes:
        weights: (eased, eased) EASE's weights between the goods it was fitted for.
        eased: (eased,) those goods, ascending.
        place: (goods,) where a good stands in ``eased``, or -1.
        popular_7, popular: (goods,) ln(1 + buyers of 7, of 28 days), the largest 1.
        trend: (goods,) ln of the buyers of 14 days against those of the six weeks before, each with 3 added.
        rebuy: (goods,) the share of its buyers who bought it again.
        profile: (goods,) the whole shop's recent buying: what somebody with no neighbours is taken to be near to.
        category: (goods,) numbers of categories from 1; 0 where a good has none.
        factors: (eased, factors) of ALS for the head, or None where it did not help.
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

    @cached_property
    def whole(self) -> bool:
        """Whether the head is all goods."""
        return len(self.eased) == self.goods

    @cached_property
    def everybody(self) -> Floats:
        """(eased, features) those of ``EVERYBODY`` of the head."""
        return np.stack([values[self.eased] for values in (self.popular_7, self.popular, self.trend)], axis=1)

    @cached_property
    def head_profile(self) -> Floats:
        """(eased,) of ``profile``, times ``PRIOR``: what stands beside somebody's neighbours."""
        return np.asarray(np.float32(PRIOR) * self.profile[self.eased])

    @cached_property
    def head_category(self) -> NDArray[np.int64]:
        """(eased,) of ``category``."""
        return np.asarray(self.category[self.eased])

    @cached_property
    def categories(self) -> int:
        """How many categories there are."""
        return int(self.category.max(initial=0))


@dataclass(frozen=True, slots=True)
class Near:
    """What a person's neighbours lately bought; the whole shop stands beside them, and alone where there are none.

    Attributes:
        cosines: the sum of theirs.
        sums: (goods,) their recent purchases times those; None for somebody without neighbours.
    """

    cosines: float = 0.0
    sums: Floats | None = None

    def at(self, goods: NDArray[np.int64], profile: Floats) -> Floats:
        """(k,) how much they bought some goods."""
        found = PRIOR * profile[goods]
        if self.sums is not None:
            found += self.sums[goods]
        return np.asarray(found / np.float32(self.cosines + PRIOR), dtype=np.float32)

    def tail(self, head: NDArray[np.int64]) -> NDArray[np.int64]:
        """The goods outside the head that they bought most, at most ``TAIL``, ascending."""
        if self.sums is None or len(head) == len(self.sums):
            return np.zeros(0, dtype=np.int64)
        rest = self.sums.copy()
        rest[head] = 0.0
        found = np.flatnonzero(rest)
        if len(found) > TAIL:
            found = np.sort(found[np.argpartition(-rest[found], TAIL - 1)[:TAIL]])
        return found


@dataclass(frozen=True, slots=True)
class Seen:
    """A person against all goods.

    Attributes:
        own: (k,) goods they have bought, ascending.
        times, since: (k,) on how many days, and how many days ago the last.
        gap: (k,) days between two purchases on average; 0 for what was bought once.
        again: (k, features) those of ``AGAIN``, ``FACTORS`` at their end where there are some.
        tail: goods outside the head that may be new to them: what their neighbours buy, ascending.
        ease: (head,) EASE's scores, and ``factors`` those of ALS or None.
        near: what their neighbours lately bought.
        looks, looked: goods viewed, ascending, and how lately, decayed.
        fond: (categories + 1,) the share of each in what they bought.
        parts: what everybody shares.
    """

    own: NDArray[np.int64]
    times: NDArray[np.int64]
    since: NDArray[np.int64]
    gap: Floats
    again: Floats
    tail: NDArray[np.int64]
    ease: Floats
    factors: Floats | None
    near: Near
    looks: NDArray[np.int64]
    looked: Floats
    fond: Floats
    parts: Parts

    @property
    def stranger(self) -> bool:
        """Whether they neither bought nor viewed anything."""
        return not (len(self.own) or len(self.looks))

    @property
    def asked(self) -> NDArray[np.int64]:
        """The goods that may be new to them: the head, then the tail."""
        return np.concatenate([self.parts.eased, self.tail])

    def new(self, goods: NDArray[np.int64]) -> Floats:
        """(k, features) those of ``NEW`` of some goods, ``FACTORS`` at their end where there are some."""
        found = self.shared(goods)
        last = () if self.factors is None else (FACTORS,)
        return np.stack([found[name] for name in (*NEW, *last)], axis=1, dtype=np.float32)

    def shared(self, goods: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """By name (k,) what is known of any good, whether it was bought or not."""
        parts, place = self.parts, self.parts.place[goods]
        ease = _of_head(self.ease, place)
        alike = self.near.at(goods, parts.profile)
        found: dict[str, NDArray[Any]] = {
            "viewed": np.log1p(_of_some(self.looked, self.looks, goods)),
            "popular_7": parts.popular_7[goods],
            "popular": parts.popular[goods],
            "trend": parts.trend[goods],
            "ease": ease,
            "ease_log": np.log(np.maximum(ease, 0.0) + EASE_FLOOR),
            "alike": alike,
            "alike_log": np.log(alike + ALIKE_FLOOR),
            "category": self.fond[parts.category[goods]],
        }
        if self.factors is not None:
            found[FACTORS] = _of_head(self.factors, place)
        return found

    def head_odds(self, new: Weights, everybody: Floats) -> Floats:
        """(head,) the log odds that the blend for new goods gives each good of the head.

        The same numbers as ``new.log_odds(self.new(head))``, without the table of features: most of a page's time.

        Args:
            new: the blend's weights for ``NEW``.
            everybody: (head,) what ``EVERYBODY``'s features and the intercept give.
        """
        by = dict(zip((*NEW, FACTORS), new.weights.astype(np.float32), strict=False))
        parts = self.parts
        found = everybody + by["ease"] * self.ease
        part = np.maximum(self.ease, np.float32(0.0))
        part += EASE_FLOOR
        np.log(part, out=part)
        part *= by["ease_log"]
        found += part
        if self.near.sums is None:
            part = parts.head_profile / np.float32(PRIOR)
        else:
            part = parts.head_profile + (self.near.sums if parts.whole else self.near.sums[parts.eased])
            part = part / np.float32(self.near.cosines + PRIOR)
        found += by["alike"] * part
        part += ALIKE_FLOOR
        np.log(part, out=part)
        part *= by["alike_log"]
        found += part
        if parts.categories:
            found += (by["category"] * self.fond)[parts.head_category]
        if len(self.looks):
            place = parts.place[self.looks]
            found[place[place >= 0]] += by["viewed"] * np.log1p(self.looked[place >= 0])
        if self.factors is not None:
            found += by[FACTORS] * self.factors
        return np.asarray(found, dtype=np.float32)


def features(parts: Parts, history: History, near: Near, today: int) -> Seen:
    """What the blend reads of one person on a local day; purchases of later days must not be in the history."""
    # In order already: where a good differs from the one before, its rows begin.
    starts = np.flatnonzero(np.diff(history.item, prepend=-1))
    own, times = history.item[starts], np.diff(starts, append=len(history.item))
    ages = np.maximum(today - history.day, 0).astype(np.float64)
    bought = _decayed(ages, starts)
    liked = bought[HALF_LIVES.index(TASTE)]
    since = ages[starts + times - 1]
    gap = np.where(times > 1, (ages[starts] - since) / np.maximum(times - 1, 1), 0.0)
    looks, looked = own[:0], NO_FLOATS
    if len(history.viewed):
        looks, at = np.unique(history.viewed, return_inverse=True)
        looked = np.bincount(at, decay(today - history.viewed_day, HALF_LIVES[0]), len(looks)).astype(np.float32)
    head = _eased(parts, own, np.minimum(liked, 1.0), looks, np.minimum(looked, 1.0))
    fond = np.bincount(parts.category[own], liked, parts.categories + 1).astype(np.float32)
    if len(looks):
        np.add.at(fond, parts.category[looks], VIEW * np.minimum(looked, 1.0))
    fond[0] = 0.0
    fond /= fond.sum() + 1.0
    tasted = None
    if parts.factors is not None:
        known = parts.place[own] >= 0
        having = np.minimum(np.log1p(liked[known]), 1.0)
        tasted = parts.factors @ fold_in(parts.factors, parts.place[own[known]], having)
    found = Seen(
        own=own,
        times=times,
        since=since.astype(np.int64),
        gap=gap.astype(np.float32),
        again=NO_FLOATS,
        tail=near.tail(parts.eased),
        ease=head,
        factors=tasted,
        near=near,
        looks=looks,
        looked=looked,
        fond=fond,
        parts=parts,
    )
    again = found.shared(own) | {
        "bought_20": np.log1p(bought[0]),
        "bought_60": np.log1p(bought[1]),
        "bought_120": np.log1p(bought[2]),
        "bought_365": np.log1p(bought[3]),
        "share": np.log1p(100.0 * liked / (float(liked.sum()) + 1.0)),
        "due": np.where(times > 1, np.exp(-since / np.maximum(gap, 3.0)), 0.0),
        "since": np.log1p(since),
        "once": (times == 1).astype(np.float64),
        "gap": np.log1p(gap),
        "late": np.where(times > 1, np.log((since + 1.0) / (gap + 1.0)), 0.0),
        "rebuy": parts.rebuy[own],
    }
    curved = np.stack([again[name] for name in CURVED], axis=1, dtype=np.float32)
    table = [
        np.stack([again[name] for name in _OWN], axis=1, dtype=np.float32),
        curved[:, _ONE] * curved[:, _OTHER],
    ]
    if tasted is not None:
        table.append(again[FACTORS][:, None])
    return replace(found, again=np.concatenate(table, axis=1, dtype=np.float32))


def _decayed(ages: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(half-lives, goods) the decayed days of each good, whose rows begin at ``starts``."""
    if not len(starts):
        return np.zeros((len(HALF_LIVES), 0))
    return np.asarray(np.add.reduceat(np.exp2(_PER_DAY * ages), starts, axis=1))


def _of_head(values: Floats, place: NDArray[np.int64]) -> Floats:
    """(k,) values of the head at some places of it; 0 where the place is -1."""
    if not len(values):
        return np.zeros(len(place), dtype=np.float32)
    return np.where(place >= 0, values[place], np.float32(0.0))


def _of_some(values: Floats, of: NDArray[np.int64], goods: NDArray[np.int64]) -> Floats:
    """(k,) values known of some goods (ascending) at others; 0 where unknown."""
    if not len(of):
        return np.zeros(len(goods), dtype=np.float32)
    at = np.minimum(np.searchsorted(of, goods), len(of) - 1)
    return np.where(of[at] == goods, values[at], np.float32(0.0))


def _eased(
    parts: Parts, own: NDArray[np.int64], liked: NDArray[np.float64], looks: NDArray[np.int64], looked: Floats
) -> Floats:
    """(head,) EASE's scores."""
    row = np.zeros(len(parts.eased), dtype=np.float32)
    for goods, worth in ((looks, VIEW * looked), (own, liked)):
        place = parts.place[goods]
        row[place[place >= 0]] = worth[place >= 0]
    having = np.flatnonzero(row)
    if len(having) > MOST_GOODS:
        having = np.sort(having[np.argsort(-row[having], kind="stable")[:MOST_GOODS]])
    # By hand: a threaded product waits for a second core, which a busy shop does not have to spare.
    return np.asarray(np.einsum("i,ij->j", row[having], parts.weights.take(having, axis=0)), dtype=np.float32)
