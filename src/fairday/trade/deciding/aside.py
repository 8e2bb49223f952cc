"""Commands that touch the order alone: no hold hears of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairday.kernel.decider import Event, Refusal, State
from fairday.trade.deciding.common import not_now, tell, unknown, why_of
from fairday.trade.order import MAX_QTY, is_paid, waiting
from fairday.trade.refunds import preview

MAX_WANTS = 20
"""Articles that somebody may ask for in exchange."""


def alone(state: State, name: str, data: Mapping[str, Any], now: int) -> list[Event] | Refusal:
    """Commands that no hold hears of."""
    wrong = unknown(state)
    if wrong is not None:
        return wrong
    found = _ALONE.get(name)
    if found is None:
        return Refusal("unknown_command", f"An order knows no command {name!r}.")
    return found(state, data, now)


def _ready(state: State, data: Mapping[str, Any], now: int) -> list[Event] | Refusal:
    if state["way"] != "pickup" or state["life"] != "open" or not (is_paid(state) or state["on_account"]):
        return not_now("ready", state)
    if state["ready_at"] is not None:
        return []
    return [tell(state, "Order Ready", {"at": now})[1]]


def _receive(state: State, data: Mapping[str, Any], now: int) -> list[Event] | Refusal:
    if state["life"] != "open" or any(waiting(x) for x in state["lines"].values()) or state["shipped_at"] is None:
        return not_now("received", state)
    if state["received_at"] is not None:
        return []
    return [tell(state, "Order Received", {"at": now})[1]]


def _ask_return(state: State, data: Mapping[str, Any], now: int) -> list[Event] | Refusal:
    why = why_of(data)
    if isinstance(why, Refusal):
        return why
    if state["life"] != "open" or state["shipped_at"] is None:
        return not_now("returned", state)
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
    wants = _wants(data.get("wants") or ())
    if isinstance(wants, Refusal):
        return wants
    number = str(len(state["returns"]) + 1)
    said = {"return": number, "units": units, "why": why, "wants": wants, "at": now}
    return [tell(state, "Return Asked", said)[1]]


def _wants(given: Sequence[Any]) -> list[list[Any]] | Refusal:
    """What the buyer would rather have instead: (SKU, units); nothing for their money back."""
    made: list[list[Any]] = []
    for one in list(given)[: MAX_WANTS + 1]:
        pair = list(one) if isinstance(one, list | tuple) else []
        known = len(pair) == 2 and isinstance(pair[0], str) and 0 < len(pair[0]) <= 200
        if not known or type(pair[1]) is not int or not 0 < pair[1] <= MAX_QTY or len(made) >= MAX_WANTS:
            return Refusal("bad_wants", f"What goes out instead is 1 to {MAX_WANTS} articles with units above 0.")
        made.append(pair)
    return made


def _answer_return(state: State, data: Mapping[str, Any], now: int) -> list[Event] | Refusal:
    asked = state["returns"].get(str(data.get("return", "")))
    answer = data.get("answer")
    if asked is None or asked["state"] not in ("asked", "accepted") or answer not in ("accepted", "refused"):
        return Refusal("no_such_return", "There is no open return of that number.")
    if asked["state"] == answer:
        return []
    return [tell(state, "Return Answered", {"return": str(data["return"]), "answer": answer, "at": now})[1]]


_ALONE = {
    "order.ready": _ready,
    "order.receive": _receive,
    "order.ask_return": _ask_return,
    "order.answer_return": _answer_return,
}
