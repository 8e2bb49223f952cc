"""Stored value: topped up, paid with, given back; the ledger's balance is the account's own, always."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fairday
from fairday.kernel.clock import DAY_MS, ManualClock
from fairday.kernel.decider import Command, Refusal
from fairday.kernel.errors import Conflict, FairdayError
from fairday.people import accounts
from fairday.people.accounts import AccountDecider
from fairday.storage import ledger
from fairday.storage.runner import stream_state
from fairday.trade import order as rules
from fairday.trade.payment import balance
from fairday.trade.payment.decider import PaymentDecider
from fairday.trade.payment.model import stream_of
from fairday.trade.payment.settling import settle
from trading import Shelf, ShelfClaim, World, fill, line, place, placing

A, B, O = "account:a", "account:b", "order:1"  # noqa: E741


@pytest.fixture
def base(shop: fairday.Shop) -> fairday.Shop:
    shop.runner.register(Shelf())
    shop.orders.register_claim(ShelfClaim())
    fill(shop, "mug", 20)
    for account in (A, B):
        shop.runner.submit(Command("open", account))
    return shop


def top_up(shop: fairday.Shop, amount: int, account: str = A) -> str:
    number = shop.payments.begin(account, "cash", "", amount, "CNY", subject="card", actor="test").number
    shop.payments.confirm(number, "slip 1", "test")
    return number


def holds(shop: fairday.Shop, account: str = A) -> int:
    """What an account holds, which is what the ledger says."""
    with shop.db.read() as conn:
        kept = accounts.balances(conn, account).get("CNY", 0)
        assert kept == ledger.balance(conn, account, "CNY")
    return kept


def books(shop: fairday.Shop, account: str) -> int:
    with shop.db.read() as conn:
        return ledger.balance(conn, account, "CNY")


def status(shop: fairday.Shop, order: str = O) -> str:
    found = shop.orders.state(order)
    assert found is not None
    return rules.status(found)


def test_money_paid_in_is_a_balance_once_and_is_known_by_its_payment(base: fairday.Shop) -> None:
    number = top_up(base, 10_000)
    base.payments.confirm(number, "slip 1", "test")
    assert holds(base) == 10_000
    assert books(base, "receivable:cash") == -10_000
    with base.db.read() as conn:
        found = stream_state(conn, A)
    assert found is not None
    assert base.payments.payables["account"].received(found[1], stream_of(number)) == 10_000
    with pytest.raises(Conflict) as error:
        base.payments.refund(number, "back", 100, "wants it", "test")
    assert error.value.code == "topped_up"


def test_money_for_an_account_that_was_merged_goes_back(base: fairday.Shop) -> None:
    number = base.payments.begin(A, "cash", "", 5000, "CNY", subject="card", actor="test").number
    assert base.runner.submit(accounts.merge_command(A, B, "test")).ok
    base.payments.confirm(number, "slip", "test")
    state = base.payments.state(number)
    assert state is not None
    assert (state["for"], state["refunds"]["auto"]["status"]) == ("refund", "requested")
    assert (holds(base), holds(base, B)) == (0, 0)
    base.payments.paid_back(number, "auto", "drawer", "test")
    assert (books(base, "receivable:cash"), books(base, stream_of(number)), holds(base)) == (0, 0, 0)


def test_an_order_is_paid_by_balance_and_its_money_comes_back_there(base: fairday.Shop, clock: ManualClock) -> None:
    top_up(base, 10_000)
    assert place(base, O, line("1", "mug", 2, 1000), shipping=800, account=A).ok
    number = base.payments.spend(O, 2800, "CNY", account=A, actor=O).number
    assert (status(base), holds(base), books(base, O), books(base, "sales")) == ("paid", 7200, 0, 2000)
    base.payments.spend(O, 2800, "CNY", account=A, actor=O, number=number)
    assert holds(base) == 7200, "sent again it is the same payment"
    assert base.orders.act("order.ship", O, actor="clerk").ok
    assert base.orders.act("order.refund", O, {"units": {"1": 1}}, actor="clerk").ok
    assert holds(base) == 7200, "asked for, not yet done"
    base.payments.tick()
    base.payments.tick()
    assert (holds(base), books(base, O), books(base, "sales")) == (8200, 0, 1000)
    state = base.payments.state(number)
    assert state is not None
    assert [r["status"] for r in state["refunds"].values()] == ["succeeded"]


def test_too_little_pays_nothing_and_neither_does_what_is_paid_already(base: fairday.Shop) -> None:
    top_up(base, 1500)
    place(base, O, line("1", "mug", 2, 1000), account=A)
    for wrong, code in (({"amount": 2000}, "insufficient"), ({"account": "account:none"}, "account_unknown"),
                        ({"currency": "EUR"}, "insufficient"), ({"amount": -5}, "bad_amount"),
                        ({"account": "order:2"}, "account_unknown")):  # fmt: skip
        given: dict[str, Any] = {"amount": 1000, "currency": "CNY", "account": A} | wrong
        with pytest.raises(Conflict) as error:
            base.payments.spend(O, actor="x", **given)
        assert error.value.code == code, wrong
    with pytest.raises(Conflict) as error:
        base.payments.spend(B, 1000, "CNY", account=A, actor="x")
    assert error.value.code == "bad_payable"
    with pytest.raises(FairdayError) as refused:
        base.payments.begin(O, "balance", "", 1000, "CNY", subject="", actor="x")
    assert refused.value.code == "bad_method"
    top_up(base, 5000)
    base.payments.spend(O, 2000, "CNY", account=A, actor="x")
    with pytest.raises(Conflict) as error:
        base.payments.spend(O, 2000, "CNY", account=A, actor="x")
    assert error.value.code == "nothing_due"
    assert (holds(base), status(base)) == (4500, "paid")


def test_many_at_once_spend_a_balance_no_further_than_it_reaches(base: fairday.Shop) -> None:
    top_up(base, 5000)
    for n in range(12):
        assert place(base, f"order:r{n}", line("1", "mug", 1, 1000), account=A).ok

    def spend(n: int) -> bool:
        try:
            base.payments.spend(f"order:r{n}", 1000, "CNY", account=A, actor=str(n))
        except Conflict as error:
            assert error.code == "insufficient"
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(spend, range(12))) == 5
    assert (holds(base), books(base, "sales")) == (0, 5000)


def test_a_refund_follows_a_merged_account_to_the_one_it_went_into(base: fairday.Shop, clock: ManualClock) -> None:
    top_up(base, 3000)
    place(base, O, line("1", "mug", 2, 1000), account=A)
    base.payments.spend(O, 2000, "CNY", account=A, actor=O)
    assert base.runner.submit(accounts.merge_command(A, B, "test")).ok
    assert base.orders.act("order.cancel", O, {"why": "changed_mind"}, actor="buyer").ok
    base.payments.tick()
    base.fire_due()
    assert (holds(base), holds(base, B)) == (0, 3000)


def test_money_that_would_have_ended_comes_back_as_the_lots_it_was(base: fairday.Shop, clock: ManualClock) -> None:
    soon = clock.now() + 90 * DAY_MS
    gift = {"unit": "CNY", "amount": 1500, "reason": "gift", "expires": soon}
    assert base.runner.submit(Command("earn", A, gift)).ok
    top_up(base, 1000)
    place(base, O, line("1", "mug", 2, 1000), account=A)
    base.payments.spend(O, 2000, "CNY", account=A, actor=O)
    for units in ({"1": 1}, {"1": 1}):
        assert base.orders.act("order.refund", O, {"unshipped": units}, actor="clerk").ok
        base.payments.tick()
    with base.db.read() as conn:
        found = stream_state(conn, A)
    assert found is not None
    assert [tuple(x) for x in found[1]["lots"]["CNY"]] == [(soon, 1500), (None, 1000)]
    assert holds(base) == 2500


class Purse(World):
    """Accounts, payments and orders in memory."""

    def __init__(self) -> None:
        super().__init__()
        payables = {"order": self.payable, "account": balance.AccountPayable()}
        self.register(AccountDecider())
        self.register(PaymentDecider())
        for spanning in (balance.pay(payables), balance.GIVE_BACK, settle(payables), accounts.MERGE,
                         accounts.DEADLINE_COMMAND):  # fmt: skip
            self.register_spanning(spanning)
        from fairday.trade.paying import PaymentClaim

        self.register_claim(PaymentClaim())
        for account in (A, B):
            assert self.ask("open", account) is None
        self.ask("fill", "shelf:mug", n=1000)

    def check(self) -> None:
        for account in (A, B):
            assert self.state(account)["balances"].get("CNY", 0) == self.balance(account)
        assert all(n >= 0 for a in (A, B) for n in self.state(a)["balances"].values())


STEP = st.tuples(
    st.sampled_from(
        ["top", "top", "order", "pay", "pay", "cancel", "refund", "back", "earn", "adjust", "merge", "day"]
    ),
    st.sampled_from([A, B]),
    st.integers(0, 5),
    st.integers(1, 3000),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_whatever_happens_the_ledgers_balance_is_the_accounts(steps: list[tuple[str, str, int, int]]) -> None:
    world = Purse()
    spent: list[str] = []
    for n, (what, account, which, amount) in enumerate(steps):
        world.now += 1000
        order = f"order:{which}"
        asked = {"channel": "", "currency": "CNY", "expires": world.now + 60_000}
        if what == "top":
            payment = f"payment:top{n:06}"
            world.ask("request", payment, pays=account, method="cash", amount=amount, account=None, **asked)
            world.ask(
                "payment.settle", payment, state="succeeded", amount=amount, currency="CNY", trade="t", at=world.now
            )
        elif what == "order":
            world.ask("order.place", order, **placing(line("1", "mug", 3, 500), account=account))
        elif what == "pay" and world.state(order)["life"] != "new":
            payment = f"payment:pay{n:06}"
            made = world.ask("payment.balance", payment, pays=order, amount=1500, account=account, **asked)
            spent += [] if isinstance(made, Refusal) else [payment]
        elif what == "cancel":
            world.ask("order.cancel", order, why="")
        elif what == "refund":
            world.ask("order.refund", order, unshipped={"1": 1 + amount % 3})
        elif what == "back" and spent:
            payment = spent[amount % len(spent)]
            for refund in world.state(payment)["refunds"]:
                assert world.ask("payment.give_back", payment, refund=refund) is None
        elif what == "earn":
            ends = world.now + (1 + which) * DAY_MS
            world.ask("earn", account, unit="CNY", amount=amount, reason="gift", expires=ends)
        elif what == "adjust":
            world.ask("adjust", account, unit="CNY", amount=amount - 1500 or 1, reason="mended")
        elif what == "merge" and which == 0:
            world.ask("account.merge", account, into=B if account == A else A)
        elif what == "day":
            world.now += DAY_MS
            world.fire()
        world.check()
