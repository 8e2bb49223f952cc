"""The page about audiences lists what the language has, no more and no less, and its examples hold."""

from __future__ import annotations

import re
from pathlib import Path

from fairday.kernel.audience import (
    FUNCTIONS,
    OPERATORS,
    STANDARD_MEASURES,
    STANDARD_TRAITS,
    TRAIT_TYPES,
    Facts,
    Vocabulary,
    parse,
)
from fairday.kernel.audience.tree import MAX_COUNT, MAX_VALUE
from fairday.kernel.audience.values import MAX_DEPTH, MAX_SPAN, MAX_TEXT
from fairday.kernel.audience.words import MAX_LENGTH, MAX_NESTING, MAX_WORDS

PAGE = (Path(__file__).parents[2] / "docs" / "algorithms" / "audiences.md").read_text(encoding="utf-8")
WORDS = Vocabulary(STANDARD_TRAITS, "CNY")
TRUTHS = {"true": True, "false": False, "unknown": None}


def table(heading: str) -> list[list[str]]:
    """The rows of the table whose first column is headed so."""
    found = re.search(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert found, heading
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()]


def test_types_operators_measures_and_functions_are_all_there() -> None:
    assert {row[0].strip("`"): row[1] for row in table("type")} == dict(TRAIT_TYPES)
    assert {row[0].strip("`"): row[1] for row in table("operator")} == dict(OPERATORS)
    assert {row[0].strip("`"): row[1] for row in table("measure")} == {
        m.name: m.type for m in STANDARD_MEASURES.values()
    }
    assert {row[0].strip("`"): row[1].strip("`") for row in table("function")} == dict(FUNCTIONS)


def test_every_example_of_a_function_is_understood() -> None:
    for example in FUNCTIONS.values():
        boolean = example.startswith(("known", "likely", "has", "contains", "starts_with"))
        parse(example if boolean else f"{example} > 1", WORDS)


def test_the_bands_of_the_page() -> None:
    bands = {
        "12..18": (12, 18),
        "19..24": (19, 24),
        "20..24": (20, 24),
        "65.. (open)": (65, None),
        "unknown": (None, None),
    }
    rows = table("`age` is")
    assert [row[0] for row in rows] == list(bands)
    for name, *said in rows:
        facts = Facts.of([("age", *bands[name], None, None)])
        for text, truth in zip(("age < 20", "age >= 20", "age = 19"), said, strict=True):
            assert parse(text, WORDS).holds(facts, 0) is TRUTHS[truth], (name, text)


def test_the_truth_table_of_the_page() -> None:
    age = {"true": 10, "false": 30, "unknown": None}
    rows = table("a")
    assert len(rows) == 9
    for a, b, both, either, no in rows:
        facts = Facts.of([("age", age[a], age[a], None, None), ("children", age[b], age[b], None, None)])
        for text, truth in (
            ("age < 20 AND children < 20", both),
            ("age < 20 OR children < 20", either),
            ("NOT age < 20", no),
        ):
            assert parse(text, WORDS).holds(facts, 0) is TRUTHS[truth], (a, b, text)


def test_the_bounds_of_the_page() -> None:
    assert f"{MAX_LENGTH:,} characters, {MAX_WORDS:,} words, {MAX_NESTING} levels" in PAGE
    assert f"{MAX_DEPTH} steps" in PAGE
    assert f"`{MAX_SPAN}d`" in PAGE
    assert f"at most {MAX_TEXT} characters" in PAGE
    assert (MAX_VALUE, MAX_COUNT) == (10**15, 10**12)
