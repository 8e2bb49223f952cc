from __future__ import annotations

import time
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.goods.stock import Allocation, Short, Source, Want, allocate
from fairday.goods.stock.allocation import POLICIES, Policy

NEAR = Source("near", metres=1_000, parcel=800, per_kg=500)
MIDDLE = Source("middle", metres=50_000, parcel=600, per_kg=400)
FAR = Source("far", metres=900_000, parcel=500, per_kg=100)
TWO = [Want("1", "MUG", 2, 300), Want("2", "TEA", 1, 100)]


def shares(found: Allocation | Short) -> list[tuple[str, str, int]]:
    assert isinstance(found, Allocation)
    return [(p.line, p.place, p.qty) for p in found.parts]


def test_the_nearest_place_serves_first_and_the_next_what_it_lacks():
    levels = {"MUG": {"near": 1, "middle": 5, "far": 5}, "TEA": {"near": 9}}
    found = allocate(TWO, levels, [FAR, NEAR, MIDDLE], "nearest")
    assert shares(found) == [("1", "near", 1), ("1", "middle", 1), ("2", "near", 1)]
    assert found.proven


def test_the_cheapest_counts_parcels_and_weight():
    levels = {"MUG": {"near": 5, "far": 5}, "TEA": {"near": 9, "far": 9}}
    assert shares(allocate(TWO, levels, [NEAR, FAR], "cheapest")) == [("1", "far", 2), ("2", "far", 1)]
    found = allocate(TWO, levels, [NEAR, FAR], "cheapest")
    assert found.cost == 500_000 + 700 * 100


def test_an_order_is_kept_whole_where_one_place_has_it_all():
    levels = {"MUG": {"near": 2, "far": 5}, "TEA": {"middle": 1, "far": 1}}
    found = allocate(TWO, levels, [NEAR, MIDDLE, FAR], "keep_whole")
    assert shares(found) == [("1", "far", 2), ("2", "far", 1)]
    assert (found.parcels, found.proven) == (1, True)


def test_what_is_missing_anywhere_is_told():
    found = allocate(TWO, {"MUG": {"near": 1, "elsewhere": 100}}, [NEAR, FAR], "nearest")
    assert found == Short({"MUG": 1, "TEA": 1})
    assert allocate(TWO, {}, [], "cheapest") == Short({"MUG": 2, "TEA": 1})


def test_lines_of_one_good_share_what_a_place_has():
    wants = [Want("1", "MUG", 2), Want("2", "MUG", 2)]
    found = allocate(wants, {"MUG": {"near": 3, "far": 1}}, [NEAR, FAR], "nearest")
    assert shares(found) == [("1", "near", 2), ("2", "near", 1), ("2", "far", 1)]


def brute(wants: list[Want], levels: dict, sources: list[Source], policy: Policy) -> tuple[int, int, int] | None:
    """The best measure over every way to share every good out."""
    needed: dict[str, int] = {}
    grams: dict[str, int] = {}
    for w in wants:
        needed[w.sku] = needed.get(w.sku, 0) + w.qty
        grams[w.sku] = max(grams.get(w.sku, 0), w.grams)
    ways = []
    for sku, qty in needed.items():
        spread = product(*(range(min(qty, levels.get(sku, {}).get(s.place, 0)) + 1) for s in sources))
        ways.append([(sku, w) for w in spread if sum(w) == qty])
    best = None
    for chosen in product(*ways):
        cost = travel = 0
        used = set()
        for sku, way in chosen:
            for source, units in zip(sources, way, strict=True):
                if units:
                    used.add(source)
                    cost += units * grams[sku] * source.per_kg
                    travel += units * source.metres
        cost += 1000 * sum(s.parcel for s in used)
        key = {"nearest": (travel, len(used), cost), "cheapest": (cost, len(used), travel),
               "keep_whole": (len(used), cost, travel)}[policy]  # fmt: skip
        best = key if best is None or key < best else best
    return best


SMALL = st.integers(0, 3)


@st.composite
def orders(draw: st.DrawFn):
    skus = draw(st.sampled_from([["A"], ["A", "B"], ["A", "B", "C"]]))
    sources = [
        Source(name, draw(st.sampled_from([0, 5, 5, 9])), draw(st.sampled_from([0, 3, 7])), draw(SMALL))
        for name in "wxyz"[: draw(st.integers(1, 4))]
    ]
    weight = {sku: draw(st.sampled_from([0, 100, 2500])) for sku in skus}
    wants = [Want(str(i), sku, draw(st.integers(1, 3)), weight[sku]) for i, sku in enumerate(skus)]
    levels = {sku: {s.place: draw(SMALL) for s in sources} for sku in skus}
    return wants, levels, sources


@settings(max_examples=150)
@given(orders(), st.sampled_from(POLICIES))
def test_no_better_choice_exists_by_brute_force(order, policy):
    wants, levels, sources = order
    found = allocate(wants, levels, sources, policy)
    best = brute(wants, levels, sources, policy)
    if best is None:
        assert isinstance(found, Short)
        return
    assert isinstance(found, Allocation)
    assert found.proven
    cost, parcels, travel = found.cost, found.parcels, found.travel
    ordered = {"nearest": (travel, parcels, cost), "cheapest": (cost, parcels, travel)}
    assert ordered.get(policy, (parcels, cost, travel)) == best
    for want in wants:
        assert sum(p.qty for p in found.parts if p.line == want.line) == want.qty
    for sku, held in levels.items():
        for place, free in held.items():
            assert sum(p.qty for p in found.parts if (p.sku, p.place) == (sku, place)) <= free
    assert allocate(wants, levels, list(reversed(sources)), policy) == found, "the order of places means nothing"


@pytest.mark.parametrize("policy", POLICIES)
def test_a_chain_of_a_thousand_stores_is_served_quickly_and_says_what_is_not_proven(policy):
    sources = [Source(f"s{i:04}", i * 37 % 1000 * 100, 500 + i % 7, i % 5 * 100) for i in range(1000)]
    wants = [Want(str(i), f"G{i}", 2, 250) for i in range(8)]
    levels = {w.sku: {s.place: 1 for n, s in enumerate(sources) if (n + i) % 3 == 0} for i, w in enumerate(wants)}
    spent = time.process_time()
    found = allocate(wants, levels, sources, policy)
    spent = time.process_time() - spent
    assert isinstance(found, Allocation)
    assert sum(p.qty for p in found.parts) == 16
    assert spent < 0.5
    if policy == "nearest":
        assert found.proven


def test_three_places_of_which_only_pairs_suffice_are_kept_as_whole_as_can_be():
    levels = {sku: dict.fromkeys(pair, 1) for sku, pair in zip("ABC", combinations(["near", "middle", "far"], 2),
                                                              strict=True)}  # fmt: skip
    found = allocate([Want(sku, sku, 1, 100) for sku in "ABC"], levels, [NEAR, MIDDLE, FAR], "keep_whole")
    assert found.parcels == 2
    assert {p.place for p in found.parts} == {"middle", "far"}
