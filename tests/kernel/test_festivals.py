from __future__ import annotations

from datetime import date
from itertools import pairwise

import holidays
import pytest
from holidays.calendars.chinese import _ChineseLunisolar
from hypothesis import given
from hypothesis import strategies as st

from fairday.kernel import festivals, lunar
from fairday.kernel.clock import to_date, to_day
from fairday.kernel.errors import FairdayError, NotFound

# Public dates, from almanacs and government notices.
KNOWN = {
    "cn.spring_festival": "2019-02-05 2020-01-25 2021-02-12 2022-02-01 2023-01-22 2024-02-10 2025-01-29 2026-02-17 "
    "2027-02-06 2028-01-26 2029-02-13 2030-02-03",
    "cn.new_years_eve": "2024-02-09 2025-01-28 2026-02-16",
    "cn.lantern": "2023-02-05 2024-02-24 2025-02-12 2026-03-03",
    "cn.qingming": "2019-04-05 2020-04-04 2021-04-04 2022-04-05 2023-04-05 2024-04-04 2025-04-04 2026-04-05",
    "cn.dragon_boat": "2019-06-07 2020-06-25 2021-06-14 2022-06-03 2023-06-22 2024-06-10 2025-05-31 2026-06-19",
    "cn.qixi": "2019-08-07 2020-08-25 2021-08-14 2022-08-04 2023-08-22 2024-08-10 2025-08-29 2026-08-19",
    "cn.mid_autumn": "2019-09-13 2020-10-01 2021-09-21 2022-09-10 2023-09-29 2024-09-17 2025-10-06 2026-09-25",
    "cn.double_ninth": "2023-10-23 2024-10-11 2025-10-29",
    "cn.winter_solstice": "2019-12-22 2020-12-21 2021-12-21 2022-12-22 2023-12-22 2024-12-21 2025-12-21 2026-12-22",
    "cn.laba": "2021-01-20 2022-01-10 2022-12-30",
    "cn.618": "2025-06-18 2026-06-18",
    "cn.double_11": "2025-11-11 2026-11-11",
    "easter": "2019-04-21 2020-04-12 2021-04-04 2022-04-17 2023-04-09 2024-03-31 2025-04-20 2026-04-05 2038-04-25",
    "us.thanksgiving": "2019-11-28 2023-11-23 2024-11-28 2025-11-27 2026-11-26",
    "black_friday": "2023-11-24 2024-11-29 2025-11-28",
    "cyber_monday": "2023-11-27 2024-12-02 2025-12-01",
    "us.mothers_day": "2024-05-12 2025-05-11 2026-05-10",
    "gb.mothers_day": "2024-03-10 2025-03-30 2026-03-15",
    "es.mothers_day": "2024-05-05 2025-05-04 2026-05-03",
    "mx.mothers_day": "2024-05-10 2025-05-10",
    "es.fathers_day": "2025-03-19",
    "gb.pancake_day": "2024-02-13 2025-03-04",
    "mx.buen_fin": "2022-11-18 2023-11-17 2024-11-15",
    "jp.autumn_equinox": "2023-09-23 2024-09-22 2025-09-23",
    "us.pay_day.15": "2025-11-14 2025-12-15",
    "gb.pay_day.last_working_day": "2025-11-28 2025-12-31 2026-01-30",
    "cn.pay_day.10": "2025-09-10 2025-10-10",
}


@pytest.mark.parametrize("name", KNOWN)
def test_festivals_fall_on_the_days_almanacs_give(name):
    days = [to_day(date.fromisoformat(d)) for d in KNOWN[name].split()]
    for day in days:
        assert festivals.occurrences(name, day, day) == [day]
    if len(days) > 2 and "pay_day" not in name:
        between = festivals.occurrences(name, days[0], days[1])
        assert between[0] == days[0]
        assert between[-1] == days[1]


def test_a_golden_week_before_the_tenth_moves_the_pay_day_before_it():
    # 1 to 8 October 2025 was a holiday in China: pay of the 8th comes on 30 September.
    assert [to_date(d).isoformat() for d in festivals.occurrences("cn.pay_day.8", *_span("2025-09-20", "2025-10-20"))] \
        == ["2025-09-30"]  # fmt: skip


def _span(a: str, b: str) -> tuple[int, int]:
    return to_day(date.fromisoformat(a)), to_day(date.fromisoformat(b))


@pytest.mark.parametrize(
    ("table", "month", "day"),
    [("LUNAR_NEW_YEAR", 1, 1), ("DRAGON_BOAT", 5, 5), ("MID_AUTUMN", 8, 15), ("DOUBLE_NINTH", 9, 9)],
)
def test_the_lunar_calendar_agrees_with_the_tables_of_a_century_and_a_half(table, month, day):
    dates = getattr(_ChineseLunisolar, f"{table}_DATES")
    years = [y for y in dates if lunar.FIRST_YEAR <= y <= lunar.LAST_YEAR]
    assert len(years) >= 149
    for year in years:
        assert to_date(lunar.lunar_day(year, month, day)) == date(year, *dates[year])


def test_equinoxes_agree_with_the_japanese_calendar():
    found = holidays.country_holidays("JP", years=range(1980, 2080), language="ja")
    checked = 0
    for day, name in found.items():
        for title, degrees in (("春分の日", 0), ("秋分の日", 180)):
            if name == title:
                assert to_date(lunar.term_day(day.year, degrees, 9)) == day
                checked += 1
    assert checked > 190


def test_leap_months_are_where_the_almanac_has_them():
    leaps = {2020: 4, 2023: 2, 2025: 6, 2028: 5, 2031: 3, 2033: 11, 2036: 6}
    for year in range(2020, 2037):
        found = [m for m in range(1, 13) if lunar.lunar_day(year, m, 1, leap=True) is not None]
        assert found == ([leaps[year]] if year in leaps else [])


@given(st.integers(to_day(date(1951, 3, 1)), to_day(date(2099, 1, 1))))
def test_every_day_has_one_lunar_date_and_comes_back_from_it(day):
    year, month, of, leap = lunar.lunar_date(day)
    assert lunar.lunar_day(year, month, of, leap=leap) == day
    following = lunar.lunar_date(day + 1)
    assert following[2] == of + 1 or (following[2] == 1 and of in (29, 30))


def test_lunar_years_outside_the_computed_span_are_refused():
    with pytest.raises(FairdayError) as error:
        lunar.lunar_day(1949, 1, 1)
    assert error.value.code == "year_out_of_range"
    assert lunar.lunar_day(2026, 1, 31) is None


NAMES = [f.name for f in festivals.all_festivals()]


@given(st.sampled_from(NAMES), st.integers(1, 700), st.integers(2021, 2060))
def test_occurrences_are_ordered_and_any_window_is_a_cut_of_a_wider_one(name, length, year):
    own = {"birthday": to_day(date(2000, 2, 29)), "first_order_day": to_day(date(2019, 7, 1))}
    start = to_day(date(year, 5, 17))
    wide = festivals.occurrences(name, start - 400, start + length + 400, own)
    assert wide == sorted(set(wide))
    assert festivals.occurrences(name, start, start + length, own) == [d for d in wide if start <= d <= start + length]
    assert 1 <= len(wide) <= 12 * (length + 800) // 365 + 2
    following = festivals.next_occurrence(name, start, own)
    assert following is not None
    assert 0 <= following - start <= 390


def test_every_festival_has_a_title_in_three_languages_and_a_name_of_its_own():
    assert len(NAMES) == len(set(NAMES))
    for found in festivals.all_festivals():
        assert all(found.titles[language] for language in ("zh", "en", "es"))
        assert found.country in (None, *festivals.COUNTRIES)
        assert festivals.festival(found.name) == found


def test_a_persons_own_date_returns_each_year_and_never_before_it():
    leapling = {"birthday": to_day(date(2000, 2, 29))}
    found = festivals.occurrences("own.birthday", *_span("1999-01-01", "2004-12-31"), leapling)
    assert [to_date(d).isoformat() for d in found] == ["2001-02-28", "2002-02-28", "2003-02-28", "2004-02-29"]
    assert festivals.occurrences("own.birthday", *_span("2020-01-01", "2030-01-01")) == []
    assert festivals.festival("own.birthday").own_trait == "birthday"
    assert festivals.festival("own.wedding").own_trait == "wedding"


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("cn.springfestival", "cn.spring_festival"),
        ("us.black_friday", "black_friday"),
        ("spring_festival", "cn.spring_festival"),
        ("cn.pay_day.32", "cn.pay_day.10"),
        ("", "docs/merchants"),
    ],
)
def test_an_unknown_festival_is_refused_with_the_nearest_name(wrong, meant):
    with pytest.raises(NotFound) as error:
        festivals.festival(wrong)
    assert meant in error.value.remedy


THREE = tuple(
    festivals.phase(n, s) for n, s in (("warm-up", "-28d..-15d"), ("burst", "-14d..-4d"), ("encore", "-3d..+7d"))
)


def test_phases_meet_the_days_round_a_festival():
    day = to_day(date(2026, 2, 17))
    names = {}
    for offset in range(-40, 20):
        found = festivals.phase_on("cn.spring_festival", THREE, day + offset)
        names[offset] = found and found[0].name
        assert found is None or found[1] == day
    assert [names[o] for o in (-29, -28, -15, -14, -4, -3, 0, 7, 8)] == [
        None, "warm-up", "warm-up", "burst", "burst", "encore", "encore", "encore", None,
    ]  # fmt: skip


def test_the_nearer_of_two_pay_days_counts():
    wide = (festivals.phase("before", "-20d..-1d"), festivals.phase("after", "0d..20d"))
    day = to_day(date(2026, 6, 12))
    assert festivals.phase_on("cn.pay_day.10", wide, day) == (wide[1], to_day(date(2026, 6, 10)))
    assert festivals.phase_on("cn.pay_day.10", (), day) is None


@pytest.mark.parametrize("text", ["", "soon", "-28..-15", "28d...3d", "1w..2w", "-1000d..0d", "+7d..-3d"])
def test_a_bad_stretch_of_days_is_refused(text):
    with pytest.raises(FairdayError) as error:
        festivals.phase("burst", text)
    assert error.value.code == "bad_phase"
    assert error.value.remedy


@given(st.lists(st.tuples(st.integers(-200, 200), st.integers(0, 40)), min_size=2, max_size=5))
def test_phases_that_overlap_or_stand_out_of_order_are_refused_and_others_are_not(spans):
    phases = [festivals.Phase(f"p{i}", a, a + n) for i, (a, n) in enumerate(spans)]
    fine = all(x.last < y.first for x, y in pairwise(phases))
    fine = fine and phases[-1].last - phases[0].first < 365
    if fine:
        festivals.check_phases(phases)
    else:
        with pytest.raises(FairdayError):
            festivals.check_phases(phases)


def test_a_phase_that_fills_a_year_is_refused():
    with pytest.raises(FairdayError):
        festivals.check_phases([festivals.Phase("always", -200, 200)])
