"""Channels as players of a cooperative game."""

from __future__ import annotations

from math import factorial

import numpy as np

from fairday.kernel.errors import FairdayError
from fairday.models.attribution.heuristics import channel_sets, linear_unique
from fairday.models.attribution.paths import Credits, Floats, Paths, counted

MOST = 22
"""Channels over whose 2^n sets the conversion rate is worked out; 22 take 100 MB."""


def shapley(paths: Paths) -> Credits:
    """The Shapley value where a set of channels is worth the conversions of the paths that hold no other.

    It equals ``linear_unique`` exactly, and is computed as that.
    """
    return linear_unique(paths)


def shapley_rate(paths: Paths) -> Floats:
    """The Shapley value where a set of channels is worth the conversion rate of the paths that hold no other.

    Sums to the conversion rate of the paths with a touch; a channel's may be negative.

    Raises:
        FairdayError: more than ``MOST`` channels.
    """
    n = len(paths.channels)
    if n > MOST:
        raise FairdayError(
            f"{n} channels are too many for an exact Shapley value of the conversion rate.",
            code="too_many_channels",
            remedy=f"Group them into at most {MOST}.",
        )
    sets = channel_sets(paths)
    converted = _within(counted(sets, paths.conversions[paths.filled], 1 << n), n)
    ended = _within(counted(sets, paths.nulls[paths.filled], 1 << n), n)
    ended += converted
    worth = np.divide(converted, ended, out=np.zeros(1 << n), where=ended > 0)
    sizes = np.bitwise_count(np.arange(1 << n))
    # What joining a set of s others counts: s! (n - s - 1)! / n!
    weight = np.array([factorial(s) * factorial(n - s - 1) / factorial(n) for s in range(n)] or [0.0])
    value = np.empty(n)
    for c in range(n):
        halves = worth.reshape(-1, 2, 1 << c)
        without = sizes.reshape(-1, 2, 1 << c)[:, 0]
        value[c] = ((halves[:, 1] - halves[:, 0]) * weight[without]).sum()
    return value


def _within(at: Floats, n: int) -> Floats:
    """For each set the sum over all of its subsets; in place."""
    for c in range(n):
        halves = at.reshape(-1, 2, 1 << c)
        halves[:, 1] += halves[:, 0]
    return at
