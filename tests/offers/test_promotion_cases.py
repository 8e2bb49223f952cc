"""Promotion cases collected from nine systems' suites: totals always, line shares under the policy each case names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import parts
from promotion_types import told

OWN = Path(__file__).with_name("promotion_cases")
"""Cases found in the same suites, in the same words."""
LEFT_OUT = {"currency": "USD", "minor_units": True, "shipping": None, "allocation": "proportional"}


def given() -> list[Any]:
    found = parts.folder("FAIRDAY_CASES", "cases")
    files = sorted(found.glob("promotions*.json")) if found is not None else []
    if not files:
        return [pytest.param(None, id="no cases")]
    return [pytest.param(case, id=case["id"]) for file in files for case in json.loads(file.read_text())]


def own() -> list[Any]:
    cases = [LEFT_OUT | case for file in sorted(OWN.glob("*.yaml")) for case in yaml.safe_load(file.read_text())]
    return [pytest.param(case, id=case["id"]) for case in cases]


@pytest.mark.parametrize("case", given())
def test_a_case_is_priced_as_its_source_says(case: dict[str, Any] | None) -> None:
    if case is None:
        parts.cases("promotions.json")
    assert case is not None
    agrees(case)


@pytest.mark.parametrize("case", own())
def test_a_case_of_the_same_suites_is_priced_as_they_say(case: dict[str, Any]) -> None:
    agrees(case)


def agrees(case: dict[str, Any]) -> None:
    got = told(case)
    for name, value in case["expected"].items():
        if name == "unit_discounts":
            for sku, units in value.items():
                assert got[name][sku] == sorted(units, reverse=True), sku
        elif name != "line_discounts" or case["allocation"] != "any":
            assert got[name] == value, name
