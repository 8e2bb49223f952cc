"""What a buyer saw, compared with how a cart stands when it is placed. It is compared, never believed. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fairday.kernel import jsons
from fairday.offers import model
from fairday.trade.border import Crossing
from fairday.trade.checkout.model import Change, Quote, QuotedLine, carriage
from fairday.trade.order import SHIPPING


def seen_text(lines: Sequence[QuotedLine], priced: model.Priced, crossing: Crossing | None) -> str:
    """What to compare at placing, as text that travels with the form."""
    shown = {x.line: [x.sku, x.qty, x.paid] for x in lines}
    ship = None if priced.shipping is None else carriage(priced)
    return jsons.dumps(
        {"lines": shown, "shipping": ship, "total": priced.total + (crossing.now if crossing is not None else 0)}
    )


def changes(seen: str, quote: Quote) -> tuple[Change, ...]:
    """What differs between what was seen and how it stands; what cannot be read was nothing."""
    before, after = _read(seen), _read(quote.seen)
    made = []
    for line in dict.fromkeys([*before, *after]):
        if before.get(line) != after.get(line):
            made.append(Change(line, before.get(line), after.get(line)))
    return tuple(made)


def _read(seen: str) -> dict[str, int]:
    try:
        told = jsons.loads(seen[:20_000])
        found = {str(line): int(x[2]) for line, x in told["lines"].items()}
        if told["shipping"] is not None:
            found[SHIPPING] = int(told["shipping"])
        return {**found, "total": int(told["total"])}
    except (msgspec.DecodeError, RecursionError, OverflowError, TypeError, KeyError, ValueError, AttributeError,
            IndexError):  # fmt: skip
        return {}
