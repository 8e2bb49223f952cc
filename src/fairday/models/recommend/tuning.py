"""Tuning: parts and blend judged by a window of four weeks that the parts know nothing of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairday.models.recommend import parts as made
from fairday.models.recommend.blend import Weights, logistic
from fairday.models.recommend.ease import CAP, ease
from fairday.models.recommend.features import AGAIN, NEW, TASTE, History, Parts, Seen
from fairday.models.recommend.measure import AT, best, recall_and_ndcg
from fairday.models.recommend.model import Model, People
from fairday.models.recommend.neighbours import neighbours
from fairday.models.recommend.purchases import Matrix, Purchases

WINDOW = 28
"""Days of the validation window: what is foreseen is what is bought within so many."""

PENALTIES = (100.0, 300.0, 1000.0)
NEIGHBOURS = (60, 150)
RECENT = (14.0, 30.0, 60.0)
"""What is tried on the validation window: EASE's penalty, how many neighbours, the half-life of what they bought."""

JUDGES = 1_000
"""People of the validation window that tuning looks at, at most, evenly over all of them."""

TRIED = 2_000
"""Goods for which EASE's penalty is chosen, at most: the work grows with their cube."""

EXAMPLES = 100
"""The best goods of each part, for each person, that the blend for new goods learns from."""

FACTORED = 50_000
"""ALS is tried for at most so many people, and no more goods than EASE takes: it solves for each in each round."""

HELPS = 1.01
"""So many times as good the validation figures must be for ALS to be kept."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What the validation window chose.

    Attributes:
        recent: days, the half-life of what neighbours bought.
        figures: of ``figures``.
    """

    penalty: float
    neighbours: int
    recent: float
    factors: bool
    again: Weights
    new: Weights
    stranger: Weights
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Judges:
    """People of the window, what they had bought before it and what they bought in it, over all goods and the head."""

    people: NDArray[np.int64]
    histories: list[History]
    truth: Matrix
    head_truth: NDArray[np.bool_]
    head_own: NDArray[np.bool_]


def tune(
    known: Purchases,
    today: int,
    views: Purchases | None,
    category: NDArray[np.int64],
    told: Callable[[], None] = lambda: None,
) -> Tuned:
    """What the window of ``WINDOW`` days that ends with ``today`` chooses; the models it judges know nothing of it."""
    eve = today - WINDOW
    before, window = known.between(end=eve + 1), known.between(first=eve + 1, end=today + 1)
    judges = _judges(before, window, None if views is None else views.between(end=eve + 1), eve)
    if judges is None:
        return UNTUNED
    told()
    penalty, parts = _penalty(before, eve, category, judges)
    count, recent, people = _neighbours(before, eve, judges, parts.eased)
    parts = replace(parts, profile=made.profile(before, eve, recent))
    told()
    chosen, factors = _blended(parts, people, judges, eve), False
    if known.people <= FACTORED and known.items <= CAP:
        tried = _blended(replace(parts, factors=made.factors(before, eve)), people, judges, eve)
        if _worth(tried[-1]) > HELPS * _worth(chosen[-1]):
            chosen, factors = tried, True
    return Tuned(penalty, count, recent, factors, *chosen)


def _worth(figures: dict[str, float]) -> float:
    return figures["recall"] + figures["recall_new"]


def _weights(names: tuple[str, ...], intercept: float, **of: float) -> Weights:
    return Weights(np.array([of.get(name, 0.0) for name in names]), intercept)


UNTUNED = Tuned(
    PENALTIES[1], NEIGHBOURS[1], RECENT[0], False,
    _weights(AGAIN, -3.5, bought_120=1.0, bought_60=0.5, due=0.5, rebuy=2.0, popular=1.0),
    _weights(NEW, -6.0, popular=2.0, ease=3.0, category=2.0, viewed=0.5),
    _weights(("popular_7", "popular", "trend"), -5.0, popular_7=0.5, popular=2.0),
    {"people": 0.0, "people_new": 0.0},
)  # fmt: skip
"""Where too little is known to learn from: bought goods by how much and how lately, others by popularity."""


def _judges(before: Purchases, window: Purchases, views: Purchases | None, eve: int) -> _Judges | None:
    """People with a history who bought a known good in the window, evenly thinned to ``JUDGES``."""
    sold = np.zeros(before.items, dtype=bool)
    sold[before.item] = True
    people = np.intersect1d(window.person[sold[window.item]], before.person)
    if not len(people):
        return None
    if len(people) > JUDGES:
        people = people[np.linspace(0, len(people) - 1, JUDGES).astype(np.int64)]
    truth = (window.bought()[people] @ sparse.diags_array(sold.astype(np.float64))).tocsr()
    truth.eliminate_zeros()
    head = made.head(before, eve)
    return _Judges(
        people=people,
        histories=histories_of(before, views, people),
        truth=truth,
        head_truth=truth[:, head].toarray() > 0,
        head_own=before.bought()[people][:, head].toarray() > 0,
    )


def histories_of(purchases: Purchases, views: Purchases | None, people: NDArray[np.int64]) -> list[History]:
    """The histories of some people."""
    rows = purchases.rows_of()
    looks = None if views is None else views.rows_of()
    none = np.zeros(0, dtype=np.int64)
    found = []
    for person in people:
        own = slice(rows[person], rows[person + 1])
        viewed, days = none, none
        if views is not None and looks is not None:
            seen = slice(looks[person], looks[person + 1])
            viewed, days = views.item[seen], views.day[seen]
        found.append(History(purchases.item[own], purchases.day[own], viewed, days))
    return found


def _penalty(before: Purchases, eve: int, category: NDArray[np.int64], judges: _Judges) -> tuple[float, Parts]:
    """The penalty with which EASE alone finds most new goods, and the parts with it."""
    head = made.head(before, eve)
    # Of the goods bought most: the answer is the same and the work an eighth.
    tried = np.sort(np.argsort(-np.bincount(before.item, minlength=before.items)[head], kind="stable")[:TRIED])
    liked = before.decayed(eve, TASTE, 1.0)[:, head[tried]]
    rows = liked[judges.people].astype(np.float32)
    few = replace(judges, head_truth=judges.head_truth[:, tried], head_own=judges.head_own[:, tried])
    # Of equals the first.
    penalty = max(PENALTIES, key=lambda penalty: _recall(rows @ ease(liked, penalty), few))
    return penalty, made.parts(before, eve, category, penalty, RECENT[0])


def _neighbours(before: Purchases, eve: int, judges: _Judges, head: NDArray[np.int64]) -> tuple[int, float, People]:
    """How many neighbours, and which of their purchases, alone find most new goods; and those of the judges."""
    rows, pool = made.pointing(before, eve), made.pool(before, eve)
    numbers, cosines = neighbours(rows, max(NEIGHBOURS), pool, judges.people)
    order = np.argsort(-cosines, axis=1, kind="stable")
    numbers, cosines = np.take_along_axis(numbers, order, axis=1), np.take_along_axis(cosines, order, axis=1)
    chosen: tuple[float, int, float] | None = None
    for recent in RECENT:
        lately = before.decayed(eve, recent, 1.0)[:, head].astype(np.float32)
        for count in NEIGHBOURS:
            near = numbers[:, :count]
            asked = np.repeat(np.arange(len(near)), near.shape[1])
            weights = (cosines[:, :count].ravel(), (asked, near.ravel()))
            found = _recall((sparse.csr_array(weights, shape=(len(near), before.people)) @ lately).toarray(), judges)
            if chosen is None or found > chosen[0]:
                chosen = found, count, recent
    assert chosen is not None
    _, count, recent = chosen
    return count, recent, People(numbers[:, :count], cosines[:, :count], *made.lately(before, eve, recent))


def _recall(scores: NDArray[np.float32], judges: _Judges) -> float:
    """Recall at 20 of goods of the head that are new to people."""
    wanted = judges.head_truth & ~judges.head_own
    some = wanted.any(axis=1)
    if not some.any():
        return 0.0
    return float(recall_and_ndcg(best(np.where(judges.head_own, -np.inf, scores)[some]), wanted[some])[0].mean())


def _blended(
    parts: Parts, people: People, judges: _Judges, eve: int
) -> tuple[Weights, Weights, Weights, dict[str, float]]:
    """The blend learnt from the window, and the figures it then has there."""
    model = Model.unblended(eve, parts, people)
    seen = [model.seen(history, row, eve) for row, history in enumerate(judges.histories)]
    bought = [judges.truth.indices[judges.truth.indptr[r] : judges.truth.indptr[r + 1]] for r in range(len(seen))]
    # Whoever bought much would otherwise speak loudest, while everybody's list is as long.
    worth = [1.0 / max(len(b), 5) for b in bought]
    again = logistic(
        np.concatenate([s.again for s in seen]),
        np.concatenate([np.isin(s.own, b) for s, b in zip(seen, bought, strict=True)]),
        np.concatenate([np.full(len(s.own), w) for s, w in zip(seen, worth, strict=True)]),
    )
    asked = [_examples(s) for s in seen]
    new = logistic(
        np.concatenate([s.new(goods) for s, goods in zip(seen, asked, strict=True)]),
        np.concatenate([np.isin(goods, b) for goods, b in zip(asked, bought, strict=True)]),
        np.concatenate([np.full(len(goods), w) for goods, w in zip(asked, worth, strict=True)]),
    )
    stranger = _anybody(parts.everybody, judges.head_truth)
    model = model.blended(again, new, stranger)
    lists = ((model.likely(s), s.own, b) for s, b in zip(seen, bought, strict=True))
    return again, new, stranger, figures(lists)


def _examples(seen: Seen) -> NDArray[np.int64]:
    """Goods they have not bought that one part or another would show them, ascending."""
    known = seen.shared(seen.asked)
    wanted = np.zeros(len(seen.asked), dtype=bool)
    count = min(EXAMPLES, len(wanted))
    for name in ("ease", "alike", "popular"):
        wanted[np.argpartition(-known[name], count - 1)[:count]] = True
    return np.setdiff1d(seen.asked[wanted], seen.own, assume_unique=True)


def _anybody(features: NDArray[np.float32], truth: NDArray[np.bool_]) -> Weights:
    """How likely anybody buys a good: each good is an example for those who did and one for those who did not."""
    did = truth.sum(axis=0).astype(np.float64)
    return logistic(
        np.concatenate([features, features]),
        np.repeat([True, False], len(did)),
        np.concatenate([did, len(truth) - did]),
    )


def figures(
    people: Iterable[tuple[tuple[NDArray[np.int64], NDArray[Any]], NDArray[np.int64], NDArray[np.integer]]],
) -> dict[str, float]:
    """Recall and NDCG at 20: ``recall`` and ``ndcg`` with repeats, ``recall_new`` and ``ndcg_new`` of new goods.

    ``people`` and ``people_new`` say how many bought any; where nobody did, the figures are 0.

    Args:
        people: of each goods (ascending) with their scores, as ``Model.likely`` gives them, the goods they had bought,
            and the goods they bought afterwards, each once.
    """
    sums = dict.fromkeys(("people", "recall", "ndcg", "people_new", "recall_new", "ndcg_new"), 0.0)
    for (goods, scores), own, bought in people:
        for suffix in ("", "_new"):
            wanted, worth = bought, np.asarray(scores, dtype=np.float64)
            if suffix:
                wanted, worth = bought[~np.isin(bought, own)], np.where(np.isin(goods, own), -np.inf, worth)
            if not len(wanted):
                continue
            # Goods that were not scored can be wanted: they count among the goods wanted and are never hit.
            hit = np.isin(goods, wanted)
            truth = np.append(hit, np.ones(len(wanted) - int(hit.sum()), dtype=bool))
            recall, ndcg = recall_and_ndcg(best(worth[None], AT), truth[None], AT)
            sums[f"people{suffix}"] += 1
            sums[f"recall{suffix}"] += float(recall[0])
            sums[f"ndcg{suffix}"] += float(ndcg[0])
    for suffix in ("", "_new"):
        for name in ("recall", "ndcg"):
            sums[name + suffix] /= max(sums[f"people{suffix}"], 1.0)
    return sums
