"""An order: one stream ``order:ID`` from the moment it is placed to its end. Pure. See docs/algorithms/orders.md.

The state keeps facts (units shipped, money paid and given back, how its life ended); the *status* is derived from them,
so the two cannot disagree. What commands do to it is told in ``deciding``; what they set off elsewhere in ``steps``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from fairday.kernel.claims import Hold
from fairday.kernel.decider import Event, Row, State, Transfer

Status = Literal[
    "placed", "paid", "part_shipped", "shipped", "picked_up", "completed",
    "cancelled", "expired", "returned", "exchanged", "refunded",
]  # fmt: skip
"""Where an order stands, in one word. ``returned``: every unit came back; ``refunded``: all money went back without."""

SHIPPING = "shipping"
"""The name of the part of an order that is no line: what delivery costs."""

EVEN = "exchange"
"""What stands for the rule by which a line costs what returned units cost; no promotion of the shop's."""

MAX_LINES = 100
MAX_QTY = 100_000
MAX_MONEY = 10**12


def initial() -> State:
    """The state before the order is placed."""
    return {"life": "new", "version": 0}


def evolve(state: State, event: Event) -> State:
    """The state after an event."""
    after = _EVOLVE[event.name](state, event.data)
    return {**after, "version": state["version"] + 1}


def deadline(state: State) -> int | None:
    """When (ms) something is to happen by itself: unpaid it expires, received and past its window it is over."""
    if state["life"] != "open":
        return None
    if not is_paid(state) and not state["on_account"]:
        pay_by: int | None = state["pay_by"]
        return pay_by
    if due(state) or any(r["state"] in ("asked", "accepted") for r in state["returns"].values()):
        return None  # it waits for people
    close_at: int | None = state["close_at"]
    return close_at


def rows(stream: str, event: Event, now: int) -> Iterator[Row]:
    """What an event writes to the list of orders."""
    data = event.data
    row: dict[str, Any] = {"id": stream.partition(":")[2], "status": data["status"], "updated_at": now, **data["sums"]}
    if event.name == "Order Placed":
        row |= {name: data[name] for name in ("mode", "account", "currency", "country", "channel", "store", "way")}
        row |= {"total": data["total"], "units": sum(x["qty"] for x in data["lines"]), "placed_at": now}
    yield Row("orders", row)


def transfers(stream: str, event: Event) -> Iterator[Transfer]:
    """What an event moves between accounts: paid, an order's money is shared out of its own account (``order:ID``, into
    which its payments come); given back, the shares return to it; over, money held goes to whom it belongs."""
    data = event.data
    unit = data.get("currency", "")
    for part, label, account, amount in data.get("shares", ()):
        yield Transfer(f"{stream}:{part}:{label}", stream, account, unit, amount)
    for key, account, amount in data.get("back", ()):
        yield Transfer(f"{stream}:{key}", account, stream, unit, amount)
    for label, debit, credit, amount in data.get("releases", ()):
        yield Transfer(f"{stream}:{label}", debit, credit, unit, amount)
    if data.get("credit") and event.name == "Order Exchanged":
        yield Transfer(f"{stream}:exchange:{data['n']}", stream, data["into"], unit, data["credit"])


# ---- reading a state -------------------------------------------------------------------------------------------------


def exists(state: State) -> bool:
    """Whether the order was placed."""
    return bool(state["life"] != "new")


def due(state: State) -> int:
    """What is still to be paid, minor units: never below 0."""
    if state["life"] != "open":
        return 0
    return max(0, int(state["total"] - state["refunded"] - kept_paid(state)))


def kept_paid(state: State) -> int:
    """What was paid and has not gone back, minor units."""
    return sum(p["amount"] - p["back"] for p in state["payments"])


def is_paid(state: State) -> bool:
    """Whether nothing is left to pay. An order that costs nothing is paid when it is placed."""
    return bool(state["paid_at"] is not None)


def parts(state: State) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What money was paid for: the lines by id, then shipping where there is any."""
    yield from state["lines"].items()
    if state["shipping"] is not None:
        yield SHIPPING, state["shipping"]


def kept(line: Mapping[str, Any]) -> int:
    """Units of a line that were not cancelled and have not come back."""
    return int(line["qty"] - line["cancelled"] - line["returned"])


def over(state: State) -> bool:
    """Whether nothing of the order is left: no unit is kept, or all that was paid went back."""
    return all(kept(line) == 0 for line in state["lines"].values()) or state["refunded"] >= state["total"] > 0


def waiting(line: Mapping[str, Any]) -> int:
    """Units of a line that are still to leave."""
    return int(line["qty"] - line["cancelled"] - line["shipped"])


def holds(state: State) -> list[Hold]:
    """What the order holds elsewhere, payments included."""
    found = [Hold(claim, stream, data) for claim, stream, data in state["holds"]]
    found += [
        Hold("payment", p["payment"], {"method": p["method"], "amount": p["amount"]})
        for p in state["payments"]
        if p["payment"]
    ]
    return found


def status(state: State) -> Status:
    """Where the order stands."""
    lines = state["lines"].values()
    if state["life"] in ("cancelled", "expired"):
        found: Status = state["life"]
        return found
    if all(kept(line) == 0 for line in lines):
        if any(line["exchanged"] for line in lines):
            return "exchanged"
        return "returned" if any(line["returned"] for line in lines) else "cancelled"
    if state["refunded"] and state["refunded"] >= state["total"]:
        return "refunded"
    if state["life"] == "completed":
        return "completed"
    if any(line["shipped"] for line in lines):
        if any(waiting(line) for line in lines):
            return "part_shipped"
        return "picked_up" if state["way"] == "pickup" else "shipped"
    return "paid" if is_paid(state) else "placed"


# ---- what each event makes of the state ------------------------------------------------------------------------------

_UNSAID = {"form": {}, "made": False, "days": 0}
_NOTHING = {"shipped": 0, "cancelled": 0, "returned": 0, "exchanged": 0, "refunded": 0}


def _placed(state: State, data: Mapping[str, Any]) -> State:
    lines = {x["line"]: _UNSAID | {k: v for k, v in x.items() if k != "line"} | _NOTHING for x in data["lines"]}
    shipping = None if data["shipping"] is None else {**data["shipping"], "refunded": 0}
    credit = data["credit"] or {"from": None, "payments": []}
    return {
        "life": "open", "version": state["version"], "mode": data["mode"], "account": data["account"],
        "currency": data["currency"], "country": data["country"], "channel": data["channel"], "store": data["store"],
        "way": data["way"], "method": data["method"], "data": data["data"], "lines": lines, "shipping": shipping,
        "total": data["total"], "refunded": 0, "payments": [{**p, "back": 0} for p in credit["payments"]],
        "of": credit["from"], "holds": data["holds"],
        "counts": {"place": 1}, "placed_at": data["at"], "pay_by": data["pay_by"], "paid_at": None,
        "on_account": data["on_account"], "receive_ms": data["receive_ms"], "return_ms": data["return_ms"],
        "final": data.get("final", False),
        "shipped_at": None, "received_at": None, "close_at": None, "ready_at": None,
        "shares": data["shares"], "returned": {}, "returns": {}, "parcels": [], "why": "",
    }  # fmt: skip


def _payment(state: State, data: Mapping[str, Any]) -> State:
    payment = {"payment": data["payment"], "method": data["method"], "amount": data["amount"], "back": 0}
    return {**state, "payments": [*state["payments"], payment]}


def _paid(state: State, data: Mapping[str, Any]) -> State:
    return {**_counted(state, "pay"), "paid_at": data["at"], "shares": data["shares"] or state["shares"]}


def _retaken(state: State, data: Mapping[str, Any]) -> State:
    # Nothing was given up of an unpaid order but all of it together.
    lines = {part: {**line, "cancelled": 0} for part, line in state["lines"].items()}
    return {**_counted(state, "place"), "life": "open", "why": "", "lines": lines}


def _ready(state: State, data: Mapping[str, Any]) -> State:
    return {**state, "ready_at": data["at"]}


def _shipped(state: State, data: Mapping[str, Any]) -> State:
    lines = _add(state["lines"], {"shipped": data["units"]})
    after = {**_counted(state, "ship"), "lines": lines, "shipped_at": data["at"]}
    if data.get("rows"):
        after["holds"] = _turned(state["holds"], data["rows"])
    return {**_reckoned(after), "parcels": [*state["parcels"], [data["parcel"], data["at"]]]}


def _turned(held: Sequence[Any], rows: Mapping[str, Any]) -> list[Any]:
    """An order's holds with the rows of places of some lines turned (see ``rows``)."""
    return [
        [claim, stream, {**data, "parts": rows[data["line"]]} if claim == "stock" and data["line"] in rows else data]
        for claim, stream, data in held
    ]


def _received(state: State, data: Mapping[str, Any]) -> State:
    return _reckoned({**state, "received_at": data["at"]})


def _completed(state: State, data: Mapping[str, Any]) -> State:
    return {**_counted(state, "complete"), "life": "completed", "close_at": None}


def _ended(state: State, data: Mapping[str, Any]) -> State:
    """Cancelled or expired whole, money going back where there was any."""
    life = "expired" if data["why"] == "expired" else "cancelled"
    after = {**_counted(state, "cancel"), "life": life, "why": data["why"], "close_at": None}
    after["lines"] = _add(state["lines"], {"cancelled": {k: waiting(x) for k, x in state["lines"].items()}})
    return _given(after, data)


def _refunded(state: State, data: Mapping[str, Any]) -> State:
    units, out = data["units"], data["unshipped"]
    counted = {"returned": units, "cancelled": out}
    if data.get("into"):
        counted["exchanged"] = units
    after = {**_counted(state, "refund"), "lines": _add(state["lines"], counted)}
    if data["return"]:
        after["returns"] = {**state["returns"], data["return"]: {**state["returns"][data["return"]], "state": "done"}}
    return _given(_reckoned(after), data)


def _return_asked(state: State, data: Mapping[str, Any]) -> State:
    asked = {"units": data["units"], "why": data["why"], "at": data["at"], "state": "asked",
             "wants": data.get("wants", [])}  # fmt: skip
    return {**state, "returns": {**state["returns"], data["return"]: asked}}


def _return_answered(state: State, data: Mapping[str, Any]) -> State:
    said = {**state["returns"][data["return"]], "state": data["answer"]}
    return _reckoned({**state, "returns": {**state["returns"], data["return"]: said}})


def _counted(state: State, step: str) -> State:
    return {**state, "counts": {**state["counts"], step: state["counts"].get(step, 0) + 1}}


def _add(lines: Mapping[str, Any], more: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    after = dict(lines)
    for name, units in more.items():
        for line, n in units.items():
            after[line] = {**after[line], name: after[line][name] + n}
    return after


def _given(state: State, data: Mapping[str, Any]) -> State:
    """Money given back, by part and by payment."""
    lines, shipping, returned = dict(state["lines"]), state["shipping"], dict(state["returned"])
    for part, amount in data["parts"].items():
        if part == SHIPPING:
            shipping = {**shipping, "refunded": shipping["refunded"] + amount}
        else:
            lines[part] = {**lines[part], "refunded": lines[part]["refunded"] + amount}
    for key, _, amount in data["back"]:
        kept_key = key.rpartition(":")[0]
        returned[kept_key] = returned.get(kept_key, 0) + amount
    payments = [{**p, "back": p["back"] + data["payments"][i]} for i, p in enumerate(state["payments"])]
    money = sum(data["parts"].values())
    return {**state, "lines": lines, "shipping": shipping, "returned": returned, "payments": payments,
            "refunded": state["refunded"] + money}  # fmt: skip


def _reckoned(state: State) -> State:
    """When it is over: once nothing waits to leave, a while after its units were received."""
    if any(waiting(line) for line in state["lines"].values()) or state["shipped_at"] is None:
        return {**state, "close_at": None}
    received = state["received_at"] or state["shipped_at"] + state["receive_ms"]
    return {**state, "close_at": received + state["return_ms"]}


_EVOLVE = {
    "Order Placed": _placed,
    "Payment Received": _payment,
    "Order Paid": _paid,
    "Order Retaken": _retaken,
    "Order Ready": _ready,
    "Order Shipped": _shipped,
    "Order Picked Up": _shipped,
    "Order Received": _received,
    "Order Closed": _completed,
    "Order Cancelled": _ended,
    "Order Expired": _ended,
    "Order Refunded": _refunded,
    "Order Exchanged": _refunded,
    "Return Asked": _return_asked,
    "Return Answered": _return_answered,
}
