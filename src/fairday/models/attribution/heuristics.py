"""Models that look at one path at a time."""

from __future__ import annotations

import numpy as np

from fairday.kernel.errors import FairdayError
from fairday.models.attribution.paths import Credits, Floats, Ints, Paths, counted

DENSE = 20
"""Up to so many channels, the sets of channels are counted in an array of all 2^n of them."""


def first(paths: Paths) -> Credits:
    """All to the first touch."""
    return _at(paths, paths.starts[:-1][paths.filled])


def last(paths: Paths) -> Credits:
    """All to the last touch."""
    return _at(paths, paths.starts[1:][paths.filled] - 1)


def last_non_direct(paths: Paths, direct: str = "direct") -> Credits:
    """All to the last touch that is not of the channel ``direct``; to the last one where all are."""
    ends = paths.starts[1:][paths.filled] - 1
    if not len(ends) or direct not in paths.channels:
        return _at(paths, ends)
    other = np.where(paths.codes == paths.channels.index(direct), -1, np.arange(len(paths.codes)))
    found = np.maximum.reduceat(other, paths.starts[:-1][paths.filled])
    return _at(paths, np.where(found < 0, ends, found))


def linear(paths: Paths) -> Credits:
    """The same to each touch."""
    n = np.maximum(paths.lengths, 1)
    return _shared(paths, np.repeat(1.0 / n, paths.lengths))


def linear_unique(paths: Paths) -> Credits:
    """The same to each different channel of a path, however often it was touched. The Shapley value of conversions."""
    size = len(paths.channels)
    if size <= DENSE:
        sets = channel_sets(paths)
        kinds = np.bitwise_count(np.arange(1 << size)).astype(np.float64)
        kinds[0] = 1.0

        def spread(amounts: Floats) -> Floats:
            each = counted(sets, amounts[paths.filled], 1 << size) / kinds
            # Half of the sets hold channel c: those whose bit c is set.
            return np.array([each.reshape(-1, 2, 1 << c)[:, 1].sum() for c in range(size)])

    else:
        rows = np.repeat(np.arange(len(paths)), paths.lengths)
        pairs = np.unique(rows * size + paths.codes)
        row, code = pairs // size, pairs % size
        share = 1.0 / np.bincount(row, minlength=len(paths))[row]

        def spread(amounts: Floats) -> Floats:
            return counted(code, share * amounts[row], size)

    return Credits(spread(paths.conversions), None if paths.values is None else spread(paths.values))


def position(paths: Paths, first: float = 0.4, last: float = 0.4) -> Credits:
    """Shares for the first and the last touch, the rest evenly over those between.

    One touch takes all; two share as ``first`` to ``last``.

    Raises:
        FairdayError: shares that are negative, sum to more than 1, or are both 0.
    """
    if not (first >= 0 and last >= 0 and 0 < first + last <= 1):
        raise FairdayError(
            f"Shares of {first} for the first and {last} for the last touch.",
            code="bad_shares",
            remedy="Both at least 0, together above 0 and at most 1.",
        )
    n = paths.lengths
    share = np.repeat((1 - first - last) / np.maximum(n - 2, 1), n)
    head, tail = paths.starts[:-1], paths.starts[1:] - 1
    two, more = n == 2, n > 2
    share[head[more]], share[tail[more]] = first, last
    share[head[two]], share[tail[two]] = first / (first + last), last / (first + last)
    share[head[n == 1]] = 1.0
    return _shared(paths, share)


def time_decay(paths: Paths, half_life: float = 7.0) -> Credits:
    """More the nearer the end: a touch ``half_life`` days earlier weighs half.

    Raises:
        FairdayError: a half-life that is not above 0, or paths without days.
    """
    if not 0 < half_life < np.inf:
        raise FairdayError(f"A half-life of {half_life} days.", code="bad_half_life", remedy="Above 0.")
    if paths.days is None:
        raise FairdayError("These paths do not say how many days before the end each touch was.", code="no_days")
    starts, lengths = paths.starts[:-1][paths.filled], paths.lengths[paths.filled]
    if not len(starts):
        return _shared(paths, paths.days)
    # From the nearest touch on: the weights of a path long ago would all be too small to tell apart from 0.
    nearest = np.minimum.reduceat(paths.days, starts)
    weights = np.exp2((np.repeat(nearest, lengths) - paths.days) / half_life)
    return _shared(paths, weights / np.repeat(np.add.reduceat(weights, starts), lengths))


def channel_sets(paths: Paths) -> Ints:
    """The set of channels of each row with a touch, as bits; at most 62 channels."""
    if not paths.filled.any():
        return np.zeros(0, dtype=np.int64)
    bits = np.left_shift(np.int64(1), paths.codes)
    sets: Ints = np.bitwise_or.reduceat(bits, paths.starts[:-1][paths.filled])
    return sets


def _at(paths: Paths, touches: Ints) -> Credits:
    """All of each row with a touch to one of its touches."""
    codes, size = paths.codes[touches], len(paths.channels)
    conversions = counted(codes, paths.conversions[paths.filled], size)
    return Credits(conversions, None if paths.values is None else counted(codes, paths.values[paths.filled], size))


def _shared(paths: Paths, share: Floats) -> Credits:
    """Each touch its share of its row."""
    size, values = len(paths.channels), paths.touch_values
    conversions = counted(paths.codes, share * paths.touch_conversions, size)
    return Credits(conversions, None if values is None else counted(paths.codes, share * values, size))
