"""What a buyer saw, compared with how a cart stands when it is placed. It is compared, never believed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fairday.kernel import jsons
from fairday.trade.charging import Part
from fairday.trade.checkout.model import Change, Quote, QuotedLine
from fairday.trade.order import SHIPPING

COUPON, POINTS, EARNS = "coupon", "points", "earns"
"""What else is compared: how many coupons and points an order uses up, and what it earns."""


def seen_text(
    lines: Sequence[QuotedLine], parts: Mapping[str, Part], currency: str, coupons: Sequence[str], points: int,
    earns: int,
) -> str:  # fmt: skip
    """What to compare at placing, as text that travels with the form: what each part costs, and in which currency; the
    coupons and points that it uses up, and the points that it earns.

    The same sum may be reached by other means: an offer that ended and a coupon in its place.
    """
    shown = {x.line: [x.sku, x.qty, parts[x.line].paid if x.line in parts else 0] for x in lines}
    ship = parts[SHIPPING].paid if SHIPPING in parts else None
    total = sum(part.paid for part in parts.values())
    told = {"lines": shown, "shipping": ship, "total": total, "currency": currency}
    return jsons.dumps(told | {"coupons": sorted(coupons), POINTS: points, EARNS: earns})


def changes(seen: str, quote: Quote) -> tuple[Change, ...]:
    """What differs between what was seen and how it stands; what cannot be read was nothing."""
    before, after = _read(seen, quote.currency), _read(quote.seen, quote.currency)
    made = []
    for line in dict.fromkeys([*before, *after]):
        if before.get(line) != after.get(line):
            made.append(Change(line, before.get(line), after.get(line)))
    used, now = _beside(seen), _beside(quote.seen)
    for name, new in now.items():
        old = used.get(name, type(new)())
        if old != new:
            made.append(Change(name, *(len(x) if isinstance(x, list) else x for x in (old, new))))
    return tuple(made)


def _beside(seen: str) -> dict[str, Any]:
    """What an order uses up and earns, of what was seen; of what cannot be read nothing."""
    try:
        told = jsons.loads(seen[:20_000])
        coupons = [str(x) for x in told["coupons"]]
        return {COUPON: coupons, POINTS: int(told[POINTS]), EARNS: int(told[EARNS])}
    except _UNREADABLE:
        return {}


_UNREADABLE = (msgspec.DecodeError, RecursionError, OverflowError, TypeError, KeyError, ValueError, AttributeError,
               IndexError)  # fmt: skip


def _read(seen: str, currency: str) -> dict[str, int]:
    try:
        told = jsons.loads(seen[:20_000])
        if told["currency"] != currency:
            return {}  # amounts of two currencies say nothing beside each other
        found = {str(line): int(x[2]) for line, x in told["lines"].items()}
        if told["shipping"] is not None:
            found[SHIPPING] = int(told["shipping"])
        return {**found, "total": int(told["total"])}
    except _UNREADABLE:
        return {}
