"""Clicks on links of our mails: one a mail and day, by browsers and not by programs that guard mailboxes."""

from __future__ import annotations

import fairday
from fairday.storage.log import happenings
from fairday.web.clicks import COOKIE, HOLDS_MS
from webdesk import Client


def clicks(shop: fairday.Shop) -> list[tuple[str, str]]:
    shop.append([]).result()  # what was queued before is written then
    with shop.db.read() as conn:
        rows = conn.execute(happenings.select().where(happenings.c.name == "Email Link Clicked")).mappings().all()
    return [(r["ids"], r["body"]) for r in rows]


def test_a_click_counts_when_its_browser_opens_the_page(full: fairday.Shop) -> None:
    client = Client(full)
    client.get("/goods/tea-1?m=token-0")
    assert COOKIE in client.cookies
    assert clicks(full) == [], "a program that looks at the link alone is no reader"
    client.get("/goods/tea-1")
    ((ids, body),) = clicks(full)
    assert "li0@example.com" in ids
    assert '"scene"' in body
    assert COOKIE not in client.cookies
    for _ in range(2):
        client.get("/?m=token-0")
        client.get("/")
    assert len(clicks(full)) == 1, "the same day counts once"
    full.clock.move(86_400_000)  # type: ignore[attr-defined]
    client.get("/?m=token-0")
    client.get("/")
    assert len(clicks(full)) == 2
    full.catch_up()
    with full.db.read() as conn:
        found = conn.exec_driver_sql("SELECT channel, campaign FROM touches ORDER BY pos").all()
    assert [c for c, _ in found].count("email") == 2


def test_a_mail_passed_on_to_another_customer_and_one_who_refused_are_no_click(full_lite: fairday.Shop) -> None:
    other = Client(full_lite)
    other.get("/?m=token-1")
    other.get("/")
    before = len(clicks(full_lite))
    assert before == 1
    other.get("/?m=token-0")
    other.get("/")
    refused = Client(full_lite)
    refused.post("/consent", data={"answer": "no"})
    refused.get("/?m=token-0")
    refused.get("/")
    assert len(clicks(full_lite)) == before


def test_a_forged_or_old_cookie_counts_nothing(full_lite: fairday.Shop) -> None:
    client = Client(full_lite)
    client.cookies[COOKIE] = "dG9rZW4tMA.0"
    assert client.get("/").status_code == 200
    client.get("/?m=token-0")
    kept = client.cookies[COOKIE]
    full_lite.clock.move(HOLDS_MS + 1)  # type: ignore[attr-defined]
    client.get("/")
    # The cookie that says who looks is signed with the same key and must not pass for a click.
    client.cookies[COOKIE] = client.cookies["fairday_visitor"]
    client.get("/")
    client.cookies["fairday_visitor"] = kept
    client.get("/")
    assert clicks(full_lite) == []
