"""A fit as a whole: what it may look at, that it repeats, and what it then recommends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

import numpy as np
import pytest

from fairday.models.recommend import WINDOW, History, Model, Purchases, best, figures, fit, histories_of, tune
from fairday.models.recommend.model import REST

TODAY = 20_000
PEOPLE, GOODS = 240, 60
CATEGORY = np.arange(GOODS) // 10 + 1
"""Six categories of ten goods; those of the last are bought once."""


def shop(seed: int = 1) -> Purchases:
    """People who each like two of five categories and buy their goods again and again; a good of the sixth once."""
    chance = np.random.default_rng(seed)
    rows: set[tuple[int, int, int]] = set()
    for person in range(PEOPLE):
        liked = chance.choice(5, 2, replace=False)
        usual = [int(c * 10 + g) for c in liked for g in chance.choice(10, 4, replace=False)]
        for day in range(TODAY - 300 + person % 7, TODAY + 1, 9):
            for good in usual:
                if chance.random() < 0.3:
                    rows.add((person, good, day))
            if chance.random() < 0.2:
                rows.add((person, int(chance.choice(liked) * 10 + chance.integers(10)), day))
        if chance.random() < 0.7:
            rows.add((person, 50 + int(chance.integers(10)), TODAY - int(chance.integers(40, 300))))
    person, item, day = np.array(sorted(rows)).T
    return Purchases.of(person, item, day, PEOPLE, GOODS)


@pytest.fixture(scope="module")
def bought() -> Purchases:
    return shop()


@pytest.fixture(scope="module")
def model(bought: Purchases) -> Model:
    return fit(bought, TODAY, category=CATEGORY)


def arrays(of: object) -> dict[str, object]:
    return {f.name: getattr(of, f.name) for f in fields(of)}  # type: ignore[arg-type]


def assert_same(one: object, other: object) -> None:
    for name, value in arrays(one).items():
        another = getattr(other, name)
        if isinstance(value, np.ndarray):
            assert np.array_equal(value, another), name
        elif hasattr(value, "__dataclass_fields__"):
            assert_same(value, another)
        else:
            assert value == another, name


def test_the_same_purchases_give_the_same_model(bought: Purchases, model: Model) -> None:
    assert_same(model, fit(bought, TODAY, category=CATEGORY))


def test_what_is_bought_after_the_day_of_the_fit_is_not_looked_at(bought: Purchases, model: Model) -> None:
    chance = np.random.default_rng(9)
    poison = 5_000
    poisoned = Purchases.of(
        np.append(bought.person, chance.integers(0, PEOPLE, poison)),
        np.append(bought.item, chance.integers(0, 3, poison)),
        np.append(bought.day, chance.integers(TODAY + 1, TODAY + 40, poison)),
        PEOPLE,
        GOODS,
    )
    later = poisoned.between(first=TODAY + 1)
    assert_same(model, fit(poisoned, TODAY, views=later, category=CATEGORY))


def test_what_is_tuned_knows_nothing_of_the_window_but_whom_it_judges(bought: Purchases) -> None:
    eve = TODAY - WINDOW
    before = bought.between(end=eve + 1)
    # People nobody judges, as they have no history: whatever they buy in the window must change nothing.
    wider = Purchases.of(before.person, before.item, before.day, PEOPLE + 50, GOODS)
    window = bought.between(first=eve + 1)
    strangers = Purchases.of(
        np.append(np.append(wider.person, window.person), np.repeat(np.arange(PEOPLE, PEOPLE + 50), 20)),
        np.append(np.append(wider.item, window.item), np.tile(np.arange(20), 50)),
        np.append(np.append(wider.day, window.day), np.full(1_000, TODAY)),
        PEOPLE + 50,
        GOODS,
    )
    alone = Purchases.of(
        np.append(wider.person, window.person), np.append(wider.item, window.item), np.append(wider.day, window.day),
        PEOPLE + 50, GOODS,
    )  # fmt: skip
    assert_same(tune(alone, TODAY, None, CATEGORY), tune(strangers, TODAY, None, CATEGORY))


def test_it_finds_more_than_popularity_and_than_what_somebody_bought_before(bought: Purchases) -> None:
    eve = TODAY - WINDOW
    before = bought.between(end=eve + 1)
    model = fit(bought, eve, category=CATEGORY)
    truth = bought.between(first=eve + 1).bought().toarray() > 0
    own = before.bought().toarray() > 0

    def of(scores: Iterable[np.ndarray]) -> dict[str, float]:
        goods = np.arange(GOODS)
        return figures(((goods, s), np.flatnonzero(own[p]), np.flatnonzero(truth[p])) for p, s in enumerate(scores))

    histories = histories_of(before, None, np.arange(PEOPLE))
    found = of(model.chances(model.seen(h, p, eve + 1)) for p, h in enumerate(histories))
    popular = of(np.tile(model.parts.popular, (PEOPLE, 1)))
    frequent = of(before.decayed(eve, 60).toarray())
    assert found["recall"] > max(popular["recall"], frequent["recall"])
    assert found["recall_new"] > 1.3 * popular["recall_new"]
    assert model.figures["recall"] > 0


def test_chances_are_chances(bought: Purchases, model: Model) -> None:
    """Over all people the sum of what is foreseen is about what is bought in four weeks."""
    eve = TODAY - WINDOW
    before = fit(bought, eve, category=CATEGORY)
    histories = histories_of(bought.between(end=eve + 1), None, np.arange(PEOPLE))
    foreseen = sum(float(before.chances(before.seen(h, p, eve + 1)).sum()) for p, h in enumerate(histories))
    happened = bought.between(first=eve + 1).bought().sum()
    assert 0.8 < foreseen / happened < 1.25


def test_somebody_who_was_not_in_the_fit_is_known_by_what_they_do_now(model: Model) -> None:
    liked = np.array([20, 21, 22])
    none = np.zeros(0, dtype=np.int64)
    history = History(liked, np.full(3, TODAY), none, none)
    chances = model.chances(model.seen(history, None, TODAY))
    new = np.setdiff1d(np.arange(50), liked)
    assert CATEGORY[new[np.argmax(chances[new])]] == 3
    viewer = History(none, none, liked, np.full(3, TODAY))
    chances = model.chances(model.seen(viewer, None, TODAY))
    assert CATEGORY[np.argmax(np.where(np.isin(np.arange(GOODS), liked), 0, chances))] == 3


def test_a_stranger_is_shown_what_is_popular(model: Model) -> None:
    chances = model.chances(model.seen(History.empty(), None, TODAY))
    assert np.corrcoef(chances, model.parts.popular)[0, 1] > 0.7


def test_what_is_bought_once_is_not_recommended_to_its_buyer_again_until_it_may_be(model: Model) -> None:
    assert model.by_category[6] < 0.05 < 0.3 < model.by_category[1]
    none = np.zeros(0, dtype=np.int64)
    once = History(np.array([3, 55]), np.array([TODAY - 20, TODAY - 20]), none, none)
    chances = model.chances(model.seen(once, None, TODAY))
    assert model.rested(model.seen(once, None, TODAY)).tolist() == [55]
    assert chances[55] < chances[50:60].max() / 10
    assert chances[3] > chances[55]
    assert not len(model.rested(model.seen(once, None, TODAY + REST)))


def test_a_shop_of_which_nothing_is_known_yet_has_a_model_all_the_same() -> None:
    none = np.zeros(0, dtype=np.int64)
    for people, goods in ((0, 0), (0, 5), (3, 5)):
        model = fit(Purchases.of([], [], [], people, goods), TODAY)
        assert model.chances(model.seen(History.empty(), None, TODAY)).shape == (goods,)
    young = fit(Purchases.of([0, 0, 1], [1, 1, 2], [TODAY - 5, TODAY, TODAY], 2, 4), TODAY)
    chances = young.chances(young.seen(History(np.array([1]), np.array([TODAY]), none, none), 0, TODAY))
    assert np.argmax(chances) == 1
    assert young.figures["people"] == 0


def test_the_steps_of_a_fit_are_told_in_order(bought: Purchases) -> None:
    told: list[tuple[str, int, int]] = []
    fit(bought, TODAY, progress=lambda *step: told.append(step))
    assert [done for _, done, _ in told] == list(range(len(told)))
    assert told[-1][0] == "done"
    assert told[-1][1] == told[-1][2]


def test_the_best_goods_are_the_persons_own_where_they_buy_again_and_again(bought: Purchases, model: Model) -> None:
    histories = histories_of(bought, None, np.arange(20))
    scores = np.stack([model.chances(model.seen(h, p, TODAY)) for p, h in enumerate(histories)])
    own = bought.bought()[:20].toarray() > 0
    assert np.take_along_axis(own, best(scores, 5), axis=1).mean() > 0.9


@pytest.mark.parametrize("head", [GOODS, 40])
def test_what_is_served_in_one_pass_is_what_the_table_of_features_says(
    bought: Purchases, head: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairday.models.recommend.parts.CAP", head)
    model = fit(bought, TODAY, category=CATEGORY)
    none = np.zeros(0, dtype=np.int64)
    viewer = History(none, none, np.array([3, 50, 3]), np.array([TODAY, TODAY - 9, TODAY - 3]))
    histories = [(h, p) for p, h in enumerate(histories_of(bought, None, np.arange(40)))]
    for history, row in [*histories, (viewer, None), (viewer, 5)]:
        seen = model.seen(history, row, TODAY)
        chances = model.chances(seen)
        asked = np.setdiff1d(seen.asked, seen.own)
        assert np.allclose(chances[asked], 1 / (1 + np.exp(-model.new.log_odds(seen.new(asked)))), rtol=1e-5)
        own = 1 / (1 + np.exp(-model.again.log_odds(seen.again)))
        own[np.isin(seen.own, model.rested(seen))] *= 1e-3
        assert np.allclose(chances[seen.own], own, rtol=1e-5)
        goods, likely = model.likely(seen)
        assert np.array_equal(goods, np.union1d(seen.asked, seen.own))
        assert np.array_equal(likely, chances[goods])
