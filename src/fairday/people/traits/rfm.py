"""Recency, frequency and value scores, the ten segments, and price levels. Pure; see docs/algorithms/traits.md.

Source of the method: A. M. Hughes, "Strategic Database Marketing" (1994), scores in quintiles of one's own customers;
of the grid: the ten-segment recency × frequency map in common use among RFM tools.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_GRID = {
    5: ("new", "potential_loyalist", "potential_loyalist", "champions", "champions"),
    4: ("promising", "potential_loyalist", "potential_loyalist", "loyal", "loyal"),
    3: ("about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"),
    2: ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    1: ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
}
"""By recency score, the segment of frequency scores 1 to 5."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where the shop's quintiles were cut: four values each, ascending.

    Attributes:
        recency: days since the last order.
        frequency: orders.
        monetary: minor units spent, less refunds.
    """

    recency: tuple[int, ...]
    frequency: tuple[int, ...]
    monetary: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """A buyer's scores, 1 (lowest) to 5, and segment."""

    recency: int
    frequency: int
    monetary: int
    segment: str


def cuts(values: Iterable[int], parts: int = 5) -> tuple[int, ...]:
    """The values that end each part but the last when sorted ones are cut into equal parts; empty without values."""
    ordered = sorted(values)
    n = len(ordered)
    return tuple(ordered[-(-k * n // parts) - 1] for k in range(1, parts)) if n else ()


def score(buyer: tuple[int, int, int], thresholds: Thresholds) -> Scores:
    """Scores of (days since the last order, orders, minor units spent). Equal values score alike.

    More orders and more money than a cut score higher; more days than a cut score lower.
    """
    days, orders, spent = buyer
    recency = 5 - bisect_left(thresholds.recency, days)
    frequency = 1 + bisect_left(thresholds.frequency, orders)
    monetary = 1 + bisect_left(thresholds.monetary, spent)
    return Scores(recency, frequency, monetary, segment(recency, frequency))


def segment(recency: int, frequency: int) -> str:
    """The segment of a recency and a frequency score."""
    return _GRID[recency][frequency - 1]


def price_level(bought: Iterable[tuple[int, int, Sequence[int]]]) -> str | None:
    """Whether somebody buys cheap, middling or dear goods for their kind; None where nothing can be compared.

    Args:
        bought: per category (units, minor units paid, the two cuts of the shop's thirds of unit prices there).

    A category whose average unit price paid is at or below the first cut counts 1 for each unit, above the second 3,
    between them 2. The mean over all units is low below 5/3, high above 7/3.
    """
    units = points = 0
    for n, amount, thirds in bought:
        if n > 0 and amount >= 0 and len(thirds) == 2:
            # amount / n against each cut, without leaving whole numbers
            points += n * (1 + bisect_left([cut * n for cut in thirds], amount))
            units += n
    if not units:
        return None
    if 3 * points < 5 * units:
        return "low"
    return "high" if 3 * points > 7 * units else "mid"
