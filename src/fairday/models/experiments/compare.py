"""Two arms beside each other: differences of means, of shares and of ratios, and the relative lift."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from scipy.special import stdtrit

from fairday.models.experiments.effects import Effect
from fairday.models.experiments.moments import Arm, Pairs
from fairday.models.experiments.sequence import SETTLED, SMALLEST_PEEK, peeking_factor

SMALLEST_ARM = 10
"""Below this many people in an arm nothing is estimated: the interval would say nothing."""


@dataclass(frozen=True, slots=True)
class Errors:
    """How uncertain two means are: the variance of each, and the degrees of freedom of their difference."""

    treated: float
    held: float
    freedom: float

    @property
    def difference(self) -> float:
        """The standard error of the difference."""
        return math.sqrt(self.treated + self.held)


def errors(treated: Arm, held: Arm) -> Errors:
    """By each arm's own variance (Welch 1947), or by the pooled one where that says more.

    A small holdout that happened to miss the rich orders has a low mean and a low variance at once, and its own
    variance would make an interval that is too narrow just when it is wrong; see docs/algorithms/experiments.md.
    """
    own, other = treated.variance / treated.n, held.variance / held.n
    within = treated.variance * (treated.n - 1) + held.variance * (held.n - 1)
    freedom = float(treated.n + held.n - 2)
    pooled = within / freedom * (1 / treated.n + 1 / held.n)
    if pooled >= own + other:
        more = pooled / (own + other) if own + other else 1.0
        return Errors(own * more, other * more, freedom)
    parts = own**2 / (treated.n - 1) + other**2 / (held.n - 1)
    return Errors(own, other, (own + other) ** 2 / parts)


def difference(treated: Arm, held: Arm, level: float = 0.95, *, peeking: bool = False) -> Effect | None:
    """The difference of two means.

    Returns:
        None when an arm is too small or shows no variation, and with ``peeking`` before the sequence begins.
    """
    if not _enough(treated, held, peeking):
        return None
    found = errors(treated, held)
    reach = found.difference * factor(treated.n + held.n, found.freedom, level, peeking)
    return effect(treated.mean - held.mean, reach, level, peeking)


def shares(treated: Arm, held: Arm, level: float = 0.95, *, peeking: bool = False) -> Effect | None:
    """The difference of two shares, with Newcombe's interval (1998, method 10: from each arm's score interval).

    It holds for small counts too, also where nobody or everybody did it. None when an arm is too small.
    """
    if min(treated.n, held.n) < (SMALLEST_PEEK if peeking else SMALLEST_ARM):
        return None
    z = float(peeking_factor(treated.n + held.n, level)) if peeking else NormalDist().inv_cdf((1 + level) / 2)
    (p, p_low, p_high), (q, q_low, q_high) = _score(treated, z), _score(held, z)
    low = p - q - math.hypot(p - p_low, q_high - q)
    return Effect(p - q, low, p - q + math.hypot(p_high - p, q - q_low), level, peeking)


def ratio(treated: Pairs, held: Pairs, level: float = 0.95, *, peeking: bool = False) -> Effect | None:
    """The difference of two ratios of sums, such as money an order, people being what was dealt into arms.

    ``Pairs`` are (numerator, denominator) of each person. By the delta method: the ratio of one arm varies as the mean
    of (x - ratio × y) ÷ mean of y does. None where ``difference`` of the denominators says None, or their sum is below
    ``SMALLEST_ARM`` in an arm.
    """
    if min(treated.y, held.y) < SMALLEST_ARM or not _enough(treated.second, held.second, peeking):
        return None
    (above, moved), (below, still) = _linear(treated), _linear(held)
    found = errors(moved, still)
    if not found.difference:
        return None
    reach = found.difference * factor(treated.n + held.n, found.freedom, level, peeking)
    return effect(above - below, reach, level, peeking)


def lift(treated: Arm, held: Arm, level: float = 0.95, *, peeking: bool = False) -> Effect | None:
    """By which share of itself the mean rose (0.1 is ten percent), with Fieller's interval (1954).

    Returns:
        None where the difference has none, and where the held-out mean is not surely above zero: by that Fieller's
        set has no ends, and any number of percent would fit.
    """
    if not _enough(treated, held, peeking) or held.mean <= 0:
        return None
    found = errors(treated, held)
    squared = factor(treated.n + held.n, found.freedom, level, peeking) ** 2
    bounded = held.mean**2 - squared * found.held
    if bounded <= 0:
        return None
    middle = treated.mean * held.mean
    root = math.sqrt(max(0.0, middle**2 - bounded * (treated.mean**2 - squared * found.treated)))
    low, high = (middle - root) / bounded - 1, (middle + root) / bounded - 1
    return Effect(treated.mean / held.mean - 1, low, high, level, peeking)


def factor(n: int, freedom: float, level: float, peeking: bool) -> float:
    """How many standard errors the interval reaches to either side."""
    return float(peeking_factor(n, level)) if peeking else float(stdtrit(freedom, (1 + level) / 2))


def effect(estimate: float, reach: float, level: float, peeking: bool) -> Effect:
    """An effect with an interval of that reach to either side."""
    return Effect(estimate, estimate - reach, estimate + reach, level, peeking)


def _enough(treated: Arm, held: Arm, peeking: bool) -> bool:
    """Whether there are people enough, and in both arms some who differ; a sequence asks more of both."""
    arms = (treated, held)
    if min(a.n for a in arms) < (SMALLEST_PEEK if peeking else SMALLEST_ARM) or not all(a.variance for a in arms):
        return False
    return not peeking or all(a.total**2 >= SETTLED * a.squares for a in arms)


def _score(arm: Arm, z: float) -> tuple[float, float, float]:
    """A share and its score interval (Wilson 1927)."""
    p, n = arm.total / arm.n, arm.n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return p, min(p, middle - half), max(p, middle + half)


def _linear(arm: Pairs) -> tuple[float, Arm]:
    """The ratio x ÷ y of an arm, and the values (x - ratio × y) ÷ mean of y, whose mean varies as it does."""
    found = arm.x / arm.y
    squares = arm.xx - 2 * found * arm.xy + found**2 * arm.yy
    return found, Arm(arm.n, 0.0, max(0.0, squares) / (arm.y / arm.n) ** 2)
