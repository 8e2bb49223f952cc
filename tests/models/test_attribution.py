"""docs/algorithms/attribution.md, against the collected cases, a slow exact implementation, and the always-rules."""

from __future__ import annotations

import csv
import json
import sys
from collections import defaultdict
from fractions import Fraction
from itertools import combinations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from fairday.kernel.errors import FairdayError
from fairday.models import attribution
from fairday.models.attribution import Paths
from parts import cases, shared

HEURISTICS = {
    "first": attribution.first,
    "last": attribution.last,
    "linear": attribution.linear,
    "position_40_20_40": attribution.position,
    "linear_unique_channel": attribution.linear_unique,
}
EVERY = [*HEURISTICS.values(), attribution.last_non_direct, attribution.shapley]
EVERY += [lambda p, k=k: attribution.markov(p, k).credits for k in (1, 2, 3)]


def named(paths, array):
    return dict(zip(paths.channels, array.tolist(), strict=True))


def same(found, expected):
    assert found == pytest.approx({k: float(v) for k, v in expected.items()}, rel=1e-9, abs=1e-9)


# ---- the cases -------------------------------------------------------------------------------------------------------


def test_the_collected_cases_hold_to_a_thousand_millionth():
    for name, case in json.loads(cases("attribution.json").read_text()).items():
        rows = [(p["path"], p["conversions"], p["null"], p.get("value")) for p in case["paths"]]
        paths = Paths.of(rows)

        def told(block):
            return {k: Fraction(v["frac"]) for k, v in block.items()}

        for order in (1, 2):
            expected, found = case[f"markov_order{order}"], attribution.markov(paths, order)
            assert found.p_conv == pytest.approx(float(Fraction(expected["p_conv"]["frac"])), abs=1e-9), name
            same(named(paths, found.removal_effect), told(expected["removal_effect"]))
            same(named(paths, found.credits.conversions), told(expected["conversions"]))
            if "value" in expected:
                same(named(paths, found.removal_effect_value), told(expected["removal_effect_value"]))
                same(named(paths, found.credits.values), told(expected["value"]))
        for model, expected in case["heuristics"].items():
            same(named(paths, HEURISTICS[model](paths).conversions), told(expected))
        same(named(paths, attribution.shapley(paths).conversions), told(case["shapley_sum_of_conversions"]))
        same(named(paths, attribution.shapley_rate(paths)), told(case["shapley_conversion_rate"]))


@pytest.mark.parametrize(
    ("path", "days", "expected"),
    [(["A", "B", "C"], [14, 7, 0], [1 / 7, 2 / 7, 4 / 7]), (["A", "B"], [21, 0], [1 / 9, 8 / 9]),
     (["A", "B"], [9007, 9000], [1 / 3, 2 / 3]), (["A"], [500], [1])],
)  # fmt: skip
def test_time_decay_halves_with_each_half_life(path, days, expected):
    paths = Paths.of([(path, 3, 1, None, days)])
    assert attribution.time_decay(paths).conversions == pytest.approx([3 * e for e in expected], abs=1e-12)


@pytest.mark.parametrize(
    ("path", "credited"),
    [(["A", "Direct"], "A"), (["Direct", "Direct"], "Direct"), (["A", "B", "Direct", "Direct"], "B"), (["A"], "A")],
)
def test_last_non_direct_goes_back_to_the_last_that_was_not_direct(path, credited):
    paths = Paths.of([(path, 2, 0, 5)])
    found = attribution.last_non_direct(paths, "Direct")
    assert named(paths, found.conversions)[credited] == 2 == found.conversions.sum()
    assert named(paths, found.values)[credited] == 5


def test_two_touches_share_by_the_positions_in_their_proportion():
    paths = Paths.of([(["A", "B"], 4, 0)])
    assert attribution.position(paths, 0.6, 0.2).conversions.tolist() == pytest.approx([3, 1])
    assert attribution.position(paths, 1.0, 0.0).conversions.tolist() == [4, 0]


# ---- a slow exact implementation -------------------------------------------------------------------------------------


def exactly_solved(matrix, right):
    """Gauss over fractions."""
    n = len(matrix)
    rows = [[*row, r] for row, r in zip(matrix, right, strict=True)]
    for i in range(n):
        pivot = next(r for r in range(i, n) if rows[r][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for r in range(n):
            if r != i and rows[r][i]:
                rows[r] = [x - rows[r][i] * y for x, y in zip(rows[r], rows[i], strict=True)]
    return [row[-1] for row in rows]


def exact_markov(rows, order):
    """Removal effects by definition: the chain is walked with and without each channel. Conversions, then values."""
    steps, leave, ends = defaultdict(Fraction), defaultdict(Fraction), [defaultdict(Fraction), defaultdict(Fraction)]
    channels = sorted({c for path, *_ in rows for c in path})
    for path, conversions, nulls, value in rows:
        state = ()
        for channel in path:
            after = (*state, channel)[-order:]
            steps[state, after] += conversions + nulls
            state = after
        leave[state] += conversions + nulls
        ends[0][state] += conversions
        ends[1][state] += Fraction(value)
    visits = defaultdict(Fraction, leave)
    for (source, _), n in steps.items():
        visits[source] += n

    def worth(kind, without=None):
        states = [s for s, n in visits.items() if n and (without is None or without not in s)]
        place = {s: i for i, s in enumerate(states)}
        if () not in place:
            return Fraction(0)
        matrix = [[Fraction(int(i == j)) for j in range(len(states))] for i in range(len(states))]
        for (source, target), n in steps.items():
            if n and source in place and target in place:
                matrix[place[source]][place[target]] -= n / visits[source]
        return exactly_solved(matrix, [ends[kind][s] / visits[s] for s in states])[place[()]]

    found = []
    for kind, column in ((0, 1), (1, 3)):
        whole = worth(kind)
        on = {c for path, *counts in rows if (counts[0], 0, counts[2])[column - 1] for c in path}
        found.append({c: 1 - worth(kind, c) / whole if c in on and whole else Fraction(0) for c in channels})
    return found


def exact_rate(rows):
    """Shapley's value by definition, over all sets."""
    channels = sorted({c for path, *_ in rows for c in path})

    def worth(group):
        inside = [(c, n) for path, c, n, _ in rows if path and set(path) <= set(group)]
        ended = sum(c + n for c, n in inside)
        return Fraction(sum(c for c, _ in inside), ended) if ended else Fraction(0)

    n, found = len(channels), {}
    for channel in channels:
        others = [c for c in channels if c != channel]
        found[channel] = sum(
            Fraction(factorial(len(g)) * factorial(n - len(g) - 1), factorial(n)) * (worth((*g, channel)) - worth(g))
            for size in range(n)
            for g in combinations(others, size)
        )
    return found


def exact_heuristics(rows):
    """Credits of conversions and of values, by model and channel."""
    found = {model: (defaultdict(Fraction), defaultdict(Fraction)) for model in HEURISTICS}
    for path, conversions, _, value in rows:
        if not path:
            continue
        n, unique = len(path), list(dict.fromkeys(path))
        between = [Fraction(2, 5), *[Fraction(1, 5) / (n - 2)] * (n - 2), Fraction(2, 5)] if n > 2 else None
        shares = {
            "first": [(path[0], 1)],
            "last": [(path[-1], 1)],
            "linear": [(c, Fraction(1, n)) for c in path],
            "position_40_20_40": list(zip(path, between or [Fraction(1, n)] * n, strict=True)),
            "linear_unique_channel": [(c, Fraction(1, len(unique))) for c in unique],
        }
        for model, parts in shares.items():
            for channel, share in parts:
                found[model][0][channel] += share * conversions
                found[model][1][channel] += share * Fraction(value)
    return found


counts = st.one_of(st.integers(0, 5), st.sampled_from([0, 10**9, 10**17]))
rows_of_paths = st.lists(
    st.tuples(st.lists(st.sampled_from("ABCDE"), max_size=6), counts, counts, st.integers(0, 500)), max_size=8
).map(lambda rows: [(p, c, n, v if c + n else 0) for p, c, n, v in rows])


@given(rows_of_paths, st.sampled_from([1, 2, 3]))
@settings(max_examples=80, deadline=None)
def test_markov_is_what_walking_the_chain_without_each_channel_gives(rows, order):
    paths, (effect, of_value) = Paths.of(rows), exact_markov(rows, order)
    found = attribution.markov(paths, order)
    same(named(paths, found.removal_effect), effect)
    if found.removal_effect_value is not None:
        same(named(paths, found.removal_effect_value), of_value)
    for other in attribution.markovs(paths):
        if other.order == order:
            assert other.removal_effect == pytest.approx(found.removal_effect, rel=1e-12)
    for kind, exact, credits in ((1, effect, found.credits.conversions), (3, of_value, found.credits.values)):
        if credits is not None and sum(exact.values()):
            total = sum(Fraction(r[kind]) for r in rows if r[0])
            same(named(paths, credits), {c: total * e / sum(exact.values()) for c, e in exact.items()})


@given(rows_of_paths)
@settings(max_examples=50, deadline=None)
def test_heuristics_and_shapley_are_what_fractions_give(rows):
    paths = Paths.of(rows)
    for model, (conversions, values) in exact_heuristics(rows).items():
        found = HEURISTICS[model](paths)
        same(named(paths, found.conversions), {c: conversions[c] for c in paths.channels})
        if found.values is not None:
            same(named(paths, found.values), {c: values[c] for c in paths.channels})
    same(named(paths, attribution.shapley_rate(paths)), exact_rate(rows))


# ---- always --------------------------------------------------------------------------------------------------------


@given(rows_of_paths)
@settings(max_examples=30, deadline=None)
def test_credits_sum_to_what_there_was_and_a_channel_of_null_paths_gets_exactly_nothing(rows):
    paths = Paths.of([*rows, (["N", "A"], 0, 3, 0), (["N"], 0, 2, 0)])
    lost = paths.uncredited
    for model in EVERY:
        found = model(paths)
        assert found.conversions.sum() + lost[0] == pytest.approx(float(paths.conversions.sum()), rel=1e-12)
        assert named(paths, found.conversions)["N"] == 0
        assert found.values.sum() + lost[1] == pytest.approx(float(paths.values.sum()), rel=1e-12)
        assert named(paths, found.values)["N"] == 0
        assert found.conversions.min() >= 0 <= found.values.min()


@given(rows_of_paths)
@settings(max_examples=30, deadline=None)
def test_order_one_does_not_see_consecutive_repeats(rows):
    def collapsed(path):
        return [c for i, c in enumerate(path) if i == 0 or c != path[i - 1]]

    one, other = Paths.of(rows, "ABCDE"), Paths.of([(collapsed(p), *more) for p, *more in rows], "ABCDE")
    assert attribution.markov(one).removal_effect == pytest.approx(attribution.markov(other).removal_effect, abs=1e-12)


@given(rows_of_paths, st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_adding_up_splitting_and_shuffling_rows_changes_nothing(rows, random):
    split = [(p, c // 2, n // 3, v // 4 if c // 2 + n // 3 else 0) for p, c, n, v in rows]
    rest = [
        (p, c - s[1], n - s[2], v - s[3] if c - s[1] + n - s[2] else 0)
        for (p, c, n, v), s in zip(rows, split, strict=True)
    ]
    whole = [(p, c, n, s[3] + r[3]) for (p, c, n, _), s, r in zip(rows, split, rest, strict=True)]
    parts = [*split, *rest]
    random.shuffle(parts)
    one, other = Paths.of(whole, "ABCDE"), Paths.of(parts, "ABCDE")
    for model in [*EVERY, lambda p: attribution.Credits(attribution.shapley_rate(p))]:
        before, after = model(one), model(other)
        assert after.conversions == pytest.approx(before.conversions, rel=1e-9, abs=1e-9)
        if before.values is not None:
            assert after.values == pytest.approx(before.values, rel=1e-9, abs=1e-9)


@given(rows_of_paths, st.integers(1, 10**12), st.lists(st.just("N"), min_size=1, max_size=4))
@settings(max_examples=30, deadline=None)
def test_null_paths_of_a_new_channel_change_no_share(rows, nulls, path):
    one, other = Paths.of(rows, "ABCDEN"), Paths.of([*rows, (path, 0, nulls, 0)], "ABCDEN")
    for model in EVERY:
        assert model(other).conversions == pytest.approx(model(one).conversions, rel=1e-9, abs=1e-9)


@given(rows_of_paths, st.sampled_from([1, 2, 3]))
@settings(max_examples=30, deadline=None)
def test_an_order_as_long_as_the_paths_gives_the_share_of_conversions_whose_path_holds_the_channel(rows, order):
    rows = [(p[:order], *more) for p, *more in rows]
    paths = Paths.of(rows, "ABCDE")
    whole = sum(c for _, c, _, _ in rows)
    share = [sum(c for p, c, _, _ in rows if channel in p) / whole if whole else 0 for channel in "ABCDE"]
    assert attribution.markov(paths, order).removal_effect == pytest.approx(share, rel=1e-9, abs=1e-12)


def test_a_rare_conversion_among_very_many_nulls_keeps_its_digits():
    rows = [(["A", "A", "B"], 1, 10**18, 7), (["B"], 3, 10**15, 1), (["C", "A"], 2, 10**17, 0)]
    paths, (effect, of_value) = Paths.of(rows), exact_markov(rows, 1)
    found = attribution.markov(paths)
    assert named(paths, found.removal_effect) == pytest.approx({c: float(e) for c, e in effect.items()}, rel=1e-12)
    assert found.removal_effect_value.tolist() == pytest.approx([float(of_value[c]) for c in "ABC"], rel=1e-12)


def test_no_paths_no_channels_and_no_conversions_credit_nobody():
    for rows in ([], [([], 3, 1, 9)], [(["A", "B"], 0, 4, 0)], [(["A"], 0, 0, 0)]):
        paths = Paths.of(rows)
        for model in EVERY:
            assert not model(paths).conversions.any()
        assert not attribution.shapley_rate(paths).any()
    assert Paths.of([([], 3, 1, 9)]).uncredited == (3, 9)


def test_channels_beyond_twenty_are_counted_by_pairs_with_the_same_outcome():
    rng = np.random.default_rng(3)
    rows = [(rng.choice([f"c{i}" for i in range(18)], rng.integers(0, 9)).tolist(), 1, 0, 2) for _ in range(300)]
    few, many = Paths.of(rows), Paths.of(rows, [f"x{i}" for i in range(20)])
    assert len(many.channels) > 20 >= len(few.channels)
    one, other = named(few, attribution.linear_unique(few).values), named(many, attribution.linear_unique(many).values)
    assert {c: other[c] for c in one} == pytest.approx(one)


def test_many_states_solved_by_iteration_agree_with_elimination(monkeypatch):
    rng = np.random.default_rng(4)
    codes, lengths = rng.integers(0, 9, 30_000), rng.integers(1, 12, 9_000)
    starts = np.minimum(np.concatenate(([0], np.cumsum(lengths))), len(codes))
    starts[-1] = len(codes)
    sold = (rng.random(9_000) < 0.1).astype(float)
    paths = Paths(tuple("ABCDEFGHI"), codes, starts, sold, 1 - sold, sold * 3.5)
    inside = sys.modules["fairday.models.attribution.markov"]
    iterated = attribution.markov(paths, 3)
    assert inside.DENSE_STATES < 9**3
    monkeypatch.setattr(inside, "ACCURATE", 0.0)  # no iteration is good enough: sparse elimination
    eliminated = attribution.markov(paths, 3)
    monkeypatch.setattr(inside, "DENSE_STATES", 10_000)
    dense = attribution.markov(paths, 3)
    for other in (iterated, eliminated):
        assert other.removal_effect == pytest.approx(dense.removal_effect, rel=1e-11)
        assert other.removal_effect_value == pytest.approx(dense.removal_effect_value, rel=1e-11)


# ---- real paths ----------------------------------------------------------------------------------------------------


def real_rows():
    with shared("FAIRDAY_DATA", "data", "channel_paths.csv").open() as f:
        return [
            (row["path"].split(" > "), Fraction(row["total_conversions"]), Fraction(row["total_null"]),
             Fraction(row["total_conversion_value"]))
            for row in csv.DictReader(f)
        ]  # fmt: skip


def test_ten_thousand_real_rows_give_the_exact_sums():
    rows = real_rows()
    paths = Paths.of(rows)
    for model, (conversions, values) in exact_heuristics(rows).items():
        found = HEURISTICS[model](paths)
        same(named(paths, found.conversions), conversions)
        same(named(paths, found.values), values)
        assert found.conversions.sum() == pytest.approx(19_785, rel=1e-12)
    effect, of_value = exact_markov(rows, 1)
    found = attribution.markov(paths)
    same(named(paths, found.removal_effect), effect)
    same(named(paths, found.removal_effect_value), of_value)
    total = sum(effect.values())
    same(named(paths, found.credits.conversions), {c: 19_785 * e / total for c, e in effect.items()})
    assert found.p_conv == pytest.approx(19_785 / (19_785 + 68_602), rel=1e-12)


@pytest.mark.parametrize("order", [2, 3])
def test_higher_orders_of_real_rows_are_what_walking_the_chain_gives(order):
    rows = real_rows()
    paths = Paths.of(rows)
    found = attribution.markov(paths, order)
    # Walked step by step: everyone starts, and each step moves the shares on until nobody is under way.
    steps, ends, visits = defaultdict(float), defaultdict(float), defaultdict(float)
    for path, conversions, nulls, _ in rows:
        state, weight = (), float(conversions + nulls)
        for channel in path:
            after = (*state, channel)[-order:]
            steps[state, after] += weight
            visits[state] += weight
            state = after
        visits[state] += weight
        ends[state] += float(conversions)
    place = {s: i for i, s in enumerate(visits)}
    moves = [(w / visits[s], place[s], place[t]) for (s, t), w in steps.items() if visits[s]]
    data, source, target = zip(*moves, strict=True)
    leave = np.array([ends[s] / visits[s] if visits[s] else 0 for s in place])
    for channel in ("alpha", "kappa"):
        kept = np.array([channel not in s for s in place], dtype=float)
        walk = csr_array((data, (target, source)), shape=(len(place), len(place)))
        under_way, converted = np.zeros(len(place)), 0.0
        under_way[place[()]] = 1.0
        while under_way.sum() > 1e-16:
            converted += float(leave @ under_way)
            under_way = kept * (walk @ under_way)
        effect = named(paths, found.removal_effect)[channel]
        assert effect == pytest.approx(1 - converted / found.p_conv, abs=1e-9)


# ---- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"starts": np.array([0, 3])}, "does not end"),
        ({"starts": np.array([1, 2])}, "begin"),
        ({"starts": np.array([], dtype=np.int64)}, "empty"),
        ({"codes": np.array([0, 2])}, "channels are fewer"),
        ({"codes": np.array([-1, 0])}, "from -1"),
        ({"conversions": np.array([1.0, 2.0])}, "2 rows"),
        ({"nulls": np.array([-1.0])}, "negative"),
        ({"values": np.array([np.nan])}, "finite"),
        ({"conversions": np.array([0.0]), "values": np.array([5.0])}, "neither"),
        ({"days": np.array([1.0])}, "one length"),
        ({"days": np.array([1.0, -2.0])}, "days"),
    ],
)
def test_arrays_that_are_no_paths_are_refused(change, wrong):
    good = {"channels": ("A", "B"), "codes": np.array([0, 1]), "starts": np.array([0, 2]),
            "conversions": np.array([1.0]), "nulls": np.array([0.0])}  # fmt: skip
    with pytest.raises(FairdayError, match=wrong):
        Paths(**{**good, **change})
    fall = {"starts": np.array([0, 2, 1, 2]), "conversions": np.zeros(3), "nulls": np.zeros(3)}
    with pytest.raises(FairdayError, match="falls"):
        Paths(**{**good, **fall})


def test_models_refuse_what_they_cannot_do():
    paths = Paths.of([(["A", "B"], 1, 0)])
    with pytest.raises(FairdayError, match="order of 4"):
        attribution.markov(paths, 4)
    with pytest.raises(FairdayError, match="do not say"):
        attribution.time_decay(paths)
    with pytest.raises(FairdayError, match="half-life of 0"):
        attribution.time_decay(Paths.of([(["A"], 1, 0, None, [1])]), 0)
    for shares in ((0.7, 0.7), (-0.1, 0.5), (0.0, 0.0)):
        with pytest.raises(FairdayError, match="Shares"):
            attribution.position(paths, *shares)
    with pytest.raises(FairdayError, match="too many"):
        attribution.shapley_rate(Paths.of([([str(i) for i in range(23)], 1, 0)]))
