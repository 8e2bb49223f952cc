from __future__ import annotations

import numpy as np
import pytest

from fairday.models.couponing import DAYS, WINDOW, Campaign, base, fit, plain


def made(seed: int, people: int = 200, deviation: float = 0.4, kind: str = "B", level: float = -2.0) -> Campaign:
    """A campaign whose people give coupons in at a known rate, and spend on the goods with it 10 more than without."""
    luck = np.random.default_rng(seed)
    visits = luck.poisson(8, people).astype(float)
    bought = luck.binomial(visits.astype(int), 0.2).astype(float)
    rate = np.exp(level + 0.5 * np.log1p(bought) + deviation * luck.standard_normal())
    used = luck.poisson(rate).astype(float)
    taste = luck.gamma(1.0, 20.0, people)
    spent, before, just, long = (luck.poisson(taste * d / WINDOW) * 1.0 for d in (DAYS, WINDOW, DAYS, WINDOW))
    none = np.zeros(people)
    return Campaign(kind, DAYS, visits, bought, none, none, before, used, spent + 10 * (used > 0), long, just)


PAST = [made(n) for n in range(12)]


def test_without_a_past_the_forecast_is_wide_and_says_on_what_it_stands():
    none = fit([]).forecast(made(50), discount=5, margin=0.3)
    some = fit(PAST).forecast(made(50), discount=5, margin=0.3)
    assert (none.campaigns, some.campaigns) == (0, 12)
    assert none.people == some.people == 200
    wide = none.redemptions.high80 - none.redemptions.low80
    assert wide > 2 * (some.redemptions.high80 - some.redemptions.low80)


def test_intervals_hold_as_often_as_they_say_and_beat_the_plain_average():
    model = fit(PAST)
    inside80, inside95, ours, averages = [], [], [], []
    for seed in range(100, 160):
        luck = np.random.default_rng(seed)
        one = made(seed, people=int(luck.integers(40, 400)))
        assert one.used is not None
        r, happened = model.forecast(one, 1.0, 0.3).redemptions, one.used.sum()
        inside80.append(r.low80 <= happened <= r.high80)
        inside95.append(r.low95 <= happened <= r.high95)
        ours.append(abs(r.expected - happened))
        averages.append(abs(plain(PAST, one) - happened))
    assert 0.7 <= np.mean(inside80) <= 0.98
    assert np.mean(inside95) >= 0.9
    assert np.mean(ours) < 1.1 * np.mean(averages)  # campaigns alike leave the average little to lose


def test_who_buys_the_goods_is_foreseen_to_use_the_coupon_more():
    model = fit(PAST)
    one = made(7)
    none, much = np.zeros(200), np.full(200, 6.0)
    few = model.forecast(Campaign("B", DAYS, one.visits, none, none, none, none), 1, 0.3).redemptions.expected
    many = model.forecast(Campaign("B", DAYS, one.visits, much, none, none, none), 1, 0.3).redemptions.expected
    assert many > 1.5 * few


def test_what_would_have_come_anyway_is_found_where_it_is_known():
    model = fit(PAST)
    inside, foreseen, true = [], 0.0, 0.0
    for seed in range(200, 240):
        one = made(seed)
        assert one.used is not None
        assert one.spent is not None
        who = one.used > 0
        r = model.anyway(one, who)
        truth = one.spent[who].sum() - 10 * who.sum()
        inside.append(r.low95 <= truth <= r.high95)
        foreseen, true = foreseen + r.expected, true + truth
    assert foreseen == pytest.approx(true, rel=0.15)
    assert np.mean(inside) >= 0.9


def test_money_adds_up_and_the_same_seed_says_the_same():
    model = fit(PAST)
    one = made(3)
    a, b = model.forecast(one, 5, 0.3), model.forecast(one, 5, 0.3)
    assert a == b
    assert a.discount.expected == pytest.approx(5 * a.redemptions.expected)
    assert a.anyway.expected <= a.revenue.expected
    for r in (a.redemptions, a.redeemers, a.revenue, a.anyway, a.discount, a.margin):
        assert r.low95 <= r.low80 <= r.expected <= r.high80 <= r.high95
    assert model.forecast(one, 50, 0.3).margin.expected < a.margin.expected


def test_a_large_crowd_is_asked_by_sample_and_an_empty_one_brings_nothing():
    model = fit(PAST)
    large = model.forecast(made(5, people=20_000, deviation=0), 1, 0.3)
    small = model.forecast(made(6, people=2000, deviation=0), 1, 0.3)
    assert large.people == 20_000
    assert large.redemptions.expected == pytest.approx(10 * small.redemptions.expected, rel=0.15)
    none = np.zeros(0)
    nothing = model.forecast(Campaign("B", DAYS, none, none, none, none, none), 1, 0.3)
    assert nothing.redemptions.high95 == nothing.revenue.high95 == 0


def test_goods_that_are_not_known_are_taken_as_usual():
    one = made(9)
    model = fit(PAST)
    unknown = Campaign("B", DAYS, one.visits, None, one.asked, one.given, one.before)
    assert model.forecast(unknown, 1, 0.3).redemptions.expected > 0
    assert fit([Campaign(**{**vars(c), "bought": None}) for c in PAST[:4]]).campaigns == 4


def test_a_persons_own_past_is_shrunk_to_the_average():
    one = made(1)
    each = base(one)
    assert each.sum() == pytest.approx(one.before.sum() * DAYS / WINDOW)
    assert each.min() > 0
    assert each.max() < one.before.max() * DAYS / WINDOW


def test_a_past_campaign_without_its_end_is_refused():
    one = made(1)
    with pytest.raises(ValueError, match="used and spent"):
        fit([Campaign("B", DAYS, one.visits, None, one.asked, one.given, one.before)])
