"""Mail about coupons and points that run out: to whoever agreed, once about each, over a real server."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller

import couponing
import fairday
import parts
from fairday.kernel.clock import DAY_MS, ManualClock
from fairday.kernel.decider import Command
from fairday.people.accounts import attach
from fairday.reach import outbox
from fairday.reach.expiring import LOOK_MS, Expiring, untold
from fairday.storage.log import Happening
from webdesk import Client

HOUR = 3_600_000


class Sink:
    def __init__(self) -> None:
        self.got: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.got.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    handler = Sink()
    controller = Controller(handler, hostname="127.0.0.1", port=parts.free_port())
    controller.start()
    monkeypatch.setenv("FAIRDAY_SMTP_URL", f"smtp://127.0.0.1:{controller.port}")
    yield handler
    controller.stop()


def member(shop: fairday.Shop, name: str, language: str = "en", agreed: bool | None = True) -> str:
    """A member with an account of their own, who said yes (or no) to mail, or was never asked."""
    now, ids = shop.clock.now(), (("email", f"{name}@example.com"),)
    told = [Happening(message_id=f"i-{name}", kind="identify", name="", at=now, received=now, source="website", ids=ids,
                      body={"traits": {"name": name.title(), "language": language}})]  # fmt: skip
    if agreed is not None:
        said = "Consent Given" if agreed else "Consent Withdrawn"
        told.append(Happening(message_id=f"c-{name}", kind="track", name=said, at=now, received=now, source="website",
                              ids=ids, body={"properties": {"channel": "email"}}))  # fmt: skip
    shop.append(told).result()
    shop.catch_up()
    account: str = couponing.account(shop, name)
    with shop.db.write() as conn:
        attach(conn, account, "email", f"{name}@example.com")
    return account


@pytest.fixture
def tea(shop: fairday.Shop, clock: ManualClock) -> fairday.Shop:
    shop.change_settings(name="Tea", public_url="https://tea.example", reminder_days=3, zone="UTC")
    start = clock.now() - clock.now() % DAY_MS + DAY_MS + 10 * HOUR  # ten in the morning: no quiet hour
    clock.move(start - clock.now())
    couponing.open_batch(
        shop,
        "spring",
        couponing.terms(start, per_person=3, days=10, closes=start + 40 * DAY_MS, until=start + 60 * DAY_MS),
    )
    return shop


def look(shop: fairday.Shop, clock: ManualClock, days: int = 0) -> int:
    """So many days and an hour later: what a round of mail sent."""
    clock.move(days * DAY_MS + LOOK_MS)
    shop.fire_due()
    return shop.run_mail()["sent"]


def rows(shop: fairday.Shop) -> list[outbox.Message]:
    with shop.db.read() as conn:
        return outbox.page(conn, scene=outbox.REMINDER)


def test_who_agreed_is_told_once_in_their_language_and_who_did_not_is_not(
    tea: fairday.Shop, clock: ManualClock, sink: Sink
) -> None:
    for name, language, agreed in (
        ("anna", "es", True), ("bo", "zh", True), ("cleo", "en", True), ("dan", "en", False), ("eva", "en", None),
    ):  # fmt: skip
        tea.coupons.enter("SPRING20", member(tea, name, language, agreed))
    assert look(tea, clock, 5) == 0, "it is good for five more days"
    assert look(tea, clock, 3) == 3
    by = {str(mail["To"]): mail for mail in sink.got}
    assert sorted(by) == ["anna@example.com", "bo@example.com", "cleo@example.com"]
    assert "“Spring tea”快到期了" in by["bo@example.com"]["Subject"]
    assert "úsalo a tiempo" in by["anna@example.com"]["Subject"]
    assert by["cleo@example.com"]["Subject"].startswith("Your “Spring tea” until ")
    text = by["cleo@example.com"].get_body(("plain",)).get_content()
    assert "Cleo, These run out soon" in text
    assert "https://tea.example/wallet?m=" in text
    assert by["cleo@example.com"]["List-Unsubscribe"] is not None
    for _ in range(3):
        assert look(tea, clock) == 0, "each is told once"
    assert look(tea, clock, 4) == 0
    assert len(rows(tea)) == 3


def test_a_coupon_that_came_later_gets_a_mail_of_its_own_and_a_used_one_none(
    tea: fairday.Shop, clock: ManualClock, sink: Sink
) -> None:
    account = member(tea, "anna")
    tea.coupons.enter("SPRING20", account)
    assert look(tea, clock, 8) == 1
    second = tea.coupons.enter("SPRING20", account)
    assert look(tea, clock, 8) == 1, "the second runs out ten days after it came"
    assert len(sink.got) == 2
    third = tea.coupons.enter("SPRING20", member(tea, "bo"))
    tea.coupons.take_back(third.claim, "sorry")
    assert second.claim != third.claim
    assert look(tea, clock, 3) == 0


def test_points_that_run_out_are_told_as_the_shop_calls_them(tea: fairday.Shop, clock: ManualClock, sink: Sink) -> None:
    account = member(tea, "anna")
    ends = clock.now() + 9 * DAY_MS
    answer = tea.runner.submit(
        Command("adjust", account, {"unit": "points", "amount": 1200, "reason": "gift", "expires": ends}, "clerk", "k")
    )
    assert answer.ok, answer.refusal
    assert look(tea, clock, 4) == 0
    assert look(tea, clock, 3) == 1
    assert sink.got[0]["Subject"].startswith("Your 1,200 points until ")


def test_it_waits_for_the_morning_and_for_room_among_other_mails(
    tea: fairday.Shop, clock: ManualClock, sink: Sink
) -> None:
    tea.coupons.enter("SPRING20", member(tea, "anna"))
    clock.move(8 * DAY_MS + 12 * HOUR)  # ten at night
    assert look(tea, clock) == 0
    assert [m.reason for m in rows(tea)] == ["quiet_hours"]
    clock.move(9 * HOUR)
    assert look(tea, clock) == 1
    assert len(sink.got) == 1


def test_no_days_means_nobody_is_told_and_the_console_says_what_to_write(
    tea: fairday.Shop, clock: ManualClock, sink: Sink
) -> None:
    tea.coupons.enter("SPRING20", member(tea, "anna"))
    desk = Client(tea).sign_in()
    page = desk.get("/console/coupons?lang=en").text
    assert 'name="days" value="3"' in page
    refused = desk.post("/console/coupons/reminders", {"days": "soon"})
    assert refused.status_code == 422
    assert 'value="soon"' in refused.text
    assert "Write whole days from 1 to 30, or nothing." in refused.text
    assert desk.post("/console/coupons/reminders", {"days": ""}).status_code == 303
    assert look(tea, clock, 8) == 0
    assert sink.got == []
    tea.change_settings(reminder_days=7)
    assert look(tea, clock) == 1


def test_what_a_mail_held_is_not_told_again_and_what_came_after_it_is() -> None:
    day = DAY_MS
    held = [Expiring("coupon", "a", 1, 12 * day, 1 * day), Expiring("coupon", "b", 1, 14 * day, 1 * day),
            Expiring("coupon", "c", 1, 12 * day, 11 * day)]  # fmt: skip
    assert untold(held, 0, 3) == held
    assert [x.title for x in untold(held, 10 * day, 3)] == ["b", "c"]
