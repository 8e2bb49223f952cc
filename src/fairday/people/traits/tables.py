"""The tables that only traits write besides ``activity``, ``told`` and ``profile``."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, String, Table, Text

from fairday.storage.database import col, metadata

stale = Table(
    "profile_stale",
    metadata,
    col("person", BigInteger, primary_key=True, autoincrement=False, personal="person"),
)
"""People whose profile is older than their activity: written when the log has been read to its end."""

thresholds = Table(
    "trait_thresholds",
    metadata,
    col("name", String(16), primary_key=True, personal=False),
    col("of", String(256), primary_key=True, personal=False),
    col("cuts", Text, nullable=False, personal=False),
    col("day", Integer, nullable=False, personal=False),
)
"""Where the shop's parts were cut: ``rfm`` of recency, frequency, monetary; ``price`` of a category. JSON integers.

``day`` is the local day they were computed on. Not emptied by a rebuild: a profile is what it is by these cuts.
"""
