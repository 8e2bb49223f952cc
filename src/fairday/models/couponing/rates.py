"""How many coupons people give in: rates, their posterior by Laplace's approximation, and counts around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairday.models.couponing.campaign import (
    DAYS,
    PRIOR_COUPONS,
    PRIOR_RATE,
    Campaign,
    Numbers,
)

_USUAL_VISITS = 2.5
_PRIOR = {
    "level": (-2.0, 2.0), "bought": (0.3, 0.4), "visits": (0.2, 0.4), "days": (0.7, 0.4), "propensity": (0.8, 0.4),
    "never asked": (0.0, 0.5),
}  # fmt: skip
"""Mean and deviation of what is assumed of each slope before any campaign is seen."""
_PRIOR_KIND = 0.7


@dataclass(frozen=True)
class Laplace:
    """A posterior of the coefficients at one size of deviation."""

    deviation: float
    mean: Numbers
    root: Numbers
    evidence: float


def nobody() -> Campaign:
    none = np.zeros(0)
    return Campaign("", DAYS, none, none, none, none, none, none, none)


def design(campaign: Campaign, kinds: Sequence[str], typical: float) -> tuple[Numbers, Numbers, Numbers]:
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


def laplace(
    x: Numbers, used: Numbers, group: NDArray[np.int64], groups: int, mean: Numbers, deviation: Numbers, own: float
) -> Laplace:
    """The posterior at one size of the campaigns' own deviation, by Newton's method."""
    size = x.shape[1]
    prior = np.concatenate([mean, np.zeros(groups)])
    precision = np.concatenate([deviation**-2, np.full(groups, own**-2)])
    found = prior.copy()
    curvature = np.diag(precision)
    for _ in range(60):
        rate = rates_of(x, group, found)
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
    rate = rates_of(x, group, found)
    likelihood = float(used @ np.log(np.maximum(rate, 1e-300)) - rate.sum())
    penalty = 0.5 * float(precision @ (found - prior) ** 2) - 0.5 * float(np.log(precision).sum())
    evidence = likelihood - penalty - 0.5 * float(np.linalg.slogdet(curvature)[1])
    root = np.asarray(np.linalg.cholesky(np.linalg.inv(curvature)), dtype=np.float64)
    return Laplace(own, found, root, evidence)


def rates_of(x: Numbers, group: NDArray[np.int64], coefficients: Numbers) -> Numbers:
    size = x.shape[1]
    return np.asarray(np.exp(np.clip(x @ coefficients[:size] + coefficients[size:][group], -15, 6)), dtype=np.float64)


def dispersion(x: Numbers, used: Numbers, group: NDArray[np.int64], at: Laplace) -> float:
    """How much more people vary than Poisson would: Pearson's statistic over its degrees of freedom, at least 1."""
    if not len(used):
        return 2.0
    rate = rates_of(x, group, at.mean)
    return max(1.0, float(np.mean((used - rate) ** 2 / np.maximum(rate, 0.01))))


def counts(rate: Numbers, dispersion: float, luck: np.random.Generator) -> Numbers:
    """Counts of that mean whose variance is ``dispersion`` times it."""
    if dispersion <= 1.01:
        return luck.poisson(rate).astype(np.float64)
    more = dispersion - 1
    return luck.poisson(luck.gamma(np.maximum(rate / more, 1e-9)) * more).astype(np.float64)


def any_of(rate: Numbers, repeat: float) -> Numbers:
    """The chance of at least one where the mean is ``rate``; ``repeat`` 0 is Poisson, more means more of the same."""
    if repeat < 1e-6:
        return np.asarray(-np.expm1(-rate), dtype=np.float64)
    return np.asarray(1 - (1 + repeat * rate) ** (-1 / repeat), dtype=np.float64)


def repeat(x: Numbers, used: Numbers, group: NDArray[np.int64], at: Laplace) -> float:
    """The repeat at which as many people as did give in one or more, found by halving."""
    if not len(used) or used.max() <= 1:
        return 0.0
    rate, people = rates_of(x, group, at.mean), float((used > 0).sum())
    low, high = 0.0, 64.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if any_of(rate, middle).sum() > people else (low, middle)
    return (low + high) / 2
