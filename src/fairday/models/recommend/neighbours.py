"""People who buy alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

POOL = 20_000
"""People among whom neighbours are looked for, at most: those who bought most lately."""

_BLOCK = 1_000


def unit_rows(matrix: Any) -> Any:
    """People by goods (csr) with each good worth less the more people have it, and rows of length 1.

    A value becomes ln(1 + value) × ln(1 + people ÷ (1 + people who have it)); an empty row stays empty.
    """
    found = sparse.csr_array(matrix, copy=True)
    people = found.shape[0]
    having = np.bincount(found.indices, minlength=found.shape[1])
    found.data = np.log1p(found.data) * np.log1p(people / (1 + having))[found.indices]
    lengths = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).ravel())
    found.data /= np.repeat(np.where(lengths > 0, lengths, 1.0), np.diff(found.indptr))
    return found


def neighbours(
    matrix: Any, count: int, pool: NDArray[np.int64] | None = None, asked: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """For each person the people of the pool whose rows point most alike, never themselves.

    Args:
        matrix: (people, goods) csr with rows of length 1 (``unit_rows``).
        count: how many each gets; fewer people give fewer columns.
        pool: numbers of those who may be a neighbour; None: all.
        asked: numbers of those whose neighbours are wanted; None: all.

    Returns:
        (asked, count) numbers of people, and their cosines; a cosine of 0 says there was no other.
    """
    who = np.arange(matrix.shape[0]) if asked is None else asked
    among = np.arange(matrix.shape[0]) if pool is None else pool
    count = min(count, len(among))
    places = np.full(matrix.shape[0], -1)
    places[among] = np.arange(len(among))
    others = sparse.csc_array(matrix[among].T.astype(np.float32))
    numbers = np.zeros((len(who), count), dtype=np.int32)
    cosines = np.zeros((len(who), count), dtype=np.float32)
    if not count:
        return numbers, cosines
    for start in range(0, len(who), _BLOCK):
        block = who[start : start + _BLOCK]
        alike = np.asarray((matrix[block].astype(np.float32) @ others).toarray())
        own = places[block]
        alike[np.nonzero(own >= 0)[0], own[own >= 0]] = -1.0
        nearest = np.argpartition(-alike, count - 1, axis=1)[:, :count]
        nearest.sort(axis=1)
        numbers[start : start + len(block)] = among[nearest]
        cosines[start : start + len(block)] = np.maximum(np.take_along_axis(alike, nearest, axis=1), 0.0)
    return numbers, cosines
