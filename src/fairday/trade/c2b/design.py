"""A design: what somebody drew, made once enough are ordered; a stream ``design:ID``. Pure.

See docs/algorithms/crowd.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairday.goods.stock import StockClaim
from fairday.goods.stock.rules import MAIN, level_of, stock_stream
from fairday.kernel.claims import Hold, Turn
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import BaseDecider, Command, Event, Located, Peek, Refusal, Row, Spanning, State
from fairday.trade.c2b.mode import PAY_MS
from fairday.trade.c2b.tables import product_of
from fairday.trade.c2c.listing import MAX_PRICE, REASONS

MAX_UNITS = 1_000_000
MAX_ROYALTY = 5000
MAX_OPEN_MS = 180 * DAY_MS
"""The longest that a design takes pre-orders."""
STOPS = ("not_possible", "rights", "designer_asked", "other")
"""Why the shop stops a design that takes pre-orders."""
_TERMS = ("price", "goal", "most", "until", "royalty", "made_day")
_AFTER = {"Design Refused": "refused", "Design Withdrawn": "withdrawn", "Design Made": "made",
          "Design Missed": "missed", "Design Stopped": "stopped"}  # fmt: skip


def written(state: State, data: Mapping[str, Any], now: int) -> list[Event] | Refusal:
    """Somebody writes their design, new or again. ``data``: account, asked (minor units), currency, life."""
    if state["account"] not in (None, data["account"]):
        return Refusal("no_such_design", "There is no such design.")
    if state["life"] not in ("new", "draft", "review", "refused", "withdrawn"):
        return Refusal("design_taken", "It was accepted; it cannot be changed now.")
    if type(data["asked"]) is not int or not 1 <= data["asked"] <= MAX_PRICE:
        return Refusal("bad_price", f"The price is 1 to {MAX_PRICE} minor units.", {"where": "price"})
    told = {name: data[name] for name in ("account", "asked", "currency", "life")}
    return [Event("Design Written", told | {"at": now})]


class DesignDecider(BaseDecider):
    """The rules of streams ``design:ID``: draft, review, refused or withdrawn; open; then made, missed or stopped.

    Commands: ``design.withdraw`` {account} before it is accepted; ``design.accept`` {version: of what was looked at,
    price, goal, most, until, royalty, made_day}, ``design.refuse`` {version, why}, ``design.stop`` {why} by the shop.
    """

    kind = "design"

    def initial(self) -> State:
        return {
            "life": "new",
            "account": None,
            "asked": 0,
            "currency": "",
            "n": 0,
            "placed": 0,
            "paid": 0,
            "full": None,
        }

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        data, life = command.data, state["life"]
        if life == "new" or ("account" in data and data["account"] != state["account"]):
            return Refusal("no_such_design", "There is no such design.")
        if command.name == "design.withdraw":
            if life not in ("draft", "review", "refused", "withdrawn"):
                return Refusal("design_taken", "It was accepted; ask the shop to stop it.")
            return [] if life == "withdrawn" else [Event("Design Withdrawn", {"at": now})]
        if command.name == "design.stop":
            if data.get("why") not in STOPS:
                return Refusal("bad_reason", "Say why: " + ", ".join(STOPS) + ".")
            return [Event("Design Stopped", {"why": data["why"], "at": now})] if life == "open" else _not(state)
        if command.name not in ("design.accept", "design.refuse"):
            return Refusal("unknown_command", f"A design knows no command {command.name!r}.")
        if data["version"] != state["n"]:
            return Refusal("design_changed", "It has changed since you looked; look again.")
        if life != "review":
            return _not(state)
        if command.name == "design.accept":
            return _bad_terms(data, now) or [
                Event("Design Accepted", {name: data[name] for name in _TERMS} | {"at": now})
            ]
        if data.get("why") not in REASONS:
            return Refusal("bad_reason", "Say why: " + ", ".join(REASONS) + ".")
        return [Event("Design Refused", {"why": data["why"], "at": now})]

    def evolve(self, state: State, event: Event) -> State:
        data, after = event.data, {**state, "n": state["n"] + 1}
        match event.name:
            case "Design Written":
                return after | {name: data[name] for name in ("account", "asked", "currency", "life")}
            case "Design Accepted":
                return after | {name: data[name] for name in _TERMS} | {"life": "open"}
            case "Design Pre-ordered" | "Design Paid" | "Design Given Back":
                full = data["at"] if data["paid"] >= state["most"] else None
                return after | {"placed": data["placed"], "paid": data["paid"], "full": full}
        return after | {"life": _AFTER[event.name]}

    def deadline(self, state: State) -> int | None:
        if state["life"] != "open":
            return None
        if state["full"] is not None:
            return int(state["full"])
        # Whoever ordered in the last minute has as long to pay as anybody.
        return int(state["until"] + (PAY_MS if state["placed"] > state["paid"] else 0))

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        id_, data = stream.partition(":")[2], event.data
        row = {"id": id_, "updated_at": now}
        match event.name:
            case "Design Written":
                told = {name: data[name] for name in ("account", "asked", "currency", "life")}
                yield Row("designs", row | told | {"why": ""})
            case "Design Accepted":
                told = {name: data[name] for name in ("price", "goal", "most", "royalty", "made_day")}
                yield Row("designs", row | told | {"life": "open", "until_at": data["until"], "placed": 0, "paid": 0})
            case "Design Pre-ordered" | "Design Paid" | "Design Given Back":
                yield Row("designs", row | {"life": data["life"], "placed": data["placed"], "paid": data["paid"]})
                number = data["order"].partition(":")[2]
                yield Row("preorders", {"id": number, "design": id_, "life": _ORDERS[event.name]})
            case _:
                yield Row("designs", row | {"life": _AFTER[event.name], "why": data.get("why", "")})


_ORDERS = {"Design Pre-ordered": "placed", "Design Paid": "paid", "Design Given Back": "over"}


def _not(state: State) -> Refusal:
    return Refusal("design_moved", "The design is not where it was; look again.", {"life": state["life"]})


def _bad_terms(data: Mapping[str, Any], now: int) -> Refusal | None:
    for name, least, most in (("price", 1, MAX_PRICE), ("goal", 1, MAX_UNITS), ("most", 1, MAX_UNITS),
                              ("royalty", 0, MAX_ROYALTY)):  # fmt: skip
        if type(data[name]) is not int or not least <= data[name] <= most:
            return Refusal(f"bad_{name}", f"The {name} is {least} to {most}.", {"where": name})
    if data["goal"] > data["most"]:
        return Refusal("bad_most", "At most as many as the goal can hardly be reached.", {"where": "most"})
    if type(data["until"]) is not int or not now < data["until"] <= now + MAX_OPEN_MS:
        return Refusal("bad_until", "A design takes pre-orders for at most 180 days from now.", {"where": "until"})
    if (
        type(data["made_day"]) is not int
        or not data["until"] <= (data["made_day"] + 1) * DAY_MS <= now + 2 * 366 * DAY_MS
    ):
        return Refusal("bad_made_day", "It is made after the last day, and within two years.", {"where": "made_day"})
    return None


# ---- the end of it ---------------------------------------------------------------------------------------------------


def _to_end(command: Command, peek: Peek) -> Located:
    return Located((command.stream, stock_stream(product_of(command.stream.partition(":")[2]))))


def _ended(states: Mapping[str, State], command: Command, now: int) -> Mapping[str, Sequence[Event]] | Refusal:
    """The last day is over, or all that can be made is paid for: made or missed, with the stock that is to come."""
    state = states[command.stream]
    due = DesignDecider().deadline(state)
    if due is None or now < due:
        return _not(state)
    if state["paid"] < state["goal"]:
        return {command.stream: [Event("Design Missed", {"paid": state["paid"], "at": now})]}
    units, stock = state["paid"], stock_stream(product_of(command.stream.partition(":")[2]))
    on_hand, reserved, incoming = level_of(states[stock], MAIN)
    told = {"place": MAIN, "qty": units, "note": "pre-orders"}
    return {
        command.stream: [Event("Design Made", {"paid": units, "at": now})],
        stock: [
            Event("Stock Expected", told | {"levels": {MAIN: (on_hand, reserved, incoming + units)}}),
            Event("Stock Reserved", told | {"levels": {MAIN: (on_hand, reserved + units, incoming + units)}}),
        ],
    }


ENDING = Spanning("design.deadline", _to_end, _ended)


# ---- what an order holds ---------------------------------------------------------------------------------------------


class PreOrderClaim:
    """Units of a design: ``Hold("preorder", "design:ID", {"units", "price", "designer", "royalty"})``.

    Counted when the order is placed, never above the most; paid units count for the goal. Money after the end is
    refused. Nothing leaves before it is made.
    """

    name = "preorder"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        data, units = hold.data, hold.data["units"]
        if turn.step == "place":
            if state["life"] != "open" or now >= state["until"]:
                return over()
            if any(
                state[k] != data[d] for k, d in (("price", "price"), ("account", "designer"), ("royalty", "royalty"))
            ):
                return Refusal("design_changed", "It has changed since you looked; look again.")
            if state["placed"] + units > state["most"]:
                left = state["most"] - state["placed"]
                return Refusal("sold_out", f"Only {left} more will be made.", {"left": left})
            return [_counted("Design Pre-ordered", state, turn, state["placed"] + units, state["paid"], now)]
        if turn.step == "pay":
            if state["life"] != "open":
                return over()
            return [_counted("Design Paid", state, turn, state["placed"], state["paid"] + units, now)]
        if turn.step == "ship" and state["life"] != "made":
            return Refusal(
                "not_made_yet", "It is not made yet: its pre-orders are not over, or the goal was not reached."
            )
        if turn.step == "cancel" or (turn.step == "refund" and turn.unshipped):
            back = sum((turn.units if turn.step == "cancel" else turn.unshipped).values())
            # Once it is decided, how many there were stays what it was decided on.
            back = min(back, state["placed"]) if state["life"] == "open" else 0
            paid = state["paid"] - (min(back, state["paid"]) if turn.paid else 0)
            name = "Design Given Back" if turn.step == "cancel" or turn.final else "Design Paid"
            return [_counted(name, state, turn, state["placed"] - back, paid, now)]
        return []


def over() -> Refusal:
    """A design that takes no pre-orders."""
    return Refusal("preorder_over", "Pre-orders for this are over.")


def _counted(name: str, state: State, turn: Turn, placed: int, paid: int, now: int) -> Event:
    told = {"order": turn.order, "placed": placed, "paid": paid, "life": state["life"], "at": now}
    return Event(name, told)


class RoyaltyClaim:
    """What a design earns its designer: ``Hold("royalty", "seller:ID", {"currency"})``.

    It comes when the order is over; the order's own release moves the same in the ledger.
    """

    name = "royalty"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        amount = turn.released.get(hold.stream, 0)
        if turn.step != "complete" or not amount:
            return []
        said = {"order": turn.order, "currency": hold.data["currency"], "amount": amount, "at": now}
        return [Event("Earnings Credited", said)]


class MadeClaim:
    """Units that are made for an order: ``Hold("made", "stock:SKU", …)`` as of ``stock_hold``.

    Nothing is there to reserve when it is placed; they are promised together when the design is made, and leave or are
    freed like any others.
    """

    name = "made"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        # What was not paid for is in no promise, so it frees none.
        if turn.step in ("place", "pay") or not turn.paid:
            return []
        return StockClaim().decide(state, hold, turn, now)
