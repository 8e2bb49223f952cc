"""What somebody wants to buy for their company: ``requisition:<id>``, approved where it is above their limit. Pure.

It becomes ``order:<id>``, at most once. Lines are of whole units of goods; their prices are worked out when they are
looked at, but for those of an accepted quote, which are the quote's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import BaseDecider, Command, Event, Located, Peek, Refusal, Row, Spanning, State
from fairday.trade.b2b.company import COMPANY, may_approve, role_of
from fairday.trade.b2b.company import stream_of as company_stream
from fairday.trade.order import MAX_LINES, MAX_QTY

WAITS_MS = 30 * DAY_MS
"""Nobody ordered or approved it for so long: it is over."""

OVER = ("refused", "withdrawn", "expired", "ordered")


def stream_of(requisition: str) -> str:
    """The stream of a requisition's id."""
    return f"requisition:{requisition}"


def bad_lines(lines: Any) -> Refusal | None:
    """Why these are no lines [[sku, qty]], or None."""
    if not isinstance(lines, list | tuple) or not 1 <= len(lines) <= MAX_LINES:
        return Refusal("bad_lines", f"A list has 1 to {MAX_LINES} lines.")
    for sku, qty in lines:
        if not isinstance(sku, str) or not 0 < len(sku) <= 200:
            return Refusal("unknown_goods", "There are no such goods.", {"sku": str(sku)[:60]})
        if type(qty) is not int or not 1 <= qty <= MAX_QTY:
            return Refusal("bad_quantity", f"A quantity is 1 to {MAX_QTY}.", {"sku": sku})
    if len({sku for sku, _ in lines}) != len(lines):
        return Refusal("bad_lines", "Goods stand on one line of a list.")
    return None


class RequisitionDecider(BaseDecider):
    """The rules of ``requisition:<id>``.

    Commands: ``draft`` {company, account, lines, quote, version}, ``change`` {account, lines}, ``submit`` {account,
    total} (for approval), ``withdraw`` {account}, ``refuse`` as ``requisition.approve``, which is a spanning one:
    the company says who approves.
    """

    kind = "requisition"
    max_state_bytes = 32_768

    def initial(self) -> State:
        return {"status": ""}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        data = command.data
        if command.name == "draft":
            if state["status"]:
                return Refusal("requisition_exists", "There is a list of that number already.")
            wrong = bad_lines(data.get("lines"))
            if wrong is not None:
                return wrong
            if not COMPANY.fullmatch(str(data.get("company"))):
                return Refusal("no_such_company", "There is no such company.")
            kept = {k: data.get(k) for k in ("company", "account", "lines", "quote", "version")}
            return [Event("Requisition Drafted", kept | {"at": now})]
        if command.name == "deadline":
            return [Event("Requisition Expired")]
        if not state["status"] or data.get("account") != state["account"]:
            return Refusal("no_such_requisition", "There is no such list.")
        if state["status"] in OVER:
            return Refusal("requisition_over", f"This list is {state['status']}.", {"status": state["status"]})
        if command.name == "withdraw":
            return [Event("Requisition Withdrawn")]
        if command.name == "submit":
            total = data.get("total")
            if type(total) is not int or total < 0:
                return Refusal("bad_amount", "An amount is a whole number of minor units.")
            return [Event("Requisition Submitted", {"total": total, "at": now})]
        if command.name == "change":
            if state["quote"]:
                return Refusal("quoted", "The quote was for these goods; ask for another one.")
            wrong = bad_lines(data.get("lines"))
            return wrong or [Event("Requisition Changed", {"lines": data["lines"], "at": now})]
        return Refusal("unknown_command", f"A requisition knows no command {command.name!r}.")

    def evolve(self, state: State, event: Event) -> State:
        data = event.data
        match event.name:
            case "Requisition Drafted":
                kept = {k: data[k] for k in ("company", "account", "lines", "quote", "version")}
                return {"status": "draft", **kept, "total": None, "by": None, "touched": data["at"]}
            case "Requisition Changed":
                # What was approved was another list.
                return {**state, "status": "draft", "lines": data["lines"], "total": None, "by": None,
                        "touched": data["at"]}  # fmt: skip
            case "Requisition Submitted":
                return {**state, "status": "submitted", "total": data["total"], "by": None, "touched": data["at"]}
            case "Requisition Approved":
                return {**state, "status": "approved", "by": data["by"], "touched": data["at"]}
            case "Requisition Refused":
                return {**state, "status": "refused", "by": data["by"]}
            case "Requisition Ordered":
                return {**state, "status": "ordered", "total": data["total"]}
            case "Requisition Moved":
                return {**state, "account": data["account"]}
        return {**state, "status": event.name.rpartition(" ")[2].lower()}

    def deadline(self, state: State) -> int | None:
        over = not state["status"] or state["status"] in OVER
        return None if over else int(state["touched"]) + WAITS_MS

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        data = event.data
        row: dict[str, Any] = {"id": stream.partition(":")[2], "updated_at": now}
        row["status"] = {"Drafted": "draft", "Changed": "draft"}.get(
            event.name.rpartition(" ")[2], event.name.rpartition(" ")[2].lower()
        )
        if "lines" in data:
            row |= {"lines": len(data["lines"]), "total": None}
        if event.name == "Requisition Moved":
            row |= {"account": data["account"], "status": data["status"]}
        if event.name == "Requisition Drafted":
            row |= {k: data[k] for k in ("company", "account", "quote")}
        if "total" in data:
            row["total"] = data["total"]
        yield Row("requisitions", row)


def _locate(command: Command, peek: Peek) -> Located:
    version, state = peek(command.stream)
    company = [company_stream(state["company"])] if state["status"] else []
    return Located((command.stream, *company), {command.stream: version})


def _answer(states: Mapping[str, State], command: Command, now: int) -> Mapping[str, Sequence[Event]] | Refusal:
    state, by = states[command.stream], command.data.get("by")
    if not state["status"] or not isinstance(by, str):
        return Refusal("no_such_requisition", "There is no such list.")
    company = states[company_stream(state["company"])]
    if role_of(company, by) is None:
        return Refusal("no_such_requisition", "There is no such list.")
    if not may_approve(company, by):
        return Refusal("not_approver", "You may not approve for this company.")
    if by == state["account"]:
        return Refusal("own_requisition", "Somebody else must approve what you want to buy.")
    if state["status"] != "submitted":
        return Refusal("not_submitted", "This list does not wait for approval.", {"status": state["status"]})
    if command.data.get("total") != state["total"]:
        return Refusal("requisition_moved", "This list has changed meanwhile; look again.")
    yes = command.name == "requisition.approve"
    said = Event("Requisition Approved" if yes else "Requisition Refused", {"by": by, "at": now})
    return {command.stream: [said]}


ANSWERS = (Spanning("requisition.approve", _locate, _answer), Spanning("requisition.refuse", _locate, _answer))
"""``requisition.approve`` and ``requisition.refuse`` {by, total}: the approver's account, and the amount they saw."""


class RequisitionClaim:
    """The list that an order is placed from: ``Hold("requisition", "requisition:ID", {account, amount, approved,
    lines})``."""

    name = "requisition"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        if turn.step != "place" or turn.n:
            return []
        data = hold.data
        if state["status"] in ("", *OVER) or state["account"] != data["account"]:
            return Refusal("requisition_over", "This list cannot be ordered any more.", {"status": state["status"]})
        if [list(x) for x in state["lines"]] != [list(x) for x in data["lines"]]:
            return Refusal("requisition_moved", "This list has changed meanwhile; look again.")
        if data["approved"] and (state["status"] != "approved" or data["amount"] > state["total"]):
            return Refusal("needs_approval", "This is more than was approved; ask again.")
        return [Event("Requisition Ordered", {"total": data["amount"]})]
