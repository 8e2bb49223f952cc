from __future__ import annotations

import numpy as np
import pytest

from fairday.models.swings import beyond_chance, swing


def shop(rng, days, rate):
    """A category's days: a weekly rhythm and orders that come in clumps."""
    week = 1 + 0.4 * np.sin(2 * np.pi * np.arange(days) / 7)
    return rng.poisson(rng.gamma(8, rate * week / 8)).astype(float)


@pytest.mark.parametrize("paired", [True, False])
def test_of_a_hundred_quiet_periods_few_make_news_although_many_categories_are_looked_at(paired):
    news = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        looks = [swing(shop(rng, 28, rate), shop(rng, 28, rate), paired) for rate in np.geomspace(0.5, 200, 25)]
        news += any(beyond_chance([s.p for s in looks if s is not None]))
    assert news <= 10


def test_a_real_change_is_found_and_its_interval_holds_it():
    found = covered = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        looks = [swing(shop(rng, 28, 20), shop(rng, 28, 20), True) for _ in range(39)]
        real = swing(shop(rng, 28, 40), shop(rng, 28, 20), True)
        found += beyond_chance([s.p for s in (*looks, real)])[-1]
        covered += real.low <= 20 * 28 <= real.high
    assert found >= 90
    assert covered >= 90


def test_too_few_days_or_days_all_alike_say_nothing():
    assert swing(np.ones(4), np.zeros(4), True) is None
    assert swing(np.ones(7), np.ones(7), True) is None
    assert swing(np.zeros(7), np.zeros(7), False) is None
    assert beyond_chance([]) == []


def test_the_rule_for_many_looks_is_benjamini_and_hochbergs():
    # Their example of 15 comparisons (1995, section 3.2): four are told at 0.05.
    told = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
            0.7590, 1.0]  # fmt: skip
    assert beyond_chance(told) == [True] * 4 + [False] * 11
