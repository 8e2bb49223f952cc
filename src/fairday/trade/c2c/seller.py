"""What somebody earns by selling: a stream ``seller:ID`` with balances by currency, and payouts. Pure.

The ledger account of the same name holds the same: orders that are over move money into it, payouts out of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.decider import BaseDecider, Command, Event, Located, Peek, Refusal, Row, Spanning, State, Transfer
from fairday.kernel.forwarding import forwarding
from fairday.trade.c2c.mode import divided, seller_stream

A_DAY = 30
"""Listings that one seller may send in a local day."""
MAX_OPEN = 20
"""Payouts of one seller that may wait at one time."""
WAITING, PAID = "payouts:waiting", "payouts:paid"
"""Ledger accounts of what was asked for, and of what left the shop's bank."""
_ID = re.compile(r"[0-9a-z]{6,40}")
_WHY = re.compile(r"[a-z_]{1,40}")


def counted(state: State, day: int) -> list[Event] | Refusal:
    """One more listing was sent on a local day."""
    sent = state["sent"] + 1 if state["day"] == day else 1
    if sent > A_DAY:
        return Refusal("too_many_listings", f"At most {A_DAY} listings a day; go on tomorrow.")
    return [Event("Listing Counted", {"day": day, "sent": sent})]


def writing(
    name: str,
    who: str,
    written: Callable[[State, Mapping[str, Any], int], list[Event] | Refusal],
    day: Callable[[int], int],
) -> Spanning:
    """The command with which somebody writes a thing of theirs: a draft as often as they like, what is sent counts
    among the day's.

    Args:
        name: the command's; ``who``: the word of its data that holds the account.
        written: the rules of the thing's own stream.
        day: the shop's local day of an instant (ms).
    """

    def locate(command: Command, peek: Peek) -> Located:
        return Located((command.stream, seller_stream(command.data[who])))

    def decide(states: Mapping[str, State], command: Command, now: int) -> Mapping[str, Sequence[Event]] | Refusal:
        made = written(states[command.stream], command.data, now)
        if isinstance(made, Refusal) or command.data["life"] == "draft":
            return made if isinstance(made, Refusal) else {command.stream: made}
        stream = seller_stream(command.data[who])
        told = counted(states[stream], day(now))
        return told if isinstance(told, Refusal) else {command.stream: made, stream: told}

    return Spanning(name, locate, decide)


class SellerDecider(BaseDecider):
    """The rules of streams ``seller:ID``.

    Commands: ``payout.ask`` {payout: id, currency, amount}; ``payout.confirm`` {payout, reference: the bank's} and
    ``payout.refuse`` {payout, why} by people of the shop. A balance is never below zero.
    """

    kind = "seller"

    def initial(self) -> State:
        return {"balances": {}, "payouts": {}, "day": 0, "sent": 0, "moves": 0}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        data = command.data
        payout = str(data.get("payout", ""))
        waits = state["payouts"].get(payout)
        if command.name == "payout.ask":
            return _asked(state, payout, data["currency"], data["amount"], now)
        if command.name not in ("payout.confirm", "payout.refuse"):
            return Refusal("unknown_command", f"A seller knows no command {command.name!r}.")
        if waits is None:
            return Refusal("no_such_payout", "No such payout is waiting.")
        told: dict[str, Any] = {"payout": payout, "currency": waits[0], "amount": waits[1], "at": now}
        if command.name == "payout.confirm":
            reference = str(data.get("reference", "")).strip()
            if not 1 <= len(reference) <= 64:
                return Refusal("no_reference", "Write the bank's number of the transfer.")
            return [Event("Payout Paid", told | {"reference": reference})]
        if not _WHY.fullmatch(str(data.get("why", ""))):
            return Refusal("bad_reason", "A reason is a word of small letters, such as wrong_details.")
        return [Event("Payout Refused", told | {"why": data["why"]})]

    def evolve(self, state: State, event: Event) -> State:
        data = event.data
        if event.name == "Listing Counted":
            return {**state, "day": data["day"], "sent": data["sent"]}
        if event.name in ("Seller Moved", "Seller Received"):
            came = 1 if event.name == "Seller Received" else -1
            sums: Counter[str] = Counter(state["balances"])
            sums.update({unit: came * amount for unit, amount in data["balances"].items()})
            kept = {"moves": data["n"], "into": data["into"]} if came < 0 else {}
            return {**state, **kept, "balances": {u: n for u, n in sums.items() if n}}
        change = {"Earnings Credited": 1, "Payout Asked": -1, "Payout Refused": 1, "Payout Paid": 0}[event.name]
        unit = data["currency"]
        balances = {**state["balances"], unit: state["balances"].get(unit, 0) + change * data["amount"]}
        payouts = dict(state["payouts"])
        if event.name == "Payout Asked":
            payouts[data["payout"]] = [unit, data["amount"]]
        elif "payout" in data:
            del payouts[data["payout"]]
        return {**state, "balances": {u: n for u, n in balances.items() if n}, "payouts": payouts}

    def deadline(self, state: State) -> int | None:
        """At once, where a deal or a refused payout brought something to a seller that was moved."""
        return 0 if state.get("into") and state["balances"] else None

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        data = event.data
        if "payout" not in data:
            return
        row: dict[str, Any] = {"id": data["payout"], "updated_at": now}
        row["status"] = {"Payout Asked": "waiting", "Payout Paid": "paid", "Payout Refused": "refused"}[event.name]
        if event.name == "Payout Asked":
            row |= {"seller": stream, "currency": data["currency"], "amount": data["amount"], "asked_at": now}
        yield Row("payouts", row | {name: data[name] for name in ("reference", "why") if name in data})

    def transfers(self, stream: str, event: Event, now: int) -> Iterable[Transfer]:
        if event.name == "Seller Moved":
            for unit, amount in event.data["balances"].items():
                key = f"{stream}:moved:{event.data['n']}:{unit}"
                yield Transfer(key, stream, event.data["into"], unit, amount)
        pair = {"Payout Asked": (stream, WAITING), "Payout Paid": (WAITING, PAID), "Payout Refused": (WAITING, stream)}
        if event.name in pair:
            data = event.data
            key = f"{stream}:{data['payout']}:{event.name.rpartition(' ')[2].lower()}"
            yield Transfer(key, *pair[event.name], data["currency"], data["amount"])


def moved(stream: str, state: State, into: str, other: State, now: int) -> dict[str, list[Event]]:
    """All that a seller may have paid out is another's from now on; payouts that wait stay where they were asked."""
    said = {"balances": state["balances"], "n": state.get("moves", 0) + 1, "at": now}
    return {stream: [Event("Seller Moved", said | {"into": into})],
            into: [Event("Seller Received", said | {"from": stream})]}  # fmt: skip


FORWARD = forwarding("seller", moved)
"""What comes to a seller whose account was merged goes on to the other's."""


def _asked(state: State, payout: str, currency: str, amount: Any, now: int) -> list[Event] | Refusal:
    if not _ID.fullmatch(payout) or payout in state["payouts"]:
        return Refusal("bad_payout", "A payout has an id of its own.")
    if type(amount) is not int or amount <= 0:
        return Refusal("bad_amount", "An amount is a whole number of minor units above zero.")
    if state.get("into"):
        return Refusal("account_merged", "This account was merged into another.", {"into": state["into"]})
    if amount > state["balances"].get(currency, 0):
        return Refusal("too_little", "Less than that is yours to pay out.")
    if len(state["payouts"]) >= MAX_OPEN:
        return Refusal("too_many_payouts", "Wait until the payouts you asked for are done.")
    return [Event("Payout Asked", {"payout": payout, "currency": currency, "amount": amount, "at": now})]


class EarningsClaim:
    """What a sale earns: ``Hold("earnings", "seller:ID", {"commission", "currency"})``.

    It comes when the order is over, for the money that stayed. The order's own release moves it in the ledger.
    """

    name = "earnings"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        if turn.step != "complete":
            return []
        _, rest = divided(turn.whole - turn.already, hold.data["commission"])
        said = {"order": turn.order, "currency": hold.data["currency"], "amount": rest, "at": now}
        return [Event("Earnings Credited", said)] if rest else []
