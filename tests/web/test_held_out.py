"""One person held out is held out everywhere: the page, the feed, the mail and the cart refuse with the same reason."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

import fairday
from fairday.offers.model import Cart, Line
from fairday.people.identity import ids_of, person_of
from fairday.reach import outbox
from fairday.scenes import arms
from webdesk import Client

SCENE = """\
scene: everywhere
title: {zh: 到处见, en: Met everywhere, es: En todas partes}
when: always
what:
  floors:
    - title: {zh: 到处见, en: Met everywhere, es: En todas partes}
      goods: "category = 'tea'"
offer: {off: 5}
where: [page, feed, email]
guard: {holdout: 20%}
"""


@pytest.fixture
def everywhere(full: fairday.Shop) -> fairday.Shop:
    """One live scene, met on pages, in the feed and by mail; nothing else is live and every hour is good for mail."""
    full.change_settings(contact={"quiet_from": 0, "quiet_until": 0, "per_day": 9, "per_week": 9})
    full.move_scene("end", "tea-season")
    full.save_scene(SCENE)
    full.move_scene("start", "everywhere")
    return full


def person(shop: fairday.Shop, who: int) -> tuple[int, list[int]]:
    with shop.db.read() as conn:
        found = person_of(conn, "email", f"li{who}@example.com")
        assert found is not None
        return found, [i.number for i in ids_of(conn, found)]


def recorded(shop: fairday.Shop, who: int) -> dict[str, tuple[str, str]]:
    """What the log says of their meetings: touchpoint → (happening, reason)."""
    shop.append([]).result()  # whatever was queued before it is written then
    with shop.db.read() as conn:
        rows = conn.execute(
            text("SELECT name, body FROM happenings WHERE name LIKE 'Scene %' AND ids LIKE :who"),
            {"who": f"%li{who}@example.com%"},
        ).all()
    said = [(name, json.loads(body)["properties"]) for name, body in rows]
    found = {p["touchpoint"]: (name, p.get("reason", "")) for name, p in said if p["scene"] == "everywhere"}
    assert len(found) == sum(p["scene"] == "everywhere" for _, p in said)
    return found


def ask_everywhere(shop: fairday.Shop, who: int) -> list[str]:
    """Where the scene meets them, asked through the doors they would come by, twice each."""
    client, met = Client(shop), []
    client.get(f"/?m=token-{who}")
    for _ in range(2):
        for path, touchpoint in (("/?lang=en", "page"), ("/feed?lang=en", "feed")):
            answer = client.get(path)
            assert answer.status_code == 200
            if "Met everywhere" in answer.text:
                met.append(touchpoint)
        shop.run_mail()
    with shop.db.read() as conn:
        mails = outbox.page(conn, scene="everywhere", status="sent", limit=1000)
    met += ["email" for m in mails if m.address == f"li{who}@example.com"]
    return met


def in_cart(shop: fairday.Shop, who: int) -> str:
    """Why their cart is refused the scene's offer; "" where it gets it."""
    found, _ = person(shop, who)
    cart = Cart(currency="CNY", lines=(Line(line="1", sku="tea-1", unit=6800, qty=1),))
    priced = shop.offers.price(cart, None, found, shop.clock.now())
    assert priced.discount in (0, 500)
    return "" if priced.discount else next(t.code for t in priced.refused if t.rule == "scene/everywhere/1")


@pytest.mark.parametrize(
    ("recorded_arms", "reason"), [(["holdout"], "holdout"), (["treated", "holdout"], "mixed"), (["treated"], "")]
)
def test_the_page_the_feed_the_mail_and_the_cart_say_the_same(everywhere, recorded_arms, reason):
    _, ids = person(everywhere, 0)
    now = everywhere.clock.now()
    with everywhere.db.write() as conn:
        arms.record(conn, [("everywhere", i, arm) for i, arm in zip(ids, recorded_arms, strict=False)], now)
    met = ask_everywhere(everywhere, 0)
    everywhere.catch_up()
    assert in_cart(everywhere, 0) == reason
    if reason:
        assert met == []
        assert recorded(everywhere, 0) == {place: ("Scene Withheld", reason) for place in ("page", "feed", "email")}
    else:
        assert sorted(met) == ["email", "feed", "feed", "page", "page"]
        assert {r for _, r in recorded(everywhere, 0).values()} == {""}
    (effect,) = [s for s in everywhere.report().scenes if s.scene == "everywhere"]
    assert effect.mixed == (reason == "mixed"), "joined from both arms: left out of the measure, and counted"


def test_an_arm_that_was_never_recorded_is_the_same_at_every_door(everywhere):
    first = {who: ask_everywhere(everywhere, who) for who in range(0, 6) if who % 3 != 2}
    everywhere.catch_up()
    for who, met in first.items():
        reasons = {reason for _, reason in recorded(everywhere, who).values()}
        assert reasons == ({""} if met else {"holdout"})
        assert len(recorded(everywhere, who)) == 3
        assert {in_cart(everywhere, who)} == reasons
        owner, ids = person(everywhere, who)
        with everywhere.db.read() as conn:
            kept = arms.recorded(conn, ids)["everywhere"]
        assert list(kept) == [min(ids)], f"one arm, on the oldest id of person {owner}"
