"""A quote as the data of ``order.place``. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from fairday.kernel.claims import Hold
from fairday.trade.border import CrossBorder
from fairday.trade.checkout.lines import rough
from fairday.trade.checkout.model import Buyer, Choice, Quote, carriage
from fairday.trade.records import Contact


def with_options(contact: Contact, quote: Quote) -> Contact:
    """The contact with what the buyer had made into their goods (engravings), which events do not hold."""
    options = {x.line: dict(x.offer.made.said) for x in quote.lines if x.offer is not None and x.offer.made.said}
    return msgspec.structs.replace(contact, options=options) if options else contact


def placing_of(
    quote: Quote, choice: Choice, buyer: Buyer, holds: Sequence[Hold], home: str, source: str
) -> dict[str, Any]:
    """The data of ``order.place``: a ready quote and what it holds."""
    lines = []
    for x in quote.lines:
        assert x.offer is not None
        off = sum(n for _, n in x.discounts)
        lines.append({
            "line": x.line, "sku": x.sku, "product": x.offer.product, "title": x.offer.title[:200], "qty": x.qty,
            "form": dict(x.offer.form), "unit": x.offer.unit, "unit_digits": x.offer.unit_digits, "gross": x.gross,
            "discounts": [list(d) for d in x.discounts if d[1]], "net": x.gross - off, "tax": x.tax, "paid": x.paid,
            "duty": x.duty, "gift": x.gift, "value": rough(x.offer, 1), "made": bool(x.offer.made.said),
            "days": x.offer.made.days,
        })  # fmt: skip
    shipping = None
    if quote.delivery is not None:
        gross, discounts = quote.priced.shipping or 0, [list(d) for d in quote.priced.shipping_discounts if d[1]]
        net, tax = carriage(quote.priced), quote.priced.shipping_tax
        shipping = {"method": quote.delivery.service, "gross": gross, "discounts": discounts, "net": net,
                    "tax": tax, "paid": net if quote.tax_inside else net + tax}  # fmt: skip
    mode = CrossBorder.name if quote.crossing is not None else choice.mode
    return {
        "mode": mode, "account": buyer.account, "currency": quote.currency,
        "country": choice.country or home or None, "channel": choice.channel, "store": choice.store or None,
        "way": choice.way, "method": choice.payment, "lines": lines, "shipping": shipping, "total": quote.total,
        "savings": [[rule, dict(title), amount] for rule, title, amount in quote.savings],
        "holds": [[h.claim, h.stream, dict(h.data)] for h in holds], "credit": None, "source": source,
        "data": {"border": quote.crossing.told()} if quote.crossing is not None else {},
    }  # fmt: skip
