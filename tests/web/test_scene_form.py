from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

import fairday
import shopfull
from fairday.scenes import life
from fairday.scenes.grammar import parse_scene
from fairday.web import desk
from webdesk import Client


class Fields(HTMLParser):
    """The fields of the scene's form as a browser would post them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._inside = False
        self._area = self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attrs}
        if tag == "form":
            self._inside = given.get("id") == "scene-form"
        if not self._inside:
            return
        name = given.get("name", "")
        if tag == "input" and (given.get("type") not in ("radio", "checkbox") or "checked" in given):
            self.found[name] = given.get("value", "")
        elif tag == "textarea":
            self._area, self.found[name] = name, ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in self.found):
            self.found[self._select] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.found[self._area] = self.found[self._area].removeprefix("\n")
            self._area = ""
        elif tag == "select":
            self._select = ""
        elif tag == "form":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._area:
            self.found[self._area] += data


def opened(client: Client, path: str) -> dict[str, str]:
    answer = client.get(path)
    assert answer.status_code == 200
    return Fields(answer.text).found


def spec_of(shop: fairday.Shop, text: str) -> object:
    found, problems = parse_scene(text, desk.vocabulary(shop))
    assert problems == []
    return found


def test_saving_the_form_as_it_is_changes_nothing_of_what_the_scene_says(lite: fairday.Shop) -> None:
    shopfull.start_scene(lite)
    owner = Client(lite).sign_in()
    fields = opened(owner, "/console/scenes/tea-season/edit")
    assert owner.post("/console/scenes", fields).headers["location"] == "/console/scenes/tea-season?done=scene_saved"
    with lite.db.read() as conn:
        row = life.get_scene(conn, "tea-season")
    assert spec_of(lite, row.text) == spec_of(lite, shopfull.SCENE)
    fields = opened(owner, "/console/scenes/tea-season/edit") | {"guard.budget": "500", "guard.holdout": "20"}
    assert owner.post("/console/scenes", fields).status_code == 303
    with lite.db.read() as conn:
        text = life.get_scene(conn, "tea-season").text
    assert "budget: CNY 500" in text
    assert "holdout: 20%" in text
    late = owner.post("/console/scenes?lang=en", fields)
    assert late.status_code == 409
    assert "Somebody changed the scene meanwhile" in late.text


def test_a_new_scene_begins_from_a_playbook_and_takes_no_others_name(lite: fairday.Shop) -> None:
    owner = Client(lite).sign_in()
    fields = opened(owner, "/console/scenes/new?from=valentines-day")
    assert fields["scene"] == "valentines-day"
    assert owner.post("/console/scenes", fields).status_code == 303
    again = owner.post("/console/scenes?lang=en", fields)
    assert again.status_code == 409
    assert "of that short name already" in again.text
    assert owner.get("/console/scenes/new?from=nothing-such").status_code == 404
    assert owner.get("/console/scenes/new?from=../rows").status_code in (200, 404)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("who", "aeg < 20", "age"),
        ("scene", "", "scene"),
        ("what.floors[1].goods", "colour = 'red'", "colour"),
        ("guard.holdout", "95", "90%"),
        ("when.moment", "huor = 3", "hour"),
    ],
)
def test_an_error_stands_at_its_field_and_nothing_typed_is_lost(lite: fairday.Shop, name, value, said) -> None:
    owner = Client(lite).sign_in()
    fields = opened(owner, "/console/scenes/new") | {name: value, "title.es": "Día <b>grande</b>"}
    answer = owner.post("/console/scenes?lang=en", fields)
    assert answer.status_code == 422
    at = re.search(rf'<label id="f-{re.escape(name)}" class="bad">(.*?)</label>', answer.text, re.S)
    assert at is not None
    assert 'class="wrong"' in at[1]
    assert said in at[1]
    assert Fields(answer.text).found["title.es"] == "Día <b>grande</b>"


def test_rows_come_and_go_without_a_script(lite: fairday.Shop) -> None:
    owner = Client(lite).sign_in()
    fields = opened(owner, "/console/scenes/new")
    more = Fields(owner.post("/console/scenes/form", fields | {"do": "add:what.floors"}).text).found
    assert more["what.floors[4].goods"] == ""
    moved = Fields(owner.post("/console/scenes/form", fields | {"do": "up:what.floors:2"}).text).found
    assert moved["what.floors[1].goods"] == fields["what.floors[2].goods"]
    fewer = Fields(owner.post("/console/scenes/form", fields | {"do": "remove:what.floors:1"}).text).found
    assert "what.floors[3].goods" not in fewer
    analyst = Client(lite).sign_in("analyst")
    del fields["csrf"]
    assert analyst.post("/console/scenes/form", fields | {"do": "add:offer"}).status_code == 200
    assert analyst.post("/console/scenes", fields).status_code == 403


def test_the_two_tabs_write_the_same(lite: fairday.Shop) -> None:
    owner = Client(lite).sign_in()
    fields = opened(owner, "/console/scenes/new")
    text = Fields(owner.post("/console/scenes/form", fields | {"to": "yaml"}).text).found["text"]
    back = Fields(owner.post("/console/scenes/form", {"tab": "yaml", "text": text, "to": "form"}).text).found
    assert {k: v for k, v in back.items() if k != "csrf"} == {k: v for k, v in fields.items() if k != "csrf"}
    broken = owner.post("/console/scenes/form?lang=en", {"tab": "yaml", "text": "scene: [", "to": "form"})
    assert 'class="problems"' in broken.text
    assert 'name="text"' in broken.text
    noted = owner.post("/console/scenes/check?lang=en", {"tab": "yaml", "text": f"{text}\n# mine\n"})
    assert "Saving from the form loses them" in noted.text
    lite.save_scene(f"{text}\n# mine\n")
    assert "Saving from the form loses them" in owner.get("/console/scenes/valentines-day/edit?lang=en").text


def test_the_live_part_counts_and_names_fields(full_lite: fairday.Shop) -> None:
    owner = Client(full_lite).sign_in()
    fields = opened(owner, "/console/scenes/new") | {"who": "age >= 20"}
    live = owner.post("/console/scenes/check?lang=en", fields, headers={"X-Part": "1"}).text
    assert '<span class="count">36</span>' in live
    wrong = owner.post("/console/scenes/check?lang=en", fields | {"who": "aeg > 3"}, headers={"X-Part": "1"}).text
    assert 'href="#f-who"' in wrong
