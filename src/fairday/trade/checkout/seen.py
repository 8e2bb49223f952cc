"""What a buyer saw, compared with how a cart stands when it is placed. It is compared, never believed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from fairday.kernel import jsons
from fairday.trade.charging import Part
from fairday.trade.checkout.model import Change, Quote, QuotedLine
from fairday.trade.order import SHIPPING


def seen_text(lines: Sequence[QuotedLine], parts: Mapping[str, Part], currency: str) -> str:
    """What to compare at placing, as text that travels with the form: what each part costs, and in which currency."""
    shown = {x.line: [x.sku, x.qty, parts[x.line].paid if x.line in parts else 0] for x in lines}
    ship = parts[SHIPPING].paid if SHIPPING in parts else None
    total = sum(part.paid for part in parts.values())
    return jsons.dumps({"lines": shown, "shipping": ship, "total": total, "currency": currency})


def changes(seen: str, quote: Quote) -> tuple[Change, ...]:
    """What differs between what was seen and how it stands; what cannot be read was nothing."""
    before, after = _read(seen, quote.currency), _read(quote.seen, quote.currency)
    made = []
    for line in dict.fromkeys([*before, *after]):
        if before.get(line) != after.get(line):
            made.append(Change(line, before.get(line), after.get(line)))
    return tuple(made)


def _read(seen: str, currency: str) -> dict[str, int]:
    try:
        told = jsons.loads(seen[:20_000])
        if told["currency"] != currency:
            return {}  # amounts of two currencies say nothing beside each other
        found = {str(line): int(x[2]) for line, x in told["lines"].items()}
        if told["shipping"] is not None:
            found[SHIPPING] = int(told["shipping"])
        return {**found, "total": int(told["total"])}
    except (msgspec.DecodeError, RecursionError, OverflowError, TypeError, KeyError, ValueError, AttributeError,
            IndexError):  # fmt: skip
        return {}
