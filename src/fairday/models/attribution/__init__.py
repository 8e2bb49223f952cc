"""Attribution: which channels are credited with conversions. Pure; its rules: docs/algorithms/attribution.md."""

from fairday.models.attribution.heuristics import (
    first,
    last,
    last_non_direct,
    linear,
    linear_unique,
    position,
    time_decay,
)
from fairday.models.attribution.markov import Markov, markov, markovs
from fairday.models.attribution.paths import Credits, Paths
from fairday.models.attribution.shapley import shapley, shapley_rate

__all__ = [
    "Credits",
    "Markov",
    "Paths",
    "first",
    "last",
    "last_non_direct",
    "linear",
    "linear_unique",
    "markov",
    "markovs",
    "position",
    "shapley",
    "shapley_rate",
    "time_decay",
]
