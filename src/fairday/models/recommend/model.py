"""The fitted model: what a person is likely to buy next, from their live history and the fitted arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from fairday.models.recommend.blend import Weights
from fairday.models.recommend.features import EVERYBODY, Floats, History, Near, Parts, Seen, features

RARELY = 0.05
"""A good whose buyers buy it again more rarely than so is bought once."""

REST = 180
"""Days for which what is bought once is not recommended to its buyer again."""


@dataclass(frozen=True, slots=True)
class People:
    """What was computed of people when the model was fitted, a row a person.

    Attributes:
        neighbours: (people, n) rows of those who buy alike, and ``cosines`` (people, n).
        begin: (people + 1,) where a person's recent purchases begin in ``item`` and ``weight``.
        item, weight: (recent,) goods and how much each counts, decayed to the day of the fit.
    """

    neighbours: NDArray[np.int32]
    cosines: Floats
    begin: NDArray[np.int64]
    item: NDArray[np.int32]
    weight: Floats

    def __len__(self) -> int:
        return len(self.neighbours)

    def sums(self, row: int, goods: int) -> Floats:
        """(goods,) the neighbours' recent purchases times their cosines."""
        found = np.zeros(goods, dtype=np.float32)
        rows, cosines = self.neighbours[row], self.cosines[row]
        first = self.begin[rows]
        counts = self.begin[rows + 1] - first
        total = int(counts.sum())
        if not total:
            return found
        ends = np.cumsum(counts)
        at = np.arange(total) + np.repeat(first - ends + counts, counts)
        worth = self.weight[at] * np.repeat(cosines, counts)
        return np.bincount(self.item[at], weights=worth, minlength=goods).astype(np.float32)


@dataclass(frozen=True)
class Model:
    """Everything a fit gives.

    Attributes:
        today: the local day it was fitted on.
        again, new: the blend for goods somebody has bought, and for others; ``stranger`` for those nothing is known of.
        by_category: (categories + 1,) how likely a buyer of a category buys the same good again.
        together, together_strength: (goods, listed) of ``goes_with``; ``alike`` and ``alike_strength`` of ``similar``.
        figures: of the validation window and the fit, by name.
    """

    today: int
    parts: Parts
    people: People
    again: Weights
    new: Weights
    stranger: Weights
    by_category: NDArray[np.float64]
    together: NDArray[np.int32]
    together_strength: Floats
    alike: NDArray[np.int32]
    alike_strength: Floats
    figures: Mapping[str, float]

    @classmethod
    def unblended(cls, today: int, parts: Parts, people: People) -> Model:
        """A model that knows people but cannot yet weigh what it knows."""
        blank, none = Weights(np.zeros(0), 0.0), np.zeros((0, 0), dtype=np.float32)
        lists = none.astype(np.int32)
        return cls(today, parts, people, blank, blank, blank, np.zeros(0), lists, none, lists, none, {})

    def blended(self, again: Weights, new: Weights, stranger: Weights) -> Model:
        """The model with its blend."""
        return replace(self, again=again, new=new, stranger=stranger)

    def seen(self, history: History, row: int | None, today: int) -> Seen:
        """What is known of a person against all goods.

        Args:
            row: theirs in ``people``; None for somebody who was not in the fit, whose live history is all there is.
        """
        near = Near()
        if row is not None:
            near = Near(float(self.people.cosines[row].sum()), self.people.sums(row, self.parts.goods))
        return features(self.parts, history, near, today)

    @cached_property
    def everybody(self) -> Floats:
        """(head,) the log odds of a new good by what is known of it for everybody."""
        return (self.parts.everybody @ self.new.weights[list(EVERYBODY)] + self.new.intercept).astype(np.float32)

    @cached_property
    def strangers(self) -> Floats:
        """(head,) the chances of somebody nothing is known of."""
        return _chance(self.stranger.log_odds(self.parts.everybody).astype(np.float32))

    @cached_property
    def rest(self) -> NDArray[np.float64]:
        """(goods,) what goods that nothing personal speaks for get: behind all others, the popular ones first."""
        return np.asarray(1e-9 * (1.0 + self.parts.popular.astype(np.float64)))

    def chances(self, seen: Seen) -> NDArray[np.float64]:
        """(goods,) how likely the person buys each good within the next four weeks, as the validation window says."""
        found = np.empty(self.parts.goods) if self.parts.whole else self.rest.copy()
        if seen.stranger:
            found[self._head] = self.strangers
            return found
        head, tail, own = self._parted(seen)
        found[self._head] = head
        found[seen.tail] = tail
        found[seen.own] = own
        return found

    def likely(self, seen: Seen) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(k,) the goods that something speaks for, ascending, and (k,) how likely the person buys each."""
        chances = self.chances(seen)
        if self.parts.whole:
            return self.parts.eased, chances
        some = np.zeros(self.parts.goods, dtype=bool)
        for goods in (self.parts.eased, seen.tail, seen.own):
            some[goods] = True
        found = np.flatnonzero(some)
        return found, chances[found]

    @cached_property
    def _head(self) -> Any:
        """What the head is in an array of all goods."""
        return slice(None) if self.parts.whole else self.parts.eased

    def _parted(self, seen: Seen) -> tuple[Floats, Floats, Floats]:
        """The chances of the head and of the tail as if all of it were new, and of their own goods."""
        head = _chance(seen.head_odds(self.new, self.everybody))
        tail = head[:0]
        if len(seen.tail):
            tail = _chance(self.new.log_odds(seen.new(seen.tail)).astype(np.float32))
        own = _chance(self.again.log_odds(seen.again).astype(np.float32))
        own[self._resting(seen)] *= np.float32(1e-3)
        return head, tail, own

    def _resting(self, seen: Seen) -> NDArray[np.bool_]:
        return np.asarray((self.parts.rebuy[seen.own] < RARELY) & (seen.since < REST))

    def rested(self, seen: Seen) -> NDArray[np.int64]:
        """Goods of theirs that are bought once, and that they have."""
        return seen.own[self._resting(seen)]


def _chance(odds: Floats) -> Floats:
    return np.asarray(expit(odds), dtype=np.float32)
