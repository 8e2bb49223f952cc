"""What of an order's money is the shop's own, part by part. Pure. See docs/algorithms/report.md.

A mode says once whose the money is: in the releases that divide it when the order is over. What the report counts is
read off them, so that it and the ledger cannot disagree: all that was kept, less what goes on to people. While the
order is open that is what the shop is going to keep of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairday.kernel.decider import State
from fairday.kernel.money import split
from fairday.trade.modes import EARNED, Mode
from fairday.trade.order import SHIPPING, parts

_NOTHING: Mapping[str, int] = {}


def own(mode: Mode, state: State) -> dict[str, int]:
    """By part (a line's id, or "shipping"), what the shop keeps of what was paid for it and has not gone back.

    Minor units of the order's currency; what is handed on is taken of the parts in the proportion of what was kept of
    each, to the cent.

    Args:
        state: the order's, or what ``standing`` makes of its placing.
    """
    left = {part: line["paid"] - line["refunded"] for part, line in parts(state)}
    for release in mode.releases(state):
        if release.amount and release.credit.startswith(EARNED):
            of = [part for part in left if part != SHIPPING or not release.of_goods]
            for part, amount in zip(of, split(release.amount, [left[part] for part in of]), strict=True):
                left[part] -= amount
    return left


def standing(placed: Mapping[str, Any], back: Mapping[str, int] = _NOTHING) -> State:
    """As much of an order's state as its mode divides money by: from what it was placed with (the data of
    ``Order Placed``), and what has gone back of each part (minor units)."""
    lines = {x["line"]: {**x, "refunded": back.get(x["line"], 0)} for x in placed["lines"]}
    shipping = placed["shipping"]
    if shipping is not None:
        shipping = {**shipping, "refunded": back.get(SHIPPING, 0)}
    return {"data": placed["data"], "lines": lines, "shipping": shipping}
