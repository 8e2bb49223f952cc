from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.goods.stock import StockClaim, StockDecider, available_in, stock_hold, stock_holds, stock_stream
from fairday.kernel.claims import Turn
from fairday.kernel.decider import Command, Refusal
from fairday.kernel.errors import FairdayError

RULES, CLAIM = StockDecider(), StockClaim()
STREAM = "stock:MUG"


def told(state, name, **data):
    """The state after a command, or its refusal."""
    made = RULES.decide(state, Command(name, STREAM, data), 0)
    return made if isinstance(made, Refusal) else folded(state, made)


def folded(state, made):
    for event in made:
        state = RULES.evolve(state, event)
    return state


def turned(state, hold, step, **turn):
    made = CLAIM.decide(state, hold, Turn(step=step, order="order:1", **turn), 0)
    return made if isinstance(made, Refusal) else folded(state, made)


def stocked(**places):
    state = RULES.initial()
    for place, on_hand in places.items():
        state = told(state, "count", place=place, on_hand=on_hand)
    return state


def test_a_count_stands_whatever_the_number_was_even_below_what_is_promised():
    state = turned(stocked(main=10), stock_hold("MUG", "main", "1", 8), "place")
    state = told(state, "count", place="main", on_hand=5)
    assert state["places"]["main"] == [5, 8, 0]
    assert available_in(state, "main") == 0


def test_goods_arrive_and_what_was_expected_is_no_longer_on_its_way():
    state = told(told(stocked(), "expect", place="main", qty=20), "receive", place="main", qty=15)
    assert state["places"]["main"] == [15, 0, 5]
    state = told(state, "receive", place="main", qty=9)
    assert state["places"]["main"] == [24, 0, 0], "more came than was told of"
    assert told(state, "expect", place="main", qty=-1).code == "not_expected"


def test_units_move_at_once_or_are_on_their_way_until_received():
    state = told(stocked(main=10), "move", place="main", to="xuhui", qty=4, arrived=True)
    state = told(state, "move", place="main", to="pudong", qty=3, arrived=False)
    assert state["places"] == {"main": [3, 0, 0], "xuhui": [4, 0, 0], "pudong": [0, 0, 3]}


def test_promised_units_do_not_move():
    state = turned(stocked(main=10), stock_hold("MUG", "main", "1", 8), "place")
    refused = told(state, "move", place="main", to="xuhui", qty=3, arrived=True)
    assert (refused.code, refused.detail["left"]) == ("too_few", 2)


def test_an_adjustment_has_a_reason_and_never_goes_below_nothing():
    state = stocked(main=3)
    assert told(state, "adjust", place="main", change=-1, reason="damaged")["places"]["main"] == [2, 0, 0]
    assert told(state, "adjust", place="main", change=-4, reason="lost").code == "too_few"
    assert told(state, "adjust", place="main", change=-1, reason="felt like it").code == "bad_reason"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("count", {"place": "main", "on_hand": -1}, "bad_units"),
        ("count", {"place": "main", "on_hand": 10**12}, "bad_units"),
        ("count", {"place": "main", "on_hand": True}, "bad_units"),
        ("count", {"place": "main", "on_hand": 1.5}, "bad_units"),
        ("count", {"place": "the main one", "on_hand": 1}, "bad_place"),
        ("count", {"on_hand": 1}, "bad_place"),
        ("count", {"place": "main", "on_hand": 1, "note": "x" * 201}, "bad_note"),
        ("adjust", {"place": "main", "change": 0, "reason": "lost"}, "bad_units"),
        ("expect", {"place": "main", "qty": 0}, "bad_units"),
        ("receive", {"place": "main", "qty": -5}, "bad_units"),
        ("move", {"place": "main", "to": "main", "qty": 1}, "same_place"),
        ("move", {"place": "main", "to": 7, "qty": 1}, "bad_place"),
        ("move", {"place": "main", "to": "b", "qty": "1"}, "bad_units"),
        ("sell", {"place": "main"}, "unknown_command"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(name, data, code):
    assert told(stocked(main=5), name, **data).code == code


def test_a_place_cannot_be_filled_past_what_a_number_holds():
    assert told(stocked(main=10**9), "receive", place="main", qty=1).code == "too_many_units"


@pytest.mark.parametrize("sku", ["", "x" * 191, "a\nb"])
def test_what_is_no_sku_has_no_stream(sku):
    with pytest.raises(FairdayError, match="SKU"):
        stock_stream(sku)


def test_an_order_reserves_ships_in_parts_and_takes_back():
    hold = stock_hold("MUG", "main", "1", 5)
    state = turned(stocked(main=7), hold, "place")
    assert state["places"]["main"] == [7, 5, 0]
    assert turned(state, hold, "pay") == state
    state = turned(state, hold, "ship", units={"1": 2})
    assert state["places"]["main"] == [5, 3, 0]
    assert turned(state, hold, "ship", units={"2": 2}) == state, "another line's units"
    state = turned(state, hold, "cancel", units={"1": 3}, why="changed my mind")
    assert state["places"]["main"] == [5, 0, 0]
    state = turned(state, hold, "refund", units={"1": 1}, part=1, whole=1, final=True)
    assert state["places"]["main"] == [6, 0, 0]
    assert turned(state, hold, "complete") == state


def test_the_last_unit_is_promised_once():
    state = turned(stocked(main=1), stock_hold("MUG", "main", "1", 1), "place")
    refused = turned(state, stock_hold("MUG", "main", "1", 1), "place")
    assert (refused.code, refused.detail) == ("sold_out", {"sku": "MUG", "place": "main", "left": 0})


@pytest.mark.parametrize("qty", [0, -3, 10**10])
def test_a_hold_of_no_units_or_of_too_many_is_refused(qty):
    assert turned(stocked(main=1), stock_hold("MUG", "main", "1", qty), "place").code in ("bad_units", "sold_out")


def test_a_reservation_that_ended_and_is_paid_late_is_taken_again_or_refused():
    hold = stock_hold("MUG", "main", "1", 1)
    state = turned(stocked(main=1), hold, "place")
    state = turned(state, hold, "cancel", why="expired")
    assert state["places"]["main"] == [1, 0, 0]
    assert turned(turned(state, hold, "place"), hold, "pay")["places"]["main"] == [1, 1, 0]
    gone = turned(state, stock_hold("MUG", "main", "1", 1), "place")
    assert turned(gone, hold, "place").code == "sold_out"


def test_what_a_count_found_missing_cannot_leave():
    hold = stock_hold("MUG", "main", "1", 5)
    state = told(turned(stocked(main=5), hold, "place"), "count", place="main", on_hand=3)
    refused = turned(state, hold, "ship", units={"1": 4})
    assert refused.code == "not_there"
    assert turned(state, hold, "ship", units={"1": 3})["places"]["main"] == [0, 2, 0]


def test_a_cancel_gives_back_and_never_refuses():
    hold = stock_hold("MUG", "main", "1", 5)
    assert turned(stocked(main=5), hold, "cancel") == stocked(main=5)
    state = turned(stocked(main=5), hold, "place")
    assert turned(state, hold, "cancel", units={"1": -4}) == state
    assert turned(state, hold, "cancel", units={"1": 99})["places"]["main"] == [5, 0, 0]


def test_a_line_served_from_two_places_leaves_and_comes_back_place_by_place():
    (hold,) = stock_holds([("1", "MUG", "main", 2), ("1", "MUG", "xuhui", 3)])
    assert hold.data["qty"] == 5
    state = turned(stocked(main=2, xuhui=4), hold, "place")
    assert state["places"] == {"main": [2, 2, 0], "xuhui": [4, 3, 0]}
    state = turned(state, hold, "ship", units={"1": 3})
    assert state["places"] == {"xuhui": [3, 2, 0]}
    state = turned(state, hold, "refund", unshipped={"1": 1}, sent={"1": 3}, waiting={"1": 2}, whole=1)
    assert state["places"] == {"xuhui": [3, 1, 0]}
    state = turned(state, hold, "ship", units={"1": 1}, sent={"1": 3}, waiting={"1": 1})
    assert state["places"] == {"xuhui": [2, 0, 0]}
    state = turned(state, hold, "refund", units={"1": 4}, sent={"1": 4}, waiting={"1": 0}, whole=1)
    assert state["places"] == {"main": [4, 0, 0], "xuhui": [2, 0, 0]}


def test_a_line_of_two_places_is_reserved_whole_or_not_at_all():
    (hold,) = stock_holds([("1", "MUG", "main", 2), ("1", "MUG", "xuhui", 3)])
    refused = turned(stocked(main=2, xuhui=2), hold, "place")
    assert (refused.code, refused.detail["place"]) == ("sold_out", "xuhui")
    state = turned(stocked(main=2, xuhui=3), hold, "place")
    assert turned(state, hold, "cancel", why="expired") == stocked(main=2, xuhui=3)


def test_units_given_up_and_units_that_came_back_in_one_refund():
    hold = stock_hold("MUG", "main", "1", 5)
    state = turned(turned(stocked(main=5), hold, "place"), hold, "ship", units={"1": 2})
    state = turned(state, hold, "refund", units={"1": 1}, unshipped={"1": 3}, sent={"1": 2}, waiting={"1": 3}, whole=1)
    assert state["places"] == {"main": [4, 0, 0]}


PLACES = st.sampled_from(["main", "xuhui"])
UNITS = st.integers(-2, 8)


@settings(max_examples=80)
@given(st.lists(st.tuples(st.sampled_from(["count", "adjust", "expect", "receive", "move", "place", "ship", "cancel",
                                           "refund"]), PLACES, UNITS), max_size=30))  # fmt: skip
def test_no_level_is_ever_below_nothing_and_what_is_promised_is_what_orders_hold(steps):
    state, held, number = RULES.initial(), Counter(), 0
    orders: list[tuple[str, int]] = []
    for name, place, qty in steps:
        number += 1
        if name == "place":
            after = turned(state, stock_hold("MUG", place, "1", qty), "place")
            if isinstance(after, Refusal):
                continue
            orders.append((place, qty))
            held[place] += qty
        elif name in ("ship", "cancel", "refund"):
            if not orders:
                continue
            where, left = orders.pop()
            step_qty = min(left, abs(qty))
            after = turned(state, stock_hold("MUG", where, "1", left), name, units={"1": step_qty, "other": 1})
            if name == "refund" or isinstance(after, Refusal):
                orders.append((where, left))
            else:
                held[where] -= step_qty
                orders.append((where, left - step_qty))
            if isinstance(after, Refusal):
                continue
        else:
            to = "xuhui" if place == "main" else "main"
            data = {"on_hand": qty, "change": qty, "qty": qty, "reason": "other", "to": to, "arrived": qty % 2 == 0}
            after = told(state, name, place=place, **data)
            if isinstance(after, Refusal):
                continue
        state = after
        for one, level in state["places"].items():
            assert all(n >= 0 for n in level)
            assert any(level)
            assert level[1] == held[one]
    assert {p for p, n in held.items() if n} <= set(state["places"])
