"""What goes back when units or money of an order go back: recorded shares, reversed to the cent in any split. Pure.

Units give back their share of what was paid for their line: after ``k`` of ``n`` units the line has given back
``paid × k/n`` rounded half up, so any order of part returns ends at exactly what was paid. Money beyond units (a
gesture) is spread over the parts by what is left of each. Each part's shares (sales, tax, a seller's
money) go back with it by ``ledger.reversal``. See docs/algorithms/orders.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from fairday.kernel.decider import Refusal, State, Transfer
from fairday.kernel.money import split
from fairday.storage.ledger import reversal
from fairday.trade.order import SHIPPING, kept, kept_paid, parts, waiting


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """What a refund would do.

    Attributes:
        units: units by line that come back.
        unshipped: units by line that never left and are given up.
        parts: minor units by part (line id or "shipping") that are given back.
        amount: their sum: by how much the order costs less.
        back: (key, account, amount) of each recorded share that goes back.
        payments: minor units that go back through each payment, in the order's own order of payments.
        money: their sum; less than ``amount`` where the order was not paid in full.
        gifts_kept: minor units taken off ``amount`` for gifts that stay with the buyer.
        final: nothing of the order is left after it.
    """

    units: Mapping[str, int]
    unshipped: Mapping[str, int]
    parts: Mapping[str, int]
    amount: int
    back: Sequence[tuple[str, str, int]]
    payments: Sequence[int]
    money: int
    gifts_kept: int
    final: bool


def preview(
    order: str,
    state: State,
    units: Mapping[str, int],
    *,
    unshipped: Mapping[str, int] | None = None,
    shipping: bool = False,
    extra: int = 0,
    gifts: Literal["deduct", "leave"] = "deduct",
) -> Refund | Refusal:
    """Work a refund out.

    Args:
        order: the order's stream.
        units: units by line that come back (they had left).
        unshipped: units by line that have not left and shall not.
        shipping: what is left of the price of delivery goes back too.
        extra: minor units given back beyond that.
        gifts: what becomes of gifts that stay when nothing paid for stays: their value is deducted, or they are left.
    """
    given_up = dict(unshipped or {})
    wrong = _bad_units(state, units, given_up) or _bad_extra(extra)
    if wrong is not None:
        return wrong
    found: dict[str, int] = {}
    for part, line in state["lines"].items():
        back = units.get(part, 0) + given_up.get(part, 0)
        if back:
            gone = line["qty"] - kept(line)
            share = split(line["paid"], (gone + back, line["qty"] - gone - back))[0]
            before = split(line["paid"], (gone, line["qty"] - gone))[0]
            found[part] = min(share - before, line["paid"] - line["refunded"])
    if shipping and state["shipping"] is not None:
        found[SHIPPING] = state["shipping"]["paid"] - state["shipping"]["refunded"]
    left = {part: line["paid"] - line["refunded"] - found.get(part, 0) for part, line in parts(state)}
    if extra > sum(left.values()):
        return Refusal(
            "refund_exceeds_payment",
            "More would go back than was paid.",
            {"left": sum(left.values()) + sum(found.values())},
        )
    if extra:
        for part, amount in zip(left, split(extra, list(left.values())), strict=True):
            found[part] = found.get(part, 0) + amount
    kept_gifts = 0
    if gifts == "deduct":
        kept_gifts = min(_gifts_kept(state, units, given_up), sum(found.values()))
        if kept_gifts:
            cut = split(kept_gifts, list(found.values()))
            found = {part: amount - less for (part, amount), less in zip(found.items(), cut, strict=True)}
    found = {part: amount for part, amount in found.items() if amount}
    amount = sum(found.values())
    paid = kept_paid(state)
    money = max(0, paid - (state["total"] - state["refunded"] - amount)) if amount else 0
    money = min(money, paid)
    back_money = split(money, [p["amount"] - p["back"] for p in state["payments"]]) if money else []
    n = state["counts"].get("refund", 0) + state["counts"].get("cancel", 0)
    nothing = all(kept(line) - units.get(part, 0) - given_up.get(part, 0) == 0 for part, line in state["lines"].items())
    return Refund(
        units={k: v for k, v in units.items() if v},
        unshipped={k: v for k, v in given_up.items() if v},
        parts=found,
        amount=amount,
        back=_back(order, state, found, n),
        payments=back_money or [0] * len(state["payments"]),
        money=money,
        gifts_kept=kept_gifts,
        final=nothing or state["refunded"] + amount >= state["total"] > 0,
    )


def _bad_units(state: State, units: Mapping[str, int], unshipped: Mapping[str, int]) -> Refusal | None:
    for given, most, what in ((units, _out, "with the buyer"), (unshipped, waiting, "still to be sent")):
        for part, n in given.items():
            line = state["lines"].get(part)
            if line is None:
                return Refusal("no_such_line", f"The order has no line {str(part)[:40]!r}.")
            if type(n) is not int or not 0 <= n <= most(line):
                return Refusal("too_many_units", f"Of line {part} at most {most(line)} are {what}.", {"line": part})
    return None


def _out(line: Mapping[str, Any]) -> int:
    """Units the buyer has."""
    return int(line["shipped"] - line["returned"])


def _bad_extra(extra: int) -> Refusal | None:
    if type(extra) is not int or extra < 0:
        return Refusal("bad_amount", "An amount is a whole number of minor units, not below zero.")
    return None


def _gifts_kept(state: State, units: Mapping[str, int], unshipped: Mapping[str, int]) -> int:
    """What gifts are worth that stay when nothing that was paid for does."""
    worth, back = 0, 0
    for part, line in state["lines"].items():
        going = units.get(part, 0) + unshipped.get(part, 0)
        stays = kept(line) - going
        if line["gift"] is None:
            if stays:
                return 0
            back += going
        elif stays > 0:
            worth += stays * line["value"]
    return worth if back else 0


def _back(order: str, state: State, found: Mapping[str, int], n: int) -> list[tuple[str, str, int]]:
    """The shares that go back, and from which accounts: (key, account, amount)."""
    made: list[tuple[str, str, int]] = []
    for part, line in parts(state):
        if part not in found:
            continue
        recorded = [
            Transfer(f"{p}:{label}", order, account, state["currency"], amount)
            for p, label, account, amount in state["shares"]
            if p == part
        ]
        if recorded:
            for t in reversal(recorded, state["returned"], found[part], line["paid"], line["refunded"], f"r{n}"):
                made.append((t.key, t.debit, t.amount))
    return made
