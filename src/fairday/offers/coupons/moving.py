"""The coupons of an account that is merged into another go along: those it holds, and those held for its orders.

What was used stays where it is written; it comes back, if it does, to the account it came from and is found there
(``accounts_in``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from fairday.kernel.decider import Event, State, kind_of
from fairday.offers.coupons.claim import moved
from fairday.offers.coupons.records import coupon_claims

LIVE = ("claimed", "locked")


class CouponMoves:
    """``people.accounts.Moves`` of coupons in wallets."""

    name = "coupons"

    def streams(self, conn: Connection, account: str, into: str) -> Sequence[str]:
        c = coupon_claims.c
        query = select(c.claim).where(c.account == account, c.status.in_(LIVE)).order_by(c.claim)
        return [f"coupon:{claim}" for claim in conn.execute(query).scalars()]

    def decide(
        self, states: Mapping[str, State], account: str, into: str, now: int
    ) -> Mapping[str, Sequence[Event]]:  # fmt: skip
        held = {s: state for s, state in states.items() if kind_of(s) == "coupon" and state["status"] in LIVE}
        return {s: [moved(state, into, now)] for s, state in held.items() if state["account"] == account}

    def rows(self, conn: Connection, account: str, into: str, now: int) -> Mapping[str, int]:
        return {}
