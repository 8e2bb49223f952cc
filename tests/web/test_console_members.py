"""The console's members and program: looked up, adjusted with a reason and once, the program read back as written."""

from __future__ import annotations

import pytest

import fairday
from fairday.kernel.clock import ManualClock
from fairday.kernel.decider import Command
from fairday.people import accounts
from fairday.storage.log import OURS, Happening
from webdesk import Client

FORM = {"on": "yes", "unit": "stars", "per": "10", "months": "12", "keep_days": "365", "grace_days": "30",
        "levels": "Green 50\nGold 200", "top_ups": "50, 100", "days": "1, 15", "days_times": "200",
        "weekdays_times": "100", "birthday_times": "300"}  # fmt: skip


@pytest.fixture
def owner(shop: fairday.Shop, clock: ManualClock) -> Client:
    now = clock.now()
    shop.append([Happening(message_id="m1", kind="track", name="Joined", at=now, received=now, source=OURS,
                           ids=(("email", "li@example.com"),), body={"properties": {}})]).result()  # fmt: skip
    shop.catch_up()
    shop.runner.submit(Command("open", "account:a"))
    with shop.db.write() as conn:
        accounts.attach(conn, "account:a", "email", "li@example.com")
    return Client(shop).sign_in()


def held(shop: fairday.Shop) -> dict[str, int]:
    with shop.db.read() as conn:
        return accounts.balances(conn, "account:a")


def test_the_program_is_kept_as_it_was_written(shop: fairday.Shop, owner: Client) -> None:
    assert owner.post("/console/rewards", FORM).status_code == 303
    told = shop.settings.rewards
    assert (told.on, told.unit, told.per, told.top_ups) == (True, "stars", 1000, (5000, 10_000))
    assert [(x.name, x.at) for x in told.levels] == [("Green", 50), ("Gold", 200)]
    assert [(b.percent, b.days, b.birthday) for b in told.boosts] == [(200, (1, 15), False), (300, (), True)]
    page = owner.get("/console/rewards?lang=en").text
    assert "Gold 200" in page
    assert "1, 15" in page


@pytest.mark.parametrize(
    "wrong",
    [{"levels": "Gold"}, {"levels": "Gold 200\nGreen 50"}, {"per": "0"}, {"per": "x"}, {"months": "-1"},
     {"days": "32"}, {"days": "a"}, {"top_ups": "-5"}, {"unit": "gold"}, {"birthday_times": "9999"}],
)  # fmt: skip
def test_a_program_that_cannot_be_is_told_and_not_kept(
    shop: fairday.Shop, owner: Client, wrong: dict[str, str]
) -> None:
    before = shop.settings.rewards
    answer = owner.post("/console/rewards", FORM | wrong)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert shop.settings.rewards == before


def test_a_member_is_found_by_a_whole_address_and_adjusted_once(shop: fairday.Shop, owner: Client) -> None:
    assert owner.post("/console/rewards", FORM).status_code == 303
    assert "/console/members/a" in owner.get("/console/members?q=li@example.com").text
    assert "/console/members/a" not in owner.get("/console/members?q=li@").text
    form = {"unit": "stars", "amount": "40", "reason": "sorry for the cold latte", "key": "k1"}
    owner.get("/console/members/a")
    for _ in range(2):
        assert owner.post("/console/members/a", form).status_code == 303
    assert held(shop) == {"stars": 40}
    assert owner.post("/console/members/a", form | {"unit": "CNY", "amount": "-12.50", "key": "k2"}).status_code == 409
    assert owner.post("/console/members/a", form | {"unit": "CNY", "amount": "12.50", "key": "k3"}).status_code == 303
    for wrong in ({"amount": "x"}, {"amount": "0"}, {"reason": ""}, {"unit": "EUR"}, {"amount": "1.5"}):
        assert owner.post("/console/members/a", form | {"key": "k4"} | wrong).status_code in (409, 422), wrong
    assert held(shop) == {"CNY": 1250, "stars": 40}
    page = owner.get("/console/members/a?lang=en").text
    assert "sorry for the cold latte" in page
    assert "¥12.50" in page
    assert owner.get("/console/members/nobody").status_code == 404
    assert Client(shop).sign_in("clerk").post("/console/members/a", form).status_code == 403


def test_two_accounts_become_one_after_what_moves_was_shown(shop: fairday.Shop, owner: Client) -> None:
    shop.runner.submit(Command("open", "account:b"))
    shop.runner.submit(Command("earn", "account:b", {"unit": "points", "amount": 70, "reason": "x"}))
    owner.get("/console/members/b")
    for wrong in ("", "nobody@example.com", "b"):
        answer = owner.post("/console/members/b/merge", {"into": wrong})
        assert answer.status_code == 422, wrong
        assert 'role="alert"' in answer.text
    seen = owner.post("/console/members/b/merge?lang=en", {"into": "li@example.com"})
    assert seen.status_code == 200
    assert "70" in seen.text
    assert "li@example.com" in seen.text
    assert held(shop) == {}
    done = owner.post("/console/members/b/merge", {"into": "a", "sure": "yes"})
    assert done.headers["location"] == "/console/members/a?done=merged"
    assert held(shop) == {"points": 70}
    assert owner.post("/console/members/b/merge", {"into": "a", "sure": "yes"}).status_code == 303  # done once
    assert held(shop) == {"points": 70}
    assert owner.post("/console/members/zzz/merge", {"into": "a"}).status_code == 404
    clerk = Client(shop).sign_in("clerk")
    assert clerk.post("/console/members/a/merge", {"into": "b", "sure": "yes"}).status_code == 403
