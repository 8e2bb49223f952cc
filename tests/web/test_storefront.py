from __future__ import annotations

import re

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import ManualClock
from fairday.people.consent import consent_of
from fairday.people.identity import person_of
from fairday.storage.log import Happening, happenings
from fairday.web import signing
from fairday.web.guard import Bucket
from fairday.web.signing import signed
from fairday.web.storefront import LINK_MS
from webdesk import Client


def exposures(shop: fairday.Shop) -> list[tuple[str, str]]:
    """Meetings on pages in the log, those withheld for the holdout included."""
    shop.append([]).result()  # what was queued before it is written by then
    with shop.db.read() as conn:
        rows = conn.execute(happenings.select().where(happenings.c.name.like("Scene %"))).mappings().all()
    return [(r["name"], r["ids"]) for r in rows if '"touchpoint":"page"' in r["body"]]


def test_home_is_small_whole_without_script_and_has_the_scenes_floors(full: fairday.Shop) -> None:
    answer = Client(full).get("/?lang=en")
    assert answer.status_code == 200
    assert len(answer.content) < 30_000
    for text in ("Spring tea", "Fresh tea", "For your family", "/goods/tea-"):
        assert text in answer.text
    assert exposures(full) == [], "a stranger is not written down"
    assert "fairday_visitor" not in answer.headers.get("set-cookie", "")


def test_a_shop_without_goods_says_so_kindly(lite: fairday.Shop) -> None:
    answer = Client(lite).get("/?lang=es")
    assert "Abrimos pronto" in answer.text


def test_goods_have_a_page_that_reports_the_view(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    page = client.get("/goods/tea-3?lang=en")
    assert page.status_code == 200
    assert 'data-track="Product Viewed"' in page.text
    assert "&#34;product_id&#34;" in page.text or "&quot;product_id&quot;" in page.text
    assert "CN¥68.00" in page.text
    for bad in ("/goods/none", "/goods/", "/goods/" + "x" * 300, "/goods/%00"):
        assert client.get(bad).status_code == 404, bad


def test_a_link_of_a_mail_recognises_its_reader_and_takes_the_token_out_of_the_address(full: fairday.Shop) -> None:
    client = Client(full)
    answer = client.get("/goods/tea-1?m=token-0")
    assert (answer.status_code, answer.headers["location"]) == (303, "/goods/tea-1")
    assert "fairday_visitor" in client.cookies
    client.get("/")
    found = exposures(full)
    assert found
    assert all("li0@example.com" in ids for _, ids in found)
    assert client.get("/").status_code == 200
    assert exposures(full) == found, "the same day counts once"


def test_an_old_or_made_up_link_recognises_nobody(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    assert client.get("/?m=made-up").status_code == 303
    assert "fairday_visitor" not in client.cookies
    full_lite.clock.move(31 * 86_400_000)  # type: ignore[attr-defined]
    client.get("/?m=token-0")
    assert "fairday_visitor" not in client.cookies


FORGED = ["email:li1@example.com", "x.y", "", "ZW1haWw6bGkxQGV4YW1wbGUuY29t.0", "." * 40, "a" * 3000, "é.é"]


def test_a_forged_cookie_is_nobody(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    client.get("/?m=token-0")
    good = client.cookies["fairday_visitor"]
    key, now = signing.secret_of(full_lite), full_lite.clock.now()
    changed = good[:-1] + ("0" if good[-1] != "0" else "1")
    for value in (*FORGED, changed, good.split(".")[0] + "."):
        assert signing.signed(key, value, now) is None, value
    assert signing.signed(key, good, now) == "email:li0@example.com"
    assert signing.signed(key, good, now + 400 * 86_400_000) is None, "it has an end"
    assert signing.signed(b"another shop's key", good, now) is None


def test_no_id_in_an_address_or_an_unsigned_cookie_is_believed(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    client.cookies["fairday_id"] = "u1"
    client.get("/?user_id=u1&email=li1@example.com")
    assert exposures(full_lite) == []


def test_the_banner_works_without_script_and_no_means_no(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    assert 'class="banner"' in client.get("/").text
    assert client.post("/consent", {"answer": "yes"}).headers["location"] == "/"
    assert {"fairday_visitor", "fairday_id"} <= set(client.cookies)
    assert signing.signed(signing.secret_of(full_lite), client.cookies["fairday_visitor"], full_lite.clock.now()) == (
        f"anonymous_id:{client.cookies['fairday_id']}"
    )
    page = client.get("/").text
    assert 'class="banner"' not in page
    assert 'data-consent="yes"' in page
    client.post("/consent", {"answer": "no"})
    assert "fairday_visitor" not in client.cookies
    assert 'data-consent="no"' in client.get("/").text
    assert client.post("/consent", {"answer": "perhaps"}).status_code == 422
    assert client.post("/consent", {"answer": "yes"}, headers={"Origin": "https://evil.example"}).status_code == 403
    elsewhere = {"Referer": "https://evil.example/x", "Host": "127.0.0.1:8000"}
    assert client.post("/consent", {"answer": "yes"}, headers=elsewhere).headers["location"] == "/"
    slashes = {"Referer": "http://127.0.0.1:8000//evil.example"}
    assert client.post("/consent", {"answer": "yes"}, headers=slashes).headers["location"] == "/evil.example"


def test_opening_the_unsubscribe_link_asks_and_one_click_does_it(full: fairday.Shop) -> None:
    client = Client(full)
    with full.db.read() as conn:
        person = person_of(conn, "email", "li0@example.com")
        assert person is not None
        before = consent_of(conn, person, "email")
    assert before is not None
    assert before.given
    assert client.get("/unsubscribe/token-0?lang=en").status_code == 200, "a scanner opens it"
    full.followers.catch_up()
    with full.db.read() as conn:
        assert consent_of(conn, person, "email") == before
    for _ in range(2):  # as mail programs do it, RFC 8058; twice is once
        answer = client.request("POST", "/unsubscribe/token-0", data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    full.followers.catch_up()
    with full.db.read() as conn:
        after = consent_of(conn, person, "email")
    assert after is not None
    assert not after.given
    assert client.get("/unsubscribe/none").status_code == 404
    assert client.request("POST", "/unsubscribe/none").status_code == 404


def test_a_flood_is_told_when_to_come_back(lite: fairday.Shop) -> None:
    client = Client(lite)
    client.app.state.front.pages = Bucket(5)
    answers = [client.get("/") for _ in range(7)]
    assert [a.status_code for a in answers] == [200] * 5 + [429] * 2
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 13
    bucket = Bucket(60, most=100)
    for n in range(1000):
        assert bucket.take(f"address {n}", n) == 0
    assert len(bucket._left) == 100, "an attacker with many addresses fills no memory"


def test_the_collect_door_and_its_script_stand_beside_the_pages(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    assert "javascript" in client.get("/t.js").headers["content-type"]
    key = re.search(r'data-key="([^"]+)"', client.get("/").text)
    assert key
    event = {"writeKey": key[1], "event": "Product Viewed", "anonymousId": "abcdefgh", "properties": {}}
    assert client.request("POST", "/v1/t", json=event).status_code == 200


def test_what_nobody_types_breaks_no_page(full: fairday.Shop) -> None:
    client = Client(full)
    for path in ("/unsubscribe/%00", "/?m=%00", "/goods/%00", "/goods/x?m=%00", "/unsubscribe/" + "x" * 5000):
        assert client.get(path).status_code == 404 or client.get(path).status_code == 303, path
    bad = {"referer": "http://[", "origin": "http://["}
    assert client.post("/consent", {"answer": "yes"}, headers={"referer": "http://["}).status_code == 303
    assert client.post("/consent", {"answer": "yes"}, headers=bad).status_code == 403


def test_a_picture_whose_address_is_none_takes_no_page_down(full: fairday.Shop) -> None:
    with full.db.write() as conn:
        save_products(conn, [ProductRow(product="tea-0", title="T", image="https://[bad", category="tea")], 1)
    assert Client(full).get("/goods/tea-0").status_code == 200
    assert Client(full).get("/").status_code == 200


def test_who_agreed_again_can_leave_again_by_an_old_mail(full: fairday.Shop, clock: ManualClock) -> None:
    client = Client(full)
    person = full.person("email:li0@example.com")

    def agreed() -> bool | None:
        full.catch_up()
        with full.db.read() as conn:
            found = consent_of(conn, person, "email")
        return None if found is None else found.given

    client.post("/unsubscribe/token-0", {"List-Unsubscribe": "One-Click"})
    assert agreed() is False
    clock.at += 3_600_000
    ids = (("user_id", "u0"), ("email", "li0@example.com"))
    full.append([Happening(message_id="again", kind="track", name="Consent Given", at=clock.at, received=clock.at,
                           source="website", ids=ids, body={"properties": {"channel": "email"}})]).result()  # fmt: skip
    assert agreed() is True
    clock.at += 3_600_000
    client.post("/unsubscribe/token-0", {"List-Unsubscribe": "One-Click"})
    assert agreed() is False


def test_a_mail_that_was_passed_on_recognises_no_longer_than_its_link(full: fairday.Shop, clock: ManualClock) -> None:
    client = Client(full)
    client.get("/?m=token-0")
    kept = client.cookies["fairday_visitor"]
    assert signed(client.app.state.front.secret, kept, clock.now()) == "email:li0@example.com"
    assert signed(client.app.state.front.secret, kept, clock.now() + LINK_MS) is None
    client.get("/?m=token-1")
    assert client.cookies["fairday_visitor"] == kept, "who is known here does not become somebody else"


def test_a_link_recognises_nobody_who_refused_to_be_remembered(full: fairday.Shop) -> None:
    client = Client(full)
    client.post("/consent", {"answer": "no"})
    client.get("/?m=token-0")
    assert "fairday_visitor" not in client.cookies


def test_a_claim_of_a_browser_shows_nobody_elses_taste(shop: fairday.Shop) -> None:
    from fairday.kernel.settings import IdentitySettings
    from fairday.people.identity import claimed, person_of
    from fairday.storage.log import Happening

    def said(n: int, source: str, ids: list[tuple[str, str]], kind: str = "identify") -> Happening:
        return Happening(message_id=f"c{n}", kind=kind, name="", at=n, received=n, source=source, ids=tuple(ids))

    victim, mine, theirs = ("email", "victim@example.com"), ("anonymous_id", "eve"), ("anonymous_id", "ann")
    shop.append(
        [
            said(1, "server:till", [victim]),
            said(2, "browser:web", [mine, victim]),  # anybody can send this
            said(3, "server:till", [("user_id", "ann"), theirs]),
            said(4, "browser:web", [("anonymous_id", "new"), ("device_id", "phone")]),
        ]
    ).result()
    shop.catch_up()
    weak = IdentitySettings().weak
    with shop.db.read() as conn:
        eve, ann, new = (person_of(conn, *i) for i in (mine, theirs, ("anonymous_id", "new")))
        assert eve == person_of(conn, *victim)
        assert (claimed(conn, eve, weak), claimed(conn, ann, weak), claimed(conn, new, weak)) == (True, False, False)
