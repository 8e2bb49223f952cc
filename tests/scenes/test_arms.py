from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairday.kernel.clock import DAY_MS
from fairday.scenes import arms
from fairday.scenes.arms import Assigned, Meeting, assign, happening
from fairday.storage.log import append_happenings

NOW = 1_780_315_200_000


def test_about_as_many_as_asked_are_held_out_and_scenes_are_independent():
    held = {name: {i for i in range(20_000) if assign(name, 100, [i], {}).arm == "holdout"} for name in ("a", "b")}
    assert 1850 < len(held["a"]) < 2150
    assert 130 < len(held["a"] & held["b"]) < 270


@given(st.lists(st.integers(1, 10**9), min_size=1, unique=True), st.integers(0, 900), st.randoms())
def test_the_arm_hangs_on_the_oldest_id_alone(identifiers, holdout, random):
    first = assign("tea", holdout, identifiers, {})
    assert first.identifier == min(identifiers)
    shuffled = [*identifiers]
    random.shuffle(shuffled)
    assert assign("tea", holdout, shuffled, {}) == first
    assert assign("tea", holdout, [min(identifiers)], {}) == first
    assert assign("tea", 0, identifiers, {}).arm == "treated"


@given(st.integers(0, 900), st.sampled_from(["treated", "holdout"]))
def test_a_recorded_arm_stands_whatever_the_holdout_becomes(holdout, arm):
    assert assign("tea", holdout, [5, 3], {5: arm}) == Assigned(arm)


def test_a_person_joined_from_both_arms_is_left_out():
    assert assign("tea", 500, [2], {1: "treated", 2: "holdout"}) == Assigned("mixed")
    assert assign("tea", 500, [], {}) == Assigned("treated")


def test_arms_are_recorded_once(db):
    with db.write() as conn:
        arms.record(conn, [("tea", 1, "holdout"), ("tea", 2, "treated"), ("ski", 1, "treated")], 5)
        arms.record(conn, [("tea", 1, "treated")], 9)
        arms.record(conn, [], 9)
    with db.read() as conn:
        assert arms.recorded(conn, [1, 2, 3]) == {"tea": {1: "holdout", 2: "treated"}, "ski": {1: "treated"}}
        assert arms.recorded(conn, []) == {}
        assert arms.counts(conn, "tea") == {"holdout": 1, "treated": 1}


WHO = ("user_id", "u1")
MET = Meeting(scene="tea", version=2, phase="burst", occasion=20_500, touchpoint="feed", goods=("p1", "p2"))


def test_a_meeting_is_a_happening_in_the_vocabulary_of_the_log():
    shown = happening(MET, WHO, NOW, "Asia/Shanghai", message=False)
    assert (shown.name, shown.kind, shown.ids, shown.at) == ("Scene Shown", "track", (WHO,), NOW)
    assert shown.properties == {
        "scene": "tea", "version": 2, "phase": "burst", "occasion": "2026-02-16", "touchpoint": "feed",
        "goods": ["p1", "p2"],
    }  # fmt: skip
    held = happening(Meeting(**_fields() | {"withheld": "holdout"}), WHO, NOW, "Asia/Shanghai", message=False)
    assert held.name == "Scene Withheld"
    assert held.properties["reason"] == "holdout"


def _fields() -> dict:
    return {name: getattr(MET, name) for name in Meeting.__struct_fields__}


@pytest.mark.parametrize(("message", "days"), [(False, 2), (True, 1)])
def test_a_page_counts_once_a_day_and_a_message_once_a_round(db, message, days):
    with db.write() as conn:
        new = [
            append_happenings(conn, [happening(MET, WHO, at, "Asia/Shanghai", message=message)])
            for at in (NOW, NOW + 1000, NOW + DAY_MS)
        ]
        next_year = Meeting(**_fields() | {"occasion": 20_865})
        new_round = append_happenings(conn, [happening(next_year, WHO, NOW + DAY_MS, "Asia/Shanghai", message=message)])
    assert sum(new) == days
    assert new_round == 1
