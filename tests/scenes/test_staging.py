from __future__ import annotations

import pytest
from sqlalchemy import insert

from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.audience import STANDARD_TRAITS, Vocabulary
from fairday.kernel.clock import DAY_MS, local_day
from fairday.people.tables import OPEN, activity, identifiers, ownership, people, profile
from fairday.scenes import arms
from fairday.scenes.choice import choose as met_by_index
from fairday.scenes.life import SceneDecider, move, save
from fairday.scenes.loading import load_owner, load_people, load_person
from fairday.scenes.staging import Staging, popularity

ZONE = "Asia/Shanghai"
PEOPLE = Vocabulary(STANDARD_TRAITS, "CNY")
TEA = """
scene: tea
title: Tea
when: always
who: "age >= 20"
what: {floors: [{title: Tea, goods: "category = 'tea'"}]}
where: [feed]
guard: {holdout: 30%}
"""


def choose(*args, **options):
    """Chosen by the index, and again by asking every scene: nobody meets anything else."""
    quick, found = met_by_index(*args, **options), met_by_index(*args, explain=True, **options)
    assert (quick.shown, quick.withheld) == (found.shown, found.withheld)
    return found


@pytest.fixture
def stocked(shop):
    """A live scene, six products, and three people: ann (ids 1 and 2), bob (3, and 2 before), a visitor (4)."""
    now = shop.clock.now()
    today = local_day(now, ZONE)
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product=f"t{i}", title=f"Tea {i}", category="tea") for i in range(4)], now)
        save_products(conn, [ProductRow(product=f"c{i}", category="cups") for i in range(2)], now)
        conn.execute(insert(people), [{"person": p, "since": 0} for p in (1, 2, 3)])
        conn.execute(
            insert(identifiers),
            [{"id": i, "type": "user_id", "value": f"u{i}"} for i in (1, 2, 3, 4)],
        )
        conn.execute(
            insert(ownership),
            [
                {"id": 1, "identifier": 1, "person": 1, "from_at": -OPEN, "until_at": OPEN},
                {"id": 2, "identifier": 2, "person": 2, "from_at": -OPEN, "until_at": now - 1000},
                {"id": 3, "identifier": 2, "person": 1, "from_at": now - 1000, "until_at": OPEN},
                {"id": 4, "identifier": 3, "person": 2, "from_at": -OPEN, "until_at": OPEN},
                {"id": 5, "identifier": 4, "person": 3, "from_at": -OPEN, "until_at": OPEN},
            ],
        )
        conn.execute(
            insert(profile),
            [
                {"person": p, "trait": "age", "lo": a, "hi": a, "txt": None, "at": now, "source": "t", "p": None}
                for p, a in ((1, 30), (2, 40))
            ],
        )
        conn.execute(
            insert(activity),
            [
                {"interval_id": i, "measure": m, "day": d, "n": 1, "amount": 500}
                for i, m, d in (
                    (1, "bought:product=t2", today - 3),
                    (3, "bought:product=t2", today - 5),
                    (4, "bought:product=t1", today),
                    (4, "bought:product=t2", today - 27),
                    (5, "bought:product=t3", today - 28),
                )
            ],
        )
    shop.runner.register(SceneDecider())
    shop.runner.submit(save(TEA, PEOPLE, ZONE)[0])
    shop.runner.submit(move("start", "tea", "ann"))
    return shop


def test_popularity_counts_people_of_the_last_twenty_eight_days(stocked):
    with stocked.db.read() as conn:
        assert popularity(conn, local_day(stocked.clock.now(), ZONE)) == {"t1": 1, "t2": 2}


def test_a_live_scene_is_chosen_from_the_database(stocked):
    now = stocked.clock.now()
    with stocked.db.read() as conn:
        stage = Staging(PEOPLE, ZONE).stage(conn, now)
        found = load_people(conn, [1, 2, 3], now)
        choices = {p: choose(found[p], "feed", now, stage) for p in found}
        stranger = choose(load_person(conn, None, now), "feed", now, stage)
    assert [m.spec.scene for c in choices.values() for m in (*c.shown, *c.withheld)] == ["tea", "tea"]
    assert [s.code for s in choices[3].trace.steps] == ["not_for_them"]
    assert [s.code for s in stranger.trace.steps] == ["not_for_them"]
    met = (*choices[1].shown, *choices[1].withheld)[0]
    assert [g.product.product for g in met.floors[0].goods] == ["t2", "t1", "t0", "t3"]
    assert met.floors[0].goods[0].reason.code == "bought_before"
    assert met.floors[0].goods[2].product.title == "Tea 0"


def test_an_arm_belongs_to_whoever_owned_its_id_when_it_was_recorded(stocked):
    now = stocked.clock.now()
    with stocked.db.write() as conn:
        arms.record(conn, [("tea", 2, "holdout")], now - DAY_MS)  # bob's then, ann's now
    with stocked.db.read() as conn:
        found = load_people(conn, [1, 2], now)
    ann, bob = found[1], found[2]
    assert (ann.identifiers, ann.arms, ann.taken) == ((1, 2), {}, {"tea": frozenset({2})})
    assert (bob.identifiers, bob.arms, bob.taken) == ((3,), {"tea": {2: "holdout"}}, {})


def test_choosing_again_after_recording_gives_the_same_arm_and_nothing_new(stocked):
    now = stocked.clock.now()
    staging = Staging(PEOPLE, ZONE)
    with stocked.db.write() as conn:
        first = choose(load_person(conn, 1, now), "feed", now, staging.stage(conn, now))
        arms.record(conn, first.new_arms(), now)
    with stocked.db.read() as conn:
        again = choose(load_person(conn, 1, now + 1), "feed", now, staging.stage(conn, now))
    assert len(first.new_arms()) == 1
    assert again.new_arms() == []
    assert [m.arm for m in (*first.shown, *first.withheld)] == [m.arm for m in (*again.shown, *again.withheld)]


def test_the_stage_is_kept_until_a_scene_the_day_or_the_catalogue_changes(stocked):
    now = stocked.clock.now()
    staging = Staging(PEOPLE, ZONE)

    def look(at: int = now):
        with stocked.db.read() as conn:
            return staging.stage(conn, at)

    first = look()
    assert look() is first
    stocked.runner.submit(save(TEA + "# changed\n", PEOPLE, ZONE)[0])
    changed = look()
    assert [s.version for s in changed.scenes] == [2]
    assert changed.shelf is first.shelf
    assert look(now + DAY_MS).shelf is not first.shelf
    with stocked.db.write() as conn:
        save_products(conn, [ProductRow(product="t9", title="Tea 9", category="tea")], now + 1)
    staging.forget()
    assert len(look().shelf) == 7
    stocked.runner.submit(move("pause", "tea", "ann"))
    assert look().scenes == []


def test_a_live_scene_whose_words_are_no_longer_declared_is_left_out_and_logged(stocked, caplog):
    fewer = Vocabulary({n: t for n, t in STANDARD_TRAITS.items() if n != "age"}, "CNY")
    with stocked.db.read() as conn:
        assert Staging(fewer, ZONE).stage(conn, stocked.clock.now()).scenes == []
    assert "tea" in caplog.text
    assert "age" in caplog.text


def test_a_watched_stage_is_made_ready_by_whoever_changes_a_scene_and_by_the_watcher_for_the_rest(stocked):
    now = stocked.clock.now()
    staging = Staging(PEOPLE, ZONE)
    staging.refresh(stocked.db, now)

    def look(at: int = now):
        with stocked.db.read() as conn:
            return staging.stage(conn, at)

    first = look()
    stocked.runner.submit(move("pause", "tea", "ann"))
    assert look() is first  # another process did that: nobody here waits for it
    staging.changed(stocked.db, now)
    assert look().scenes == []
    stocked.runner.submit(move("resume", "tea", "ann"))
    staging.refresh(stocked.db, now)
    assert [s.spec.scene for s in look().scenes] == ["tea"]
    with stocked.db.write() as conn:
        save_products(conn, [ProductRow(product="t9", title="Tea 9", category="tea")], now + 1)
    staging.forget()
    assert len(look(now + DAY_MS).shelf) == 6
    staging.refresh(stocked.db, now + DAY_MS)
    assert len(look(now + DAY_MS).shelf) == 7


def test_only_a_scene_that_changed_is_made_ready_anew(stocked):
    for n in range(3):
        stocked.runner.submit(save(TEA.replace("scene: tea", f"scene: tea-{n}"), PEOPLE, ZONE)[0])
        stocked.runner.submit(move("start", f"tea-{n}", "ann"))
    staging = Staging(PEOPLE, ZONE)
    staging.refresh(stocked.db, stocked.clock.now())
    with stocked.db.read() as conn:
        before = {s.spec.scene: s for s in staging.stage(conn, stocked.clock.now()).scenes}
    stocked.runner.submit(save(TEA.replace("scene: tea", "scene: tea-1") + "# changed\n", PEOPLE, ZONE)[0])
    staging.refresh(stocked.db, stocked.clock.now())
    with stocked.db.read() as conn:
        after = {s.spec.scene: s for s in staging.stage(conn, stocked.clock.now()).scenes}
    assert [name for name in before if before[name] is after[name]] == ["tea", "tea-0", "tea-2"]
    assert before["tea"].who is after["tea-1"].who


def test_who_owns_an_id_is_loaded_by_it_as_by_their_number(stocked):
    now = stocked.clock.now()
    with stocked.db.read() as conn:
        one = load_person(conn, 1, now)
        assert one == load_people(conn, [2, 1], now)[1]
        assert (one.person, one.identifiers) == (1, (1, 2))
    with stocked.db.glance() as conn:
        assert load_owner(conn, ("user_id", "u1"), now) == one
        assert load_owner(conn, ("user_id", "u2"), now) == one  # theirs since a second ago
        assert load_owner(conn, ("user_id", "u9"), now) is None
        assert load_person(conn, 999, now).person == 999  # nobody, of whom nothing is known
