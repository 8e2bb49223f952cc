"""How small a lift a holdout can show: the minimal detectable effect of a difference between two arms. Pure.

The smallest lift L whose estimate leaves zero out of its interval in ``power`` of all repetitions solves

    (mean L)² = (z_level + z_power)² (v_treated(L) / n_treated + v / n_held)

(Lachin 1981, Introduction to sample size determination and power analysis for clinical trials). What a lift does to the
treated arm's variance is part of it: more of the same orders scale mean and variance alike; a share p has p (1 - p).
Both make it a quadratic in L. See docs/algorithms/foresight.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from fairday.models.experiments import SMALLEST_ARM

POWER, LEVEL = 0.8, 0.95

FEWEST_BUYERS = 5
"""Buyers to be expected in the smaller arm, below which its interval is not to be trusted."""

LONGEST = 52
"""Weeks beyond which nobody waits for an answer."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What people brought in a past window of so many weeks.

    Attributes:
        weeks: its length.
        people: how many were looked at.
        mean: per person, in the unit of the values.
        variance: between persons, of the same.
        active: the share of people with any value above zero.
    """

    weeks: float
    people: int
    mean: float
    variance: float
    active: float

    @classmethod
    def of(cls, weeks: float, people: int, values: Sequence[float]) -> Sample:
        """The sample of ``people`` of whom those in ``values`` have some value and the rest zero."""
        total, squares = math.fsum(values), math.fsum(v * v for v in values)
        mean = total / people if people else 0.0
        variance = max(0.0, (squares - total * mean) / (people - 1)) if people > 1 else 0.0
        return cls(weeks, people, mean, variance, sum(v > 0 for v in values) / people if people else 0.0)

    @property
    def spread(self) -> float | None:
        """Variance over the squared mean; None where the mean is not above zero."""
        return self.variance / self.mean**2 if self.mean > 0 else None


def detectable(
    spread: float, people: int, holdout: float, *, share: bool = False, power: float = POWER, level: float = LEVEL
) -> float | None:
    """The smallest lift (0.22 is 22 %) that is seen with ``power`` at ``level``.

    Args:
        spread: variance over squared mean per person (``Sample.spread``).
        people: in both arms together.
        holdout: the share held out, 0 to 1.
        share: the values are yes or no.

    Returns:
        None when an arm is too small to be estimated, or no lift is large enough (a share ends at everybody).
    """
    held = round(people * holdout)
    treated = people - held
    if min(held, treated) < SMALLEST_ARM:
        return None
    normal = NormalDist()
    z2 = (normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(power)) ** 2
    if not share:
        # The interval takes the pooled variance where that is larger (experiments.md), so that the treated arm's, which
        # grows with the lift, weighs by the smaller arm.
        a, b, c = 1.0, -z2 * spread / min(treated, held), -z2 * spread * (1 / treated + 1 / held)
    else:
        p = 1 / (1 + spread)
        a = p * p * (1 + z2 / treated)
        b = -z2 * p * (1 - 2 * p) / treated
        c = -z2 * p * (1 - p) * (1 / treated + 1 / held)
    lift = (-b + math.sqrt(b * b - 4 * a * c)) / (2 * a)
    return None if share and p * (1 + lift) > 1 else lift


def seen(sample: Sample, holdout: float, *, share: bool = False, people: int | None = None) -> float | None:
    """The smallest lift a sample's people would show; None also where too few of the smaller arm buy at all."""
    many = sample.people if people is None else people
    spread = sample.spread
    if spread is None or many * min(holdout, 1 - holdout) * sample.active < FEWEST_BUYERS:
        return None
    return detectable(spread, many, holdout, share=share)


@dataclass(frozen=True, slots=True)
class Curve:
    """How the spread falls with the weeks counted: ``floor`` (what people differ by) + ``fall`` / weeks (chance)."""

    floor: float
    fall: float

    def at(self, weeks: float) -> float:
        """The spread over so many weeks."""
        return self.floor + self.fall / weeks


def curve(points: Sequence[tuple[float, float]]) -> Curve | None:
    """The curve through (weeks, spread) by least squares, neither part below zero; None without points."""
    if not points:
        return None
    x = [1 / weeks for weeks, _ in points]
    y = [spread for _, spread in points]
    n, sx, sy = len(points), math.fsum(x), math.fsum(y)
    det = n * math.fsum(v * v for v in x) - sx * sx
    if det > 1e-12:
        fall = (n * math.fsum(a * b for a, b in zip(x, y, strict=True)) - sx * sy) / det
        floor = (sy - fall * sx) / n
        if fall >= 0 and floor >= 0:
            return Curve(floor, fall)
        if fall < 0:
            return Curve(sy / n, 0.0)
    return Curve(0.0, math.fsum(a * b for a, b in zip(x, y, strict=True)) / math.fsum(v * v for v in x))


def weeks_for(of: Curve, lift: float, people: int, holdout: float, *, share: bool = False) -> int | None:
    """The fewest whole weeks that show a lift; None where ``LONGEST`` do not."""
    for weeks in range(1, LONGEST + 1):
        found = detectable(of.at(weeks), people, holdout, share=share)
        if found is not None and found <= lift * (1 + 1e-9):
            return weeks
    return None


__all__ = ["Curve", "Sample", "curve", "detectable", "seen", "weeks_for"]
