"""A count of stock from a file (CSV in any usual writing, XLSX, JSON lines, Parquet): which good, where, how many."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from fairday.goods.stock import Counted
from fairday.goods.stock.rules import MAIN, is_place
from fairday.goods.stock.service import MOST_ROWS
from fairday.intake.guess import Table, look
from fairday.intake.shape import normal
from fairday.intake.synonyms import ORDERS
from fairday.kernel.errors import FairdayError

_ON_HAND = (
    "on hand", "stock", "inventory", "available", "in stock", "stock level", "stock quantity", "quantity on hand",
    "available quantity", "inventory quantity", "variant inventory qty", "库存", "库存数量", "现有库存", "可用库存",
    "实盘数量", "盘点数量", "existencias", "stock disponible", "inventario", "disponible",
)  # fmt: skip
_PLACE = (
    "place", "warehouse", "location", "stock location", "仓库", "库位", "地点", "仓库编号", "almacén", "almacen",
    "ubicación",
)  # fmt: skip


def _known(field: str, *more: str) -> frozenset[str]:
    return frozenset(normal(word) for word in (*ORDERS[field], *more))


_SKU = _known("product", "sku")
_UNITS = (frozenset(normal(word) for word in _ON_HAND), _known("quantity"))
_WHERE = (frozenset(normal(word) for word in _PLACE), _known("store"))


def read_counts(path: Path, names: Mapping[str, str], place: str = "") -> list[Counted]:
    """The rows of a count.

    Args:
        names: the names of the places by their numbers; a file may write either.
        place: where rows are that say none; "" for the shop's only place.

    Raises:
        FairdayError: no column of goods or units, or a row that cannot be; ``where`` names the line.
    """
    found: dict[tuple[str, str], Counted] = {}
    by_word = {normal(word): number for number, name in names.items() for word in (number, name) if word}
    alone = place or (next(iter(names)) if len(names) == 1 else "")
    tables = [t for t in look([path], MOST_ROWS + 1) if t.rows]
    for table in tables:
        at = _columns(table)
        if len(table.rows) > MOST_ROWS:
            raise FairdayError(f"A count has at most {MOST_ROWS} rows.", code="too_many", remedy="Split the file.")
        for number, row in enumerate(table.rows):
            line = f"{table.sheet} {number + 2}".strip()
            sku = _cell(row, at["sku"])
            if not sku:
                continue
            units = _units(_cell(row, at["units"]), line)
            said = _cell(row, at["place"])
            where = by_word.get(normal(said)) if said else alone
            if not where and not names and is_place(said or MAIN):
                where = said or MAIN
            if not where:
                raise _bad("place", f"There is no place {said[:60]!r}." if said else "The row says no place.", line,
                           f"Write one of {', '.join(list(names)[:8]) or 'the places you keep'}.")  # fmt: skip
            found[sku, where] = Counted(sku, where, units)
    if not found:
        raise FairdayError("The file has no row with a good.", code="empty_count", remedy="Write a SKU on each line.")
    return list(found.values())


def _columns(table: Table) -> dict[str, int | None]:
    header = [normal(name) for name in table.header]

    def first(*words: frozenset[str]) -> int | None:
        return next((header.index(h) for some in words for h in header if h in some), None)

    at = {"sku": first(_SKU), "units": first(*_UNITS), "place": first(*_WHERE)}
    for name, words in (("sku", "sku"), ("units", "on_hand")):
        if at[name] is None:
            raise FairdayError(
                f"No column tells the {'good' if name == 'sku' else 'units'}.",
                code=f"no_{name}_column",
                where=table.sheet or "line 1",
                remedy=f"Name one {words}; the file has {', '.join(table.header[:12])}.",
            )
    return at


def _cell(row: tuple[str, ...], at: int | None) -> str:
    return row[at].strip() if at is not None and at < len(row) else ""


def _units(text: str, line: str) -> int:
    plain = text.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+", text) else text
    found = re.fullmatch(r"(\d{1,10})(?:\.0+)?", plain)
    if found is None:
        raise _bad("units", f"{text[:40]!r} is not a number of units.", line, "Write a whole number from 0.")
    return int(found[1])


def _bad(code: str, message: str, line: str, remedy: str) -> FairdayError:
    return FairdayError(message, code=f"bad_count_{code}", where=line, remedy=remedy)
