"""The catalogue: what the shop sells, one row a product."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import BigInteger, Connection, Index, Integer, RowMapping, String, Table, Text, select

from fairday.goods.price_records import set_base_prices
from fairday.goods.tables import details
from fairday.goods.touching import touch
from fairday.kernel.clock import DAY_MS
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
    col("first_day", Integer, personal=False),
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
        first_day: the day (UTC) it came into the catalogue; the catalogue says it, whatever is told. None of a product
            from before days were kept.
    """

    product: str
    title: str = ""
    category: str | None = None
    department: str | None = None
    brand: str | None = None
    price: int | None = None
    currency: str | None = None
    image: str | None = None
    first_day: int | None = None


def save_products(conn: Connection, rows: Iterable[ProductRow], now: int) -> int:
    """Write products in the caller's transaction; what a row does not say stays as it was.

    Args:
        rows: each product at most once.
        now: ms UTC.

    Returns:
        How many products were new or changed.
    """
    told = list(rows)
    known = {p.product: p for p in _some(conn, [row.product for row in told])}
    changed = []
    for row in told:
        before = known.get(row.product)
        day = now // DAY_MS if before is None else before.first_day
        after = msgspec.structs.replace(row if before is None else _over(before, row), first_day=day)
        if after != before:
            changed.append(msgspec.structs.asdict(after) | {"updated_at": now})
    if changed:
        statement = insert(conn, products)
        fields = [c.name for c in products.columns if c.name != "product"]
        conn.execute(
            statement.on_conflict_do_update(
                index_elements=["product"], set_={f: statement.excluded[f] for f in fields}
            ),
            changed,
        )
        set_base_prices(
            conn,
            {r["product"]: (r["price"], r["currency"] or "") for r in changed},
            {p.product: (p.price, p.currency or "") for p in known.values()},
            now,
        )
        touch(conn, [r["product"] for r in changed])
    return len(changed)


def _over(before: ProductRow, told: ProductRow) -> ProductRow:
    said = {f: v for f, v in msgspec.structs.asdict(told).items() if v is not None and v != ""}
    return msgspec.structs.replace(before, **said)


def _some(conn: Connection, numbers: list[str]) -> list[ProductRow]:
    found = []
    for start in range(0, len(numbers), 500):
        query = select(products).where(products.c.product.in_(numbers[start : start + 500]))
        found += [_row(r) for r in conn.execute(query).mappings()]
    return found


def products_named(conn: Connection, numbers: Iterable[str]) -> dict[str, ProductRow]:
    """Products by number; those there are not are left out."""
    return {row.product: row for row in _some(conn, list(dict.fromkeys(numbers)))}


def product(conn: Connection, number: str) -> ProductRow | None:
    """The product of that number, or None."""
    found = conn.execute(select(products).where(products.c.product == number)).mappings().first()
    return None if found is None else _row(found)


def sold_products(conn: Connection) -> list[ProductRow]:
    """Every product that is not hidden, by number."""
    hidden = select(details.c.product).where(details.c.hidden)
    query = select(products).where(products.c.product.not_in(hidden)).order_by(products.c.product)
    return [_row(r) for r in conn.execute(query).mappings()]


def all_products(conn: Connection) -> list[ProductRow]:
    """Every product, by number."""
    return [_row(r) for r in conn.execute(select(products).order_by(products.c.product)).mappings()]


def _row(found: RowMapping) -> ProductRow:
    return ProductRow(**{f: found[f] for f in ProductRow.__struct_fields__})
