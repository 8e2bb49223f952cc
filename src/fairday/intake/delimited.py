"""CSV as it comes: which encoding, which delimiter, which ends of lines, and where each record begins."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from fairday.intake.plain import Plain
from fairday.kernel.errors import FairdayError

_CHUNK = 1 << 20


class Header(msgspec.Struct):
    """How a CSV is written, and its columns' names."""

    plain: Path
    encoding: str
    delimiter: str
    line_end: str
    names: list[str]


def read_header(folder: Path, name: str, path: Path, table: Plain, encoding: str = "", delimiter: str = "") -> Header:
    """Find out how a CSV is written; a copy in UTF-8 is made where it is not.

    Raises:
        FairdayError: its first line is blank.
    """
    encoding = encoding or ("utf-8" if table.lines is not None else detect_encoding(table.path))
    plain = table.path
    if codecs.lookup(encoding).name != "utf-8":
        plain = folder / f"{name}.csv"
        _transcode(table.path, plain, encoding)
    with plain.open("r", encoding="utf-8-sig", errors="replace", newline="") as f:
        head = f.read(1 << 16)
    if table.lines is not None:
        delimiter, line_end = ",", "\\n"
    else:
        delimiter, line_end = delimiter or detect_delimiter(head), _line_end(head)
    names = [cell.strip() for cell in next(csv.reader(head.splitlines(keepends=True), delimiter=delimiter), [])]
    if not any(names):
        raise FairdayError(
            "The first line is blank; the columns' names belong there.",
            code="empty_file",
            where=f"{path}:1",
            remedy="Put the header on the first line.",
        )
    return Header(plain, encoding, delimiter, line_end, names)


def _line_end(head: str) -> str:
    if "\r\n" in head:
        return "\\r\\n"
    return "\\n" if "\n" in head or "\r" not in head else "\\r"


def detect_delimiter(head: str) -> str:
    """The sign that stands most often outside quotes on the first line: comma, semicolon, tab or bar."""
    line = re.sub(r'"[^"]*"', "", re.split(r"[\r\n]", head, maxsplit=1)[0])
    return max(",;\t|", key=line.count) if any(d in line for d in ",;\t|") else ","


def detect_encoding(path: Path) -> str:
    """The text encoding of a file: by its mark, else UTF-8 if all of it is, else GB18030 or Latin-1 by its bytes.

    Chinese text in GB18030 has bytes above 127 in pairs; in Latin-1 text a letter with an accent stands between
    plain ones.
    """
    with path.open("rb") as f:
        start = f.read(4)
        if start.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        f.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk := f.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", True)
            return "utf-8"
        except UnicodeDecodeError:
            pass
        f.seek(0)
        lone = paired = 0
        while (chunk := f.read(_CHUNK)) and lone + paired < 100_000:
            for run in re.findall(rb"[\x80-\xff]+", chunk):
                lone, paired = (lone, paired + 1) if len(run) % 2 == 0 else (lone + 1, paired)
    return "gb18030" if paired > lone else _western(path)


def _western(path: Path) -> str:
    # Windows' Latin-1 has letters where ISO's has control signs; it refuses five bytes, ISO's none.
    decoder = codecs.getincrementaldecoder("cp1252")()
    with path.open("rb") as f:
        try:
            while chunk := f.read(_CHUNK):
                decoder.decode(chunk)
        except UnicodeDecodeError:
            return "latin-1"
    return "cp1252"


def _transcode(path: Path, to: Path, encoding: str) -> None:
    # What does not decode becomes U+FFFD: one broken sign must not cost the file.
    with (
        path.open("r", encoding=encoding, errors="replace", newline="") as f,
        to.open("w", encoding="utf-8", newline="") as g,
    ):
        while chunk := f.read(_CHUNK):
            g.write(chunk)


def records(path: Path, delimiter: str) -> Iterator[tuple[int, int, list[str]]]:
    """Every record of a CSV file: its number from 1, blank ones included, the line it begins on, its cells."""
    csv.field_size_limit(1 << 30)
    with path.open("r", encoding="utf-8-sig", errors="replace", newline="") as f:
        reader = csv.reader(f, delimiter=delimiter)
        line = 1
        for record, cells in enumerate(reader, 1):
            yield record, line, cells
            line = reader.line_num + 1
