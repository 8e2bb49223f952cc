"""The search against every combination tried."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.offers.model import Facts, Policy
from fairday.offers.pricing import Book, price
from pricing_carts import benefit_of, cart_at, every, rules_at

SEEDS = st.integers(0, 10**9)


@settings(max_examples=120)
@given(seed=SEEDS)
def test_the_best_for_the_buyer_is_what_trying_everything_finds(seed: int) -> None:
    cart, book = cart_at(seed), Book(rules_at(seed), Policy(nodes=10**6))
    got = price(cart, book, Facts(), 0, 0)
    best, _, _ = every(cart, book)
    assert got.certificate.gap == 0
    assert got.certificate.value == best


@settings(max_examples=120)
@given(seed=SEEDS)
def test_where_everything_is_monotone_it_is_found_as_well(seed: int) -> None:
    cart, book = cart_at(seed, 8), Book(rules_at(seed, smooth=True), Policy(nodes=10**6))
    got = price(cart, book, Facts(), 0, 0)
    best, _, _ = every(cart, book)
    assert (got.certificate.value, got.certificate.gap) == (best, 0)


@settings(max_examples=250)
@given(seed=SEEDS)
def test_where_rules_exclude_each_other_in_groups_only_it_is_found_by_tangents(seed: int) -> None:
    cart, book = cart_at(seed, 8), Book(rules_at(seed, grouped=True), Policy(nodes=10**6))
    got = price(cart, book, Facts(), 0, 0)
    best, _, _ = every(cart, book)
    assert (got.certificate.value, got.certificate.gap) == (best, 0)


@settings(max_examples=150)
@given(seed=SEEDS)
def test_a_rule_of_several_benefits_is_one_choice(seed: int) -> None:
    dice = random.Random(seed)
    rules = [
        msgspec.structs.replace(rule, benefits=(*rule.benefits, benefit_of(dice, True)))
        for rule in rules_at(seed, 6, grouped=True)
    ]
    cart, book = cart_at(seed, 8), Book(rules, Policy(nodes=10**6))
    got = price(cart, book, Facts(), 0, 0)
    best, _, _ = every(cart, book)
    assert (got.certificate.value, got.certificate.gap) == (best, 0)


@settings(max_examples=60)
@given(seed=SEEDS)
def test_the_cheapest_complete_combination_is_what_trying_everything_finds(seed: int) -> None:
    cart, book = cart_at(seed), Book(rules_at(seed, 6), Policy(nodes=10**6, objective="merchant"))
    got = price(cart, book, Facts(), 0, 0)
    _, cheapest, _ = every(cart, book)
    assert (got.certificate.value, got.certificate.gap) == (max(cheapest, 0), 0)


@settings(max_examples=30)
@given(seed=SEEDS)
def test_also_where_every_rule_is_rounded(seed: int) -> None:
    cart, book = cart_at(seed), Book(rules_at(seed, 6), Policy(nodes=10**6, rounding="each"))
    got = price(cart, book, Facts(), 0, 0)
    best, _, _ = every(cart, book)
    assert (got.certificate.value, got.certificate.gap) == (best, 0)


@settings(max_examples=60)
@given(seed=SEEDS, nodes=st.integers(0, 3))
def test_a_search_cut_short_says_how_much_better_another_could_be(seed: int, nodes: int) -> None:
    cart, rules = cart_at(seed), rules_at(seed)
    got = price(cart, Book(rules, Policy(nodes=nodes)), Facts(), 0, 0).certificate
    best, _, _ = every(cart, Book(rules))
    assert got.value <= best <= got.bound
    assert got.gap == got.bound - got.value


@pytest.mark.parametrize("objective", ["customer", "priority", "merchant"])
def test_no_rule_at_all_is_a_price_too(objective: str) -> None:
    cart = cart_at(1)
    got = price(cart, Book([], Policy(objective=objective)), Facts(), 0, 0)  # type: ignore[arg-type]
    assert got.certificate.gap == 0
    assert got.discount == 0
