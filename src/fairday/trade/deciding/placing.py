"""Placing an order, and money that comes in for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.decider import Event, Refusal, State
from fairday.trade.deciding.common import Plan, tell, turn_of, unknown
from fairday.trade.holds import PAYMENT
from fairday.trade.modes import Mode
from fairday.trade.order import MAX_LINES, MAX_MONEY, MAX_QTY, SHIPPING, due, exists, holds, status
from fairday.trade.own import own, standing
from fairday.trade.payment.model import Paid

EXCHANGE_PAY_MS = 3 * 86_400_000
"""How long somebody has to pay what an exchange costs more."""


def place(order: str, state: State, data: Mapping[str, Any], mode: Mode, now: int) -> Plan | Refusal:
    """Place an order; one that costs nothing is paid at once."""
    if exists(state):
        return Refusal("already_placed", "This order was placed before.", {"status": status(state)})
    wrong = _bad_placing(data) or mode.admits(data, now)
    if wrong is not None:
        return wrong
    terms = mode.terms(data)
    if (
        data["credit"] is not None and terms.pay_ms
    ):  # an exchange: its buyer is not at the till, and hears of it by mail
        terms = msgspec.structs.replace(terms, pay_ms=max(terms.pay_ms, EXCHANGE_PAY_MS))
    shares = shares_of(mode, data) if terms.on_account else []
    placed = {
        **{name: data[name] for name in _PLACING},
        "at": now, "shares": shares, "on_account": terms.on_account, "receive_ms": terms.receive_ms,
        "return_ms": terms.return_ms, "final": terms.final, "pay_by": now + terms.pay_ms if terms.pay_ms else None,
    }  # fmt: skip
    kept = sum(own(mode, standing(data)).values())
    if kept != data["total"]:  # it is told by what is the shop's own of it, to its end
        placed["own"] = kept
    after, event = tell(state, "Order Placed", placed)
    taken = [Hold(c, s, d) for c, s, d in data["holds"]]
    turns = [(hold, turn_of(order, {**after, "counts": {}}, "place")) for hold in taken]
    if due(after):
        return Plan([event], turns)
    _, paid, more = _pays(order, after, mode, now)
    return Plan([event, paid], [*turns, *more])


_PLACING = (
    "mode", "account", "currency", "country", "channel", "store", "way", "method", "lines", "shipping", "total",
    "savings", "holds", "credit", "data", "source",
)  # fmt: skip


def _bad_placing(data: Mapping[str, Any]) -> Refusal | None:
    """Whether the amounts of a placing add up; whoever prices a cart sends what does."""
    missing = [name for name in _PLACING if name not in data]
    if missing:
        return Refusal("bad_order", f"An order needs {missing[0]!r}.")
    lines, shipping = data["lines"], data["shipping"]
    if not lines or len(lines) > MAX_LINES:
        return Refusal("bad_order", f"An order has 1 to {MAX_LINES} lines.")
    names = [line["line"] for line in lines]
    if len(set(names)) != len(names) or SHIPPING in names:
        return Refusal("bad_order", "Each line of an order has its own id.")
    for line in [*lines, *([shipping] if shipping is not None else [])]:
        amounts = [line[name] for name in ("gross", "net", "tax", "paid")]
        off = sum(amount for _, amount in line["discounts"])
        bad = any(type(a) is not int or not 0 <= a <= MAX_MONEY for a in amounts) or line["tax"] > line["paid"]
        if bad or line["gross"] - off != line["net"] or line["paid"] not in (line["net"], line["net"] + line["tax"]):
            return Refusal("bad_order", "The amounts of a line do not add up.", {"line": line.get("line", SHIPPING)})
        if "qty" in line and (type(line["qty"]) is not int or not 0 < line["qty"] <= MAX_QTY):
            return Refusal("bad_quantity", f"A quantity is 1 to {MAX_QTY}.", {"line": line["line"]})
    whole = sum(line["paid"] for line in lines) + (shipping["paid"] if shipping is not None else 0)
    if data["total"] != whole:
        return Refusal("bad_order", "The lines do not add up to the total.", {"total": data["total"], "lines": whole})
    return None


def shares_of(mode: Mode, placed: Mapping[str, Any]) -> list[tuple[str, str, str, int]]:
    """Whose each part of the money is, as ``Order Paid`` records it."""
    given = placed["lines"]
    lines = list(given.items()) if isinstance(given, Mapping) else [(x["line"], x) for x in given]
    if placed["shipping"] is not None:
        lines.append((SHIPPING, placed["shipping"]))
    made = []
    for part, line in lines:
        found = mode.shares(part, line, placed)
        if sum(s.amount for s in found) != line["paid"]:
            raise ValueError(f"mode {mode.name!r} does not share out what was paid for part {part!r}")
        made += [(s.part, s.label, s.account, s.amount) for s in found]
    return made


def _pays(order: str, state: State, mode: Mode, now: int) -> tuple[State, Event, list[tuple[Hold, Turn]]]:
    """The order is paid in full: its money is shared out and its holds become final."""
    shares = [] if state["on_account"] else shares_of(mode, state)
    after, event = tell(state, "Order Paid", {"at": now, "shares": shares, "currency": state["currency"]})
    turn = turn_of(order, state, "pay")
    return after, event, [(hold, turn) for hold in holds(state) if hold.claim != PAYMENT]


def pay(order: str, state: State, paid: Paid, mode: Mode, now: int) -> Plan | Refusal:
    """Money came in. Refused, it must go back to whom it came from; the message says why.

    An order that expired unpaid is taken up again: its holds are taken once more, and where one of them is gone the
    whole is refused.
    """
    wrong = unknown(state)
    if wrong is not None:
        return wrong
    if paid.currency != state["currency"] or type(paid.amount) is not int or paid.amount <= 0:
        return Refusal("wrong_money", f"This order is paid in {state['currency']}.")
    events, turns = [], []
    if state["life"] == "expired":
        again = turn_of(order, state, "place")
        turns += [(Hold(c, s, d), again) for c, s, d in state["holds"]]
        state, event = tell(state, "Order Retaken", {"at": now})
        events.append(event)
    if state["life"] != "open" or due(state) == 0:
        return Refusal("nothing_due", "Nothing is to be paid for this order.", {"status": status(state)})
    if paid.amount > due(state):
        return Refusal("too_much", "More was paid than is due.", {"due": due(state)})
    given = {"payment": paid.payment, "method": paid.method, "amount": paid.amount, "currency": paid.currency}
    state, event = tell(state, "Payment Received", {**given, "at": now})
    events.append(event)
    if not due(state):
        state, event, more = _pays(order, state, mode, now)
        events.append(event)
        turns += more
    return Plan(events, turns)
