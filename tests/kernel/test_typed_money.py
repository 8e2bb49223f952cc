"""Amounts that a person typed: exactly what stands there, or refused."""

from __future__ import annotations

import pytest

from fairday.goods.sheets import read_money
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import minor, typed


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [("100.01", "EUR", 10001), (" 12.5 ", "EUR", 1250), ("7.500", "EUR", 750), ("-5", "EUR", -500), ("0", "EUR", 0),
     ("100.00", "JPY", 100), ("1.005", "BHD", 1005)],
)  # fmt: skip
def test_an_amount_that_the_currency_has_is_taken_as_it_stands(text: str, currency: str, amount: int) -> None:
    assert typed(text, currency) == amount == minor(text, currency)


@pytest.mark.parametrize(
    ("text", "currency"), [("100.005", "EUR"), ("0.001", "EUR"), ("-1.999", "EUR"), ("10.5", "JPY"), ("1.0005", "BHD"),
                           ("1e-9", "EUR"), ("1e-999999", "EUR")],
)  # fmt: skip
def test_a_finer_amount_than_the_currency_has_is_refused(text: str, currency: str) -> None:
    with pytest.raises(FairdayError) as told:
        typed(text, currency, "back")
    assert (told.value.code, told.value.where) == ("too_many_decimals", "back")


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "1e99", "1e999999999", "1,5,6"])
def test_what_is_no_amount_is_none_when_typed_either(text: str) -> None:
    with pytest.raises(FairdayError) as told:
        typed(text, "EUR")
    assert told.value.code == "bad_amount"


def test_a_file_s_amounts_are_rounded_and_a_form_s_are_refused() -> None:
    assert read_money("9,995", "EUR", "price") == 1000
    with pytest.raises(FairdayError) as told:
        read_money("9,995", "EUR", "price", exact=True)
    assert (told.value.code, told.value.where) == ("too_many_decimals", "price")
