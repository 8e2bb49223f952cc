"""Small sheets for the import's tests, and what the log holds after them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from fairday.storage.database import Database
from fairday.storage.log import Happening, read_happenings

HEADER = ("Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country")


def put(path: Path, rows: Iterable[Sequence[str]], encoding: str = "utf-8", delimiter: str = ",") -> Path:
    """Write rows as CSV."""
    with path.open("w", encoding=encoding, newline="") as f:
        csv.writer(f, delimiter=delimiter).writerows(rows)
    return path


def sheet(path: Path, rows: Iterable[Sequence[str]]) -> Path:
    """Write rows below the Online Retail header."""
    return put(path, [HEADER, *rows])


def log(db: Database) -> list[Happening]:
    """All happenings in log order, without what differs between databases."""
    import msgspec

    with db.read() as conn:
        found = read_happenings(conn, (-1, -1), None, 1_000_000)
    return [msgspec.structs.replace(h, xid=0) for h in found]


def lines_of(happenings: Iterable[Happening]) -> Counter[tuple[str, str, float, float]]:
    """The lines the log holds: (order, product, signed quantity, price) and how often."""
    found: Counter[tuple[str, str, float, float]] = Counter()
    for h in happenings:
        sign = -1 if h.name == "Order Refunded" else 1
        p = h.properties
        for line in [*p["products"], *p.get("charges", ())]:
            found[p["order_id"], line["product_id"], sign * line["quantity"], line["price"]] += 1
    return found
