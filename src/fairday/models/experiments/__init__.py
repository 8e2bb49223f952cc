"""Experiments: what a treatment changed, with intervals; see docs/algorithms/experiments.md. Pure."""

from fairday.models.experiments.balance import ALARM, Balance, Stratum, sample_ratio
from fairday.models.experiments.compare import SMALLEST_ARM, difference, lift, ratio, shares
from fairday.models.experiments.cuped import Adjusted, adjusted
from fairday.models.experiments.effects import Effect
from fairday.models.experiments.moments import Arm, Pairs
from fairday.models.experiments.sequence import BEST_AT, SMALLEST_PEEK, peeking_factor

__all__ = [
    "ALARM",
    "BEST_AT",
    "SMALLEST_ARM",
    "SMALLEST_PEEK",
    "Adjusted",
    "Arm",
    "Balance",
    "Effect",
    "Pairs",
    "Stratum",
    "adjusted",
    "difference",
    "lift",
    "peeking_factor",
    "ratio",
    "sample_ratio",
    "shares",
]
