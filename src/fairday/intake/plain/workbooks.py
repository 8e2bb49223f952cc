"""Excel workbooks: each visible sheet as a table, however its header is laid out."""

from __future__ import annotations

import csv
import math
import zipfile
import zlib
from array import array
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import Any
from xml.parsers import expat

from fairday.intake.plain.model import (
    FREE_BYTES,
    MAX_COLUMNS,
    MAX_RECORD,
    MAX_ROWS,
    MAX_STRINGS,
    MAX_TIMES,
    MAX_UNPACKED,
    Plain,
    Reject,
    refuse,
    write_row,
)
from fairday.kernel.errors import FairdayError

_HEAD = 40


def workbook(path: Path, folder: Path, name: str, limit: int | None) -> list[Plain]:
    """The visible sheets that hold rows, each as CSV in ``folder``.

    Raises:
        FairdayError: it is no workbook, is broken, or would become larger than any shop's.
    """
    _check_archive(path)
    from openpyxl.reader.excel import load_workbook

    try:
        opened: Any = load_workbook
        book = opened(path, read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # the reader raises whatever a broken part makes it raise
        raise refuse(path, "bad_xlsx", f"The workbook cannot be opened: {error}.", "Open it and save it again.")
    try:
        found = []
        shown = [s for s in book.worksheets if s.sheet_state == "visible"]
        for number, sheet in enumerate(shown):
            try:
                table = _sheet(path, sheet, folder / f"{name}.{number}.csv", limit)
            except FairdayError:
                raise
            except Exception as error:
                raise refuse(path, "bad_xlsx", f"The sheet {sheet.title!r} cannot be read: {error}.",
                             "Open the workbook and save it again.")  # fmt: skip
            if table is not None:
                found.append(table)
    finally:
        book.close()
    if not found:
        raise refuse(path, "empty_file", "The workbook holds no rows.", "Export it again.")
    if len(found) == 1:
        found[0].sheet = ""
    return found


def _check_archive(path: Path) -> None:
    """Refuse what is no workbook, would unpack to more than a shop's past, or carries definitions in its XML."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            names = {p.filename for p in parts}
            if "[Content_Types].xml" not in names or not any(n.startswith("xl/") for n in names):
                raise refuse(path, "not_csv", "The file is an archive, not an Excel workbook.",
                             "Unpack it and import what is in it, or save as .xlsx or CSV (UTF-8).")  # fmt: skip
            whole = sum(p.file_size for p in parts)
            packed = max(path.stat().st_size, 1)
            strings = sum(p.file_size for p in parts if p.filename.endswith("sharedStrings.xml"))
            if len(parts) > 5000 or whole > max(FREE_BYTES, packed * MAX_TIMES) or whole > MAX_UNPACKED:
                raise refuse(path, "too_large", f"Unpacked the workbook has {whole:,} bytes in {len(parts)} parts.",
                             "Save the sheet as CSV (UTF-8) and import that.")  # fmt: skip
            if strings > MAX_STRINGS:
                raise refuse(path, "too_large", f"The workbook's texts alone have {strings:,} bytes.",
                             "Save the sheet as CSV (UTF-8) and import that.")  # fmt: skip
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    with archive.open(part) as f:
                        _plain_xml(path, f)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise refuse(path, "not_csv", f"The file is a broken or locked archive: {error}.",
                     "Save the sheet as .xlsx or CSV (UTF-8) again, without a password.")  # fmt: skip


class _Begun(Exception):
    pass


def _plain_xml(path: Path, part: Any) -> None:
    # Definitions (<!DOCTYPE …>) can only stand before the first element; a workbook has none.
    def defined(*_: Any) -> None:
        raise refuse(path, "bad_xlsx", "The workbook's XML carries definitions of its own.", "Save it as CSV (UTF-8).")

    def begun(*_: Any) -> None:
        raise _Begun

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = defined
    parser.StartElementHandler = begun
    try:
        while chunk := part.read(65536):
            parser.Parse(chunk, False)
    except _Begun:
        return
    except expat.ExpatError as error:
        raise refuse(path, "bad_xlsx", f"A part of the workbook is broken: {error}.", "Open it and save it again.")


def _sheet(path: Path, sheet: Any, target: Path, limit: int | None) -> Plain | None:
    sheet.reset_dimensions()  # what the file says of its own size is often wrong
    head = [tuple(r) for r in islice(sheet.iter_rows(max_col=MAX_COLUMNS + 1, values_only=True), _HEAD)]
    width = max((i + 1 for r in head for i, v in enumerate(r) if not _blank(v)), default=0)
    if width > MAX_COLUMNS:
        raise refuse(path, "too_wide", f"The sheet {sheet.title!r} has more than {MAX_COLUMNS} columns.",
                     "Delete what stands far to the right.")  # fmt: skip
    head = [r[:width] for r in head]
    header = _header(head, width)
    if header is None:
        if any(not _blank(v) for r in head for v in r):
            raise refuse(path, "no_header", f"The sheet {sheet.title!r} has no row of columns' names in its first "
                         f"{_HEAD} rows.", "Put one name over each column, in one row, above the data.")  # fmt: skip
        return None
    first, names = header
    lines = array("q")
    rejects: list[Reject] = []
    with target.open("w", encoding="utf-8", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(names)
        rows = chain(head[first:], sheet.iter_rows(min_row=len(head) + 1, max_col=width, values_only=True))
        for number, row in enumerate(rows, first + 1):
            if number > MAX_ROWS or (limit is not None and len(lines) >= limit):
                break
            cells = [_cell(v) for v in row]
            if not any(cells):
                continue
            cells += [""] * (width - len(cells))
            if sum(map(len, cells)) > MAX_RECORD:
                rejects.append(Reject(number, "The row holds more than four million signs.", "Shorten its texts."))
                continue
            write_row(writer, cells)
            lines.append(number)
    return Plain(target, lines, rejects, sheet.title, "xlsx") if lines or rejects else None


def _header(rows: list[tuple[Any, ...]], width: int) -> tuple[int, list[str]] | None:
    """(index of the first row of data, the columns' names), or None.

    Titles above the header (one filled cell in a row) are passed over. A header of two rows, the upper with cells
    merged over several columns, takes the lower names, and the upper ones where the lower is empty or stands twice.
    """
    filled = [sum(not _blank(v) for v in r) for r in rows]
    wide = max(filled, default=0)
    if wide < 2:
        at = next((i for i, n in enumerate(filled) if n), None)
        # A table of one column: its header is the first text.
        return None if at is None or wide == 0 else (at + 1, [_cell(v) or f"({i})" for i, v in enumerate(rows[at])])
    at = next(i for i, n in enumerate(filled) if n >= 2)
    top = [_cell(v).strip() for v in rows[at]]
    if any(not isinstance(v, str) for v in rows[at] if not _blank(v)):
        return None
    used = [any(not _blank(r[c]) for r in rows[at + 1 :] if c < len(r)) for c in range(width)]
    gaps = [c for c in range(width) if not top[c] and used[c]]
    below = rows[at + 1] if at + 1 < len(rows) else ()
    two = bool(gaps) and all(c < len(below) and isinstance(below[c], str) and not _number(below[c]) for c in gaps)
    two = two and all(isinstance(v, str) and not _number(v) for v in below if not _blank(v))
    if two and at + 2 < len(rows):
        over, last = [], ""
        for c in range(width):
            last = top[c] or (last if not _blank(below[c]) else "")
            over.append(last)
        lower = ["" if _blank(v) else str(v).strip() for v in below]
        names = [low or over[c] for c, low in enumerate(lower)]
        names = [f"{over[c]} {n}".strip() if names.count(n) > 1 else n for c, n in enumerate(names)]
        return at + 2, [n or f"({_letters(c)})" for c, n in enumerate(names)]
    return at + 1, [n or f"({_letters(c)})" for c, n in enumerate(top)]


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _number(text: str) -> bool:
    return text.strip().lstrip("+-").replace(".", "", 1).replace(",", "").isdigit()


def _letters(column: int) -> str:
    name, n = "", column + 1
    while n:
        n, rest = divmod(n - 1, 26)
        name = chr(65 + rest) + name
    return name


def _cell(value: Any) -> str:
    """A cell as text: dates in ISO writing, numbers with the fifteen digits a spreadsheet keeps."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return format(Decimal(format(value, ".15g")).normalize(), "f")
    if isinstance(value, datetime):
        near = value + timedelta(microseconds=500)
        near = near.replace(microsecond=near.microsecond // 1000 * 1000)
        return near.isoformat(" ", "seconds" if not near.microsecond else "milliseconds")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
