"""What is no plain table yet: workbooks, JSON lines and gzip, written out as CSV with the place each row came from."""

from __future__ import annotations

import csv
import gzip
import json
import math
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import Any
from xml.parsers import expat

import msgspec

from fairday.kernel.errors import FairdayError

_CHUNK = 1 << 20
MAX_UNPACKED = 8_000_000_000
"""Bytes a packed file may become; and beyond ``FREE_BYTES`` at most so many times its own size."""
MAX_TIMES = 250
FREE_BYTES = 50_000_000
MAX_STRINGS = 400_000_000
"""Bytes of a workbook's shared texts, which are kept in memory while it is read."""
MAX_ROWS, MAX_COLUMNS = 1_048_576, 1000
MAX_RECORD = 4_000_000
"""Characters of one row or one line of JSON."""
_HEAD = 40


class Reject(msgspec.Struct, frozen=True):
    """A row that was not taken: its line in the file (in a Parquet file its row), why, and what to write instead.

    ``column`` is the column at fault, "" where it is the row as a whole.
    """

    line: int
    reason: str
    remedy: str
    torn: str = ""
    cells: tuple[str, ...] = ()
    column: str = ""


class Plain(msgspec.Struct):
    """A table as CSV. ``lines`` gives each row's line in the file as it came, None where they are the same.

    ``sheet`` names the sheet of a workbook that has several; ``typed``: dates and numbers stand in ISO writing.
    """

    path: Path
    lines: array[int] | None = None
    rejects: list[Reject] = []
    sheet: str = ""
    form: str = "csv"


def refuse(path: Path, code: str, message: str, remedy: str) -> FairdayError:
    """The error of a file that cannot be read."""
    return FairdayError(message, code=code, where=str(path), remedy=remedy)


def plain_tables(path: Path, folder: Path, name: str, limit: int | None = None) -> list[Plain]:
    """The tables a file holds, each as CSV in ``folder`` unless it is CSV already.

    Args:
        limit: how many rows of each table are enough; all by default.

    Raises:
        FairdayError: the file is not what its name says, is broken, or would become larger than any shop's.
    """
    with path.open("rb") as f:
        magic = f.read(8)
    suffixes = [s.casefold() for s in path.suffixes]
    if magic[:2] == b"\x1f\x8b":
        inner = path.stem
        unpacked = _gunzip(path, folder / f"{name}-{Path(inner).suffix.lstrip('.') or 'csv'}.unpacked", limit)
        with unpacked.open("rb") as f:
            magic = f.read(8)
        if magic[:4] == b"PK\x03\x04":
            raise refuse(path, "packed_twice", "The file is packed twice.", "Unpack it and import what is inside.")
        if _is_json(unpacked, inner):
            return [_json_lines(path, unpacked, folder, name, limit)]
        return [Plain(unpacked)]
    if magic[:4] == b"PK\x03\x04":
        return _workbook(path, folder, name, limit)
    if magic[:4] == b"\xd0\xcf\x11\xe0":
        raise refuse(path, "old_excel", "The file is an old Excel workbook (.xls) or locked with a password.",
                     "Open it and save it as .xlsx or CSV (UTF-8), without a password.")  # fmt: skip
    if ".gz" in suffixes[-1:]:
        raise refuse(path, "not_gzip", "The file is not gzip, whatever its name says.", "Export it again.")
    if ".xlsx" in suffixes[-1:]:
        raise refuse(path, "not_xlsx", "The file is not an Excel workbook, whatever its name says.",
                     "Save it as .xlsx again, or name it .csv if it is CSV.")  # fmt: skip
    if _is_json(path, path.name):
        return [_json_lines(path, path, folder, name, limit)]
    return [Plain(path)]


# ---- gzip ------------------------------------------------------------------------------------------------------------


def _gunzip(path: Path, to: Path, limit: int | None) -> Path:
    most = min(MAX_UNPACKED, max(FREE_BYTES, path.stat().st_size * MAX_TIMES))
    done = 0
    try:
        with gzip.open(path, "rb") as f, to.open("wb") as g:
            while chunk := f.read(_CHUNK):
                done += len(chunk)
                if done > most:
                    raise refuse(path, "too_large", f"Unpacked the file is larger than {most:,} bytes.",
                                 "Unpack it yourself, look at it, and import it in parts.")  # fmt: skip
                g.write(chunk)
                if limit is not None and done > 4 * _CHUNK:
                    break
    except (EOFError, OSError, zlib.error) as error:
        raise refuse(path, "not_gzip", f"The file cannot be unpacked to its end: {error}.", "Export it again.")
    return to


# ---- JSON lines ------------------------------------------------------------------------------------------------------

_LISTS = ("line_items", "lineitems", "items", "lines", "products", "order_items", "orderlines")


def _is_json(path: Path, name: str) -> bool:
    if name.casefold().endswith((".jsonl", ".ndjson", ".json")):
        return True
    with path.open("rb") as f:
        start = f.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith((b'{"', b"{ ", b"[{"))


def _json_lines(path: Path, source: Path, folder: Path, name: str, limit: int | None) -> Plain:
    """One object a line; objects inside become columns "customer.email", a list of objects becomes rows."""
    columns: dict[str, None] = {}
    rejects: list[Reject] = []
    for line, told in islice(_objects(path, source), None if limit is None else limit):
        if isinstance(told, Reject):
            rejects.append(told)
            continue
        for row in _rows_of(told):
            columns.update(dict.fromkeys(row))
        if len(columns) > MAX_COLUMNS:
            raise refuse(path, "too_wide", f"By line {line} the objects have more than {MAX_COLUMNS} different keys.",
                         "Keep to the keys that matter.")  # fmt: skip
    if not columns:
        first = rejects[0] if rejects else None
        raise FairdayError(
            f"No line could be read: {first.reason}" if first else "The file is empty.",
            code="bad_json",
            where=f"{path}:{first.line}" if first else str(path),
            remedy=first.remedy if first else "Export it again.",
        )
    lines = array("q")
    target = folder / f"{name}.lines.csv"
    with target.open("w", encoding="utf-8", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(columns)
        for line, told in islice(_objects(path, source), None if limit is None else limit):
            if not isinstance(told, Reject):
                for row in _rows_of(told):
                    _write(writer, [row.get(c, "") for c in columns])
                    lines.append(line)
    return Plain(target, lines, rejects, form="jsonl")


def _objects(path: Path, source: Path) -> Iterator[tuple[int, dict[str, Any] | Reject]]:
    with source.open("r", encoding="utf-8-sig", errors="replace", newline="\n") as f:
        line = 0
        while text := f.readline(MAX_RECORD + 1):
            line += 1
            if len(text) > MAX_RECORD:
                while text and not text.endswith("\n"):
                    text = f.readline(MAX_RECORD)
                yield line, Reject(line, "The line is longer than four million signs.", "Write one object a line.")
                continue
            if not (text := text.strip()):
                continue
            if line == 1 and text.startswith("["):
                raise refuse(path, "json_array", "The file is one JSON list, not JSON lines.",
                             "Write one object a line, without the brackets and commas round them.")  # fmt: skip
            try:
                # Numbers stay as they are written: money does not pass through binary fractions.
                told = json.loads(text, parse_float=str, parse_int=str, parse_constant=lambda _: "")
            except (ValueError, RecursionError) as error:
                yield line, Reject(line, f"The line is not JSON: {error}.", "Write one object a line.", text[:2000])
                continue
            if isinstance(told, dict):
                yield line, told
            else:
                yield line, Reject(line, "The line is JSON, but no object.", "Write {…} on each line.", text[:2000])


def _rows_of(told: dict[str, Any]) -> list[dict[str, str]]:
    row: dict[str, str] = {}
    lists: dict[str, list[dict[str, Any]]] = {}
    _flatten(told, "", row, lists, 0)
    if not lists:
        return [row]
    chosen = min(lists, key=lambda k: _LISTS.index(k.casefold()) if k.casefold() in _LISTS else 99)
    for key, objects in lists.items():
        if key != chosen:
            row[key] = json.dumps(objects, ensure_ascii=False)
    found = []
    for item in lists[chosen]:
        inner: dict[str, str] = {}
        deeper: dict[str, list[dict[str, Any]]] = {}
        _flatten(item, f"{chosen}.", inner, deeper, 1)
        found.append(row | inner | {k: json.dumps(v, ensure_ascii=False) for k, v in deeper.items()})
    return found


def _flatten(
    told: dict[str, Any], prefix: str, row: dict[str, str], lists: dict[str, list[dict[str, Any]]], depth: int
) -> None:
    for key, value in told.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and depth < 6:
            _flatten(value, f"{name}.", row, lists, depth + 1)
        elif isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
            lists[name] = value
        elif isinstance(value, list):
            row[name] = ", ".join(_word(v) for v in value)
        else:
            row[name] = _word(value)


def _word(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# ---- workbooks -------------------------------------------------------------------------------------------------------


def _workbook(path: Path, folder: Path, name: str, limit: int | None) -> list[Plain]:
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
            _write(writer, cells)
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


def _write(writer: Any, cells: list[str]) -> None:
    writer.writerow([c.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "") if c else c for c in cells])
