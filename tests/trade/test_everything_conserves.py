"""Whatever happens to orders, in any currency, paid by anything, exchanged, merged: money, points, offers and goods are
where the orders say they are, to the cent, once everything that was promised is done."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import DAY_MS, ManualClock
from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict, FairdayError
from fairday.kernel.money import split
from fairday.people.accounts.rules import complete
from fairday.storage import ledger
from fairday.storage.log import stream_events
from fairday.storage.runner import stream_state
from fairday.trade import order as rules
from fairday.trade.given import Given, given_by
from fairday.trade.payment.model import number_of, stream_of
from fairday.trade.payment.tables import payment_refunds
from fairday.trade.records import Contact
from trading import line, placing

FILLED = 1_000
POINTS = 5_000
RATE = {"home": "CNY", "rate": "1/8", "day": 20_000, "source": "test"}
STEPS = ("place", "begin", "pay", "part", "ship", "ship", "refund", "refund", "exchange", "exchange", "cancel", "wait",
         "merge", "fail")  # fmt: skip


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return iter(range(10**6))


@pytest.fixture
def trade(shop: fairday.Shop) -> fairday.Shop:
    shop.change_settings(rewards={"on": True, "per": 100, "unit": "points"})
    return shop


class Life:
    """Two members, their orders and payments, and what the orders say should be where."""

    def __init__(self, shop: fairday.Shop, clock: ManualClock, n: int, data: st.DataObject) -> None:
        self.shop, self.clock, self.data, self.n = shop, clock, data, n
        self.a, self.b = f"account:a{n}", f"account:b{n}"
        self.orders: list[str] = []
        self.payments: list[str] = []
        self.mug, self.bowl = f"mug{n}", f"bowl{n}"
        goods = {self.mug: 5_000, self.bowl: 9_901}
        with shop.db.write() as conn:
            save_products(conn, [ProductRow(product=p, title=p, price=n, currency="CNY") for p, n in goods.items()], 1)
        for sku in goods:
            shop.stock.count(sku, "main", FILLED)
        for account in (self.a, self.b):
            shop.runner.submit(Command("open", account))
        shop.runner.submit(Command("earn", self.a, {"unit": "points", "amount": POINTS, "reason": "gift"}))
        top_up = shop.payments.begin(self.a, "cash", "", 12_345, "CNY", subject="x", actor="a").number
        shop.payments.confirm(top_up, "slip", "c")
        self.sold = self.sales()

    # ---- what is asked -----------------------------------------------------------------------------------------------

    def draw(self, *choices: Any) -> Any:
        return self.data.draw(st.sampled_from(choices))

    def place(self) -> None:
        qty, off = self.draw(1, 2, 3), self.draw(0, 0, 333, 5_000)
        shipping, currency = self.draw(0, 800), self.draw("CNY", "CNY", "EUR")
        order = f"order:{self.n}-{len(self.orders)}"
        account = self.a if self.state(self.a)["into"] is None else self.b
        spent = self.draw(0, 100, 777)
        told = {"unit": "points", "amount": spent}
        held: list[Any] = [["stock", f"stock:{self.mug}", {"sku": self.mug, "place": "main", "line": "1", "qty": qty}]]
        held += [["points", account, told]] if spent else []
        held += [["earning", account, {"unit": "points", "amount": self.draw(1, 149), "days": None, "program": None}]]
        if off:
            counts = {"rule": "r", "amount": off, "uses": 1}
            held += [["budget", f"budget:r{self.n}", counts], ["budget", f"budget:r{self.n}:person:{account}", counts]]
        of = line("1", self.mug, qty, 5_000, off=off, tax=self.draw(0, 41))
        of["discounts"] = [[f"r{self.n}", off]] if off else []
        more: dict[str, Any] = {"currency": currency}
        if currency == "EUR":
            parts = {"1": of["paid"] * 8 + 3, "shipping": shipping * 8}
            told = [[rule, n * 8 + 3] for rule, n in of["discounts"]]
            more["data"] = {"exchange": RATE | {"total": sum(parts.values()), "parts": parts, "off": {"1": told}}}
        asked = placing(of, shipping=shipping, holds=held, account=account, **more)
        if self.shop.orders.place(order, asked, Contact(country="CN"), (), actor="a").ok:
            self.orders.append(order)
            if self.draw(True, True, False):
                self.begin(order)
                for number in self.payments[-1:]:
                    self.pay(number)

    def begin(self, order: str) -> None:
        state = self.state(order)
        if rules.due(state):
            self.payments.append(self.shop.payments.begin(
                order, "cash", "", rules.due(state), state["currency"], subject="x", actor="a"
            ).number)  # fmt: skip

    def pay(self, number: str) -> None:
        with contextlib.suppress(Conflict):  # it was paid before
            self.shop.payments.confirm(number, "slip", "c")

    def part(self, order: str) -> None:
        state, account = self.state(order), self.a if self.state(self.a)["into"] is None else self.b
        if rules.due(state):
            self.shop.payments.spend_part(order, rules.due(state), state["currency"], account=account, actor="a")

    def refund(self, order: str) -> None:
        lines = self.state(order)["lines"]
        units = {p: min(self.draw(0, 1, 3), x["shipped"] - x["returned"]) for p, x in lines.items()}
        rest = {p: min(self.draw(0, 1, 3), rules.waiting(x)) for p, x in lines.items()}
        said = {"units": units, "unshipped": rest, "shipping": self.draw(True, False), "why": "damaged",
                "extra": self.draw(0, 0, 1, 777, 5_000, 9_667)}  # fmt: skip
        self.shop.orders.act("order.refund", order, said, actor="c")

    def exchange(self, order: str) -> None:
        into = f"order:{self.n}-{len(self.orders)}"
        units = {p: x["shipped"] - x["returned"] for p, x in self.state(order)["lines"].items()}
        units = {p: min(self.draw(1, 2, 3), n) for p, n in units.items()}
        wants = [(self.draw(self.mug, self.mug, self.bowl), self.draw(1, 2))]
        try:
            seen = self.shop.exchanges.look(order, units, wants).seen
            self.shop.exchanges.make(order, into, units, wants, seen=seen, actor="c")
        except FairdayError:
            return
        self.orders.append(into)

    def step(self, name: str) -> None:
        if name == "place" or not self.orders:
            return self.place()
        order = self.draw(*self.orders[-3:])
        match name:
            case "begin" | "part" | "refund" | "exchange":
                getattr(self, name)(order)
            case "pay" if self.payments:
                self.pay(self.draw(*self.payments))
            case "ship" | "cancel":
                self.shop.orders.act(f"order.{name}", order, actor="c")
            case "wait":
                self.clock.move(self.draw(1, 60) * DAY_MS // 24)
                self.fire()
                self.clock.move(self.draw(0, 60) * DAY_MS)
                self.fire()
            case "merge" if self.state(self.a)["into"] is None:
                self.shop.merging.merge(self.a, self.b)
            case "fail":  # the provider will not, and is asked again
                for payment, refund, amount in self.asked()[:1]:
                    said = {"refund": refund, "state": "failed", "amount": amount, "trade": "", "at": 1}
                    self.shop.runner.submit(Command("refund.outcome", payment, said))
                    self.shop.payments.refund_again(number_of(payment), refund, "c")
        return None

    def fire(self) -> None:
        while self.shop.fire_due():
            pass

    def asked(self) -> list[tuple[str, str, int]]:
        r = payment_refunds.c
        query = select(r.payment, r.refund, r.amount).where(r.status == "requested").order_by(r.payment, r.refund)
        mine = {stream_of(number) for number in self.payments}
        with self.shop.db.read() as conn:
            return [(p, refund, n) for p, refund, n in conn.execute(query) if p in mine]

    def done(self) -> None:
        """Everything that was promised is done."""
        for payment, refund, _ in self.asked():
            self.shop.payments.paid_back(number_of(payment), refund, "slip", "c")
        for _ in range(3):
            self.shop.payments.tick()
        self.fire()

    # ---- what should be where ----------------------------------------------------------------------------------------

    def state(self, stream: str) -> Any:
        with self.shop.db.read() as conn:
            found = stream_state(conn, stream)
        return {"into": None} if found is None else found[1]

    def books(self, account: str, unit: str = "CNY") -> int:
        with self.shop.db.read() as conn:
            return ledger.balance(conn, account, unit)

    def sales(self) -> list[int]:
        return [sum(self.books(x, unit) for x in ("sales", "sales:shipping", "tax")) for unit in ("CNY", "EUR")]

    def expired(self, account: str) -> int:
        """Points that ended, below 0."""
        with self.shop.db.read() as conn:
            return sum(e.data["change"] for e in stream_events(conn, account) if e.name == "Value Expired")

    def check(self) -> None:
        orders = {order: self.state(order) for order in self.orders}
        sold: Counter[str] = Counter()
        paid: Counter[str] = Counter()
        points = POINTS
        counted: Counter[tuple[str, str]] = Counter()
        gone: Counter[str] = Counter()
        for order, s in orders.items():
            cur = s["currency"]
            taken = rules.is_paid(s) and s["life"] in ("open", "completed", "cancelled")
            sold[cur] += s["total"] - s["refunded"] if taken else 0
            assert self.books(order, cur) == (0 if taken else rules.kept_paid(s)), (order, "its money is elsewhere")
            assert s["refunded"] <= s["total"]
            for p in s["payments"]:
                paid[p["payment"]] += p["amount"] - p["back"]
            ended = s["life"] in ("cancelled", "expired")
            nothing = ended or rules.over(s)
            for claim, stream, data in s["holds"]:
                amount, whole, back = data.get("amount", 0), s["total"], s["refunded"]
                stands = 0 if nothing else amount - (amount * back // whole if whole else 0)
                if claim == "points":
                    points -= stands
                elif claim == "earning" and s["life"] == "completed" and not nothing:
                    points += amount * (whole - back) // whole if whole else amount
                elif claim == "budget":
                    kind = "person" if ":person:" in stream else "all"
                    counted[kind, "amount"] += stands
                    counted[kind, "uses"] += 0 if nothing else data["uses"]
            for x in s["lines"].values():
                gone[x["sku"]] += x["shipped"] - x["returned"]
        self.check_given(orders)
        assert self.sales() == [self.sold[0] + sold["CNY"], self.sold[1] + sold["EUR"]]
        members = [complete(self.state(account)) for account in (self.a, self.b)]
        for account, s in zip((self.a, self.b), members, strict=True):
            for unit in ("CNY", "points"):
                assert s["balances"].get(unit, 0) == self.books(account, unit)
        points += sum(self.expired(account) for account in (self.a, self.b))
        held = [sum(s["balances"].get("points", 0) - s["owed"].get("points", 0) for s in members), points]
        assert held[0] == held[1], "points were made or lost"
        rule = f"budget:r{self.n}"
        for kind, counters in (("all", [rule]), ("person", [f"{rule}:person:{x}" for x in (self.a, self.b)])):
            states = [self.state(x) for x in counters]
            for what in ("amount", "uses"):
                assert sum(s.get(what, 0) for s in states) == counted[kind, what], (kind, what)
        for payment, left in paid.items():
            s = self.state(payment)
            back = sum(r["amount"] for r in s["refunds"].values() if r["status"] == "succeeded")
            assert s["amount"] - back == left, "what went back is not what the orders say"
            assert s["problem"] is None
        for number in self.payments:
            s = self.state(stream_of(number))
            if s["status"] == "succeeded" and s["for"] == "refund":
                assert paid[stream_of(number)] == 0
                assert sum(r["amount"] for r in s["refunds"].values() if r["status"] == "succeeded") == s["amount"]
        for sku in (self.mug, self.bowl):
            waits = sum(rules.waiting(x) for s in orders.values() for x in s["lines"].values() if x["sku"] == sku)
            assert self.state(f"stock:{sku}")["places"]["main"] == [FILLED - gone[sku], waits, 0]

    def check_given(self, orders: Mapping[str, Any]) -> None:
        """What the offer has given is what stands in the orders that stand, in the shop's currency."""
        self.shop.catch_up()
        expected = Given()
        for s in orders.values():
            told = s["data"].get("exchange", {"off": {p: x["discounts"] for p, x in s["lines"].items()}})["off"]
            off = {p: sum(n for rule, n in told.get(p, ()) if rule == f"r{self.n}") for p in s["lines"]}
            if s["life"] in ("cancelled", "expired") or not any(off.values()):
                continue
            gone = {p: x["qty"] - rules.kept(x) for p, x in s["lines"].items()}
            back = sum(split(off[p], (gone[p], x["qty"] - gone[p]))[0] for p, x in s["lines"].items())
            expected = Given(
                orders=expected.orders + 1, amount=expected.amount + sum(off.values()), back=expected.back + back
            )
        with self.shop.db.read() as conn:
            assert given_by(conn, [f"r{self.n}"]).get(f"r{self.n}", Given()) == expected


@settings(max_examples=15)
@given(st.lists(st.sampled_from(STEPS), min_size=8, max_size=20), st.data())
def test_whatever_happens_everything_is_where_the_orders_say(
    trade: fairday.Shop, clock: ManualClock, numbers: Iterator[int], asked: list[str], data: st.DataObject
) -> None:
    life = Life(trade, clock, next(numbers), data)
    life.place()
    for name in asked:
        life.step(name)
    life.done()
    life.check()
