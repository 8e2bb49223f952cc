"""Paths of touches as arrays, and what a model hands out over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fairday.kernel.errors import FairdayError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Credits:
    """What each channel is credited with, in the order of ``Paths.channels``.

    Attributes:
        conversions: sums to the conversions of the paths with a touch.
        values: sums to their values; None where the paths have none.
    """

    conversions: Floats
    values: Floats | None = None


@dataclass(frozen=True)
class Paths:
    """Rows of paths: row i is the touches ``codes[starts[i]:starts[i + 1]]``, oldest first.

    Attributes:
        channels: names; a code is a place in them.
        codes: one for each touch of all rows, one row after the other.
        starts: n + 1 places in ``codes``, from 0 to its length, never falling.
        conversions, nulls: how often each row ended with a conversion and without, length n. Counts may be fractions.
        values: what each row's conversions brought together, length n, or None.
        days: days from each touch to the end of its path, as long as ``codes``; only ``time_decay`` needs them.

    Raises:
        FairdayError: shapes that do not fit each other, a code without a channel, a count, value or number of days that
            is negative or not finite, or a value of nobody (no conversions and no nulls).
    """

    channels: tuple[str, ...]
    codes: Ints
    starts: Ints
    conversions: Floats
    nulls: Floats
    values: Floats | None = None
    days: Floats | None = None

    def __post_init__(self) -> None:
        n = len(self.starts) - 1
        _check(n >= 0, "starts is empty")
        counts = {"conversions": self.conversions, "nulls": self.nulls, "values": self.values}
        for name, array in counts.items():
            if array is not None:
                _check(len(array) == n, f"{name} has {len(array)} rows where the paths have {n}")
                _check(_counts(array), f"{name} holds a number that is negative or not finite")
        _check(self.starts[0] == 0, "starts does not begin with 0")
        _check(self.starts[-1] == len(self.codes), f"starts does not end with the number of touches, {len(self.codes)}")
        _check(bool((self.lengths >= 0).all()), "starts falls")
        if len(self.codes):
            low, high = int(self.codes.min()), int(self.codes.max())
            _check(low >= 0 and high < len(self.channels), f"codes reach from {low} to {high}, channels are fewer")
        if self.days is not None:
            _check(len(self.days) == len(self.codes), "days and codes are not of one length")
            _check(_counts(self.days), "days holds a number that is negative or not finite")
        if self.values is not None:
            walked = self.values[(self.conversions == 0) & (self.nulls == 0)]
            _check(not walked.any(), "a row with neither conversions nor nulls has a value")

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]], channels: Sequence[str] = ()) -> Paths:
        """Paths from rows ``(path, conversions, nulls[, value[, days]])``.

        ``path`` is a list of channel names; ``value`` None or missing is 0, and where no row has one, ``values`` is
        None; ``days`` is a list as long as the path, for all rows or for none. Channels are numbered as they come,
        after those named.
        """
        numbers = {name: i for i, name in enumerate(channels)}
        codes: list[int] = []
        starts = [0]
        counts: list[tuple[float, float]] = []
        values: list[float | None] = []
        days: list[float] = []
        dated = False
        for path, conversions, nulls, *more in rows:
            codes += [numbers.setdefault(name, len(numbers)) for name in path]
            starts.append(len(codes))
            counts.append((float(conversions), float(nulls)))
            values.append(more[0] if more else None)
            if len(more) > 1 and more[1] is not None:
                days += more[1]
                dated = True
        both = np.array(counts, dtype=np.float64).reshape(-1, 2)
        valued = any(v is not None for v in values)
        return cls(
            tuple(numbers),
            np.array(codes, dtype=np.int64),
            np.array(starts, dtype=np.int64),
            both[:, 0].copy(),
            both[:, 1].copy(),
            np.array([v or 0 for v in values], dtype=np.float64) if valued else None,
            np.array(days, dtype=np.float64) if dated else None,
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def lengths(self) -> Ints:
        """Touches of each row."""
        return np.diff(self.starts)

    @cached_property
    def filled(self) -> npt.NDArray[np.bool_]:
        """The rows that hold a touch."""
        return self.lengths > 0

    @cached_property
    def uncredited(self) -> tuple[float, float]:
        """Conversions and value of the rows without a touch, which no model credits."""
        empty = ~self.filled
        return float(self.conversions[empty].sum()), 0.0 if self.values is None else float(self.values[empty].sum())

    @cached_property
    def touch_conversions(self) -> Floats:
        """The conversions of each touch's row."""
        return np.repeat(self.conversions, self.lengths)

    @cached_property
    def touch_values(self) -> Floats | None:
        """The value of each touch's row."""
        return None if self.values is None else np.repeat(self.values, self.lengths)


def counted(codes: Ints, weights: Floats, size: int) -> Floats:
    """The sum of the weights at each code below ``size``."""
    return np.bincount(codes, weights, size).astype(np.float64, copy=False)


def _counts(array: Floats) -> bool:
    return bool(np.isfinite(array).all() and (array >= 0).all())


def _check(holds: bool, wrong: str) -> None:
    if not holds:
        raise FairdayError(f"These are no paths: {wrong}.", code="bad_paths")
