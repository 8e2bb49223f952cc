"""What a company will likely need: by its own orders, with a range that holds as often as it says."""

from __future__ import annotations

import random

from fairday.trade.b2b.needs import need


def test_one_order_says_nothing_of_the_future_and_two_of_no_interval() -> None:
    once = need("MUG", "Mug", [(100, 40)], 200, 30)
    assert (once.orders, once.units, once.expected, once.every) == (1, 40, None, None)
    twice = need("MUG", "Mug", [(100, 40), (130, 20)], 200, 30)
    assert twice.every is None
    assert twice.expected is not None


def test_two_orders_of_one_day_are_one_need() -> None:
    told = need("MUG", "Mug", [(200, 2), (200, 4)], 200, 30)
    assert (told.orders, told.units, told.expected) == (2, 6, None)


def test_a_steady_buyer_is_expected_to_go_on_so() -> None:
    steady = need("MUG", "Mug", [(day, 50) for day in range(0, 360, 30)], 360, 30)
    assert steady.every == 30
    assert steady.expected is not None
    assert 40 <= steady.expected <= 60
    assert steady.low is not None
    assert steady.high is not None
    assert steady.low <= 50 <= steady.high
    assert need("MUG", "Mug", [(day, 50) for day in range(0, 360, 30)], 360, 30) == steady  # always the same


def test_the_range_holds_eight_times_of_ten_for_buyers_of_any_rhythm() -> None:
    luck, inside, told = random.Random(5), 0, 0
    for _ in range(400):
        mean, day, days = luck.choice([7, 15, 30, 45]), 0.0, []
        while day < 390:
            days.append((int(day), luck.randint(5, 60)))
            day += luck.expovariate(1 / mean)
        known, came = [x for x in days if x[0] < 360], sum(n for d, n in days if 360 <= d < 390)
        found = need("MUG", "Mug", known, 360, 30)
        if found.expected is not None and found.low is not None and found.high is not None:
            told += 1
            inside += found.low <= came <= found.high
    assert told > 380
    assert 0.78 <= inside / told <= 0.95, inside / told  # whole units: a little more than eight of ten
