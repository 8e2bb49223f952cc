"""The three-way match: every way in which orders, ledger and bill can disagree is listed, and nothing else."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

import fairday
from fairday.cli import main
from fairday.kernel.clock import DAY_MS, ManualClock, local_day
from fairday.kernel.errors import FairdayError
from fairday.storage import ledger
from fairday.trade.payment import reconcile as matching
from fairday.trade.payment.model import BillLine
from fairday.trade.payment.reconcile import ZONE, DayDecider, Line, match, reconcile, run_due
from fairday.trade.payment.tables import payments
from paying import AMOUNT, begin, do, ready, served


def line(number: str = "p1", amount: int = 100, kind: Any = "payment", currency: str = "CNY") -> Line:
    return Line(kind=kind, number=number, amount=amount, currency=currency)


def billed(
    number: str = "p1", amount: int = 100, kind: Any = "payment", currency: str = "CNY", fee: int = 1
) -> BillLine:
    return BillLine(kind=kind, number=number, amount=amount, currency=currency, fee=fee)


@pytest.mark.parametrize(
    ("orders", "books", "bill", "codes"),
    [
        ([line()], [line()], [billed()], []),
        ([], [line()], [billed()], ["missing_in_orders"]),
        ([line()], [], [billed()], ["missing_in_ledger"]),
        ([line()], [line()], [], ["missing_in_bill"]),
        ([], [], [billed()], ["missing_in_orders", "missing_in_ledger"]),
        ([line()], [line(amount=99)], [billed()], ["amount_differs"]),
        ([line()], [line()], [billed(amount=101)], ["amount_differs"]),
        ([line()], [line()], [billed(currency="USD")], ["currency_differs"]),
        ([line()], [line()], [billed(), billed()], ["twice_in_bill"]),
        ([line()], [line()], [billed(kind="refund")],
         ["missing_in_bill", "missing_in_orders", "missing_in_ledger"]),
        ([line("a"), line("b")], [line("b")], [billed("b"), billed("c")],
         ["missing_in_ledger", "missing_in_bill", "missing_in_orders", "missing_in_ledger"]),
    ],
)  # fmt: skip
def test_each_difference_is_listed_by_its_name(
    orders: list[Line], books: list[Line], bill: list[BillLine], codes: list[str]
) -> None:
    assert [d.code for d in match(orders, books, bill).differences] == codes


def test_what_stands_on_the_neighbouring_days_bill_is_no_difference_here() -> None:
    near = frozenset({("payment", "p1")})
    assert match([line()], [line()], [], near).differences == ()
    assert [d.code for d in match([line()], [], [], near).differences] == ["missing_in_ledger", "missing_in_bill"]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([1, 100]), st.integers(0, 7)), max_size=12))
def test_a_day_matches_exactly_when_the_three_sides_are_the_same(found: list[tuple[str, int, int]]) -> None:
    sides: list[list[tuple[str, int]]] = [[], [], []]
    for number, amount, where in {n: (n, a, w) for n, a, w in found}.values():
        for i in range(3):
            if where >> i & 1:
                sides[i].append((number, amount))
    made = match([line(*x) for x in sides[0]], [line(*x) for x in sides[1]], [billed(*x) for x in sides[2]])
    same = sorted(sides[0]) == sorted(sides[1]) == sorted(sides[2])
    assert (not made.differences) == same
    assert made.matched == len(set(sides[0]) & set(sides[1]) & set(sides[2]))
    assert made.paid.get("CNY", 0) == sum(a for _, a in sides[2])


def test_fees_are_posted_once_and_a_mended_bill_posts_the_difference() -> None:
    rules, state, posted = DayDecider(), DayDecider().initial(), 0
    for n, fee, amount in ((1, 60, 60), (2, 60, None), (3, 55, -5), (4, 0, -55)):
        made = rules.decide(
            state, fairday.kernel.decider.Command("fees", "settlement:wechat:1", {"fees": {"CNY": fee}}), n
        )
        assert not isinstance(made, fairday.kernel.decider.Refusal)
        for event in made:
            for t in rules.transfers("settlement:wechat:1", event, n):
                posted += t.amount if t.debit == "fees:wechat" else -t.amount
            state = rules.evolve(state, event)
        assert (bool(made), posted) == (amount is not None, fee)
    refused = rules.decide(
        state, fairday.kernel.decider.Command("fees", "settlement:wechat:1", {"fees": {"CNY": 1.5}}), 1
    )
    assert isinstance(refused, fairday.kernel.decider.Refusal)


def test_a_day_of_the_shop_is_matched_with_the_providers_bills(
    shop: fairday.Shop, clock: ManualClock, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(ready(shop)) as base:
        numbers = []
        for n, (method, channel) in enumerate([("wechat", "h5"), ("wechat", "native"), ("alipay", "page")]):
            started = begin(shop, method, channel, f"ticket:{n}")
            if method == "alipay":
                httpx.get(started.go.url)
            do(base, shop, started.number, "pay", method)
            numbers.append(started.number)
        shop.payments.refund(numbers[0], "r1", 800, "", "anna")
        shop.payments.tick()
        clock.move(10_000)
        shop.payments.tick()
        day = local_day(clock.now(), ZONE)
        with pytest.raises(FairdayError):
            reconcile(shop.payments, "wechat", day)
        clock.move(DAY_MS)
        first = {d.method: d for d in run_due(shop.payments) if d.day == day}
        assert {m: (d.state, d.match.matched) for m, d in first.items()} == {
            "wechat": ("matched", 3),
            "alipay": ("matched", 1),
        }
        assert first["wechat"].match.paid == {"CNY": 2 * AMOUNT}
        assert first["wechat"].match.refunded == {"CNY": 800}
        run_due(shop.payments)
        with shop.db.read() as conn:
            fees = -ledger.balance(conn, "fees:wechat", "CNY")
            owed = -ledger.balance(conn, "receivable:wechat", "CNY")
            assert [(d.method, d.state) for d in matching.days(conn) if d.day == day] == [
                ("alipay", "matched"), ("wechat", "matched"),
            ]  # fmt: skip
        assert (fees, owed) == (53 + 53 - 5, 2 * AMOUNT - 800 - fees)

        # Somebody meddles: the books lose an entry, a payment's day is another's, the bill has what nobody asked for.
        with shop.db.write() as conn:
            conn.execute(delete(ledger.transfers).where(ledger.transfers.c.key == f"pay:{numbers[1]}"))
        shop.payments.sandbox.open("wechat", "0190ffffffff", amount=5, currency="CNY", channel="h5", subject="",
                                   notify_url="", expires=clock.now() + 1, payer="", return_url="")  # fmt: skip
        trade = shop.payments.sandbox.find("wechat", "0190ffffffff")
        assert trade is not None
        with shop.payments.sandbox.books() as conn:
            shop.payments.sandbox._save(conn, trade | {"state": "paid", "trade": "4", "paid_at": clock.now() - DAY_MS})
        found = reconcile(shop.payments, "wechat", day)
        assert found.state == "differs"
        assert [(d.code, d.number) for d in found.match.differences] == sorted(
            [("missing_in_ledger", numbers[1]), ("missing_in_ledger", "0190ffffffff"),
             ("missing_in_orders", "0190ffffffff")],
            key=lambda d: (d[1], d[0] != "missing_in_orders"),
        )  # fmt: skip
        monkeypatch.setattr("fairday.cli.reconcile.open_shop", lambda _: Open(shop))
        told = CliRunner().invoke(main, ["reconcile", "--method", "wechat", "--day", "2026-06-01"])
        assert told.exit_code == 1, told.output
        assert "missing_in_ledger: payment 0190ffffffff (orders -, ledger -, bill 5, minor units)" in told.output
        assert "paid CNY 176.05" in told.output
        good = CliRunner().invoke(main, ["reconcile", "--method", "alipay", "--day", "2026-06-01", "--json"])
        assert (good.exit_code, '"state":"matched"' in good.output) == (0, True)
        assert CliRunner().invoke(main, ["reconcile", "--day", "soon"]).exit_code == 1


def test_money_that_came_without_a_bill_waits_for_one(shop: fairday.Shop, clock: ManualClock) -> None:
    with served(ready(shop)) as base:
        number = begin(shop).number
        do(base, shop, number, "pay")
        with shop.db.write() as conn:  # it came the day before by our books, and the provider has no bill of that day
            conn.execute(update(payments).values(paid_at=clock.now() - DAY_MS))
        day = local_day(clock.now(), ZONE) - 1
        assert reconcile(shop.payments, "wechat", day).state == "waiting"
        assert ("wechat", day) in matching.due(shop.payments)
        assert reconcile(shop.payments, "alipay", day).state == "matched"


class Open:
    """An open shop handed to a command that would open and close one."""

    def __init__(self, shop: fairday.Shop) -> None:
        self.shop = shop

    def __enter__(self) -> fairday.Shop:
        return self.shop

    def __exit__(self, *_: object) -> None:
        return None
