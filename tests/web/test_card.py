"""A member's card: standing, topping up by a provider, the code to pay with; strangers see none of it."""

from __future__ import annotations

import re

import pytest

import fairday
from fairday.kernel.clock import ManualClock
from fairday.kernel.decider import Command
from fairday.people import accounts
from fairday.storage import ledger
from fairday.storage.log import OURS, Happening
from fairday.web.signing import sign
from paying import do, ready, served
from webdesk import Client

A = "account:a"
PROGRAM = {"on": True, "unit": "stars", "per": 1000, "top_ups": [5000, 10_000],
           "levels": [{"name": "Green", "at": 50}, {"name": "Gold", "at": 200}]}  # fmt: skip


@pytest.fixture
def member(shop: fairday.Shop, clock: ManualClock) -> Client:
    ready(shop)
    shop.change_settings(rewards=PROGRAM)
    now = clock.now()
    shop.append([Happening(message_id="m1", kind="track", name="Joined", at=now, received=now, source=OURS,
                           ids=(("email", "li@example.com"),), body={"properties": {}})]).result()  # fmt: skip
    shop.catch_up()
    shop.runner.submit(Command("open", A))
    with shop.db.write() as conn:
        accounts.attach(conn, A, "email", "li@example.com")
    client = Client(shop)
    client.cookies["fairday_member"] = sign(
        client.app.state.front.secret, f"member|{A}|email:li@example.com", now + 10**9
    )
    return client


def give(shop: fairday.Shop, unit: str, amount: int) -> None:
    assert shop.runner.submit(Command("earn", A, {"unit": unit, "amount": amount, "reason": "gift"})).ok


def test_a_stranger_is_asked_to_sign_in_and_gets_no_code(shop: fairday.Shop) -> None:
    client = Client(shop)
    assert "Sign in" in client.get("/me/card?lang=en").text
    assert client.request("POST", "/me/card").status_code == 403
    assert client.request("POST", "/me/top-up", data={"amount": "5000", "method": "wechat"}).status_code == 403
    assert client.get("/me/card/code?n=1").status_code == 303


def test_the_card_shows_where_a_member_stands(shop: fairday.Shop, member: Client) -> None:
    give(shop, "stars", 12)
    give(shop, "CNY", 8800)
    page = member.get("/me/card?lang=en").text
    assert "¥88.00" in page
    assert "50 more stars to Green" in page
    assert "1 star for every" in page
    assert "Open my card" in member.get("/me?lang=en").text
    assert len(page) < 30_000


def test_a_code_is_shown_as_digits_and_picture_and_follows_itself_without_script(
    shop: fairday.Shop, member: Client
) -> None:
    give(shop, "CNY", 8800)
    first = member.request("POST", "/me/card", headers={"origin": "http://127.0.0.1:8000"})
    digits = re.search(r'class="digits" data-raw>([\d ]+)<', first.text)
    assert digits is not None
    assert len(digits[1].replace(" ", "")) == 18
    follow = re.search(r'http-equiv="refresh" content="45;url=([^"]+)"', first.text)
    assert follow is not None
    second = member.get(follow[1])
    assert second.status_code == 200
    assert digits[1] not in second.text
    assert "refresh" not in member.get("/me/card/code?n=20").text
    assert member.get("/me/card/code?n=21").status_code == 303
    assert member.request("POST", "/me/card", headers={"origin": "http://evil.example"}).status_code == 403
    assert 429 in {member.request("POST", "/me/card").status_code for _ in range(14)}


def test_a_top_up_is_one_of_the_offered_amounts_and_is_the_balance_when_it_was_paid(
    shop: fairday.Shop, member: Client
) -> None:
    assert "Top up" in member.get("/me/card?lang=en").text
    for data in ({"amount": "1", "method": "wechat"}, {"amount": "-5000", "method": "wechat"}, {"amount": "5000"},
                 {"amount": "5000", "method": "balance"}, {"amount": "5000", "method": "cash"}):  # fmt: skip
        assert member.request("POST", "/me/top-up", data=data).status_code == 422, data
    with served(shop) as base:
        answer = member.request("POST", "/me/top-up", data={"amount": "10000", "method": "wechat"})
        number = re.fullmatch(r"/pay/(\w+)/go", answer.headers["location"])
        assert number is not None
        state = shop.payments.state(number[1])
        assert state is not None
        assert (state["pays"], state["amount"]) == (A, 10_000)
        do(base, shop, number[1], "double")
    with shop.db.read() as conn:
        assert accounts.balances(conn, A) == {"CNY": 10_000}
        assert ledger.balance(conn, A, "CNY") == 10_000
