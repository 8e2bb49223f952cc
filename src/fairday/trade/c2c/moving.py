"""What moves of the market between members when an account is merged into another: what is earned, and the listings.

Deals, ratings and payouts that wait stay what they are, found by every account they were made with (``accounts_in``);
what they still bring to the closed seller goes on by itself. Refused while one of the two is buying from the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from fairday.kernel.decider import Event, Refusal, State, kind_of
from fairday.storage.batch import streams
from fairday.trade.c2c.mode import MODE, seller_stream
from fairday.trade.c2c.records import listings
from fairday.trade.c2c.seller import moved
from fairday.trade.records import orders

OVER = ("completed", "cancelled", "expired", "refunded")


class MarketMoves:
    """``people.accounts.Moves`` of sellers and listings."""

    name = "market"

    def streams(self, conn: Connection, account: str, into: str) -> Sequence[str]:
        both, c = (account, into), listings.c
        seller = seller_stream(account)
        earned = conn.execute(select(streams.c.stream).where(streams.c.stream == seller)).scalar()
        own = conn.execute(select(c.id).where(c.seller == account).order_by(c.id)).scalars().all()
        between = conn.execute(
            select(orders.c.id)
            .join(listings, c.order_id == orders.c.id)
            .where(c.seller.in_(both), orders.c.account.in_(both), orders.c.mode == MODE,
                   orders.c.status.not_in(OVER))
        ).scalars()  # fmt: skip
        return [
            *((seller, seller_stream(into)) if earned else ()),
            *(f"listing:{id_}" for id_ in own),
            *(f"order:{id_}" for id_ in between),
        ]

    def decide(
        self, states: Mapping[str, State], account: str, into: str, now: int
    ) -> Mapping[str, Sequence[Event]] | Refusal:
        for stream, state in states.items():
            sides = {state.get("account"), state.get("data", {}).get("seller")} if kind_of(stream) == "order" else set()
            if sides == {account, into} and state["life"] == "open":
                return Refusal("deal_between", "One of them is buying from the other; that deal has to end first.")
        made: dict[str, Sequence[Event]] = {
            stream: [Event("Listing Moved", {"seller": into, "at": now})]
            for stream, state in states.items()
            if kind_of(stream) == "listing" and state["seller"] == account
        }
        seller, other = seller_stream(account), seller_stream(into)
        if seller in states and other in states and not states[seller].get("into"):
            made |= moved(seller, states[seller], other, states[other], now)
        return made

    def rows(self, conn: Connection, account: str, into: str, now: int) -> Mapping[str, int]:
        return {}
