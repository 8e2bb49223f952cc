"""The follower "campaigns": past campaigns of coupons, whom they reached and what was given in, for forecasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, String, Table, select, text

from fairday.kernel.clock import local_day, to_day
from fairday.kernel.settings import Settings
from fairday.offers.coupons.records import coupon_batches
from fairday.storage.bulk import insert_rows
from fairday.storage.database import col, metadata
from fairday.storage.followers import Source
from fairday.storage.log import Happening, happenings_at

coupon_campaigns = Table(
    "coupon_campaigns",
    metadata,
    col("campaign", String(70), primary_key=True, personal=False),
    col("kind", String(64), nullable=False, personal=False),
    col("first", Integer, nullable=False, personal=False),
    col("last", Integer, nullable=False, personal=False),
)
"""Campaigns by number as they were told, ours as ``batch:NAME``; local days, ``last`` -1 where it was not told."""

coupon_reached = Table(
    "coupon_reached",
    metadata,
    col("campaign", String(70), primary_key=True, personal=False),
    col("identifier", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
    col("reached", Integer, nullable=False, personal=True),
    col("used", Integer, nullable=False, personal=True),
    sqlite_with_rowid=False,
)
"""Whom a campaign reached (``reached`` 1), and how many of its coupons they gave in."""

REACHED, CLAIMED, USED, BACK = "Campaign Targeted", "Coupon Claimed", "Coupon Redeemed", "Coupon Restored"
_WANTED = frozenset({REACHED, CLAIMED, USED, BACK})
OURS_KIND = "claimed"
"""The kind of our own batches: whom they reached are those who claimed one."""

_CAMPAIGN = (
    "ON CONFLICT (campaign) DO UPDATE SET"
    " kind = CASE WHEN excluded.kind = '' THEN coupon_campaigns.kind ELSE excluded.kind END,"
    " first = CASE WHEN excluded.first < coupon_campaigns.first THEN excluded.first ELSE coupon_campaigns.first END,"
    " last = CASE WHEN excluded.last > coupon_campaigns.last THEN excluded.last ELSE coupon_campaigns.last END"
)
_REACHED = (
    "ON CONFLICT (campaign, identifier) DO UPDATE SET used = coupon_reached.used + excluded.used,"
    " reached = CASE WHEN excluded.reached > coupon_reached.reached THEN excluded.reached"
    " ELSE coupon_reached.reached END"
)


class CouponPast:
    """Reads behind identity, heads only: it asks the bodies of the few happenings it keeps something of."""

    name = "campaigns"
    source: Source = "happenings"
    after: tuple[str, ...] = ("identity",)
    heads = True
    tables: tuple[Table, ...] = (coupon_campaigns, coupon_reached)

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings

    def handle(self, conn: Connection, rows: Sequence[Happening], now: int) -> None:
        """Take a slice of the log."""
        told = happenings_at(conn, [h.pos for h in rows if h.kind == "track" and h.name in _WANTED])
        if not told:
            return
        query = text("SELECT pos, identifier FROM timeline WHERE pos BETWEEN :a AND :b")
        span = {"a": min(h.pos for h in told), "b": max(h.pos for h in told)}
        carriers: dict[int, int] = {pos: identifier for pos, identifier in conn.execute(query, span)}
        zone = self._settings().zone
        campaigns: dict[str, tuple[str, int, int]] = {}
        people: dict[tuple[str, int], tuple[int, int]] = {}
        for h in told:
            name, identifier = name_of(h.properties), carriers.get(h.pos)
            if not name or identifier is None:
                continue
            reached, used = people.get((name, identifier), (0, 0))
            if h.name in (REACHED, CLAIMED):
                reached = 1
                kind, first, last = campaigns.get(name, ("", 1 << 30, -1))
                kind = _word(h.properties.get("campaign_type", "")) if h.name == REACHED else OURS_KIND
                began = _day(h.properties.get("starts"))
                first = min(first, local_day(h.at, zone) if began is None else began)
                ended = _day(h.properties.get("ends"))
                campaigns[name] = (kind, first, max(last, -1 if ended is None else ended))
            used += {USED: 1, BACK: -1}.get(h.name, 0) * (h.name == USED or _paid(h.properties))
            people[name, identifier] = (reached, used)
        rows_ = [(name, *values) for name, values in sorted(campaigns.items())]
        insert_rows(conn, coupon_campaigns, ("campaign", "kind", "first", "last"), rows_, _CAMPAIGN)
        of = [(*key, *values) for key, values in sorted(people.items())]
        insert_rows(conn, coupon_reached, ("campaign", "identifier", "reached", "used"), of, _REACHED)


def name_of(properties: dict[str, Any]) -> str:
    """A campaign's name from what a happening says of it, or ""."""
    batch, campaign = properties.get("batch"), properties.get("campaign_id")
    if isinstance(batch, str) and batch:
        return f"batch:{_word(batch)}"
    return "" if campaign is None else _word(campaign)


def last_days(conn: Connection, zone: str) -> dict[str, int]:
    """The last local day of our own batches, by the name of their campaign: the day the last coupon expires."""
    query = select(coupon_batches.c.batch, coupon_batches.c.until)
    return {f"batch:{batch}": local_day(until - 1, zone) for batch, until in conn.execute(query)}


def _paid(properties: dict[str, Any]) -> bool:
    return properties.get("was") == "redeemed"


def _word(value: Any) -> str:
    return str(value).replace("\0", "")[:64]


def _day(value: Any) -> int | None:
    try:
        return to_day(date.fromisoformat(str(value)[:10]))
    except ValueError:
        return None
