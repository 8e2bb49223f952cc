"""A person's answer to a brief and the work that comes of it: a stream ``answer:ID``. Pure.

See docs/algorithms/crowd.md.

An answer's id is made of its brief and its account, so that nobody answers twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, Row, State, Transfer
from fairday.kernel.ids import digest

EXPENSES = "expenses:briefs"
"""The ledger account that the shop's own briefs are paid from."""


def answer_id(brief: str, account: str) -> str:
    """The id of an account's answer to a brief (its id)."""
    return digest("answer", brief, account)[:26]


class AnswerDecider(BaseDecider):
    """The rules of streams ``answer:ID``.

    ``life``: sent; withdrawn; chosen until it is paid for; begun; delivered; again (another round was asked for);
    accepted; done; off (called off: it was not delivered). Alone it takes ``answer.withdraw`` {account} and
    ``answer.again`` {};
    ``answer.write``, ``answer.deliver`` and ``answer.accept`` take other streams too (``working``).
    """

    kind = "answer"

    def initial(self) -> State:
        return {"life": "none", "brief": None, "account": None, "price": 0, "order": None, "due": None}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        data, life = command.data, state["life"]
        if life == "none" or ("account" in data and data["account"] != state["account"]):
            return Refusal("no_such_answer", "There is no such answer.")
        if command.name == "answer.withdraw":
            if life == "withdrawn":
                return []
            return [Event("Answer Withdrawn", {"at": now})] if life == "sent" else moved(state)
        if command.name != "answer.again":
            return Refusal("unknown_command", f"An answer knows no command {command.name!r}.")
        if life != "delivered":
            return moved(state)
        if state["rounds"] < 1:
            return Refusal("no_rounds_left", "There are no more rounds: accept it, or say what is wrong in a dispute.")
        return [Event("Answer Sent Back", {"due": now + state["deliver_ms"], "at": now})]

    def evolve(self, state: State, event: Event) -> State:
        data = event.data
        match event.name:
            case "Answer Written":
                return {**state, "life": "sent", **{name: data[name] for name in ("brief", "account", "price")}}
            case "Answer Chosen":
                terms = ("order", "rounds", "deliver_ms", "accept_ms", "house", "currency")
                return {**state, "life": "chosen", "paid": False, "due": None, **{name: data[name] for name in terms}}
            case "Answer Begun":
                return {**state, "life": "begun", "due": data["due"], "paid": data["paid"]}
            case "Answer Invoice Paid":
                return {**state, "paid": True, "due": data["at"] if state["life"] == "accepted" else state["due"]}
            case "Answer Delivered" | "Answer Waits" | "Answer Round Over":
                return {**state, "life": "delivered", "due": data["due"]}
            case "Answer Sent Back":
                return {**state, "life": "again", "due": data["due"], "rounds": state["rounds"] - 1}
            case "Answer Given Back":
                return {**state, "given": state.get("given", 0) + 1}
            case "Answer Freed":
                return {**state, "life": "sent", "order": None, "due": None}
        return {**state, "life": _AFTER[event.name], "due": None}

    def deadline(self, state: State) -> int | None:
        due: int | None = state["due"]
        return due if state["life"] in ("begun", "again", "delivered", "accepted") else None

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        data, row = event.data, {"id": stream.partition(":")[2], "updated_at": now}
        match event.name:
            case "Answer Written":
                told = {name: data[name] for name in ("brief", "account", "price")}
                yield Row("brief_answers", row | told | {"life": "sent", "order_id": ""})
            case "Answer Chosen":
                yield Row("brief_answers", row | {"life": "chosen", "order_id": data["order"].partition(":")[2]})
            case "Answer Freed":
                yield Row("brief_answers", row | {"life": "sent", "order_id": ""})
            case "Answer Given Back" | "Answer Invoice Paid":
                return
            case _:
                yield Row("brief_answers", row | {"life": _LIFE.get(event.name) or _AFTER[event.name]})

    def transfers(self, stream: str, event: Event, now: int) -> Iterable[Transfer]:
        data = event.data
        if not data.get("house"):
            return
        if event.name == "Answer Chosen":
            yield Transfer(f"{data['order']}:house", EXPENSES, data["order"], data["currency"], data["price"])
        elif data["amount"]:
            key = f"{data['order']}:house:back:{data['n']}"
            yield Transfer(key, data["order"], EXPENSES, data["currency"], data["amount"])


_LIFE = {"Answer Begun": "begun", "Answer Delivered": "delivered", "Answer Waits": "delivered",
         "Answer Round Over": "delivered", "Answer Sent Back": "again"}  # fmt: skip
_AFTER = {"Answer Withdrawn": "withdrawn", "Answer Accepted": "accepted", "Answer Done": "done",
          "Answer Called Off": "off"}  # fmt: skip


def moved(state: State) -> Refusal:
    """The answer is elsewhere than a command needs it."""
    return Refusal("answer_moved", "The answer is not where it was; look again.", {"life": state["life"]})


def written(state: State, data: Mapping[str, Any], now: int) -> list[Event] | Refusal:
    """Somebody writes their answer, new or again."""
    if state["life"] not in ("none", "sent", "withdrawn"):
        return moved(state)
    told = {"brief": data["brief"], "account": data["account"], "price": data["price"]}
    return [Event("Answer Written", told | {"at": now})]


class WorkClaim:
    """The work an order pays for: ``Hold("work", "answer:ID", {"brief", "account", "price", "currency", "house",
    "credit", "rounds", "deliver_ms", "accept_ms"})``.

    Chosen when the order is placed, begun when it is paid (on credit at once); free to be chosen again when it was not
    paid in time; done when the order is over. What the shop pays itself comes from and goes back to ``EXPENSES``.
    """

    name = "work"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        data = hold.data
        begun = {"due": now + data["deliver_ms"], "at": now}
        house = {"house": data["house"], "order": turn.order, "currency": data["currency"]}
        if turn.step == "place":
            if state["life"] != "sent" or any(state[k] != data[k] for k in ("brief", "account", "price")):
                return Refusal("answer_changed", "The answer has changed since you looked; look again.")
            terms = {name: data[name] for name in ("rounds", "deliver_ms", "accept_ms", "price")}
            made = [Event("Answer Chosen", {**terms, **house, "at": now})]
            return [*made, Event("Answer Begun", {**begun, "paid": False})] if data["credit"] else made
        if state["order"] != turn.order:
            return []
        if turn.step == "pay":
            if data["credit"]:
                return [Event("Answer Invoice Paid", {"at": now})]
            return [Event("Answer Begun", {**begun, "paid": True})]
        if turn.step == "ship" and state["life"] != "delivered":
            return Refusal("not_delivered", "Who was chosen delivers this; it is not sent from the shop.")
        if turn.step == "complete":
            return [Event("Answer Done", {"at": now})]
        if turn.step == "cancel":
            if turn.why == "expired":
                return [Event("Answer Freed", {"at": now})]
            back = turn.whole - turn.already if turn.paid else 0
            return [Event("Answer Called Off", {**house, "amount": back, "n": "all", "why": turn.why, "at": now})]
        if turn.step == "refund" and data["house"] and turn.part:
            return [Event("Answer Given Back", {**house, "amount": turn.part, "n": turn.n, "at": now})]
        return []


class OutsiderClaim:
    """Nobody is paid by a company they belong to: ``Hold("outsider", "company:ID", {"account"})``: the account
    that they have now."""

    name = "outsider"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        if turn.step == "place" and belongs(state, hold.data["account"]):
            return Refusal("own_brief", "Nobody answers their own company's brief.")
        return []


def belongs(company: State, account: str) -> bool:
    """Whether an account is somebody of a company (its state)."""
    return account in company["members"]
