"""The rules of streams ``account:ID``. Pure. See docs/algorithms/rewards.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import (
    BaseDecider,
    Command,
    Event,
    Located,
    Peek,
    Refusal,
    Spanning,
    State,
    Transfer,
    kind_of,
)
from fairday.kernel.errors import FairdayError
from fairday.kernel.forwarding import locate_last
from fairday.people.accounts import tiers
from fairday.people.accounts.lots import Lot, expired, give_back, next_expiry, normal, take, total
from fairday.people.accounts.tiers import Program

MAX_UNITS = 16
MAX_AMOUNT = 10**15
MAX_REASON = 100
MAX_OPEN = 100
"""Orders that may hold value of one account at one time."""
MAX_OVER = 50
"""Orders that are over of which an account still knows which lots paid them."""
HELD_LOTS = 16
"""Lots that are told apart of what an order was paid with."""
MAX_PAID_IN = 100
"""Payments into an account that it remembers, for matching them with the providers' bills of the last days."""
BACK_DAYS = 30
"""What comes back from a cancelled order can be spent for at least so many days."""
_UNIT = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,23}")


def empty() -> State:
    """The state of an account that has no event yet."""
    return {
        "open": False, "into": None, "n": 0, "balances": {}, "lots": {}, "held": {}, "owed": {}, "tier": tiers.fresh(),
    }  # fmt: skip


def complete(state: State) -> State:
    """A state as kept by an earlier version, with what it did not know of."""
    if "lots" in state:
        return state
    return {**empty(), **state, "lots": {unit: [[None, amount]] for unit, amount in state["balances"].items()}}


class AccountDecider(BaseDecider):
    """The rules of streams ``account:ID``.

    Commands: ``open``; ``earn`` {unit, amount > 0, reason, expires: ms or None}, ``spend`` {unit, amount > 0, reason}
    and ``adjust`` {unit, amount of either sign, reason}; ``qualify`` {amount, at, program}: what counts towards a tier.
    A balance is never below zero; what expires first is spent first. ``account.merge`` {into: stream} spans two.
    """

    kind = "account"
    max_state_bytes = 65_536

    def initial(self) -> State:
        return empty()

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        state = complete(state)
        if command.name == "open":
            return closed(state) if state["into"] else [] if state["open"] else [Event("Account Opened", {"n": 1})]
        if command.name == "qualify":
            return unusable(state) or _qualify(state, command.data, now)
        if command.name not in ("earn", "spend", "adjust"):
            return Refusal("unknown_command", f"An account knows no command {command.name!r}.")
        wrong = unusable(state) or _bad(command.data, signed=command.name == "adjust")
        if wrong is not None:
            return wrong
        unit, amount, reason = command.data["unit"], command.data["amount"], command.data["reason"]
        if command.name == "spend" or amount < 0:
            name = "Value Spent" if command.name == "spend" else "Value Adjusted"
            return spent(state, name, unit, abs(amount), reason)
        expires = command.data.get("expires")
        if expires is not None and (type(expires) is not int or expires <= now):
            return Refusal("bad_expiry", "Value expires at an instant that is still to come, or never.")
        name = "Value Earned" if command.name == "earn" else "Value Adjusted"
        return gained(state, name, unit, amount, reason, expires)

    def evolve(self, state: State, event: Event) -> State:
        state, data = complete(state), event.data
        if event.name == "Account Opened":
            return {**state, "open": True, "n": data["n"]}
        if event.name == "Account Merged":
            kept: State = {name: state[name] for name in ("held", "paid_in") if name in state}
            return {**empty(), **kept, "open": False, "into": data["into"], "n": data["n"]}
        if event.name in ("Tier Counted", "Tier Reviewed"):
            return {**state, "tier": data["tier"], "n": data["n"]}
        if event.name == "Account Received":
            lots = {u: normal([*state["lots"].get(u, ()), *lots_of(data, u)]) for u in data["received"]}
            tier = data.get("tier", state["tier"])
            owed = {
                u: state["owed"].get(u, 0) + data.get("owed", {}).get(u, 0)
                for u in {*state["owed"], *data.get("owed", {})}
            }
            return _with(state, lots, data["n"]) | {"tier": tier, "owed": owed}
        unit, change = data["unit"], data["change"]
        before = [tuple(lot) for lot in state["lots"].get(unit, ())]
        if "lots" in data:
            after: list[Lot] = [tuple(lot) for lot in data["lots"]]
        elif change >= 0:  # an event of an earlier version
            after = normal([*before, (None, change)])
        else:
            after = take(before, -change)[1]
        made = _with(state, {unit: after}, data["n"])
        if "held" in data:
            made["held"] = _told(state["held"], data["held"])
        if "owed" in data:
            made["owed"] = _told(state["owed"], {unit: data["owed"] or None})
        if "paid_in" in data:
            # Ids of payments sort by time.
            made["paid_in"] = dict(sorted({**state.get("paid_in", {}), **data["paid_in"]}.items())[-MAX_PAID_IN:])
        return made

    def deadline(self, state: State) -> int | None:
        """The next expiry of a lot or end of a tier; what came back to a merged account moves on at once."""
        state = complete(state)
        if state["into"]:
            return 0 if state["balances"] or any(state["owed"].values()) else None
        ends = [next_expiry([tuple(lot) for lot in lots]) for lots in state["lots"].values()]
        return min((end for end in [*ends, state["tier"]["until"]] if end is not None), default=None)

    def transfers(self, stream: str, event: Event, now: int) -> Iterable[Transfer]:
        data = event.data
        if event.name == "Account Merged":
            return [
                Transfer(f"{stream}:{data['n']}:{u}", stream, data["into"], u, b) for u, b in data["moved"].items() if b
            ]
        if data.get("payment"):  # what the payment itself moved is no transfer here, only what was owed of it
            unit, kept = data["unit"], data.get("kept", 0)
            return [Transfer(f"{stream}:{data['n']}:{unit}", stream, f"house:{unit}", unit, kept)] if kept else ()
        if not data.get("change"):
            return ()
        unit, change = data["unit"], data["change"]
        other, key = data.get("with") or f"house:{unit}", f"{stream}:{data['n']}:{unit}"
        debit, credit = (other, stream) if change > 0 else (stream, other)
        return [Transfer(key, debit, credit, unit, abs(change))]


# ---- what gains and spends -------------------------------------------------------------------------------------------


def gained(
    state: State, name: str, unit: str, amount: int, reason: str, expires: int | None = None, **more: Any
) -> Sequence[Event] | Refusal:
    """The event of value that comes in; what is owed of the unit is paid from it first."""
    if unit not in state["balances"] and len(state["balances"]) >= MAX_UNITS:
        return Refusal("too_many_units", f"An account holds at most {MAX_UNITS} units.")
    owed = min(state["owed"].get(unit, 0), amount)
    lots = normal([*lots_of(state, unit), (expires, amount - owed)])
    said = {"n": state["n"] + 1, "unit": unit, "change": amount - owed, "reason": reason, "lots": lots, **more}
    return [Event(name, said | ({"owed": state["owed"][unit] - owed} if owed else {}))]


def spent(state: State, name: str, unit: str, amount: int, reason: str, **more: Any) -> Sequence[Event] | Refusal:
    """The event of value that goes out, the first to expire first."""
    balance = state["balances"].get(unit, 0)
    if balance < amount:
        return Refusal("insufficient", "The balance is too low.", {"unit": unit, "balance": balance})
    taken, left = take(lots_of(state, unit), amount)
    said = {"n": state["n"] + 1, "unit": unit, "change": -amount, "reason": reason, "lots": left, **more}
    if more.get("held"):
        said["held"] = {ref: {"unit": unit, "lots": normal(taken, HELD_LOTS)} for ref in more["held"]}
    return [Event(name, said)]


def came_back(
    state: State, unit: str, amount: int, reason: str, ref: str, now: int, end: bool, days: int | None = BACK_DAYS
) -> Sequence[Event]:
    """The event of value that an order held and gives back: as it was, good for at least ``BACK_DAYS``.

    Args:
        days: what value is good for that nobody knows the lots of any more; None: for ever.
    """
    held = state["held"].get(ref)
    no_sooner = now + BACK_DAYS * DAY_MS
    unknown = None if days is None else max(no_sooner, now + days * DAY_MS)
    taken = [tuple(lot) for lot in held["lots"]] if held else [(unknown, amount)]
    lots = give_back(lots_of(state, unit), taken, amount, no_sooner)
    left = take(taken, total(taken) - amount)[0] if held and not end else []
    rest = {**held, "lots": left} if held and left else None
    said = {"n": state["n"] + 1, "unit": unit, "change": amount, "reason": reason, "lots": lots}
    return [Event("Value Returned", said | {"held": {ref: rest}})] if amount else settled(state, ref)


def settled(state: State, ref: str, *, known: bool = False) -> Sequence[Event]:
    """The event after which an order holds no value any more.

    Args:
        known: which lots paid it stays known, for what may still come back; of the ``MAX_OVER`` latest such orders.
    """
    held = state["held"].get(ref)
    if held is None:
        return []
    unit = held["unit"]
    told: dict[str, Any] = {ref: {**held, "over": True} if known else None}
    if known:  # numbers of orders sort by time
        over = sorted(r for r, h in state["held"].items() if h.get("over"))
        told |= dict.fromkeys(over[: max(0, len(over) + 1 - MAX_OVER)])
    said = {"n": state["n"] + 1, "unit": unit, "change": 0, "reason": ref, "lots": lots_of(state, unit)}
    return [Event("Value Settled", said | {"held": told})]


def holding(state: State) -> int:
    """How many orders that are not over hold value of an account."""
    return sum(not held.get("over") for held in state["held"].values())


def clawed_back(state: State, unit: str, amount: int, reason: str) -> Sequence[Event]:
    """The event of value that was earned by what is given back now: what is not there any more is owed."""
    taken = min(state["balances"].get(unit, 0), amount)
    if not amount:
        return []
    _, left = take(lots_of(state, unit), taken)
    owed = state["owed"].get(unit, 0) + amount - taken
    said = {"n": state["n"] + 1, "unit": unit, "change": -taken, "reason": reason, "lots": left, "owed": owed}
    return [Event("Value Reversed", said)]


def counted(state: State, amount: int, at: int, now: int, program: Program) -> Sequence[Event]:
    """The event of what counts towards a tier; none without tiers."""
    if not program.levels or not amount:
        return []
    tier = tiers.count(state["tier"], amount, at, now, program)
    return [Event("Tier Counted", {"n": state["n"] + 1, "tier": tier, "was": state["tier"]["name"]})]


def _qualify(state: State, data: Mapping[str, Any], now: int) -> Sequence[Event] | Refusal:
    amount, at = data.get("amount"), data.get("at", now)
    if type(amount) is not int or not 0 < abs(amount) <= MAX_AMOUNT or type(at) is not int or at > now:
        return Refusal("bad_amount", "What counts is a whole number, at an instant that is not to come.")
    try:
        program = msgspec.convert(data.get("program"), Program)
    except (msgspec.ValidationError, FairdayError) as error:
        return Refusal("bad_program", str(error))
    return counted(state, amount, at, now, program)


def lots_of(state: Mapping[str, Any], unit: str) -> list[Lot]:
    """A unit's lots, of a state or of what a merge moves."""
    lots = state.get("lots", {}).get(unit)
    if lots is None:
        amount = state.get("received", {}).get(unit, 0)
        return [(None, amount)] if amount else []
    return [tuple(lot) for lot in lots]


def _with(state: State, changed: Mapping[str, Sequence[Lot]], n: int) -> State:
    lots = {u: [list(lot) for lot in made] for u, made in sorted({**state["lots"], **changed}.items()) if made}
    balances = {u: sum(amount for _, amount in made) for u, made in lots.items()}
    return {**state, "lots": lots, "balances": balances, "n": n}


def _told(before: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in {**before, **changed}.items() if v is not None}


# ---- refusals --------------------------------------------------------------------------------------------------------


def closed(state: State) -> Refusal:
    """The account was merged into another."""
    return Refusal("account_merged", "This account was merged into another.", {"into": state["into"]})


def unusable(state: State) -> Refusal | None:
    """Why nothing may be done with an account, or None."""
    if state["into"]:
        return closed(state)
    return None if state["open"] else Refusal("account_unknown", "There is no such account; open it first.")


def _bad(data: Mapping[str, Any], signed: bool) -> Refusal | None:
    unit, amount, reason = data.get("unit"), data.get("amount"), data.get("reason")
    if not isinstance(unit, str) or not _UNIT.fullmatch(unit):
        return Refusal("bad_unit", "A unit is a short word such as points or CNY.")
    if type(amount) is not int or not 0 < abs(amount) <= MAX_AMOUNT or (amount < 0 and not signed):
        return Refusal("bad_amount", "An amount is a whole number of the unit's smallest part, above zero.")
    if not isinstance(reason, str) or not 0 < len(reason) <= MAX_REASON:
        return Refusal("bad_reason", f"A reason has 1 to {MAX_REASON} characters.")
    return None


def check(stream: str) -> None:
    """Refuse what is not an account's stream.

    Raises:
        FairdayError: what it should look like.
    """
    if kind_of(stream) != "account" or not stream.partition(":")[2]:
        raise FairdayError(f"{stream!r} is not an account.", code="bad_account", remedy="Write account:ID.")


# ---- over two accounts -----------------------------------------------------------------------------------------------


def _locate(command: Command, peek: Peek) -> Located:
    into = str(command.data.get("into", ""))
    check(command.stream)
    check(into)
    return Located((command.stream, into))


def _merge(states: Mapping[str, State], command: Command, now: int) -> Mapping[str, Sequence[Event]] | Refusal:
    into = str(command.data.get("into", ""))
    if into == command.stream:
        return Refusal("same_account", "An account cannot be merged into itself.")
    giver, taker = complete(states[command.stream]), complete(states[into])
    wrong = unusable(giver) or unusable(taker)
    if wrong is not None:
        return wrong
    if len(giver["balances"].keys() | taker["balances"].keys()) > MAX_UNITS:
        return Refusal("too_many_units", f"An account holds at most {MAX_UNITS} units.")
    return _moved(command.stream, giver, into, taker, now)


def _moved(
    stream: str, giver: State, into: str, taker: State, now: int
) -> Mapping[str, Sequence[Event]]:  # fmt: skip
    moved = dict(giver["balances"])
    received = {
        "n": taker["n"] + 1, "from": stream, "received": moved, "lots": giver["lots"], "owed": giver["owed"],
        "tier": tiers.merged(taker["tier"], giver["tier"], now),
    }  # fmt: skip
    return {
        stream: [Event("Account Merged", {"n": giver["n"] + 1, "into": into, "moved": moved})],
        into: [Event("Account Received", received)],
    }


MERGE = Spanning("account.merge", _locate, _merge)
"""Merge one account into another: all its value moves, and it closes for good."""


def _due(states: Mapping[str, State], command: Command, now: int) -> Mapping[str, Sequence[Event]] | Refusal:
    """What an account does by itself: lots expire, a tier is looked at again, a merged one sends on what came back."""
    stream = command.stream
    state = complete(states[stream])
    if state["into"]:
        into = next(name for name in states if name != stream)
        return _moved(stream, state, into, complete(states[into]), now)
    events: list[Event] = []
    n = state["n"]
    for unit in sorted(state["lots"]):
        gone, left = expired(lots_of(state, unit), now)
        if gone:
            n += 1
            said = {"n": n, "unit": unit, "change": -total(gone), "reason": "expired", "lots": left}
            events.append(Event("Value Expired", said))
    until = state["tier"]["until"]
    if until is not None and until <= now:
        after = tiers.review(state["tier"], now)
        events.append(Event("Tier Reviewed", {"n": n + 1, "tier": after, "was": state["tier"]["name"]}))
    return {stream: events}


DEADLINE_COMMAND = Spanning("account.deadline", locate_last, _due)
"""What runs when a lot expires, a tier ends, or value came back to a merged account."""
