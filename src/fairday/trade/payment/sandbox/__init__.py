"""The sandbox: the providers' side of payment, for trying out. Real protocols, own keys, no money.

It verifies what the shop sends, signs what it answers and tells, and keeps its books in the shop's database, apart
from the shop's own. What it does beyond a provider: a shopper's page on which a payment is made, refused, or told of
late, twice, never or in another order.
"""

from fairday.trade.payment.sandbox.bank import HOW, Sandbox
from fairday.trade.payment.sandbox.keys import SandboxKeys

__all__ = ["HOW", "Sandbox", "SandboxKeys"]
