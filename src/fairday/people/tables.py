"""The tables of people that several files share: who owns which identifier when, and what is known of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, PrimaryKeyConstraint, String, Table, Text, UniqueConstraint

from fairday.storage.database import BigId, col, metadata

OPEN = 1 << 62
"""An ownership interval without beginning starts at ``-OPEN``, one without end stops at ``OPEN`` (ms)."""

people = Table(
    "people",
    metadata,
    col("person", BigId, primary_key=True, autoincrement=True, personal="person"),
    col("since", BigInteger, nullable=False, personal=False),
    sqlite_autoincrement=True,
)
"""One row a person; ``since`` is the instant (ms) of their first happening."""

identifiers = Table(
    "identifiers",
    metadata,
    col("id", BigId, primary_key=True, autoincrement=True, personal="identifier"),
    col("type", String(64), nullable=False, personal=False),
    col("value", Text, nullable=False, personal=True),
    UniqueConstraint("type", "value", name="identifiers_type_value"),
    sqlite_autoincrement=True,
)
"""Typed, normalised ids: ``("email", "li@x.com")``."""

ownership = Table(
    "ownership",
    metadata,
    col("id", BigId, primary_key=True, autoincrement=True, personal="interval"),
    col("identifier", BigInteger, nullable=False, personal="identifier"),
    col("person", BigInteger, nullable=False, personal="person"),
    col("from_at", BigInteger, nullable=False, personal=False),
    col("until_at", BigInteger, nullable=False, personal=False),
    Index("ownership_identifier", "identifier", "from_at"),
    Index("ownership_person", "person"),
    sqlite_autoincrement=True,
)
"""Whose an identifier is when: ``from_at`` inclusive, ``until_at`` exclusive, ms."""

activity = Table(
    "activity",
    metadata,
    col("interval_id", BigInteger, autoincrement=False, nullable=False, personal="interval"),
    col("measure", String(256), nullable=False, personal=True),
    col("day", Integer, autoincrement=False, nullable=False, personal=True),
    col("n", BigInteger, nullable=False, personal=True),
    col("amount", BigInteger, nullable=False, personal=True),
    # A person's days come in one by one and lie all over the table; the key alone answers for them, as on SQLite.
    PrimaryKeyConstraint("interval_id", "measure", "day", postgresql_include=["n", "amount"]),
    Index("activity_window", "measure", "day"),
    sqlite_with_rowid=False,
)
"""What was done, in day buckets per ownership interval: ``n`` times or units, ``amount`` in minor units.

``day`` is the shop's local day. Measures are the happening's name, or ``bought:category=tea``, ``viewed:product=ID``
and the like (``fairday.kernel.audience.line_measure``). Buckets of intervals add up, so merge and split replay nothing.
"""

told = Table(
    "told",
    metadata,
    col("interval_id", BigInteger, primary_key=True, autoincrement=False, personal="interval"),
    col("trait", String(64), primary_key=True, personal=False),
    col("lo", BigInteger, nullable=True, personal=True),
    col("hi", BigInteger, nullable=True, personal=True),
    col("txt", Text, nullable=True, personal=True),
    col("at", BigInteger, nullable=False, personal=False),
    col("source", String(64), nullable=False, personal=False),
    col("p", Integer, nullable=True, personal=False),
    sqlite_with_rowid=False,
)
"""What was told within an ownership interval, the last by ``at`` (ms). Values as in ``profile``."""

profile = Table(
    "profile",
    metadata,
    col("person", BigInteger, primary_key=True, autoincrement=False, personal="person"),
    col("trait", String(64), primary_key=True, personal=False),
    col("lo", BigInteger, nullable=True, personal=True),
    col("hi", BigInteger, nullable=True, personal=True),
    col("txt", Text, nullable=True, personal=True),
    col("at", BigInteger, nullable=False, personal=False),
    col("source", String(64), nullable=False, personal=False),
    col("p", Integer, nullable=True, personal=False),
    sqlite_with_rowid=False,
)
"""What is known of a person now, one row a trait.

Numbers, money (minor units), days and yearly days are ``lo..hi``: equal when exact, an end that is NULL is open
("65 and over" is 65..NULL). A yes/no is 0 or 1 in both. Text is ``txt``; a set of texts is ``txt`` as
``fairday.kernel.audience.pack`` writes it. ``p`` is NULL for a fact; an inferred value has its probability in
thousandths, 1 to 999.
"""
