from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from fairday.kernel.audience import STANDARD_TRAITS, Vocabulary
from fairday.kernel.clock import DAY_MS, to_day
from fairday.kernel.decider import Command, Event, Refusal
from fairday.kernel.errors import NotFound
from fairday.scenes import life
from fairday.scenes.life import SceneDecider, SceneError, all_scenes, get_scene, move, save, scene_versions, versions
from fairday.storage.log import stream_events

PEOPLE = Vocabulary(STANDARD_TRAITS, "CNY")
TEA = "scene: tea\ntitle: Tea\nwhen: always\n"


@pytest.fixture
def staged(shop):
    shop.runner.register(SceneDecider())
    return shop


def saved(shop, text: str = TEA, **changes):
    command, _ = save(text, PEOPLE, shop.settings.zone, actor="ann", **changes)
    return shop.runner.submit(command)


def test_a_scene_goes_from_draft_to_live_to_paused_to_ended(staged):
    assert saved(staged).ok
    for name, status in (("start", "live"), ("pause", "paused"), ("resume", "live"), ("end", "ended")):
        assert staged.runner.submit(move(name, "tea", "ann")).ok
        with staged.db.read() as conn:
            assert get_scene(conn, "tea").status == status
    with staged.db.read() as conn:
        assert [s.scene for s in all_scenes(conn, "ended")] == ["tea"]
        assert all_scenes(conn, "live") == []
        assert get_scene(conn, "tea").started_at == staged.clock.now()
        assert [e.name for e in stream_events(conn, "scene:tea")] == [
            "Scene Saved", "Scene Started", "Scene Paused", "Scene Resumed", "Scene Ended",
        ]  # fmt: skip


def test_a_change_of_whom_a_live_scene_is_measured_on_is_noted(staged):
    saved(staged)
    saved(staged, TEA + "guard: {holdout: 5%}\n")
    staged.runner.submit(move("start", "tea", "ann"))
    saved(staged, TEA + "guard: {holdout: 5%}\n# a remark\n")
    saved(staged, TEA + "guard: {holdout: 10%}\n")
    saved(staged, TEA + "guard: {holdout: 10%}\nwho: age >= 20\n")
    assert not saved(staged, TEA + "guard: {holdout: 10%}\nwho: age >= 20\n").events
    with staged.db.read() as conn:
        assert [(v, r) for v, _, r in versions(conn, "tea")] == [
            (1, False), (2, False), (3, False), (4, True), (5, True),
        ]  # fmt: skip
        assert get_scene(conn, "tea").text.endswith("who: age >= 20\n")
        assert conn.execute(select(scene_versions.c.text).where(scene_versions.c.version == 1)).scalar_one() == TEA


def test_a_scene_by_dates_ends_by_itself(staged):
    text = TEA.replace("always", "{dates: 2026-05-30..2026-06-02}")
    saved(staged, text)
    staged.runner.submit(move("start", "tea", "ann"))
    staged.clock.move(DAY_MS)
    assert staged.fire_due() == 0
    staged.clock.move(DAY_MS)
    assert staged.fire_due() == 1
    with staged.db.read() as conn:
        assert get_scene(conn, "tea").status == "ended"
    late = staged.runner.submit(save(text.replace("tea", "late"), PEOPLE, "Asia/Shanghai")[0])
    assert late.ok
    refused = staged.runner.submit(move("start", "late", "ann"))
    assert refused.refusal is not None
    assert refused.refusal.code == "over"


def test_two_people_who_edit_one_scene_do_not_overwrite_each_other(staged):
    saved(staged)
    assert saved(staged, TEA + "# ann\n", version=1).ok
    refused = saved(staged, TEA + "# bob\n", version=1)
    assert refused.refusal is not None
    assert refused.refusal.code == "version_moved"
    stale = staged.runner.submit(move("start", "tea", "ann", version=1))
    assert stale.refusal is not None
    assert stale.refusal.code == "version_moved"
    assert staged.runner.submit(move("start", "tea", "ann", version=2)).ok


def test_what_is_no_scene_is_not_saved():
    with pytest.raises(SceneError) as error:
        save("scene: tea\nwhen: allways\n", PEOPLE, "Asia/Shanghai", file="tea.yaml")
    assert [p.key for p in error.value.problems] == ["title", "when"]
    assert error.value.where == "tea.yaml:1:1"
    assert "1 more" in error.value.remedy
    with pytest.raises(SceneError, match="60000"):
        save(TEA + "#" * life.MAX_TEXT, PEOPLE, "Asia/Shanghai")


def test_a_scene_that_does_not_exist_is_named(staged):
    refused = staged.runner.submit(move("start", "tea", "ann"))
    assert refused.refusal is not None
    assert refused.refusal.code == "no_scene"
    unknown = staged.runner.submit(Command("scene.sing", "scene:tea"))
    assert unknown.refusal is not None
    assert unknown.refusal.code == "unknown_command"
    with staged.db.read() as conn, pytest.raises(NotFound):
        get_scene(conn, "tea")


MOVES = {
    (None, "save"): "draft", ("draft", "save"): "draft", ("live", "save"): "live", ("paused", "save"): "paused",
    ("draft", "start"): "live", ("live", "pause"): "paused", ("paused", "resume"): "live",
    ("live", "end"): "ended", ("paused", "end"): "ended",
}  # fmt: skip


@given(st.lists(st.sampled_from(["save", "start", "pause", "resume", "end"]), max_size=12))
def test_only_the_moves_of_the_manual_are_made(names):
    decider = SceneDecider()
    state, expected, version = decider.initial(), None, 0
    for i, name in enumerate(names):
        if name == "save":
            command, _ = save(f"{TEA}# {i}\n", PEOPLE, "Asia/Shanghai")
        else:
            command = move(name, "tea", "ann")
        decided = decider.decide(state, command, to_day(date(2026, 6, 1)) * DAY_MS)
        after = MOVES.get((expected, name))
        if after is None:
            assert isinstance(decided, Refusal)
            continue
        assert not isinstance(decided, Refusal)
        for event in decided:
            assert isinstance(event, Event)
            state = decider.evolve(state, event)
        expected, version = after, version + (name == "save")
        assert (state["status"], state["version"]) == (expected, version)
        assert len(str(state)) < 1000
