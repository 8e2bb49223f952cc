"""What redeemers spend, and what they would have spent anyway, as past campaigns tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairday.models.couponing import rates
from fairday.models.couponing.campaign import (
    Campaign,
    Numbers,
    base,
    by_the_past,
    usual_spend,
)


def lift(past: Sequence[Campaign], typical: float) -> tuple[float, float]:
    """Mean and deviation of the logarithm of what a redeemer spends against their base and the usual, by campaign."""
    found = []
    for c in past:
        assert c.used is not None
        assert c.spent is not None
        who = c.used > 0
        expected = (base(c)[who] + usual_spend(c, typical)).sum()
        if who.sum() >= 3 and expected > 0 and c.spent[who].sum() > 0:
            found.append((np.log(c.spent[who].sum() / expected), float(who.sum())))
    return _pooled(found, -0.3, 0.8)


def some(
    past: Sequence[Campaign], rows: Sequence[tuple[Numbers, Numbers, Numbers]], at: rates.Laplace, repeat: float
) -> tuple[float, float]:
    """Mean and deviation of the logarithm of how many gave in any against how many the rates say, by campaign."""
    found = []
    for place, (c, (x, _, _)) in enumerate(zip(past, rows, strict=True)):
        assert c.used is not None
        group = np.full(c.people, place)
        expected, some = float(rates.any_of(rates.rates_of(x, group, at.mean), repeat).sum()), float((c.used > 0).sum())
        if some:
            found.append((np.log(some / expected), some))
    return _pooled(found, 0.0, 0.2)


def trend(past: Sequence[Campaign]) -> tuple[float, float]:
    """Mean and deviation of the logarithm of what redeemers spent without the coupon against their base, by campaign.

    Where it is not known what was spent before a campaign, its people without a coupon stand in while it ran.
    """
    found = []
    for c in past:
        assert c.used is not None
        assert c.spent is not None
        who, expected, spent = c.used == 0, base(c), c.spent
        if c.long_before is not None and c.just_before is not None:
            who, expected, spent = c.used > 0, by_the_past(c.long_before, c.days), c.just_before
        if who.sum() >= 3 and expected[who].sum() > 0 and spent[who].sum() > 0:
            found.append((np.log(spent[who].sum() / expected[who].sum()), float(who.sum())))
    return _pooled(found, 0.0, 0.3)


def scatter(past: Sequence[Campaign]) -> float:
    """The variance of what a person spends without a coupon, for each unit expected."""
    squares = whole = 0.0
    for c in past:
        assert c.used is not None
        assert c.spent is not None
        who, expected, spent = c.used == 0, base(c), c.spent
        if c.long_before is not None and c.just_before is not None:
            who, expected, spent = np.ones(c.people, dtype=bool), by_the_past(c.long_before, c.days), c.just_before
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
