"""An order sent, completed or cancelled. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fairday.kernel.decider import Refusal, State
from fairday.trade.deciding.back import given_back, payments_back
from fairday.trade.deciding.common import Plan, all_waiting, not_now, tell, turn_of, unknown, why_of
from fairday.trade.holds import PAYMENT
from fairday.trade.modes import Mode
from fairday.trade.order import due, holds, is_paid, waiting
from fairday.trade.refunds import preview
from fairday.trade.rows import rows_from


def ship(order: str, state: State, data: Mapping[str, Any], now: int, *, by_hand: bool = False) -> Plan | Refusal:
    """Some units leave: with a carrier, or (``by_hand``) over the counter.

    ``data``: units {line: n} (all that wait, where they are not said); parcel; place they leave from (the front of each
    line's row, where it is not said).
    """
    wrong = unknown(state)
    if wrong is not None:
        return wrong
    if state["life"] != "open" or not (is_paid(state) or state["on_account"]):
        return not_now("shipped", state)
    if by_hand != (state["way"] == "pickup"):
        kind = "collected in a store" if state["way"] == "pickup" else "sent"
        return Refusal("wrong_way", f"This order is to be {kind}.")
    units = {k: n for k, n in dict(data.get("units") or all_waiting(state)).items() if n != 0}
    if not units:
        return Refusal("nothing_to_ship", "Nothing of this order is left to send.")
    for part, n in units.items():
        line = state["lines"].get(part)
        if line is None or type(n) is not int or not 0 < n <= waiting(line):
            most = 0 if line is None else waiting(line)
            return Refusal("too_many_units", f"Of line {part} at most {most} are still to be sent.", {"line": part})
    name = "Order Picked Up" if by_hand else "Order Shipped"
    said: dict[str, Any] = {"units": units, "parcel": str(data.get("parcel", "")), "at": now}
    place = data.get("place")
    if place is not None:
        rows = rows_from(state, str(place), units)
        if isinstance(rows, Refusal):
            return rows
        said |= {"place": str(place), "rows": rows}
    after, event = tell(state, name, said)
    turn = turn_of(order, state, "ship", units=units)
    return Plan([event], [(hold, turn) for hold in holds(after) if hold.claim != PAYMENT])


def complete(order: str, state: State, mode: Mode, now: int) -> Plan | Refusal:
    """The order is over: received, and past its return window."""
    wrong = unknown(state)
    if wrong is not None:
        return wrong
    if state["life"] != "open" or any(waiting(x) for x in state["lines"].values()) or due(state):
        return not_now("completed", state)
    releases = [(r.label, r.debit, r.credit, r.amount) for r in mode.releases(state) if r.amount]
    _, event = tell(state, "Order Closed", {"at": now, "releases": releases, "currency": state["currency"]})
    turn = turn_of(order, state, "complete", released=_sums(releases))
    return Plan([event], [(hold, turn) for hold in holds(state) if hold.claim != PAYMENT])


def _sums(releases: Sequence[tuple[str, str, str, int]]) -> dict[str, int]:
    """By the account it goes to, what is handed on."""
    found: dict[str, int] = {}
    for _, _, account, amount in releases:
        found[account] = found.get(account, 0) + amount
    return found


def cancel(order: str, state: State, data: Mapping[str, Any], now: int) -> Plan | Refusal:
    """Give an order up before anything of it left; what was paid goes back."""
    wrong = unknown(state)
    if wrong is not None:
        return wrong
    why = why_of(data)
    if isinstance(why, Refusal):
        return why
    if state["life"] != "open" or any(line["shipped"] for line in state["lines"].values()):
        return not_now("cancelled", state)
    found = preview(order, state, {}, unshipped=all_waiting(state), shipping=True, gifts="leave")
    if isinstance(found, Refusal):
        return found
    if not is_paid(state) and not state["on_account"]:  # nothing was shared out: only what came in goes back
        came = [p["amount"] - p["back"] for p in state["payments"]]
        found = msgspec.structs.replace(found, amount=0, money=sum(came), parts={}, back=[], payments=came)
    name = "Order Expired" if why == "expired" else "Order Cancelled"
    said = {"units": {}, "unshipped": dict(found.unshipped), "counted": is_paid(state) or state["on_account"]}
    _, event = tell(state, name, {**given_back(found, state), **said, "why": why, "at": now})
    turn = turn_of(order, state, "cancel", units=all_waiting(state), why=why)
    held = [(hold, turn) for hold in holds(state) if hold.claim != PAYMENT]
    return Plan([event], [*held, *payments_back(order, state, found, why)])
