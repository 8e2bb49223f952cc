"""Mails about orders: one for each thing that happened, in the buyer's language, with links that cannot be guessed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

import fairday
import parts
import trading
from fairday.kernel.clock import DAY_MS, ManualClock
from fairday.people.consent import consents
from fairday.reach import outbox
from fairday.reach.orders import KINDS, phases_of
from fairday.reach.orders.words import WORDS
from fairday.shop.keeping import secret_in
from fairday.storage.log import Happening
from fairday.stores.near import Store
from fairday.stores.records import save_stores
from fairday.trade.links import order_number, order_token, pickup_code
from fairday.trade.records import Contact, keep_parcel
from webdesk import Client

WEI = Contact(name="李薇", email="wei@example.com", phone="+8613800138000", country="CN", region="上海市",
              city="上海市", street="南京路 1 号", language="zh")  # fmt: skip
IDS = (("email", "wei@example.com"),)
MUG = trading.line("1", "mug", 2, 4500, off=1000, form={"color": "青"})
LINES = (MUG, trading.line("2", "tea", 1, 1990))


@pytest.fixture
def trade(shop: fairday.Shop) -> fairday.Shop:
    trading.register(shop)
    for sku in ("mug", "tea"):
        trading.fill(shop, sku, 100)
    shop.change_settings(public_url="https://tea.example", name="茶与器")
    return shop


def placed(shop: fairday.Shop, n: int = 1, contact: Contact = WEI, **more) -> str:
    order = f"order:{n}"
    given = trading.placing(*LINES, shipping=800, **more)
    assert shop.orders.place(order, given, contact, IDS, actor="buyer").ok
    assert trading.pay(shop, order, given["total"], f"till:{n}").ok
    return order


def act(shop: fairday.Shop, name: str, order: str, **data) -> None:
    answer = shop.orders.act(name, order, data, actor="clerk")
    assert answer.ok, answer.refusal


def mails(shop: fairday.Shop, order: str) -> list[outbox.Message]:
    shop.catch_up()
    with shop.db.read() as conn:
        return outbox.of_order(conn, phases_of(order))


def kinds(shop: fairday.Shop, order: str) -> list[str]:
    return [m.phase.split(":")[2].partition("@")[0] for m in mails(shop, order)]


def link(shop: fairday.Shop, order: str) -> str:
    state = shop.orders.state(order)
    assert state is not None
    with shop.db.write() as conn:
        return f"https://tea.example/order/{order_token(secret_in(conn), order, state['placed_at'])}"


def test_a_paid_order_is_confirmed_in_the_buyers_language_with_a_link_to_its_page(trade):
    order = placed(trade)
    (mail,) = mails(trade, order)
    assert mail.subject == f"订单 {order_number(order)} 已确认"
    for said in ("谢谢您，李薇", "¥107.90", "¥90.00", "青 · × 2", "−¥10.00", "南京路 1 号", link(trade, order)):
        assert said in mail.html, said
    assert link(trade, order) in mail.text
    assert "unsubscribe" not in mail.html
    path = link(trade, order).removeprefix("https://tea.example")
    web = Client(trade)
    assert web.get(path).status_code == 200
    assert web.get(path[:-1] + ("0" if path[-1] != "0" else "1")).status_code == 404


def test_each_step_of_an_order_is_written_about_once_and_reading_the_log_again_writes_nothing(trade):
    order = placed(trade)
    with trade.db.write() as conn:
        keep_parcel(conn, "p1", "1", "sf", "SF1234567890123", 1)
    act(trade, "order.ship", order, units={"1": 1, "2": 1}, parcel="p1")
    act(trade, "order.refund", order, unshipped={"1": 1}, why="other")
    act(trade, "order.refund", order, units={"2": 1}, why="damaged")
    assert kinds(trade, order) == ["paid", "shipped", "refunded", "returned"]
    _, shipped, refunded, returned = mails(trade, order)
    assert "顺丰" in shipped.html
    assert "SF1234567890123" in shipped.html
    assert "还有 1 件随后发出" in shipped.html
    assert "¥40.00" in refunded.subject
    assert "¥19.90" in returned.html
    trade.followers.rebuild("order-mails")
    assert kinds(trade, order) == ["paid", "shipped", "refunded", "returned"]


def test_a_pickup_is_ready_with_a_code_and_the_stores_address(trade):
    with trade.db.write() as conn:
        save_stores(conn, [Store(store="jingan", name="静安店", city="上海", latitude=31.2, longitude=121.4,
                                 address="南京西路 8 号")])  # fmt: skip
        code = pickup_code(secret_in(conn), "order:1")
    order = placed(trade, way="pickup", store="jingan")
    act(trade, "order.ready", order)
    _, ready = mails(trade, order)
    assert len(code) == 6
    for said in (code, "静安店", "南京西路 8 号", "请出示取货码"):
        assert said in ready.html, said


def test_a_cancelled_order_says_what_goes_back_and_an_unpaid_one_that_nothing_was_charged(trade, clock):
    order = placed(trade)
    act(trade, "order.cancel", order, why="changed_mind")
    assert "¥107.90 将按您付款的方式退回" in mails(trade, order)[1].html
    given = trading.placing(*LINES)
    trade.orders.place("order:2", given, WEI, IDS, actor="buyer")
    clock.move(3_600_000)
    trade.fire_due()
    (mail,) = mails(trade, "order:2")
    assert "您没有被扣款" in mail.html


def test_an_exchange_names_the_new_order_and_what_is_left_to_pay(trade):
    order = placed(trade)
    act(trade, "order.ship", order)
    more = trading.placing(trading.line("1", "mug", 1, 9900))
    assert trade.orders.exchange(order, "order:2", {"1": 1}, more, actor="clerk").ok
    last = mails(trade, order)[-1]
    assert "还差 ¥59.00" in last.html
    assert link(trade, "order:2") in last.html


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Thank you"), ("es", "Gracias"), ("fr", "Thank you"), ("", "谢谢")]
)
def test_a_mail_speaks_the_buyers_language_else_the_shops(trade, language, said):
    contact = Contact(name="Eva", email="wei@example.com", street="1", language=language)
    assert said in mails(trade, placed(trade, contact=contact))[0].html


def test_every_text_has_every_language():
    assert all(set(said) == {"zh", "en", "es"} and all(said.values()) for said in WORDS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_merchant_may_switch_each_mail_off(trade, kind):
    trade.change_settings(order_mails={kind: False})
    order = placed(trade)
    if kind in ("paid", "shipped"):
        act(trade, "order.ship", order)
    elif kind == "cancelled":
        act(trade, "order.cancel", order)
    elif kind == "refunded":
        act(trade, "order.refund", order, extra=100)
    elif kind in ("returned", "exchanged"):
        act(trade, "order.ship", order)
        if kind == "returned":
            act(trade, "order.refund", order, units={"2": 1})
        else:
            given = trading.placing(trading.line("1", "tea", 1, 1990))
            assert trade.orders.exchange(order, "order:2", {"2": 1}, given, actor="clerk").ok
    found = kinds(trade, order)
    assert kind not in found
    assert found or kind == "paid"


def test_news_that_is_old_and_orders_without_an_address_are_written_to_nobody(trade, clock):
    placed(trade)
    placed(trade, 2, Contact(name="x", street="y"))
    nobody = trading.placing(*LINES)
    trade.orders.place("order:3", nobody, Contact(), (), actor="buyer")
    trading.pay(trade, "order:3", nobody["total"], "till:3")
    assert mails(trade, "order:3") == []
    assert kinds(trade, "order:2") == ["paid"], "the address that the order is told of"
    order = placed(trade, 4)
    clock.move(3 * DAY_MS)
    assert mails(trade, order) == [], "the follower was away for days"


def test_whoever_calls_something_an_order_makes_the_shop_write_nothing(trade):
    now = trade.clock.now()
    forged = [Happening(message_id=m, kind="track", name="Order Completed", at=now, received=now, source="web",
                        ids=IDS, body={"properties": {"order_id": o}})
              for m, o in (("order-forged", "1"), ("order-x", "nothing"), ("x", "1"), ("order-y", 7))]  # fmt: skip
    trade.orders.place("order:1", trading.placing(*LINES), WEI, IDS, actor="buyer")
    trade.append(forged).result()
    assert mails(trade, "order:1") == []


def test_no_consent_to_marketing_is_needed_and_a_refused_address_gets_nothing(trade):
    now = trade.clock.now()
    refused = Happening(message_id="no", kind="track", name="Consent Withdrawn", at=now, received=now, source="web",
                        ids=IDS, body={"properties": {"channel": "email"}})  # fmt: skip
    trade.append([refused]).result()
    trade.catch_up()
    order = placed(trade)
    (mail,) = mails(trade, order)
    with trade.db.read() as conn:
        assert not consents(conn, [mail.person], "email")[mail.person].given
    assert mail.identifier
    assert trade.send_mail() == 1
    assert mails(trade, order)[0].status == "sent"
    with trade.db.write() as conn:
        conn.execute(outbox.messages.update().values(status="failed", reason="refused 550"))
    act(trade, "order.ship", order)
    assert [(m.status, m.reason) for m in mails(trade, order)][1] == ("withheld", "suppressed")


class Sink:
    """A real SMTP server that keeps what it is given."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    async def handle_DATA(self, server, session, envelope):
        self.got.append(envelope.content)
        return "250 OK"


@pytest.fixture
def sink(monkeypatch):
    handler = Sink()
    controller = Controller(handler, hostname="127.0.0.1", port=parts.free_port())
    controller.start()
    monkeypatch.setenv("FAIRDAY_SMTP_URL", f"smtp://127.0.0.1:{controller.port}")
    yield handler
    controller.stop()


def test_a_real_server_gets_it_without_unsubscribing_and_its_text_is_kept_no_longer(trade, sink):
    order = placed(trade)
    trade.catch_up()
    assert trade.send_mail() == 1
    mail = message_from_bytes(sink.got[0], policy=policy.default)
    assert mail["To"] == "wei@example.com"
    assert mail["List-Unsubscribe"] is None
    assert link(trade, order) in mail.get_body(("plain",)).get_content()
    (kept,) = mails(trade, order)
    assert (kept.status, kept.html, kept.text) == ("sent", "", "")
    assert kept.subject


def test_an_erased_buyers_mails_are_gone(trade):
    order = placed(trade)
    assert mails(trade, order)
    trade.erase("email:wei@example.com")
    assert mails(trade, order) == []
    act(trade, "order.ship", order)
    assert mails(trade, order) == []


CHILD = """
import sys, fairday
shop = fairday.open(sys.argv[1])
print("ready", flush=True)
while True:
    shop.catch_up()
    shop.send_mail()
"""


def test_whoever_plans_and_sends_may_be_killed_and_every_order_is_written_about_once_at_most(url, sink):
    orders = [f"order:{n}" for n in range(120)]
    with fairday.open(url) as shop:
        trading.register(shop)
        for sku in ("mug", "tea"):
            trading.fill(shop, sku, 1000)
        for n in range(len(orders)):
            placed(shop, n)
    for life in range(4):
        child = subprocess.Popen([sys.executable, "-c", CHILD, url], stdout=subprocess.PIPE, text=True)
        assert child.stdout
        child.stdout.readline()
        before, enough = len(sink.got), random.Random(life).randrange(1, 40)
        timer = threading.Timer(10, os.kill, (child.pid, signal.SIGKILL))
        timer.start()
        while len(sink.got) - before < enough and timer.is_alive() and len(sink.got) < len(orders):
            timer.join(0.005)
        child.kill()
        timer.cancel()
        child.wait()
    with fairday.open(url, clock=ManualClock(fairday.shop.SystemClock().now() + 20 * 60_000)) as shop:
        shop.catch_up()
        shop.send_mail()
        with shop.db.read() as conn:
            c = outbox.messages.c
            rows = conn.execute(select(c.phase, c.status).where(c.scene == outbox.ORDER)).all()
    assert len(rows) == len({phase for phase, _ in rows}) == len(orders), "each is planned once"
    states = Counter(status for _, status in rows)
    assert set(states) <= {"sent", "unsure"}
    subjects = Counter(message_from_bytes(raw, policy=policy.default)["Subject"] for raw in sink.got)
    assert max(subjects.values()) == 1, "none twice"
    assert states["sent"] <= len(sink.got) <= len(orders)
