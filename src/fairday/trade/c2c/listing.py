"""A listing: one thing that one person sells, as a stream ``listing:ID``, and what an order holds of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairday.kernel.claims import Hold, Turn
from fairday.kernel.decider import BaseDecider, Command, Event, Refusal, Row, State

MAX_PRICE = 10**9
"""Minor units that a listing and its delivery may each cost at most."""
REASONS = ("forbidden", "counterfeit", "unclear", "wrong_price", "not_second_hand", "contact_details", "other")
"""Why the shop refuses a listing."""
_AFTER = {
    "Listing Approved": "live",
    "Listing Refused": "refused",
    "Listing Withdrawn": "withdrawn",
    "Listing Sold": "sold",
    "Listing Freed": "live",
    "Listing Returned": "withdrawn",
}


def written(state: State, data: Mapping[str, Any], now: int) -> list[Event] | Refusal:
    """A seller writes their listing, new or again. ``data``: seller, price, shipping, currency, life (draft, review or
    live: what the shop's rules make of it)."""
    if state["life"] in ("reserved", "sold"):
        return Refusal("listing_taken", "Somebody is buying this; it cannot be changed now.")
    if state["seller"] not in (None, data["seller"]):
        return Refusal("no_such_listing", "There is no such listing.")
    for name, least in (("price", 1), ("shipping", 0)):
        if type(data[name]) is not int or not least <= data[name] <= MAX_PRICE:
            return Refusal("bad_price", f"The {name} is {least} to {MAX_PRICE} minor units.", {"where": name})
    return [Event("Listing Written", {name: data[name] for name in _WRITTEN} | {"at": now})]


_WRITTEN = ("seller", "price", "shipping", "currency", "life")


class ListingDecider(BaseDecider):
    """The rules of streams ``listing:ID``: draft, in review, live, reserved, sold; or refused, or withdrawn.

    Commands: ``listing.approve`` and ``listing.refuse`` {version: of what was looked at, why}, ``listing.withdraw``
    {seller}. Writing one is ``listing.write``, over the seller's stream too.
    """

    kind = "listing"

    def initial(self) -> State:
        return {"life": "new", "seller": None, "price": 0, "shipping": 0, "currency": "", "order": None, "why": "",
                "n": 0}  # fmt: skip

    def decide(self, state: State, command: Command, now: int) -> Sequence[Event] | Refusal:
        data, life = command.data, state["life"]
        if life == "new" or ("seller" in data and data["seller"] != state["seller"]):
            return Refusal("no_such_listing", "There is no such listing.")
        if command.name == "listing.withdraw":
            if life in ("reserved", "sold"):
                return Refusal("listing_taken", "Somebody is buying this; it cannot be taken back now.")
            return [] if life == "withdrawn" else [Event("Listing Withdrawn", {"at": now})]
        if command.name not in ("listing.approve", "listing.refuse"):
            return Refusal("unknown_command", f"A listing knows no command {command.name!r}.")
        if data["version"] != state["n"]:
            return Refusal("listing_changed", "It has changed since you looked; look again.")
        if command.name == "listing.approve":
            return _not(state) if life != "review" else [Event("Listing Approved", {"at": now})]
        if data.get("why") not in REASONS:
            return Refusal("bad_reason", "Say why: " + ", ".join(REASONS) + ".")
        return _not(state) if life not in ("review", "live") else [
            Event("Listing Refused", {"why": data["why"], "at": now})
        ]  # fmt: skip

    def evolve(self, state: State, event: Event) -> State:
        data, after = event.data, {**state, "n": state["n"] + 1}
        if event.name == "Listing Written":
            return after | {name: data[name] for name in _WRITTEN} | {"order": None, "why": ""}
        if event.name == "Listing Reserved":
            return after | {"life": "reserved", "order": data["order"]}
        if event.name == "Listing Moved":
            return after | {"seller": data["seller"]}
        order = state["order"] if event.name == "Listing Sold" else None
        return after | {"life": _AFTER[event.name], "order": order, "why": data.get("why", "")}

    def rows(self, stream: str, event: Event, now: int) -> Iterable[Row]:
        data, row = event.data, {"id": stream.partition(":")[2], "updated_at": now}
        if event.name == "Listing Written":
            yield Row("listings", row | {name: data[name] for name in _WRITTEN} | {"order_id": "", "why": ""})
        elif event.name == "Listing Moved":
            yield Row("listings", row | {"seller": data["seller"]})
        elif event.name == "Listing Reserved":
            yield Row("listings", row | {"life": "reserved", "order_id": data["order"].partition(":")[2]})
        else:
            gone = {} if event.name == "Listing Sold" else {"order_id": ""}
            yield Row("listings", row | gone | {"life": _AFTER[event.name], "why": data.get("why", "")})


def _not(state: State) -> Refusal:
    return Refusal("listing_moved", "The listing is not where it was; look again.", {"life": state["life"]})


class ListingClaim:
    """The one thing of a listing: ``Hold("listing", "listing:ID", {"price", "shipping"})`` at what was seen.

    Reserved when the order is placed, sold when it is paid, free again when it is cancelled or expires; when all money
    of a sale went back it is the seller's again, who may list it anew.
    """

    name = "listing"

    def decide(self, state: State, hold: Hold, turn: Turn, now: int) -> Sequence[Event] | Refusal:
        mine = state["order"] == turn.order
        if turn.step == "place":
            if state["life"] != "live":
                return Refusal("sold_out", "Somebody else was first, or it is no longer offered.")
            if (state["price"], state["shipping"]) != (hold.data["price"], hold.data["shipping"]):
                return Refusal("listing_changed", "The price has changed since you looked.")
            return [Event("Listing Reserved", {"order": turn.order, "at": now})]
        if turn.step == "pay":
            return [Event("Listing Sold", {"order": turn.order, "at": now})]
        if turn.step == "cancel" and mine:
            return [Event("Listing Freed", {"at": now})]
        if turn.step == "refund" and turn.final and mine:
            return [Event("Listing Returned", {"at": now})]
        return []
