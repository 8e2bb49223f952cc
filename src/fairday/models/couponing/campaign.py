"""Campaigns of coupons as the model asks them, what it says of one, and what people spend by their own past."""

from __future__ import annotations

from dataclasses import dataclass

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


def base(campaign: Campaign) -> Numbers:
    """What each person would spend on the goods in the campaign's days by their own past, shrunk to the average.

    A part of a window's worth of the average is added to everybody's past: who bought once is not who buys twice as
    often.
    """
    return by_the_past(campaign.before, campaign.days)


def by_the_past(before: Numbers, days: float) -> Numbers:
    average = before.mean() if len(before) else 0.0
    return np.asarray((before + SHRINK * average) / ((1 + SHRINK) * WINDOW) * days, dtype=np.float64)


def usual_spend(campaign: Campaign, typical: float) -> float:
    """What a person reached spends on the goods in the campaign's days, where nobody has bought them, on any goods."""
    average = float(campaign.before.mean()) if campaign.people else 0.0
    return (average or typical) / WINDOW * campaign.days


def range_of(draws: Numbers) -> Range:
    low95, low80, middle, high80, high95 = np.quantile(draws, [0.025, 0.1, 0.5, 0.9, 0.975])
    return Range(float(middle), float(low80), float(high80), float(low95), float(high95))
