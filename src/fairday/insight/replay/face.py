"""What a day's orders would have cost in a scene's offers at most."""

from __future__ import annotations

from collections.abc import Sequence

from fairday.offers.model import AmountOff, Benefit, PercentOff, Tiers
from fairday.scenes.spec import Offer

PRICED = (AmountOff, PercentOff, Tiers)
"""Benefits whose cost can be told of a day's money."""


def face_value(offers: Sequence[Offer], orders: int, amount: int) -> int:
    """What a day's orders of one person would have cost in offers at most, minor units.

    Offers with the same ``stack`` word add up, of the others the dearest counts. Conditions on goods and pieces are
    taken as met; one on the amount is asked of the day's money.
    """
    groups: dict[frozenset[str], int] = {}
    for place, offer in enumerate(offers):
        rule = offer.rule
        if rule is None:
            continue
        needed = max((need.spend for need in rule.when.needs), default=0)
        times = min(orders, amount // needed) if needed > 0 else orders
        if times <= 0:
            continue
        value = min(amount, sum(_face(benefit, times, amount) for benefit in rule.benefits))
        group = offer.stacks or frozenset({f"\0{place}"})
        groups[group] = groups.get(group, 0) + value
    return max(groups.values(), default=0)


def _face(benefit: Benefit, times: int, amount: int) -> int:
    match benefit:
        case AmountOff():
            return times * benefit.amount
        case PercentOff():
            most = -(-int(amount * benefit.percent) // 100)
            return most if benefit.cap is None else min(most, times * benefit.cap)
        case Tiers(by="amount"):
            reached = [tier for tier in benefit.tiers if tier.at <= amount]
            if not reached:
                return 0
            tier = reached[-1]
            often = amount // tier.at if benefit.repeat and tier.at else min(times, amount // max(1, tier.at))
            return often * tier.amount - (-int(amount * tier.percent) // 100)
        case _:
            return 0
