"""Money and units of an order that go back, or into another order. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.decider import Refusal, State
from fairday.kernel.money import split
from fairday.trade.deciding.common import Plan, not_now, tell, turn_of, unknown, why_of
from fairday.trade.holds import PAYMENT
from fairday.trade.order import holds, is_paid
from fairday.trade.refunds import Refund, preview


def given_back(found: Refund, state: State) -> dict[str, Any]:
    """A refund's sums as its event records them."""
    return {
        "parts": dict(found.parts), "back": list(found.back), "payments": list(found.payments),
        "amount": found.amount, "money": found.money, "currency": state["currency"],
    }  # fmt: skip


def payments_back(order: str, state: State, found: Refund, why: str) -> list[tuple[Hold, Turn]]:
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
    wrong = unknown(state)
    if wrong is not None:
        return wrong
    why = why_of(data)
    if isinstance(why, Refusal):
        return why
    if state["life"] not in ("open", "completed") or not (is_paid(state) or state["on_account"]):
        return not_now("refunded", state)
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
        **given_back(found, state), "units": dict(found.units), "unshipped": dict(found.unshipped), "why": why,
        "at": now, "return": asked, "n": state["counts"].get("refund", 0),
    }  # fmt: skip
    if into:
        return _exchanged(order, state, said, found, sold_again, into, int(data["owed"]))
    _, event = tell(state, "Order Refunded", said)
    return Plan([event], _refund_turns(order, state, found, sold_again, why, found))


def _refund_turns(
    order: str, state: State, found: Refund, units: Mapping[str, int], why: str, money: Refund
) -> list[tuple[Hold, Turn]]:
    turn = turn_of(
        order, state, "refund", units=units, unshipped=found.unshipped, part=found.amount, final=found.final, why=why,
    )  # fmt: skip
    held = [(hold, turn) for hold in holds(state) if hold.claim != PAYMENT]
    return [*held, *payments_back(order, state, money, why)]


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
    _, event = tell(state, "Order Exchanged", said)
    return Plan([event], _refund_turns(order, state, found, units, said["why"], money))
