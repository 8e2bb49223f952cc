"""Campaigns of the past: how many of the households that were targeted gave a coupon in."""

from __future__ import annotations

from fractions import Fraction

import msgspec
from sqlalchemy import Connection, text


class Redemption(msgspec.Struct, frozen=True):
    """Redemption of one type of campaign, or of all.

    Attributes:
        kind: the campaign's type, "" where none was told.
        campaigns: campaigns that targeted somebody.
        targeted: pairs of a customer and a campaign that targeted them.
        redeemed: those of the pairs with at least one coupon of that campaign given in by that customer.
    """

    kind: str
    campaigns: int
    targeted: int
    redeemed: int

    @property
    def share(self) -> Fraction:
        """Redeemed of targeted; 0 where nobody was targeted."""
        return Fraction(self.redeemed, self.targeted) if self.targeted else Fraction(0)


class RedemptionReport(msgspec.Struct, frozen=True):
    """Redemption of all campaigns together and by their type.

    It counts, and cannot say what the campaigns caused: nobody like the targeted was held out.
    """

    total: Redemption
    by_kind: list[Redemption]


def redemption(conn: Connection) -> RedemptionReport:
    """Redemption per targeted customer and campaign, of all time, from what the follower "meetings" kept.

    A coupon given in by somebody the campaign did not target is left out of both sides. A customer is the id that
    carried the happening.
    """
    query = text(
        "SELECT kind, count(DISTINCT campaign), count(*), sum(CASE WHEN redeemed THEN 1 ELSE 0 END)"
        " FROM campaign_targets WHERE targeted GROUP BY kind ORDER BY kind"
    )
    by_kind = [Redemption(kind, n, targeted, int(redeemed)) for kind, n, targeted, redeemed in conn.execute(query)]
    campaigns = conn.execute(text("SELECT count(DISTINCT campaign) FROM campaign_targets WHERE targeted")).scalar_one()
    total = Redemption("", campaigns, sum(k.targeted for k in by_kind), sum(k.redeemed for k in by_kind))
    return RedemptionReport(total, by_kind)
