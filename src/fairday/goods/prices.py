"""Which price a unit has: the base price and the lists that may stand over it. Pure. See docs/algorithms/prices.md.

A list may be for a channel, a store, a country, a company, a crowd and a time, or for any of them. Of the lists that
hold, the one with the highest priority wins, then the most particular, then the lowest price.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

import msgspec

from fairday.kernel.trace import Step

WHOLE = 10_000
"""A factor of one: factors are ten-thousandths of the base price."""


FINER = 4
"""Decimals of a minor unit that a price keeps which comes from another currency."""


class Turned(msgspec.Struct, frozen=True):
    """What a buyer is charged in instead of the shop's currency.

    Attributes:
        rate: how many minor units of ``currency`` one minor unit of the shop's buys today.
    """

    currency: str
    rate: Fraction

    def home(self, price: Amount, currency: str) -> Amount:
        """A price in ``currency`` of this as what it comes to in the shop's, which keeps what was said."""
        exact = price.exact / self.rate * 10**FINER
        return Amount((exact + Fraction(1, 2)).__floor__(), currency, FINER, said=price)


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Who buys where.

    Attributes:
        channel: the merchant's word for the way of selling (``online``, ``store``, ``wechat``).
        store: the store's number, or None.
        country: ISO 3166-1 code of where it is bought for, or None where not known.
        company: the buying company's id, or None for a consumer.
        crowds: names of the audiences the buyer is in.
        currency: ISO 4217 code that the price is wanted in.
        turned: where the buyer is charged in another: what lists in it say goes before the lists in ``currency``.
    """

    channel: str = "online"
    store: str | None = None
    country: str | None = None
    company: str | None = None
    crowds: tuple[str, ...] = ()
    currency: str
    turned: Turned | None = None


class Amount(msgspec.Struct, frozen=True, omit_defaults=True):
    """A unit price: ``amount`` / 10**``digits`` minor units of ``currency``; ``digits`` are decimals beyond those.

    ``said``: as a list in another currency says it, where this is what that comes to.
    """

    amount: int
    currency: str
    digits: int = 0
    said: Amount | None = None

    @property
    def exact(self) -> Fraction:
        """In minor units."""
        return Fraction(self.amount, 10**self.digits)


class PriceList(msgspec.Struct, frozen=True, kw_only=True):
    """A price list: whom it is for (None: anybody), when, and how it stands to others.

    Attributes:
        list: its id.
        title: what the merchant calls it.
        currency: of all its prices.
        channel, store, country, company, crowd: what it is for.
        starts_at, ends_at: holds from the one (ms) until before the other; None: open.
        priority: a list with a higher one wins whatever else holds.
        factor: ten-thousandths of the base price that goods without a price of their own here cost; None: those are
            not in the list.
    """

    list: str
    title: str = ""
    currency: str
    channel: str | None = None
    store: str | None = None
    country: str | None = None
    company: str | None = None
    crowd: str | None = None
    starts_at: int | None = None
    ends_at: int | None = None
    priority: int = 0
    factor: int | None = None

    @property
    def public(self) -> bool:
        """Whether anybody at the place gets it, rather than some company or crowd."""
        return self.company is None and self.crowd is None

    @property
    def particular(self) -> tuple[bool, ...]:
        """How particular it is, compared from the left: company, crowd, store, country, channel, time."""
        timed = self.starts_at is not None or self.ends_at is not None
        return (*(getattr(self, f) is not None for f in ("company", "crowd", "store", "country", "channel")), timed)


class ListPrice(msgspec.Struct, frozen=True):
    """A price in a list for ``goods`` (a variant, or a product for all its variants) from ``min_qty`` pieces on."""

    list: str
    goods: str
    min_qty: int
    amount: int
    digits: int = 0


class Tier(msgspec.Struct, frozen=True):
    """From so many pieces on, so much a piece."""

    min_qty: int
    price: Amount


class PriceChosen(msgspec.Struct, frozen=True, kw_only=True):
    """The price that won, and why.

    Attributes:
        price: a unit's.
        list: the list it is from, None for the base price.
        public: whether anybody there gets it.
        base: the base price, where it has one in the same currency.
        tiers: what the list asks by quantity, the smallest first; one for a base price.
        why: the winner first (``price.won`` or ``price.base``), then each list passed over (``price.passed``) with
            ``because``: currency, channel, store, country, company, crowd, early, over, quantity, absent (not in it),
            priority, particular, dearer, equal (the same price by an earlier id).
    """

    price: Amount
    list: str | None = None
    public: bool = True
    base: Amount | None = None
    tiers: tuple[Tier, ...] = ()
    why: tuple[Step, ...] = ()


def which_price(
    sku: str,
    product: str,
    base: Amount | None,
    lists: Iterable[PriceList],
    prices: Iterable[ListPrice],
    where: Where,
    qty: int,
    now: int,
) -> PriceChosen | None:
    """The price of one of ``qty`` pieces at an instant (ms), or None where neither base nor list has one.

    Args:
        sku, product: the variant and its product; a price of the variant goes before one of the product.
        base: what it costs without any list; a base price in another currency than wanted is none.
        lists: in any order.
        prices: those of this variant and product, in any order; others are passed over.
    """
    if base is not None and base.currency != where.currency:
        base = None
    of_list: dict[str, list[ListPrice]] = {}
    for own in prices:
        if own.goods in (sku, product):
            of_list.setdefault(own.list, []).append(own)
    passed: list[tuple[PriceList, str]] = []
    holding: list[tuple[PriceList, Amount, tuple[Tier, ...]]] = []
    for one in sorted(lists, key=lambda x: x.list):
        because = _hindrance(one, where, now)
        if because is None:
            tiers = _tiers(one, of_list.get(one.list, ()), sku, base)
            reached = [t for t in tiers if t.min_qty <= qty]
            if reached:
                holding.append((one, reached[-1].price, tiers))
                continue
            because = "quantity" if tiers else "absent"
        passed.append((one, because))
    if not holding:
        if base is None:
            return None
        won = Step("price.base", {"amount": base.amount, "digits": base.digits, "currency": base.currency})
        return PriceChosen(price=base, base=base, tiers=(Tier(1, base),), why=(won, *_passed(passed)))
    best, price, tiers = min(holding, key=_rank)
    for other, amount, _ in holding:
        if other is not best:
            passed.append((other, _lost(best, other, price, amount)))
    won = Step(
        "price.won",
        {
            "list": best.list, "title": best.title, "amount": price.amount, "digits": price.digits,
            "currency": price.currency, "min_qty": max(t.min_qty for t in tiers if t.min_qty <= qty),
        },
    )  # fmt: skip
    return PriceChosen(
        price=price, list=best.list, public=best.public, base=base, tiers=tiers, why=(won, *_passed(passed))
    )


def price_charged(
    sku: str,
    product: str,
    base: Amount | None,
    lists: Sequence[PriceList],
    prices: Sequence[ListPrice],
    where: Where,
    qty: int,
    now: int,
) -> PriceChosen | None:
    """As ``which_price``; but where a list in the currency the buyer is charged in holds, it says the price.

    The price then is what that comes to in the wanted currency, with what was ``said``.
    """
    home = which_price(sku, product, base, lists, prices, where, qty, now)
    turned = where.turned
    if turned is None:
        return home
    there = msgspec.structs.replace(where, currency=turned.currency)
    found = which_price(sku, product, None, lists, prices, there, qty, now)
    if found is None:
        return home
    return msgspec.structs.replace(
        found, price=turned.home(found.price, where.currency), base=home.base if home is not None else None,
        tiers=tuple(Tier(t.min_qty, turned.home(t.price, where.currency)) for t in found.tiers),
    )  # fmt: skip


def _hindrance(one: PriceList, where: Where, now: int) -> str | None:
    """Why a list does not hold, or None."""
    if one.currency != where.currency:
        return "currency"
    for field in ("channel", "store", "country", "company"):
        wanted = getattr(one, field)
        if wanted is not None and wanted != getattr(where, field):
            return field
    if one.crowd is not None and one.crowd not in where.crowds:
        return "crowd"
    if one.starts_at is not None and now < one.starts_at:
        return "early"
    if one.ends_at is not None and now >= one.ends_at:
        return "over"
    return None


def _tiers(one: PriceList, own: Sequence[ListPrice], sku: str, base: Amount | None) -> tuple[Tier, ...]:
    """What a list asks by quantity. Where the variant has prices of its own, the product's are not looked at."""
    said = [p for p in own if p.goods == sku] or list(own)
    found = {p.min_qty: Amount(p.amount, one.currency, p.digits) for p in said}
    if one.factor is not None and base is not None:
        found.setdefault(1, scaled(base, one.factor))
    return tuple(Tier(least, found[least]) for least in sorted(found))


def scaled(base: Amount, factor: int) -> Amount:
    """A base price times a factor in ten-thousandths, rounded half up to the base's own decimals."""
    return msgspec.structs.replace(base, amount=(2 * base.amount * factor + WHOLE) // (2 * WHOLE))


def _rank(one: tuple[PriceList, Amount, tuple[Tier, ...]]) -> tuple[int, tuple[bool, ...], Fraction, str]:
    held, price, _ = one
    return (-held.priority, tuple(not p for p in held.particular), price.exact, held.list)


def _lost(best: PriceList, other: PriceList, price: Amount, amount: Amount) -> str:
    if best.priority != other.priority:
        return "priority"
    if best.particular != other.particular:
        return "particular"
    return "dearer" if amount.exact > price.exact else "equal"


def _passed(lists: Iterable[tuple[PriceList, str]]) -> list[Step]:
    return [
        Step("price.passed", {"list": one.list, "title": one.title, "because": because})
        for one, because in sorted(lists, key=lambda x: x[0].list)
    ]
