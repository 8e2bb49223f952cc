"""The daily three-way match: what orders say was paid, what the ledger holds, what the provider's bill lists.

``match`` is pure. See docs/algorithms/payments.md.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, func, select

from fairday.kernel import jsons
from fairday.kernel.clock import day_start, local_day
from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, State, Transfer, kind_of
from fairday.kernel.errors import FairdayError, Unavailable
from fairday.storage.batch import stream_state
from fairday.storage.bulk import insert_rows, overwrite
from fairday.storage.ledger import transfers
from fairday.trade.payment.decider import receivable
from fairday.trade.payment.model import PROVIDERS, BillLine, NoBill, number_of, refund_number, stream_of
from fairday.trade.payment.service import Payments
from fairday.trade.payment.tables import payment_days, payment_refunds, payments

ZONE = "Asia/Shanghai"
"""Providers' days are China's."""
Code = Literal[
    "missing_in_orders", "missing_in_ledger", "missing_in_bill", "amount_differs", "currency_differs", "twice_in_bill"
]
CHUNK = 500


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came or went back, as one of the three sides has it. ``number`` as the provider's bill writes it."""

    kind: Literal["payment", "refund"]
    number: str
    amount: int
    currency: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Where the sides do not agree: the amount each has (minor units), None where it has none."""

    kind: str
    number: str
    code: Code
    orders: int | None
    ledger: int | None
    bill: int | None


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's day, compared.

    Attributes:
        matched: how many payments and refunds all three sides have alike.
        paid, refunded, fees: sums of the bill by currency, minor units.
        differences: everything else, in order of number.
    """

    matched: int
    paid: Mapping[str, int]
    refunded: Mapping[str, int]
    fees: Mapping[str, int]
    differences: tuple[Difference, ...]


Kind = Literal["payment", "refund"]
Key = tuple[Kind, str]


def match(
    orders: Iterable[Line], ledger: Iterable[Line], bill: Sequence[BillLine], elsewhere: frozenset[Key] = frozenset()
) -> Match:
    """Compare the three sides of a day.

    Args:
        orders, ledger: what either side has of the day, and of whatever the bill names.
        elsewhere: (kind, number) of what may be missing here because it stands on the bill of a neighbouring day.
    """
    sides: list[dict[Key, Line]] = [{(x.kind, x.number): x for x in side} for side in (orders, ledger)]
    billed: dict[Key, BillLine] = {}
    twice: Counter[Key] = Counter()
    for line in bill:
        key: Key = (line.kind, line.number)
        if key in billed:
            twice[key] += 1
        billed.setdefault(key, line)
    found, matched = [], 0
    for key in sorted(sides[0].keys() | sides[1].keys() | billed.keys(), key=lambda k: (k[1], k[0])):
        three: list[Line | BillLine | None] = [sides[0].get(key), sides[1].get(key), billed.get(key)]
        codes = _codes(three)
        if codes == ["missing_in_bill"] and key in elsewhere:
            continue
        codes += ["twice_in_bill"] if twice[key] else []
        matched += not codes
        amounts = [None if x is None else x.amount for x in three]
        found += [
            Difference(kind=key[0], number=key[1], code=c, orders=amounts[0], ledger=amounts[1], bill=amounts[2])
            for c in codes
        ]
    sums: dict[str, Counter[str]] = {"payment": Counter(), "refund": Counter()}
    fees: Counter[str] = Counter()
    for line in bill:
        sums[line.kind][line.currency] += line.amount
        fees[line.currency] += line.fee
    paid, refunded = dict(sums["payment"]), dict(sums["refund"])
    return Match(matched=matched, paid=paid, refunded=refunded, fees=dict(fees), differences=tuple(found))


def _codes(three: Sequence[Line | BillLine | None]) -> list[Code]:
    names: tuple[Code, ...] = ("missing_in_orders", "missing_in_ledger", "missing_in_bill")
    codes = [name for name, side in zip(names, three, strict=True) if side is None]
    there = [side for side in three if side is not None]
    if len({side.amount for side in there}) > 1:
        codes.append("amount_differs")
    if len({side.currency for side in there}) > 1:
        codes.append("currency_differs")
    return codes


# ---- the fees that a matched bill tells ------------------------------------------------------------------------------


class DayDecider(BaseDecider):
    """Streams ``settlement:METHOD:DAY``: what a provider's bill kept of a day, posted once.

    Command ``fees`` {fees: by currency}: told again with other sums (a bill that was mended), the difference is posted.
    """

    kind = "settlement"

    def initial(self) -> State:
        return {"n": 0, "fees": {}}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        fees = command.data.get("fees")
        if command.name != "fees" or not isinstance(fees, dict) or any(type(f) is not int for f in fees.values()):
            return Refusal("bad_fees", "Fees are whole numbers of minor units by currency.")
        known = state["fees"]
        change = {c: fees.get(c, 0) - known.get(c, 0) for c in sorted(fees.keys() | known.keys())}
        change = {c: amount for c, amount in change.items() if amount}
        return [Event("Fees Settled", {"n": state["n"] + 1, "fees": fees, "change": change})] if change else []

    def evolve(self, state: State, event: Event) -> State:
        return {"n": event.data["n"], "fees": event.data["fees"]}

    def transfers(self, stream: str, event: Event, now: int) -> Iterable[Transfer]:
        method = stream.split(":")[1]
        for currency, amount in event.data["change"].items():
            pair = (f"fees:{method}", receivable(method))
            debit, credit = pair if amount > 0 else pair[::-1]
            yield Transfer(f"{stream}:{event.data['n']}:{currency}", debit, credit, currency, abs(amount))


# ---- the day of a shop -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Day:
    """A provider's day as last looked at: ``state`` is matched, differs, or waiting (there is no bill yet)."""

    method: str
    day: int
    state: str
    match: Match
    at: int


NOTHING = Match(matched=0, paid={}, refunded={}, fees={}, differences=())


def reconcile(shop: Payments, method: str, day: int) -> Day:
    """Fetch a day's bill, compare it with orders and ledger, keep what was found and post its fees. Blocks.

    Args:
        method: wechat or alipay.
        day: days since 1970-01-01, in China's time; it must be over.

    Raises:
        FairdayError: no such provider, or a day that is not over.
        Unavailable: the provider did not answer clearly.
    """
    now = shop.clock.now()
    if method not in PROVIDERS:
        raise FairdayError(f"{method!r} sends no bill.", code="no_provider", where="method")
    if day >= local_day(now, ZONE):
        raise FairdayError("The day is not over.", code="day_not_over", where="day", remedy="Name an earlier day.")
    try:
        bill = shop.providers.get(method).bill(day)
    except NoBill:
        bill = None
    _ask_first(shop, bill or [])
    with shop.db.read() as conn:
        orders, ledger, near = _sides(conn, shop, method, day, bill or [])
    if bill is None and (orders or ledger):
        found = Day(method, day, "waiting", NOTHING, now)
    else:
        made = match(orders, ledger, bill or [], near)
        found = Day(method, day, "differs" if made.differences else "matched", made, now)
        if made.fees:
            stream = f"settlement:{method}:{day}"
            shop.runner.submit(Command("fees", stream, {"fees": dict(made.fees)}, "reconcile"))
    row = (method, day, found.state, jsons.dumps(found.match), now)
    columns = ("method", "day", "state", "found", "at")
    with shop.db.write() as conn:
        insert_rows(conn, payment_days, columns, [row], overwrite(payment_days, columns))
    return found


def _ask_first(shop: Payments, bill: Sequence[BillLine]) -> None:
    """Ask about what the bill names and nobody has told the shop of yet: a notice that was lost is no difference."""
    streams = {stream_of(x.number.partition("-")[0]) for x in bill}
    with shop.db.read() as conn:
        waiting = [row.stream for row in _rows(conn, payments, payments.c.stream, streams) if row.ask_at is not None]
    for stream in waiting:
        with contextlib.suppress(FairdayError):  # it stays a difference
            shop.ask(number_of(stream))


def _sides(
    conn: Connection, shop: Payments, method: str, day: int, bill: Sequence[BillLine]
) -> tuple[list[Line], list[Line], frozenset[Key]]:
    """What orders and the ledger have of a day and of what the bill names; and what stands near its midnights."""
    numbers = {stream_of(x.number.partition("-")[0]) for x in bill}
    start, end = day_start(day, ZONE), day_start(day + 1, ZONE)
    came = select(payments.c.stream).where(payments.c.paid_at >= start, payments.c.paid_at < end)
    streams = numbers | set(conn.execute(came.where(payments.c.method == method)).scalars())
    back = select(payment_refunds.c.payment).where(payment_refunds.c.done_at >= start, payment_refunds.c.done_at < end)
    streams |= set(conn.execute(back).scalars())
    orders: list[Line] = []
    entries: dict[str, Key] = {}
    near: set[Key] = set()
    billed = {(x.kind, x.number) for x in bill}
    known = {row.stream: row for row in _rows(conn, payments, payments.c.stream, streams) if row.method == method}
    for row in known.values():
        if row.paid_at is None:
            continue
        number = number_of(row.stream)
        key: Key = ("payment", number)
        if start <= row.paid_at < end or key in billed:
            entries[f"pay:{number}"] = key
            amount = _received(conn, shop, row)
            if amount is not None:
                orders.append(Line(kind="payment", number=number, amount=amount, currency=row.currency))
        if min(abs(row.paid_at - start), abs(row.paid_at - end)) < EDGE:
            near.add(key)
    for row in _rows(conn, payment_refunds, payment_refunds.c.payment, streams):
        of = refund_number(number_of(row.payment), row.refund)
        key = ("refund", of)
        if row.status != "succeeded" or not (start <= row.done_at < end or key in billed):
            continue
        payment = known.get(row.payment)
        if payment is None:
            continue
        entries[f"refund:{number_of(row.payment)}:{row.refund}"] = key
        orders.append(Line(kind="refund", number=of, amount=row.amount, currency=payment.currency))
        if min(abs(row.done_at - start), abs(row.done_at - end)) < EDGE:
            near.add(key)
    ledger = [
        Line(kind=entries[row.key][0], number=entries[row.key][1], amount=row.amount, currency=row.unit)
        for row in _rows(conn, transfers, transfers.c.key, set(entries))
    ]
    return orders, ledger, frozenset(near)


EDGE = 60_000
"""What was paid this close (ms) to midnight may stand on the bill of the day beside it."""


def _rows(conn: Connection, table: Any, column: Any, wanted: set[str]) -> Any:
    ordered = sorted(wanted)
    for i in range(0, len(ordered), CHUNK):
        yield from conn.execute(select(table).where(column.in_(ordered[i : i + CHUNK])))


def _received(conn: Connection, shop: Payments, row: Any) -> int | None:
    """What was paid for has on record; money that came too late and went back stands on the payment alone."""
    if row.made == "refund":
        return int(row.amount)
    payable, found = shop.payables.get(kind_of(row.pays)), stream_state(conn, row.pays)
    return None if payable is None or found is None else payable.received(found[1], row.stream)


def get(conn: Connection, method: str, day: int) -> Day | None:
    """A day as last looked at, or None."""
    return next(iter(days(conn, method=method, day=day)), None)


def days(conn: Connection, *, method: str = "", day: int | None = None, limit: int = 60) -> list[Day]:
    """Days as last looked at, the newest first."""
    query = select(payment_days)
    if method:
        query = query.where(payment_days.c.method == method)
    if day is not None:
        query = query.where(payment_days.c.day == day)
    query = query.order_by(payment_days.c.day.desc(), payment_days.c.method).limit(limit)
    found = []
    for row in conn.execute(query):
        made = msgspec.json.decode(row.found, type=Match)
        found.append(Day(row.method, row.day, row.state, made, row.at))
    return found


def due(shop: Payments) -> list[tuple[str, int]]:
    """The days of the last week that are over and not matched yet, from the first on which a provider brought money."""
    today = local_day(shop.clock.now(), ZONE)
    since = day_start(today - 7, ZONE)
    with shop.db.read() as conn:
        first = func.min(payments.c.paid_at)
        query = select(payments.c.method, first).where(payments.c.method.in_(PROVIDERS)).group_by(payments.c.method)
        used = {m: max(since, at) for m, at in conn.execute(query) if at is not None}
        done = {(d.method, d.day) for d in days(conn) if d.state == "matched"}
    began = sorted((m, local_day(at, ZONE)) for m, at in used.items())
    return [(m, d) for m, first_day in began for d in range(first_day, today) if (m, d) not in done]


def run_due(shop: Payments) -> list[Day]:
    """Match what is due; a provider that is away is tried again the next time."""
    found = []
    for method, day in due(shop):
        try:
            found.append(reconcile(shop, method, day))
        except Unavailable:
            continue
    return found
