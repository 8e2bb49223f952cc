"""The models of recommendation against their definitions, by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from fairday.models.recommend.als import als, fold_in
from fairday.models.recommend.blend import logistic
from fairday.models.recommend.ease import CAP, ease
from fairday.models.recommend.measure import best, recall_and_ndcg
from fairday.models.recommend.neighbours import neighbours, unit_rows
from fairday.models.recommend.popularity import popularity, rebuy, trend
from fairday.models.recommend.purchases import Purchases, decay
from fairday.models.recommend.together import OTHER_CATEGORY, SHRINK, goes_with, similar

TODAY = 20_000


def chances(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@st.composite
def lines(draw: st.DrawFn) -> Purchases:
    people, items = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, people - 1), st.integers(0, items - 1), st.integers(TODAY - 200, TODAY)),
            max_size=40,
        )
    )
    person, item, day = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return Purchases.of(person, item, day, people, items)


# ---- purchases -------------------------------------------------------------------------------------------------------


@given(lines(), st.sampled_from([None, 1.0, 14.0, 120.0]))
def test_a_decayed_amount_is_the_sum_over_days_of_halves(found: Purchases, half_life: float | None) -> None:
    matrix = found.decayed(TODAY, half_life).toarray()
    by_hand = np.zeros((found.people, found.items))
    for person, item, day in {*zip(found.person.tolist(), found.item.tolist(), found.day.tolist(), strict=True)}:
        by_hand[person, item] += 1 if half_life is None else 0.5 ** ((TODAY - day) / half_life)
    assert np.allclose(matrix, by_hand)


def test_a_half_life_is_what_its_name_says() -> None:
    assert decay([0, 10, 20, -3], 10).tolist() == [1, 0.5, 0.25, 1]
    assert decay([0, 500], None).tolist() == [1, 1]


def test_lines_of_one_person_good_and_day_are_one_purchase_in_any_order() -> None:
    found = Purchases.of([1, 0, 1], [0, 1, 0], [5, 6, 5], 2, 2)
    assert (found.person.tolist(), found.item.tolist(), found.day.tolist()) == ([0, 1], [1, 0], [6, 5])
    assert found.rows_of().tolist() == [0, 1, 2]
    assert len(found.between(first=6)) == len(found.between(end=6)) == 1


@pytest.mark.parametrize(("person", "item", "day"), [([0], [0, 1], [1, 1]), ([2], [0], [1]), ([0], [-1], [1])])
def test_purchases_of_unknown_people_or_goods_are_refused(person: list[int], item: list[int], day: list[int]) -> None:
    with pytest.raises(ValueError):
        Purchases.of(person, item, day, 2, 2)


# ---- EASE ------------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 9), st.sampled_from([0.5, 3.0, 50.0]))
def test_each_column_of_ease_is_a_ridge_regression_without_the_good_itself(
    seed: int, people: int, goods: int, penalty: float
) -> None:
    x = (chances(seed).random((people, goods)) < 0.4).astype(float)
    weights = ease(sparse.csr_array(x), penalty)
    assert not np.diag(weights).any()
    for j in range(goods):
        others = [i for i in range(goods) if i != j]
        a = x[:, others]
        ridge = np.linalg.solve(a.T @ a + penalty * np.eye(len(others)), a.T @ x[:, j])
        assert np.allclose(weights[others, j], ridge, atol=1e-5)
    assert (ease(x, penalty) == weights).all()


@pytest.mark.parametrize(("penalty", "goods"), [(0.0, 3), (-1.0, 3), (1.0, CAP + 1)])
def test_ease_refuses_what_it_cannot_solve(penalty: float, goods: int) -> None:
    with pytest.raises(ValueError):
        ease(sparse.csr_array((2, goods)), penalty)


# ---- neighbours, factors ---------------------------------------------------------------------------------------------


@given(lines(), st.integers(1, 8))
def test_neighbours_are_the_others_with_the_largest_cosines(found: Purchases, count: int) -> None:
    rows = unit_rows(found.decayed(TODAY, 60))
    dense = rows.toarray()
    lengths = np.sqrt((dense**2).sum(axis=1))
    assert np.allclose(lengths[lengths > 0], 1)
    numbers, cosines = neighbours(rows, count)
    assert numbers.shape == (found.people, min(count, found.people))
    alike = dense @ dense.T
    np.fill_diagonal(alike, -1)
    for person in range(found.people):
        nearest = np.maximum(np.sort(alike[person])[::-1][: numbers.shape[1]], 0)
        assert np.allclose(np.sort(cosines[person])[::-1], nearest, atol=1e-6)
        for other, cosine in zip(numbers[person], cosines[person], strict=True):
            assert cosine == 0 or (other != person and np.isclose(alike[person, other], cosine, atol=1e-6))


def test_neighbours_are_of_the_pool_and_of_those_who_asked() -> None:
    rows = unit_rows(sparse.csr_array(np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1.0]])))
    numbers, cosines = neighbours(rows, 2, pool=np.array([2, 3]), asked=np.array([0, 3]))
    assert sorted(numbers[0].tolist()) == [2, 3]
    assert cosines[0][numbers[0].tolist().index(2)] > 0
    assert cosines[1].tolist() == [0, 0]
    assert neighbours(rows, 2, pool=np.zeros(0, dtype=np.int64))[0].shape == (4, 0)


def test_factors_explain_two_tastes_and_fold_somebody_in_as_the_fit_would() -> None:
    x = np.zeros((20, 10))
    x[:10, :5] = x[10:, 5:] = chances(1).random((10, 5)) < 0.8
    people, goods = als(sparse.csr_array(x), factors=4, penalty=0.1)
    again = als(sparse.csr_array(x), factors=4, penalty=0.1)
    assert (people == again[0]).all()
    assert (goods == again[1]).all()
    scores = people @ goods.T
    assert scores[:10, :5].mean() > 0.6 > 0.2 > scores[:10, 5:].mean()
    folded = fold_in(goods, np.arange(5), np.ones(5)) @ goods.T
    assert folded[:5].min() > folded[5:].max()


# ---- popularity ------------------------------------------------------------------------------------------------------


def test_popularity_and_trend_look_at_the_days_they_say() -> None:
    days = [TODAY, TODAY - 6, TODAY - 7, TODAY - 13, TODAY - 14, TODAY + 1]
    found = Purchases.of(range(6), [0, 0, 1, 1, 1, 2], days, 6, 3)
    assert popularity(found, TODAY, 7).tolist() == [1, 0, 0]
    assert popularity(found, TODAY, 14).tolist() == [1, 1, 0]
    assert np.allclose(trend(found, TODAY), [math.log(5 / 3), math.log(5 / (3 + 1 / 3)), 0])
    assert popularity(found, TODAY - 400, 7).tolist() == [0, 0, 0]


def test_what_is_bought_again_is_drawn_to_its_category_and_needs_time_to_be_bought_again() -> None:
    # Goods 0 and 1 are of category 1: everybody buys 0 again. Good 2 is bought once. Good 3 nobody could buy again yet.
    person, item, day = [], [], []
    for p in range(40):
        for i, d in ((0, -100), (0, -50), (2, -90), (3, -2)):
            person.append(p), item.append(i), day.append(TODAY + d)
    found = Purchases.of(person, item, day, 40, 4)
    shares, by_category = rebuy(found, TODAY, np.array([1, 1, 2, 0]))
    assert shares[0] > 0.9
    assert shares[1] == pytest.approx(by_category[1])
    assert by_category[1] > 0.9
    assert shares[2] < 0.1
    assert shares[3] == pytest.approx(by_category[0])  # nothing of its own is known: the shop's


# ---- the blend -------------------------------------------------------------------------------------------------------


def test_a_logistic_regression_finds_the_weights_that_made_the_data_and_the_same_ones_again() -> None:
    chance = chances(3)
    x = np.c_[chance.normal(5, 2, (40_000, 2)), np.full(40_000, 7.0)]
    odds = -2 + 0.6 * x[:, 0] - 0.4 * x[:, 1]
    y = chance.random(40_000) < 1 / (1 + np.exp(-odds))
    found = logistic(x, y, np.ones(40_000))
    assert found.weights == pytest.approx([0.6, -0.4, 0], abs=0.03)
    assert found.log_odds(x) == pytest.approx(odds, abs=0.25)
    again = logistic(x, y, np.ones(40_000))
    assert (again.weights == found.weights).all()
    assert again.intercept == found.intercept


def test_the_weights_are_where_the_slope_is_nothing() -> None:
    chance = chances(4)
    x, worth = chance.normal(0, 1, (500, 3)), chance.random(500)
    y = chance.random(500) < 0.3
    found = logistic(x, y, worth, penalty=1e-12)
    missing = 1 / (1 + np.exp(-found.log_odds(x))) - y
    assert np.allclose((worth * missing) @ np.c_[x, np.ones(500)] / 500, 0, atol=1e-6)


@pytest.mark.parametrize(("y", "side"), [(np.zeros(4, bool), -1), (np.ones(4, bool), 1), (np.zeros(0, bool), 0)])
def test_where_all_or_nothing_happened_no_feature_says_anything(y: np.ndarray, side: int) -> None:
    found = logistic(np.ones((len(y), 2)), y, np.ones(len(y)))
    assert not found.weights.any()
    assert np.sign(found.intercept) == side


def test_perfectly_told_apart_examples_keep_finite_weights() -> None:
    found = logistic(np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([0, 0, 1, 1], bool), np.ones(4))
    assert np.isfinite(found.weights).all()
    assert found.log_odds(np.array([[0.0], [11.0]])).tolist() == sorted(found.log_odds(np.array([[0.0], [11.0]])))


# ---- measures --------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 25))
def test_the_best_are_as_a_full_stable_sort_gives_them(seed: int, goods: int, count: int) -> None:
    scores = chances(seed).integers(0, 4, (5, goods)).astype(float)
    scores[chances(seed + 1).random((5, goods)) < 0.2] = -np.inf
    assert (best(scores, count) == np.argsort(-scores, axis=1, kind="stable")[:, :count]).all()


def test_recall_and_gain_by_hand() -> None:
    truth = np.zeros((2, 30), dtype=bool)
    truth[0, [3, 9]] = True
    truth[1, :25] = True
    lists = np.array([[3, 1, 9], [29, 0, 28]])
    recall, ndcg = recall_and_ndcg(lists, truth, 20)
    assert recall == pytest.approx([1, 1 / 20])
    ideal = sum(1 / math.log2(k + 2) for k in range(20))
    assert ndcg == pytest.approx([(1 + 1 / 2) / (1 + 1 / math.log2(3)), 1 / math.log2(3) / ideal])
    with pytest.raises(ValueError):
        recall_and_ndcg(lists, np.zeros((2, 30), dtype=bool), 20)


# ---- what goes together ----------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(lines())
def test_what_goes_with_a_good_is_the_excess_over_chance(found: Purchases) -> None:
    numbers, strengths = goes_with(found, listed=4)
    baskets: dict[tuple[int, int], set[int]] = {}
    for person, item, day in zip(found.person.tolist(), found.item.tolist(), found.day.tolist(), strict=True):
        baskets.setdefault((person, day), set()).add(item)
    kept = [b for b in baskets.values() if len(b) > 1]
    for i in range(found.items):
        by_hand = {}
        for j in range(found.items):
            both = sum(i in b and j in b for b in kept)
            chance = sum(i in b for b in kept) * sum(j in b for b in kept) / max(len(kept), 1)
            strength = (both - chance) / (chance + SHRINK)
            if i != j and both >= 3 and strength > 0:
                by_hand[j] = strength
        expected = sorted(by_hand, key=lambda j: (-round(by_hand[j], 9), j))[:4]
        listed = [int(n) for n in numbers[i] if n >= 0]
        assert [round(by_hand[j], 6) for j in listed] == [round(by_hand[j], 6) for j in expected]
        assert np.allclose(strengths[i][: len(listed)], [by_hand[j] for j in listed], atol=1e-6)


def test_similar_goods_are_bought_by_the_same_people_and_rather_of_the_same_category() -> None:
    bought = np.zeros((30, 4))
    bought[:15, [0, 1, 2]] = 1
    bought[15:, 3] = 1
    numbers, strengths = similar(sparse.csr_array(bought), np.array([1, 2, 1, 1]), listed=3)
    assert numbers[0].tolist() == [2, 1, -1]
    assert strengths[0, 1] == pytest.approx(OTHER_CATEGORY * strengths[0, 0])
    assert numbers[3].tolist() == [-1, -1, -1]
