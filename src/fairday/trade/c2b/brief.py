"""A brief: what a company asks people for, as a stream ``brief:ID``. Pure. See docs/algorithms/crowd.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, Row, State

SHOP = "shop"
"""Who asks, where it is the shop itself; a company is ``company:ID``."""

MAX_REWARD = 10**9
MAX_ANSWERS = 200
MAX_WINNERS = 20
MAX_DAYS = 90
"""How long a brief may be open, and how long its work may take."""
CHOOSE_MS = 30 * DAY_MS
"""How long after it closes somebody can be chosen."""

_TERMS = ("by", "least", "most", "winners", "until", "deliver_days", "accept_days", "rounds", "commission", "currency",
          "life")  # fmt: skip


class BriefDecider(BaseDecider):
    """The rules of streams ``brief:ID``: draft, open, choosing once it is closed, over; or withdrawn.

    Commands: ``brief.write`` {by, least, most: minor units, winners, until: ms, deliver_days, accept_days, rounds,
    commission, currency, life: draft or open}, ``brief.withdraw`` {by}, ``brief.end`` {by}: nobody else is chosen.
    Answers are counted by ``answered``, places by ``PlaceClaim``.
    """

    kind = "brief"
    max_state_bytes = 8192

    def initial(self) -> State:
        return {"life": "new", "by": None, "answers": 0, "chosen": {}, "funded": 0}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        data, life = command.data, state["life"]
        if command.name == "brief.write":
            return _written(state, data, now)
        if command.name == "deadline":
            return [Event("Brief Closed" if life == "open" else "Brief Over", {"at": now})]
        if life == "new" or data.get("by") != state["by"]:
            return Refusal("no_such_brief", "There is no such brief.")
        if command.name == "brief.withdraw":
            if life == "withdrawn":
                return []
            if state["chosen"] or life == "over":
                return Refusal("brief_chosen", "Somebody was chosen, or it is over; it cannot be taken back.")
            return [Event("Brief Withdrawn", {"at": now})]
        if command.name != "brief.end":
            return Refusal("unknown_command", f"A brief knows no command {command.name!r}.")
        if life != "choosing":
            return _not(state)
        return [Event("Brief Over", {"at": now})]

    def evolve(self, state: State, event: Event) -> State:
        data = event.data
        match event.name:
            case "Brief Written":
                return {**state, **{name: data[name] for name in _TERMS}}
            case "Brief Answered":
                return {**state, "answers": data["answers"]}
            case "Brief Place Taken":
                return {**state, "chosen": {**state["chosen"], data["answer"]: data["order"]}}
            case "Brief Place Paid":
                return {**state, "funded": state["funded"] + 1}
            case "Brief Place Freed":
                left = {k: v for k, v in state["chosen"].items() if k != data["answer"]}
                return {**state, "chosen": left, "funded": state["funded"] - (1 if data["paid"] else 0)}
        return {**state, "life": _AFTER[event.name]}

    def deadline(self, state: State) -> int | None:
        if state["life"] == "open":
            return int(state["until"])
        return int(state["until"] + CHOOSE_MS) if state["life"] == "choosing" else None

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        data, row = event.data, {"id": stream.partition(":")[2], "updated_at": now}
        match event.name:
            case "Brief Written":
                told = {name: data[name] for name in ("by", "life", "least", "most", "currency", "winners")}
                yield Row("briefs", row | told | {"until_at": data["until"], "answers": 0, "chosen": 0})
            case "Brief Answered":
                yield Row("briefs", row | {"life": "open", "answers": data["answers"]})
            case "Brief Place Taken" | "Brief Place Freed":
                yield Row("briefs", row | {"life": data["life"], "chosen": data["chosen"]})
            case "Brief Place Paid":
                return
            case _:
                yield Row("briefs", row | {"life": _AFTER[event.name]})


_AFTER = {"Brief Closed": "choosing", "Brief Over": "over", "Brief Withdrawn": "withdrawn"}


def _written(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    if state["by"] not in (None, data["by"]):
        return Refusal("no_such_brief", "There is no such brief.")
    if state["life"] not in ("new", "draft", "open") or state["answers"]:
        return Refusal("brief_answered", "Somebody has answered, or it is closed: a brief no longer changes.")
    least, most = data["least"], data["most"]
    if any(type(n) is not int for n in (least, most)) or not 1 <= least <= most <= MAX_REWARD:
        return Refusal("bad_reward", f"A reward is 1 to {MAX_REWARD} minor units, a range from less to more.")
    for name, low, high in (("winners", 1, MAX_WINNERS), ("deliver_days", 1, MAX_DAYS), ("accept_days", 1, 60),
                            ("rounds", 0, 5), ("commission", 0, 5000)):  # fmt: skip
        if type(data[name]) is not int or not low <= data[name] <= high:
            return Refusal(f"bad_{name}", f"That is {low} to {high}.")
    if type(data["until"]) is not int or not now < data["until"] <= now + (MAX_DAYS + 1) * DAY_MS:
        return Refusal("bad_until", f"A brief closes within {MAX_DAYS} days from now.")
    return [Event("Brief Written", {name: data[name] for name in _TERMS} | {"at": now})]


def _not(state: State) -> Refusal:
    return Refusal("brief_moved", "The brief is not where it was; look again.", {"life": state["life"]})


def takes(state: State, price: Any, now: int) -> Refusal | None:
    """Why a brief takes no answer at a price now, or None."""
    if state["life"] in ("new", "draft", "withdrawn"):
        return Refusal("no_such_brief", "There is no such brief.")
    if state["life"] != "open" or now >= state["until"]:
        return Refusal("brief_closed", "This brief is closed.")
    if type(price) is not int or not state["least"] <= price <= state["most"]:
        return Refusal("bad_price", "The price is not within what the brief offers.",
                       {"least": state["least"], "most": state["most"]})  # fmt: skip
    return None


def answered(state: State, now: int) -> list[Event] | Refusal:
    """One more person has answered."""
    if state["answers"] >= MAX_ANSWERS:
        return Refusal("brief_full", "This brief has as many answers as it takes.")
    return [Event("Brief Answered", {"answers": state["answers"] + 1, "at": now})]


class PlaceClaim:
    """One of a brief's places: ``Hold("place", "brief:ID", {"answer", "by"})``.

    Taken when the order is placed, counted there; free again when the order is given up. Once all are paid for (or on
    credit, placed) the brief is over.
    """

    name = "place"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        answer, chosen = hold.data["answer"], state["chosen"]
        if turn.step == "place":
            if state["life"] != "choosing" or state["by"] != hold.data["by"]:
                return _not(state)
            if answer not in chosen and len(chosen) >= state["winners"]:
                return Refusal("places_taken", "As many were chosen as the brief has places.")
            told = {"answer": answer, "order": turn.order, "chosen": len({*chosen, answer}), "life": state["life"]}
            made = [Event("Brief Place Taken", told | {"at": now})]
            return [*made, *self._paid(state, now)] if hold.data["credit"] else made
        if turn.step == "pay" and not hold.data["credit"]:
            return self._paid(state, now)
        if turn.step == "cancel" and chosen.get(answer) == turn.order:
            left = {"chosen": len(chosen) - 1, "life": state["life"], "paid": turn.paid or hold.data["credit"]}
            return [Event("Brief Place Freed", {"answer": answer, "order": turn.order, **left, "at": now})]
        return []

    def _paid(self, state: State, now: int) -> list[Event]:
        made = [Event("Brief Place Paid", {"at": now})]
        if state["life"] == "choosing" and state["funded"] + 1 >= state["winners"]:
            made.append(Event("Brief Over", {"at": now}))
        return made
