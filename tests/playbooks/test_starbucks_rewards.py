"""The playbook ``starbucks-rewards`` through its doors: stars, tiers, a balance paid in, the code at the till."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import fairday
from fairday.intake.keys import create_key
from fairday.kernel.clock import DAY_MS, ManualClock
from fairday.playbooks import rows as capability_rows
from fairday.reach import outbox
from paying import do, ready, served
from playing import Play, customer, order
from webdesk import Client

NOW = 1_811_815_200_000  # 2027-06-01 10:00 in Shanghai, the first of the month
TEST = "tests/playbooks/test_starbucks_rewards.py"
GOODS = {"Coffee": ["Latte", "Mocha"], "Tea": ["Oolong"]}
FORM = {"on": "yes", "unit": "stars", "per": "10", "months": "12", "keep_days": "365", "grace_days": "30",
        "levels": "Green 8\nGold 30", "top_ups": "100, 200", "days": "1", "days_times": "200",
        "weekdays_times": "100", "birthday_times": "500"}  # fmt: skip


@dataclass
class Outcome:
    """What the member and the merchant saw."""

    mailed: int = 0
    greeted: bool = False
    topped_up: int = 0
    sales: list[dict[str, Any]] = field(default_factory=list)
    again: dict[str, Any] = field(default_factory=dict)
    card: str = ""
    desk: str = ""
    orders: int = 0


def signed_in(shop: fairday.Shop, user: str) -> Client:
    """The shopper's phone, after the link of the mail they asked for."""
    client = Client(shop)
    client.request("POST", "/consent", data={"answer": "yes"})
    client.request("POST", "/me/link", data={"email": f"{user}@example.com"})
    with shop.db.read() as conn:
        mails = outbox.page(conn, scene=outbox.SERVICE)
    link = re.search(r"/me/confirm/[\w.\-]+", mails[0].text)
    assert link is not None
    assert client.request("POST", link[0]).status_code == 303
    return client


def code_of(phone: Client) -> str:
    """The digits on the member's card."""
    page = phone.request("POST", "/me/card")
    digits = re.search(r'class="digits" data-raw>([\d ]+)<', page.text)
    assert digits is not None, page.text[-2000:]
    return digits[1].replace(" ", "")


def run(shop: fairday.Shop, clock: ManualClock, without: str = "") -> Outcome:
    """Play it: a regular comes back on double-star day, tops up and pays by phone; ``without`` the row it is off."""
    play = Play(shop, clock, NOW)
    ready(shop)
    play.stock(GOODS)
    people = [f"u{n}" for n in range(20)]
    told = [c for u in people for c in (*customer(u), order(u, f"a-{u}", 9, ("Coffee", "Latte"), price=32))]
    play.tell(*told, {"type": "identify", "userId": "u1", "traits": {"birthday": "1990-06-02"}, "days": 3})
    play.owner.get("/console/rewards")
    form = FORM if without != "O3" else {**FORM, "on": "", "top_ups": ""}
    assert play.owner.post("/console/rewards", form).status_code == 303
    scene = play.start("starbucks-rewards")
    found = Outcome()
    play.mail()
    found.mailed = len(play.mails(scene))
    phone = signed_in(shop, "u1")
    with shop.db.write() as conn:
        _, key = create_key(conn, "front", "till", clock.now())
    with served(shop) as base:
        answer = phone.request("POST", "/me/top-up", data={"amount": "20000", "method": "wechat"})
        if answer.status_code == 303:
            number = answer.headers["location"].split("/")[2]
            do(base, shop, number, "pay")
    found.topped_up = balance(phone)

    def pay(receipt: str, amount: int, code: str) -> dict[str, Any]:
        lines = [{"sku": "latte", "qty": 1, "amount": amount}]
        body = {"code": code, "amount": amount, "currency": "CNY", "receipt": receipt, "lines": lines}
        said = Client(shop).request("POST", "/v1/till/pay", json=body, auth=(key, ""))
        return {"status": said.status_code, **said.json()}

    code = code_of(phone)
    found.sales.append(pay("r-1", 3200, code))
    found.again = pay("r-1", 3200, code)
    clock.move(DAY_MS)  # the second: their birthday, and no double day
    found.sales.append(pay("r-2", 3200, code_of(phone)))
    clock.move(DAY_MS)  # an ordinary day
    found.sales.append(pay("r-3", 3200, code_of(phone)))
    found.sales.append(pay("r-4", 90_000, code_of(phone)))
    shop.catch_up()
    found.card = phone.get("/me/card?lang=en").text
    desk = Client(shop).sign_in("marketer")
    listed = desk.get("/console/members?q=u1@example.com&lang=en").text
    link = re.search(r'href="(/console/members/[\w.-]+)"', listed)
    assert link is not None
    found.desk = desk.get(f"{link[1]}?lang=en").text
    with shop.db.read() as conn:
        sql = "SELECT count(*) FROM happenings WHERE name = 'Order Completed' AND source = 'till:front'"
        found.orders = int(conn.exec_driver_sql(sql).scalar() or 0)
    return found


def balance(phone: Client) -> int:
    shown = re.search(r"<dt>Balance</dt><dd data-raw>\D*([\d.,]+)", phone.get("/me/card?lang=en").text)
    assert shown is not None
    return round(float(shown[1].replace(",", "")) * 100)


def test_a_regular_earns_stars_and_rises_and_pays_by_phone(shop: fairday.Shop, clock: ManualClock) -> None:
    found = run(shop, clock)
    assert 14 <= found.mailed <= 20, "a tenth is held out"
    assert found.topped_up == 20_000
    sold = found.sales
    assert [s["status"] for s in sold] == [200, 200, 200, 409]
    assert [s["earned"] for s in sold[:3]] == [6, 16, 3], (
        "double on the first, five times on the birthday, then as ever"
    )
    assert [s["tier"] for s in sold[:3]] == ["", "Green", "Green"]
    assert [s["balance"] for s in sold[:3]] == [16_800, 13_600, 10_400]
    assert (found.again["order"], found.again["again"]) == (sold[0]["order"], True)
    assert sold[3]["error"] == "insufficient"
    assert found.orders == 3, "each sale stands in their record once"
    assert "5 more stars to Gold" in found.card
    assert "¥104.00" in found.desk
    assert "Topped up" in found.desk


def test_without_the_program_nothing_is_earned_or_topped_up(shop: fairday.Shop, clock: ManualClock) -> None:
    found = run(shop, clock, without="O3")
    assert found.topped_up == 0
    assert [s["status"] for s in found.sales] == [409] * 4
    assert found.orders == 0
    assert "Gold" not in found.card


def test_the_row_names_this_test() -> None:
    assert "starbucks-rewards" in capability_rows()["O3"].playbooks
    assert TEST in capability_rows()["O3"].tests
