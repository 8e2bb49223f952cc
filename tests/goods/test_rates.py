"""Dated exchange rates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairday.goods.rates import OLDEST, Rates, rates_on, read_rates, save_rates
from fairday.kernel.clock import to_day
from fairday.kernel.errors import FairdayError
from fairday.storage.database import Database

DAY = to_day(date(2026, 11, 20))


def test_the_last_rate_on_or_before_a_day_holds_until_it_is_too_old():
    rates = Rates("EUR", {"USD": [(DAY, Decimal("1.2")), (DAY - 5, Decimal("1.1"))]})
    assert rates.convert(1_000, "EUR", "USD", DAY - 1) == 1_100
    assert rates.convert(1_000, "EUR", "USD", DAY + OLDEST) == 1_200
    for day in (DAY - 6, DAY + OLDEST + 1):
        with pytest.raises(FairdayError, match="There is no rate of USD"):
            rates.convert(1_000, "EUR", "USD", day)


def test_minor_units_of_every_size_meet():
    rates = Rates("EUR", {"JPY": [(DAY, Decimal("160.5"))], "KWD": [(DAY, Decimal("0.35"))]})
    assert rates.convert(100, "EUR", "JPY", DAY) == 161  # 160.5, half up
    assert rates.convert(161, "JPY", "KWD", DAY) == 351
    assert rates.rate("JPY", "JPY", DAY) == 1


@given(st.integers(-(10**9), 10**9), st.decimals("0.001", "1000", places=4))
def test_there_and_back_loses_nothing_before_rounding(amount: int, rate: Decimal):
    rates = Rates("EUR", {"USD": [(DAY, rate)]})
    there = rates.exact(amount, "EUR", "USD", DAY)
    assert there * rates.rate("USD", "EUR", DAY) == Fraction(amount)


def test_rates_are_read_long_and_as_the_central_bank_writes_them():
    long = read_rates("date,base,currency,rate\n2026-11-20,CNY,USD,0.14\n\n2026-11-19,CNY,USD,0.141\n")
    assert long == [("CNY", "USD", DAY, Decimal("0.14")), ("CNY", "USD", DAY - 1, Decimal("0.141"))]
    wide = read_rates("\ufeffDate,USD,JPY,\n2026-11-20,1.16,180.2,\n2026-11-19,N/A,180,\n")
    assert [(c, r) for _, c, _, r in wide] == [
        ("USD", Decimal("1.16")),
        ("JPY", Decimal("180.2")),
        ("JPY", Decimal("180")),
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "rates.csv:1"),
        ("day,USD\n", "rates.csv:1"),
        ("date,USD\n20.11.2026,1", "rates.csv:2"),
        ("date,USD\n2026-11-20,-1", "rates.csv:2"),
        ("date,USD\n2026-11-20,nan", "rates.csv:2"),
        ("date,base,currency,rate\n2026-11-20,USD,USD,1", "rates.csv:2"),
        ("date,dollars\n2026-11-20,1", "rates.csv:2"),
    ],
)
def test_bad_rates_are_refused_with_their_line(text: str, where: str):
    with pytest.raises(FairdayError) as told:
        read_rates(text)
    assert told.value.where == where


def test_a_day_told_again_is_corrected(db: Database):
    with db.write() as conn:
        save_rates(conn, [("EUR", "USD", DAY, Decimal("1.5")), ("EUR", "USD", DAY, Decimal("1.1"))])
        save_rates(conn, [("EUR", "USD", DAY, Decimal("1.2")), ("EUR", "GBP", DAY - OLDEST - 1, Decimal("0.8"))])
    with db.read() as conn:
        rates = rates_on(conn, DAY)
    assert rates.convert(100, "EUR", "USD", DAY) == 120
    assert rates.currencies == ("EUR", "USD")
