"""Many carts priced, and their bytes as one hash: run twice, compiled and as plain Python, by test_pricing_compiled.

python -m pricing_bytes SEEDS
"""

from __future__ import annotations

import hashlib
import random
import sys
from decimal import Decimal

import msgspec

from fairday.offers.model import Cart, Facts, FixedPrice, MorePoints, PayPoints, PercentOff, Policy, Rule
from fairday.offers.pricing import COMPILED, Book, price
from pricing_carts import benefit_of, cart_at, rules_at


def book_at(seed: int) -> Book:
    """A book of any kind: up to forty rules, some on prices, some on points, and any policy."""
    dice = random.Random(f"book{seed}")
    kind = dice.choice([{}, {"smooth": True}, {"grouped": True}])
    rules = [
        rule if rule.per == "line" or dice.random() < 0.8
        else msgspec.structs.replace(rule, benefits=(*rule.benefits, benefit_of(dice, bool(kind))))
        for rule in rules_at(seed, dice.choice([8, 8, 40]), **kind)
    ]  # fmt: skip
    if dice.random() < 0.3:
        off = dice.choice([PercentOff(percent=Decimal("7.5")), FixedPrice(price=950)])
        rules.append(Rule(id="price", layer="catalogue", benefits=(off,)))
    if dice.random() < 0.3:
        rules.append(Rule(id="points", layer="payment", benefits=(PayPoints(unit_value=Decimal(1)),)))
        rules.append(Rule(id="double", benefits=(MorePoints(factor=Decimal(2), extra=5),)))
    policy = Policy(
        objective=dice.choice(["customer", "customer", "customer", "priority", "merchant"]),
        remainder=dice.choice(["largest", "floor, first", "half down, first", "floor, last", "half up, last"]),
        rounding=dice.choice(["end", "end", "end", "each"]), half=dice.choice(["up", "down"]),
        tax_by=dice.choice(["line", "order"]), nodes=300,
    )  # fmt: skip
    return Book(rules, policy)


def priced(seed: int) -> bytes:
    """One cart priced, as it is stored."""
    dice = random.Random(f"cart{seed}")
    cart: Cart = msgspec.structs.replace(cart_at(seed, dice.choice([5, 12, 40])), points=dice.choice([0, 0, 300]))
    if dice.random() < 0.1:
        # Prices in sixths of a cent, and amounts beyond what a float holds exactly.
        lines = [msgspec.structs.replace(line, unit=line.unit * 10**8 + 7, unit_digits=3) for line in cart.lines]
        cart = msgspec.structs.replace(cart, lines=tuple(lines))
    return msgspec.json.encode(price(cart, book_at(seed), Facts(first_order=True, minute=600), 0, 0))


if __name__ == "__main__":
    seen = hashlib.sha256()
    for seed in range(int(sys.argv[1])):
        seen.update(priced(seed))
    print(COMPILED, seen.hexdigest())
