"""Campaigns of the past: how many of the households that were targeted gave a coupon in."""

from __future__ import annotations

from fractions import Fraction

import msgspec
from sqlalchemy import Connection, select

from fairday.kernel import jsons
from fairday.storage.log import happenings


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
    """Redemption per targeted customer and campaign, from "Campaign Targeted" and "Coupon Redeemed" in the log.

    A coupon given in by somebody the campaign did not target is left out of both sides. A customer is the first id
    the happening came with.
    """
    c = happenings.c
    pairs: dict[tuple[str, str], str] = {}
    redeemed: set[tuple[str, str]] = set()
    query = select(c.name, c.ids, c.body).where(c.kind == "track", c.name.in_(("Campaign Targeted", "Coupon Redeemed")))
    for name, ids, body in conn.execute(query):
        who = jsons.loads(ids)
        properties = jsons.loads(body).get("properties", {})
        if not who or "campaign_id" not in properties:
            continue
        pair = (f"{who[0][0]}:{who[0][1]}", str(properties["campaign_id"]))
        if name == "Coupon Redeemed":
            redeemed.add(pair)
        else:
            pairs[pair] = str(properties.get("campaign_type", ""))
    by_kind = [
        _counted(kind, [p for p, k in pairs.items() if k == kind], redeemed) for kind in sorted(set(pairs.values()))
    ]
    return RedemptionReport(_counted("", list(pairs), redeemed), by_kind)


def _counted(kind: str, pairs: list[tuple[str, str]], redeemed: set[tuple[str, str]]) -> Redemption:
    return Redemption(kind, len({c for _, c in pairs}), len(pairs), sum(p in redeemed for p in pairs))
