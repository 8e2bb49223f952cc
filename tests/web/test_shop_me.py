"""A person's own page: what it shows to whom, and all the ways in which it must not."""

from __future__ import annotations

import re

import pytest

import fairday
from fairday.kernel import jsons
from fairday.kernel.clock import ManualClock
from fairday.people import privacy
from fairday.people.consent import consent_of
from fairday.people.identity import person_of
from fairday.people.proof import vouched
from fairday.reach import outbox, service
from fairday.reach.smtp import compose
from fairday.storage.log import Happening
from fairday.web.signing import sign
from webdesk import Client

SECRETS = re.compile(r"Li [01]|li0@example\.com|(?<![\w-])u[01](?![\w-])")
"""What belongs to the people of the full shop and to no page of anybody else; a random id may hold the letters."""


def mailed(shop: fairday.Shop) -> list[str]:
    """The links of the mails that people asked for, as paths, the latest last."""
    with shop.db.read() as conn:
        rows = outbox.page(conn, scene=outbox.SERVICE)
    return [m[0] for r in reversed(rows) if (m := re.search(r"/me/confirm/[\w.\-]+", r.text))]


def prove(client: Client, email: str) -> None:
    client.post("/me/link", {"email": email})
    assert client.post(mailed(client.shop)[-1]).headers["location"] == "/me"


def told(shop: fairday.Shop, source: str, *ids: tuple[str, str], name: str = "", **properties: object) -> None:
    n = shop.clock.now() + told.__dict__.setdefault("n", 0)
    told.__dict__["n"] += 1
    kind = "track" if name else "identify"
    row = Happening(message_id=f"told-{n}", kind=kind, name=name, at=n, received=n, source=source, ids=ids,
                    body={"properties": properties})  # fmt: skip
    shop.append([row]).result()
    shop.catch_up()


def test_a_stranger_sees_that_nothing_is_known(full_lite: fairday.Shop) -> None:
    page = Client(full_lite).get("/me?lang=en")
    assert "We do not know you" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert not SECRETS.search(page.text)


def test_a_passed_on_mail_shows_exports_and_erases_nothing(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    client.get("/?m=token-0")
    page = client.get("/me?lang=en").text
    assert "Welcome back" in page
    assert not SECRETS.search(page)
    assert client.get("/me/export.json").status_code == 403
    assert client.post("/me/erase", {"sure": "yes"}).status_code == 403
    assert client.post("/me/phone").status_code == 403
    assert client.post("/me/consent", {"channel": "email", "purpose": "marketing", "on": "yes"}).status_code == 403
    assert full_lite.person("email:li0@example.com")
    # ... but refusing mails is anybody's who holds the mail, as its unsubscribe link is.
    assert client.post("/me/consent", {"channel": "email", "purpose": "marketing", "on": "no"}).status_code == 303
    with full_lite.db.read() as conn:
        consent = consent_of(conn, full_lite.person("email:li0@example.com"), "email")
    assert consent is not None
    assert not consent.given


def test_a_fresh_link_opens_the_record_once_and_for_half_an_hour(full: fairday.Shop, clock: ManualClock) -> None:
    client = Client(full)
    answer = client.post("/me/link", {"email": " LI0@example.com"})
    link = mailed(full)[-1]
    unknown = Client(full).post("/me/link", {"email": "nobody@example.com"})
    assert (answer.status_code, answer.headers["location"]) == (unknown.status_code, unknown.headers["location"])
    assert len(mailed(full)) == 2, "who is not known yet gets the same mail"
    for _ in range(3):
        assert client.get(link).status_code == 200, "a scanner opens it and uses nothing up"
    assert client.post(link).status_code == 303
    page = client.get("/me?lang=en").text
    for text in ("Your own page", "Li 0", "u0", "li0@example.com", "orders", "Spring tea"):
        assert text in page, text
    other = Client(full)
    assert other.post(link).status_code == 404, "it works once"
    record = jsons.loads(client.get("/me/export.json").content)
    assert {i["value"] for i in record["ids"]} == {"u0", "li0@example.com"}
    assert record["happenings"]
    clock.at += 31 * 60_000
    assert client.get("/me/export.json").status_code == 403
    assert "Welcome back" in client.get("/me?lang=en").text
    late = Client(full)
    late.post("/me/link", {"email": "li1@example.com"})
    clock.at += 31 * 60_000
    assert late.post(mailed(full)[-1]).status_code == 404


def test_a_link_proves_its_own_address_and_no_other(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    prove(client, "li1@example.com")
    record = jsons.loads(client.get("/me/export.json").content)
    assert {i["value"] for i in record["ids"]} == {"u1", "li1@example.com"}
    assert "li0@" not in client.get("/me").text


def test_forged_and_borrowed_proofs_open_nothing(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    key, now = client.app.state.front.secret, full_lite.clock.now()
    client.get("/?m=token-0")
    visitor = client.cookies["fairday_visitor"]
    own = sign(key, "own|email:li0@example.com", now + 9_999)
    feed = sign(key, "feed|0|0||email:li0@example.com", now + 9_999)
    for proof in (
        visitor,
        own,
        feed,
        "email:li0@example.com",
        "proof|email:li0@example.com",
        visitor[:-1] + "0",
        "é",
        ".",
    ):
        client.cookies["fairday_proof"] = proof
        client.app.state.front.heavy._left.clear()
        if proof.isascii():
            assert client.get("/me/export.json").status_code == 403, proof
            assert not SECRETS.search(client.get("/me").text)
    client.app.state.front.heavy._left.clear()
    proof = sign(key, "proof|email:li0@example.com", now - 1)
    client.cookies["fairday_proof"] = proof
    assert client.get("/me/export.json").status_code == 403, "it is over"
    client.cookies["fairday_proof"] = sign(b"another", "proof|email:li0@example.com", now + 9_999)
    assert client.get("/me/export.json").status_code == 403
    go = sign(key, "go|x|email:li0@example.com", now + 9_999)
    assert client.post(f"/me/confirm/{go}").status_code == 404, "made for something else"
    assert client.post(f"/go/{sign(key, 'confirm|x|li0@example.com', now + 9_999)}").status_code == 404
    for bad in ("x", "x" * 5000, "%00", "..%2f..", "é"):
        assert client.get(f"/me/confirm/{bad}").status_code == 404
        assert client.get(f"/go/{bad}").status_code == 404


def test_an_anonymous_browser_sees_takes_and_erases_its_own_record_only(full: fairday.Shop) -> None:
    client, other = Client(full), Client(full)
    for one, query in ((client, "tea 3"), (other, "tea 5")):
        one.post("/consent", {"answer": "yes"})
        one.get(f"/search?q={query}")
    full.append([]).result()
    full.catch_up()
    mine = jsons.loads(client.get("/me/export.json").content)
    assert [h["properties"]["query"] for h in mine["happenings"]] == ["tea 3"]
    assert "tea 5" not in str(mine)
    assert client.post("/me/erase", {}).status_code == 422
    id_ = client.cookies["fairday_id"]
    gone = client.post("/me/erase", {"sure": "yes"})
    assert gone.status_code == 303
    assert "fairday_visitor" not in client.cookies
    with full.db.read() as conn:
        assert person_of(conn, "anonymous_id", id_) is None
        assert person_of(conn, "anonymous_id", other.cookies["fairday_id"]) is not None
        assert person_of(conn, "email", "li0@example.com") is not None
    assert jsons.loads(other.get("/me/export.json").content)["happenings"]


def test_a_browser_that_claims_another_person_gets_nothing_of_them(full_lite: fairday.Shop) -> None:
    eve = Client(full_lite)
    eve.post("/consent", {"answer": "yes"})
    mine = ("anonymous_id", eve.cookies["fairday_id"])
    told(full_lite, "browser:storefront", mine, ("user_id", "u0"))
    told(full_lite, "browser:storefront", ("user_id", "u0"), ("email", "eve@example.com"))
    assert full_lite.person("email:eve@example.com") == full_lite.person("user_id:u0")
    assert eve.get("/me/export.json").status_code == 403
    prove(eve, "eve@example.com")
    page = eve.get("/me?lang=en").text
    assert "This needs a closer look" in page
    assert not SECRETS.search(page)
    assert eve.get("/me/export.json").status_code == 403
    assert eve.post("/me/erase", {"sure": "yes"}).status_code == 403
    assert full_lite.person("user_id:u0")
    owner = Client(full_lite)
    prove(owner, "li0@example.com")
    assert "This needs a closer look" in owner.get("/me?lang=en").text, (
        "the claim stands in the way until it is cleared"
    )


def test_what_the_shop_itself_tied_together_is_vouched_for(shop: fairday.Shop) -> None:
    mail, member, phone = ("email", "a@example.com"), ("user_id", "a"), ("anonymous_id", "phone-of-a")
    told(shop, "server:till", mail, member)
    told(shop, "server:till", member, phone)
    weak = shop.settings.identity.weak
    with shop.db.read() as conn:
        person = shop.person("user_id:a")
        assert vouched(conn, person, mail)
        assert not vouched(conn, person, ("email", "b@example.com"))
    told(shop, "browser:storefront", member, ("anonymous_id", "somebody"))
    with shop.db.read() as conn:
        assert vouched(conn, person, mail, weak)
        assert not vouched(conn, person, mail)
    told(shop, "browser:storefront", member, ("email", "other@example.com"))
    with shop.db.read() as conn:
        assert not vouched(conn, person, mail, weak)


def test_other_sites_post_nothing_here(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    prove(client, "li0@example.com")
    evil = [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ]
    posts = ("/me/erase", "/me/consent", "/me/link", "/me/phone", "/wishes", "/consent", "/go/x", "/me/confirm/x")
    for path in posts:
        client.app.state.front.posts._left.clear()
        for headers in evil:
            form = {
                "sure": "yes",
                "channel": "email",
                "purpose": "marketing",
                "on": "no",
                "answer": "no",
                "product": "tea-1",
            }
            assert client.post(path, form | {"keep": "yes"}, headers=headers).status_code == 403, (path, headers)
            assert client.get("/me/erase").status_code in (404, 405)
    assert full_lite.person("email:li0@example.com")


def test_consent_is_switched_on_and_off_by_channel(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    prove(client, "li0@example.com")
    person = full_lite.person("email:li0@example.com")

    def stands(channel: str) -> bool | None:
        with full_lite.db.read() as conn:
            found = consent_of(conn, person, channel)
        return None if found is None else found.given

    assert stands("email") is True
    for on, is_ in (("no", False), ("yes", True)):
        assert client.post("/me/consent", {"channel": "email", "purpose": "marketing", "on": on}).status_code == 303
        full_lite.clock.at += 1_000  # type: ignore[attr-defined]
        full_lite.catch_up()
        assert stands("email") is is_
    for channel, purpose in (("sms", "marketing"), ("email", "selling"), ("x" * 500, "y"), ("*", "marketing")):
        assert client.post("/me/consent", {"channel": channel, "purpose": purpose, "on": "yes"}).status_code == 403


def test_who_proved_an_address_can_erase_themselves(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    prove(client, "li0@example.com")
    assert client.post("/me/erase", {"sure": "yes"}).status_code == 303
    with full_lite.db.read() as conn:
        assert person_of(conn, "user_id", "u0") is None
        assert person_of(conn, "user_id", "u1") is not None
    assert "All of it is erased." in client.get("/me?sent=erased&lang=en").text
    assert client.get("/me/export.json").status_code == 403


def test_mails_to_an_address_are_few_and_hold_no_marketing(full_lite: fairday.Shop) -> None:
    for n in range(5):
        client = Client(full_lite)
        client.app.state.front.heavy._left.clear()
        client.post("/me/link", {"email": "li0@example.com"})
        assert len(mailed(full_lite)) == min(n + 1, 3)
    client.get("/?m=" + "x")
    with full_lite.db.read() as conn:
        row = next(r for r in outbox.page(conn, scene=outbox.SERVICE))
        sent = outbox.lately(conn, [row.identifier], 0)
    assert all(s.scene != outbox.SERVICE for found in sent.values() for s in found), "it takes no marketing's place"
    mail = compose(row, "shop@example.com", "https://shop.example")
    assert mail["List-Unsubscribe"] is None
    for path in (f"/?m={row.token}", f"/unsubscribe/{row.token}"):
        stranger = Client(full_lite)
        stranger.get(path)
        assert stranger.get("/me/export.json").status_code == 403
    flood = [Client(full_lite)] * 9
    assert 429 in [c.post("/me/link", {"email": "li1@example.com"}).status_code for c in flood]


def rows(shop: fairday.Shop, address: str = "") -> list[outbox.Message]:
    with shop.db.read() as conn:
        return [r for r in outbox.page(conn, scene=outbox.SERVICE) if r.address == address]


def test_somebody_new_signs_in_by_the_link_and_is_nobody_before(full_lite: fairday.Shop) -> None:
    client, new = Client(full_lite), "new@example.org"
    assert client.post("/me/link", {"email": " New@Example.org "}).headers["location"] == "/me?sent=link"
    link = mailed(full_lite)[-1]
    assert client.get(link).status_code == 200
    with full_lite.db.read() as conn:
        assert person_of(conn, "email", new) is None, "asking and looking make nobody"
    assert rows(full_lite, new)[0].identifier < 0
    assert client.post(link).headers["location"] == "/me"
    with full_lite.db.read() as conn:
        person = person_of(conn, "email", new)
    assert person is not None
    assert rows(full_lite, new)[0].person == person, "the mails of before are theirs now"
    assert "Your own page" in client.get("/me?lang=en").text
    record = jsons.loads(client.get("/me/export.json").content)
    assert {i["value"] for i in record["ids"]} == {new}
    assert Client(full_lite).post(link).status_code == 404, "it works once"
    assert client.post("/me/erase", {"sure": "yes"}).status_code == 303
    assert rows(full_lite, new) == []
    assert Client(full_lite).post(link).status_code == 404, "an old link brings nobody back"
    again = Client(full_lite)
    prove(again, new)  # by their own wish they may come back at once
    assert "Your own page" in again.get("/me?lang=en").text


def test_who_signs_in_is_led_back_to_where_they_came_from_and_nowhere_else(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    assert 'name="to" value="/company/join/acme.Xy-_1"' in client.get("/me?to=/company/join/acme.Xy-_1").text
    answer = client.post("/me/link", {"email": "new@example.org", "to": "/company/join/acme.Xy-_1"})
    assert answer.headers["location"] == "/me?sent=link&to=/company/join/acme.Xy-_1"
    assert client.post(mailed(full_lite)[-1]).headers["location"] == "/company/join/acme.Xy-_1"
    key, now = client.app.state.front.secret, full_lite.clock.now()
    for n, evil in enumerate(("//evil.example", "/\\evil.example", "https://evil.example", "/me//evil", "/me/../go/x",
                              "/sell?x=1", "/console", "/sell\n", "/sell|x", "/me/.x", "javascript:x")):  # fmt: skip
        assert 'name="to"' not in client.get("/me", params={"to": evil}).text, evil
        client.app.state.front.heavy._left.clear()
        Client(full_lite).post("/me/link", {"email": f"new{n}@example.org", "to": evil})
        assert Client(full_lite).post(mailed(full_lite)[-1]).headers["location"] == "/me", evil
    token = sign(key, "confirm|x //evil.example|li0@example.com", now + 9_999)
    assert Client(full_lite).post(f"/me/confirm/{token}").headers["location"] == "/me"


def test_the_form_bombs_no_strangers(
    full_lite: fairday.Shop, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(email: str) -> None:
        client = Client(full_lite)
        front = client.app.state.front
        front.heavy._left.clear()
        front.strangers = strangers_
        assert client.post("/me/link", {"email": email}).headers["location"] == "/me?sent=link"

    strangers_ = Client(full_lite).app.state.front.strangers
    for n in range(5):
        ask("one@example.org")
        assert len(rows(full_lite, "one@example.org")) == min(n + 1, 3), "an address gets as few as one that is known"
    for n in range(12):
        ask(f"many{n}@example.org")
    assert len(mailed(full_lite)) == 3 + 7, "a device asks for twelve strangers an hour"
    ask("li0@example.com")
    assert len(rows(full_lite, "li0@example.com")) == 1, "who is known is not kept waiting by that"
    strangers_._left.clear()
    monkeypatch.setattr(service, "STRANGERS_AN_HOUR", 11)
    for n in range(3):
        ask(f"more{n}@example.org")
    assert len(mailed(full_lite)) == 3 + 7 + 1 + 1, "and all devices for so many"
    clock.at += 25 * 3_600_000
    assert full_lite.forget_strangers() == 11
    assert [r.address for r in rows(full_lite, "li0@example.com")] == ["li0@example.com"]


def test_a_stranger_s_address_is_not_kept_where_the_mail_went_out_and_an_erasure_finds_the_row(
    full_lite: fairday.Shop,
) -> None:
    wire, email = Wire(), "late@example.org"
    for transport in (wire, None):
        service.send(full_lite.db, transport, full_lite.clock, identifier=None, person=None, address=email,
                     language="en", subject="s", html="<p>x</p>", text="x")  # fmt: skip
    assert wire.sent[0].address == email
    assert len(rows(full_lite, "")) == len(rows(full_lite, email)) == 1
    told(full_lite, "shop", ("email", email))  # met without opening the link: they bought as a guest
    privacy.erase(full_lite, f"email:{email}")
    assert rows(full_lite, "") == rows(full_lite, email) == []


class Wire:
    """A transport that keeps what it is handed."""

    def __init__(self) -> None:
        self.sent: list[outbox.Message] = []

    def send(self, batch):  # type: ignore[no-untyped-def]
        self.sent += batch
        return [(m.id, "sent", "smtp") for m in batch]


def test_where_a_link_goes_out_its_text_is_not_kept(full_lite: fairday.Shop) -> None:
    wire = Wire()
    db, now = full_lite.db, full_lite.clock
    status = service.send(db, wire, now, identifier=1, person=1, address="li@example.com", language="en",
                          subject="Your page", html="<p>secret</p>", text="secret")  # fmt: skip
    assert (status, wire.sent[0].text, wire.sent[0].html) == ("sent", "secret", "<p>secret</p>")
    with full_lite.db.read() as conn:
        row = outbox.page(conn, scene=outbox.SERVICE)[0]
        assert (row.status, row.text, row.html) == ("sent", "", "")


def test_the_wish_list_and_the_visit_go_on_on_the_phone(full: fairday.Shop, clock: ManualClock) -> None:
    pytest.importorskip("segno")
    desk, phone = Client(full), Client(full)
    assert desk.post("/wishes", {"product": "tea-3", "keep": "yes"}).headers["location"] == "/me?ask=wish"
    assert "To keep a wish list" in desk.get("/me?ask=wish&lang=en").text
    desk.post("/consent", {"answer": "yes"})
    assert desk.post("/wishes", {"product": "tea-3", "keep": "yes"}).headers["location"] == "/wishes"
    assert desk.post("/wishes", {"product": "none", "keep": "yes"}).status_code == 404
    assert desk.post("/wishes", {"product": "tea-3", "keep": "?"}).status_code == 422
    assert "/goods/tea-3" in desk.get("/wishes").text
    assert "Take off the list" in desk.get("/goods/tea-3?lang=en").text
    desk.get("/search?q=tea 5")
    desk.get("/feed")
    page = desk.post("/me/phone")
    assert '<svg class="qr"' in page.text
    link = re.search(r"/go/[\w.\-]+", page.text)
    assert link
    assert phone.get(link[0]).status_code == 200
    assert phone.post(link[0]).status_code == 303
    assert Client(full).post(link[0]).status_code == 404, "it works once"
    full.append([]).result()
    full.catch_up()
    home = phone.get("/?lang=en").text
    assert "Go on where" not in desk.get("/?lang=en").text, "they are there"
    for text in ("Go on where you left off", "Search for “tea 5”", "1 wish", "/feed?at="):
        assert text in home, text
    assert "/goods/tea-3" in phone.get("/wishes").text
    place = re.search(r'href="(/feed\?at=[^"]+)"', home)
    assert place
    assert "You have seen all there is." in phone.get(place[1] + "&lang=en").text, "all twelve were seen at the desk"
    clock.at += 30 * 60_000
    assert "Go on where" in desk.get("/?lang=en").text, "another visit"
    phone.post("/wishes", {"product": "tea-3", "keep": "no"})
    assert "/goods/tea-3" not in desk.get("/wishes").text
    assert "Go on where" not in Client(full).get("/?lang=en").text
    late = re.search(r"/go/[\w.\-]+", desk.post("/me/phone").text)
    assert late
    clock.at += 6 * 60_000
    assert phone.post(late[0]).status_code == 404, "it is over after five minutes"


def test_a_passed_on_mail_shows_no_wishes_and_no_trail(full_lite: fairday.Shop, clock: ManualClock) -> None:
    person = full_lite.person("email:li0@example.com")
    told(full_lite, "server:till", ("user_id", "u0"), name="Products Searched", query="something private")
    told(full_lite, "server:till", ("user_id", "u0"), name="Product Added to Wishlist", product_id="tea-7")
    told(full_lite, "server:till", ("user_id", "u0"), name="Product Viewed", product_id="tea-9")
    clock.at += 30 * 60_000
    client = Client(full_lite)
    client.get("/?m=token-0")
    assert "something private" not in client.get("/").text
    assert "/goods/tea-7" not in client.get("/wishes").text
    assert "Seen lately" not in client.get("/goods/tea-1?lang=en").text
    prove(client, "li0@example.com")
    assert "something private" in client.get("/").text
    assert "/goods/tea-7" in client.get("/wishes").text
    assert "Seen lately" in client.get("/goods/tea-1?lang=en").text
    assert person == full_lite.person("email:li0@example.com")


def test_goods_pages_lead_on(full_lite: fairday.Shop) -> None:
    page = Client(full_lite).get("/goods/tea-2?lang=en").text
    assert "More like this" in page
    assert "Goes well with it" in page
    assert '<nav class="crumbs"' in page
    assert page.count('href="/goods/tea-2"') == 0


def test_what_a_recognised_shopper_sees_is_told_of_them_once(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    prove(client, "li0@example.com")
    client.get("/goods/tea-9")  # not before they agreed
    client.post("/consent", {"answer": "yes"})
    page = client.get("/goods/tea-8").text
    client.get("/goods/tea-8")
    assert "data-track" not in page, "the script would tell it of its browser as well"
    full_lite.append([]).result()
    full_lite.catch_up()
    record = jsons.loads(client.get("/me/export.json").content)
    seen = [h for h in record["happenings"] if h["source"] == "fairday" and h["name"] == "Product Viewed"]
    assert [h["properties"]["product_id"] for h in seen] == ["tea-8"]
    assert "Seen lately" in client.get("/goods/tea-1?lang=en").text


def test_who_agreed_to_be_remembered_can_still_sign_in(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    client.post("/consent", {"answer": "yes"})
    page = client.get("/me?lang=en").text
    assert "Your own page" in page
    assert 'action="/me/link"' in page
    prove(client, "li0@example.com")
    assert 'action="/me/link"' not in client.get("/me?lang=en").text
