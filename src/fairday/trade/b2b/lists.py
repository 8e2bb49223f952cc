"""Quick order: goods written or pasted line by line, or a CSV file's rows, read with what is wrong by line. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection

import msgspec

from fairday.trade.order import MAX_LINES, MAX_QTY

MOST_CHARACTERS = 100_000
_HEADS = {"sku", "item", "article", "code", "product", "qty", "quantity", "amount", "units",
          "货号", "编号", "商品", "数量", "件数", "referencia", "código", "artículo", "cantidad",
          "unidades"}  # fmt: skip
_TIMES = re.compile(r"\s*[x×*]\s*(?=\d)|\s+(?=\d+$)")


class BadLine(msgspec.Struct, frozen=True):
    """A line that cannot be ordered: its number from 1, as written, and why: no_quantity, bad_quantity, unknown_goods,
    bad_sku, too_many_lines."""

    number: int
    text: str
    why: str


class ReadList(msgspec.Struct, frozen=True):
    """A list as read: ``lines`` (sku, quantity) of what is right, repeated goods added up; ``wrong`` the others."""

    lines: tuple[tuple[str, int], ...]
    wrong: tuple[BadLine, ...]


def read_list(text: str) -> ReadList:
    """Read lines such as ``MUG-RED,12``, ``MUG-RED;12``, a table's tab between them, ``MUG-RED x 12``, ``MUG-RED 12``.

    A head row is left out; a line of a sku alone lacks its quantity.
    """
    found: dict[str, int] = {}
    wrong = []
    for number, line in enumerate(text.lstrip("\ufeff")[:MOST_CHARACTERS].splitlines(), 1):
        written = line.strip()
        if not written:
            continue
        sku, said = _parts(written)
        if number == 1 and {sku.lower(), said.lower()} & _HEADS and not said.isdecimal():
            continue
        why = _wrong(sku, said)
        if why is None and sku not in found and len(found) >= MAX_LINES:
            why = "too_many_lines"
        if why is None and found.get(sku, 0) + int(said) > MAX_QTY:
            why = "bad_quantity"
        if why is not None:
            wrong.append(BadLine(number, written[:80], why))
        else:
            found[sku] = found.get(sku, 0) + int(said)
    return ReadList(tuple(found.items()), tuple(wrong))


def checked(read: ReadList, known: Collection[str], text: str) -> ReadList:
    """A list of which goods that are not ``known`` are told as wrong, each with the first line it stands on."""
    missing = [sku for sku, _ in read.lines if sku not in known]
    at: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(text.lstrip("\ufeff")[:MOST_CHARACTERS].splitlines(), 1):
        at.setdefault(_parts(line.strip())[0], (number, line.strip()[:80]))
    wrong = [BadLine(at[sku][0], at[sku][1], "unknown_goods") for sku in missing]
    return ReadList(
        tuple(x for x in read.lines if x[0] in known), tuple(sorted([*read.wrong, *wrong], key=lambda x: x.number))
    )


def _parts(line: str) -> tuple[str, str]:
    for mark in ("\t", ";", ","):
        if mark in line:
            row = next(csv.reader(io.StringIO(line), delimiter=mark), [])
            return (row[0].strip(), row[1].strip()) if len(row) > 1 else (line, "")
    parts = _TIMES.split(line, maxsplit=1)
    return (parts[0].strip(), parts[1].strip()) if len(parts) == 2 else (line, "")


def _wrong(sku: str, said: str) -> str | None:
    if not 0 < len(sku) <= 200 or "\0" in sku:
        return "bad_sku"
    if not said:
        return "no_quantity"
    if not (said.isascii() and said.isdigit() and len(said) <= 9 and 1 <= int(said) <= MAX_QTY):
        return "bad_quantity"
    return None
