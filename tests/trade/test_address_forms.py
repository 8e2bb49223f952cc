"""Address forms by country: the fields people there write, and shapes that agree with what is read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairday.kernel.errors import FairdayError
from fairday.trade.links import order_number
from fairday.trade.shipping.addresses import (
    EXAMPLES,
    POSTCODES,
    WITHOUT,
    Address,
    fields_of,
    read_address,
    read_postcode,
    written,
)

COUNTRIES = sorted({*POSTCODES, *WITHOUT})


def names(country: str) -> list[str]:
    return [f.name for f in fields_of(country)]


@pytest.mark.parametrize(
    ("country", "order"),
    [
        ("CN", ["postcode", "region", "city", "district", "street"]),
        ("JP", ["postcode", "region", "city", "district", "street"]),
        ("US", ["street", "city", "region", "postcode"]),
        ("DE", ["street", "postcode", "city"]),
        ("GB", ["street", "city", "region", "postcode"]),
        ("HK", ["street", "city"]),
        ("ES", ["street", "postcode", "city", "region"]),
        ("MX", ["street", "district", "postcode", "city", "region"]),
    ],
)  # fmt: skip
def test_a_countrys_fields_stand_as_people_there_write_them(country, order):
    assert names(country) == order


@pytest.mark.parametrize("country", sorted(EXAMPLES))
def test_an_example_fits_its_shape_and_is_read(country):
    postcode = next(f for f in fields_of(country) if f.name == "postcode")
    assert re.fullmatch(postcode.shape, postcode.example)
    assert re.fullmatch(postcode.shape, postcode.example.lower())
    assert read_postcode(postcode.example.lower(), country) == postcode.example


@given(st.sampled_from(sorted(POSTCODES)), st.text(st.sampled_from("0123456789ABCXYZabcxyz -"), max_size=10))
def test_what_fits_the_forms_shape_is_what_is_read(country, text):
    shape = next(f.shape for f in fields_of(country) if f.name == "postcode")
    written = " ".join(text.split())
    try:
        read = read_postcode(written, country)
    except FairdayError:
        assert not re.fullmatch(shape, written)
    else:
        assert not written or not read or re.fullmatch(shape, written)


@pytest.mark.parametrize("country", COUNTRIES)
def test_an_address_with_the_needed_fields_alone_is_taken(country):
    example = EXAMPLES.get(country)
    given = {"name": "Eva", "country": country, "phone": "+8613800138000"}
    for field in fields_of(country):
        if field.must and field.name != "postcode":
            given[field.name] = "X"
    needs = next((f for f in fields_of(country) if f.name == "postcode" and f.must), None)
    if needs is not None:
        if example is None:
            return
        given["postcode"] = example
    assert read_address(given).country == country
    for field in fields_of(country):
        if field.must:
            with pytest.raises(FairdayError) as wrong:
                read_address({**given, field.name: ""})
            assert wrong.value.where == field.name


def test_an_order_whose_id_says_no_day_has_a_number_without_one():
    assert order_number("order:0190a1b2c3d4e5f60718293a4b").startswith("240711-")
    sold = order_number("order:t29f10305ad7fa8a5ae3e70c798fb")
    assert not sold.startswith("000000")
    assert re.fullmatch(r"[0-9A-F]{6}-[0-9A-F]{6}", sold)


def test_a_label_calls_the_country_as_its_reader_does():
    berlin = Address(name="Eva", country="DE", city="Berlin", street="Torstr. 1", postcode="10119", phone="+4930123456")
    assert written(berlin)[-1] == "DE"
    assert written(berlin, "德国") == ["Eva", "Torstr. 1", "10119 Berlin", "德国"]
