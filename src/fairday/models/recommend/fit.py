"""Fitting: tuned on the last four weeks, then everything anew on all that is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fairday.models.recommend import parts as made
from fairday.models.recommend.model import Model, People
from fairday.models.recommend.neighbours import neighbours
from fairday.models.recommend.popularity import rebuy
from fairday.models.recommend.purchases import Purchases
from fairday.models.recommend.together import goes_with, similar
from fairday.models.recommend.tuning import tune

Progress = Callable[[str, int, int], None]
"""Told what is being done next, and how many of all steps are done."""

STEPS = ("history", "tuning", "blend", "goods", "people", "together", "done")


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
        progress: told before each step, by the names of ``STEPS``; a shop with nothing to tune by skips some.
    """
    categories = np.zeros(purchases.items, dtype=np.int64) if category is None else category
    known = purchases.between(end=today + 1)
    looked = None if views is None else views.between(end=today + 1)
    told = -1

    def step(to: int | None = None) -> None:
        nonlocal told
        told = told + 1 if to is None else to
        progress(STEPS[told], told, len(STEPS) - 1)

    step()
    tuned = tune(known, today, looked, categories, step)
    step(3)
    parts = made.parts(known, today, categories, tuned.penalty, tuned.recent, tuned.factors)
    step()
    numbers, cosines = neighbours(made.pointing(known, today), tuned.neighbours, made.pool(known, today))
    people = People(numbers, cosines, *made.lately(known, today, tuned.recent))
    step()
    together, together_strength = goes_with(known, parts.eased)
    alike, alike_strength = similar(known.bought(), categories, parts.eased)
    model = Model(
        today=today,
        parts=parts,
        people=people,
        again=tuned.again,
        new=tuned.new,
        stranger=tuned.stranger,
        by_category=rebuy(known, today, categories)[1],
        together=together,
        together_strength=together_strength,
        alike=alike,
        alike_strength=alike_strength,
        figures=tuned.figures,
    )
    step()
    return model
