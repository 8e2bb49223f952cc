"""How good a list is: recall and discounted gain of its first twenty."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

AT = 20


def best(scores: NDArray[np.floating], count: int = AT) -> NDArray[np.int64]:
    """(people, count) numbers of the goods with the highest scores, best first; equal ones by number.

    Args:
        scores: (people, goods); -inf is never better than anything.
    """
    count = min(count, scores.shape[1])
    # Among equals at the edge the lowest numbers must win, which a partition alone does not promise.
    edge = -np.partition(-scores, count - 1, axis=1)[:, count - 1 : count]
    rank = np.where(scores > edge, 2, 0) + (scores == edge)
    surplus = np.cumsum(rank == 1, axis=1) > count - (rank == 2).sum(axis=1, keepdims=True)
    rank[(rank == 1) & surplus] = 0
    found = np.nonzero(rank)[1].reshape(len(scores), count)
    order = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)


def recall_and_ndcg(
    lists: NDArray[np.int64], truth: NDArray[np.bool_], count: int = AT
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each person: hits / min(count, goods wanted), and binary NDCG; people who want nothing are an error.

    Args:
        lists: (people, count) numbers of goods, best first.
        truth: (people, goods) what they did buy.

    Raises:
        ValueError: somebody bought nothing.
    """
    wanted = np.minimum(truth.sum(axis=1), count)
    if not wanted.all():
        raise ValueError("somebody bought nothing: leave them out")
    hits = np.take_along_axis(truth, lists, axis=1)
    gains = 1 / np.log2(np.arange(2, count + 2))
    ndcg = (hits * gains[: hits.shape[1]]).sum(axis=1) / np.cumsum(gains)[wanted - 1]
    return hits.sum(axis=1) / wanted, ndcg
