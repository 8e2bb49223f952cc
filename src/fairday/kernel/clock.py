"""Time. Instants are integer milliseconds since 1970 UTC; days are integer days since 1970-01-01 in a zone."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fairday.kernel.errors import FairdayError

DAY_MS = 86_400_000
EPOCH = date(1970, 1, 1)


class Clock(Protocol):
    """Says what time it is: milliseconds since 1970 UTC."""

    def now(self) -> int: ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that stands until it is moved; for tests, demos and replays."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    def move(self, ms: int) -> None:
        self.at += ms


def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name.

    Raises:
        FairdayError: the name is not a zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise FairdayError(
            f"{name!r} is not a time zone.",
            code="unknown_zone",
            remedy="Write an IANA name such as Asia/Shanghai.",
        )


@lru_cache(maxsize=200_000)
def _offset(zone_name: str, quarter: int) -> int:
    # Every zone's offset has been constant within a quarter of an hour UTC since 1970.
    at = datetime.fromtimestamp(quarter * 900, zone(zone_name))
    offset = at.utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) * 1000


def local_day(at: int, zone_name: str) -> int:
    """The local day (days since 1970-01-01) on which the instant ``at`` (ms) falls in that zone."""
    return (at + _offset(zone_name, at // 900_000)) // DAY_MS


def local_minute(at: int, zone_name: str) -> int:
    """The minute of the local day, 0 to 1439, at the instant ``at`` (ms)."""
    return (at + _offset(zone_name, at // 900_000)) % DAY_MS // 60_000


def day_start(day: int, zone_name: str) -> int:
    """The first instant (ms) of a local day, also where midnight is skipped by daylight saving."""
    d = to_date(day)
    guess = int(datetime(d.year, d.month, d.day, tzinfo=zone(zone_name)).timestamp() * 1000)
    while local_day(guess, zone_name) < day:
        guess += 900_000
    while local_day(guess - 1, zone_name) >= day:
        guess -= 900_000
    return guess


def to_day(d: date) -> int:
    """Days since 1970-01-01 of a date.

    Raises:
        ValueError: the first or last year that dates know: the day before or after it may be none.
    """
    if not date.min.year < d.year < date.max.year:
        raise ValueError(f"{d} is too far away.")
    return (d - EPOCH).days


def to_date(day: int) -> date:
    """The date of a day number."""
    return EPOCH + timedelta(days=day)


def iso(at: int) -> str:
    """An instant (ms) as ISO 8601 in UTC with milliseconds, as on the Segment wire."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
