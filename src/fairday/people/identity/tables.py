"""The tables that only identity writes: evidence, claims, operators' calls, and what its followers' followers read."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, Table, Text

from fairday.people.tables import identifiers, ownership, people
from fairday.storage.database import col, metadata

standing = Table(
    "identity_standing",
    metadata,
    col("person", BigInteger, primary_key=True, autoincrement=False, personal="person"),
    col("size", Integer, nullable=False, personal=False),
    col("held", Text, nullable=False, personal=False),
)
"""What the limits are checked against: a person's number of intervals, and a JSON object of strong ids held by type."""

links = Table(
    "links",
    metadata,
    col("identifier", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
    col("pos", BigInteger, primary_key=True, autoincrement=False, personal="happening"),
    col("other", BigInteger, nullable=False, personal="identifier"),
    col("rule", String(16), nullable=False, personal=False),
    col("kind", String(16), nullable=False, personal=False),
    col("message_id", String(128), nullable=False, personal=True),
    col("at", BigInteger, nullable=False, personal=False),
    Index("links_other", "other"),
    sqlite_with_rowid=False,
)
"""Why two ids are one person's: the happening (``pos``, ``message_id``) and the rule that joined them."""

cannot_links = Table(
    "cannot_links",
    metadata,
    col("a", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
    col("b", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
    col("pos", BigInteger, nullable=False, personal="happening"),
)
"""Two ids an operator took apart (``a`` < ``b``); no evidence joins their persons again."""

operations = Table(
    "identity_operations",
    metadata,
    col("pos", BigInteger, primary_key=True, autoincrement=False, personal="happening"),
    col("xid", BigInteger, nullable=False, personal=False),
    col("message_id", String(128), nullable=False, unique=True, personal=True),
    col("kind", String(16), nullable=False, personal=False),
    col("a", BigInteger, nullable=False, personal="identifier"),
    col("b", BigInteger, nullable=False, personal="identifier"),
    col("undone", Integer, nullable=False, personal=False),
)
"""Operators' merges and splits in log order; ``undone`` is 1 for a merge that was taken back."""

timeline = Table(
    "timeline",
    metadata,
    col("pos", BigInteger, primary_key=True, autoincrement=False, personal="happening"),
    col("identifier", BigInteger, nullable=False, personal="identifier"),
    col("at", BigInteger, nullable=False, personal=False),
    Index("timeline_identifier", "identifier", "at"),
)
"""The carrier of each happening: it belongs to whoever owns ``identifier`` at ``at`` (ms)."""

claims = Table(
    "identity_claims",
    metadata,
    col("identifier", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
    col("at", BigInteger, primary_key=True, autoincrement=False, personal=False),
    col("pos", BigInteger, primary_key=True, autoincrement=False, personal="happening"),
    col("firm", Integer, nullable=False, personal=False),
    sqlite_with_rowid=False,
)
"""When a movable id was claimed: ``firm`` 1 for a login or a verification, 0 for what first tied it to a person."""

seen = Table(
    "identity_seen",
    metadata,
    col("identifier", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
    col("account", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
    col("first_at", BigInteger, nullable=False, personal=False),
    sqlite_with_rowid=False,
)
"""Which accounts logged in on a weak id, and when first (ms); enough of them make it shared."""

moves = Table(
    "identity_moves",
    metadata,
    col("pos", BigInteger, primary_key=True, autoincrement=False, personal="happening"),
    col("person", BigInteger, primary_key=True, autoincrement=False, personal="person"),
    sqlite_with_rowid=False,
)
"""Persons whose set of ownership intervals changed because of the happening at ``pos``; some may be gone since."""

cuts = Table(
    "identity_cuts",
    metadata,
    col("pos", BigInteger, primary_key=True, autoincrement=False, personal="happening"),
    col("identifier", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
    col("from_at", BigInteger, primary_key=True, autoincrement=False, personal=False),
    col("until_at", BigInteger, nullable=False, personal=False),
    col("was", BigInteger, nullable=True, personal="interval"),
    col("now", BigInteger, nullable=True, personal="interval"),
    sqlite_with_rowid=False,
)
"""Stretches of time [from_at, until_at) of an id that went from one interval to another (NULL: nobody's) at ``pos``.

What was counted there from happenings before ``pos`` must be counted again under the interval ``now``.
"""

drops = Table(
    "identity_drops",
    metadata,
    col("day", Integer, primary_key=True, autoincrement=False, personal=False),
    col("source", String(64), primary_key=True, personal=False),
    col("type", String(64), primary_key=True, personal=False),
    col("reason", String(24), primary_key=True, personal=False),
    col("n", BigInteger, nullable=False, personal=False),
)
"""How many ids were dropped, by UTC day of receipt, source, type and reason; the values are not kept."""

mentions = Table(
    "identity_mentions",
    metadata,
    col("key", String(32), primary_key=True, personal=False),
    col("pos", BigInteger, primary_key=True, autoincrement=False, personal="happening"),
    sqlite_with_rowid=False,
)
"""Happenings that mention an id which was not admitted to their person, by its keyed hash; erasure scrubs them."""

tombstones = Table(
    "tombstones",
    metadata,
    col("key", String(32), primary_key=True, personal=False),
    col("until", BigInteger, nullable=False, personal=False),
)
"""Ids of erased persons as keyed hashes; happenings with ``at`` before ``until`` (ms) that carry one are dropped."""

secrets_table = Table(
    "identity_secret",
    metadata,
    col("name", String(16), primary_key=True, personal=False),
    col("key", LargeBinary, nullable=False, personal=False),
)
"""The key of those hashes, made once per shop."""

OWNED = (
    identifiers, ownership, people, standing, links, cannot_links, operations, timeline,
    claims, seen, moves, cuts, drops, mentions,
)  # fmt: skip
"""What the follower writes and a rebuild empties; tombstones outlive it."""
