"""Lists of companies, their members, requisitions, quotes and orders, written with the events of their streams.

A company is a legal entity: its name and tax number are nobody's personal data. Members are account ids alone.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, String, Table

from fairday.storage.database import col, metadata

companies = Table(
    "companies",
    metadata,
    col("id", String(60), primary_key=True, personal=False),
    col("name", String(120), nullable=False, personal=False),
    col("tax_number", String(40), nullable=False, personal=False),
    col("updated_at", BigInteger, nullable=False, personal=False),
)
"""``id`` is the word price lists name the company by."""

company_members = Table(
    "company_members",
    metadata,
    col("account", String(200), primary_key=True, personal=False),
    col("company", String(60), primary_key=True, personal=False),
    col("role", String(16), nullable=False, personal=False),
    Index("company_members_company", "company"),
)
"""``role`` "" is somebody who left."""

company_orders = Table(
    "company_orders",
    metadata,
    col("id", String(64), primary_key=True, personal=False),
    col("company", String(60), nullable=False, personal=False),
    col("account", String(200), nullable=False, personal=False),
    col("due_at", BigInteger, personal=False),
    col("placed_at", BigInteger, nullable=False, personal=False),
    Index("company_orders_company", "company", "placed_at"),
)
"""``due_at`` (ms): when its invoice is to be paid, None where it is paid before it is sent."""

requisitions = Table(
    "requisitions",
    metadata,
    col("id", String(64), primary_key=True, personal=False),
    col("company", String(60), personal=False),
    col("account", String(200), personal=False),
    col("status", String(16), nullable=False, personal=False),
    col("lines", Integer, personal=False),
    col("total", BigInteger, personal=False),
    col("quote", String(64), personal=False),
    col("updated_at", BigInteger, nullable=False, personal=False),
    Index("requisitions_company", "company", "updated_at"),
)
"""What only its first event says may be empty to the database. ``total`` is known once it was sent for approval or
ordered."""

quotes = Table(
    "quotes",
    metadata,
    col("id", String(64), primary_key=True, personal=False),
    col("company", String(60), personal=False),
    col("account", String(200), personal=False),
    col("status", String(16), nullable=False, personal=False),
    col("version", Integer, personal=False),
    col("currency", String(3), personal=False),
    col("total", BigInteger, personal=False),
    col("until_at", BigInteger, personal=False),
    col("updated_at", BigInteger, nullable=False, personal=False),
    Index("quotes_company", "company", "updated_at"),
    Index("quotes_status", "status", "updated_at"),
)
