"""The fitted ranking of a shop: fitted from its database, served from files, swapped, erased from, and its reasons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fairday.cli import main
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import DAY_MS, ManualClock, local_day
from fairday.kernel.errors import Conflict, FairdayError
from fairday.people.facts import load_facts
from fairday.scenes import fitting
from fairday.scenes.ranking import LOOK, Ranking, Rankings, named
from fairday.scenes.taste import taste
from fairday.shop import Shop
from fairday.storage.log import Happening

CATEGORIES = ("tea", "cups", "lamps")
PEOPLE = 50


def goods(category: str) -> list[str]:
    return [f"{category}-{n}" for n in range(6)]


def order(person: int, day: int, products: list[str], clock: ManualClock, tag: str = "") -> Happening:
    at = clock.now() - day * DAY_MS
    lines = [{"product_id": p, "category": p.split("-")[0], "price": 5, "quantity": 1} for p in products]
    return Happening(
        message_id=f"order:{person}:{day}:{tag}", kind="track", name="Order Completed", at=at, received=at,
        source="test", ids=(("user_id", f"p{person}"),),
        body={"properties": {"order_id": f"{person}-{day}{tag}", "total": 5, "currency": "CNY", "products": lines}},
    )  # fmt: skip


@pytest.fixture
def stocked(shop: Shop, clock: ManualClock, tmp_path: Path) -> Shop:
    """People who buy tea, some with cups, every ten days; the others cups; everybody has one lamp."""
    chance = np.random.default_rng(1)
    with shop.db.write() as conn:
        rows = [ProductRow(product=p, title=p.upper(), category=c) for c in CATEGORIES for p in goods(c)]
        save_products(conn, [*rows, ProductRow(product="tea-new", title="NEW", category="tea")], clock.now())
    made = []
    for person in range(PEOPLE):
        kind = "tea" if person % 2 else "cups"
        usual = [goods(kind)[n] for n in chance.choice(6, 3, replace=False)]
        for day in range(person % 10, 110, 10):
            bought = [p for p in usual if chance.random() < 0.7] or usual[:1]
            if chance.random() < 0.3:
                bought.append(goods("cups" if kind == "tea" else "tea")[0])
            made.append(order(person, day, list(dict.fromkeys(bought)), clock))
        made.append(order(person, 100, [goods("lamps")[person % 6]], clock, "lamp"))
    shop.append(made).result()
    shop.catch_up()
    shop.change_settings(models=str(tmp_path / "models"))
    shop.rankings.folder = tmp_path / "models"
    return shop


def of(shop: Shop, person: str) -> tuple[int, Ranking]:
    ranking = shop.rankings.current(now=True)
    assert ranking is not None
    return shop.person(f"user_id:{person}"), ranking


def standing(shop: Shop, person: str):  # type: ignore[no-untyped-def]
    number, ranking = of(shop, person)
    with shop.db.read() as conn:
        facts = load_facts(conn, [number])[number]
    return ranking, ranking.standing(number, facts, local_day(shop.clock.now(), shop.settings.zone))


def test_a_shop_without_a_fit_ranks_by_taste_and_with_one_by_chance(stocked: Shop) -> None:
    assert stocked.rankings.current(now=True) is None
    told: list[str] = []
    made = stocked.fit(lambda step, done, total: told.append(step))
    assert (made.people, made.goods) == (PEOPLE, 19)
    assert told[0] == "reading"
    assert told[-1] == "done"
    ranking, mine = standing(stocked, "p1")
    assert made.figures["people"] > 0
    liked = [ranking.goods[i] for i in np.argsort(-mine.chances)[:3]]
    assert {p.split("-")[0] for p in liked} == {"tea"}
    lamp = goods("lamps")[1]
    assert mine.chances[ranking.place(lamp)] < 1e-3
    rebuy = ranking.model.parts.rebuy
    assert rebuy[ranking.place("tea-0")] > 0.3 > rebuy[ranking.place(lamp)]
    assert ranking.place("nothing") is None


def test_goods_are_listed_beside_a_good(stocked: Shop) -> None:
    stocked.fit()
    _, ranking = of(stocked, "p1")
    assert {p.split("-")[0] for p in ranking.similar("tea-1", 3)} == {"tea"}
    assert "tea-1" not in ranking.similar("tea-1", 24)
    assert len(ranking.goes_with("tea-1", 2)) <= 2
    assert ranking.goes_with("nothing", 3) == ranking.similar("nothing", 3) == []


def test_reasons_speak_of_the_persons_own_goods(stocked: Shop) -> None:
    stocked.fit()
    ranking, mine = standing(stocked, "p1")
    number, _ = of(stocked, "p1")
    with stocked.db.read() as conn:
        facts = load_facts(conn, [number])[number]
    bought = taste(facts, local_day(stocked.clock.now(), stocked.settings.zone)).product
    for product, own in bought.items():
        said = mine.reason(product)
        assert said is not None
        assert said.code in ("bought_before", "due_again")
        assert said.params["times"] == own.times
        assert said.params["days_ago"] == own.days_ago
    others = [mine.reason(p) for p in ranking.goods if p not in bought]
    for said in others:
        assert said is None or said.code in ("goes_with", "similar_to", "people_like_you")
        if said is not None and "product" in said.params:
            assert said.params["product"] in bought
    assert mine.reason("nothing") is None


def test_somebody_is_due_when_their_usual_gap_has_passed(stocked: Shop, clock: ManualClock) -> None:
    stocked.append([order(900, day, ["tea-5"], clock) for day in (38, 26, 14)]).result()
    stocked.catch_up()
    stocked.fit()
    _, mine = standing(stocked, "p900")
    said = mine.reason("tea-5")
    assert said is not None
    assert (said.code, dict(said.params)) == ("due_again", {"times": 3, "days_ago": 14, "every": 12})


def test_the_shelf_takes_up_a_new_fit_and_stands_new_goods_amid_their_category(
    stocked: Shop, clock: ManualClock
) -> None:
    with stocked.db.read() as conn:
        assert stocked.staging.stage(conn, clock.now()).shelf.ranking is None
    first = stocked.fit()
    with stocked.db.write() as conn:
        save_products(conn, [ProductRow(product="tea-later", title="LATER", category="tea")], clock.now() + 1)
    stocked.rankings.current(now=True)
    stocked.staging.forget()
    number, _ = of(stocked, "p1")
    with stocked.db.read() as conn:
        shelf = stocked.staging.stage(conn, clock.now()).shelf
        facts = load_facts(conn, [number])[number]
    assert shelf.ranking is not None
    assert shelf.ranking.manifest == first
    liking = shelf.liking(number, facts, local_day(clock.now(), stocked.settings.zone))
    worth = {p.product: w for p, w in zip(shelf.products, shelf.personal(liking).worth, strict=True)}
    of_tea = [worth[p] for p in goods("tea")]
    assert min(of_tea) < worth["tea-later"] < max(of_tea)
    picked = shelf.pick(shelf.all, "personal", shelf.personal(liking), liking, 5)
    assert picked[0].reason.code in ("bought_before", "due_again")
    for good in picked:
        if "product" in good.reason.params:
            assert good.reason.params["title"] == good.reason.params["product"].upper()
    around = shelf.around("tea-1", 4)
    assert around is None or [name for name, _ in around] == ["goes_with", "similar"]


def test_a_swap_is_seen_within_a_second_and_leaves_the_old_one_usable(
    stocked: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [1000.0]
    monkeypatch.setattr("fairday.scenes.ranking.time.monotonic", lambda: moment[0])
    stocked.fit()
    rankings = Rankings(stocked.rankings.folder)
    old = rankings.current()
    assert old is not None
    stocked.fit()
    assert rankings.current() is old
    assert old.standing(None, load_nothing(), 20_000).chances.shape == (len(old.goods),)
    moment[0] += LOOK
    new = rankings.current()
    assert new is not None
    assert new is not old
    assert not old.folder.exists()
    folders = [f for f in stocked.rankings.folder.glob("fit-*")]  # type: ignore[union-attr]
    assert folders == [new.folder]


def load_nothing():  # type: ignore[no-untyped-def]
    from fairday.kernel.audience import Facts

    return Facts()


def test_whoever_is_erased_leaves_the_files_at_once_and_a_merged_number_with_them(
    stocked: Shop, clock: ManualClock
) -> None:
    stocked.fit()
    number, ranking = of(stocked, "p3")
    row = ranking.row(number)
    assert row is not None
    assert ranking.model.people.cosines[row].any()
    recent = slice(ranking.model.people.begin[row], ranking.model.people.begin[row + 1])
    assert ranking.model.people.weight[recent].any()
    other, _ = of(stocked, "p5")
    theirs = ranking.row(other)
    # Merged since the fit: p5's rows must go with p3's.
    at = clock.now()
    stocked.append([Happening(
        message_id="both", kind="identify", at=at, received=at, source="test",
        ids=(("user_id", "p3"), ("user_id", "p5")), body={},
    )]).result()  # fmt: skip
    stocked.catch_up()
    receipt = stocked.erase("user_id:p3")
    assert receipt.outside >= 1
    assert ranking.row(number) is None
    assert not ranking.model.people.weight[recent].any()
    assert not ranking.model.people.cosines[row].any()
    assert number not in np.load(ranking.folder / "person.npy")
    assert theirs is not None
    survivor = stocked.person("user_id:p7")
    assert ranking.row(survivor) is not None


def test_whoever_is_erased_while_a_fit_runs_is_not_in_it(stocked: Shop) -> None:
    number = stocked.person("user_id:p3")

    def meanwhile(step: str, done: int, total: int) -> None:
        if step == "goods":
            stocked.erase("user_id:p3")

    stocked.fit(meanwhile)
    ranking = stocked.rankings.current(now=True)
    assert ranking is not None
    assert ranking.row(number) is None


def test_one_process_fits_at_a_time_and_a_dead_one_holds_nothing(stocked: Shop) -> None:
    folder = stocked.rankings.folder
    assert folder is not None

    def another(step: str, done: int, total: int) -> None:
        if step == "tuning":
            with pytest.raises(Conflict):
                stocked.fit()
            found = fitting.running(folder)
            assert found is not None
            assert (found.state, found.step) == ("running", "tuning")

    stocked.fit(another)
    assert fitting.running(folder) is None
    (folder / "fit-0-0").mkdir()

    def broken(step: str, done: int, total: int) -> None:
        if step == "goods":
            raise RuntimeError("the disk is full")

    served = named(folder)
    with pytest.raises(RuntimeError):
        stocked.fit(broken)
    found = fitting.running(folder)
    assert found is not None
    assert (found.state, found.error) == ("failed", "the disk is full")
    assert named(folder) == served
    assert not (folder / "fit-0-0").exists()


def test_a_damaged_fit_is_not_served_and_not_raised(stocked: Shop) -> None:
    stocked.fit()
    folder = stocked.rankings.folder
    assert folder is not None
    name = named(folder)
    assert name is not None
    (folder / name / "manifest.json").write_text("{")
    assert Rankings(folder).current() is None
    (folder / "current").write_text("../elsewhere")
    assert Rankings(folder).current() is None
    assert fitting.latest(folder) is None


def test_a_fit_is_due_once_a_day_in_a_shop_that_has_people(stocked: Shop, clock: ManualClock) -> None:
    assert fitting.due(stocked.db, stocked.settings, clock.now())
    stocked.fit()
    assert not fitting.due(stocked.db, stocked.settings, clock.now())
    assert fitting.due(stocked.db, stocked.settings, clock.now() + DAY_MS)


def test_a_shop_with_nowhere_to_keep_a_fit_says_so(db, clock: ManualClock) -> None:  # type: ignore[no-untyped-def]
    from fairday.kernel.settings import Settings

    if db.is_sqlite:
        assert fitting.folder_of(db, Settings()) == db.path.with_suffix(".models")
        return
    with pytest.raises(FairdayError, match="folder"):
        fitting.fit_shop(db, Settings(), clock.now())
    assert not fitting.due(db, Settings(), clock.now())
    assert Rankings(None).current() is None


def test_the_command_fits_and_says_what_it_found(tmp_path: Path) -> None:
    url = str(tmp_path / "small.db")
    CliRunner().invoke(main, ["init", "--shop", url, "--zone", "Europe/London", "--currency", "GBP"])
    said = CliRunner().invoke(main, ["fit", "--shop", url, "--day", "2024-05-01"])
    assert said.exit_code == 0, said.output
    assert "0 people, 0 goods" in said.output
    assert (tmp_path / "small.models" / "current").exists()
