from __future__ import annotations

import re
import time
from statistics import median

import pytest

import fairday
from fairday import operators
from fairday.web.app import create
from fairday.web.auth import safe_next
from webdesk import PASSWORD, Client, walk


def routes(client: Client) -> list[tuple[str, str]]:
    """Every console route behind the gate, with numbers and names filled in."""
    found = []
    for route in walk(client.app):
        if route.path.startswith("/console") and route.path != "/console/sign-in":
            path = re.sub(r"\{[^}]+\}", "1", route.path)
            found += [(method, path) for method in sorted(route.methods or ()) if method != "HEAD"]
    return found


def test_the_gate_is_walked_for_every_route_and_role(shop: fairday.Shop) -> None:
    owner, analyst, nobody = Client(shop).sign_in("owner"), Client(shop).sign_in("analyst"), Client(shop)
    walked = routes(owner)
    assert len(walked) >= 10, walked
    for method, path in walked:
        if path in ("/console/sign-out",):
            continue
        if method == "GET":
            answer = nobody.get(path)
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/console/sign-in"), path
            assert owner.get(path).status_code in (200, 303, 404, 422), (path, owner.get(path).text[:300])
        else:
            assert nobody.post(path).status_code == 403, path
            for client in (owner, analyst):
                assert client.request(method, path, data={}).status_code == 403, ("without CSRF", path)
                assert client.request(method, path, data={"csrf": nobody.csrf or "0" * 64}).status_code == 403, path


def test_a_post_from_another_site_is_refused_even_with_a_token(lite: fairday.Shop) -> None:
    owner = Client(lite).sign_in()
    for origin in ("https://evil.example", "null", "http://127.0.0.1:8000.evil.example"):
        assert owner.post("/console/sign-out", headers={"Origin": origin}).status_code == 403
    assert owner.post("/console/sign-out", headers={"Origin": "http://127.0.0.1:8000"}).status_code == 303


def test_a_token_of_another_session_is_refused(lite: fairday.Shop) -> None:
    owner, other = Client(lite).sign_in(), Client(lite).sign_in("owner", "b@example.com")
    assert owner.request("POST", "/console/settings", data={"csrf": other.csrf}).status_code == 403


def test_nothing_opens_before_the_one_time_password_is_changed(shop: fairday.Shop) -> None:
    client = Client(shop)
    once = operators.create(shop.db, "li@example.com", "owner", shop.clock.now())
    client.get("/console/sign-in")
    client.post("/console/sign-in", {"email": "li@example.com", "password": once})
    for method, path in routes(client):
        if path not in ("/console/password", "/console/sign-out"):
            client.get("/console/password")
            answer = client.get(path) if method == "GET" else client.post(path)
            assert answer.headers.get("location") == "/console/password", path
    assert client.post("/console/password", {"old": once, "new": PASSWORD, "again": "another"}).status_code == 422
    assert client.post("/console/password", {"old": once, "new": PASSWORD, "again": PASSWORD}).status_code == 303
    assert client.get("/console").status_code == 200


def test_signing_out_ends_the_session_on_the_server(shop: fairday.Shop) -> None:
    owner = Client(shop).sign_in()
    kept = dict(owner.cookies)
    assert owner.post("/console/sign-out").status_code == 303
    owner.cookies = kept
    assert owner.get("/console").headers["location"] == "/console/sign-in"


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(lite: fairday.Shop) -> None:
    client = Client(lite)
    once = operators.create(lite.db, "li@example.com", "owner", lite.clock.now())
    client.get("/console/sign-in")
    answer = client.post("/console/sign-in", {"email": "li@example.com", "password": once})
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("fairday_session"))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie, "plain http on this machine"
    encrypted = client.request("GET", "https://127.0.0.1:8000/console/sign-in")
    assert all("Secure" in c for c in encrypted.headers.get_list("set-cookie") if "door" in c)
    assert "max-age" in encrypted.headers["strict-transport-security"]


def test_too_many_guesses_are_told_to_wait(lite: fairday.Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "LIMITS", {"pair": 2, "address": 40, "account": 120})
    client = Client(lite)
    client.get("/console/sign-in")
    for _ in range(operators.LIMITS["pair"]):
        assert client.post("/console/sign-in", {"email": "a@b.cn", "password": "x"}).status_code == 401
    answer = client.post("/console/sign-in", {"email": "a@b.cn", "password": "x"})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 900


def test_an_unknown_account_takes_as_long_as_a_known_one(lite: fairday.Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "LIMITS", {"pair": 99, "address": 99, "account": 99})
    operators.create(lite.db, "li@example.com", "owner", lite.clock.now())
    took: dict[str, list[float]] = {"li@example.com": [], "no@example.com": []}
    for _ in range(5):
        for email, times in took.items():
            began = time.perf_counter()
            with pytest.raises(operators.FairdayError):
                operators.sign_in(lite.db, email, "guess", "1.1.1.1", lite.clock.now())
            times.append(time.perf_counter() - began)
    known, unknown = median(took["li@example.com"]), median(took["no@example.com"])
    assert 0.4 < unknown / known < 2.5


@pytest.mark.parametrize(
    "path",
    ["https://evil.example", "//evil.example", "/console//evil.example", "/consolex", "/console/../x", "\\\\evil",
     "/console\\@evil", "/console?x=\r\nSet-Cookie:a=b", "/", "", None, "javascript:alert(1)"],
)  # fmt: skip
def test_after_signing_in_nobody_is_sent_elsewhere(path: str | None) -> None:
    assert safe_next(path) == "/console"


def test_after_signing_in_one_gets_where_one_was_going(lite: fairday.Shop) -> None:
    assert safe_next("/console/people/7?tab=ids") == "/console/people/7?tab=ids"
    client = Client(lite)
    assert client.get("/console/data?name=A").headers["location"] == "/console/sign-in?next=/console/data?name=A"


def test_pages_carry_headers_that_hold_scripts_frames_and_sniffing_off(lite: fairday.Shop) -> None:
    client = Client(lite)
    for path in ("/console/sign-in", "/nowhere", "/static/console.css"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe-inline" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert client.get("/console/sign-in").headers["cache-control"] == "no-store"


def test_no_page_carries_script_or_style_of_its_own(lite: fairday.Shop) -> None:
    owner = Client(lite).sign_in()
    for method, path in routes(owner):
        if method == "GET":
            answer = owner.get(path)
            if answer.headers.get("content-disposition", "").startswith("attachment"):
                continue  # a file to keep stands alone
            html = answer.text
            assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style", html), path


def test_the_console_answers_only_to_names_it_knows(lite: fairday.Shop) -> None:
    client = Client(lite)
    for host, status in {"evil.example": 421, "evil.example:8000": 421, "192.168.1.4:8000": 200, "[::1]:8000": 200,
                         "localhost": 200, "": 421, "127.0.0.1.evil.example": 421}.items():  # fmt: skip
        assert client.get("/console/sign-in", headers={"Host": host}).status_code == status, host
    lite.change_settings(public_url="https://lite.example")
    assert client.get("/console/sign-in", headers={"Host": "lite.example"}).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd", "/console/%2e%2e/x",
     "/static/%00"],
)  # fmt: skip
def test_files_outside_the_folder_stay_there(lite: fairday.Shop, path: str) -> None:
    answer = Client(lite).get(path)
    assert answer.status_code in (404, 405)
    assert "fastapi" not in answer.text


def test_too_large_a_form_is_refused_while_it_arrives(lite: fairday.Shop) -> None:
    client = Client(lite)
    client.get("/console/sign-in")
    answer = client.request("POST", "/console/sign-in", content=b"email=" + b"a" * 1_200_000,
                            headers={"content-type": "application/x-www-form-urlencoded"})  # fmt: skip
    assert answer.status_code == 413


def test_a_failure_inside_is_a_page_without_its_insides(lite: fairday.Shop) -> None:
    client = Client(lite)

    @client.app.get("/breaks")
    def breaks() -> None:
        raise RuntimeError("the secret reason")

    answer = client.get("/breaks", headers={"Accept-Language": "es"})
    assert answer.status_code == 500
    assert "Algo falló" in answer.text
    assert "secret reason" not in answer.text
    as_json = client.get("/nowhere", headers={"Accept": "application/json"})
    assert (as_json.status_code, set(as_json.json())) == (404, {"error", "message"})


def test_a_merchant_who_types_a_template_sees_it_typed(lite: fairday.Shop) -> None:
    owner = Client(lite).sign_in()
    given = {"name": "{{7*7}}<script>", "zone": "Asia/Shanghai", "currency": "cny", "language": "en",
             "public_url": "http://127.0.0.1:8000/"}  # fmt: skip
    assert owner.post("/console/settings", given).status_code == 303
    html = owner.get("/console").text
    assert "{{7*7}}&lt;script&gt;" in html
    assert lite.settings.currency == "CNY"
    assert lite.settings.public_url == "http://127.0.0.1:8000"


def test_settings_that_are_not_sent_stay_as_they_were(lite: fairday.Shop) -> None:
    owner = Client(lite).sign_in()
    lite.change_settings(bank="Bank of Tea, 6222", seller="Tea Ltd")
    assert owner.post("/console/settings", {"name": "Tea"}).status_code == 303
    assert (lite.settings.name, lite.settings.bank, lite.settings.seller) == ("Tea", "Bank of Tea, 6222", "Tea Ltd")
    assert owner.post("/console/settings", {"name": "Tea", "bank": ""}).status_code == 303
    assert (lite.settings.bank, lite.settings.seller) == ("", "Tea Ltd"), "sent empty, it is emptied"


@pytest.mark.parametrize(
    ("name", "value"),
    [("zone", "Mars/Base"), ("currency", "YUAN"), ("language", "fr"), ("public_url", "javascript:x"), ("name", " "),
     ("name", "x" * 201), ("name", "a\x00b")],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_refused(lite: fairday.Shop, name: str, value: str) -> None:
    owner = Client(lite).sign_in()
    good = {"name": "S", "zone": "Asia/Shanghai", "currency": "CNY", "language": "zh", "public_url": "http://x.cn"}
    before = lite.settings
    answer = owner.post("/console/settings", good | {name: value})
    assert answer.status_code == 422
    assert lite.settings == before


def test_owners_add_reset_and_close_accounts(shop: fairday.Shop) -> None:
    owner = Client(shop).sign_in()
    html = owner.post("/console/settings/operators", {"email": "new@example.com", "role": "analyst"}).text
    once = re.search(r"<b>([a-z2-9-]{24})</b>", html)
    assert once
    new = Client(shop)
    new.get("/console/sign-in")
    assert new.post("/console/sign-in", {"email": "new@example.com", "password": once[1]}).status_code == 303
    assert owner.post("/console/settings/operators", {"email": "new@example.com", "role": "owner"}).status_code == 422
    assert owner.post("/console/settings/operators", {"email": "x@example.com", "role": "boss"}).status_code == 422
    assert owner.post("/console/settings/operators/2/reset").status_code == 200
    assert new.get("/console").headers["location"] == "/console/sign-in"
    assert owner.post("/console/settings/operators/99/reset").status_code == 404
    assert owner.post("/console/settings/operators/1", {"role": "analyst", "active": "yes"}).status_code == 409


def test_the_app_opens_with_no_documents_of_its_own(lite: fairday.Shop) -> None:
    assert create(lite).openapi_url is None
    assert Client(lite).get("/docs").status_code == 404


def test_what_nobody_types_breaks_no_page_of_the_console(shop: fairday.Shop) -> None:
    client = Client(shop).sign_in()
    far = "9" * 30
    for path in (
        f"mailbox/{far}",
        f"mailbox/{far}/view",
        f"people/{far}",
        f"people/{far}/export.json",
        "scenes/%00",
        "data?name=%00",
        "people?q=%00",
        f"people?before={far}",
        "audiences/%00",
        f"mailbox?before={far}",
    ):
        assert client.get(f"/console/{path}").status_code < 500, path
    assert client.post(f"/console/settings/operators/{far}", {"role": "owner", "active": "yes"}).status_code < 500
    assert client.get("/console", headers={"host": "["}).status_code == 421
    assert client.post("/console/sign-out", headers={"origin": "http://["}).status_code == 403
    for bad in ("http://[", "http://a b", "http://x\nBcc: y", "http://u@x", "ftp://x", "http://"):
        form = {"name": "S", "zone": "UTC", "currency": "CNY", "language": "en", "public_url": bad}
        assert client.post("/console/settings", form).status_code == 422, bad
    guest = Client(shop)
    guest.get("/console/sign-in")
    assert guest.post("/console/sign-in", {"email": "a\0@b.c", "password": "\0"}).status_code == 401
