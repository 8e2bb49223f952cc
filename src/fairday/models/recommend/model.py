"""The fitted model: what a person is likely to buy next, from their live history and the fitted arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, slots=True)
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

    def chances(self, seen: Seen) -> NDArray[np.float64]:
        """(goods,) how likely the person buys each good within the next four weeks, as the validation window says."""
        # Goods outside the head that nothing personal speaks for come after the rest, the popular ones first.
        found = 1e-9 * (1.0 + self.parts.popular.astype(np.float64))
        goods, chances = self.likely(seen)
        found[goods] = chances
        return found

    def likely(self, seen: Seen) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(k,) the goods that something speaks for, ascending, and (k,) how likely the person buys each."""
        if seen.stranger:
            order = np.argsort(seen.asked, kind="stable")
            odds = self.stranger.log_odds(seen.new[:, EVERYBODY])
            return seen.asked[order], np.asarray(expit(odds[order]))
        goods = np.union1d(seen.asked, seen.own)
        odds = np.empty(len(goods))
        odds[np.searchsorted(goods, seen.asked)] = self.new.log_odds(seen.new)
        odds[np.searchsorted(goods, seen.own)] = self.again.log_odds(seen.again)
        chances: NDArray[np.float64] = expit(odds)
        chances[np.searchsorted(goods, self.rested(seen))] *= 1e-3
        return goods, chances

    def rested(self, seen: Seen) -> NDArray[np.int64]:
        """Goods of theirs that are bought once, and that they have."""
        return seen.own[(self.parts.rebuy[seen.own] < RARELY) & (seen.since < REST)]
