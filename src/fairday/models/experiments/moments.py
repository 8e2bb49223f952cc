"""Sufficient statistics of an arm: sums that add up over people, days and slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Arm:
    """One value a person: how many people, the sum of their values and of the squares.

    For a yes or no the value is 1 or 0, and ``squares`` equals ``total``.
    """

    n: int
    total: float
    squares: float

    @classmethod
    def of(cls, values: Values) -> Arm:
        """The sums of one value for each person."""
        a = np.asarray(values, dtype=float)
        return cls(len(a), float(a.sum()), float(a @ a))

    @property
    def mean(self) -> float:
        return self.total / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """The unbiased sample variance; 0 for fewer than two people."""
        return _spread(self.n, self.squares, self.total, self.total)

    def __add__(self, other: Arm) -> Arm:
        return Arm(self.n + other.n, self.total + other.total, self.squares + other.squares)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two values a person, such as money and orders, or a value and what it was before the experiment.

    Attributes:
        n: people.
        x, y: the sums of both.
        xx, yy, xy: the sums of their squares and of their product.
    """

    n: int
    x: float
    y: float
    xx: float
    yy: float
    xy: float

    @classmethod
    def of(cls, x: Values, y: Values) -> Pairs:
        """The sums of two values for each person, in the same order."""
        a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        return cls(len(a), float(a.sum()), float(b.sum()), float(a @ a), float(b @ b), float(a @ b))

    @property
    def first(self) -> Arm:
        """The first value alone."""
        return Arm(self.n, self.x, self.xx)

    @property
    def second(self) -> Arm:
        """The second value alone."""
        return Arm(self.n, self.y, self.yy)

    @property
    def covariance(self) -> float:
        """The unbiased sample covariance; 0 for fewer than two people."""
        return (self.xy - self.x * self.y / self.n) / (self.n - 1) if self.n > 1 else 0.0

    def __add__(self, other: Pairs) -> Pairs:
        return Pairs(*(getattr(self, f) + getattr(other, f) for f in ("n", "x", "y", "xx", "yy", "xy")))


def _spread(n: int, products: float, a: float, b: float) -> float:
    return max(0.0, (products - a * b / n) / (n - 1)) if n > 1 else 0.0
