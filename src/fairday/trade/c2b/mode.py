"""The modes "brief" (work that a company pays a person for) and "c2b" (goods made once enough are ordered). Pure.

See docs/algorithms/crowd.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Refusal, State
from fairday.kernel.money import split
from fairday.trade.b2b.mode import PREPAID_MS
from fairday.trade.c2b.brief import SHOP
from fairday.trade.c2b.tables import product_of
from fairday.trade.c2c.mode import C2C, WHOLE_FEE, seller_stream
from fairday.trade.modes import MINUTE_MS, Look, OfGoods, Release, Share, Terms, Thing, Ways
from fairday.trade.order import SHIPPING, is_paid, parts

BRIEF, PREORDER = "brief", "c2b"
HOUSE = "house"
"""The method of what the shop pays itself."""
PAY_MS = 30 * MINUTE_MS
"""How long somebody who pre-ordered has to pay."""
ITS_OWN_CLOCK = 36_500 * DAY_MS
"""The work has deadlines of its own; the order's never comes first."""


class Work(C2C):
    """A brief's reward: held as between people, in the same shares. ``data``: {by, brief, answer, seller, commission,
    days: until the invoice is due, None where it is paid before}."""

    name = BRIEF

    def admits(self, placing: Mapping[str, Any], now: int) -> Refusal | None:
        data, total = placing["data"], placing["total"]
        held = {claim: (stream, told) for claim, stream, told in placing["holds"]}
        wanted = {"place", "work", "earnings"}
        if data["by"] != SHOP:
            wanted |= {"spending", "outsider"} | ({"credit"} if data["days"] is not None else set())
        if len(placing["lines"]) != 1 or set(held) != wanted or len(placing["holds"]) != len(wanted):
            return _bad("its parts")
        work, earnings = held["work"], held["earnings"]
        if work[0] != f"answer:{data['answer']}" or held["place"][0] != f"brief:{data['brief']}":
            return _bad("another answer or brief")
        if work[1]["account"] != data["seller"] or earnings[0] != seller_stream(data["seller"]):
            return _bad("another person")
        if work[1]["price"] != total or earnings[1]["commission"] != data["commission"]:
            return _bad("another price or commission")
        house = data["by"] == SHOP
        paid = (placing["credit"] or {"payments": []})["payments"]
        if house != (placing["account"] is None) or house != work[1]["house"] or house != bool(paid):
            return _bad("another payer")
        if house:
            return None if [p["amount"] for p in paid] == [total] else _bad("another amount")
        if placing["account"] == data["seller"]:
            return Refusal("own_brief", "Nobody answers their own company's brief.")
        for claim in ("spending", "credit"):
            if claim in held and held[claim][1]["amount"] != total:
                return _bad("another amount")
        return None if held["spending"][0] == held["outsider"][0] == data["by"] else _bad("another company")

    def terms(self, placing: Mapping[str, Any]) -> Terms:
        credit = placing["data"]["days"] is not None
        return Terms(
            pay_ms=0 if credit else PREPAID_MS, on_account=credit, receive_ms=ITS_OWN_CLOCK, return_ms=0, final=True
        )

    def thing(self, state: State, line: Mapping[str, Any]) -> Thing:
        return Thing("brief", state["data"]["brief"])

    def goes_on(self, order: str, state: State) -> Thing | None:
        return Thing("brief", state["data"]["brief"])

    def lets_go(self, state: State, look: Look) -> bool:
        """Until somebody works on it."""
        return not is_paid(state) and not state["on_account"]


class PreOrder(OfGoods):
    """Goods of a design: prepaid, all of it held until the order is over. ``data``: {design, designer, royalty}."""

    name = PREORDER
    ways = Ways(again=False, gathered=True)
    retail = True

    def admits(self, placing: Mapping[str, Any], now: int) -> Refusal | None:
        data = placing["data"]
        held = [(claim, stream, told) for claim, stream, told in placing["holds"] if claim in ("preorder", "royalty")]
        bought = [x for x in placing["lines"] if x["gift"] is None]
        if sorted(claim for claim, _, _ in held) != ["preorder", "royalty"]:
            return _bad("its parts")
        if any(x["product"] != product_of(data["design"]) for x in bought):
            return Refusal("preorder_alone", "What is made once enough are ordered is ordered by itself.")
        units = sum(x["qty"] for x in bought)
        for claim, stream, told in held:
            if claim == "preorder":
                same = stream == f"design:{data['design']}" and told["units"] == units
                if not same or any(told[k] != data[k] for k in ("designer", "royalty")):
                    return _bad("another design or number")
            elif stream != seller_stream(data["designer"]):
                return _bad("another designer")
        return None

    def terms(self, placing: Mapping[str, Any]) -> Terms:
        return Terms(pay_ms=PAY_MS, final=True)

    def shares(self, part: str, line: Mapping[str, Any], placing: Mapping[str, Any]) -> Sequence[Share]:
        return [Share(part, "held", held_for(placing["data"]["design"]), line["paid"])] if line["paid"] else []

    def releases(self, state: State) -> Sequence[Release]:
        data = state["data"]
        held = held_for(data["design"])
        tax, goods, delivery = 0, 0, 0
        for part, line in parts(state):
            kept = line["paid"] - line["refunded"]
            levied = split(kept, (line["tax"], line["paid"] - line["tax"]))[0] if kept else 0
            tax += levied
            goods += 0 if part == SHIPPING else kept - levied
            delivery += kept - levied if part == SHIPPING else 0
        royalty = royalty_of(goods, data["royalty"])
        return (
            Release("tax", held, "tax", tax),
            Release("royalty", held, seller_stream(data["designer"]), royalty, of_goods=True),
            Release("delivery", held, "sales:shipping", delivery),
            Release("sales", held, "sales", goods - royalty),
        )

    def exchanges(self, state: State) -> bool:
        """Its goods were made because so many wanted them."""
        return False

    def thing(self, state: State, line: Mapping[str, Any]) -> Thing:
        return super().thing(state, line) if line["gift"] else Thing("design", state["data"]["design"])

    def lets_go(self, state: State, look: Look) -> bool:
        """Until its goods are being made."""
        design = look(f"design:{state['data']['design']}")
        return design is not None and design["life"] == "open"


def held_for(design: str) -> str:
    """The ledger account of money that waits for a design's goods."""
    return f"held:design:{design}"


def royalty_of(goods: int, rate: int) -> int:
    """What a designer gets of goods sold for so much without tax (minor units), ``rate`` in hundredths of a percent."""
    return split(goods, (rate, WHOLE_FEE - rate))[0] if goods else 0


def _bad(what: str) -> Refusal:
    return Refusal("bad_order", f"An order with people's work does not hold together: {what}.")
