"""A quote as the data of ``order.place``. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import msgspec

from fairday.goods.rates import half_up
from fairday.kernel.claims import Hold
from fairday.trade.border import CrossBorder
from fairday.trade.c2b.mode import PREORDER
from fairday.trade.charging import Part
from fairday.trade.checkout.lines import rough
from fairday.trade.checkout.model import Buyer, Choice, Quote
from fairday.trade.order import SHIPPING
from fairday.trade.records import Contact

FINER = 4
"""Decimals of a minor unit that a piece's price keeps in another currency."""


def with_options(contact: Contact, quote: Quote) -> Contact:
    """The contact with what the buyer had made into their goods (engravings), which events do not hold."""
    options = {x.line: dict(x.offer.made.said) for x in quote.lines if x.offer is not None and x.offer.made.said}
    return msgspec.structs.replace(contact, options=options) if options else contact


def placing_of(
    quote: Quote,
    choice: Choice,
    buyer: Buyer,
    holds: Sequence[Hold],
    home: str,
    source: str,
    scenes: Mapping[str, str],
) -> dict[str, Any]:
    """The data of ``order.place``: a ready quote and what it holds; ``scenes`` are the arms it was priced by."""
    turned = quote.charged
    lines = []
    for x in quote.lines:
        assert x.offer is not None
        unit, value = x.offer.unit, rough(x.offer, 1)
        scale = x.offer.unit_digits
        if turned is not None:
            # A piece's price is told finer than money is, so that it is what it was before it was rounded.
            exact = turned.exchange.exact(unit) * Fraction(10) ** FINER
            unit, scale, value = half_up(exact), scale + FINER, turned.exchange.turned(value)
            if x.offer.said is not None:
                unit, scale, value = x.offer.said.amount, x.offer.said.digits, half_up(x.offer.said.exact)
        lines.append({
            "line": x.line, "sku": x.sku, "product": x.offer.product, "title": x.offer.title[:200], "qty": x.qty,
            "form": dict(x.offer.form), "unit": unit, "unit_digits": scale, **_amounts(quote.parts[x.line]),
            "gift": x.gift, "value": value, "made": bool(x.offer.made.said), "days": x.offer.made.days,
        })  # fmt: skip
    shipping = None
    if quote.delivery is not None:
        shipping = {"method": quote.delivery.service, **_amounts(quote.parts[SHIPPING])}
    mode = choice.mode
    data: dict[str, Any] = {}
    if quote.crossing is not None:
        mode = CrossBorder.name
        data["border"] = quote.crossing.told()
        if turned is not None:
            data["border"] |= {k: turned.exchange.turned(data["border"][k]) for k in ("duty", "tax")}
    elif quote.preorder is not None:
        mode, data = PREORDER, dict(quote.preorder.told())
    if turned is not None:
        data["exchange"] = turned.told()
    if scenes:
        data["scenes"] = dict(scenes)
    return {
        "mode": mode, "account": buyer.account, "currency": quote.currency,
        "country": choice.country or home or None, "channel": choice.channel, "store": choice.store or None,
        "way": choice.way, "method": choice.payment, "lines": lines, "shipping": shipping, "total": quote.total,
        "savings": [[rule, dict(title), amount] for rule, title, amount in quote.savings],
        "holds": [[h.claim, h.stream, dict(h.data)] for h in holds], "credit": None, "source": source,
        "data": data,
    }  # fmt: skip


def _amounts(part: Part) -> dict[str, Any]:
    return {"gross": part.gross, "discounts": [list(d) for d in part.discounts if d[1]], "net": part.net,
            "tax": part.tax, "duty": part.duty, "paid": part.paid}  # fmt: skip
