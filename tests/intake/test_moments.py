from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairday.intake.moments import BadMoment, happened_at, instant

AT = 1_795_286_219_478


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T18:36:59.478Z",
        "2026-11-21T18:36:59.478z",
        "2026-11-21T18:36:59.478",
        "2026-11-21 18:36:59.478",
        "2026-11-21T18:36:59,478Z",
        "2026-11-21T18:36:59.478000+00:00",
        "2026-11-21T18:36:59.478123456Z",
        "2026-11-22T02:36:59.478+08:00",
        "2026-11-22T02:36:59.478+0800",
        "2026-11-22T02:36:59.478+08",
        "2026-11-21T14:06:59.478-04:30",
        "20261121T183659.478Z",
        " 2026-11-21T18:36:59.478Z ",
        "1795286219478",
        1795286219478,
        1795286219478.0,
        1795286219.478,
    ],
)
def test_every_form_that_sdks_write_is_read(text: str | int | float) -> None:
    assert instant(text) == AT


def test_seconds_dates_and_nothing_are_read() -> None:
    assert instant(1795286219) == instant("1795286219") == instant("2026-11-21T18:36:59Z") == 1_795_286_219_000
    assert instant("2026-11-21") == 1_795_219_200_000
    assert instant(None) is None
    assert instant(" ") is None
    assert instant(0) == 0


@pytest.mark.parametrize("bad", ["x", "2026-02-30", "12", "0001-01-01T00:00:00+14:00", -5, 1e20, "2026-11-21T25:00"])
def test_what_is_no_instant_is_refused(bad: str | int | float) -> None:
    with pytest.raises(BadMoment):
        instant(bad)


@given(st.integers(0, 2**42), st.integers(-(2**41), 2**41), st.integers(0, 2**31), st.integers(0, 5_000))
def test_a_wrong_clock_is_wrong_by_the_delay_of_the_network_only(now: int, skew: int, ago: int, delay: int) -> None:
    original, sent = now - ago + skew, now + skew
    found = happened_at(now + delay, sent, original, None)
    assert found == max(0, now - ago + delay)
    assert happened_at(now + delay, sent, None, original) == found


def test_without_any_stamp_it_happened_when_it_was_received() -> None:
    assert happened_at(500, None, None, None) == happened_at(500, 400, None, None) == 500
    assert happened_at(500, None, 300, None) == 300
    assert happened_at(500, None, 300, 200) == 200
