"""Random carts and books for pricing's property tests, and every combination tried."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from typing import Any

from fairday.offers.model import (
    AmountOff,
    BundlePrice,
    BuyGet,
    Cart,
    Facts,
    FixedPrice,
    Gift,
    Goods,
    GroupOff,
    Line,
    Need,
    Part,
    PercentOff,
    Policy,
    Prefer,
    Rule,
    SetOff,
    ShippingOff,
    Tier,
    Tiers,
    TotalBecomes,
    When,
)
from fairday.offers.pricing import Book, excludes, price
from fairday.offers.pricing.building import build
from fairday.offers.pricing.cheapest import cost_of
from fairday.offers.pricing.eligible import why_not
from fairday.offers.pricing.ground import Ground
from fairday.offers.pricing.walking import Walk

CATEGORIES = ("tea", "cups", "cakes")
TAGS = ("new", "gift", "sale")


def cart_at(seed: int, lines: int = 5) -> Cart:
    """A cart of up to so many lines."""
    dice = random.Random(seed)
    made = [
        Line(
            line=str(i), sku=f"S{dice.randrange(12)}", unit=dice.choice([0, 1, 99, 333, 999, 1000, 1999, 5000, 12345]),
            qty=dice.choice([1, 1, 2, 3, 5]), category=dice.choice(CATEGORIES),
            tags=tuple(t for t in TAGS if dice.random() < 0.4),
            floor=dice.choice([None, None, None, 50, 900, 4000]), tax=dice.choice([0, 5500, 20000]),
        )
        for i in range(dice.randrange(1, lines + 1))
    ]  # fmt: skip
    return Cart(
        currency="CNY", lines=tuple(made), shipping=dice.choice([None, 0, 800, 1299]),
        prices_include_tax=dice.choice([None, True, False]),
    )  # fmt: skip


def rules_at(seed: int, most: int = 8, *, smooth: bool = False, grouped: bool = False) -> list[Rule]:
    """Up to so many rules of all kinds; ``smooth``: only such as leave everything monotone; ``grouped``: smooth or
    competing
    for units, and excluding each other in groups only."""
    dice = random.Random(f"rules{seed}")
    rules = []
    for i in range(dice.randrange(0, most + 1)):
        when = When(
            needs=(
                Need(goods=goods(dice), spend=dice.choice([0, 0, 500, 3000]), units=dice.choice([0, 0, 2]),
                     spend_after=0 if smooth or grouped else dice.choice([0, 0, 0, 2500])),
            ) if dice.random() < 0.4 else ()
        )  # fmt: skip
        group = dice.choice(["", "a", "b", "c"] if grouped else ["", "", "a", "b"])
        benefit = benefit_of(dice, smooth or grouped)
        if grouped and dice.random() < 0.35:
            percent = Decimal(dice.choice([50, 100]))
            benefit = dice.choice([
                SetOff(qty=dice.choice([2, 3]), goods=goods(dice), percent=percent),
                BuyGet(buy_qty=1, get_qty=1, buy=goods(dice), get=goods(dice), percent=percent, prefer=prefer(dice)),
            ])  # fmt: skip
        by_line = isinstance(benefit, PercentOff) and benefit.per == "line" and benefit.cap is None
        rules.append(
            Rule(
                id=f"R{i}", benefits=(benefit,), when=when,
                layer=dice.choice(["goods", "goods", "order", "coupon"]), priority=dice.randrange(3), group=group,
                per="line" if by_line and not (smooth or grouped) and dice.random() < 0.3 else "order",
                alone=dice.random() < 0.1, tags=frozenset(t for t in TAGS if dice.random() < 0.5),
                combines=frozenset(dice.sample(TAGS, 2)) if dice.random() < 0.2 and not grouped else None,
                borne=dice.choice([100, 100, 40]),
            )
        )  # fmt: skip
    return rules


def prefer(dice: random.Random) -> Prefer:
    return "dearest" if dice.random() < 0.5 else "cheapest"


def goods(dice: random.Random) -> Goods:
    return dice.choice([
        Goods(), Goods(categories=frozenset([dice.choice(CATEGORIES)])), Goods(any_tag=frozenset([dice.choice(TAGS)])),
        Goods(unit_from=500), Goods(no_tag=frozenset(["sale"])),
    ])  # fmt: skip


def benefit_of(dice: random.Random, smooth: bool) -> Any:
    g, percent = goods(dice), Decimal(dice.choice(["5", "10", "12.5", "33", "50", "100"]))
    kinds: list[Any] = [
        PercentOff(percent=percent, goods=g),
        PercentOff(percent=percent, goods=g, per="all"),
        PercentOff(percent=percent, goods=g, cap=dice.choice([77, 700])),
        AmountOff(amount=dice.choice([1, 100, 299, 3000]), goods=g),
        AmountOff(amount=dice.choice([7, 100]), goods=g, per="unit", max_units=dice.choice([None, 1])),
        AmountOff(amount=100, goods=g, per="unit", max_units=2, prefer=prefer(dice)),
        FixedPrice(price=dice.choice([90, 950]), goods=g),
        GroupOff(qty=2, goods=g, percent=percent),
        Tiers(by="amount", goods=g, tiers=(Tier(at=1000, amount=100), Tier(at=5000, amount=777)),
              repeat=dice.random() < 0.3),
        Tiers(by="units", goods=g, tiers=(Tier(at=0, percent=Decimal(5)), Tier(at=3, percent=percent)),
              marginal=dice.random() < 0.5),
        ShippingOff(percent=percent),
        Gift(sku="GIFT", value=dice.choice([0, 150]), cost=80),
    ]  # fmt: skip
    if not smooth:
        kinds += [
            SetOff(qty=3, goods=g, percent=percent),
            BuyGet(buy_qty=2, get_qty=1, buy=goods(dice), get=g, percent=percent, prefer=prefer(dice)),
            BundlePrice(price=1500, parts=(Part(qty=2, goods=g),)),
            TotalBecomes(amount=2000, goods=g),
            PercentOff(percent=percent, goods=g, round=dice.choice(["line", "unit price", "unit discount"])),
        ]
    return dice.choice(kinds)


def every(cart: Cart, book: Book, today: int = 0) -> tuple[int, int, int]:
    """(the most any combination saves, the least any complete one costs, how many combinations there are)."""
    ground = Ground(cart, Facts(), 0, today)
    ground.match(book)
    entries = [build(c, ground, []) for c in book.rules if why_not(c, ground, []) is None]
    best, cheapest, tried = 0, -1, 0
    for size in range(len(entries) + 1):
        for some in combinations(entries, size):
            rules = [e.c.rule for e in some]
            if any(r.alone for r in rules) and len(rules) > 1:
                continue
            if any(excludes(a, b) for a, b in combinations(rules, 2)):
                continue
            tried += 1
            walk = fresh(ground, book, [e.c for e in some])
            state = walk.exactly((1 << len(some)) - 1)
            best = max(best, walk.worth(state))
            left = [e for e in entries if e not in some]
            complete = all(
                any(e.c.rule.alone or r.alone or excludes(e.c.rule, r) for r in rules) for e in left
            )  # fmt: skip
            if complete:
                cost = cost_of(walk, (1 << len(some)) - 1)
                cheapest = cost if cheapest < 0 else min(cheapest, cost)
    return best, cheapest, tried


def fresh(ground: Ground, book: Book, rules: list[Any]) -> Walk:
    """A walk of these rules alone, built anew."""
    policy = book.policy
    entries = [build(c, ground, []) for c in rules]
    return Walk(ground, entries, policy.half, policy.remainder, policy.rounding == "each")


def exact_discounts(cart: Cart, book: Book) -> list[Fraction]:
    """Each line's discount before rounding, of the combination that is chosen."""
    got = price(cart, book, Facts(), 0, 0)
    # A rule may be taken and take nothing, and yet close units to others.
    chosen = {told.rule for told in (*got.applied, *got.refused) if told.code in ("applied", "nothing", "spend_after")}
    ground = Ground(cart, Facts(), 0, 0)
    ground.match(book)
    walk = fresh(ground, book, [c for c in book.rules if c.rule.id in chosen])
    state = walk.exactly((1 << len(walk.entries)) - 1)
    return [g - state.left(i) for i, g in enumerate(ground.gross)]


__all__ = ["Policy", "cart_at", "every", "exact_discounts", "fresh", "rules_at"]
