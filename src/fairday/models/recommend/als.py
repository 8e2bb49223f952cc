"""Alternating least squares on implicit feedback."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FACTORS, ROUNDS = 32, 8
PENALTY, CONFIDENCE = 10.0, 10.0


def als(
    matrix: Any,
    *,
    factors: int = FACTORS,
    penalty: float = PENALTY,
    confidence: float = CONFIDENCE,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Factors of people and goods whose products say what people have (Hu, Koren, Volinsky, "Collaborative Filtering
    for Implicit Feedback Datasets", ICDM 2008).

    They make the sum over all pairs of c (p - xᵀy)² plus penalty (||x||² + ||y||²) small, where p is 1 for a value
    above 0 and c = 1 + confidence × value.

    Args:
        matrix: (people, goods) csr, values at least 0.
        seed: of the factors it starts from; the same seed gives the same answer.

    Returns:
        (people, factors) and (goods, factors).
    """
    rows = sparse.csr_array(matrix)
    columns = sparse.csr_array(rows.T)
    chance = np.random.default_rng(seed)
    goods = chance.normal(0.0, 0.1, (rows.shape[1], factors))
    people = np.zeros((rows.shape[0], factors))
    for _ in range(rounds):
        people = _solved(rows, goods, penalty, confidence)
        goods = _solved(columns, people, penalty, confidence)
    return people.astype(np.float32), goods.astype(np.float32)


def fold_in(goods: NDArray[np.float32], having: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float32]:
    """(factors,) of a person by what they have now, the goods' factors given; nobody needs to be in the fit.

    Args:
        goods: (goods, factors).
        having: (k,) goods, and ``values`` (k,) as in the matrix ``als`` was fitted on.
    """
    own = goods[having].astype(np.float64)
    extra = CONFIDENCE * values
    shared = (goods.T @ goods).astype(np.float64) + PENALTY * np.eye(goods.shape[1])
    return np.linalg.solve(shared + (own.T * extra) @ own, own.T @ (1.0 + extra)).astype(np.float32)


def _solved(rows: Any, other: NDArray[np.float64], penalty: float, confidence: float) -> NDArray[np.float64]:
    """The best factors of each row, those of the other side given."""
    shared = other.T @ other + penalty * np.eye(other.shape[1])
    found = np.zeros((rows.shape[0], other.shape[1]))
    for row in range(rows.shape[0]):
        begin, end = rows.indptr[row], rows.indptr[row + 1]
        if begin == end:
            continue
        having = other[rows.indices[begin:end]]
        extra = confidence * rows.data[begin:end]
        found[row] = np.linalg.solve(shared + (having.T * extra) @ having, having.T @ (1.0 + extra))
    return found
