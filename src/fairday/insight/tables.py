"""What the follower "meetings" keeps for reports: how often scenes met people, and past campaigns' coupons."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Integer, String, Table

from fairday.storage.database import col, metadata

scene_meetings = Table(
    "scene_meetings",
    metadata,
    col("scene", String(60), primary_key=True, personal=False),
    col("day", Integer, primary_key=True, autoincrement=False, personal=False),
    col("touchpoint", String(40), primary_key=True, personal=False),
    col("shown", BigInteger, nullable=False, personal=False),
    col("withheld", BigInteger, nullable=False, personal=False),
    sqlite_with_rowid=False,
)
"""Meetings of a scene on a local day at a touchpoint: shown, and those the holdout would have had."""

campaign_targets = Table(
    "campaign_targets",
    metadata,
    col("campaign", String(64), primary_key=True, personal=False),
    col("identifier", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
    col("kind", String(64), nullable=False, personal=False),
    col("targeted", Boolean, nullable=False, personal=True),
    col("redeemed", Boolean, nullable=False, personal=True),
    sqlite_with_rowid=False,
)
"""Customers (by the id that carried the happening) that a past campaign targeted, or that gave a coupon of it in."""
