"""The tables of goods beside ``products``: what the choice does not need, and so does not carry about."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Index, Integer, LargeBinary, String, Table, Text

from fairday.storage.database import col, metadata

details = Table(
    "product_details",
    metadata,
    col("product", Text, primary_key=True, personal=False),
    col("description", Text, nullable=False, server_default="", personal=False),
    col("attributes", Text, nullable=False, server_default="{}", personal=False),
    col("tags", Text, nullable=False, server_default="[]", personal=False),
    col("made", Text, nullable=False, server_default="[]", personal=False),
    col("hidden", Boolean, nullable=False, server_default="0", personal=False),
    col("tax_class", String(40), nullable=False, server_default="standard", personal=False),
    col("weight_g", Integer, personal=False),
    col("hs_code", String(12), personal=False),
    col("origin", String(2), personal=False),
    col("floor", BigInteger, personal=False),
    col("cost", BigInteger, personal=False),
)
variants = Table(
    "variants",
    metadata,
    col("sku", Text, primary_key=True, personal=False),
    col("product", Text, nullable=False, index=True, personal=False),
    col("place", Integer, nullable=False, server_default="0", personal=False),
    col("options", Text, nullable=False, server_default="{}", personal=False),
    col("price", BigInteger, personal=False),
    col("image", Text, personal=False),
    col("barcode", String(20), personal=False),
    col("weight_g", Integer, personal=False),
    col("hidden", Boolean, nullable=False, server_default="0", personal=False),
    col("cost", BigInteger, personal=False),
)
media = Table(
    "product_media",
    metadata,
    col("product", Text, primary_key=True, personal=False),
    col("place", Integer, primary_key=True, personal=False),
    col("kind", String(10), nullable=False, personal=False),
    col("url", Text, nullable=False, personal=False),
    col("alt", Text, nullable=False, server_default="", personal=False),
)
groups = Table(
    "goods_groups",
    metadata,
    col("kind", String(10), primary_key=True, personal=False),
    col("name", Text, primary_key=True, personal=False),
    col("parent", Text, personal=False),
    col("place", Integer, nullable=False, server_default="0", personal=False),
    col("image", Text, personal=False),
)
"""Categories (``kind`` category, with a parent) and brands (brand) of which more is known than the name."""
translations = Table(
    "goods_texts",
    metadata,
    col("about", String(10), primary_key=True, personal=False),
    col("name", Text, primary_key=True, personal=False),
    col("field", String(12), primary_key=True, personal=False),
    col("language", String(2), primary_key=True, personal=False),
    col("text", Text, nullable=False, personal=False),
)
"""What shoppers read by language. ``about``: product, category, brand, or word (a word of variants and attributes)."""
touched = Table(
    "goods_touched",
    metadata,
    col("product", Text, primary_key=True, personal=False),
    col("seq", BigInteger, nullable=False, index=True, personal=False),
)
"""The transaction that last changed anything of a product: what the search index has not seen yet."""
price_lists = Table(
    "price_lists",
    metadata,
    col("list", String(60), primary_key=True, personal=False),
    col("title", String(120), nullable=False, personal=False),
    col("currency", String(3), nullable=False, personal=False),
    col("channel", String(40), personal=False),
    col("store", String(60), personal=False),
    col("country", String(2), personal=False),
    col("company", String(60), personal=False),
    col("crowd", String(60), personal=False),
    col("starts_at", BigInteger, personal=False),
    col("ends_at", BigInteger, personal=False),
    col("priority", Integer, nullable=False, personal=False),
    col("factor", Integer, personal=False),
    col("changed_at", BigInteger, nullable=False, personal=False),
)
list_prices = Table(
    "list_prices",
    metadata,
    col("goods", Text, primary_key=True, personal=False),
    col("list", String(60), primary_key=True, personal=False),
    col("min_qty", Integer, primary_key=True, personal=False),
    col("amount", BigInteger, nullable=False, personal=False),
    col("digits", Integer, nullable=False, server_default="0", personal=False),
    Index("list_prices_list", "list"),
)
price_history = Table(
    "price_history",
    metadata,
    col("goods", Text, primary_key=True, personal=False),
    col("list", String(60), primary_key=True, personal=False),
    col("min_qty", Integer, primary_key=True, personal=False),
    col("at", BigInteger, primary_key=True, personal=False),
    col("amount", BigInteger, personal=False),
    col("digits", Integer, nullable=False, server_default="0", personal=False),
    col("currency", String(3), nullable=False, personal=False),
)
"""Every price from when it stood: ``list`` "" is the base price; no ``amount``: from then on there was none."""
list_history = Table(
    "price_list_history",
    metadata,
    col("list", String(60), primary_key=True, personal=False),
    col("at", BigInteger, primary_key=True, personal=False),
    col("body", Text, personal=False),
)
"""Every list's terms (JSON) from when they stood; no ``body``: from then on the list was gone."""
observed = Table(
    "observed_prices",
    metadata,
    col("goods", Text, primary_key=True, personal=False),
    col("place", String(80), primary_key=True, personal=False),
    col("day", Integer, primary_key=True, personal=False),
    col("amount", BigInteger, nullable=False, personal=False),
    col("currency", String(3), nullable=False, personal=False),
    col("url", Text, nullable=False, server_default="", personal=False),
    col("source", String(80), nullable=False, personal=False),
)
"""What the same goods cost elsewhere, as seen on a day (days since 1970-01-01)."""
photos = Table(
    "photos",
    metadata,
    col("photo", String(40), primary_key=True, personal=False),
    col("identifier", BigInteger, index=True, personal="identifier"),
    col("width", Integer, nullable=False, personal=False),
    col("height", Integer, nullable=False, personal=False),
    col("image", LargeBinary, nullable=False, personal=True),
    col("until", BigInteger, nullable=False, index=True, personal=False),
)
"""Shoppers' own photos, drawn anew as JPEG; gone at ``until`` (ms) unless an order keeps them longer."""
