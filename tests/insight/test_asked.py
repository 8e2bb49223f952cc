from __future__ import annotations

from datetime import date

import pytest

from fairday.insight.asked import Asked, ask
from fairday.kernel.clock import to_day
from fairday.kernel.errors import FairdayError

TODAY = to_day(date(2026, 6, 17))


def test_unasked_it_is_revenue_of_the_last_28_days():
    found = ask({}, TODAY)
    assert found == Asked("revenue", TODAY - 27, TODAY)
    assert (found.earlier.first, found.earlier.last) == (TODAY - 55, TODAY - 28)


def test_this_month_so_far_and_the_weekdays_of_last_year():
    found = ask({"period": "month", "compare": "year", "metric": "new-buyers"}, TODAY)
    assert (found.first, found.days, found.metric) == (to_day(date(2026, 6, 1)), 17, "new-buyers")
    assert found.earlier.first == to_day(date(2025, 6, 2))  # both Mondays
    assert ask({"from": "2024-01-01", "to": "2026-06-17", "compare": "year"}, TODAY).earlier.last < to_day(
        date(2024, 1, 1)
    )


def test_days_of_ones_own():
    found = ask({"from": "2026-05-01", "to": "2026-05-01"}, TODAY)
    assert (found.first, found.days) == (to_day(date(2026, 5, 1)), 1)
    assert ask({"from": "2026-05-01"}, TODAY).last == TODAY
    assert ask({"period": "7d"}, TODAY).days == 7


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"metric": "clicks"}, "bad_metric"),
        ({"compare": "never"}, "bad_compare"),
        ({"period": "0d"}, "bad_period"),
        ({"period": "d"}, "bad_period"),
        ({"period": "²d"}, "bad_period"),
        ({"period": "99999d"}, "bad_period"),
        ({"period": "week"}, "bad_period"),
        ({"from": "yesterday"}, "bad_from"),
        ({"to": "2026-02-30"}, "bad_to"),
        ({"from": "2026-06-02", "to": "2026-06-01"}, "bad_period"),
        ({"from": "0001-01-01", "to": "0001-01-01"}, "bad_to"),
        ({"from": "1971-01-01", "to": "2026-06-01"}, "bad_period"),
    ],
)
def test_what_is_no_question_is_refused_with_what_to_write(given, code):
    with pytest.raises(FairdayError) as refused:
        ask(given, TODAY)
    assert refused.value.code == code
    assert refused.value.remedy
