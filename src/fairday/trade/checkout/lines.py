"""The lines of a quote, step by step: found, checked against stock, priced, and taken over a border. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from fairday.goods.offering import Offer
from fairday.goods.rates import half_up
from fairday.goods.stock import Supply
from fairday.kernel.errors import Conflict, FairdayError
from fairday.kernel.settings import Settings
from fairday.offers import model
from fairday.stores.near import Store
from fairday.trade.border import Crossing, Sent, crosses
from fairday.trade.c2b.preorder import Pre
from fairday.trade.cart import CartLine
from fairday.trade.charging import Part
from fairday.trade.checkout.model import Choice, QuotedLine, carriage
from fairday.trade.delivery import Delivery
from fairday.trade.order import SHIPPING


def agreed(offer: Offer | FairdayError, choice: Choice) -> Offer | FairdayError:
    """The offer at the price agreed on, where there is one."""
    if isinstance(offer, FairdayError) or offer.sku not in choice.agreed:
        return offer
    return msgspec.structs.replace(
        offer, unit=choice.agreed[offer.sku], unit_digits=0, said=None, list=None, tiers=(), why=()
    )


def quoted(one: CartLine, offer: Offer | FairdayError) -> QuotedLine:
    """A line of the cart, with what the goods say of it or why they cannot be had."""
    if isinstance(offer, FairdayError):
        return QuotedLine(line=str(one.line), sku=one.sku, qty=one.qty, offer=None, problem=offer)
    return QuotedLine(line=str(one.line), sku=one.sku, qty=one.qty, offer=offer)


ONLY_COLLECTED = "only_collected"
"""The problem of a line that is to be sent, of which none is left for that, but enough in a store that hands over."""


def within_reach(supply: Mapping[str, Supply], choice: Choice, senders: Collection[str]) -> dict[str, int]:
    """How many of each counted good this order can have: of the store it is collected in, or of the places that send.

    Args:
        senders: the places that send to buyers.
    """
    if choice.way == "pickup":
        return {sku: s.by_place.get(choice.store, 0) if choice.store else s.available for sku, s in supply.items()}
    return {sku: sum(s.by_place.get(place, 0) for place in senders) for sku, s in supply.items()}


def in_hand(supply: Mapping[str, Supply], choice: Choice, places: Sequence[Store]) -> dict[str, int]:
    """How many of each counted good an order that is to be sent could have in one store, if it were collected there."""
    stores = [p.store for p in places if p.collects] if choice.way == "ship" else []
    return {sku: max((s.by_place.get(store, 0) for store in stores), default=0) for sku, s in supply.items()}


def checked(lines: Sequence[QuotedLine], reach: Mapping[str, int], hand: Mapping[str, int]) -> list[QuotedLine]:
    """Lines of which too few are left say so; several lines of one good share what is left.

    Args:
        reach: units by SKU, as ``within_reach`` tells; ``hand``: as ``in_hand`` does.
    """
    left, made = dict(reach), []
    for line in lines:
        if line.problem is None and line.sku in left:
            has = left[line.sku]
            if has < line.qty:
                code = "too_few" if has > 0 else ONLY_COLLECTED if hand[line.sku] >= line.qty else "sold_out"
                error = Conflict("Too few are left.", code=code, where=str(max(has, 0)))
                line = msgspec.structs.replace(line, problem=error)
            left[line.sku] = has - line.qty
        made.append(line)
    return made


def wrapped(
    gifts: Sequence[tuple[str, str, int]], offers: Mapping[str, Offer | FairdayError], reach: Mapping[str, int],
    lines: Sequence[QuotedLine],
) -> tuple[list[QuotedLine], list[QuotedLine]]:  # fmt: skip
    """Gifts as lines: those that come along, and those that are not to be had, each with why.

    What the cart itself takes of a good comes first; gifts share what it leaves.

    Args:
        gifts: (rule, sku, units) as they were priced.
        offers: of each sku, or why it cannot be had.
        reach: how many of each counted good there are.
    """
    left = dict(reach)
    for x in lines:
        if x.sku in left:
            left[x.sku] -= x.qty
    come: list[QuotedLine] = []
    gone: list[QuotedLine] = []
    for n, (rule, sku, qty) in enumerate(gifts, 1):
        offer = offers[sku]
        line = QuotedLine(
            line=f"g{n}", sku=sku, qty=qty, offer=None if isinstance(offer, FairdayError) else offer, gift=rule
        )
        if isinstance(offer, FairdayError):
            gone.append(msgspec.structs.replace(line, problem=offer))
        elif left.get(sku, qty) < qty:
            error = Conflict("The gift has run out.", code="sold_out", where=sku)
            gone.append(msgspec.structs.replace(line, problem=error))
        else:
            left |= {sku: left[sku] - qty} if sku in left else {}
            come.append(line)
    return come, gone


def only_gifts(priced: model.Priced, rules: Collection[str]) -> dict[str, str]:
    """Of some rules those that give nothing but a gift, with why they give nothing now."""
    return {told.rule: "gift" for told in priced.applied if told.rule in rules and set(told.values) == {"gifts"}}


def with_preorders(lines: Sequence[QuotedLine], pres: Mapping[str, Pre]) -> list[QuotedLine]:
    """Lines of designs that are not made yet cost what was said when they were accepted, whatever the catalogue says
    since, and say why they cannot be ordered, where they cannot."""
    made = []
    for line in lines:
        pre = pres.get(line.offer.product) if line.offer is not None else None
        if pre is not None and line.offer is not None:
            offer = msgspec.structs.replace(line.offer, unit=pre.design.price, unit_digits=0, said=None)
            line = msgspec.structs.replace(line, offer=offer, problem=line.problem or pre.problem)
        made.append(line)
    return made


def rough(offer: Offer, qty: int) -> int:
    """A line's money before offers, minor units rounded half up."""
    scale: int = 10**offer.unit_digits
    return (2 * offer.unit * qty + scale) // (2 * scale)


def chosen_delivery(offered: Sequence[Delivery], choice: Choice) -> Delivery | None:
    """The chosen way to send, else the cheapest; None where nothing goes there."""
    return next((d for d in offered if d.service == choice.service), offered[0] if offered else None)


def priced_cart(
    lines: Sequence[QuotedLine],
    choice: Choice,
    country: str,
    settings: Settings,
    delivery: Delivery | None,
    coupons: Sequence[tuple[str, str]],
) -> model.Cart:
    """The lines as the book of offers is asked about them: taxed as they are sold."""
    # What is collected is sold where the shop is, whatever address the buyer has.
    sold_in = settings.country if choice.way == "pickup" else country
    taxes = None if crosses(settings, sold_in) else settings.taxes.get(sold_in)
    given = tuple(
        model.Line(
            line=x.line, sku=x.sku, unit=x.offer.unit, qty=x.qty, product=x.offer.product,
            unit_digits=x.offer.unit_digits, title=x.offer.title, category=x.offer.category or "",
            department=x.offer.department or "", brand=x.offer.brand or "", tags=x.offer.tags, floor=x.offer.floor,
            tax=taxes.rate(x.offer.tax_class) if taxes is not None else 0, new_since=x.offer.new_since,
        )
        for x in lines
        if x.offer is not None
    )  # fmt: skip
    return model.Cart(
        currency=settings.currency, lines=given, shipping=delivery.price if delivery is not None else None,
        channel=choice.channel, store=choice.store, country=country, payment_method=choice.payment,
        coupons=tuple(dict.fromkeys(rule for _, rule in coupons)),
        shipping_tax=taxes.rate(taxes.shipping) if taxes is not None else 0,
        prices_include_tax=taxes.included if taxes is not None else None,
    )  # fmt: skip


def with_price(line: QuotedLine, priced: model.PricedLine | None) -> QuotedLine:
    """A line at its price under the offers."""
    if priced is None:
        return line
    return msgspec.structs.replace(
        line, gross=priced.gross, tax=priced.tax, paid=priced.total, discounts=priced.discounts
    )


def said_there(lines: Sequence[QuotedLine], currency: str) -> dict[str, int]:
    """What lines cost before offers by the lists of a currency, minor units of it; those that no list there prices are
    left out."""
    return {
        x.line: half_up(x.offer.said.exact * x.qty)
        for x in lines
        if x.gift is None and x.offer is not None and x.offer.said is not None and x.offer.said.currency == currency
    }


def as_sent(line: QuotedLine, offer: Offer) -> Sent:
    """A line as customs look at it."""
    return Sent(
        line=line.line, qty=line.qty, value=line.paid, code=offer.hs_code or "", names=(offer.product, *offer.tags)
    )


def levied(line: QuotedLine, crossing: Crossing) -> QuotedLine:
    """A line with what it pays to cross, or why it may not."""
    duty, tax = crossing.levied(line.line)
    return msgspec.structs.replace(
        line, duty=duty, tax=line.tax + duty + tax, paid=line.paid + duty + tax,
        problem=line.problem or crossing.problems.get(line.line),
    )  # fmt: skip


def parts_of(
    lines: Sequence[QuotedLine], priced: model.Priced, delivery: Delivery | None, crossing: Crossing | None
) -> dict[str, Part]:
    """What each line that can be had costs, and delivery, with what they pay to cross; in the shop's currency."""
    made = {
        x.line: Part(
            gross=x.gross, discounts=tuple(d for d in x.discounts if d[1]), tax=x.tax, duty=x.duty, paid=x.paid
        )
        for x in lines
        if x.offer is not None
    }
    if delivery is not None:
        inside = priced.goods + carriage(priced) == priced.total
        duty, tax = crossing.carriage if crossing is not None else (0, 0)
        net, own = carriage(priced), priced.shipping_tax
        made[SHIPPING] = Part(
            gross=priced.shipping or 0, discounts=tuple((r, n) for r, n in priced.shipping_discounts if n),
            tax=own + duty + tax, duty=duty, paid=net + duty + tax + (0 if inside else own),
        )  # fmt: skip
    return made
