"""What is known of one person, in the shape the compiled predicate reads."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from fairday.kernel.clock import to_date, to_day

BEYOND = 10**30
"""Stands for an open end of a band, or of something unknown; larger than any result of arithmetic."""

SEPARATOR = "\x1f"
"""Stands before, between and after the texts of a packed set."""

Value = tuple[int, int, str | None]
"""A trait as the predicate reads it: lo, hi (``-BEYOND`` and ``BEYOND`` where open), text."""

UNKNOWN: Value = (-BEYOND, BEYOND, None)

Buckets = tuple[list[int], list[int], list[int]]
"""A measure's days in order, and before each day (and at the end) what had been summed of n and of amount."""


@dataclass(slots=True)
class Facts:
    """What is known of a person.

    Attributes:
        told: facts by trait.
        inferred: (probability in thousandths, value) by trait.
        activity: day buckets by measure.
    """

    told: Mapping[str, Value] = field(default_factory=dict)
    inferred: Mapping[str, tuple[int, Value]] = field(default_factory=dict)
    activity: Mapping[str, Buckets] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        profile: Iterable[tuple[str, int | None, int | None, str | None, int | None]] = (),
        activity: Iterable[tuple[str, int, int, int]] = (),
    ) -> Facts:
        """Facts from rows as the tables hold them.

        Args:
            profile: (trait, lo, hi, txt, p), one row a trait; p in thousandths or None.
            activity: (measure, day, n, amount), ordered by measure and day; a day may come more than once (several
                ownership intervals of the person).
        """
        told: dict[str, Value] = {}
        inferred: dict[str, tuple[int, Value]] = {}
        for trait, lo, hi, txt, p in profile:
            value = (-BEYOND if lo is None else lo, BEYOND if hi is None else hi, txt)
            if p is None:
                told[trait] = value
            else:
                inferred[trait] = (p, value)
        buckets: dict[str, Buckets] = {}
        for measure, day, n, amount in activity:
            found = buckets.get(measure)
            if found is None:
                buckets[measure] = ([day], [0, n], [0, amount])
                continue
            days, counts, amounts = found
            if days[-1] == day:
                counts[-1] += n
                amounts[-1] += amount
            else:
                days.append(day)
                counts.append(counts[-1] + n)
                amounts.append(amounts[-1] + amount)
        return cls(told, inferred, buckets)

    def likely(self, trait: str, threshold: int) -> Value:
        """A trait's value where inferred ones of at least that probability (thousandths) count as well."""
        found = self.told.get(trait)
        if found is not None:
            return found
        guess = self.inferred.get(trait)
        return guess[1] if guess is not None and guess[0] >= threshold else UNKNOWN

    def window(self, measure: str, column: int, first: int, last: int) -> int:
        """What days first..last of a measure sum to; column 1 is n, column 2 amount."""
        found = self.activity.get(measure)
        if found is None:
            return 0
        days, sums = found[0], found[column]
        return sums[bisect_right(days, last)] - sums[bisect_left(days, first)]

    def since(self, measure: str, today: int) -> tuple[int, int]:
        """Days from the last day of a measure, up to today, to today, as lo and hi; open ends if there was none."""
        found = self.activity.get(measure)
        at = bisect_right(found[0], today) if found is not None else 0
        if found is None or not at:
            return -BEYOND, BEYOND
        return today - found[0][at - 1], today - found[0][at - 1]


def pack(texts: Iterable[str]) -> str:
    """A set of texts as the ``txt`` of a profile row: sorted, each between separators; the empty set is one separator.

    Empty texts, and separators inside texts, are dropped.
    """
    members = sorted({cleaned for text in texts if (cleaned := text.replace(SEPARATOR, ""))})
    return SEPARATOR + "".join(member + SEPARATOR for member in members)


def unpack(packed: str) -> list[str]:
    """The texts of a packed set, sorted."""
    return [member for member in packed.split(SEPARATOR) if member]


def yearly_day(month: int, day: int) -> int:
    """A day of every year as its place in a leap year: 1 January is 1, 29 February 60, 31 December 366.

    Raises:
        ValueError: there is no such day.
    """
    return to_day(date(2000, month, day)) - to_day(date(2000, 1, 1)) + 1


def yearly_month_day(place: int) -> tuple[int, int]:
    """Month and day of a yearly day. Raises ValueError outside 1..366."""
    if not 1 <= place <= 366:
        raise ValueError(f"{place} is not a day of the year")
    found = to_date(to_day(date(2000, 1, 1)) + place - 1)
    return found.month, found.day


def year_starts(today: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """For the year of a day and the next: (day number of 31 December before it, 1 if it has no 29 February)."""
    year = to_date(today).year
    first, second = ((to_day(date(y, 1, 1)) - 1, 0 if _leap(y) else 1) for y in (year, year + 1))
    return first, second


def next_return(place: int, today: int) -> int:
    """Days from today to the next return of a yearly day; 29 February is kept on the 28th in other years."""
    this_year, next_year = (start + place - (short if place >= 60 else 0) for start, short in year_starts(today))
    return (this_year if this_year >= today else next_year) - today


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
