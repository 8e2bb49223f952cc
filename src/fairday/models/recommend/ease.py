"""EASE: a linear model from goods to goods, in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

CAP = 4_000
"""Goods it is fitted for at most: the work grows with their cube, the memory with their square (128 MB here)."""


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
    gram = np.asarray(gram.toarray() if hasattr(gram, "toarray") else gram, dtype=np.float64)
    gram[np.diag_indices_from(gram)] += penalty
    if not len(gram):
        return gram.astype(np.float32)
    # The inverse of a positive definite matrix from its Cholesky factor: half the work of a general one.
    potrf, potri = linalg.get_lapack_funcs(("potrf", "potri"), (gram,))
    factor, failed = potrf(gram, lower=0, overwrite_a=1)
    assert not failed, "the penalty makes it positive definite"
    upper, failed = potri(factor, lower=0, overwrite_c=1)
    assert not failed
    inverse = np.triu(upper) + np.triu(upper, 1).T
    weights: NDArray[np.float64] = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights.astype(np.float32)
