"""The blend: how likely somebody buys a good in the next weeks, by two logistic regressions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

PENALTY = 1e-4
"""Of the squared weights of standardised features, per example: only what the data do not say is held near zero."""

ROUNDS = 30


@dataclass(frozen=True, slots=True)
class Weights:
    """Log odds = intercept + features · weights.

    Attributes:
        weights: (features,).
    """

    weights: NDArray[np.float64]
    intercept: float

    def log_odds(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """(rows,) of (rows, features)."""
        return np.asarray(features @ self.weights.astype(features.dtype) + self.intercept, dtype=np.float64)


def logistic(
    features: NDArray[np.floating], bought: NDArray[np.bool_], worth: NDArray[np.floating], penalty: float = PENALTY
) -> Weights:
    """The weights that make the examples likeliest, less the penalty; by Newton's method, so there is one answer.

    Args:
        features: (rows, features); a feature that is the same everywhere gets no weight.
        bought: (rows,) whether it happened.
        worth: (rows,) what each example counts, at least 0.

    Returns:
        Weights for the features as they are, not standardised. Without rows, or where all or nothing happened, all
        weights are 0 and the intercept says what share happened, one example of each kind added.
    """
    rows, width = features.shape
    happened = float(worth[bought].sum())
    missed = float(worth.sum()) - happened
    base = float(np.log((happened + 1.0) / (missed + 1.0)))
    if not rows or not happened or not missed:
        return Weights(np.zeros(width), base)
    worth = np.asarray(worth, dtype=np.float64) / float(worth.mean())
    mean = features.mean(axis=0, dtype=np.float64)
    spread = features.std(axis=0, dtype=np.float64)
    # What varies by rounding only is constant.
    alike = spread <= 1e-6 * np.maximum(np.abs(mean), 1.0)
    scale = np.where(alike, 0.0, 1.0 / np.where(alike, 1.0, spread))
    known = np.empty((rows, width + 1))
    known[:, :width] = (features - mean) * scale
    known[:, width] = 1.0
    ridge = np.full(width + 1, penalty * rows)
    ridge[width] = 1e-9 * rows
    found = np.zeros(width + 1)
    found[width] = base
    loss = _loss(known, bought, worth, ridge, found)
    for _ in range(ROUNDS):
        chance = expit(known @ found)
        slope = known.T @ (worth * (chance - bought)) + ridge * found
        curve = (known.T * (worth * chance * (1 - chance))) @ known
        curve[np.diag_indices_from(curve)] += ridge
        step = np.linalg.solve(curve, slope)
        # Far from the answer a whole step may overshoot: halve it until it helps.
        share, after = 1.0, np.inf
        while share > 1e-4 and (after := _loss(known, bought, worth, ridge, found - share * step)) > loss:
            share /= 2
        if after > loss:
            break
        found = found - share * step
        gained, loss = loss - after, after
        if gained < 1e-9 * rows:
            break
    weights = found[:width] * scale
    return Weights(weights, float(found[width] - weights @ mean))


def _loss(
    known: NDArray[np.float64],
    bought: NDArray[np.bool_],
    worth: NDArray[np.float64],
    ridge: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> float:
    odds = known @ weights
    return float((worth * (np.logaddexp(0.0, odds) - bought * odds)).sum() + (ridge * weights * weights).sum() / 2)
