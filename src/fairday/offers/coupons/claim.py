"""A coupon somebody holds: the stream ``coupon:ID``, and what an order's steps mean for it. Pure.

claimed → locked (an order was placed) → redeemed (it was paid). An order given up unpaid gives the coupon back; after
payment the terms say. One that is claimed expires at its end; one that is locked does not, its order decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, Row, State
from fairday.kernel.ids import digest

GRACE_MS = 3 * DAY_MS
"""A coupon that comes back is good for at least this long."""

FIELDS = ("status", "batch", "title", "account", "rule", "until", "restore", "order", "worth", "pack",
          "claimed_at", "changed_at")  # fmt: skip


def slot(batch: str, account: str, n: int) -> str:
    """The stream of an account's nth coupon (from 1) of a batch: that it has events is that the account had it."""
    return f"coupon:{digest('coupon', batch, account, str(n))}"


def drawn_slot(pack: str, account: str) -> str:
    """The stream of the one coupon an account may draw of a pack."""
    return f"coupon:{digest('draw', pack, account)}"


class CouponDecider(BaseDecider):
    """The rules of a held coupon by itself: its ``deadline``, and ``void`` {reason} by the merchant.

    Every event holds the whole state after it.
    """

    kind = "coupon"

    def initial(self) -> State:
        return {"status": None}

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        status = state["status"]
        if status is None:
            return Refusal("no_coupon", "There is no such coupon.")
        if command.name == "deadline":
            return [_to("Coupon Expired", state, now, status="expired")] if status == "claimed" else []
        if command.name == "void":
            if status != "claimed":
                return Refusal("not_held", f"A coupon that is {status} cannot be taken back.", {"status": status})
            reason = str(command.data.get("reason", ""))[:100]
            return [_to("Coupon Voided", state, now, status="void", why=reason)]
        return Refusal("unknown_command", f"A coupon knows no command {command.name!r}.")

    def evolve(self, state: State, event: Event) -> State:
        return {name: event.data[name] for name in FIELDS}

    def deadline(self, state: State) -> int | None:
        return int(state["until"]) if state["status"] == "claimed" else None

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        values: dict[str, Any] = {name: event.data[name] for name in FIELDS if name != "restore"}
        yield Row("coupon_claims", {"claim": stream.partition(":")[2], **values})


def claimed(
    *, batch: str, title: str, account: str, rule: str, until: int, restore: str, now: int, pack: str = ""
) -> Event:
    """The event by which somebody has a coupon."""
    return Event(
        "Coupon Claimed",
        {
            "status": "claimed", "batch": batch, "title": title, "account": account, "rule": rule, "until": until,
            "restore": restore, "order": "", "worth": 0, "pack": pack, "claimed_at": now, "changed_at": now,
        },
    )  # fmt: skip


def moved(state: State, account: str, now: int) -> Event:
    """The event by which a coupon goes with its account into another."""
    return _to("Coupon Moved", state, now, account=account)


def _to(name: str, state: State, now: int, **changes: Any) -> Event:
    return Event(name, {**state, "changed_at": now, **changes})


class CouponClaim:
    """What an order's step means for a coupon it holds (``kernel.claims``).

    The hold's data: ``account`` whose coupon it is, as ``Coupons.hold`` found it, and ``worth``, the minor units it
    takes off.

    - place: it must be that account's, claimed, and not expired; it is locked for the order.
    - pay: it is redeemed, also when its end has passed meanwhile.
    - cancel: it comes back, where it was paid already only by the terms.
    - refund: it comes back by the terms when nothing of the order is left; a part refunded gives back no coupon, since
      the price of what is kept stands on it.

    What comes back is good for at least three days. A step of an order that does not hold it changes nothing, so that
    giving back twice gives back once.
    """

    name = "coupon"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        status = state["status"]
        if turn.step == "place":
            return self._place(state, hold, turn, now)
        mine = status in ("locked", "redeemed") and state["order"] == turn.order
        if turn.step == "pay":
            if mine:
                return [] if status == "redeemed" else [_to("Coupon Redeemed", state, now, status="redeemed")]
            return Refusal("coupon_gone", "The coupon is no longer held for this order.", {"coupon": hold.stream})
        if not mine or turn.step in ("ship", "complete") or (turn.step == "refund" and not turn.final):
            return []
        if status == "redeemed" and state["restore"] != "full":
            return []
        until = max(state["until"], now + GRACE_MS)
        told = {"why": turn.why, "was": status, "back_from": turn.order}
        return [_to("Coupon Restored", state, now, status="claimed", order="", worth=0, until=until, **told)]

    @staticmethod
    def _place(state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        status = state["status"]
        if status is None or state["account"] != hold.data.get("account"):
            return Refusal("no_coupon", "There is no such coupon.", {"coupon": hold.stream})
        if status == "claimed" and now < state["until"]:
            worth = int(hold.data.get("worth", 0))
            return [_to("Coupon Locked", state, now, status="locked", order=turn.order, worth=worth)]
        told = {
            "claimed": Refusal("coupon_expired", "The coupon has expired."),
            "expired": Refusal("coupon_expired", "The coupon has expired."),
            "locked": Refusal("coupon_locked", "The coupon is held for an order that waits for its payment."),
            "redeemed": Refusal("coupon_used", "The coupon was used already."),
            "void": Refusal("coupon_void", "The coupon was taken back."),
        }
        return told[status]
