"""Why: at every door the same reasons, in the reader's words, and to a shopper nothing but their own."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import fairday
from fairday.cli import main
from fairday.kernel.clock import local_day
from fairday.kernel.errors import FairdayError
from fairday.people.identity import ids_of, person_of
from fairday.scenes import arms
from fairday.scenes.choice import choose
from fairday.scenes.loading import load_person
from fairday.web.i18n import Tongue
from fairday.web.why import for_shopper
from webdesk import Client

ADULTS = """\
scene: adults
title: {zh: 成人, en: For adults, es: Para adultos}
when: always
who: "age >= 30 and (orders() >= 1 or city = 'Nowhere')"
what:
  floors:
    - title: {zh: 茶, en: Adult tea, es: Té}
      goods: "category = 'tea'"
    - title: {zh: 礼, en: For old ones, es: Regalos}
      who: "age >= 90"
      goods: "category = 'gifts'"
where: [page, email]
guard: {holdout: 20%}
"""


@pytest.fixture
def asked(full_lite: fairday.Shop) -> fairday.Shop:
    full_lite.move_scene("end", "tea-season")
    full_lite.save_scene(ADULTS)
    full_lite.move_scene("start", "adults")
    return full_lite


def of(shop: fairday.Shop, who: int) -> int:
    with shop.db.read() as conn:
        found = person_of(conn, "user_id", f"u{who}")
    assert found is not None
    return found


def hold(shop: fairday.Shop, who: int, arm: arms.Arm) -> None:
    with shop.db.write() as conn:
        oldest = min(i.number for i in ids_of(conn, of(shop, who)))
        arms.record(conn, [("adults", oldest, arm)], shop.clock.now())


def steps(shop: fairday.Shop, who: int, touchpoint: str, **options) -> list[tuple[str, dict]]:
    (told,) = shop.why(of(shop, who), touchpoint, scene="adults", **options).scenes
    return [(s.code, dict(s.params)) for s in told.trace.steps]


def test_who_is_met_is_told_by_which_parts_and_values(asked):
    hold(asked, 20, "treated")
    found = steps(asked, 20, "page")
    codes = [c for c, _ in found]
    assert codes[:2] == ["now", "who"]
    parts = {p["text"]: (c, p["seen"]) for c, p in found if c in ("holds", "fails", "unknown") and p["text"]}
    assert parts["age >= 30"][0] == "holds"
    assert parts["age >= 30"][1][0]["lo"] == 36
    assert parts["orders() >= 1"][0] == "holds"
    assert parts["city = 'Nowhere'"][0] == "unknown"
    assert parts["age >= 90"][0] == "fails"
    assert "floor" in codes
    assert "floor_not_for_them" in codes
    assert ("shown", {"phase": "run"}) in found
    goods = [p for c, p in found if c == "good"]
    assert [g["rank"] for g in goods] == list(range(1, len(goods) + 1))
    assert all(g["reason"]["code"] for g in goods)


def test_who_is_not_met_is_told_which_part_failed(asked):
    (told,) = asked.why(of(asked, 3), "page", scene="adults").scenes
    assert told.outcome == "not_for_them"
    assert ("fails", "age >= 30") in [(s.code, s.params.get("text")) for s in told.trace.steps]
    (told,) = asked.why(of(asked, 3), "feed", scene="adults").scenes
    assert told.outcome == "not_here"
    assert asked.why(None, "page").scenes[-1].outcome == "not_for_them"
    with pytest.raises(FairdayError):
        asked.why(None, "page", scene="none")
    with pytest.raises(FairdayError):
        asked.why(None, "page", good="none")


def test_the_reason_of_the_contact_rule_and_of_the_arm_are_told(asked):
    hold(asked, 20, "holdout")
    asked.change_settings(contact={"quiet_from": 0, "quiet_until": 0, "per_day": 9, "per_week": 9})
    for touchpoint in ("page", "email"):
        found = dict(steps(asked, 20, touchpoint))
        assert found["arm"]["arm"] == "holdout"
        assert found["withheld"] == {"reason": "holdout", "until": None}
    asked.change_settings(contact={"quiet_from": 0, "quiet_until": 1439, "per_day": 9, "per_week": 9})
    found = dict(steps(asked, 20, "email"))
    assert found["withheld"]["reason"] == "quiet_hours"
    assert found["withheld"]["until"] > asked.clock.now()


def test_a_product_is_told_where_it_stands_and_of_what_its_score_is_made(asked):
    hold(asked, 20, "treated")
    found = steps(asked, 20, "page", good="tea-2")
    (code, about) = next((c, p) for c, p in found if c in ("good_shown", "good_below"))
    assert about["of"] == 6
    assert 1 <= about["rank"] <= 6
    parts = [p["worth"] for c, p in found if c == "score_part"]
    assert sum(parts) == pytest.approx(about["score"], abs=1e-5)
    assert parts == sorted(parts, reverse=True)
    gift = steps(asked, 20, "page", good="tea-1")
    assert ("fails", "category = 'tea'") in [(c, p.get("text")) for c, p in gift]
    shown = [p["product"] for c, p in found if c == "good"]
    assert (code == "good_shown") == ("tea-2" in shown)


def test_the_command_says_it_in_words_and_as_json(asked, tmp_path):
    hold(asked, 20, "holdout")
    asked.append([]).result()
    url = str(asked.db.path)
    said = CliRunner().invoke(main, ["why", "-s", url, "user_id:u20"])
    assert said.exit_code == 0, said.output
    for words in ("user_id:u20", "came in one event", "For adults (adults): held back", "✓ age >= 30  [age: 36]",
                  "held out for comparison"):  # fmt: skip
        assert words in said.output, words
    spanish = CliRunner().invoke(main, ["why", "-s", url, "user_id:u3", "--scene", "adults", "--language", "es"])
    assert "✗ age >= 30" in spanish.output
    plain = CliRunner().invoke(main, ["why", "-s", url, "user_id:u20", "--json", "--good", "tea-2", "--at", "email"])
    read = json.loads(plain.output)
    assert {s["scene"] for s in read["scenes"]} == {"adults"}
    assert CliRunner().invoke(main, ["why", "-s", url, "user_id:none"]).exit_code == 1


def test_the_console_tells_it_on_a_page_and_every_page_leads_there(asked):
    hold(asked, 20, "treated")
    client = Client(asked).sign_in()
    person = of(asked, 20)
    page = client.get(f"/console/why?person={person}&at=page&lang=en")
    assert page.status_code == 200
    for words in ("For adults", "meets them", "age &gt;= 30", "age: 36", "Why these are one person"):
        assert words in page.text, words
    assert f"/console/why?person={person}&amp;at=email" in client.get(f"/console/people/{person}").text
    assert 'action="/console/why"' in client.get("/console/scenes/adults").text
    by_id = client.get("/console/why?id=li3@example.com&scene=adults&lang=en")
    assert "not for them" in by_id.text
    assert client.get("/console/why?id=nobody@example.com").status_code == 404
    assert client.get("/console/why?person=999999").status_code in (404, 422)
    assert client.get("/console/why?scene=none").status_code == 404
    for language in ("zh", "es"):
        assert client.get(f"/console/why?person={person}&at=email&good=tea-2&lang={language}").status_code == 200


def test_a_shopper_is_told_of_themselves_alone(asked):
    hold(asked, 20, "treated")
    asked.save_scene(ADULTS.replace("adults", "all").replace("For adults", "For all").replace(
        'who: "age >= 30 and (orders() >= 1 or city = \'Nowhere\')"\n', ""))  # fmt: skip
    asked.move_scene("start", "all")
    stranger = Client(asked).get("/?lang=en").text
    assert "Why am I seeing this?" in stranger
    assert "Everyone who visits now sees it." in stranger
    with asked.db.read() as conn:
        now, stage = asked.clock.now(), asked.staging.stage(conn, asked.clock.now())
        person = load_person(conn, of(asked, 20), now)
    choice = choose(person, "page", now, stage)
    met, floor = next((m, f) for m, f in choice.floors if m.spec.scene == "adults")
    today = local_day(now, asked.settings.zone)
    told = {}
    for own in (True, False):
        tongue = Tongue("en", asked.settings.zone, "CNY")
        told[own] = for_shopper(tongue, stage, asked.vocabulary, person, met, floor, today, own=own)
    assert told[True]["known"][0] == "age: 36"
    assert told[True]["known"][1].startswith("Orders: ")
    assert told[True]["for"] == "You see it because we know:"
    assert len(told[True]["known"]) == 2, "nothing of the city, which is not known, nor of what they were compared with"
    assert told[False]["known"] == []
    assert told[False]["for"].startswith("You see it because it is for some of our customers")
