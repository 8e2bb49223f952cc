"""The catalogue: what the shop sells, one row a product."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Index, RowMapping, String, Table, Text, func, select

from fairday.storage.database import col, insert, metadata

products = Table(
    "products",
    metadata,
    col("product", Text, primary_key=True, personal=False),
    col("title", Text, nullable=False, personal=False),
    col("category", Text, personal=False),
    col("department", Text, personal=False),
    col("brand", Text, personal=False),
    col("price", BigInteger, personal=False),
    col("currency", String(3), personal=False),
    col("image", Text, personal=False),
    col("updated_at", BigInteger, nullable=False, personal=False),
    Index("products_category", "category"),
)


class ProductRow(msgspec.Struct, frozen=True, kw_only=True):
    """A product as somebody tells it.

    Attributes:
        product: its number in the shop (SKU); the same text that order lines carry as ``product_id``.
        title: what it is called; "" where nobody said, and then an older title stays.
        category, department, brand: None where not said; an older word stays.
        price: list price in minor units of ``currency``, or None.
        image: URL of a picture, or None.
    """

    product: str
    title: str = ""
    category: str | None = None
    department: str | None = None
    brand: str | None = None
    price: int | None = None
    currency: str | None = None
    image: str | None = None


def save_products(conn: Connection, rows: Iterable[ProductRow], now: int) -> int:
    """Write products in the caller's transaction; what a row does not say stays as it was.

    Args:
        rows: each product at most once.
        now: ms UTC.

    Returns:
        How many products were new or changed.
    """
    values = [msgspec.structs.asdict(row) | {"updated_at": now} for row in rows]
    if not values:
        return 0
    statement = insert(conn, products)
    told = statement.excluded
    fields = ("category", "department", "brand", "price", "currency", "image")
    kept: dict[str, Any] = {f: func.coalesce(told[f], products.c[f]) for f in fields}
    kept["title"] = func.coalesce(func.nullif(told.title, ""), products.c.title)
    differs = [products.c[f].is_distinct_from(value) for f, value in kept.items()]
    changed = differs[0]
    for one in differs[1:]:
        changed = changed | one
    done = conn.execute(
        statement.on_conflict_do_update(
            index_elements=["product"], set_=kept | {"updated_at": told.updated_at}, where=changed
        ),
        values,
    )
    return int(done.rowcount)


def product(conn: Connection, number: str) -> ProductRow | None:
    """The product of that number, or None."""
    found = conn.execute(select(products).where(products.c.product == number)).mappings().first()
    return None if found is None else _row(found)


def all_products(conn: Connection) -> list[ProductRow]:
    """Every product, by number."""
    return [_row(r) for r in conn.execute(select(products).order_by(products.c.product)).mappings()]


def _row(found: RowMapping) -> ProductRow:
    return ProductRow(**{f: found[f] for f in ProductRow.__struct_fields__})
