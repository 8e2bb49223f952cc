"""Fitting: parts on what was before a validation window, the blend on that window, then the parts on everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fairday.models.recommend.als import als
from fairday.models.recommend.blend import Weights, logistic
from fairday.models.recommend.ease import CAP, ease
from fairday.models.recommend.features import AGAIN, EVERYBODY, NEW, TASTE, History, Parts, Seen
from fairday.models.recommend.measure import AT, best, recall_and_ndcg
from fairday.models.recommend.model import Model, People
from fairday.models.recommend.neighbours import POOL, neighbours, unit_rows
from fairday.models.recommend.popularity import popularity, rebuy, trend
from fairday.models.recommend.purchases import Matrix, Purchases, decay
from fairday.models.recommend.together import goes_with, similar

WINDOW = 28
"""Days of the validation window: what is foreseen is what is bought within so many."""

PENALTIES = (100.0, 300.0, 1000.0)
NEIGHBOURS = (60, 150, 400)
RECENT = (14.0, 30.0, 60.0)
"""What is tried on the validation window: EASE's penalty, how many neighbours, the half-life of what they bought."""

JUDGES = 2_000
"""People of the validation window that tuning looks at, at most, evenly over all of them."""

EXAMPLES = 100
"""The best goods of each part, for each person, that the blend for new goods learns from."""

LEAST = 0.02
"""A neighbour's purchase that has decayed below this is not kept."""

FACTORED = 50_000
"""ALS is tried for at most so many people: it takes a solution for each in each round."""

HELPS = 1.01
"""So many times as good the validation figures must be for ALS to be kept."""

Progress = Callable[[str, int, int], None]
"""Told what is being done, and how many of all steps are done."""

STEPS = ("before the window", "tuning", "blending", "everything", "neighbours", "together", "done")


@dataclass(frozen=True, slots=True)
class Tuned:
    """What the validation window chose; the weights are None where it was too thin to learn from.

    Attributes:
        recent: days, the half-life of what neighbours bought.
        figures: ``recall`` and ``ndcg`` at 20, ``recall_new`` and ``ndcg_new`` among goods new to the person, how many
            ``people`` and ``people_new`` bought some.
    """

    penalty: float
    neighbours: int
    recent: float
    factors: bool
    again: Weights
    new: Weights
    stranger: Weights
    figures: dict[str, float]


def fit(
    purchases: Purchases,
    today: int,
    *,
    views: Purchases | None = None,
    category: NDArray[np.int64] | None = None,
    progress: Progress = lambda step, done, total: None,
) -> Model:
    """A model of everything up to and with ``today``, tuned on the last ``WINDOW`` days of it.

    Args:
        purchases: those of later days are not looked at.
        views: goods viewed, by the same numbers of people and goods.
        category: (goods,) numbers from 1, 0 where a good has none.
        progress: told before each step.
    """
    categories = np.zeros(purchases.items, dtype=np.int64) if category is None else category
    known = purchases.between(end=today + 1)
    seen = None if views is None else views.between(end=today + 1)
    step = iter(enumerate(STEPS))

    def told() -> None:
        at, name = next(step)
        progress(name, at, len(STEPS) - 1)

    told()
    tuned = tune(known, today, seen, categories, told)
    told()
    parts = _parts(known, today, categories, tuned.penalty, tuned.recent, tuned.factors)
    told()
    people = _people(known, today, tuned.neighbours, tuned.recent)
    told()
    together, together_strength = goes_with(known)
    alike, alike_strength = similar(known.bought(), categories)
    by_category = rebuy(known, today, categories)[1]
    told()
    return Model(
        today, parts, people, tuned.again, tuned.new, tuned.stranger, by_category,
        together, together_strength, alike, alike_strength, tuned.figures,
    )  # fmt: skip


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
    judges = _judges(before, window)
    if not len(judges):
        return _untuned()
    truth = np.zeros((len(judges), known.items), dtype=bool)
    wanted = np.isin(window.person, judges)
    truth[np.searchsorted(judges, window.person[wanted]), window.item[wanted]] = True
    truth[:, ~_sold(before)] = False
    own = before.bought()[judges].toarray() > 0
    histories = histories_of(before, None if views is None else views.between(end=eve + 1), judges)

    told()
    penalty, parts = _penalty(before, eve, category, judges, truth & ~own, own)
    count, recent, people = _neighbours(before, eve, judges, truth & ~own, own)
    parts = replace(parts, profile=_profile(before, eve, recent))
    told()
    plain = _blended(parts, people, histories, truth, own, eve)
    chosen, factors = plain, False
    if known.people <= FACTORED:
        with_factors = replace(parts, factors=_factors(before, eve))
        tried = _blended(with_factors, people, histories, truth, own, eve)
        if _worth(tried[-1]) > HELPS * _worth(plain[-1]):
            chosen, factors = tried, True
    return Tuned(penalty, count, recent, factors, *chosen)


def _worth(figures: dict[str, float]) -> float:
    return figures["recall"] + figures["recall_new"]


def _untuned() -> Tuned:
    """Where too little is known to learn from: bought goods by how much and how lately, others by popularity."""

    def weights(names: tuple[str, ...], intercept: float, **of: float) -> Weights:
        return Weights(np.array([of.get(name, 0.0) for name in names]), intercept)

    return Tuned(
        PENALTIES[1], NEIGHBOURS[1], RECENT[0], False,
        weights(AGAIN, -3.5, bought_120=1.0, bought_60=0.5, due=0.5, rebuy=2.0, popular=1.0),
        weights(NEW, -6.0, popular=2.0, ease=3.0, category=2.0, viewed=0.5),
        Weights(np.array([0.5, 2.0, 0.0]), -5.0),
        {"people": 0.0, "people_new": 0.0},
    )  # fmt: skip


def _judges(before: Purchases, window: Purchases) -> NDArray[np.int64]:
    """People with a history who bought a known good in the window, evenly thinned to ``JUDGES``."""
    found = np.intersect1d(window.person[_sold(before)[window.item]], before.person)
    if len(found) <= JUDGES:
        return found
    return found[np.linspace(0, len(found) - 1, JUDGES).astype(np.int64)]


def _sold(purchases: Purchases) -> NDArray[np.bool_]:
    """(goods,) whether anybody bought them."""
    found = np.zeros(purchases.items, dtype=bool)
    found[purchases.item] = True
    return found


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


def _eased(purchases: Purchases, today: int) -> NDArray[np.int64]:
    """The goods EASE is fitted for: the ``CAP`` bought most, the lately bought counting more."""
    if purchases.items <= CAP:
        return np.arange(purchases.items)
    worth = np.bincount(purchases.item, decay(today - purchases.day, TASTE), minlength=purchases.items)
    return np.sort(np.argsort(-worth, kind="stable")[:CAP])


def _profile(purchases: Purchases, today: int, recent: float) -> NDArray[np.float32]:
    """(goods,) the mean of everybody's recent purchases."""
    found = np.asarray(purchases.decayed(today, recent, 1.0).sum(axis=0)).ravel()
    return (found / max(purchases.people, 1)).astype(np.float32)


def _factors(purchases: Purchases, today: int) -> NDArray[np.float32]:
    matrix = purchases.decayed(today, TASTE)
    matrix.data = np.minimum(np.log1p(matrix.data), 1.0)
    return als(matrix)[1]


def _parts(
    purchases: Purchases, today: int, category: NDArray[np.int64], penalty: float, recent: float, factors: bool
) -> Parts:
    eased = _eased(purchases, today)
    place = np.full(purchases.items, -1)
    place[eased] = np.arange(len(eased))

    def narrow(values: NDArray[np.float64]) -> NDArray[np.float32]:
        return values.astype(np.float32)

    return Parts(
        weights=ease(purchases.decayed(today, TASTE, 1.0)[:, eased], penalty),
        eased=eased,
        place=place,
        popular_7=narrow(popularity(purchases, today, 7)),
        popular=narrow(popularity(purchases, today, 28)),
        trend=narrow(trend(purchases, today)),
        rebuy=narrow(rebuy(purchases, today, category)[0]),
        profile=_profile(purchases, today, recent),
        category=category,
        factors=_factors(purchases, today) if factors else None,
    )


def _people(purchases: Purchases, today: int, count: int, recent: float) -> People:
    """Everybody's neighbours among those of the pool, and what people bought lately."""
    numbers, cosines = neighbours(_alike_by(purchases, today), count, _pool(purchases, today))
    return People(numbers, cosines, *_lately(purchases, today, recent))


def _alike_by(purchases: Purchases, today: int) -> Matrix:
    return unit_rows(purchases.decayed(today, 60.0))


def _pool(purchases: Purchases, today: int) -> NDArray[np.int64]:
    worth = np.bincount(purchases.person, decay(today - purchases.day, 30.0), minlength=purchases.people)
    found = np.argsort(-worth, kind="stable")[:POOL]
    return np.sort(found[worth[found] > 0])


def _lately(
    purchases: Purchases, today: int, recent: float
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    found = purchases.decayed(today, recent, 1.0)
    found.data[found.data < LEAST] = 0.0
    found.eliminate_zeros()
    return found.indptr.astype(np.int64), found.indices.astype(np.int32), found.data.astype(np.float32)


def _penalty(
    before: Purchases,
    eve: int,
    category: NDArray[np.int64],
    judges: NDArray[np.int64],
    wanted: NDArray[np.bool_],
    own: NDArray[np.bool_],
) -> tuple[float, Parts]:
    """The penalty with which EASE alone finds most new goods, and the parts with it."""
    rows = before.decayed(eve, TASTE, 1.0)[judges]
    chosen: tuple[float, float, Parts] | None = None
    parts = _parts(before, eve, category, PENALTIES[0], RECENT[0], False)
    for penalty in PENALTIES:
        if penalty != PENALTIES[0]:
            parts = replace(parts, weights=ease(before.decayed(eve, TASTE, 1.0)[:, parts.eased], penalty))
        scores = np.zeros(wanted.shape)
        scores[:, parts.eased] = rows[:, parts.eased] @ parts.weights
        found = _recall(scores, wanted, own)
        if chosen is None or found > chosen[0]:
            chosen = found, penalty, parts
    assert chosen is not None
    return chosen[1], chosen[2]


def _neighbours(
    before: Purchases, eve: int, judges: NDArray[np.int64], wanted: NDArray[np.bool_], own: NDArray[np.bool_]
) -> tuple[int, float, People]:
    """How many neighbours, and which of their purchases, alone find most new goods; and those of the judges."""
    numbers, cosines = neighbours(_alike_by(before, eve), max(NEIGHBOURS), _pool(before, eve), judges)
    order = np.argsort(-cosines, axis=1, kind="stable")
    numbers, cosines = np.take_along_axis(numbers, order, axis=1), np.take_along_axis(cosines, order, axis=1)
    chosen: tuple[float, int, float] | None = None
    for recent in RECENT:
        lately = before.decayed(eve, recent, 1.0)
        for count in NEIGHBOURS:
            near = numbers[:, :count]
            asked = np.repeat(np.arange(len(judges)), near.shape[1])
            weights = (cosines[:, :count].ravel(), (asked, near.ravel()))
            scores = (sparse.csr_array(weights, shape=(len(judges), before.people)) @ lately).toarray()
            found = _recall(scores, wanted, own)
            if chosen is None or found > chosen[0]:
                chosen = found, count, recent
    assert chosen is not None
    _, count, recent = chosen
    return count, recent, People(numbers[:, :count], cosines[:, :count], *_lately(before, eve, recent))


def _recall(scores: NDArray[np.float64], wanted: NDArray[np.bool_], own: NDArray[np.bool_]) -> float:
    """Recall at 20 of goods new to people."""
    some = wanted.any(axis=1)
    if not some.any():
        return 0.0
    return float(recall_and_ndcg(best(np.where(own, -np.inf, scores)[some]), wanted[some])[0].mean())


def _blended(
    parts: Parts,
    people: People,
    histories: list[History],
    truth: NDArray[np.bool_],
    own: NDArray[np.bool_],
    eve: int,
) -> tuple[Weights, Weights, Weights, dict[str, float]]:
    """The blend learnt from the window, and the figures it then has there."""
    blank = Weights(np.zeros(0), 0.0)
    model = Model(
        eve, parts, people, blank, blank, blank, np.zeros(0), np.zeros((0, 0), np.int32), np.zeros((0, 0), np.float32),
        np.zeros((0, 0), np.int32), np.zeros((0, 0), np.float32), {},
    )  # fmt: skip
    seen = [model.seen(history, row, eve) for row, history in enumerate(histories)]
    # Whoever bought much would otherwise speak loudest, while everybody's list is as long.
    worth = 1.0 / np.maximum(truth.sum(axis=1), 5)
    again = logistic(
        np.concatenate([s.again for s in seen]),
        np.concatenate([truth[row, s.own] for row, s in enumerate(seen)]),
        np.concatenate([np.full(len(s.own), worth[row]) for row, s in enumerate(seen)]),
    )
    asked = [_examples(s) for s in seen]
    new = logistic(
        np.concatenate([s.new[goods] for s, goods in zip(seen, asked, strict=True)]),
        np.concatenate([truth[row, goods] for row, goods in enumerate(asked)]),
        np.concatenate([np.full(len(goods), worth[row]) for row, goods in enumerate(asked)]),
    )
    stranger = _anybody(seen[0].new[:, EVERYBODY], truth)
    model = replace(model, again=again, new=new, stranger=stranger)
    scores = np.stack([model.chances(s) for s in seen])
    return again, new, stranger, figures(scores, truth, own)


def _anybody(features: NDArray[np.float32], truth: NDArray[np.bool_]) -> Weights:
    """How likely anybody buys a good: each good is an example for those who did and one for those who did not."""
    did = truth.sum(axis=0).astype(np.float64)
    return logistic(
        np.concatenate([features, features]),
        np.repeat([True, False], len(did)),
        np.concatenate([did, len(truth) - did]),
    )


def _examples(seen: Seen) -> NDArray[np.int64]:
    """Goods they have not bought that one part or another would show them."""
    wanted = np.zeros(len(seen.new), dtype=bool)
    count = min(EXAMPLES, len(seen.new))
    for name in ("ease", "alike", "popular"):
        wanted[np.argpartition(-seen.new[:, NEW.index(name)], count - 1)[:count]] = True
    wanted[seen.own] = False
    return np.flatnonzero(wanted)


def figures(scores: NDArray[np.float64], truth: NDArray[np.bool_], own: NDArray[np.bool_]) -> dict[str, float]:
    """Recall and NDCG at 20, with repeats and among goods new to people; a figure is missing where nobody bought any.

    Args:
        scores: (people, goods).
        truth: (people, goods) what they bought afterwards.
        own: (people, goods) what they had bought before.
    """
    found: dict[str, float] = {}
    for suffix, wanted, allowed in (("", truth, scores), ("_new", truth & ~own, np.where(own, -np.inf, scores))):
        some = wanted.any(axis=1)
        found[f"people{suffix}"] = float(some.sum())
        recall = ndcg = np.zeros(1)
        if some.any():
            recall, ndcg = recall_and_ndcg(best(allowed[some], AT), wanted[some], AT)
        found[f"recall{suffix}"], found[f"ndcg{suffix}"] = float(recall.mean()), float(ndcg.mean())
    return found
