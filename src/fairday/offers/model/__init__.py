"""What pricing takes and gives: carts, rules, facts about the moment, and the priced cart. Values only.

Amounts are integers in minor units of the cart's currency, instants in ms UTC, days since 1970-01-01 in the shop's
zone.
What each word means to the cent stands in docs/algorithms/pricing.md; ``fairday.offers.pricing.price`` does it.
"""

from fairday.offers.model.benefits import (
    ALL,
    AmountOff,
    Benefit,
    BundlePrice,
    BuyGet,
    FixedPrice,
    Gift,
    Goods,
    GroupOff,
    MorePoints,
    Part,
    PayPoints,
    PercentOff,
    Prefer,
    Round,
    SetOff,
    ShippingOff,
    Tier,
    Tiers,
    TotalBecomes,
)
from fairday.offers.model.carts import Cart, Facts, Line
from fairday.offers.model.priced import Certificate, Missing, Priced, PricedLine, Told
from fairday.offers.model.rules import LAYERS, Layer, Limits, Need, Objective, Policy, Remainder, Rule, When

__all__ = [
    "ALL",
    "LAYERS",
    "AmountOff",
    "Benefit",
    "BundlePrice",
    "BuyGet",
    "Cart",
    "Certificate",
    "Facts",
    "FixedPrice",
    "Gift",
    "Goods",
    "GroupOff",
    "Layer",
    "Limits",
    "Line",
    "Missing",
    "MorePoints",
    "Need",
    "Objective",
    "Part",
    "PayPoints",
    "PercentOff",
    "Policy",
    "Prefer",
    "Priced",
    "PricedLine",
    "Remainder",
    "Round",
    "Rule",
    "SetOff",
    "ShippingOff",
    "Tier",
    "Tiers",
    "Told",
    "TotalBecomes",
    "When",
]
