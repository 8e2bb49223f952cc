"""The mode "c2c": one person buys another's thing, and the shop holds the money until it came. Pure.

See docs/algorithms/second-hand.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairday.kernel.decider import Refusal, State
from fairday.kernel.money import split
from fairday.trade.modes import EARNED, Look, Release, Share, Terms, Thing, Ways
from fairday.trade.order import parts

MODE = "c2c"
WHOLE_FEE = 10_000
"""Commissions are in hundredths of a percent."""
FEES = "sales:commission"
"""The ledger account of what the shop keeps."""


def seller_stream(account: str) -> str:
    """The stream of what an account earns by selling: ``account:ID`` → ``seller:ID``."""
    return f"{EARNED}{account.partition(':')[2]}"


def party(state: State, side: str) -> str:
    """Who an order between people was made with, on one side of it ("buyer" or "seller"): an account, or the shop that
    pays for work of its own."""
    return str(state["account"] or "shop") if side == "buyer" else str(state["data"]["seller"])


def held_account(account: str) -> str:
    """The ledger account of money that waits for a seller."""
    return f"held:{account}"


def divided(kept: int, commission: int) -> tuple[int, int]:
    """What was kept of an order's money (minor units) as (the shop's commission, the seller's rest).

    ``commission`` in hundredths of a percent of all that was kept, delivery included; rounded half up.
    """
    fee, rest = split(kept, (commission, WHOLE_FEE - commission))
    return fee, rest


class C2C:
    """The policy: members only, prepaid, money held until receipt or so many days after it was sent."""

    name = MODE
    ways = Ways(again=False, back=False)  # one of a kind
    retail = False

    def admits(self, placing: Mapping[str, Any], now: int) -> Refusal | None:
        data = placing["data"]
        if not placing["account"]:
            return Refusal("members_only", "Only members buy from people; sign in first.")
        if placing["account"] == data.get("seller"):
            return Refusal("own_listing", "Nobody buys their own thing.")
        held = sorted(claim for claim, _, _ in placing["holds"])
        if len(placing["lines"]) != 1 or held != ["earnings", "listing"]:
            return Refusal("bad_order", "One order buys one listing.")
        return None

    def terms(self, placing: Mapping[str, Any]) -> Terms:
        return Terms(receive_ms=placing["data"]["hold_ms"], return_ms=0, final=True)

    def shares(self, part: str, line: Mapping[str, Any], placing: Mapping[str, Any]) -> Sequence[Share]:
        held = held_account(placing["data"]["seller"])
        return [Share(part, "held", held, line["paid"])] if line["paid"] else []

    def releases(self, state: State) -> Sequence[Release]:
        data = state["data"]
        fee, rest = divided(sum(x["paid"] - x["refunded"] for _, x in parts(state)), data["commission"])
        held = held_account(data["seller"])
        return (
            Release("commission", held, FEES, fee),
            Release("earnings", held, seller_stream(data["seller"]), rest),
        )

    def exchanges(self, state: State) -> bool:
        """There is one of it."""
        return False

    def thing(self, state: State, line: Mapping[str, Any]) -> Thing:
        return Thing("listing", state["data"]["listing"])

    def goes_on(self, order: str, state: State) -> Thing | None:
        return Thing("deal", order)

    def lets_go(self, state: State, look: Look) -> bool:
        return True
