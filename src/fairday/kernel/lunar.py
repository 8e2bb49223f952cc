"""The Chinese calendar and the solar terms, computed from the sun and the moon.

Rules as in the national standard GB/T 33661-2017: Beijing time (UTC+8); a month begins on the day of a new moon; the
month of the winter solstice is the eleventh; where thirteen months lie between two such months, the first without a
major term is the leap month. The new moon follows Meeus, *Astronomical Algorithms*, chapter 49 (a few seconds); the
sun's longitude the leading terms of VSOP87 with nutation and aberration (about a second of arc, some twenty seconds of
time). Tested from 1950 to 2099.
"""

from __future__ import annotations

import math
from datetime import date
from functools import lru_cache

from fairday.kernel.clock import to_date, to_day
from fairday.kernel.errors import FairdayError

FIRST_YEAR, LAST_YEAR = 1950, 2099

_BEIJING = 8 / 24
_UNIX_JD = 2440587.5

# VSOP87, Earth's heliocentric longitude: (amplitude in 1e-8 rad, phase, frequency per thousand years).
_L0 = (
    (175347046, 0.0, 0.0), (3341656, 4.6692568, 6283.07585), (34894, 4.6261, 12566.1517), (3497, 2.7441, 5753.3849),
    (3418, 2.8289, 3.5231), (3136, 3.6277, 77713.7715), (2676, 4.4181, 7860.4194), (2343, 6.1352, 3930.2097),
    (1324, 0.7425, 11506.7698), (1273, 2.0371, 529.691), (1199, 1.1096, 1577.3435), (990, 5.233, 5884.927),
    (902, 2.045, 26.298), (857, 3.508, 398.149), (780, 1.179, 5223.694), (753, 2.533, 5507.553),
    (505, 4.583, 18849.228), (492, 4.205, 775.523), (357, 2.92, 0.067), (317, 5.849, 11790.629),
    (284, 1.899, 796.298), (271, 0.315, 10977.079), (243, 0.345, 5486.778), (206, 4.806, 2544.314),
    (205, 1.869, 5573.143), (202, 2.458, 6069.777), (156, 0.833, 213.299), (132, 3.411, 2942.463),
    (126, 1.083, 20.775), (115, 0.645, 0.98), (103, 0.636, 4694.003), (102, 0.976, 15720.839),
)  # fmt: skip
_L1 = (
    (628331966747, 0.0, 0.0), (206059, 2.678235, 6283.07585), (4303, 2.6351, 12566.1517), (425, 1.59, 3.523),
    (119, 5.796, 26.298), (109, 2.966, 1577.344), (93, 2.59, 18849.23), (72, 1.14, 529.69), (68, 1.87, 398.15),
    (67, 4.41, 5507.55), (59, 2.89, 5223.69), (56, 2.17, 155.42), (45, 0.4, 796.3), (36, 0.47, 775.52),
)  # fmt: skip
_L2 = ((52919, 0.0, 0.0), (8720, 1.0721, 6283.0758), (309, 0.867, 12566.152))

# Meeus 49, new moon: (coefficient in days, power of E, multiples of M, M', F, Omega).
_NEW_MOON = (
    (-0.40720, 0, 0, 1, 0, 0), (0.17241, 1, 1, 0, 0, 0), (0.01608, 0, 0, 2, 0, 0), (0.01039, 0, 0, 0, 2, 0),
    (0.00739, 1, -1, 1, 0, 0), (-0.00514, 1, 1, 1, 0, 0), (0.00208, 2, 2, 0, 0, 0), (-0.00111, 0, 0, 1, -2, 0),
    (-0.00057, 0, 0, 1, 2, 0), (0.00056, 1, 1, 2, 0, 0), (-0.00042, 0, 0, 3, 0, 0), (0.00042, 1, 1, 0, 2, 0),
    (0.00038, 1, 1, 0, -2, 0), (-0.00024, 1, -1, 2, 0, 0), (-0.00017, 0, 0, 0, 0, 1), (-0.00007, 0, 2, 1, 0, 0),
    (0.00004, 0, 0, 2, -2, 0), (0.00004, 0, 3, 0, 0, 0), (0.00003, 0, 1, 1, -2, 0), (0.00003, 0, 0, 2, 2, 0),
    (-0.00003, 0, 1, 1, 2, 0), (0.00003, 0, -1, 1, 2, 0), (-0.00002, 0, -1, 1, -2, 0), (-0.00002, 0, 1, 3, 0, 0),
    (0.00002, 0, 0, 4, 0, 0),
)  # fmt: skip
_PLANETS = (
    (0.000325, 299.77, 0.107408), (0.000165, 251.88, 0.016321), (0.000164, 251.83, 26.651886),
    (0.000126, 349.42, 36.412478), (0.000110, 84.66, 18.206239), (0.000062, 141.74, 53.303771),
    (0.000060, 207.14, 2.453732), (0.000056, 154.84, 7.306860), (0.000047, 34.52, 27.261239),
    (0.000042, 207.19, 0.121824), (0.000040, 291.34, 1.844379), (0.000037, 161.72, 24.198154),
    (0.000035, 239.56, 25.513099), (0.000023, 331.55, 3.592518),
)  # fmt: skip


def lunar_day(year: int, month: int, day: int, *, leap: bool = False) -> int | None:
    """The day (days since 1970-01-01, Beijing) of a date of the Chinese calendar, or None where it does not exist.

    Args:
        year: the year of our calendar in which that Chinese year begins.
        month: 1 to 12.
        day: 1 to 30.
        leap: the leap month after that month.

    Raises:
        FairdayError: outside 1950 to 2099.
    """
    _check(year)
    for number, is_leap, first, length in _months(year if month <= 10 else year + 1):
        if (number, is_leap) == (month, leap):
            return first + day - 1 if 1 <= day <= length else None
    return None


def lunar_date(day: int) -> tuple[int, int, int, bool]:
    """The Chinese (year, month, day, leap) of a day since 1970-01-01."""
    for sui in (to_date(day).year, to_date(day).year + 1):
        _check(sui - 1)
        for number, leap, first, length in _months(sui):
            if first <= day < first + length:
                return (sui if number <= 10 else sui - 1), number, day - first + 1, leap
    raise AssertionError("every day has a month")


@lru_cache(maxsize=1024)
def term_day(year: int, degrees: int, hours_east: float = 8) -> int:
    """The day on which the sun reaches a longitude in a year of our calendar.

    0 is the spring equinox, 15 Qingming, 90 the summer solstice, 270 the winter solstice; days are taken at UTC plus
    ``hours_east``.
    """
    _check(year)
    return math.floor(_term(year, degrees) + hours_east / 24 - _UNIX_JD)


def _check(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise FairdayError(
            f"The lunar calendar is computed from {FIRST_YEAR} to {LAST_YEAR}, not for {year}.",
            code="year_out_of_range",
        )


@lru_cache(maxsize=512)
def _months(sui: int) -> tuple[tuple[int, bool, int, int], ...]:
    """Months (number, leap, first day, length) from the eleventh of the year before ``sui`` to its tenth."""
    first = _moon_on_or_before(_solstice(sui - 1))
    last = _moon_on_or_before(_solstice(sui))
    starts = [first]
    k = _near(first)
    while starts[-1] < last:
        k += 1
        at = _moon_day(k)
        if at > starts[-1]:
            starts.append(at)
    count = len(starts) - 1
    leap_at = -1
    if count == 13:
        terms = [_major_term_on_or_before(start) for start in starts]
        # A month holds a major term when the sun's twelfth of the circle differs between its first day and the next's.
        leap_at = next(i for i in range(1, 13) if terms[i] == terms[i + 1])
    months: list[tuple[int, bool, int, int]] = []
    number = 10
    for i in range(count):
        leap = i == leap_at
        if not leap:
            number = number % 12 + 1
        months.append((number, leap, starts[i], starts[i + 1] - starts[i]))
    return tuple(months)


def _major_term_on_or_before(day: int) -> int:
    """How many major terms the sun has passed by the start of a Beijing day, counted round the circle."""
    return int(_longitude(_dynamical(day + _UNIX_JD - _BEIJING)) // 30)


def _solstice(year: int) -> int:
    return math.floor(_term(year, 270) + _BEIJING - _UNIX_JD)


def _moon_on_or_before(day: int) -> int:
    k = _near(day) + 2
    while _moon_day(k) > day:
        k -= 1
    return _moon_day(k)


def _near(day: int) -> int:
    return round((day - 10962.26) / 29.530588861)  # the new moon of 2000-01-06 has number 0


@lru_cache(maxsize=4096)
def _moon_day(k: int) -> int:
    return math.floor(_universal(_new_moon(k)) + _BEIJING - _UNIX_JD)


def _new_moon(k: int) -> float:
    """The instant (Julian day, dynamical time) of new moon number ``k`` since that of 2000-01-06."""
    t = k / 1236.85
    jde = 2451550.09766 + 29.530588861 * k + 0.00015437 * t**2 - 0.00000015 * t**3 + 0.00000000073 * t**4
    e = 1 - 0.002516 * t - 0.0000074 * t**2
    sun = math.radians(2.5534 + 29.1053567 * k - 0.0000014 * t**2 - 0.00000011 * t**3)
    moon = math.radians(201.5643 + 385.81693528 * k + 0.0107582 * t**2 + 0.00001238 * t**3 - 0.000000058 * t**4)
    f = math.radians(160.7108 + 390.67050284 * k - 0.0016118 * t**2 - 0.00000227 * t**3 + 0.000000011 * t**4)
    omega = math.radians(124.7746 - 1.56375588 * k + 0.0020672 * t**2 + 0.00000215 * t**3)
    jde += sum(c * e**p * math.sin(a * sun + b * moon + d * f + o * omega) for c, p, a, b, d, o in _NEW_MOON)
    jde += sum(
        c * math.sin(math.radians(phase + rate * k - (0.009173 * t**2 if i == 0 else 0)))
        for i, (c, phase, rate) in enumerate(_PLANETS)
    )
    return jde


@lru_cache(maxsize=4096)
def _term(year: int, degrees: int) -> float:
    """The instant (Julian day, universal time) at which the sun reaches a longitude in a year."""
    # The year opens near 280 degrees: larger longitudes are passed before the spring equinox of 20 March, others after.
    turn = (degrees % 360 - (360 if degrees % 360 > 280 else 0)) / 360
    jde = 2451623.8 + 365.2422 * (year - 2000 + turn)
    for _ in range(8):
        off = (degrees - _longitude(jde) + 180) % 360 - 180
        jde += off * 365.2422 / 360
        if abs(off) < 1e-7:
            break
    return _universal(jde)


def _longitude(jde: float) -> float:
    """The sun's apparent longitude in degrees at an instant (Julian day, dynamical time)."""
    t = (jde - 2451545) / 365250
    earth = sum(
        t**power * sum(a * math.cos(b + c * t) for a, b, c in series) for power, series in enumerate((_L0, _L1, _L2))
    )
    century = t * 10
    node = math.radians(125.04452 - 1934.136261 * century)
    sun = math.radians(280.4665 + 36000.7698 * century)
    moon = math.radians(218.3165 + 481267.8813 * century)
    nutation = (
        -17.2 * math.sin(node) - 1.32 * math.sin(2 * sun) - 0.23 * math.sin(2 * moon) + 0.21 * math.sin(2 * node)
    ) / 3600
    anomaly = math.radians(357.52911 + 35999.05029 * century)
    distance = 1.00014 - 0.01671 * math.cos(anomaly) - 0.00014 * math.cos(2 * anomaly)
    aberration = -20.4898 / 3600 / distance
    frame = -0.09033 / 3600  # from VSOP's frame to FK5
    return (math.degrees(earth * 1e-8) + 180 + nutation + aberration + frame) % 360


def _delta_t(jd: float) -> float:
    """Dynamical minus universal time in days: observed to 2025, then a slow growth (Espenak and Meeus before 2005)."""
    y = 2000 + (jd - 2451545) / 365.25
    if y < 1961:
        t = y - 1950
        seconds = 29.07 + 0.407 * t - t**2 / 233 + t**3 / 2547
    elif y < 1986:
        t = y - 1975
        seconds = 45.45 + 1.067 * t - t**2 / 260 - t**3 / 718
    elif y < 2005:
        t = y - 2000
        seconds = 63.86 + 0.3345 * t - 0.060374 * t**2 + 0.0017275 * t**3 + 0.000651814 * t**4 + 0.00002373599 * t**5
    else:
        seconds = 64.7 + 0.22 * min(y - 2005, 20) + 0.4 * max(y - 2025, 0)
    return seconds / 86400


def _universal(jde: float) -> float:
    return jde - _delta_t(jde)


def _dynamical(jd: float) -> float:
    return jd + _delta_t(jd)


def easter_day(year: int) -> int:
    """Easter Sunday of the western churches (days since 1970-01-01). Source: the anonymous Gregorian computus."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return to_day(date(year, month, day + 1))
