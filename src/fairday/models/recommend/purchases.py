"""Who bought what on which day, as arrays: what every model of recommendation is fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

Matrix = Any
"""A scipy.sparse.csr_array; scipy ships no types."""


@dataclass(frozen=True, slots=True)
class Purchases:
    """Each row says that a person bought a good on a day; sorted by person, good and day, each such row once.

    Attributes:
        person: (n,) numbers 0 to people - 1.
        item: (n,) numbers 0 to items - 1.
        day: (n,) days since 1970-01-01.
        people, items: how many there are, also those without a row.
    """

    person: NDArray[np.int64]
    item: NDArray[np.int64]
    day: NDArray[np.int64]
    people: int
    items: int

    @classmethod
    def of(cls, person: ArrayLike, item: ArrayLike, day: ArrayLike, people: int, items: int) -> Purchases:
        """Purchases from lines in any order, several of which may be of one person, good and day.

        Raises:
            ValueError: the arrays differ in length, or a number is out of range.
        """
        p, i, d = (np.asarray(a, dtype=np.int64) for a in (person, item, day))
        if not len(p) == len(i) == len(d):
            raise ValueError(f"{len(p)} people, {len(i)} items and {len(d)} days")
        for name, numbers, end in (("person", p, people), ("item", i, items)):
            if len(numbers) and not 0 <= numbers.min() <= numbers.max() < end:
                raise ValueError(f"a number of {name} is outside 0 to {end - 1}")
        order = np.lexsort((d, i, p))
        p, i, d = p[order], i[order], d[order]
        first = np.ones(len(p), dtype=bool)
        first[1:] = (p[1:] != p[:-1]) | (i[1:] != i[:-1]) | (d[1:] != d[:-1])
        return cls(p[first], i[first], d[first], people, items)

    def __len__(self) -> int:
        return len(self.person)

    def between(self, first: int | None = None, end: int | None = None) -> Purchases:
        """The rows of days ``first`` (inclusive) to ``end`` (exclusive); None is open."""
        kept = np.ones(len(self), dtype=bool)
        if first is not None:
            kept &= self.day >= first
        if end is not None:
            kept &= self.day < end
        return Purchases(self.person[kept], self.item[kept], self.day[kept], self.people, self.items)

    def decayed(self, today: int, half_life: float | None, most: float | None = None) -> Matrix:
        """People by goods (csr): the sum over days of 0.5 ^ (days ago / half-life), at most ``most``.

        Args:
            half_life: days after which a purchase counts half; None: each day counts 1.
        """
        weights = decay(today - self.day, half_life)
        found = sparse.csr_array((weights, (self.person, self.item)), shape=(self.people, self.items))
        found.sum_duplicates()
        if most is not None:
            np.minimum(found.data, most, out=found.data)
        return found

    def bought(self) -> Matrix:
        """People by goods (csr): 1 where somebody bought something."""
        found = self.decayed(0, None)
        found.data[:] = 1.0
        return found

    def rows_of(self) -> NDArray[np.int64]:
        """(people + 1,) where each person's rows begin; person p has rows [p] to [p + 1]."""
        return np.searchsorted(self.person, np.arange(self.people + 1))


def decay(ages: ArrayLike, half_life: float | None) -> NDArray[np.float64]:
    """0.5 ^ (age / half-life) of ages in days, those of the future as today's; None decays nothing."""
    days = np.maximum(np.asarray(ages, dtype=np.float64), 0.0)
    return np.ones_like(days) if half_life is None else np.exp2(-days / half_life)
