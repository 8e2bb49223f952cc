"""Value hangs on accounts; identity never moves it."""

from __future__ import annotations

import pytest

import fairday
from fairday.kernel.decider import Command
from fairday.kernel.errors import FairdayError, NotFound
from fairday.people import accounts, identity
from fairday.storage import ledger
from fairday.storage.log import Happening


def do(shop: fairday.Shop, name: str, account: str, **data):
    return shop.runner.submit(Command(name, account, data, actor="test"))


def earn(shop: fairday.Shop, account: str, amount: int, unit: str = "points"):
    do(shop, "open", account)
    return do(shop, "earn", account, unit=unit, amount=amount, reason="order")


def held(shop: fairday.Shop, account: str, unit: str = "points") -> tuple[int, int]:
    """The state's balance and the ledger's."""
    with shop.db.read() as conn:
        return accounts.balances(conn, account).get(unit, 0), ledger.balance(conn, account, unit)


def test_what_is_earned_spent_and_adjusted_stands_in_state_and_ledger(shop):
    assert earn(shop, "account:a", 500).ok
    assert do(shop, "spend", "account:a", unit="points", amount=120, reason="gift").ok
    assert do(shop, "adjust", "account:a", unit="points", amount=-30, reason="mistake").ok
    assert held(shop, "account:a") == (350, 350)
    refused = do(shop, "spend", "account:a", unit="points", amount=351, reason="gift")
    assert refused.refusal.code == "insufficient"
    assert do(shop, "adjust", "account:a", unit="points", amount=-351, reason="no").refusal.code == "insufficient"
    assert held(shop, "account:a") == (350, 350)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"unit": "", "amount": 1, "reason": "x"}, "bad_unit"),
        ({"unit": "points", "amount": 0, "reason": "x"}, "bad_amount"),
        ({"unit": "points", "amount": -1, "reason": "x"}, "bad_amount"),
        ({"unit": "points", "amount": 1.5, "reason": "x"}, "bad_amount"),
        ({"unit": "points", "amount": True, "reason": "x"}, "bad_amount"),
        ({"unit": "points", "amount": 10**16, "reason": "x"}, "bad_amount"),
        ({"unit": "points", "amount": 1, "reason": ""}, "bad_reason"),
        ({"unit": "points", "amount": 1}, "bad_reason"),
    ],
)
def test_what_is_not_value_is_refused(shop, data, code):
    do(shop, "open", "account:a")
    assert do(shop, "earn", "account:a", **data).refusal.code == code


def test_an_account_must_be_opened_and_holds_a_bounded_number_of_units(shop):
    assert do(shop, "earn", "account:a", unit="points", amount=1, reason="x").refusal.code == "account_unknown"
    assert do(shop, "dance", "account:a").refusal.code == "unknown_command"
    for n in range(accounts.MAX_UNITS):
        assert earn(shop, "account:a", 1, f"u{n}").ok
    assert earn(shop, "account:a", 1, "more").refusal.code == "too_many_units"


def test_merging_accounts_moves_everything_once_and_closes_the_first(shop):
    earn(shop, "account:a", 100)
    earn(shop, "account:a", 9, "CNY")
    earn(shop, "account:b", 5)
    command = accounts.merge_command("account:a", "account:b", "clerk", "k1")
    assert shop.runner.submit(command).ok
    assert shop.runner.submit(command).ok
    assert held(shop, "account:a") == (0, 0)
    assert held(shop, "account:b") == (105, 105)
    assert held(shop, "account:b", "CNY") == (9, 9)
    assert earn(shop, "account:a", 1).refusal.code == "account_merged"
    again = accounts.merge_command("account:a", "account:b", "clerk")
    assert shop.runner.submit(again).refusal.code == "account_merged"
    itself = accounts.merge_command("account:b", "account:b", "clerk")
    assert shop.runner.submit(itself).refusal.code == "same_account"
    assert (
        shop.runner.submit(accounts.merge_command("account:b", "account:c", "clerk")).refusal.code == "account_unknown"
    )
    with pytest.raises(FairdayError, match="account:ID"):
        accounts.merge_command("stock:a", "account:b", "clerk")


def test_identity_joins_accounts_to_people_and_never_moves_value(shop):
    now = shop.clock.now()
    for n in (1, 2):
        at = {"at": now, "received": now, "source": "web"}
        shop.append([Happening(message_id=f"m{n}", kind="identify", ids=(("user_id", f"u{n}"),), **at)]).result()
    shop.followers.catch_up()
    earn(shop, "account:a", 100)
    earn(shop, "account:b", 5)
    with shop.db.write() as conn:
        accounts.attach(conn, "account:a", "user_id", "u1")
        accounts.attach(conn, "account:b", "user_id", "u2")
        with pytest.raises(NotFound):
            accounts.attach(conn, "account:b", "user_id", "u3")

    def owned() -> list[list[str]]:
        with shop.db.read() as conn:
            persons = [identity.person_of(conn, "user_id", u) for u in ("u1", "u2")]
            return [accounts.accounts_of(conn, p) for p in persons]

    settings = shop.settings.identity
    assert owned() == [["account:a"], ["account:b"]]
    with shop.db.read() as conn:
        call = identity.merge(conn, "user_id:u1", "user_id:u2", settings, now, "op1")
    shop.append([call]).result()
    shop.followers.catch_up()
    assert owned() == [["account:a", "account:b"]] * 2
    assert (held(shop, "account:a"), held(shop, "account:b")) == ((100, 100), (5, 5))
    with shop.db.read() as conn:
        call = identity.undo_merge(conn, "op1", now)
    shop.append([call]).result()
    shop.followers.catch_up()
    assert owned() == [["account:a"], ["account:b"]]
    assert (held(shop, "account:a"), held(shop, "account:b")) == ((100, 100), (5, 5))
    shop.runner.submit(accounts.merge_command("account:a", "account:b", "clerk"))
    assert owned() == [["account:b"], ["account:b"]]
