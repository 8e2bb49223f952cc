from __future__ import annotations

import csv
import math
from collections import Counter

import numpy as np
import pytest

from fairday.models.experiments import (
    Arm,
    Pairs,
    Stratum,
    adjusted,
    difference,
    lift,
    peeking_factor,
    ratio,
    sample_ratio,
    shares,
)
from parts import shared

SEEDS = 100


def spend(rng, n, rate=0.1, sigma=1.2):
    """Money as shops see it: most people none, a few a log-normal amount."""
    return np.where(rng.random(n) < rate, np.exp(rng.normal(3, sigma, n)), 0.0)


MEAN = 0.1 * math.exp(3 + 1.2**2 / 2)


def test_sums_add_up_whatever_the_slices():
    rng = np.random.default_rng(1)
    x, y = rng.normal(2, 1, 100), rng.normal(1, 3, 100)
    whole, parts = Pairs.of(x, y), Pairs.of(x[:30], y[:30]) + Pairs.of(x[30:], y[30:])
    assert whole.covariance == pytest.approx(np.cov(x, y)[0, 1])
    assert parts.covariance == pytest.approx(whole.covariance)
    assert whole.first.variance == pytest.approx(x.var(ddof=1))
    assert (Arm.of(x[:50]) + Arm.of(x[50:])).mean == pytest.approx(x.mean())


def test_nothing_is_said_from_a_handful_or_without_variation():
    some = Arm.of([1.0, 0.0] * 50)
    for few in (Arm.of([1.0, 0.0] * 4), Arm.of([0.0] * 100), Arm(0, 0, 0)):
        assert difference(some, few) is None
        assert lift(some, few) is None
        assert adjusted(Pairs.of([1.0, 0.0] * 50, [1.0] * 100), Pairs(few.n, few.total, 0, few.squares, 0, 0)) is None
    assert shares(some, Arm.of([0.0] * 9)) is None


def test_two_means_have_students_interval():
    # Student's sleep data (1908): R's t.test(extra ~ group, data = sleep, var.equal = TRUE).
    one = Arm.of([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
    two = Arm.of([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
    found = difference(one, two)
    assert (found.low, found.high) == pytest.approx((-3.363874, 0.203874), abs=1e-6)


def test_two_shares_have_newcombes_interval():
    # Newcombe 1998, table II, method 10: 56/70 and 48/80; 10/10 and 0/10.
    found = shares(Arm(70, 56, 56), Arm(80, 48, 48))
    assert (found.estimate, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    found = shares(Arm(10, 10, 10), Arm(10, 0, 0))
    assert (found.low, found.high) == pytest.approx((0.6075, 1.0), abs=5e-5)
    none = shares(Arm(900, 0, 0), Arm(100, 0, 0))
    assert none.low < 0 < none.high


def test_a_lift_without_a_sure_base_is_not_told():
    rng = np.random.default_rng(2)
    assert lift(Arm.of(rng.normal(1, 1, 200)), Arm.of(rng.normal(0.05, 1, 20))) is None
    assert lift(Arm.of(rng.normal(1, 1, 200)), Arm.of(rng.normal(-1, 1, 200))) is None


def test_fiellers_ends_are_where_the_difference_from_that_multiple_is_on_the_edge():
    rng = np.random.default_rng(3)
    treated, held = Arm.of(rng.normal(11, 3, 4000)), Arm.of(rng.normal(10, 3, 4000))
    found = lift(treated, held)
    for end in (found.low, found.high):
        scaled = Arm(held.n, held.total * (1 + end), held.squares * (1 + end) ** 2)
        edge = difference(treated, scaled)
        assert min(abs(edge.low), abs(edge.high)) < 0.01 * edge.width


def test_with_a_planted_lift_the_interval_covers_it():
    covered = Counter()
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        loyal = [rng.lognormal(0, 0.5, n) for n in (3600, 400)]
        before = [spend(rng, len(b)) * b for b in loyal]
        after = [spend(rng, len(b), rate) * b for b, rate in zip(loyal, (0.13, 0.1), strict=True)]
        truth = 0.3 * MEAN * math.exp(0.5**2 / 2)
        sums = [Arm.of(a) for a in after]
        bought = [a > 0 for a in after]
        orders = [Pairs.of(a, b) for a, b in zip(after, bought, strict=True)]
        covered["money"] += _holds(difference(*sums), truth)
        covered["lift"] += _holds(lift(*sums), 0.3)
        covered["share"] += _holds(shares(*(Arm.of(b) for b in bought)), 0.03)
        covered["peeking"] += _holds(difference(*sums, peeking=True), truth)
        covered["money an order"] += _holds(ratio(*orders), 0.0)
        covered["cuped"] += _holds(
            adjusted(*(Pairs.of(a, b) for a, b in zip(after, before, strict=True))).effect, truth
        )
    assert len(covered) == 6
    assert all(n >= 90 for n in covered.values()), covered


def _holds(effect, truth):
    return effect is None or effect.low <= truth <= effect.high


def test_with_no_effect_there_are_few_alarms():
    alarms = Counter()
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        after = [spend(rng, n) for n in (3600, 400)]
        before = [0.7 * a + spend(rng, len(a)) for a in after]
        sums = [Arm.of(a) for a in after]
        alarms["money"] += difference(*sums).sure
        found = lift(*sums)
        alarms["lift"] += found is not None and found.sure
        alarms["share"] += shares(*(Arm.of(a > 0) for a in after)).sure
        alarms["money an order"] += ratio(*(Pairs.of(a, a > 0) for a in after)).sure
        alarms["cuped"] += adjusted(*(Pairs.of(a, b) for a, b in zip(after, before, strict=True))).effect.sure
        held = int(rng.binomial(4000, 0.1))
        alarms["sample ratio"] += sample_ratio([Stratum(4000 - held, held, 0.1)]).alarm
    assert all(n <= 10 for n in alarms.values()), alarms


@pytest.mark.parametrize(("held", "sigma"), [(0.5, 0.8), (0.1, 1.2), (0.1, 1.5), (0.05, 1.2)])
def test_watched_person_by_person_the_sequence_holds_where_the_ordinary_interval_fails(held, sigma):
    people, once, always, began = 20_000, 0, 0, 0
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        out = rng.random(people) < held
        z, own, settled = _standardised(spend(rng, people, sigma=sigma), out)
        once += bool((own[500:] > 1.96).any())
        always += bool((z > peeking_factor(np.arange(1, people + 1)))[settled].any())
        began += bool(settled.any())
    assert began >= 90
    assert always <= 10, f"{always} alarms of 100 under no effect"
    assert once >= 25, f"only {once}: the ordinary interval was expected to fail when watched"


def _standardised(money, out):
    """At every look: the difference in standard errors, by Welch's alone, and whether the sequence has begun."""
    n, total, squares = (
        np.array([np.cumsum(v * side) for side in (~out, out)]) for v in (np.ones_like(money), money, money**2)
    )
    with np.errstate(all="ignore"):
        variance = (squares - total**2 / n) / (n - 1)
        own = (variance / n).sum(0)
        pooled = (variance * (n - 1)).sum(0) / (n.sum(0) - 2) * (1 / n).sum(0)
        apart = np.abs(np.subtract(*(total / n)))
        settled = (n.min(0) >= 50) & ((total**2 / squares).min(0) >= 10)
        return np.nan_to_num(apart / np.sqrt(np.maximum(own, pooled))), np.nan_to_num(apart / np.sqrt(own)), settled


def test_the_watched_figures_are_those_of_the_difference():
    rng = np.random.default_rng(4)
    out, money = rng.random(5000) < 0.1, spend(rng, 5000)
    z, _, settled = _standardised(money, out)
    for n in (400, 3000, 5000):
        found = difference(Arm.of(money[:n][~out[:n]]), Arm.of(money[:n][out[:n]]), peeking=True)
        assert (found is not None) == settled[n - 1]
        if found:
            assert abs(found.estimate) * 2 / found.width * peeking_factor(n) == pytest.approx(z[n - 1])


def test_the_sequence_is_wider_than_one_look_and_tightest_where_it_says():
    factors = {n: float(peeking_factor(n)) for n in (100, 500, 2000, 20_000, 1_000_000)}
    assert min(factors, key=factors.get) == 2000
    assert all(1.96 < f < 5 for f in factors.values())


def test_cuped_narrows_as_the_correlation_says_and_takes_out_a_chance_imbalance():
    rng = np.random.default_rng(5)
    before = rng.normal(50, 10, 20_000)
    after = before + rng.normal(0, 5, 20_000)
    lucky = rng.random(20_000) < np.where(before > 50, 0.6, 0.4)
    found = adjusted(*(Pairs.of(after[side], before[side]) for side in (lucky, ~lucky)))
    assert found.theta == pytest.approx(1, abs=0.02)
    assert found.effect.low <= 0 <= found.effect.high
    assert difference(*(Arm.of(after[side]) for side in (lucky, ~lucky))).sure
    fair = rng.random(20_000) < 0.5
    found = adjusted(*(Pairs.of(after[side], before[side]) for side in (fair, ~fair)))
    rho = 10 / math.hypot(10, 5)
    assert found.narrowed == pytest.approx(1 - math.sqrt(1 - rho**2), abs=0.02)


def test_a_covariate_that_never_varies_changes_nothing():
    rng = np.random.default_rng(6)
    a, b = spend(rng, 900, 0.3), spend(rng, 100, 0.3)
    found = adjusted(Pairs.of(a, np.zeros(900)), Pairs.of(b, np.zeros(100)))
    assert (found.theta, found.narrowed) == (0, 0)
    assert found.effect == difference(Arm.of(a), Arm.of(b))


def test_the_sample_ratio_is_exact_and_alarms_on_lost_people():
    fair = sample_ratio([Stratum(900, 100, 0.1)])
    assert fair.p == 1
    assert not fair.alarm
    assert sample_ratio([Stratum(10, 0, 0.5)]).p == pytest.approx(2 * 0.5**10)
    assert sample_ratio([Stratum(0, 10, 0.5)]).p == pytest.approx(2 * 0.5**10)
    assert sample_ratio([Stratum(9000, 850, 0.1)]).alarm
    assert sample_ratio([]) is None
    assert sample_ratio([Stratum(10, 0, 0.0), Stratum(0, 0, 0.5)]) is None


def test_a_holdout_that_changed_is_expected_time_by_time():
    found = sample_ratio([Stratum(900, 100, 0.1), Stratum(500, 500, 0.5)])
    assert (found.expected, found.held, found.n) == (600, 600, 2000)
    assert found.p == 1
    assert sample_ratio([Stratum(900, 100, 0.1), Stratum(900, 100, 0.5)]).alarm


def test_hillstroms_mail_experiment_is_reproduced():
    """Kevin Hillstrom's mail challenge (2008): 64,000 customers who were sent a mail for men, for women, or none."""
    visits: dict[str, list[float]] = {}
    money: dict[str, list[float]] = {}
    with shared("FAIRDAY_DATA", "data", "hillstrom.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            visits.setdefault(row["segment"], []).append(float(row["visit"]))
            money.setdefault(row["segment"], []).append(float(row["spend"]))
    visit = {k: Arm.of(v) for k, v in visits.items()}
    spent = {k: Arm.of(v) for k, v in money.items()}
    mens, womens, none = "Mens E-Mail", "Womens E-Mail", "No E-Mail"
    assert [round(100 * visit[k].mean, 2) for k in (mens, womens, none)] == [18.28, 15.14, 10.62]
    assert [round(spent[k].mean, 4) for k in (mens, womens, none)] == [1.4226, 1.0772, 0.6528]
    # Beside textbook arithmetic: difference ± 1.96 × √(s²/n + s²/n).
    for treated, seen, brought in ((mens, 0.0766, 0.7698), (womens, 0.0452, 0.4244)):
        for found, arms, estimate in (
            (shares(visit[treated], visit[none]), (visit[treated], visit[none]), seen),
            (difference(spent[treated], spent[none]), (spent[treated], spent[none]), brought),
        ):
            reach = 1.96 * math.sqrt(sum(a.variance / a.n for a in arms))
            assert (found.estimate, found.low, found.high) == pytest.approx(
                (estimate, estimate - reach, estimate + reach), abs=2e-3 * abs(estimate) + 1e-4
            )
            assert found.sure
        assert not sample_ratio([Stratum(visit[treated].n, visit[none].n, 0.5)]).alarm
    assert lift(spent[mens], spent[none]).low > 0.5
    assert difference(spent[mens], spent[none], peeking=True).sure
