"""What leads to an order from outside: its number as people say it, its page's link, its code at the counter. Pure."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

from fairday.kernel.clock import DAY_MS
from fairday.kernel.ids import digest
from fairday.kernel.signing import sign

LINK_DAYS = 400
"""How long an order's link leads to it."""
CODE_DIGITS = 6


def order_number(order: str) -> str:
    """An order's number as people say it: short, and no two of a day alike but by a rare chance."""
    id_ = order.rpartition(":")[2]
    try:
        day = datetime.fromtimestamp(int(id_[:12], 16) / 1000, UTC).strftime("%y%m%d")
    except (ValueError, OverflowError, OSError):
        told = digest("order number", id_).upper()  # a till's own id says no day
        return f"{told[:6]}-{told[6:12]}"
    return f"{day}-{digest('order number', id_)[:6].upper()}"


def order_token(secret: bytes, order: str, placed_at: int) -> str:
    """What stands in an order's link: nobody can make one up, and it is the same every time."""
    return sign(secret, f"order|{order.rpartition(':')[2]}", placed_at + LINK_DAYS * DAY_MS)


def pickup_code(secret: bytes, order: str) -> str:
    """The digits that whoever collects an order shows at the counter; they follow from the shop's key alone."""
    made = hmac.new(secret, f"pickup|{order.rpartition(':')[2]}".encode(), hashlib.sha256).digest()
    return f"{int.from_bytes(made[:8], 'big') % 10**CODE_DIGITS:0{CODE_DIGITS}d}"
