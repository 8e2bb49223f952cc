"""A book of 100 rules as a shop of many campaigns has them, and carts they are priced for."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal

from fairday.offers.model import (
    AmountOff,
    Benefit,
    BuyGet,
    Cart,
    Gift,
    Goods,
    Layer,
    Line,
    MorePoints,
    Need,
    PercentOff,
    Rule,
    SetOff,
    ShippingOff,
    Tier,
    Tiers,
    When,
)

RULES = 100
GROUPS = 8
APPLY = 40
CATEGORIES = [f"category-{i}" for i in range(40)]
BRANDS = [f"brand-{i}" for i in range(80)]
LAYERS: tuple[Layer, ...] = ("goods", "order", "coupon", "shipping")
TAGS = [f"tag-{i}" for i in range(80)]


def goods_on_sale(dice: random.Random, count: int = 2000) -> list[Line]:
    """What carts are filled from, one unit each."""
    return [
        Line(
            line="", sku=f"SKU-{i:04}", unit=dice.choice([499, 990, 1290, 1999, 2500, 4900, 8800, 12900, 19900]), qty=1,
            category=dice.choice(CATEGORIES), brand=dice.choice(BRANDS), tags=tuple(sorted(dice.sample(TAGS, 3))),
        )
        for i in range(count)
    ]  # fmt: skip


def cart(dice: random.Random, shelf: list[Line], lines: int) -> Cart:
    """A cart of so many lines, most of one or two units."""
    picked = [
        Line(line=str(i), sku=g.sku, unit=g.unit, qty=dice.choice([1, 1, 1, 2, 2, 3]), category=g.category,
             brand=g.brand, tags=g.tags)
        for i, g in enumerate(dice.sample(shelf, lines))
    ]  # fmt: skip
    return Cart(currency="CNY", lines=tuple(picked), shipping=1200)


def book(dice: random.Random) -> list[Rule]:
    """100 rules: 8 exclusive groups of 6 (five of discounts on goods, two on the order, one of coupons), and 52 that go
    with everything. Discounts on goods are taken first, amounts off a spend after them, coupons at the end."""
    rules = []
    for i in range(RULES):
        number = i % GROUPS if i < GROUPS * 6 else None
        if number is None:
            layer = dice.choices(LAYERS, (32, 12, 4, 4))[0]
        else:
            layer = "goods" if number < 5 else "order" if number < 7 else "coupon"
        benefit, spend = KINDS[layer](dice)
        goods = getattr(benefit, "goods", Goods())
        when = When(needs=(Need(goods=goods, spend=spend),)) if spend else When()
        rules.append(
            Rule(
                id=f"rule-{i:03}", benefits=(benefit,), when=when, layer=layer,
                priority=dice.randrange(3),
                group="" if number is None else f"group-{number}",
            )
        )  # fmt: skip
    return rules


def _selection(dice: random.Random) -> Goods:
    kind = dice.random()
    if kind < 0.35:
        return Goods(categories=frozenset(dice.sample(CATEGORIES, dice.choice([1, 1, 2]))))
    if kind < 0.6:
        return Goods(brands=frozenset(dice.sample(BRANDS, dice.choice([1, 2, 3]))))
    return Goods(any_tag=frozenset(dice.sample(TAGS, 1)))


def _on_goods(dice: random.Random) -> tuple[Benefit, int]:
    goods, kind = _selection(dice), dice.random()
    if kind < 0.66:
        return PercentOff(percent=Decimal(dice.choice([5, 8, 10, 12, 15, 20, 25])), goods=goods), 0
    if kind < 0.94:
        return AmountOff(amount=dice.choice([50, 100, 200]), goods=goods, per="unit"), 0
    if kind < 0.97:
        return SetOff(qty=3, goods=goods, percent=Decimal(100)), 0
    return BuyGet(buy_qty=2, get_qty=1, buy=goods, get=goods, percent=Decimal(50)), 0


def _on_the_order(dice: random.Random) -> tuple[Benefit, int]:
    if dice.random() < 0.6:
        spend = dice.choice([5000, 9900, 19900])
        return AmountOff(amount=spend // 10, goods=_selection(dice)), spend
    tiers = (Tier(at=9900, amount=800), Tier(at=29900, amount=3000), Tier(at=59900, amount=8000))
    return Tiers(by="amount", goods=dice.choice([Goods(), _selection(dice)]), tiers=tiers), 0


def _coupon(dice: random.Random) -> tuple[Benefit, int]:
    if dice.random() < 0.5:
        return PercentOff(percent=Decimal(dice.choice([3, 5, 8])), per="all", cap=dice.choice([2000, 5000])), 0
    spend = dice.choice([9900, 19900, 29900])
    return AmountOff(amount=spend // 10), spend


def _beside(dice: random.Random) -> tuple[Benefit, int]:
    some: list[tuple[Benefit, int]] = [
        (ShippingOff(), 9900), (ShippingOff(percent=Decimal(50)), 0), (Gift(sku="GIFT"), 29900),
        (MorePoints(factor=Decimal(2)), 0),
    ]  # fmt: skip
    return dice.choice(some)


KINDS: dict[Layer, Callable[[random.Random], tuple[Benefit, int]]] = {
    "goods": _on_goods,
    "order": _on_the_order,
    "coupon": _coupon,
    "shipping": _beside,
}
