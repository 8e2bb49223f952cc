"""Looking ahead on the console: what fans can tell on a draft's page, a replay from button to picture."""

from __future__ import annotations

import fairday
from fairday.insight.replay import latest
from fairday.insight.replay.runs import replays
from fairday.insight.replay.words import NOTES
from fairday.kernel.clock import ManualClock
from fairday.web.i18n import catalogue
from webdesk import Client, hard_coded

DRAFT = """\
scene: summer-tea
title: {zh: 夏茶, en: Summer tea, es: Té de verano}
when: {dates: 2026-06-03..2026-06-20}
who: "orders(90d) >= 1"
what:
  floors:
    - {title: {zh: 新茶, en: Fresh tea, es: Té fresco}, goods: "category = 'tea'"}
offer: [{spend: 50, off: 5}]
where: [page, email]
guard: {holdout: 50%}
goal: {metric: buyers, within: 7d}
"""


def test_before_it_starts_a_scene_says_what_its_people_can_tell(full: fairday.Shop) -> None:
    full.save_scene(DRAFT)
    owner = Client(full).sign_in()
    text = owner.get("/console/scenes/summer-tea?lang=en").text
    assert "What your people can tell you" in text
    assert "there are too few to tell" in text or "you will see a lift of" in text
    full.move_scene("start", "summer-tea")
    assert "What your people can tell you" not in owner.get("/console/scenes/summer-tea?lang=en").text


def test_a_replay_goes_from_button_to_picture(full: fairday.Shop) -> None:
    full.save_scene(DRAFT)
    owner = Client(full).sign_in()
    page = owner.get("/console/foresee/summer-tea?lang=en").text
    assert 'value="2025-06-03"' in page
    answer = owner.post(
        "/console/foresee/summer-tea", {"first": "2026-05-05", "last": "2026-05-22", "told_today": "yes"}
    )
    assert answer.status_code == 303
    full.replays.wait()
    text = owner.get("/console/foresee/summer-tea?lang=en").text
    assert "stacked" in text
    assert "That is no effect of the scene" in text
    with full.db.read() as conn:
        run = latest(conn, "summer-tea", full.clock.now())
    assert run is not None
    assert run.result is not None
    assert run.result.people > 0
    assert len(run.result.days) == 18
    pseudo = Client(full, pseudo=True).sign_in("analyst")
    for path in ("/console/foresee/summer-tea", "/console/scenes/summer-tea"):
        assert hard_coded(pseudo.get(f"{path}?lang=xx").text) == []


def test_days_that_make_no_period_are_said(full_lite: fairday.Shop) -> None:
    full_lite.save_scene(DRAFT)
    owner = Client(full_lite).sign_in()
    owner.get("/console/foresee/summer-tea")
    for first, last in (("2026-05-22", "2026-05-05"), ("nonsense", "2026-05-05"), ("2020-01-01", "2026-01-01")):
        answer = owner.post("/console/foresee/summer-tea?lang=en", {"first": first, "last": last})
        assert answer.status_code == 422
        assert "These days cannot be used" in answer.text
    assert owner.get("/console/foresee/nothing").status_code == 404


def test_one_replay_a_scene_at_a_time_and_a_dead_one_is_failed(full_lite: fairday.Shop, clock: ManualClock) -> None:
    full_lite.save_scene(DRAFT)
    with full_lite.db.write() as conn:
        row = {"scene": "summer-tea", "version": 1, "status": "running", "done": 3, "of": 9, "said": ""}
        conn.execute(replays.insert(), row | {"started_at": clock.now(), "moved_at": clock.now()})
    owner = Client(full_lite).sign_in()
    answer = owner.get("/console/foresee/summer-tea?lang=en")
    assert "<progress" in answer.text
    assert answer.headers["refresh"] == "3"
    owner.post("/console/foresee/summer-tea", {"first": "2026-05-05", "last": "2026-05-22"})
    with full_lite.db.read() as conn:
        assert latest(conn, "summer-tea", clock.now()).id == 1  # type: ignore[union-attr]
    clock.move(10 * 60_000)
    assert "did not come to its end" in owner.get("/console/foresee/summer-tea?lang=en").text


def test_every_note_has_its_message() -> None:
    written = {k.removeprefix("replay.note.") for k in catalogue() if k.startswith("replay.note.")}
    assert written == set(NOTES)
