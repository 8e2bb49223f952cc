"""What a command means for an order: its events, and what each of its holds is told. Pure.

Every illegal command is refused with the reason, and a refusal changes nothing.
"""

from fairday.trade.deciding.aside import alone
from fairday.trade.deciding.back import refund
from fairday.trade.deciding.common import Plan
from fairday.trade.deciding.ending import cancel, complete, ship
from fairday.trade.deciding.placing import pay, place

__all__ = ["Plan", "alone", "cancel", "complete", "pay", "place", "refund", "ship"]
