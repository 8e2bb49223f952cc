"""The keys of a promotion, and which of them go together. docs/merchants/promotions.md explains each."""

from __future__ import annotations

from typing import Final

from fairday.kernel.errors import FairdayError
from fairday.offers.model import (
    ALL,
    BundlePrice,
    BuyGet,
    FixedPrice,
    Goods,
    GroupOff,
    Layer,
    PayPoints,
    Rule,
    SetOff,
    ShippingOff,
)

MAIN: Final[dict[str, tuple[str, ...]]] = {
    "buy": ("get", "percent_off", "get_goods", "max_get", "max_times", "prefer"),
    "cheapest_of": ("cheapest", "percent_off", "max_times"),
    "bundle": ("price", "max_times", "prefer"),
    "groups_of": ("off", "percent_off"),
    "tiers": ("marginal", "repeat"),
    "repeat": ("off", "spend", "items"),
    "pay_points": ("max_points",),
    "off": ("per", "max_units", "prefer"),
    "percent_off": ("per", "at_most", "round"),
    "price": (),
    "total": (),
}
"""What a promotion takes off goods: the key that says so, and the keys that go with it. The first that stands says."""

BESIDE: Final = ("free_shipping", "shipping_off", "shipping_percent_off", "gift", "points", "points_factor")
"""What may be given beside it, or alone."""

NEED: Final = ("spend", "items", "spend_after", "items_of_one")
BENEFIT: Final = tuple(
    key for key in dict.fromkeys([*MAIN, *(k for with_ in MAIN.values() for k in with_), *BESIDE]) if key not in NEED
)

KEYS: Final = tuple(dict.fromkeys([
    "promotion", "title", "goods", *NEED, "needs", *BENEFIT, "benefits",
    "who", "unless", "first_order", "by_coupon", "channel", "store", "country", "pay_with", "hours", "weekdays",
    "from", "until", "scene",
    "layer", "priority", "group", "group_by", "alone", "stack", "tags", "combines",
    "budget", "uses", "day_budget", "day_uses", "person_uses", "purse", "borne", "source",
]))  # fmt: skip
"""Every key of a promotion, in the order they are written."""

SCENES_OWN: Final = ("promotion", "from", "until", "scene", "budget", "purse", "source")
"""What a scene says once for all its offers."""

GOODS: Final = ("sku", "product", "category", "department", "brand", "tag", "no_tag", "price", "where")
TIER: Final = ("spend", "items", "off", "off_each", "percent_off", "points", "free_shipping")
GIFT: Final = ("sku", "qty", "value", "cost")
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ROUNDS: Final = ("unit price", "unit discount", "line")


def usual_layer(rule: Rule, goods: Goods) -> Layer:
    """The layer of a promotion that names none.

    Args:
        goods: those it speaks of.
    """
    kinds = rule.benefits
    if rule.when.coupon:
        return "coupon"
    if kinds and all(isinstance(b, ShippingOff) for b in kinds):
        return "shipping"
    if any(isinstance(b, PayPoints) for b in kinds):
        return "payment"
    by_unit = any(isinstance(b, BuyGet | SetOff | BundlePrice | GroupOff | FixedPrice) for b in kinds)
    return "goods" if by_unit or goods != ALL else "order"


def not_written(what: str) -> FairdayError:
    """A rule that no text can say."""
    return FairdayError(f"{what} cannot be written as a promotion.", code="not_written", where=what,
                        remedy="Make the rule anew from a text.")  # fmt: skip
