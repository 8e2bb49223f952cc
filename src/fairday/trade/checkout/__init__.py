"""Checkout: a cart priced for somebody now, and placed as an order at exactly what they saw.

Prices come from the goods' price lists and the book of offers, never from a client. What the buyer saw travels with the
form as ``seen``; it is compared, never believed: where prices or stock have moved, nothing is placed and the new quote
says what changed.
"""

from fairday.trade.checkout.model import (
    Buyer,
    Change,
    Choice,
    Holding,
    Moved,
    Placed,
    Pricer,
    Quote,
    QuotedLine,
    Way,
)
from fairday.trade.checkout.seen import COUPON, EARNS, POINTS, changes
from fairday.trade.checkout.service import Checkout

__all__ = [
    "COUPON",
    "EARNS",
    "POINTS",
    "Buyer",
    "Change",
    "Checkout",
    "Choice",
    "Holding",
    "Moved",
    "Placed",
    "Pricer",
    "Quote",
    "QuotedLine",
    "Way",
    "changes",
]
