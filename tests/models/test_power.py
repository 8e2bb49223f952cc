"""The smallest visible lift: seen in about 80 of 100 simulated shops, hardly ever where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from fairday.models.experiments import Arm, difference, shares
from fairday.models.power import Curve, Sample, curve, detectable, seen, weeks_for

SEEDS = 300


def arm(values: np.ndarray) -> Arm:
    return Arm(len(values), float(values.sum()), float((values**2).sum()))


def detected(holdout: float, lift: float, draw, people: int = 2000) -> float:
    """The share of seeds in which the interval lies above zero."""
    hits = 0
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        held = round(people * holdout)
        compare = shares if draw is buying else difference
        effect = compare(arm(draw(rng, people - held, lift)), arm(draw(rng, held, 0.0)))
        assert effect is not None
        hits += effect.low > 0
    return hits / SEEDS


def spending(rng: np.random.Generator, people: int, lift: float) -> np.ndarray:
    """Skewed baskets, a random number of them: more orders for the treated."""
    baskets = rng.poisson(1.5 * (1 + lift), people)
    return np.where(baskets > 0, rng.gamma(np.maximum(1.2 * baskets, 1e-9), 20.0), 0.0)  # a sum of gammas is one


def buying(rng: np.random.Generator, people: int, lift: float) -> np.ndarray:
    return (rng.random(people) < 0.3 * (1 + lift)).astype(float)


@pytest.mark.parametrize("holdout", [0.1, 0.5])
@pytest.mark.parametrize(("draw", "share"), [(spending, False), (buying, True)])
def test_the_smallest_visible_lift_is_seen_in_four_of_five_shops(holdout, draw, share) -> None:
    history = Sample.of(2, 20_000, list(draw(np.random.default_rng(99), 20_000, 0.0)))
    lift = seen(history, holdout, share=share, people=2000)
    assert lift is not None
    assert 0.74 <= detected(holdout, lift, draw) <= 0.86
    assert detected(holdout, lift / 2, draw) < 0.45
    assert detected(holdout, 0.0, draw) < 0.06


def test_a_larger_holdout_longer_windows_and_more_people_show_smaller_lifts() -> None:
    by_holdout = [detectable(4.0, 2000, h) or 0 for h in (0.05, 0.1, 0.2, 0.3, 0.5)]
    assert by_holdout == sorted(by_holdout, reverse=True)
    assert (detectable(4.0, 4000, 0.1) or 9) < (detectable(4.0, 2000, 0.1) or 0)
    assert (detectable(2.0, 2000, 0.1) or 9) < (detectable(4.0, 2000, 0.1) or 0)


def test_a_small_shop_is_told_that_it_is_too_small() -> None:
    assert detectable(4.0, 90, 0.1) is None  # nine held out
    assert seen(Sample.of(2, 100, [5.0]), 0.5) is None  # one buyer
    assert seen(Sample.of(2, 0, []), 0.5) is None
    assert detectable(0.05, 60, 0.5, share=True) is None  # 95 % buy anyway: there is no room above


def test_the_curve_is_found_and_says_how_many_weeks() -> None:
    true = Curve(0.5, 6.0)
    found = curve([(w, true.at(w)) for w in (2, 4, 8)])
    assert found is not None
    assert found.floor == pytest.approx(0.5)
    assert found.fall == pytest.approx(6.0)
    lift = detectable(true.at(11), 2000, 0.1)
    assert lift is not None
    assert weeks_for(true, lift, 2000, 0.1) == 11
    assert weeks_for(Curve(4.0, 1.0), 0.05, 2000, 0.1) is None
    assert curve([]) is None
    assert curve([(2, 1.0), (4, 2.0)]) == Curve(1.5, 0.0)  # never growing with time
    assert curve([(2, 2.0), (4, 0.5)]) == Curve(0.0, pytest.approx(3.6))
