"""Paying in the store: a code on the member's phone, read by the till, pays from their balance.

A code is 18 digits, good for a minute and for one sale; its digest alone is kept, for a day. ``till.pay`` spans the
code, the account, the order, its stock and its payment: the sale is placed, paid, handed over and closed, and its
points earned, in one transaction, once for each receipt of a till. See docs/algorithms/rewards.md.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select

from fairday.goods.catalogue import products_named
from fairday.goods.records import details_of, variants_named
from fairday.goods.stock import Stock, stock_holds
from fairday.kernel.claims import Hold
from fairday.kernel.decider import (
    BaseDecider,
    Command,
    Event,
    Located,
    Peek,
    Refusal,
    Spanning,
    State,
)
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.kernel.ids import digest
from fairday.people import accounts
from fairday.people.identity import person_of
from fairday.people.identity.records import run
from fairday.storage.batch import streams
from fairday.storage.log import events
from fairday.storage.runner import stream_state
from fairday.trade.order import MAX_LINES, MAX_MONEY, MAX_QTY
from fairday.trade.payment import balance
from fairday.trade.payment.service import Payments
from fairday.trade.records import Contact, Ids, keep_contact
from fairday.trade.rewards import Rewards
from fairday.trade.service import Orders
from fairday.trade.steps import Steps

LASTS = 60_000
"""How long (ms) a code can be used."""
KEPT_MS = 86_400_000
"""How long (ms) a code is kept after it was drawn: long after it can be used, or a till asks again."""
CODE = re.compile(r"[0-9]{18}")
RECEIPT = re.compile(r"[0-9A-Za-z._/-]{1,64}")

Decide = Callable[[Mapping[str, State], Command, int], Mapping[str, Sequence[Event]] | Refusal]


class PaycodeDecider(BaseDecider):
    """The rules of ``paycode:<digest>``: ``issue`` {account, expires}, once; used by ``till.pay`` within its time."""

    kind = "paycode"

    def initial(self) -> State:
        return {"account": None, "expires": 0, "used": None}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        if command.name != "issue":
            return Refusal("unknown_command", f"A pay code knows no command {command.name!r}.")
        if state["account"] is not None:
            return Refusal("code_taken", "There is such a code; draw another.")
        return [Event("Code Issued", {"account": command.data["account"], "expires": now + LASTS})]

    def evolve(self, state: State, event: Event) -> State:
        return {**state, **event.data}


def used(state: State, by: str, now: int) -> Refusal | Event:
    """The event of a code that is used for a sale, or why it cannot be."""
    if state["account"] is None:
        return Refusal("code_unknown", "There is no such code.")
    if state["used"] is not None:
        return Refusal("code_used", "This code has been used; show a new one.")
    if now >= state["expires"]:
        return Refusal("code_over", "This code has ended; show a new one.")
    return Event("Code Used", {"used": by})


def till_pay(steps: Steps, payments: Payments) -> Spanning:
    """``till.pay`` on a pay code {order, payment, account, placing}: the whole sale, or nothing of it."""
    spend = balance.pay(payments.payables)

    def locate(command: Command, peek: Peek) -> Located:
        data = command.data
        held = [stream for _, stream, _ in data["placing"]["holds"]]
        touched = dict.fromkeys((command.stream, data["account"], data["order"], data["payment"], *held))
        return Located(tuple(touched))

    def decide(states: Mapping[str, State], command: Command, now: int) -> Mapping[str, Sequence[Event]] | Refusal:
        data, order = command.data, command.data["order"]
        sold = states[order]
        if sold["life"] != "new":
            same = sold["data"] == data["placing"]["data"]
            return {} if same else Refusal("receipt_used", "This receipt was for another sale.")
        code = used(states[command.stream], order, now)
        if isinstance(code, Refusal):
            return code
        if states[command.stream]["account"] != data["account"]:
            return Refusal("code_unknown", "There is no such code.")
        paying = {"pays": order, "amount": data["placing"]["total"], "currency": data["placing"]["currency"],
                  "account": data["account"], "expires": now + LASTS}  # fmt: skip
        taken: list[tuple[Decide, Command]] = [
            (lambda s, c, at: steps.decide(c.name, s, c, at), Command("order.place", order, data["placing"])),
            (spend.decide, Command("payment.balance", data["payment"], paying)),
            (lambda s, c, at: steps.decide(c.name, s, c, at), Command("order.hand_over", order)),
            (lambda s, c, at: steps.decide(c.name, s, c, at), Command("order.complete", order)),
        ]
        after = dict(states)
        made: dict[str, list[Event]] = {command.stream: [code]}
        for rule, step in taken:
            found = rule(after, step, now)
            if isinstance(found, Refusal):
                return found
            for stream, told in found.items():
                for event in told:
                    after[stream] = steps.evolve(stream, after[stream], event)
                    made.setdefault(stream, []).append(event)
        return made

    return Spanning("till.pay", locate, decide)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a till's receipt; ``amount`` is what was charged for it in all, minor units."""

    sku: str
    amount: int
    qty: int = 1
    title: str = ""


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """What a till asks: amounts in minor units; ``receipt`` is its own number of the sale, unique for the till."""

    code: str
    amount: int
    currency: str
    receipt: str
    store: str = ""
    lines: tuple[Line, ...] = ()


class Sold(msgspec.Struct, frozen=True, kw_only=True):
    """What a till is told: the order, what is left of the balance (minor units), points earned and held."""

    order: str
    paid: int
    currency: str
    balance: int
    earned: int
    points: int
    unit: str
    tier: str
    again: bool = False


class Tills:
    """``shop.tills``."""

    def __init__(self, orders: Orders, payments: Payments, rewards: Rewards, stock: Stock) -> None:
        self._orders = orders
        self._rewards = rewards
        self._stock = stock
        orders.runner.register(PaycodeDecider())
        orders.runner.register_spanning(till_pay(orders.steps, payments))

    def issue(self, account: str) -> tuple[str, int]:
        """A new code of a member's: (18 digits, when it ends in ms)."""
        code = f"{secrets.randbelow(10**18):018d}"
        answer = self._orders.runner.submit(Command("issue", _stream(code), {"account": account}, "card"))
        if answer.refusal is not None:
            raise Conflict(answer.refusal.message, code=answer.refusal.code)
        return code, int(answer.events[0][2]["expires"])

    def pay(self, device: str, sale: Sale) -> Sold:
        """A sale of a till, paid from the balance of whoever shows the code. Sent again it is the same sale.

        Args:
            device: the till, as its key names it.

        Raises:
            FairdayError: the sale does not add up.
            NotFound: no such code.
            Conflict: it was used, has ended, or the balance is too low; nothing happened.
        """
        check(sale, self._orders.settings().currency)
        ref = digest("till", device, sale.receipt)[:28]
        order, again = f"order:t{ref}", False
        state = self._orders.state(order)
        with self._orders.db.read() as conn:
            found = stream_state(conn, _stream(sale.code))
        if state is not None:
            account, again = str(state["account"]), True
        elif found is None or found[1]["account"] is None:
            raise NotFound("There is no such code.", code="code_unknown", where="code")
        else:
            account = str(found[1]["account"])
        with self._orders.db.read() as conn:
            ids = _ids(conn, account)
        if not again:
            with self._orders.db.write() as conn:
                keep_contact(conn, order.partition(":")[2], Contact(), ids, self._orders.clock.now())
        for counted in (True, True, False):
            placing = self._placing(device, sale, account, counted)
            data = {"order": order, "payment": f"payment:t{ref}", "account": account, "placing": placing}
            answer = self._orders.runner.submit(Command("till.pay", _stream(sale.code), data, device[:100]))
            if answer.refusal is None or answer.refusal.code != "sold_out":
                break
            # Promised to somebody else meanwhile; but the goods are on the counter: a sale is never refused for them.
        if answer.refusal is not None:
            self._orders.forget_unplaced(answer, order)
            kind = NotFound if answer.refusal.code == "code_unknown" else Conflict
            raise kind(answer.refusal.message, code=answer.refusal.code)
        return self._sold(order, account, again or not answer.events)

    def _placing(self, device: str, sale: Sale, account: str, counted: bool) -> dict[str, Any]:
        wanted = sale.lines or (Line(sku="till", amount=sale.amount),)
        settings = self._orders.settings()
        taxes = settings.taxes.get(settings.country)
        with self._orders.db.read() as conn:
            variants = variants_named(conn, [x.sku for x in wanted])
            product = {x.sku: variants[x.sku].product if x.sku in variants else x.sku for x in wanted}
            titles = {k: p.title for k, p in products_named(conn, list(product.values())).items()}
            told = details_of(conn, product.values()) if taxes is not None else {}
            holds = self._rewards.holds(conn, account, _person(conn, account), sale.amount)
            holds += self._shelf(conn, sale, wanted) if counted else []
        rates = {
            sku: taxes.rate(told[p].tax_class if p in told else "standard") if taxes is not None else 0
            for sku, p in product.items()
        }
        lines: list[dict[str, Any]] = [
            {
                "line": str(n), "sku": x.sku, "product": product[x.sku],
                "title": (titles.get(product[x.sku]) or x.title or x.sku)[:200],
                "qty": x.qty, "form": {}, "unit": x.amount // x.qty, "unit_digits": 0, "gross": x.amount,
                "discounts": [], "net": x.amount, "tax": tax_in(x.amount, rates[x.sku]), "paid": x.amount, "gift": None,
                "value": x.amount // x.qty, "made": False, "days": 0,
            }
            for n, x in enumerate(wanted, 1)
        ]  # fmt: skip
        asked = digest(msgspec.json.encode([sale.amount, sale.currency, sale.lines]))
        return {
            "mode": "b2c", "account": account, "currency": sale.currency, "channel": "store",
            "country": self._orders.settings().country or None, "store": sale.store or None, "way": "pickup",
            "method": "balance", "lines": lines, "shipping": None, "total": sale.amount, "savings": [],
            "holds": [[h.claim, h.stream, dict(h.data)] for h in holds], "credit": None,
            "data": {"till": device, "receipt": sale.receipt, "asked": asked}, "source": device,
        }  # fmt: skip

    def _shelf(self, conn: Connection, sale: Sale, wanted: Sequence[Line]) -> list[Hold]:
        """The units that leave the store's stock with the sale, as far as the store is said to have them."""
        supply = self._stock.available(conn, [x.sku for x in wanted]) if sale.store else {}
        there = {sku: found.by_place.get(sale.store, 0) for sku, found in supply.items()}
        made = []
        for n, line in enumerate(wanted, 1):
            if (units := min(line.qty, there.get(line.sku, 0))) > 0:
                made.append((str(n), line.sku, sale.store, units))
                there[line.sku] -= units  # another line may be of the same good
        return stock_holds(made)

    def _sold(self, order: str, account: str, again: bool) -> Sold:
        state = self._orders.state(order)
        assert state is not None
        with self._orders.db.read() as conn:
            stand = self._rewards.standing(conn, accounts.account_of(conn, account))
        earned = sum(int(data["amount"]) for claim, _, data in state["holds"] if claim == "earning")
        return Sold(
            order=order.partition(":")[2], paid=state["total"], currency=state["currency"], earned=earned,
            balance=stand.money.get(state["currency"], 0), points=stand.points, tier=stand.tier,
            unit=self._orders.settings().rewards.unit, again=again,
        )  # fmt: skip


def tax_in(amount: int, rate: int) -> int:
    """The tax in what was charged, minor units rounded half up; ``rate`` in thousandths of a percent. Pure."""
    return (2 * amount * rate + 100_000 + rate) // (2 * (100_000 + rate))


def forget_codes(conn: Connection, now: int, limit: int = 1000) -> int:
    """Let go of up to ``limit`` pay codes that ended a day ago, their events too; how many there were.

    What they paid for stands in its order, its payment and its account; the code itself told nothing else.
    """
    s = streams.c
    old = select(s.stream).where(s.stream >= "paycode:", s.stream < "paycode;", s.last_at < now - KEPT_MS).limit(limit)
    found = conn.execute(old).scalars().all()
    if found:
        conn.execute(delete(events).where(events.c.stream.in_(found)))
        conn.execute(delete(streams).where(streams.c.stream.in_(found)))
    return len(found)


def check(sale: Sale, currency: str) -> None:
    """Refuse a sale that cannot be one.

    Raises:
        FairdayError: what is wrong, where, and what to write instead.
    """
    if not CODE.fullmatch(sale.code):
        raise FairdayError("A pay code has 18 digits.", code="bad_code", where="code", remedy="Scan it again.")
    if not RECEIPT.fullmatch(sale.receipt):
        raise FairdayError("A receipt's number has 1 to 64 letters, digits and . _ / -", code="bad_receipt",
                           where="receipt", remedy="Send the till's own number of the sale.")  # fmt: skip
    if not 0 < sale.amount <= MAX_MONEY:
        raise FairdayError("That is no amount.", code="bad_amount", where="amount", remedy="Write minor units above 0.")
    if sale.currency != currency:
        raise FairdayError(f"This shop keeps its balances in {currency}.", code="bad_currency", where="currency",
                           remedy=f"Write {currency}.")  # fmt: skip
    if len(sale.store) > 64 or len(sale.lines) > MAX_LINES:
        raise FairdayError(f"A sale has at most {MAX_LINES} lines.", code="bad_sale", where="lines")
    for n, line in enumerate(sale.lines):
        good = 0 < len(line.sku) <= 200 and 0 < line.qty <= MAX_QTY and 0 <= line.amount <= MAX_MONEY
        if not good or len(line.title) > 200:
            raise FairdayError(
                "A line has a sku, units above 0 and what they cost in all.",
                code="bad_line",
                where=f"lines[{n}]",
                remedy='Write {"sku": "latte", "qty": 1, "amount": 3200}.',
            )
    if sale.lines and sum(line.amount for line in sale.lines) != sale.amount:
        raise FairdayError("The lines do not add up to the amount.", code="bad_sum", where="lines",
                           remedy="Send what was charged for each line, or no lines.")  # fmt: skip


def _stream(code: str) -> str:
    return f"paycode:{digest('paycode', code)}"


def _ids(conn: Any, account: str) -> Ids:
    """An id that signs in to the account: whom the sale is told of."""
    query = (
        "SELECT i.type, i.value FROM member_accounts m JOIN identifiers i ON i.id = m.identifier"
        " WHERE m.account = ? ORDER BY i.id"
    )
    return tuple((str(r[0]), str(r[1])) for r in run(conn, query, (account,)))[:1]


def _person(conn: Any, account: str) -> int | None:
    found = _ids(conn, account)
    return person_of(conn, *found[0]) if found else None


__all__ = ["Line", "PaycodeDecider", "Sale", "Sold", "Tills", "till_pay"]
