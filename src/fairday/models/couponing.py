"""What a coupon will bring: redemptions, revenue and sales that would have come anyway, with intervals. Pure.

A hierarchy of campaigns, kinds of campaign and people. How many coupons a person gives in is Poisson around a rate
whose logarithm adds up the kind's level, what the person has bought of the goods, how often they come, what they made
of earlier coupons, how long the campaign runs, and a deviation of the campaign itself. Levels and slopes are shrunk
towards plain assumptions, the size of the deviation is averaged over what the past makes likely, and what people vary
beyond Poisson widens everything. So a shop with three past campaigns gets an answer, and a wide one. After Gelman &
Hill, "Data Analysis Using Regression and Multilevel/Hierarchical Models" (2007), ch. 11 to 15; fitted by Laplace's
approximation.
See docs/algorithms/coupons.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

WINDOW = 56
"""Days before a campaign from which a person's visits and purchases are counted."""
DAYS = 32.0
"""A usual campaign's length, around which the effect of length is centred."""
DEVIATIONS = (0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.1)
"""Sizes of a campaign's own deviation (of the logarithm) that are averaged over."""
PRIOR_RATE, PRIOR_COUPONS = 0.1, 2.0
"""What an earlier campaign brought a person where nothing is known, and how many campaigns that knowledge is worth."""
DRAWS = 4000
SAMPLED = 2000
"""People of a campaign to come that are asked one by one; of more, as many at random stand for all."""
SHRINK = 0.3
"""Windows of the average person that are added to a person's own in foreseeing what they buy anyway."""
_USUAL_VISITS = 2.5
_PRIOR = {
    "level": (-2.0, 2.0), "bought": (0.3, 0.4), "visits": (0.2, 0.4), "days": (0.7, 0.4), "propensity": (0.8, 0.4),
    "never asked": (0.0, 0.5),
}  # fmt: skip
"""Mean and deviation of what is assumed of each slope before any campaign is seen."""
_PRIOR_KIND = 0.7


@dataclass(frozen=True)
class Campaign:
    """Whom a campaign reaches, and of a past one what came of it; every array has one entry a person.

    Attributes:
        kind: campaigns of one kind are alike.
        days: how long coupons can be given in.
        visits: days with an order in the ``WINDOW`` before.
        bought: days with an order of the coupon's goods in the ``WINDOW`` before; None where its goods are not known.
        asked: earlier campaigns that reached the person, and ``given``: coupons of them given in.
        before: money spent on the coupon's goods in the ``WINDOW`` before.
        used: coupons given in, None of a campaign to come.
        spent: money spent on the coupon's goods while it ran, None of a campaign to come.
        just_before, long_before: money spent on the coupon's goods in the ``days`` before it began, and in the
            ``WINDOW`` before those: what the estimate of sales that come anyway is tried on. None where not known.
    """

    kind: str
    days: float
    visits: Numbers
    bought: Numbers | None
    asked: Numbers
    given: Numbers
    before: Numbers
    used: Numbers | None = None
    spent: Numbers | None = None
    long_before: Numbers | None = None
    just_before: Numbers | None = None

    @property
    def people(self) -> int:
        return len(self.visits)


@dataclass(frozen=True)
class Range:
    """An expectation with the intervals that hold it 80 and 95 times in a hundred."""

    expected: float
    low80: float
    high80: float
    low95: float
    high95: float


@dataclass(frozen=True)
class Forecast:
    """What a campaign will bring; money in the unit of the campaigns' money.

    Attributes:
        people: whom it reaches.
        redemptions: coupons given in; ``redeemers``: people who give in one or more.
        revenue: what redeemers spend on the coupon's goods while it runs, before the discount.
        anyway: the part of it they would have spent without the coupon (cannibalised).
        discount: what the coupons take off.
        margin: the margin on what would not have come anyway, less the discounts.
        campaigns: past campaigns it stands on.
    """

    people: int
    redemptions: Range
    redeemers: Range
    revenue: Range
    anyway: Range
    discount: Range
    margin: Range
    campaigns: int


@dataclass(frozen=True)
class _Laplace:
    """A posterior of the coefficients at one size of deviation."""

    deviation: float
    mean: Numbers
    root: Numbers
    evidence: float


@dataclass(frozen=True)
class Model:
    """Fitted to past campaigns; ``fit`` makes it."""

    kinds: tuple[str, ...]
    posteriors: tuple[_Laplace, ...]
    weights: Numbers
    dispersion: float
    repeat: float
    typical_bought: float
    typical_before: float
    lift: tuple[float, float]
    some: tuple[float, float]
    trend: tuple[float, float]
    scatter: float
    campaigns: int

    def forecast(
        self,
        campaign: Campaign,
        discount: float,
        margin: float,
        *,
        people: int | None = None,
        each: int | None = None,
        most: int | None = None,
        seed: int = 0,
    ) -> Forecast:
        """What a campaign to come will bring.

        Args:
            discount: what one coupon takes off, on average.
            margin: the share of revenue that is margin before the discount, 0 to 1.
            people: how many it reaches, where those of the campaign are a sample of them.
            each: coupons that one person may give in, and ``most``: all together, where there are such limits.
            seed: the same seed gives the same figures.
        """
        luck = np.random.default_rng(seed)
        people = campaign.people if people is None else people
        campaign = _sampled(campaign, luck)
        scale = people / campaign.people if campaign.people else 0.0
        used, share = self._draw(campaign, scale, luck)
        own, usual = base(campaign), _usual(campaign, self.typical_before)
        base_each = share @ own / np.maximum(share.sum(1), 1e-12)
        mean = np.minimum(scale * share.sum(1) * np.exp(luck.normal(*self.some, DRAWS)), people)
        # As many of them as a chance each gives, but nobody gives in less than one coupon.
        redeemers = np.minimum(luck.binomial(people, mean / max(people, 1)), used)
        used = used if each is None else np.minimum(used, redeemers * each)
        used = used if most is None else np.minimum(used, most)
        redeemers = np.minimum(redeemers, used)
        revenue = redeemers * (base_each + usual) * np.exp(luck.normal(*self.lift, DRAWS))
        expected = redeemers * base_each * np.exp(luck.normal(*self.trend, DRAWS))
        anyway = expected + np.sqrt(self.scatter * expected) * luck.standard_normal(DRAWS)
        # On the whole redeemers spend no less with the coupon than they would without.
        anyway = np.clip(anyway, 0, revenue)
        taken = used * discount
        earned = margin * (revenue - anyway) - taken
        return Forecast(
            people, _range(used), _range(redeemers), _range(revenue), _range(anyway), _range(taken),
            _range(earned), self.campaigns,
        )  # fmt: skip

    def _draw(self, campaign: Campaign, scale: float, luck: np.random.Generator) -> tuple[Numbers, Numbers]:
        """Draws of coupons given in (draws), and of who gives in any (draws × people)."""
        x, _, _ = _design(campaign, self.kinds, self.typical_bought)
        size = x.shape[1]
        chosen = luck.choice(len(self.posteriors), DRAWS, p=self.weights)
        used, shares = np.zeros(DRAWS), np.zeros((DRAWS, campaign.people))
        for place, posterior in enumerate(self.posteriors):
            of = np.flatnonzero(chosen == place)
            if not len(of):
                continue
            spread = posterior.root @ luck.standard_normal((len(posterior.root), len(of))) * np.sqrt(self.dispersion)
            coefficients = (posterior.mean[:, None] + spread)[:size]
            deviation = posterior.deviation * luck.standard_normal(len(of))
            rates = np.exp(np.clip(x @ coefficients + deviation, -15, 4)).T
            shares[of] = _any(rates, self.repeat)
            used[of] = _counts(scale * rates.sum(1), self.dispersion, luck)
        return used, shares

    def anyway(self, campaign: Campaign, who: NDArray[np.bool_], seed: int = 0) -> Range:
        """What some people of a campaign would have spent on its goods without the coupon, while it runs.

        Each person's own earlier spending, shrunk towards the campaign's average, times what redeemers of past
        campaigns spent against theirs in a window just before their campaign, when nobody had the coupon. Who gives a
        coupon in may have meant to buy more just this time in any case; that part nobody sees, so it is not in here.
        """
        luck = np.random.default_rng(seed)
        expected = base(campaign)[who].sum() * np.exp(luck.normal(*self.trend, DRAWS))
        return _range(np.maximum(expected + np.sqrt(self.scatter * expected) * luck.standard_normal(DRAWS), 0))


def base(campaign: Campaign) -> Numbers:
    """What each person would spend on the goods in the campaign's days by their own past, shrunk to the average.

    A part of a window's worth of the average is added to everybody's past: who bought once is not who buys twice as
    often.
    """
    return _base(campaign.before, campaign.days)


def _base(before: Numbers, days: float) -> Numbers:
    average = before.mean() if len(before) else 0.0
    return np.asarray((before + SHRINK * average) / ((1 + SHRINK) * WINDOW) * days, dtype=np.float64)


def _usual(campaign: Campaign, typical: float) -> float:
    """What a person reached spends on the goods in the campaign's days, where nobody has bought them, on any goods."""
    average = float(campaign.before.mean()) if campaign.people else 0.0
    return (average or typical) / WINDOW * campaign.days


def fit(campaigns: Sequence[Campaign]) -> Model:
    """Fit to past campaigns, none included: then only the plain assumptions speak.

    Raises:
        ValueError: a campaign without what came of it.
    """
    past = [c for c in campaigns if c.people]
    if any(c.used is None or c.spent is None for c in past):
        raise ValueError("a past campaign needs what was used and spent")
    kinds = tuple(sorted({c.kind for c in past}))
    known = [c.bought for c in past if c.bought is not None]
    typical = float(np.mean(np.log1p(np.concatenate(known)))) if known else 0.0
    rows = [_design(c, kinds, typical) for c in past]
    x = np.concatenate([r[0] for r in rows]) if rows else _design(_nobody(), kinds, typical)[0]
    mean, deviation = rows[0][1:] if rows else _design(_nobody(), kinds, typical)[1:]
    used = np.concatenate([c.used for c in past if c.used is not None]) if past else np.zeros(0)
    group = np.repeat(np.arange(len(past)), [c.people for c in past])
    posteriors = [_laplace(x, used, group, len(past), mean, deviation, d) for d in DEVIATIONS]
    dispersion = _dispersion(x, used, group, posteriors[2])
    evidence = np.array([p.evidence for p in posteriors]) / dispersion - 0.5 * (np.array(DEVIATIONS) / 0.6) ** 2
    weights = np.exp(evidence - evidence.max())
    before = float(np.mean(np.concatenate([c.before for c in past]))) if past else 0.0
    repeat = _repeat(x, used, group, posteriors[2])
    return Model(
        kinds, tuple(posteriors), weights / weights.sum(), dispersion, repeat,
        typical, before, _lift(past, before), _some(past, rows, posteriors[2], repeat), _trend(past), _scatter(past),
        len(past),
    )  # fmt: skip


def _sampled(campaign: Campaign, luck: np.random.Generator) -> Campaign:
    if campaign.people <= SAMPLED:
        return campaign
    chosen = luck.choice(campaign.people, SAMPLED, replace=False)
    arrays = {f.name: getattr(campaign, f.name) for f in fields(campaign)}
    picked: dict[str, Any] = {name: a[chosen] for name, a in arrays.items() if isinstance(a, np.ndarray)}
    return replace(campaign, **picked)


def plain(campaigns: Sequence[Campaign], campaign: Campaign) -> float:
    """The plain average: coupons a person of all past campaigns, times the people reached."""
    people = sum(c.people for c in campaigns)
    used = sum(float(c.used.sum()) for c in campaigns if c.used is not None)
    return used / people * campaign.people if people else 0.0


# ---- rates -----------------------------------------------------------------------------------------------------------


def _nobody() -> Campaign:
    none = np.zeros(0)
    return Campaign("", DAYS, none, none, none, none, none, none, none)


def _design(campaign: Campaign, kinds: Sequence[str], typical: float) -> tuple[Numbers, Numbers, Numbers]:
    """A row a person, and the prior's means and deviations of the columns' coefficients."""
    n = campaign.people
    bought = np.full(n, typical) if campaign.bought is None else np.log1p(campaign.bought)
    propensity = (campaign.given + PRIOR_COUPONS * PRIOR_RATE) / (campaign.asked + PRIOR_COUPONS) / PRIOR_RATE
    columns = {
        "level": np.ones(n), "bought": bought, "visits": np.log1p(campaign.visits) - _USUAL_VISITS,
        "days": np.full(n, np.log(max(campaign.days, 1.0) / DAYS)), "propensity": np.log(propensity),
        "never asked": (campaign.asked == 0).astype(float),
    }  # fmt: skip
    of_kind = [np.full(n, float(campaign.kind == kind)) for kind in kinds]
    means, deviations = zip(*(_PRIOR[name] for name in columns), strict=True)
    x = np.column_stack([*columns.values(), *of_kind])
    mean = np.array([*means, *([0.0] * len(kinds))])
    return x, mean, np.array([*deviations, *([_PRIOR_KIND] * len(kinds))])


def _laplace(
    x: Numbers, used: Numbers, group: NDArray[np.int64], groups: int, mean: Numbers, deviation: Numbers, own: float
) -> _Laplace:
    """The posterior at one size of the campaigns' own deviation, by Newton's method."""
    size = x.shape[1]
    prior = np.concatenate([mean, np.zeros(groups)])
    precision = np.concatenate([deviation**-2, np.full(groups, own**-2)])
    found = prior.copy()
    curvature = np.diag(precision)
    for _ in range(60):
        rate = _rates(x, group, found)
        slope = np.concatenate([x.T @ (used - rate), np.bincount(group, used - rate, groups)])
        slope -= precision * (found - prior)
        across = np.zeros((size, groups))
        for column in range(size):
            across[column] = np.bincount(group, x[:, column] * rate, groups)
        curvature = np.block([[(x * rate[:, None]).T @ x, across],
                              [across.T, np.diag(np.bincount(group, rate, groups))]]) + np.diag(precision)  # fmt: skip
        step = np.linalg.solve(curvature, slope)
        found = found + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    rate = _rates(x, group, found)
    likelihood = float(used @ np.log(np.maximum(rate, 1e-300)) - rate.sum())
    penalty = 0.5 * float(precision @ (found - prior) ** 2) - 0.5 * float(np.log(precision).sum())
    evidence = likelihood - penalty - 0.5 * float(np.linalg.slogdet(curvature)[1])
    root = np.asarray(np.linalg.cholesky(np.linalg.inv(curvature)), dtype=np.float64)
    return _Laplace(own, found, root, evidence)


def _rates(x: Numbers, group: NDArray[np.int64], coefficients: Numbers) -> Numbers:
    size = x.shape[1]
    return np.asarray(np.exp(np.clip(x @ coefficients[:size] + coefficients[size:][group], -15, 6)), dtype=np.float64)


def _dispersion(x: Numbers, used: Numbers, group: NDArray[np.int64], at: _Laplace) -> float:
    """How much more people vary than Poisson would: Pearson's statistic over its degrees of freedom, at least 1."""
    if not len(used):
        return 2.0
    rate = _rates(x, group, at.mean)
    return max(1.0, float(np.mean((used - rate) ** 2 / np.maximum(rate, 0.01))))


def _counts(rate: Numbers, dispersion: float, luck: np.random.Generator) -> Numbers:
    """Counts of that mean whose variance is ``dispersion`` times it."""
    if dispersion <= 1.01:
        return luck.poisson(rate).astype(np.float64)
    more = dispersion - 1
    return luck.poisson(luck.gamma(np.maximum(rate / more, 1e-9)) * more).astype(np.float64)


def _any(rate: Numbers, repeat: float) -> Numbers:
    """The chance of at least one where the mean is ``rate``; ``repeat`` 0 is Poisson, more means more of the same."""
    if repeat < 1e-6:
        return np.asarray(-np.expm1(-rate), dtype=np.float64)
    return np.asarray(1 - (1 + repeat * rate) ** (-1 / repeat), dtype=np.float64)


def _repeat(x: Numbers, used: Numbers, group: NDArray[np.int64], at: _Laplace) -> float:
    """The repeat at which as many people as did give in one or more, found by halving."""
    if not len(used) or used.max() <= 1:
        return 0.0
    rate, people = _rates(x, group, at.mean), float((used > 0).sum())
    low, high = 0.0, 64.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _any(rate, middle).sum() > people else (low, middle)
    return (low + high) / 2


# ---- money -----------------------------------------------------------------------------------------------------------


def _lift(past: Sequence[Campaign], typical: float) -> tuple[float, float]:
    """Mean and deviation of the logarithm of what a redeemer spends against their base and the usual, by campaign."""
    found = []
    for c in past:
        assert c.used is not None
        assert c.spent is not None
        who = c.used > 0
        expected = (base(c)[who] + _usual(c, typical)).sum()
        if who.sum() >= 3 and expected > 0 and c.spent[who].sum() > 0:
            found.append((np.log(c.spent[who].sum() / expected), float(who.sum())))
    return _pooled(found, -0.3, 0.8)


def _some(
    past: Sequence[Campaign], rows: Sequence[tuple[Numbers, Numbers, Numbers]], at: _Laplace, repeat: float
) -> tuple[float, float]:
    """Mean and deviation of the logarithm of how many gave in any against how many the rates say, by campaign."""
    found = []
    for place, (c, (x, _, _)) in enumerate(zip(past, rows, strict=True)):
        assert c.used is not None
        group = np.full(c.people, place)
        expected, some = float(_any(_rates(x, group, at.mean), repeat).sum()), float((c.used > 0).sum())
        if some:
            found.append((np.log(some / expected), some))
    return _pooled(found, 0.0, 0.2)


def _trend(past: Sequence[Campaign]) -> tuple[float, float]:
    """Mean and deviation of the logarithm of what redeemers spent without the coupon against their base, by campaign.

    Where it is not known what was spent before a campaign, its people without a coupon stand in while it ran.
    """
    found = []
    for c in past:
        assert c.used is not None
        assert c.spent is not None
        who, expected, spent = c.used == 0, base(c), c.spent
        if c.long_before is not None and c.just_before is not None:
            who, expected, spent = c.used > 0, _base(c.long_before, c.days), c.just_before
        if who.sum() >= 3 and expected[who].sum() > 0 and spent[who].sum() > 0:
            found.append((np.log(spent[who].sum() / expected[who].sum()), float(who.sum())))
    return _pooled(found, 0.0, 0.3)


def _scatter(past: Sequence[Campaign]) -> float:
    """The variance of what a person spends without a coupon, for each unit expected."""
    squares = whole = 0.0
    for c in past:
        assert c.used is not None
        assert c.spent is not None
        who, expected, spent = c.used == 0, base(c), c.spent
        if c.long_before is not None and c.just_before is not None:
            who, expected, spent = np.ones(c.people, dtype=bool), _base(c.long_before, c.days), c.just_before
        squares += float(((spent[who] - expected[who]) ** 2).sum())
        whole += float(expected[who].sum())
    return squares / whole if whole else 1.0


def _pooled(found: Sequence[tuple[float, float]], mean: float, spread: float) -> tuple[float, float]:
    """Mean and deviation of the next one, with two made-up ones of the prior among those found."""
    values = np.array([v for v, _ in found])
    weights = np.array([w / (w + 20) for _, w in found])
    whole = weights.sum() + 2
    centre = (float(weights @ values) + 2 * mean) / whole if len(found) else mean
    around = float(weights @ (values - centre) ** 2) if len(found) else 0.0
    variance = (around + 2 * spread**2) / whole
    return centre, float(np.sqrt(variance * (1 + 1 / whole)))


def _range(draws: Numbers) -> Range:
    low95, low80, middle, high80, high95 = np.quantile(draws, [0.025, 0.1, 0.5, 0.9, 0.975])
    return Range(float(middle), float(low80), float(high80), float(low95), float(high95))


__all__ = ["DAYS", "WINDOW", "Campaign", "Forecast", "Model", "Range", "base", "fit", "plain"]
