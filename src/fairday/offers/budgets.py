"""Budgets and caps: how much a rule has given, counted in streams and checked inside the write of the order.

A rule's counters are ``budget:RULE`` (its whole life), ``budget:RULE:day:DAY`` and ``budget:RULE:person:ACCOUNT``. Only
counters that
have a limit are touched. The limits travel with the hold, as they stood in the book the cart was priced by.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, State
from fairday.offers.model import Priced, Rule

TAKEN, GIVEN_BACK = "Budget Taken", "Budget Given Back"


class BudgetDecider(BaseDecider):
    """One counter: ``amount`` (minor units) and ``uses`` that stand taken. It changes with orders only, through its
    claim."""

    kind = "budget"

    def initial(self) -> State:
        return {"amount": 0, "uses": 0}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        return Refusal("not_by_command", "A budget is taken by placing an order.")

    def evolve(self, state: State, event: Event) -> State:
        sign = 1 if event.name == TAKEN else -1
        return {
            "amount": state["amount"] + sign * event.data["amount"],
            "uses": state["uses"] + sign * event.data["uses"],
        }


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
            case "cancel":
                return self._back(turn, amount, uses)
            case "refund":
                # Parts of a whole, so that all refunds together give back exactly what was taken.
                upto = amount * (turn.already + turn.part) // turn.whole if turn.whole else amount
                before = amount * turn.already // turn.whole if turn.whole else 0
                if turn.final:
                    upto = amount
                return self._back(turn, upto - before, uses if turn.final else 0)
            case _:
                return ()

    def _back(self, turn: Turn, amount: int, uses: int) -> Sequence[Event]:
        if not amount and not uses:
            return ()
        return [Event(GIVEN_BACK, {"order": turn.order, "n": turn.n, "amount": amount, "uses": uses})]


def holds(priced: Priced, rules: Iterable[Rule], account: str | None, day: int) -> list[Hold]:
    """The holds an order of a priced cart takes on its rules' budgets.

    Args:
        rules: the book's rules.
        account: the buyer's member account's id, or None for a guest, for whom limits by person cannot be counted.
        day: the shop's local day of the order.
    """
    found = []
    known = {rule.id: rule for rule in rules}
    for told in priced.applied:
        limits = known[told.rule].limits
        amount = told.values.get("amount", 0) + told.values.get("shipping", 0)
        for where, most, uses in (
            ("", limits.amount, limits.uses), (f":day:{day}", limits.day_amount, limits.day_uses),
            (f":person:{account}", None, limits.person_uses if account is not None else None),
        ):  # fmt: skip
            if most is None and uses is None:
                continue
            data = {"rule": told.rule, "amount": amount, "uses": 1}
            data |= {} if most is None else {"amount_limit": most}
            data |= {} if uses is None else {"uses_limit": uses}
            found.append(Hold("budget", f"budget:{told.rule}{where}", data))
    return found
