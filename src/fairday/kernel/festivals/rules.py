"""When a festival is: rules that give its days in a year."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Protocol

import holidays

from fairday.kernel import lunar
from fairday.kernel.clock import to_date, to_day

Own = Mapping[str, int]
"""A person's own dates by trait (``birthday``, ``first_order_day``): days since 1970-01-01."""


class Rule(Protocol):
    def days(self, year: int, own: Own) -> Sequence[int]:
        """The days (since 1970-01-01) in a year of our calendar, in order; none where it is not kept."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same date every year, from a year on where it is younger than the calendar."""

    month: int
    day: int
    since: int = 0

    def days(self, year: int, own: Own) -> Sequence[int]:
        return [to_day(date(year, self.month, self.day))] if year >= self.since else []


@dataclass(frozen=True, slots=True)
class Weekday:
    """The n-th weekday (Monday 0) of a month, counted from its end when negative, and some days after it."""

    month: int
    n: int
    weekday: int
    plus: int = 0

    def days(self, year: int, own: Own) -> Sequence[int]:
        length = calendar.monthrange(year, self.month)[1]
        found = [d for d in range(1, length + 1) if date(year, self.month, d).weekday() == self.weekday]
        return [to_day(date(year, self.month, found[self.n - 1 if self.n > 0 else self.n])) + self.plus]


@dataclass(frozen=True, slots=True)
class Easter:
    """So many days after Easter Sunday."""

    plus: int = 0

    def days(self, year: int, own: Own) -> Sequence[int]:
        return [lunar.easter_day(year) + self.plus]


@dataclass(frozen=True, slots=True)
class Lunar:
    """A date of the Chinese calendar, and some days after it. A leap month repeats no festival."""

    month: int
    day: int
    plus: int = 0

    def days(self, year: int, own: Own) -> Sequence[int]:
        # The end of a Chinese year falls in the next year of ours, so both are asked.
        asked = (y for y in (year - 1, year, year + 1) if lunar.FIRST_YEAR <= y <= lunar.LAST_YEAR)
        found = (lunar.lunar_day(y, self.month, self.day) for y in asked)
        days = [d + self.plus for d in found if d is not None]
        return [d for d in days if to_date(d).year == year]


@dataclass(frozen=True, slots=True)
class Term:
    """The day the sun reaches a longitude, in Beijing or another number of hours east."""

    degrees: int
    hours_east: float = 8

    def days(self, year: int, own: Own) -> Sequence[int]:
        in_range = lunar.FIRST_YEAR <= year <= lunar.LAST_YEAR
        return [lunar.term_day(year, self.degrees, self.hours_east)] if in_range else []


@dataclass(frozen=True, slots=True)
class PayDay:
    """Monthly pay: on a day of the month, moved to the working day before; 0 is the month's last working day."""

    country: str
    day: int

    def days(self, year: int, own: Own) -> Sequence[int]:
        found = []
        for month in range(1, 13):
            length = calendar.monthrange(year, month)[1]
            day = to_day(date(year, month, min(self.day or length, length)))
            while not _working(self.country, day):
                day -= 1
            found.append(day)
        return sorted({d for d in found if to_date(d).year == year})


@dataclass(frozen=True, slots=True)
class OwnDate:
    """The yearly return of a date in a person's life, never before it; 29 February is kept on the 28th between."""

    trait: str

    def days(self, year: int, own: Own) -> Sequence[int]:
        first = own.get(self.trait)
        if first is None:
            return []
        of = to_date(first)
        day = 28 if (of.month, of.day) == (2, 29) and not calendar.isleap(year) else of.day
        at = to_day(date(year, of.month, day))
        return [at] if at > first else []


@lru_cache(maxsize=16)
def _holidays(country: str) -> holidays.HolidayBase:
    return holidays.country_holidays(country.upper())


@lru_cache(maxsize=100_000)
def _working(country: str, day: int) -> bool:
    return bool(_holidays(country).is_working_day(to_date(day)))
