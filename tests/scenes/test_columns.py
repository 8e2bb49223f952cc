"""Goods as columns answer as the predicate does, good for good."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.kernel.audience import parse
from fairday.scenes.columns import Goods
from fairday.scenes.conditions import goods_vocabulary
from fairday.scenes.shelf import Order, Product, Shelf

GOODS = goods_vocabulary("CNY")
DAY = 20_000
texts = st.sampled_from([None, "tea", "te", "Tea", "O'Brien", "绿茶"])
goods = st.lists(
    st.builds(
        Product,
        product=st.integers(0, 500).map(str),
        title=st.sampled_from(["Tea", "green tea", "cup", ""]),
        category=texts,
        brand=texts,
        price=st.sampled_from([None, 0, 1, 100, 999, 1000, 10**15]),
        currency=st.sampled_from([None, "CNY", "USD"]),
        tags=st.sampled_from([(), ("tea",), ("te", "red"), ("teapot",)]),
        new_since=st.sampled_from([None, DAY - 31, DAY - 30, DAY, DAY + 1]),
    ),
    max_size=40,
    unique_by=lambda p: p.product,
)
atoms = st.sampled_from([
    "price > 0", "price = 1", "price <= 9.99", "price between 1 and 10", "price in (1, 10)", "price != 1",
    "2 * price - 1 >= price", "price > 9999999999999", "900 * price > 900 * price - 1", "9000 * price > 9999999999999",
    "category = 'tea'",
    "category != 'tea'", "category in ('tea', '绿茶', 'gone')", "category not in ('te', 'O''Brien')",
    "contains(title, 'ea')", "starts_with(title, 'gr')", "'te' in tags", "not has(tags, 'tea')", "known(tags)",
    "known(price)", "known(category)", "days_since(new_since) <= 30", "days_until(new_since) > 0",
    "new_since >= '2024-10-04'", "known(department)", "department = 'x'", "true", "false", "days_since(new_since) = 0",
    "count('Product Viewed', 7d) = 0", "likely(price > 5, 0.5)",
])  # fmt: skip
conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        inner.map("NOT ({})".format),
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
    ),
    max_leaves=6,
)


@given(goods, conditions)
@settings(max_examples=150)
def test_columns_say_what_the_predicate_says(products, condition):
    shelf, asked = Shelf(products, {}, "CNY"), parse(condition, GOODS)
    one_by_one = [i for i in range(len(shelf)) if asked.test(shelf.facts(i), DAY)]
    assert shelf.matching(asked, DAY).all_places().tolist() == one_by_one


@given(st.integers(0, 300), st.integers(0, 300), st.randoms())
@settings(max_examples=40)
def test_a_set_of_goods_knows_its_members_however_many(size, members, random):
    chosen = set(random.sample(range(size), min(members, size)))
    found = Goods(np.array([i in chosen for i in range(size)], dtype=np.bool_))
    assert found.count == len(chosen)
    assert set(found.all_places().tolist()) == chosen
    asked = np.array(random.sample(range(size), size), dtype=np.int64)
    assert found.among(asked).tolist() == [i in chosen for i in asked]


@pytest.mark.parametrize("different", [3, 500, 1_000_000])
def test_the_best_of_some_goods_are_those_of_a_full_sort(different):
    random = np.random.default_rng(different)
    for size in (1, 40, 3_000, 20_000):
        worth = random.integers(0, different, size) / 7
        flags = random.random(size) < random.choice([0.01, 0.2, 1])
        taken = random.random(size) < 0.1
        for skip in (None, taken):
            order = Order(worth)
            for count in (1, 12, 120, 4_000):
                free = np.flatnonzero(flags if skip is None else flags & ~skip)
                full = free[np.argsort(-worth[free], kind="stable")][:count]
                assert order.best(Goods(flags), count, skip).tolist() == full.tolist()
