"""The sample-ratio check: whether people fell into the arms as the dice were set.

Source: A. Fabijan and others, "Diagnosing sample ratio mismatch in online controlled experiments", KDD 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import bdtr, bdtrc, chdtrc

ALARM = 0.001
"""Below this the arms are taken to be dealt wrongly, and the effect is not to be believed."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """A time in which the holdout's share did not change.

    Attributes:
        treated, held: how many were dealt into each arm.
        share: the part of one that was to be held out.
    """

    treated: int
    held: int
    share: float


@dataclass(frozen=True, slots=True)
class Balance:
    """The check's answer.

    Attributes:
        p: how likely arms at least as uneven are when all is well.
        held: held out.
        expected: how many were expected to be.
        n: how many were dealt in all.
    """

    p: float
    held: int
    expected: float
    n: int

    @property
    def alarm(self) -> bool:
        return self.p < ALARM


def sample_ratio(strata: Sequence[Stratum]) -> Balance | None:
    """Whether the arms are as large as they were to be; None where nobody was dealt, or nobody could be held out.

    One share: the exact binomial test, both tails. Several: the chi-square test (1 degree of freedom) of all held out
    against the sum of what each time expected.
    """
    dealt = [s for s in strata if s.treated + s.held and 0 < s.share < 1]
    if not dealt:
        return None
    sizes = [s.treated + s.held for s in dealt]
    held, expected = sum(s.held for s in dealt), sum(n * s.share for n, s in zip(sizes, dealt, strict=True))
    if len({s.share for s in dealt}) == 1:
        n, share = sum(sizes), dealt[0].share
        few, many = bdtr(held, n, share), bdtrc(held - 1, n, share) if held else 1.0
        p = min(1.0, 2 * min(float(few), float(many)))
    else:
        variance = sum(n * s.share * (1 - s.share) for n, s in zip(sizes, dealt, strict=True))
        p = float(chdtrc(1, (held - expected) ** 2 / variance))
    return Balance(p, held, expected, sum(sizes))
