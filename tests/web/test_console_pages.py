from __future__ import annotations

import re

import fairday
import shopfull
from fairday.kernel.audience import parse
from fairday.people import audiences
from fairday.people.identity import person_of
from fairday.scenes import life
from fairday.web import desk
from fairday.web.console.audiences import EXAMPLES
from webdesk import Client


def person(shop: fairday.Shop, email: str) -> int:
    with shop.db.read() as conn:
        found = person_of(conn, "email", email)
    assert found is not None
    return found


def test_people_are_found_by_any_id_and_by_its_beginning(full: fairday.Shop) -> None:
    owner, who = Client(full).sign_in(), person(full, "li7@example.com")
    for asked in ("li7@example.com", " LI7@Example.com ", "email:li7@example.com", "u7", "user_id:u7", "li7@"):
        assert f'href="/console/people/{who}"' in owner.get("/console/people", params={"q": asked}).text, asked
    for asked in ("nobody@example.com", "%", "user_id:nobody", "' OR 1=1 --"):
        assert 'class="empty"' in owner.get("/console/people?lang=en", params={"q": asked}).text, asked


def test_a_persons_page_shows_what_is_known_and_why(full_lite: fairday.Shop) -> None:
    html = Client(full_lite).sign_in().get(f"/console/people/{person(full_lite, 'li7@example.com')}?lang=en").text
    for text in ("Li 7", "li7@example.com", "came in one event", "E-mail", "given", "age", "Timeline"):
        assert text in html, text


def test_everything_about_a_person_can_be_taken_along(full_lite: fairday.Shop) -> None:
    path = f"/console/people/{person(full_lite, 'li7@example.com')}/export.json"
    answer = Client(full_lite).sign_in().get(path)
    assert "attachment" in answer.headers["content-disposition"]
    assert "li7@example.com" in str(answer.json()["ids"])
    assert Client(full_lite).sign_in("analyst").get(path).status_code == 403
    assert Client(full_lite).get(path).status_code == 303


def test_operators_merge_and_split(full: fairday.Shop) -> None:
    owner, who = Client(full).sign_in(), person(full, "li1@example.com")
    ids = {"a": "email:li1@example.com", "b": "email:li2@example.com"}
    assert owner.post(f"/console/people/{who}/merge", ids).status_code == 303
    assert person(full, "li1@example.com") == person(full, "li2@example.com")
    assert owner.post(f"/console/people/{who}/split", ids).status_code == 303
    assert person(full, "li1@example.com") != person(full, "li2@example.com")
    for bad, status in (("nonsense", 422), ("email:nobody@example.com", 404), ("", 422)):
        assert owner.post(f"/console/people/{who}/merge", ids | {"b": bad}).status_code == status, bad


def test_only_a_sure_owner_erases(full: fairday.Shop) -> None:
    who = person(full, "li3@example.com")
    assert Client(full).sign_in("analyst").post(f"/console/people/{who}/erase", {"sure": "yes"}).status_code == 403
    owner = Client(full).sign_in()
    assert owner.post(f"/console/people/{who}/erase").status_code == 422
    assert owner.post(f"/console/people/{who}/erase", {"sure": "yes"}).status_code == 303
    assert owner.get(f"/console/people/{who}").status_code == 404
    assert owner.post(f"/console/people/{who}/erase", {"sure": "yes"}).status_code == 404


def test_an_audience_is_counted_mended_and_saved(full: fairday.Shop) -> None:
    owner = Client(full).sign_in()
    part = {"X-Part": "1"}
    wrong = owner.post("/console/audiences/count?lang=en", {"expression": "ordes(90d) >= 1", "name": ""}, headers=part)
    assert "<mark>ordes</mark>" in wrong.text
    assert "Did you mean orders?" in wrong.text
    assert "<html" not in wrong.text
    right = owner.post("/console/audiences/count?lang=en", {"expression": "orders(90d) >= 1", "name": ""}, headers=part)
    n = re.search(r'class="count">(\d+)<', right.text)
    assert n
    with full.db.read() as conn:
        assert int(n[1]) == audiences.count(conn, "orders(90d) >= 1", full.settings, full.clock.now())
    whole = owner.post("/console/audiences/count", {"expression": "orders(90d) >= 1", "name": "x"})
    assert "<html" in whole.text, "without script the whole page comes"
    for name, expression, status in (("Bad Name", "true", 422), ("good", "order(1d) > 0", 422), ("good", "true", 303)):
        assert owner.post("/console/audiences", {"name": name, "expression": expression}).status_code == status
    assert "good" in owner.get("/console/audiences").text
    assert owner.get("/console/audiences/none").status_code == 404
    assert owner.post("/console/audiences/good/remove").status_code == 303
    assert owner.get("/console/audiences/good").status_code == 404


def test_the_examples_to_start_from_are_understood(lite: fairday.Shop) -> None:
    for example in EXAMPLES:
        parse(example, desk.vocabulary(lite))


def test_an_expression_cannot_break_out_of_its_page(full_lite: fairday.Shop) -> None:
    html = (
        Client(full_lite).sign_in().get("/console/audiences/new", params={"expression": "</textarea><script>x()"}).text
    )
    assert "<script>x()" not in html


def test_a_scene_is_checked_saved_started_paused_and_ended(full: fairday.Shop) -> None:
    owner = Client(full).sign_in()
    text = shopfull.SCENE.replace("tea-season", "second")
    bad = text.replace("title:", "titel:", 1)
    live = owner.post("/console/scenes/check?lang=es", {"text": bad, "scene": ""}, headers={"X-Part": "1"}).text
    assert 'data-line="2"' in live, live[-900:]
    assert "Aquí no existe la clave titel." in live
    assert "¿Querías decir title?" in live
    assert owner.post("/console/scenes", {"text": bad, "scene": "", "version": ""}).status_code == 200
    saved = owner.post("/console/scenes", {"text": text, "scene": "", "version": ""})
    assert saved.headers["location"] == "/console/scenes/second?done=scene_saved"
    for move, status in (("start", "live"), ("pause", "paused"), ("resume", "live"), ("end", "ended")):
        assert owner.post(f"/console/scenes/second/{move}").status_code == 303, move
        with full.db.read() as conn:
            assert life.get_scene(conn, "second").status == status
    assert owner.post("/console/scenes/second/start").status_code == 409
    assert owner.post("/console/scenes/second/fly").status_code == 404
    assert owner.post("/console/scenes/none/start").status_code == 404
    assert owner.get("/console/scenes/none").status_code == 404


def test_two_operators_do_not_overwrite_each_other(full: fairday.Shop) -> None:
    owner = Client(full).sign_in()
    mine = {"scene": "tea-season", "version": "1", "text": shopfull.SCENE.replace("10%", "20%")}
    assert owner.post("/console/scenes", mine).status_code == 303
    late = owner.post("/console/scenes?lang=en", mine | {"text": shopfull.SCENE.replace("10%", "30%")})
    assert late.status_code == 409
    assert "Somebody changed the scene meanwhile" in late.text


def test_a_preview_records_nothing_and_tells_what_is_kept_back(full_lite: fairday.Shop) -> None:
    owner = Client(full_lite).sign_in()
    with full_lite.db.read() as conn:
        before = conn.exec_driver_sql("SELECT COUNT(*) FROM happenings").scalar_one()
    young = owner.get("/console/scenes/tea-season/preview?lang=en&q=li0@example.com").text
    assert "Fresh tea" in young
    assert "Floor 2 is kept from this person" in young
    assert "For your family" in owner.get("/console/scenes/tea-season/preview?lang=en").text
    with full_lite.db.read() as conn:
        assert conn.exec_driver_sql("SELECT COUNT(*) FROM happenings").scalar_one() == before


def test_a_mail_is_shown_where_nothing_in_it_can_run(full_lite: fairday.Shop) -> None:
    owner = Client(full_lite).sign_in()
    assert "sandbox" in owner.get("/console/mailbox/1").text
    view = owner.get("/console/mailbox/1/view")
    policy = view.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script" not in policy
    assert owner.get("/console/mailbox/999").status_code == 404
    assert owner.get("/console/mailbox?scene=tea-season&status=withheld&lang=en").text.count("has not agreed") == 2


def test_a_servers_key_is_told_once_and_can_be_revoked(full: fairday.Shop) -> None:
    owner = Client(full).sign_in()
    made = owner.post("/console/data/keys", {"name": "till", "kind": "server"}).text
    key = re.search(r"<b>(fds_[\w-]+)</b>", made)
    assert key
    assert key[1] not in owner.get("/console/data/keys").text
    assert owner.post("/console/data/keys", {"name": "till", "kind": "server"}).status_code == 409
    assert owner.post("/console/data/keys", {"name": "x", "kind": "boat"}).status_code == 422
    assert owner.post("/console/data/keys/revoke", {"name": "till"}).status_code == 303
    assert owner.post("/console/data/keys/revoke", {"name": "till"}).status_code == 404


def test_an_owner_rebuilds_a_follower(full: fairday.Shop) -> None:
    owner = Client(full).sign_in()
    who = person(full, "li7@example.com")
    assert owner.post("/console/data/followers/consent/rebuild").status_code == 303
    assert "given" in owner.get(f"/console/people/{who}?lang=en").text
