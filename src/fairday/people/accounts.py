"""Member accounts: streams that own value (points, stored value) by unit, double entry in the ledger.

Value hangs on an account, never on a person. Identity joins accounts to people through their ids and takes them apart
again, and moves nothing; only ``account.merge`` does, an explicit command on both accounts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, String, Table

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
from fairday.kernel.errors import FairdayError, NotFound
from fairday.people.identity.records import run
from fairday.people.tables import OPEN
from fairday.storage.database import col, insert, metadata
from fairday.storage.runner import Runner, stream_state

member_accounts = Table(
    "member_accounts",
    metadata,
    col("identifier", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
    col("account", String(200), nullable=False, index=True, personal=False),
)
"""Which member account an id (a user_id, a card number) signs in to. Identity never writes here."""

MAX_UNITS = 16
MAX_AMOUNT = 10**15
MAX_REASON = 100
_UNIT = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,23}")


class AccountDecider(BaseDecider):
    """The rules of streams ``account:ID``.

    Commands: ``open``; ``earn``, ``spend`` {unit, amount > 0, reason} and ``adjust`` {unit, amount of either sign,
    reason}; a balance is never below zero. ``account.merge`` {into: stream} spans two accounts.
    """

    kind = "account"

    def initial(self) -> State:
        return {"open": False, "into": None, "n": 0, "balances": {}}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        if command.name == "open":
            return _closed(state) if state["into"] else [] if state["open"] else [Event("Account Opened", {"n": 1})]
        if command.name not in ("earn", "spend", "adjust"):
            return Refusal("unknown_command", f"An account knows no command {command.name!r}.")
        wrong = _unusable(state) or _bad(command.data, signed=command.name == "adjust")
        if wrong is not None:
            return wrong
        unit, amount, reason = command.data["unit"], command.data["amount"], command.data["reason"]
        change = -amount if command.name == "spend" else amount
        balances: Mapping[str, int] = state["balances"]
        if balances.get(unit, 0) + change < 0:
            return Refusal("insufficient", "The balance is too low.", {"unit": unit, "balance": balances.get(unit, 0)})
        if unit not in balances and len(balances) >= MAX_UNITS:
            return Refusal("too_many_units", f"An account holds at most {MAX_UNITS} units.")
        name = {"earn": "Value Earned", "spend": "Value Spent", "adjust": "Value Adjusted"}[command.name]
        return [Event(name, {"n": state["n"] + 1, "unit": unit, "change": change, "reason": reason})]

    def evolve(self, state: State, event: Event) -> State:
        data = event.data
        if event.name == "Account Opened":
            return {**state, "open": True, "n": data["n"]}
        if event.name == "Account Merged":
            return {**state, "open": False, "into": data["into"], "balances": {}, "n": data["n"]}
        changes = data["received"] if event.name == "Account Received" else {data["unit"]: data["change"]}
        balances = dict(state["balances"])
        for unit, change in changes.items():
            balances[unit] = balances.get(unit, 0) + change
        return {**state, "balances": {u: b for u, b in sorted(balances.items()) if b}, "n": data["n"]}

    def transfers(self, stream: str, event: Event, now: int) -> Iterable[Transfer]:
        data = event.data
        if event.name == "Account Merged":
            return [
                Transfer(f"{stream}:{data['n']}:{u}", stream, data["into"], u, b) for u, b in data["moved"].items() if b
            ]
        if "change" not in data:
            return ()
        unit, change = data["unit"], data["change"]
        house, key = f"house:{unit}", f"{stream}:{data['n']}:{unit}"
        pair = (house, stream) if change > 0 else (stream, house)
        return [Transfer(key, *pair, unit, abs(change))]


def _closed(state: State) -> Refusal:
    return Refusal("account_merged", "This account was merged into another.", {"into": state["into"]})


def _unusable(state: State) -> Refusal | None:
    if state["into"]:
        return _closed(state)
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


def _locate(command: Command, peek: Peek) -> Located:
    into = str(command.data.get("into", ""))
    _check(command.stream)
    _check(into)
    return Located((command.stream, into))


def _merge(states: Mapping[str, State], command: Command, now: int) -> Mapping[str, Sequence[Event]] | Refusal:
    into = str(command.data.get("into", ""))
    if into == command.stream:
        return Refusal("same_account", "An account cannot be merged into itself.")
    giver, taker = states[command.stream], states[into]
    wrong = _unusable(giver) or _unusable(taker)
    if wrong is not None:
        return wrong
    moved = dict(giver["balances"])
    if len(moved.keys() | taker["balances"].keys()) > MAX_UNITS:
        return Refusal("too_many_units", f"An account holds at most {MAX_UNITS} units.")
    return {
        command.stream: [Event("Account Merged", {"n": giver["n"] + 1, "into": into, "moved": moved})],
        into: [Event("Account Received", {"n": taker["n"] + 1, "from": command.stream, "received": moved})],
    }


MERGE = Spanning("account.merge", _locate, _merge)
"""Merge one account into another: all its value moves, and it closes for good."""


def register(runner: Runner) -> None:
    """Give a runner the rules of accounts."""
    runner.register(AccountDecider())
    runner.register_spanning(MERGE)


def merge_command(account: str, into: str, actor: str, key: str | None = None) -> Command:
    """The command that merges ``account`` into ``into`` (both stream names)."""
    for stream in (account, into):
        _check(stream)
    return Command("account.merge", account, {"into": into}, actor, key)


def attach(conn: Connection, account: str, type_: str, value: str) -> None:
    """Let an id sign in to an account; it leaves the account it signed in to before.

    Raises:
        FairdayError: not an account's stream name.
        NotFound: identity has not met the id (as kept: normalised).
    """
    _check(account)
    rows = run(conn, "SELECT id FROM identifiers WHERE type = ? AND value = ?", (type_, value))
    if not rows:
        raise NotFound(f"Nobody has {type_}:{value}.", code="unknown_id")
    statement = insert(conn, member_accounts)
    conn.execute(
        statement.on_conflict_do_update(index_elements=["identifier"], set_={"account": statement.excluded.account}),
        {"identifier": rows[0][0], "account": account},
    )


def accounts_of(conn: Connection, person: int) -> list[str]:
    """The accounts a person's ids sign in to now; a merged account is followed to the one it went into."""
    rows = run(
        conn,
        "SELECT DISTINCT m.account FROM ownership o JOIN member_accounts m ON m.identifier = o.identifier"
        " WHERE o.person = ? AND o.until_at = ?",
        (person, OPEN),
    )
    return sorted({_final(conn, r[0]) for r in rows})


def balances(conn: Connection, account: str) -> dict[str, int]:
    """What an account holds, by unit."""
    found = stream_state(conn, account)
    return dict(found[1]["balances"]) if found is not None else {}


def _final(conn: Connection, account: str) -> str:
    while (found := stream_state(conn, account)) is not None and found[1]["into"]:
        account = found[1]["into"]
    return account


def _check(stream: str) -> None:
    if kind_of(stream) != "account" or not stream.partition(":")[2]:
        raise FairdayError(f"{stream!r} is not an account.", code="bad_account", remedy="Write account:ID.")
