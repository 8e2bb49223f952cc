"""The index of conditions never misses one that holds, and leads a person to few that do not."""

from __future__ import annotations

from random import Random

import pytest

import audiences
from fairday.kernel import audience as language
from fairday.kernel.audience import STANDARD_TRAITS, ConditionIndex, Facts, Vocabulary, pack, parse

WORDS = Vocabulary(STANDARD_TRAITS, "CNY")


@pytest.mark.parametrize("seed", range(12))
def test_whatever_holds_is_found(seed: int) -> None:
    random = Random(seed)
    of = audiences.world(random, 40, seed)
    words = audiences.vocabulary(language)
    found = [parse(audiences.render(audiences.expression(random)), words) for _ in range(150)]
    index = ConditionIndex([a.keys for a in found])
    held = asked = 0
    for person in audiences.facts(language, of):
        candidates = index.candidates(person, of.day)
        holding = {n for n, a in enumerate(found) if a.test(person, of.day)}
        assert holding <= candidates
        held, asked = held + len(holding), asked + len(candidates)
    assert held
    assert asked < 0.75 * len(found) * len(of.people)


def index(*texts: str) -> ConditionIndex:
    return ConditionIndex([parse(t, WORDS).keys for t in texts])


def exact(trait: str, value: int) -> tuple[str, int, int, None, None]:
    return (trait, value, value, None, None)


@pytest.mark.parametrize(
    ("text", "profile", "activity", "found"),
    [
        ("city = 'Paris'", [("city", None, None, "Paris", None)], [], True),
        ("city = 'Paris'", [("city", None, None, "Lyon", None)], [], False),
        ("city != 'Paris'", [], [], False),
        ("city in ('Paris', 'Lyon') AND age > 3", [("city", None, None, "Nice", None), exact("age", 9)], [], False),
        ("'tea' in interests", [("interests", None, None, pack(["tea", "cup"]), None)], [], True),
        ("'tea' in interests", [("interests", None, None, pack(["teapot"]), None)], [], False),
        ("age between 20 and 30", [exact("age", 20)], [], True),
        ("age between 20 and 30", [exact("age", 31)], [], False),
        ("age between 20 and 30", [exact("age", 19)], [], False),
        ("age >= 20 and not age > 30", [exact("age", 31)], [], False),
        ("age < 20 or city = 'Paris'", [exact("age", 19)], [], True),
        ("age < 20 or city = 'Paris'", [exact("age", 20)], [], False),
        ("orders(90d) >= 2", [], [("Order Completed", 950, 2, 0)], True),
        ("orders(90d) >= 2", [], [("Order Completed", 950, 1, 0)], False),
        ("orders(90d) >= 2", [], [("Order Completed", 900, 2, 0)], False),
        ("orders(90d) = 0", [], [], True),
        ("orders(90d) = 0", [], [("Order Completed", 950, 1, 0)], False),
        ("bought('category', 'tea', 90d) >= 1", [], [("bought:category=cups", 950, 2, 0)], False),
        ("days_since('Order Completed') > 30", [], [("Order Completed", 950, 1, 0)], True),
        ("days_since('Order Completed') > 30", [], [], False),
        ("known(age)", [], [], False),
        ("likely(age < 20, 0.8)", [("age", 10, 19, None, 800)], [], True),
        ("likely(age < 20, 0.8)", [("age", 10, 19, None, 799)], [], False),
        ("age < 20", [("age", 10, 19, None, 999)], [], False),
        ("children > household_size", [exact("children", 3), exact("household_size", 3)], [], False),
        ("children > household_size", [exact("children", 4), exact("household_size", 3)], [], True),
        ("false", [], [], False),
        ("true", [], [], True),
    ],
)  # fmt: skip
def test_a_condition_is_found_by_what_it_needs(text, profile, activity, found):
    assert bool(index(text).candidates(Facts.of(profile, activity), 1000)) is found


def test_of_many_conditions_only_those_of_the_persons_city_are_looked_at():
    many = index(*(f"age > 3 and city = 'c{n}' and orders(30d) = 0" for n in range(500)))
    assert many.candidates(Facts.of([("city", None, None, "c7", None), exact("age", 40)]), 1000) == {7}
