"""What moves of trade when an account is merged into another: what is counted of a person, and the open cart.

Its orders stay the orders they are, found by every account they may have been placed with (``accounts_in``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from fairday.kernel import jsons
from fairday.kernel.decider import Event, State
from fairday.offers import budgets
from fairday.people.accounts import accounts_in
from fairday.storage.batch import streams
from fairday.trade import border
from fairday.trade.cart import take_over
from fairday.trade.records import orders

MOVED = {"budget": budgets.moved, "allowance": border.moved}


class CountedMoves:
    """``people.accounts.Moves`` of what an offer counts of a person, and of what a country lets one spend in a year.

    Both are counters that only orders touch, named with the account. Its orders, and those of accounts that were merged
    into it, say which there are.
    """

    name = "counted"

    def streams(self, conn: Connection, account: str, into: str) -> Sequence[str]:
        mine = accounts_in(conn, account)
        query = (
            select(streams.c.state)
            .join(orders, streams.c.stream == "order:" + orders.c.id)
            .where(orders.c.account.in_(mine))
        )
        found: dict[str, None] = {}
        for state in conn.execute(query).scalars():
            for claim, stream, _ in jsons.loads(state)["holds"]:
                for one in mine if claim in MOVED else ():
                    found |= dict.fromkeys(renamed(stream, one, who) or "" for who in (account, into))
        return [stream for stream in found if stream]

    def decide(
        self, states: Mapping[str, State], account: str, into: str, now: int
    ) -> Mapping[str, Sequence[Event]]:  # fmt: skip
        made: dict[str, Sequence[Event]] = {}
        for stream, state in states.items():
            kind, other = stream.partition(":")[0], renamed(stream, account, into)
            if kind in MOVED and other is not None and other in states and not state.get("into"):
                made |= MOVED[kind](stream, state, other, states[other], now)
        return made

    def rows(self, conn: Connection, account: str, into: str, now: int) -> Mapping[str, int]:
        return {}


def renamed(stream: str, account: str, into: str) -> str | None:
    """The counter of another account that counts the same, None where this one is not the account's."""
    for mine, theirs in ((account, into), (account.partition(":")[2], into.partition(":")[2])):
        if stream.startswith(("budget:", "allowance:")) and stream.endswith(f":{mine}"):
            return f"{stream.removesuffix(mine)}{theirs}"
    return None


class CartMoves:
    """``people.accounts.Moves`` of the open cart: its lines go into the other account's, as at signing in."""

    name = "cart"

    def streams(self, conn: Connection, account: str, into: str) -> Sequence[str]:
        return ()

    def decide(
        self, states: Mapping[str, State], account: str, into: str, now: int
    ) -> Mapping[str, Sequence[Event]]:  # fmt: skip
        return {}

    def rows(self, conn: Connection, account: str, into: str, now: int) -> Mapping[str, int]:
        return {"cart": 1} if take_over(conn, account, into, now) else {}
