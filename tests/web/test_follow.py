"""Follow one shopper: the phone has cookies of its own, and the story tells what its steps did."""

from __future__ import annotations

import re

import httpx

import fairday
from fairday.web.following import MARK
from webdesk import Client, hard_coded, serving


def begun(client: Client) -> str:
    client.get("/console/follow")
    answer = client.post("/console/follow")
    assert answer.status_code == 303, answer.text[:500]
    return str(answer.headers["location"]).rsplit("/", 1)[-1]


def agree(client: Client, token: str) -> None:
    # A client that knows no paths of cookies: it sends all, as a browser does below that path.
    answer = client.request("POST", f"/follow/{token}/consent", data={"answer": "yes"},
                            headers={"Referer": f"http://127.0.0.1:8000/follow/{token}/"})  # fmt: skip
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/follow/{token}/"


def test_the_phone_is_a_visitor_of_its_own(full: fairday.Shop) -> None:
    client = Client(full).sign_in("marketer")
    token = begun(client)
    own = client.request("POST", "/consent", data={"answer": "yes"})
    mine = {k: v for k, v in client.cookies.items() if k.startswith("fairday_visitor")}
    assert own.status_code == 303
    assert mine
    agree(client, token)
    assert client.cookies["fairday_visitor"] == mine["fairday_visitor"], "the operator stays who they are"
    assert client.cookies[f"{MARK}fairday_visitor"] != mine["fairday_visitor"]
    html = client.get(f"/follow/{token}/").text
    links = re.findall(r'(?:href|action)="(/[^"]*)"', html)
    assert links
    assert all(at.startswith((f"/follow/{token}/", "/static/")) for at in links), links
    assert f'src="/follow/{token}/t.js"' in html


def test_cookies_stay_below_the_phones_path_and_only_it_may_be_framed(full_lite: fairday.Shop) -> None:
    client = Client(full_lite).sign_in()
    token = begun(client)
    answer = client.request("POST", f"/follow/{token}/consent", data={"answer": "yes"})
    set_ = answer.headers.get_list("set-cookie")
    assert set_
    assert all(c.startswith(MARK) and f"Path=/follow/{token}" in c for c in set_), set_
    framed = client.get(f"/follow/{token}/").headers["content-security-policy"]
    assert "frame-ancestors 'self'" in framed
    assert "frame-ancestors 'none'" in client.get("/").headers["content-security-policy"]
    script = client.get(f"/follow/{token}/t.js").text
    assert f"Path=/follow/{token};" in script
    assert "ff_fairday_id" in script
    for path in ("console", "console/settings", "v1/b", "follow/x/", "static/console.css", "//console"):
        assert client.get(f"/follow/{token}/{path}").status_code == 404, path
    assert client.get("/follow/not-a-token/").status_code == 404


def test_the_story_tells_event_scene_order_and_report(full: fairday.Shop) -> None:
    client = Client(full, pseudo=True).sign_in()
    token = begun(client)
    page = f"/console/follow/{token}"
    assert client.post(f"{page}/order").status_code == 422, "nobody is recognised yet"
    agree(client, token)
    client.get(f"/follow/{token}/")
    full.writer.submit(full.appender, []).result()
    full.followers.catch_up()
    client.get(page)
    assert client.post(f"{page}/order").status_code == 303
    full.followers.catch_up()
    html = client.get(page).text
    assert 'class="order' in html
    assert "TEST-" in html
    assert 'class="up"' in html, "the report's figures moved"
    assert 'class="scene' in html or 'class="held' in html
    assert hard_coded(client.get(f"{page}?lang=xx").text) == []
    with full.db.read() as conn:
        source, body = conn.exec_driver_sql("SELECT source, body FROM happenings WHERE source = 'operator'").one()
    assert source == "operator"
    assert '"test":true' in body
    person = re.search(r"/console/people/(\d+)", html)
    assert person
    watched = client.get(f"/console/follow/person/{person[1]}")
    assert watched.status_code == 200
    assert "<iframe" not in watched.text


def test_a_visitor_arriving_from_a_mail_is_its_reader(full_lite: fairday.Shop) -> None:
    client = Client(full_lite).sign_in()
    html = client.get("/console/follow").text
    mail = re.search(r'name="mail" value="(\d+)"', html)
    assert mail
    answer = client.post("/console/follow", {"mail": mail[1]})
    html = client.get(str(answer.headers["location"])).text
    phone = re.search(r'iframe src="([^"]+)"', html)
    assert phone
    assert "?m=" in phone[1]
    assert client.get(phone[1]).status_code == 303
    assert "example.com" in client.get(str(answer.headers["location"])).text


def test_it_holds_behind_a_real_server(full_lite: fairday.Shop) -> None:
    client = Client(full_lite).sign_in()
    with serving(full_lite) as base:
        with httpx.Client(base_url=base, cookies={"fairday_session": client.cookies["fairday_session"]}) as browser:
            csrf = re.search(r'name="csrf" value="(\w+)"', browser.get("/console/follow").text)
            assert csrf
            at = browser.post("/console/follow", data={"csrf": csrf[1]}).headers["location"]
            token = at.rsplit("/", 1)[-1]
            browser.post(f"/follow/{token}/consent", data={"answer": "yes"})
            assert browser.get(f"/follow/{token}/").status_code == 200
            assert "anonymous_id" in browser.get(at).text
