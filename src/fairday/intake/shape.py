"""The shape of mappings: which column of somebody's table means what, and which table of a mapping a file is."""

from __future__ import annotations

import difflib
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

import msgspec

from fairday.kernel.errors import FairdayError

Kind = Literal["orders", "products", "customers", "campaigns", "targets", "redemptions", "skipped"]
Reading = Literal["text", "number", "band", "thousands"]
Packing = Literal["counted", "pairs"]
"""How one cell holds several lines: "2× Tea, 1× Cup", or "name:Tea|quantity:2|total:9.00"."""

REQUIRED: dict[str, tuple[str, ...]] = {
    "orders": ("order", "time"),
    "products": ("product", "title"),
    "customers": (),
    "campaigns": ("campaign", "starts"),
    "targets": ("campaign",),
    "redemptions": ("coupon", "campaign", "time"),
    "skipped": (),
}
"""The fields each kind of table must name. Orders besides: product, quantity and price or amount; or else total."""

OPTIONAL: dict[str, tuple[str, ...]] = {
    "orders": ("product", "quantity", "price", "amount", "title", "category", "brand", "department", "country",
               "currency", "store", "channel", "sheet", "status", "total", "shipping", "tax", "discount", "refunded",
               "refunded_at", "coupon", "landing", "referrer", "utm_source", "utm_medium", "utm_campaign"),
    "products": ("category", "categories", "department", "brand", "price", "currency", "image", "variant", "parent",
                 "number", "group", "own_image", "alt", "description", "tags", "shown", "weight", "cost", "barcode",
                 "hs_code", "origin"),
    "customers": ("time",),
    "campaigns": ("type", "ends"),
    "targets": (),
    "redemptions": (),
    "skipped": (),
}  # fmt: skip
"""The fields each kind of table may name besides."""

WITH_IDS = ("orders", "customers", "targets", "redemptions")
TIMES = ("time", "starts", "ends", "refunded_at")
TOTALS = ("total", "shipping", "tax", "discount", "refunded")
"""Money that is told once an order."""
ORDER_WORDS = ("status", "coupon", "landing", "referrer", "utm_source", "utm_medium", "utm_campaign")
"""Words that are told once an order."""
STATUSES = ("completed", "placed", "cancelled", "refunded")
"""What an order's status comes to: paid; not paid yet; never paid; paid and given back in full."""
CONSENTS = ("email", "sms")


class Column(msgspec.Struct, frozen=True):
    """Where a field stands: the first of ``names`` the table has.

    Several ``joined`` columns make one text, with ``joiner`` between; of ``first`` columns each row takes the first
    that is filled there. ``glob``: the one name is a pattern, and every column it fits belongs to the field.
    """

    names: tuple[str, ...]
    optional: bool = False
    joined: bool = False
    joiner: str = ", "
    first: bool = False
    glob: bool = False
    formats: tuple[str, ...] = ()
    zone: str = ""


class TraitColumn(msgspec.Struct, frozen=True):
    """How a column is told as a trait: read ``as_`` a thing, or translated by ``values`` (others are left out)."""

    column: Column
    as_: Reading = "text"
    values: dict[str, Any] | None = None


class Named(msgspec.Struct, frozen=True):
    """A column that says one thing of goods (a colour): called ``said``, or as the column ``name`` calls it."""

    value: Column
    said: str = ""
    name: Column | None = None


class Carried(msgspec.Struct, frozen=True):
    """Fields that stand on the first row of a group only: rows with the same cell in column ``by`` share them."""

    by: str
    fields: tuple[str, ...]


class TableMapping(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of file holds. ``where`` names the place in the mapping file, for errors."""

    kind: Kind
    where: str
    file: str = ""
    columns: dict[str, Column] = {}
    ids: dict[str, Column] = {}
    traits: dict[str, TraitColumn] = {}
    charges: dict[str, str] = {}
    measure_above: int = 0
    because: str = ""
    carried: Carried | None = None
    rows_with: tuple[str, ...] = ()
    statuses: dict[str, str] = {}
    packed: Packing | None = None
    consent: dict[str, Column] = {}
    options: tuple[Named, ...] = ()
    attributes: tuple[Named, ...] = ()
    titles: dict[str, Column] = {}
    descriptions: dict[str, Column] = {}

    def fields(self) -> dict[str, Column]:
        """Every column the table is read for, by a field name unique in the table."""
        return (
            self.columns
            | {f"id:{kind}": column for kind, column in self.ids.items()}
            | {f"trait:{name}": trait.column for name, trait in self.traits.items()}
            | {f"consent:{channel}": column for channel, column in self.consent.items()}
            | {f"option:{i}": one.value for i, one in enumerate(self.options)}
            | {f"option_name:{i}": one.name for i, one in enumerate(self.options) if one.name}
            | {f"attribute:{i}": one.value for i, one in enumerate(self.attributes)}
            | {f"attribute_name:{i}": one.name for i, one in enumerate(self.attributes) if one.name}
            | {f"title:{language}": column for language, column in self.titles.items()}
            | {f"description:{language}": column for language, column in self.descriptions.items()}
        )


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """A whole mapping: what its tables hold and in which zone, currency and writing."""

    source: str
    where: str
    zone: str = ""
    currency: str = ""
    encoding: str = ""
    delimiter: str = ""
    decimal: str = "."
    tables: tuple[TableMapping, ...] = ()


def normal(name: str) -> str:
    """A column's name as it is compared: without case, spaces and signs ("Customer ID" is "customer_id")."""
    return re.sub(r"[\W_]+", "", name.casefold()) or name.strip()


def find_columns(table: TableMapping, header: list[str]) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, Column]]]:
    """Which of the file's columns each field is, and the fields that have none though they must."""
    by_name = {normal(name): name for name in reversed(header)}
    found: dict[str, tuple[str, ...]] = {}
    lacking: list[tuple[str, Column]] = []
    for field, column in table.fields().items():
        here = tuple(by_name[normal(n)] for n in column.names if normal(n) in by_name)
        if column.glob:
            here = tuple(h for h in header if fnmatch(h.casefold(), column.names[0].casefold()))
        if ((column.first or column.glob) and here) or (column.joined and len(here) == len(column.names)):
            found[field] = here
        elif here and not column.joined and not column.glob:
            found[field] = here[:1]
        elif not column.optional:
            lacking.append((field, column))
    return found, lacking


def choose_table(mapping: Mapping, path: Path, header: list[str]) -> tuple[TableMapping, dict[str, tuple[str, ...]]]:
    """The first table of the mapping that the file can be, and its columns.

    Raises:
        FairdayError: it is none of them; says what the nearest lacks and which column was perhaps meant.
    """
    nearest: tuple[int, TableMapping, list[tuple[str, Column]]] | None = None
    for table in mapping.tables:
        if table.file and not fnmatch(path.name.casefold(), table.file.casefold()):
            continue
        found, lacking = find_columns(table, header)
        if not lacking:
            return table, found
        if table.kind != "skipped" and (nearest is None or len(lacking) < nearest[0]):
            nearest = (len(lacking), table, lacking)
    if nearest is None:
        globs = ", ".join(t.file for t in mapping.tables)
        raise FairdayError(
            "No table of the mapping is for a file of this name.",
            code="no_table",
            where=str(path),
            remedy=f"{mapping.where} takes {globs}: rename the file or change a table's `file`.",
        )
    _, table, lacking = nearest
    said = "; ".join(f"{field} ({' or '.join(column.names)})" for field, column in lacking)
    hints = "".join(meant(name, header) for _, column in lacking for name in column.names[:1])
    raise FairdayError(
        f"The file lacks columns for {said}.",
        code="missing_column",
        where=str(path),
        remedy=f"{hints}It has: {', '.join(header[:30])}. Change {table.where} or the file's header.",
    )


def meant(word: str, known: list[str]) -> str:
    by_normal = {normal(k): k for k in known}
    near = difflib.get_close_matches(normal(word), by_normal, 1, 0.6)
    return f"Did you mean {by_normal[near[0]]!r}? " if near else ""
