"""Budgets and caps: how much a rule has given, counted in streams and checked inside the write of the order.

A rule's counters are ``budget:RULE`` (its whole life), ``budget:RULE:day:DAY`` and ``budget:RULE:person:ACCOUNT``. Only
counters that
have a limit are touched. The limits travel with the hold, as they stood in the book the cart was priced by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, State
from fairday.kernel.forwarding import forwarding
from fairday.offers.model import Priced, Rule, Told

TAKEN, GIVEN_BACK = "Budget Taken", "Budget Given Back"
MOVED, RECEIVED = "Budget Moved", "Budget Received"


class BudgetDecider(BaseDecider):
    """One counter: ``amount`` (minor units) and ``uses`` that stand taken. It changes with orders only, through its
    claim, or with its person when two accounts become one."""

    kind = "budget"

    def initial(self) -> State:
        return {"amount": 0, "uses": 0}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        return Refusal("not_by_command", "A budget is taken by placing an order.")

    def evolve(self, state: State, event: Event) -> State:
        sign = 1 if event.name in (TAKEN, RECEIVED) else -1
        into = {"into": event.data["into"]} if event.name == MOVED else {}
        return {
            **state, **into,
            "amount": state["amount"] + sign * event.data["amount"],
            "uses": state["uses"] + sign * event.data["uses"],
        }  # fmt: skip

    def deadline(self, state: State) -> int | None:
        """At once, where an order gave back to a counter that was moved."""
        return 0 if state.get("into") and (state["amount"] or state["uses"]) else None


def moved(stream: str, state: State, into: str, other: State, now: int) -> dict[str, list[Event]]:
    """What a counter has counted is counted by another from now on."""
    said = {"amount": state["amount"], "uses": state["uses"]}
    return {stream: [Event(MOVED, said | {"into": into})], into: [Event(RECEIVED, said | {"from": stream})]}


FORWARD = forwarding("budget", moved)
"""What an order gives back to the counter of an account that was merged goes on to the other's."""


class BudgetClaim:
    """What an order's steps mean for a counter: taken when it is placed, given back with what is cancelled or
    refunded."""

    name = "budget"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        amount, uses = hold.data["amount"], hold.data["uses"]
        rule = hold.data["rule"]
        match turn.step:
            case "place":
                for name, asked in (("amount", amount), ("uses", uses)):
                    limit = hold.data.get(f"{name}_limit")
                    if limit is not None and state[name] + asked > limit:
                        return Refusal(
                            "budget_used_up", f"The offer {rule} is used up.",
                            {"rule": rule, "counter": hold.stream, "limit": limit, "left": max(0, limit - state[name])},
                        )  # fmt: skip
                return [Event(TAKEN, {"order": turn.order, "amount": amount, "uses": uses})]
            case "cancel" | "refund":
                last = (turn.step == "cancel" or turn.final) and not turn.over
                return self._back(turn, turn.back(amount), uses if last else 0)
            case _:
                return ()

    def _back(self, turn: Turn, amount: int, uses: int) -> Sequence[Event]:
        if not amount and not uses:
            return ()
        return [Event(GIVEN_BACK, {"order": turn.order, "n": turn.n, "amount": amount, "uses": uses})]


def counters(rule: Rule, account: str | None, day: int) -> list[tuple[str, str, int | None, int | None]]:
    """The counters of a rule that have a limit, for a buyer on a day: (what it counts, stream, most minor units, most
    uses); it counts "all", a "day" or a "person".

    A rule for first orders is used once by an account, so that two first orders at once are one.
    """
    limits, by_person = rule.limits, rule.limits.person_uses
    if rule.when.first_order:
        by_person = 1 if by_person is None else min(1, by_person)
    found = [
        ("all", f"budget:{limits.purse or rule.id}", limits.amount, limits.uses),
        ("day", f"budget:{rule.id}:day:{day}", limits.day_amount, limits.day_uses),
    ]
    if account is not None:
        found.append(("person", f"budget:{rule.id}:person:{account}", None, by_person))
    return [c for c in found if c[2] is not None or c[3] is not None]


def barred(
    rules: Iterable[Rule], states: Mapping[str, State], account: str | None, day: int, priced: Priced | None = None
) -> dict[str, str]:
    """Rules that may not be used now: id → what is used up ("budget", "uses", "day", "person").

    A limit for each person bars who has no member account: nobody could count them.

    Args:
        states: of the counters' streams; one that is missing has counted nothing.
        priced: what would be given; without it a rule is barred only once nothing is left.
    """
    found: dict[str, str] = {}
    asked = {told.rule: _amount(told) for told in priced.applied} if priced is not None else {}
    states = dict(states)
    for rule in rules:
        if account is None and rule.limits.person_uses is not None:
            found[rule.id] = "person"
            continue
        for what, stream, most, uses in counters(rule, account, day):
            state = states.get(stream) or {"amount": 0, "uses": 0}
            if most is not None and state["amount"] + max(1, asked.get(rule.id, 1)) > most:
                found.setdefault(rule.id, "budget" if what == "all" else what)
            if uses is not None and state["uses"] + 1 > uses:
                found.setdefault(rule.id, "uses" if what == "all" else what)
            if rule.id in asked and rule.id not in found:  # what others of the same purse find taken
                states[stream] = {"amount": state["amount"] + asked[rule.id], "uses": state["uses"] + 1}
    return found


def holds(priced: Priced, rules: Iterable[Rule], account: str | None, day: int) -> list[Hold]:
    """The holds an order of a priced cart takes on its rules' budgets.

    Args:
        rules: the book's rules, with all that were applied.
        account: the buyer's member account, or None for a guest.
        day: the shop's local day of the order.
    """
    found = []
    known = {rule.id: rule for rule in rules}
    for told in priced.applied:
        for _, stream, most, uses in counters(known[told.rule], account, day):
            data = {"rule": told.rule, "amount": _amount(told), "uses": 1}
            data |= {} if most is None else {"amount_limit": most}
            data |= {} if uses is None else {"uses_limit": uses}
            found.append(Hold("budget", stream, data))
    return found


def _amount(told: Told) -> int:
    """What an applied rule gives, minor units."""
    return int(told.values.get("amount", 0)) + int(told.values.get("shipping", 0))
