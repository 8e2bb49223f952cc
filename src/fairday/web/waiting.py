"""What waits for somebody of the shop, counted for the first page: orders to send, money to look at, disputes."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text

from fairday.kernel.clock import day_start
from fairday.kernel.settings import Settings


class Waits(NamedTuple):
    """So many of something wait at a page; ``urgent`` where somebody else waits for it."""

    name: str
    n: int
    href: str
    urgent: bool = False


class Taken(NamedTuple):
    """What a day brought so far: orders that stand, and what was asked for them in the shop's own currency."""

    orders: int
    amount: int


_COUNTED = (
    ("send", "/console/orders?status=paid", False,
     "SELECT COUNT(*) FROM orders WHERE status = 'paid' AND way = 'ship'"),
    ("collect", "/console/orders?status=paid", False,
     "SELECT COUNT(*) FROM orders WHERE status = 'paid' AND way = 'pickup'"),
    ("rest", "/console/orders?status=part_shipped", False,
     "SELECT COUNT(*) FROM orders WHERE status = 'part_shipped'"),
    ("transfers", "/console/payments?method=bank_transfer&status=requested", False,
     "SELECT COUNT(*) FROM payments WHERE status = 'requested' AND method = 'bank_transfer'"),
    ("refunds", "/console/payments", True,
     "SELECT COUNT(*) FROM payment_refunds WHERE status IN ('failed', 'abnormal')"),
    ("disputes", "/console/market", True, "SELECT COUNT(*) FROM disputes WHERE status = 'open'"),
    ("listings", "/console/market", False, "SELECT COUNT(*) FROM listings WHERE life = 'review'"),
    ("payouts", "/console/market", True, "SELECT COUNT(*) FROM payouts WHERE status = 'waiting'"),
    ("designs", "/console/designs", False, "SELECT COUNT(*) FROM designs WHERE life = 'review'"),
    ("quotes", "/console/companies", True,
     "SELECT COUNT(*) FROM quotes WHERE status IN ('requested', 'countered')"),
    ("sold_out", "/console/stock?out=1", False,
     "SELECT COUNT(*) FROM (SELECT sku FROM stock_levels GROUP BY sku HAVING SUM(on_hand - reserved) <= 0) AS gone"),
)  # fmt: skip


def waiting(conn: Connection) -> list[Waits]:
    """Everything of which something waits, in the order a day is worked through."""
    found = [Waits(name, int(conn.execute(text(sql)).scalar_one()), href, late) for name, href, late, sql in _COUNTED]
    return [one for one in found if one.n]


def taken(conn: Connection, settings: Settings, today: int) -> Taken:
    """What a local day brought so far."""
    query = (
        "SELECT COUNT(*), COALESCE(SUM(CASE WHEN currency = :own THEN total - refunded ELSE 0 END), 0) FROM orders"
        " WHERE placed_at >= :since AND status NOT IN ('placed', 'expired', 'cancelled', 'exchanged')"
    )
    row = conn.execute(text(query), {"own": settings.currency, "since": day_start(today, settings.zone)}).one()
    return Taken(int(row[0]), int(row[1]))


__all__ = ["Taken", "Waits", "taken", "waiting"]
