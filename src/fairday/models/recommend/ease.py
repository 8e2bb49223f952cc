"""EASE: a linear model from goods to goods, in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

CAP = 4_000
"""Goods it is fitted for at most: the work grows with their cube, the memory with their square (128 MB here)."""

_BLOCK = 256


def ease(matrix: Any, penalty: float) -> NDArray[np.float32]:
    """Weights with which what people have predicts what else they have (Steck, "Embarrassingly Shallow Autoencoders
    for Sparse Data", WWW 2019).

    The B that makes ||X - X B||² + penalty ||B||² least among those with a zero diagonal: with P = (XᵀX + penalty I)⁻¹,
    B[i, j] = -P[i, j] / P[j, j].

    Args:
        matrix: (people, goods) X, sparse or dense.
        penalty: above 0; the more, the smaller the weights.

    Returns:
        (goods, goods) B: a person's scores are their row of X times B.

    Raises:
        ValueError: the penalty is not above 0, or there are more goods than ``CAP``.
    """
    if penalty <= 0:
        raise ValueError(f"a penalty of {penalty}")
    if matrix.shape[1] > CAP:
        raise ValueError(f"{matrix.shape[1]} goods, more than {CAP}")
    gram = matrix.T @ matrix
    # Single precision: the penalty keeps the condition in the thousands, so weights are right to four digits.
    gram = np.asarray(gram.toarray() if hasattr(gram, "toarray") else gram, dtype=np.float32)
    gram[np.diag_indices_from(gram)] += np.float32(penalty)
    if not len(gram):
        return gram
    # The inverse of a positive definite matrix from its Cholesky factor: half the work of a general one.
    potrf, potri = linalg.get_lapack_funcs(("potrf", "potri"), (gram,))
    # Symmetric, so the transpose is the same matrix in the order LAPACK works in, without a copy.
    factor, failed = potrf(gram.T, lower=0, overwrite_a=1)
    assert not failed, "the penalty makes it positive definite"
    inverse, failed = potri(factor, lower=0, overwrite_c=1)
    assert not failed
    _mirror(inverse)
    weights: NDArray[np.float32] = np.ascontiguousarray(inverse.T)
    weights /= -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


def _mirror(matrix: NDArray[np.float32]) -> None:
    """Make the lower triangle the upper one's image, by blocks that fit the caches."""
    for start in range(0, len(matrix), _BLOCK):
        block = slice(start, start + _BLOCK)
        own = np.triu(matrix[block, block])
        matrix[block, block] = own + np.triu(own, 1).T
        matrix[start + _BLOCK :, block] = matrix[block, start + _BLOCK :].T
