"""Whether a sum over days changed by more than its days usually swing. Pure; see docs/algorithms/report.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

FEWEST_DAYS = 5
"""Days a period needs before anything is said of chance."""


@dataclass(frozen=True, slots=True)
class Swing:
    """A change of a sum between two periods of equally many days.

    Attributes:
        difference: now less before, over the whole period.
        low, high: its 95 % interval, from how much the days differ among themselves.
        p: how likely a change at least as large is when nothing changed but the days' luck.
    """

    difference: float
    low: float
    high: float
    p: float


def swing(now: NDArray[np.float64], before: NDArray[np.float64], paired: bool) -> Swing | None:
    """Compare two periods by their days.

    Args:
        now, before: one value a day, equally many.
        paired: day by day the same weekdays stand beside each other, so that the week's own rhythm drops out; else the
            two sets of days are compared (Welch).

    Returns:
        None below ``FEWEST_DAYS``, or where no day differs from another.
    """
    n = len(now)
    if n < FEWEST_DAYS or n != len(before):
        return None
    if paired:
        apart = now - before
        error, freedom = float(apart.std(ddof=1)) / math.sqrt(n), n - 1.0
    else:
        a, b = float(now.var(ddof=1)) / n, float(before.var(ddof=1)) / n
        error = math.sqrt(a + b)
        freedom = (a + b) ** 2 / ((a * a + b * b) / (n - 1)) if error else 1.0
    mean = float(now.mean() - before.mean())
    if not error:
        return None
    reach = float(stdtrit(freedom, 0.975)) * error
    p = 2 * float(stdtr(freedom, -abs(mean) / error))
    return Swing(mean * n, (mean - reach) * n, (mean + reach) * n, p)


def beyond_chance(chances: Sequence[float], rate: float = 0.05) -> list[bool]:
    """Which of many looks are more than chance, so that at most ``rate`` of those told are false (Benjamini and
    Hochberg 1995). Without this, one category in twenty would make news every week.
    """
    order = sorted(range(len(chances)), key=chances.__getitem__)
    last = max((k for k, i in enumerate(order, 1) if chances[i] <= rate * k / len(chances)), default=0)
    found = set(order[:last])
    return [i in found for i in range(len(chances))]
