"""Planning and sending with others at work: another process, a merchant who stops a scene, a reader who refuses."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

import fairday
import shopfull
from fairday.kernel.clock import local_day
from fairday.reach import outbox
from fairday.shop import background
from fairday.storage.log import Happening

SCENE = """\
scene: {name}
title: {{zh: 茶, en: Tea, es: Té}}
when: always
what:
  floors:
    - title: {{zh: 茶, en: Tea, es: Té}}
      goods: "category = 'tea'"
where: [email]
"""


@pytest.fixture
def full(shop: fairday.Shop) -> fairday.Shop:
    """A shop with people who agreed, and two live scenes that write to everybody at any hour."""
    shop.change_settings(contact={"quiet_from": 0, "quiet_until": 0, "per_day": 1, "per_week": 1})
    shopfull.fill(shop)
    shop.move_scene("end", "tea-season")
    with shop.db.write() as conn:
        conn.execute(outbox.messages.delete())
    for name in ("one", "two"):
        shop.save_scene(SCENE.format(name=name))
        shop.move_scene("start", name)
    return shop


def statuses(shop: fairday.Shop) -> dict[tuple[str, str, str], int]:
    found: dict[tuple[str, str, str], int] = {}
    with shop.db.read() as conn:
        for m in outbox.page(conn, limit=1000):
            place = (m.scene, m.status, m.reason)
            found[place] = found.get(place, 0) + 1
    return found


def test_two_planners_at_one_moment_keep_a_persons_limit(full: fairday.Shop, url: str) -> None:
    with fairday.open(url, clock=full.clock) as other:
        now, plans = full.clock.now(), {}
        for shop, name in ((full, "one"), (other, "two")):
            with shop.db.read() as conn:
                stage = shop.staging.stage(conn, now)
                staged = next(s for s in stage.scenes if s.spec.scene == name)
                people = shop.mailing._eligible(conn, staged, local_day(now, stage.zone))[:20]
            plans[name] = (shop, stage, staged, people)
        second: list[Any] = []

        def plan_two() -> None:
            shop, stage, staged, people = plans["two"]
            with shop.db.write() as conn:
                second.append(shop.mailing._plan_slice(conn, stage, staged, people, now))

        thread = threading.Thread(target=plan_two)
        shop, stage, staged, people = plans["one"]
        with shop.db.write() as conn:
            assert shop.mailing._plan_slice(conn, stage, staged, people, now) == {"queued": 20}
            thread.start()
            thread.join(0.5)
            assert thread.is_alive()
        thread.join()
    assert second == [{"frequency": 20}]


def test_a_scene_that_was_stopped_sends_nothing_that_waits(full: fairday.Shop) -> None:
    full.mailing.plan()
    full.move_scene("pause", "one")
    full.mailing.send(None)
    assert not [place for place in statuses(full) if place[:2] == ("one", "sent")]
    full.move_scene("resume", "one")
    full.mailing.send(None)
    assert statuses(full)["one", "sent", "mailbox"] == 40


def test_who_refuses_after_the_plan_gets_nothing(full: fairday.Shop) -> None:
    full.mailing.plan()
    now = full.clock.now() + 1000
    ids = (("email", "li3@example.com"),)
    said = Happening(message_id="no", kind="track", name="Email Unsubscribed", at=now, received=now, source="fairday",
                     ids=ids, body={})  # fmt: skip
    full.append([said]).result()
    full.catch_up()
    full.mailing.send(None)
    with full.db.read() as conn:
        got = {m.address: (m.status, m.reason) for m in outbox.page(conn, scene="one", limit=100)}
    assert got.pop("li3@example.com") == ("withheld", "no_consent")
    assert set(got.values()) == {("sent", "mailbox")}


def test_midnight_in_two_processes_at_once_fails_in_neither(full: fairday.Shop, url: str) -> None:
    with fairday.open(url, clock=full.clock) as other:
        failed: list[BaseException] = []
        gate = threading.Barrier(2)

        def tick(shop: fairday.Shop) -> None:
            gate.wait()
            try:
                shop.midnight.tick(shop.clock.now())
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=tick, args=(shop,)) for shop in (full, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert not full.midnight.tick(full.clock.now())


def test_a_budget_ends_the_mail_to_the_last_one_it_pays_for(full: fairday.Shop) -> None:
    full.change_settings(mail_cost=2000)  # two minor units a mail
    text = SCENE.format(name="one") + "guard: {budget: CNY 0.25, holdout: 20%}\n"
    full.save_scene(text)
    full.move_scene("end", "two")
    first = full.mailing.plan()
    assert first["queued"] == 12  # 24 of 25
    assert first["budget"] > 0
    assert full.mailing.send(None) == 12
    again = full.mailing.plan()
    assert again["queued"] == 0
    assert again["budget"] > 0
    full.save_scene(text.replace("0.25", "0.29"))
    assert full.mailing.plan()["queued"] == 2


def test_whoever_has_their_mail_is_asked_nothing_again(full: fairday.Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from fairday.reach import mailing

    full.change_settings(contact={"quiet_from": 0, "quiet_until": 0, "per_day": 9, "per_week": 9})
    asked: list[int | None] = []
    real = mailing.choose

    def counted(person: Any, *given: Any, **named: Any) -> Any:
        asked.append(person.person)
        return real(person, *given, **named)

    monkeypatch.setattr(mailing, "choose", counted)
    first = full.mailing.plan()
    assert first["queued"] > 0
    before, asked[:] = len(asked), []
    again = full.mailing.plan()
    assert len(asked) == before - first["queued"]
    assert again["queued"] == 0
    assert again["no_address"] == first["no_address"]


def test_a_scene_started_in_a_serving_shop_is_mailed_without_waiting_for_the_next_round(full: fairday.Shop) -> None:
    full.move_scene("end", "two")
    full.start()
    started = time.monotonic()
    while not any(scene == "one" for scene, _, _ in statuses(full)) and time.monotonic() < started + 30:
        time.sleep(0.05)
    full.save_scene(SCENE.format(name="three"))
    started = time.monotonic()
    full.move_scene("start", "three")
    while not any(scene == "three" for scene, _, _ in statuses(full)) and time.monotonic() < started + 30:
        time.sleep(0.05)
    assert any(scene == "three" for scene, _, _ in statuses(full))
    assert time.monotonic() - started < background.MAIL_EVERY / 2 - 15
