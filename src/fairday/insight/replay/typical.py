"""What one use of a planned rule takes off, by the latest carts."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from fairday.insight.replay.baskets import Basket
from fairday.insight.replay.reprice import saved, with_coupons
from fairday.insight.replay.repriced import Typical, undated
from fairday.kernel.clock import local_minute
from fairday.kernel.settings import Settings
from fairday.offers.model import AmountOff, Facts, Limits, Rule
from fairday.offers.pricing import Book, price
from fairday.people.traits import vocabulary

SAMPLED = 2_000
"""Carts that say it, the latest."""
LOOKED_AT = 6_000
"""Orders among which they are looked for: some are told without their goods."""
_NO_LIMITS = Limits()


def typical(baskets: Iterable[Basket], rule: Rule, settings: Settings) -> Typical:
    """What a rule takes off the carts it applies to; where no cart tells, what its own words say."""
    asked, _ = undated(rule)
    asked = _for_all(asked)
    book = Book([asked], people=vocabulary(settings), currency=settings.currency)
    taken, n = [], 0
    for basket in baskets:
        n += 1
        cart = with_coupons(basket, (rule.id,)) if rule.when.coupon else basket
        minute = local_minute(basket.at, settings.zone)
        priced = price(cart.cart, book, Facts(first_order=True, minute=minute), basket.at, basket.day)
        if priced.applied:
            taken.append(saved(priced))
    if not taken:
        amount = max((b.amount for b in rule.benefits if isinstance(b, AmountOff)), default=0)
        return Typical(amount, amount, amount, 0, 0.0)
    taken.sort()
    tenth = len(taken) // 10
    return Typical(
        round(sum(taken) / len(taken)), taken[tenth], taken[len(taken) - 1 - tenth], len(taken), len(taken) / n
    )


def _for_all(rule: Rule) -> Rule:
    """A rule as those see it whom it is for: what it takes off does not hang on who they are."""
    return replace(rule, when=replace(rule.when, who="", unless="", first_order=False), limits=_NO_LIMITS)
