"""Promotion cases collected from nine systems' suites: totals always, line shares under the policy each case names."""

from __future__ import annotations

import json
from typing import Any

import pytest

import parts
from fairday.offers.model import Facts, Priced
from fairday.offers.pricing import Book, price
from promotion_types import cart_of, policy_of, rules_of


def cases() -> list[Any]:
    found = parts.folder("FAIRDAY_CASES", "cases")
    files = sorted(found.glob("promotions*.json")) if found is not None else []
    if not files:
        return [pytest.param(None, id="no cases")]
    return [pytest.param(case, id=case["id"]) for file in files for case in json.loads(file.read_text())]


def priced(case: dict[str, Any]) -> Priced:
    book = Book(rules_of(case), policy_of(case), currency=case["currency"])
    return price(cart_of(case), book, Facts(), 0, 0)


@pytest.mark.parametrize("case", cases())
def test_a_case_is_priced_as_its_source_says(case: dict[str, Any] | None) -> None:
    if case is None:
        parts.cases("promotions.json")
    assert case is not None
    got, want = priced(case), case["expected"]
    by_sku: dict[str, int] = {}
    for line, given in zip(case["lines"], got.lines, strict=True):
        by_sku[line["sku"]] = by_sku.get(line["sku"], 0) + given.gross - given.price
    told = {
        "line_discounts": by_sku,
        "item_discount_total": got.discount,
        "shipping_discount": sum(amount for _, amount in got.shipping_discounts),
        "total": got.total,
        "total_net": got.net,
        "total_gross": got.total,
    }
    for name, value in want.items():
        if name == "unit_discounts":
            for sku, units in value.items():
                assert sorted(units, reverse=True) == even(by_sku[sku], len(units))
        elif name != "line_discounts" or case["allocation"] != "any":
            assert told[name] == value, name


def even(amount: int, units: int) -> list[int]:
    """A line's discount over its units, spare ones to the first."""
    return [amount // units + (k < amount % units) for k in range(units)]
