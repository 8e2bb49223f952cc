"""The gallery and the morning page: copied, edited, started; one tap."""

from __future__ import annotations

import re

import pytest

import fairday
import patterned
from fairday.playbooks import all_playbooks
from fairday.scenes import life
from fairday.web.console import gallery
from webdesk import Client, hard_coded


def status(shop: fairday.Shop, scene: str) -> str:
    with shop.db.read() as conn:
        return life.get_scene(conn, scene).status


def test_the_morning_page_starts_a_scene_with_one_tap(shop: fairday.Shop) -> None:
    patterned.fill(shop)
    owner = Client(shop).sign_in()
    text = owner.get("/console/morning?lang=en").text
    offered = re.findall(r'action="/console/morning/([a-z-]+)"', text)
    assert len(offered) == 3
    assert "Assumes a lift of 0 to 10 %" in text
    answer = owner.post(f"/console/morning/{offered[0]}", {"how": "start"})
    assert answer.status_code == 303
    scene = re.fullmatch(r"/console/scenes/([\w-]+)\?done=scene_start", answer.headers["location"])
    assert scene is not None
    assert status(shop, scene[1]) == "live"
    after = owner.get("/console/morning?lang=en").text
    assert offered[0] not in re.findall(r'action="/console/morning/([a-z-]+)"', after)
    draft = owner.post(f"/console/morning/{offered[1]}", {"how": "draft"}).headers["location"]
    name = re.search(r"/scenes/([\w-]+)", draft)
    assert name is not None
    assert status(shop, name[1]) == "draft"
    assert owner.post("/console/morning/nothing?lang=en", {"how": "start"}).status_code == 404
    assert Client(shop).sign_in("analyst").post(f"/console/morning/{offered[1]}", {"how": "start"}).status_code == 403


def test_every_playbook_is_copied_edited_and_started(shop: fairday.Shop) -> None:
    patterned.fill(shop)
    owner = Client(shop).sign_in()
    text = owner.get("/console/gallery?lang=en").text
    names = [p.name for p in all_playbooks()]
    assert sorted(re.findall(r'action="/console/gallery/([a-z0-9-]+)"', text)) == names
    for name in names:
        answer = owner.post(f"/console/gallery/{name}")
        assert answer.status_code == 303, name
        edit = owner.get(answer.headers["location"])
        assert edit.status_code == 200
        assert 'class="problems"' not in edit.text, name
        scene = re.search(r"/scenes/([\w-]+)/edit", answer.headers["location"])
        assert scene is not None
        owner.get(f"/console/scenes/{scene[1]}")
        assert owner.post(f"/console/scenes/{scene[1]}/start").status_code == 303, name
        assert status(shop, scene[1]) == "live"
    again = owner.post("/console/gallery/win-back").headers["location"]
    assert "/win-back-2/" in again
    assert owner.post("/console/gallery/rows").status_code == 404


@pytest.mark.parametrize("filled", [True, False])
def test_both_pages_speak_the_readers_language(lite: fairday.Shop, filled: bool) -> None:
    if filled:
        patterned.fill(lite)
    reader = Client(lite, pseudo=True).sign_in("analyst")
    for path in ("/console/morning", "/console/gallery"):
        assert hard_coded(reader.get(f"{path}?lang=xx").text) == []


def test_what_a_look_has_no_time_to_count_is_counted_behind_it(lite: fairday.Shop, monkeypatch) -> None:
    patterned.fill(lite)
    owner = Client(lite).sign_in()
    monkeypatch.setattr(gallery, "PATIENCE", -1.0)
    first, second = (owner.get("/console/gallery?lang=en").text for _ in range(2))
    assert "being counted" in first
    assert "being counted" not in second
    assert re.search(r"\d+ of \d+ people", second)
