"""The model fitted to past campaigns, and its forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairday.models.couponing import money, rates
from fairday.models.couponing.campaign import (
    DEVIATIONS,
    DRAWS,
    SAMPLED,
    Campaign,
    Forecast,
    Numbers,
    Range,
    base,
    range_of,
    usual_spend,
)


@dataclass(frozen=True)
class Model:
    """Fitted to past campaigns; ``fit`` makes it."""

    kinds: tuple[str, ...]
    posteriors: tuple[rates.Laplace, ...]
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
        own, usual = base(campaign), usual_spend(campaign, self.typical_before)
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
            people, range_of(used), range_of(redeemers), range_of(revenue), range_of(anyway), range_of(taken),
            range_of(earned), self.campaigns,
        )  # fmt: skip

    def _draw(self, campaign: Campaign, scale: float, luck: np.random.Generator) -> tuple[Numbers, Numbers]:
        """Draws of coupons given in (draws), and of who gives in any (draws × people)."""
        x, _, _ = rates.design(campaign, self.kinds, self.typical_bought)
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
            each = np.exp(np.clip(x @ coefficients + deviation, -15, 4)).T
            shares[of] = rates.any_of(each, self.repeat)
            used[of] = rates.counts(scale * each.sum(1), self.dispersion, luck)
        return used, shares

    def anyway(self, campaign: Campaign, who: NDArray[np.bool_], seed: int = 0) -> Range:
        """What some people of a campaign would have spent on its goods without the coupon, while it runs.

        Each person's own earlier spending, shrunk towards the campaign's average, times what redeemers of past
        campaigns spent against theirs in a window just before their campaign, when nobody had the coupon. Who gives a
        coupon in may have meant to buy more just this time in any case; that part nobody sees, so it is not in here.
        """
        luck = np.random.default_rng(seed)
        expected = base(campaign)[who].sum() * np.exp(luck.normal(*self.trend, DRAWS))
        return range_of(np.maximum(expected + np.sqrt(self.scatter * expected) * luck.standard_normal(DRAWS), 0))


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
    rows = [rates.design(c, kinds, typical) for c in past]
    x = np.concatenate([r[0] for r in rows]) if rows else rates.design(rates.nobody(), kinds, typical)[0]
    mean, deviation = rows[0][1:] if rows else rates.design(rates.nobody(), kinds, typical)[1:]
    used = np.concatenate([c.used for c in past if c.used is not None]) if past else np.zeros(0)
    group = np.repeat(np.arange(len(past)), [c.people for c in past])
    posteriors = [rates.laplace(x, used, group, len(past), mean, deviation, d) for d in DEVIATIONS]
    dispersion = rates.dispersion(x, used, group, posteriors[2])
    evidence = np.array([p.evidence for p in posteriors]) / dispersion - 0.5 * (np.array(DEVIATIONS) / 0.6) ** 2
    weights = np.exp(evidence - evidence.max())
    before = float(np.mean(np.concatenate([c.before for c in past]))) if past else 0.0
    repeat = rates.repeat(x, used, group, posteriors[2])
    return Model(
        kinds, tuple(posteriors), weights / weights.sum(), dispersion, repeat,
        typical, before, money.lift(past, before), money.some(past, rows, posteriors[2], repeat), money.trend(past),
        money.scatter(past), len(past),
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
