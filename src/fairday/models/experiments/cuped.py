"""CUPED: what people did before the experiment takes a part of the noise out.

Source: A. Deng, Y. Xu, R. Kohavi, T. Walker, "Improving the sensitivity of online controlled experiments by utilizing
pre-experiment data", WSDM 2013.
"""

from __future__ import annotations

from dataclasses import dataclass

from fairday.models.experiments.compare import difference, effect, errors, factor
from fairday.models.experiments.effects import Effect
from fairday.models.experiments.moments import Arm, Pairs


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A difference of means with the covariate's part taken out.

    Attributes:
        effect: the difference.
        theta: how much of the value goes with one of the covariate, pooled over both arms.
        narrowed: by which share the interval is narrower than without; below 0 where the covariate told nothing.
    """

    effect: Effect
    theta: float
    narrowed: float


def adjusted(treated: Pairs, held: Pairs, level: float = 0.95, *, peeking: bool = False) -> Adjusted | None:
    """The difference of the means of (value - theta × covariate).

    Args:
        treated, held: (value, covariate) of each person; the covariate must be settled before anybody is treated.

    theta is the covariance within arms ÷ the covariate's variance within arms, each pooled over both. Without any
    variance of the covariate it is 0 and nothing changes. None where ``difference`` gives None.
    """
    plain = difference(treated.first, held.first, level, peeking=peeking)
    if plain is None:
        return None
    spread = sum(a.second.variance * (a.n - 1) for a in (treated, held))
    theta = sum(a.covariance * (a.n - 1) for a in (treated, held)) / spread if spread else 0.0
    less = [_without(a, theta) for a in (treated, held)]
    found = errors(*less)
    if not found.difference:
        return None
    reach = found.difference * factor(treated.n + held.n, found.freedom, level, peeking)
    shown = effect(less[0].mean - less[1].mean, reach, level, peeking)
    return Adjusted(shown, theta, 1 - shown.width / plain.width)


def _without(arm: Pairs, theta: float) -> Arm:
    """The arm of (value - theta × covariate)."""
    return Arm(arm.n, arm.x - theta * arm.y, arm.xx - 2 * theta * arm.xy + theta**2 * arm.yy)
