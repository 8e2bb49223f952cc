from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from email import message_from_bytes

import pytest
from aiosmtpd.controller import Controller

import parts
from fairday.kernel.clock import ManualClock, SystemClock
from fairday.kernel.errors import FairdayError
from fairday.reach import delivery, outbox, smtp
from fairday.reach.mail import MailContent, MailFloor, MailGoods, render
from fairday.reach.outbox import Planned
from fairday.scenes.arms import Meeting
from fairday.storage.log import read_happenings


def planned(n: int, phase: str = "burst", withheld: str = "", subject: str = "Hello") -> Planned:
    meeting = Meeting(
        scene="new-year", version=1, phase=phase, occasion=20_000, touchpoint="email", goods=("p1",), withheld=withheld
    )
    return Planned(
        meeting=meeting, channel="email", identifier=n, person=n, address=f"p{n}@example.com", language="en",
        subject=subject, html="<p>Hi</p>", text="Hi",
    )  # fmt: skip


PHASE = "burst@2024-10-04"


class Sink:
    """A real SMTP server that keeps what it is given, and may refuse."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.refuse: dict[str, str] = {}
        self.senders = self.goodbye = ""

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.senders:
            return self.senders
        envelope.mail_from = address
        return "250 OK"

    async def handle_QUIT(self, server, session, envelope):
        return self.goodbye or "221 Bye"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.got.append((envelope.rcpt_tos[0], envelope.content))
        return "250 OK"


@pytest.fixture
def sink():
    handler = Sink()
    controller = Controller(handler, hostname="127.0.0.1", port=parts.free_port())
    controller.start()
    handler.port = controller.port
    yield handler
    controller.stop()


def sender(port: int) -> smtp.Smtp:
    return smtp.Smtp(smtp.SmtpAddress("127.0.0.1", port, "", "", False), "shop@example.com", "http://shop.example")


def test_a_message_is_planned_once_per_address_scene_and_phase(db):
    with db.write() as conn:
        assert outbox.plan(conn, [planned(1), planned(2)], 1) == 2
        assert outbox.plan(conn, [planned(1), planned(3), planned(1, phase="encore")], 2) == 2


def test_the_local_mailbox_delivers_once_and_leaves_the_withheld(db):
    with db.write() as conn:
        outbox.plan(conn, [planned(1), planned(2, withheld="no_consent")], 1)
    assert delivery.deliver_locally(db, 5, "UTC") == 1
    assert delivery.deliver_locally(db, 6, "UTC") == 0
    with db.read() as conn:
        (shown,) = read_happenings(conn, (-1, -1), None, 10)
        assert (shown.name, shown.ids) == ("Scene Shown", (("email", "p1@example.com"),))
        assert shown.properties["goods"] == ["p1"]
        assert outbox.counts(conn, "new-year") == {
            (PHASE, "sent", "mailbox"): 1,
            (PHASE, "withheld", "no_consent"): 1,
        }


def test_mail_reaches_a_real_server_with_one_click_unsubscribe(db, sink):
    with db.write() as conn:
        outbox.plan(conn, [planned(1, subject="年货节\r\nBcc: x@example.com")], 1)
    assert delivery.drain(db, sender(sink.port), ManualClock(10), "UTC") == 1
    ((address, raw),) = sink.got
    mail = message_from_bytes(raw)
    assert address == "p1@example.com"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"].strip().startswith("<http://shop.example/unsubscribe/")
    assert mail["Bcc"] is None


def test_refusals_are_kept_with_their_reason_and_passing_ones_tried_again(db, sink):
    sink.refuse = {"p1@example.com": "550 no such box", "p2@example.com": "451 later"}
    with db.write() as conn:
        outbox.plan(conn, [planned(n) for n in (1, 2, 3)], 1)
    for _ in range(outbox.MAX_TRIES):
        delivery.drain(db, sender(sink.port), ManualClock(10), "UTC")
    with db.read() as conn:
        found = {m.address: (m.status, m.reason) for m in outbox.page(conn)}
    assert found["p1@example.com"] == ("failed", "refused 550")
    assert found["p2@example.com"] == ("failed", "refused 451")
    assert found["p3@example.com"][0] == "sent"
    assert [a for a, _ in sink.got] == ["p3@example.com"]


def test_a_server_that_is_away_loses_nothing(db, sink):
    with db.write() as conn:
        outbox.plan(conn, [planned(1)], 1)
    delivery.drain(db, sender(parts.free_port()), ManualClock(10), "UTC")
    delivery.drain(db, sender(sink.port), ManualClock(11), "UTC")
    assert [a for a, _ in sink.got] == ["p1@example.com"]


def test_a_claim_whose_process_died_is_never_sent_again(db, sink):
    with db.write() as conn:
        outbox.plan(conn, [planned(1)], 1)
        outbox.claim(conn, 1000)
    delivery.drain(db, sender(sink.port), ManualClock(2000), "UTC")
    delivery.drain(db, sender(sink.port), ManualClock(1001 + outbox.STALE_MS), "UTC")
    assert sink.got == []
    with db.read() as conn:
        assert outbox.page(conn)[0].status == "unsure"


NURSERY = """
import os, sys
from fairday.kernel.clock import SystemClock
from fairday.storage.database import Database
from fairday.reach import delivery, smtp
out = smtp.Smtp(smtp.SmtpAddress("127.0.0.1", int(sys.argv[2]), "", "", False), "s@example.com", "http://s.example")
for _ in sys.stdin:
    child = os.fork()
    if not child:
        db = Database(sys.argv[1])
        os.write(1, b"%d\\n" % os.getpid())
        delivery.drain(db, out, SystemClock(), "UTC")
        os._exit(0)
    _, how = os.waitpid(child, 0)
    os.write(1, b"killed\\n" if os.WIFSIGNALED(how) else b"done\\n")
"""
"""Starts a child that sends for each line it is told, from what is imported once, and says how the child ended."""


def test_killed_whenever_no_address_gets_a_mail_twice(url, db, sink):
    with db.write() as conn:
        outbox.plan(conn, [planned(n) for n in range(200)], 1)
    rng, kills = random.Random(7), 0
    nursery = subprocess.Popen(
        [sys.executable, "-c", NURSERY, url, str(sink.port)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    for _ in range(12):
        nursery.stdin.write("send\n")
        before, child = len(sink.got), int(nursery.stdout.readline())
        deadline = time.monotonic() + 10
        while len(sink.got) == before and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.05))  # somewhere in its sending, wherever that may be
        with suppress(ProcessLookupError):  # it was done before
            os.kill(child, signal.SIGKILL)
        kills += nursery.stdout.readline() == "killed\n"
    nursery.stdin.close()
    nursery.wait(10)
    nursery.stdout.close()
    delivery.drain(db, sender(sink.port), SystemClock(), "UTC")
    with db.write() as conn:
        outbox.recover(conn, int(time.time() * 1000) + outbox.STALE_MS + 1)
    got = Counter(a for a, _ in sink.got)
    with db.read() as conn:
        status = Counter(m.status for m in outbox.page(conn, limit=1000))
    print(f"kills {kills}, arrived {len(got)}, {dict(status)}")
    assert kills >= 3
    assert max(got.values()) == 1
    assert status["sent"] + status["unsure"] == 200
    assert status["sent"] <= len(got) <= 200
    assert status["unsure"] <= kills * outbox.CLAIM


@pytest.mark.parametrize("raw", ["ftp://x", "smtp://", "smtp://host:nan", "mail.example.com"])
def test_a_mail_server_that_cannot_be_read_says_what_to_write(monkeypatch, raw):
    monkeypatch.setenv(smtp.ENVIRONMENT, raw)
    with pytest.raises(FairdayError, match="smtp://user:secret@"):
        smtp.from_environment()


def test_the_secret_is_not_shown():
    assert "hush" not in repr(smtp.SmtpAddress("h", 25, "u", "hush", False))


def test_a_mail_escapes_what_it_shows_and_links_carry_no_address():
    goods = MailGoods(id="a/b", title="<script>x</script>", price="¥1.00", reason="popular")
    mail = MailContent(
        shop="S & Co", language="zh", subject="你好", greeting="Hi", floors=[MailFloor("F", [goods])],
        public_url="http://shop.example", token="tok",
    )  # fmt: skip
    html, text = render(mail)
    assert "<script>" not in html
    assert "S &amp; Co" in html
    assert "退订" in html
    assert "http://shop.example/goods/a%2Fb?m=tok" in html
    assert "http://shop.example/unsubscribe/tok" in text


def test_what_was_withheld_may_go_when_its_reason_is_gone(db):
    with db.write() as conn:
        outbox.plan(conn, [planned(1, withheld="no_consent"), planned(2)], 1)
    delivery.deliver_locally(db, 2, "UTC")
    with db.write() as conn:
        assert outbox.plan(conn, [planned(1), planned(2)], 3) == 1
    assert delivery.deliver_locally(db, 4, "UTC") == 1


def test_a_server_that_is_away_for_hours_loses_nothing(db, sink):
    with db.write() as conn:
        outbox.plan(conn, [planned(1)], 1)
    for n in range(2 * outbox.MAX_TRIES):
        delivery.drain(db, sender(parts.free_port()), ManualClock(n), "UTC")
    delivery.drain(db, sender(sink.port), ManualClock(99), "UTC")
    assert [a for a, _ in sink.got] == ["p1@example.com"]


def test_a_refused_sender_is_no_bounce_of_the_address(db, sink):
    sink.senders = "550 you may not send here"
    with db.write() as conn:
        outbox.plan(conn, [planned(1)], 1)
    delivery.drain(db, sender(sink.port), ManualClock(10), "UTC")
    with db.read() as conn:
        assert [(m.status, m.reason) for m in outbox.page(conn)] == [("failed", "sender refused 550")]
        assert outbox.bounced(conn, [1]) == set()


def test_an_odd_goodbye_changes_nothing_about_what_was_sent(db, sink):
    sink.goodbye = "421 too busy to say bye"
    with db.write() as conn:
        outbox.plan(conn, [planned(1)], 1)
    delivery.drain(db, sender(sink.port), ManualClock(10), "UTC")
    with db.read() as conn:
        assert [m.status for m in outbox.page(conn)] == ["sent"]


def test_a_claim_of_a_long_round_is_of_the_hour_it_was_made(db, sink):
    clock = ManualClock(1000)

    class Slow:
        def send(self, batch):
            clock.at += outbox.STALE_MS
            with db.write() as conn:  # another process looks for the dead while this round goes on
                seen.append(outbox.recover(conn, clock.now() - 1))
            return [(m.id, "sent", "slow") for m in batch]

    seen: list[int] = []
    with db.write() as conn:
        outbox.plan(conn, [planned(n) for n in range(3 * outbox.CLAIM)], 1)
    delivery.drain(db, Slow(), clock, "UTC")
    assert seen == [0, 0, 0]


def test_the_secret_is_not_said_to_another_machine_without_encryption(db, sink):
    everywhere = Controller(sink, hostname="0.0.0.0", port=parts.free_port(), auth_require_tls=False)
    everywhere.start()
    try:
        with db.write() as conn:
            outbox.plan(conn, [planned(1)], 1)
        out = smtp.Smtp(smtp.SmtpAddress("0.0.0.0", everywhere.port, "u", "hush", False), "s@example.com", "http://s")
        delivery.drain(db, out, ManualClock(10), "UTC")
    finally:
        everywhere.stop()
    with db.read() as conn:
        (found,) = outbox.page(conn)
    assert (found.status, found.reason) == ("queued", "server away: SMTPNotSupportedError")
