"""What a command means for an order: its events, and what each of its holds is told. Pure.

Every illegal command is refused with the reason, and a refusal changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fairday.kernel.claims import Hold, Step, Turn
from fairday.kernel.decider import Event, Refusal, State
from fairday.kernel.money import split
from fairday.trade.holds import PAYMENT
from fairday.trade.modes import Mode
from fairday.trade.order import (
    MAX_LINES,
    MAX_MONEY,
    MAX_QTY,
    SHIPPING,
    due,
    evolve,
    exists,
    holds,
    is_paid,
    status,
    waiting,
)
from fairday.trade.payment.model import Paid
from fairday.trade.refunds import Refund, preview

_WHY = re.compile(r"[a-z_]{0,40}")


class Plan(msgspec.Struct, frozen=True):
    """What a command does: the order's events, and its holds' turns in order."""

    events: Sequence[Event]
    turns: Sequence[tuple[Hold, Turn]] = ()


def _said(state: State, name: str, data: Mapping[str, Any]) -> tuple[State, Event]:
    """An event with where the order stands after it, for the rows that lists are drawn from."""
    after = evolve(state, Event(name, data))
    paid = sum(p["amount"] for p in after["payments"])
    back = sum(p["back"] for p in after["payments"])
    return after, Event(name, {**data, "status": status(after), "sums": {"paid": paid, "refunded": back}})


def _unknown(state: State) -> Refusal | None:
    return None if exists(state) else Refusal("no_such_order", "There is no such order.")


def _not(what: str, state: State) -> Refusal:
    """A step that an order in this state does not take."""
    return Refusal(f"not_{what}", f"An order that is {status(state).replace('_', ' ')} cannot be {_DONE[what]}.",
                   {"status": status(state)})  # fmt: skip


_DONE = {"shipped": "shipped", "cancelled": "cancelled", "received": "received", "refunded": "refunded",
         "completed": "completed", "ready": "made ready for pickup", "returned": "sent back",
         "paid": "paid"}  # fmt: skip


def _why(data: Mapping[str, Any]) -> str | Refusal:
    why = data.get("why", "")
    if not isinstance(why, str) or not _WHY.fullmatch(why):
        return Refusal("bad_reason", "A reason is a word of small letters, such as changed_mind.")
    return why


def _turn(order: str, state: State, step: Step, **more: Any) -> Turn:
    lines = state["lines"].items()
    return Turn(
        step=step, order=order, n=state["counts"].get(step, 0), account=state["account"],
        whole=state["total"], already=state["refunded"], completed=state["life"] == "completed",
        sent={part: line["shipped"] for part, line in lines}, waiting={part: waiting(line) for part, line in lines},
        **more,
    )  # fmt: skip


# ---- placing ---------------------------------------------------------------------------------------------------------


def place(order: str, state: State, data: Mapping[str, Any], mode: Mode, now: int) -> Plan | Refusal:
    """Place an order; one that costs nothing is paid at once."""
    if exists(state):
        return Refusal("already_placed", "This order was placed before.", {"status": status(state)})
    wrong = _bad_placing(data) or mode.admits(data, now)
    if wrong is not None:
        return wrong
    terms = mode.terms(data)
    shares = _shares(mode, data) if terms.on_account else []
    placed = {
        **{name: data[name] for name in _PLACING},
        "at": now, "shares": shares, "on_account": terms.on_account, "receive_ms": terms.receive_ms,
        "return_ms": terms.return_ms, "final": terms.final, "pay_by": now + terms.pay_ms if terms.pay_ms else None,
    }  # fmt: skip
    after, event = _said(state, "Order Placed", placed)
    taken = [Hold(c, s, d) for c, s, d in data["holds"]]
    turns = [(hold, _turn(order, {**after, "counts": {}}, "place")) for hold in taken]
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


def _shares(mode: Mode, placed: Mapping[str, Any]) -> list[tuple[str, str, str, int]]:
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
    shares = [] if state["on_account"] else _shares(mode, state)
    after, event = _said(state, "Order Paid", {"at": now, "shares": shares, "currency": state["currency"]})
    turn = _turn(order, state, "pay")
    return after, event, [(hold, turn) for hold in holds(state) if hold.claim != PAYMENT]


# ---- paying ----------------------------------------------------------------------------------------------------------


def pay(order: str, state: State, paid: Paid, mode: Mode, now: int) -> Plan | Refusal:
    """Money came in. Refused, it must go back to whom it came from; the message says why.

    An order that expired unpaid is taken up again: its holds are taken once more, and where one of them is gone the
    whole is refused.
    """
    wrong = _unknown(state)
    if wrong is not None:
        return wrong
    if paid.currency != state["currency"] or type(paid.amount) is not int or paid.amount <= 0:
        return Refusal("wrong_money", f"This order is paid in {state['currency']}.")
    events, turns = [], []
    if state["life"] == "expired":
        again = _turn(order, state, "place")
        turns += [(Hold(c, s, d), again) for c, s, d in state["holds"]]
        state, event = _said(state, "Order Retaken", {"at": now})
        events.append(event)
    if state["life"] != "open" or due(state) == 0:
        return Refusal("nothing_due", "Nothing is to be paid for this order.", {"status": status(state)})
    if paid.amount > due(state):
        return Refusal("too_much", "More was paid than is due.", {"due": due(state)})
    given = {"payment": paid.payment, "method": paid.method, "amount": paid.amount, "currency": paid.currency}
    state, event = _said(state, "Payment Received", {**given, "at": now})
    events.append(event)
    if not due(state):
        state, event, more = _pays(order, state, mode, now)
        events.append(event)
        turns += more
    return Plan(events, turns)


# ---- sending, and the end --------------------------------------------------------------------------------------------


def ship(order: str, state: State, data: Mapping[str, Any], now: int, *, by_hand: bool = False) -> Plan | Refusal:
    """Some units leave: with a carrier, or (``by_hand``) over the counter."""
    wrong = _unknown(state)
    if wrong is not None:
        return wrong
    if state["life"] != "open" or not (is_paid(state) or state["on_account"]):
        return _not("shipped", state)
    if by_hand != (state["way"] == "pickup"):
        kind = "collected in a store" if state["way"] == "pickup" else "sent"
        return Refusal("wrong_way", f"This order is to be {kind}.")
    units = {k: n for k, n in dict(data.get("units") or _all_waiting(state)).items() if n != 0}
    if not units:
        return Refusal("nothing_to_ship", "Nothing of this order is left to send.")
    for part, n in units.items():
        line = state["lines"].get(part)
        if line is None or type(n) is not int or not 0 < n <= waiting(line):
            most = 0 if line is None else waiting(line)
            return Refusal("too_many_units", f"Of line {part} at most {most} are still to be sent.", {"line": part})
    name = "Order Picked Up" if by_hand else "Order Shipped"
    _, event = _said(state, name, {"units": units, "parcel": str(data.get("parcel", "")), "at": now})
    turn = _turn(order, state, "ship", units=units)
    return Plan([event], [(hold, turn) for hold in holds(state) if hold.claim != PAYMENT])


def _all_waiting(state: State) -> dict[str, int]:
    return {part: waiting(line) for part, line in state["lines"].items()}


def complete(order: str, state: State, mode: Mode, now: int) -> Plan | Refusal:
    """The order is over: received, and past its return window."""
    wrong = _unknown(state)
    if wrong is not None:
        return wrong
    if state["life"] != "open" or any(waiting(x) for x in state["lines"].values()) or due(state):
        return _not("completed", state)
    releases = [(r.label, r.debit, r.credit, r.amount) for r in mode.releases(state) if r.amount]
    _, event = _said(state, "Order Closed", {"at": now, "releases": releases, "currency": state["currency"]})
    turn = _turn(order, state, "complete")
    return Plan([event], [(hold, turn) for hold in holds(state) if hold.claim != PAYMENT])


def cancel(order: str, state: State, data: Mapping[str, Any], now: int) -> Plan | Refusal:
    """Give an order up before anything of it left; what was paid goes back."""
    wrong = _unknown(state)
    why = _why(data)
    if wrong is not None or isinstance(why, Refusal):
        return wrong or why  # type: ignore[return-value]
    if state["life"] != "open" or any(line["shipped"] for line in state["lines"].values()):
        return _not("cancelled", state)
    found = preview(order, state, {}, unshipped=_all_waiting(state), shipping=True, gifts="leave")
    if isinstance(found, Refusal):
        return found
    if not is_paid(state) and not state["on_account"]:  # nothing was shared out: only what came in goes back
        came = [p["amount"] - p["back"] for p in state["payments"]]
        found = msgspec.structs.replace(found, amount=0, money=sum(came), parts={}, back=[], payments=came)
    name = "Order Expired" if why == "expired" else "Order Cancelled"
    said = {"units": {}, "unshipped": dict(found.unshipped), "counted": is_paid(state) or state["on_account"]}
    _, event = _said(state, name, {**_given(found, state), **said, "why": why, "at": now})
    turn = _turn(order, state, "cancel", units=_all_waiting(state), why=why)
    held = [(hold, turn) for hold in holds(state) if hold.claim != PAYMENT]
    return Plan([event], [*held, *_payments_back(order, state, found, why)])


def _given(found: Refund, state: State) -> dict[str, Any]:
    return {
        "parts": dict(found.parts), "back": list(found.back), "payments": list(found.payments),
        "amount": found.amount, "money": found.money, "currency": state["currency"],
    }  # fmt: skip


def _payments_back(order: str, state: State, found: Refund, why: str) -> list[tuple[Hold, Turn]]:
    """What each payment is told of the money that goes back through it."""
    n = state["counts"].get("refund", 0) + state["counts"].get("cancel", 0)
    made = []
    for payment, amount in zip(state["payments"], found.payments, strict=True):
        if amount and payment["payment"]:
            turn = Turn(
                step="refund", order=order, n=n, account=state["account"], part=amount, whole=payment["amount"],
                already=payment["back"], final=payment["back"] + amount == payment["amount"], why=why,
            )  # fmt: skip
            hold = Hold(PAYMENT, payment["payment"], {"method": payment["method"], "amount": payment["amount"]})
            made.append((hold, turn))
    return made


def refund(order: str, state: State, data: Mapping[str, Any], now: int, into: str = "") -> Plan | Refusal:
    """Money goes back, with units or without; units that never left are given up, those that come back are returned.

    ``data``: units, unshipped {line: n}; shipping (bool); extra (minor units); restock {line: n} of the returned units
    that can be sold again (all, where it is not said); gifts; why; return (its id) that this answers.
    """
    wrong = _unknown(state)
    why = _why(data)
    if wrong is not None or isinstance(why, Refusal):
        return wrong or why  # type: ignore[return-value]
    if state["life"] not in ("open", "completed") or not (is_paid(state) or state["on_account"]):
        return _not("refunded", state)
    if state["life"] == "completed" and state.get("final"):
        return Refusal("order_final", "This order is over and its money handed on; nothing goes back through it.")
    units, unshipped = dict(data.get("units") or {}), dict(data.get("unshipped") or {})
    found = preview(
        order, state, units, unshipped=unshipped, shipping=bool(data.get("shipping")),
        extra=data.get("extra") or 0, gifts=data.get("gifts", "deduct"),
    )  # fmt: skip
    if isinstance(found, Refusal):
        return found
    if not found.amount and not found.units and not found.unshipped:
        return Refusal("nothing_to_refund", "Say which units come back, or how much money goes back.")
    asked = data.get("return") or ""
    if asked and state["returns"].get(asked, {}).get("state") not in ("asked", "accepted"):
        return Refusal("no_such_return", "There is no open return of that number.")
    if data.get("most") is not None and found.money > data["most"]:
        return Refusal("changed", "What would go back has changed meanwhile; look again.", {"money": found.money})
    restock = data.get("restock")
    sold_again = {
        part: min(n, units.get(part, 0) if restock is None else int(restock.get(part, 0)))
        for part, n in found.units.items()
    }
    said = {
        **_given(found, state), "units": dict(found.units), "unshipped": dict(found.unshipped), "why": why, "at": now,
        "return": asked, "n": state["counts"].get("refund", 0),
    }  # fmt: skip
    if into:
        return _exchanged(order, state, said, found, sold_again, into, int(data["owed"]))
    _, event = _said(state, "Order Refunded", said)
    return Plan([event], _refund_turns(order, state, found, sold_again, why, found))


def _refund_turns(
    order: str, state: State, found: Refund, units: Mapping[str, int], why: str, money: Refund
) -> list[tuple[Hold, Turn]]:
    turn = _turn(
        order, state, "refund", units=units, unshipped=found.unshipped, part=found.amount, final=found.final, why=why,
    )  # fmt: skip
    held = [(hold, turn) for hold in holds(state) if hold.claim != PAYMENT]
    return [*held, *_payments_back(order, state, money, why)]


def _exchanged(
    order: str, state: State, said: dict[str, Any], found: Refund, units: Mapping[str, int], into: str, owed: int
) -> Plan:
    """What the returned units cost pays for the new order, as far as it costs that much; the rest goes back."""
    credit = min(found.money, owed)
    lefts = list(found.payments)
    moved = split(credit, lefts) if credit else [0] * len(lefts)
    money = msgspec.structs.replace(
        found, payments=[a - b for a, b in zip(lefts, moved, strict=True)], money=found.money - credit
    )
    carried = [
        {"payment": p["payment"], "method": p["method"], "amount": amount}
        for p, amount in zip(state["payments"], moved, strict=True)
        if amount
    ]
    said |= {"into": into, "credit": credit, "moved": carried, "money": money.money}
    _, event = _said(state, "Order Exchanged", said)
    return Plan([event], _refund_turns(order, state, found, units, said["why"], money))


# ---- what touches the order alone ------------------------------------------------------------------------------------


def alone(state: State, name: str, data: Mapping[str, Any], now: int) -> list[Event] | Refusal:
    """Commands that no hold hears of."""
    wrong = _unknown(state)
    if wrong is not None:
        return wrong
    found = _ALONE.get(name)
    if found is None:
        return Refusal("unknown_command", f"An order knows no command {name!r}.")
    return found(state, data, now)


def _ready(state: State, data: Mapping[str, Any], now: int) -> list[Event] | Refusal:
    if state["way"] != "pickup" or state["life"] != "open" or not (is_paid(state) or state["on_account"]):
        return _not("ready", state)
    if state["ready_at"] is not None:
        return []
    return [_said(state, "Order Ready", {"at": now})[1]]


def _receive(state: State, data: Mapping[str, Any], now: int) -> list[Event] | Refusal:
    if state["life"] != "open" or any(waiting(x) for x in state["lines"].values()) or state["shipped_at"] is None:
        return _not("received", state)
    if state["received_at"] is not None:
        return []
    return [_said(state, "Order Received", {"at": now})[1]]


def _ask_return(state: State, data: Mapping[str, Any], now: int) -> list[Event] | Refusal:
    why = _why(data)
    if isinstance(why, Refusal):
        return why
    if state["life"] != "open" or state["shipped_at"] is None:
        return _not("returned", state)
    if len(state["returns"]) >= 20:
        return Refusal("too_many_returns", "An order is sent back in at most 20 parts.")
    units = {k: n for k, n in dict(data.get("units") or {}).items() if n}
    found = preview("order:", state, units)
    if isinstance(found, Refusal):
        return found
    open_: dict[str, int] = {}
    for r in state["returns"].values():
        if r["state"] in ("asked", "accepted"):
            for part, n in r["units"].items():
                open_[part] = open_.get(part, 0) + n
    for part, n in units.items():
        line = state["lines"][part]
        if n + open_.get(part, 0) > line["shipped"] - line["returned"]:
            return Refusal("too_many_units", "These units are already being sent back.", {"line": part})
    if not units:
        return Refusal("nothing_to_return", "Say which units come back.")
    number = str(len(state["returns"]) + 1)
    return [_said(state, "Return Asked", {"return": number, "units": units, "why": why, "at": now})[1]]


def _answer_return(state: State, data: Mapping[str, Any], now: int) -> list[Event] | Refusal:
    asked = state["returns"].get(str(data.get("return", "")))
    answer = data.get("answer")
    if asked is None or asked["state"] not in ("asked", "accepted") or answer not in ("accepted", "refused"):
        return Refusal("no_such_return", "There is no open return of that number.")
    if asked["state"] == answer:
        return []
    return [_said(state, "Return Answered", {"return": str(data["return"]), "answer": answer, "at": now})[1]]


_ALONE = {
    "order.ready": _ready,
    "order.receive": _receive,
    "order.ask_return": _ask_return,
    "order.answer_return": _answer_return,
}

__all__ = ["Plan", "alone", "cancel", "complete", "pay", "place", "refund", "ship"]
