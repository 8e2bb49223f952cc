"""What a treatment changed: differences between two arms, with intervals. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference (treated minus held out) per person.

    Attributes:
        estimate: the difference of the means, in the unit of the values.
        low, high: the interval's ends in the same unit.
        level: the interval's coverage, 0.95 unless asked otherwise.
    """

    estimate: float
    low: float
    high: float
    level: float

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Arm:
    """Sufficient statistics of one arm: how many people, the sum of their values and of the squares."""

    n: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        return self.total / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """The unbiased sample variance; 0 for fewer than two people."""
        if self.n < 2:
            return 0.0
        return max(0.0, (self.squares - self.total**2 / self.n) / (self.n - 1))


SMALLEST_ARM = 10
"""Below this many people in an arm no difference is estimated: the interval would say nothing."""


def difference(treated: Arm, held: Arm, level: float = 0.95) -> Effect | None:
    """The difference of two means with a normal interval (Neyman 1923), or None when an arm is too small.

    For counts of yes and no, ``squares`` equals ``total`` and this is the difference of proportions.
    """
    if min(treated.n, held.n) < SMALLEST_ARM:
        return None
    z = NormalDist().inv_cdf((1 + level) / 2)
    spread = z * math.sqrt(treated.variance / treated.n + held.variance / held.n)
    estimate = treated.mean - held.mean
    return Effect(estimate, estimate - spread, estimate + spread, level)
