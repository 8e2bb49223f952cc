"""JSON lines: an object a line, its lists of goods as rows of their own."""

from __future__ import annotations

import csv
import json
from array import array
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from fairday.intake.plain.model import MAX_COLUMNS, MAX_RECORD, Plain, Reject, refuse, write_row
from fairday.kernel.errors import FairdayError

_LISTS = ("line_items", "lineitems", "items", "lines", "products", "order_items", "orderlines")


def is_json(path: Path, name: str) -> bool:
    """Whether a file is JSON lines, by its name or its first character."""
    if name.casefold().endswith((".jsonl", ".ndjson", ".json")):
        return True
    with path.open("rb") as f:
        start = f.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith((b'{"', b"{ ", b"[{"))


def json_lines(path: Path, source: Path, folder: Path, name: str, limit: int | None) -> Plain:
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
                    write_row(writer, [row.get(c, "") for c in columns])
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
