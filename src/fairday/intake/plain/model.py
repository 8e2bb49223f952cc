"""What every kind of file becomes: a table as CSV, and the rows that were not taken."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import msgspec

from fairday.kernel.errors import FairdayError

MAX_UNPACKED = 8_000_000_000
"""Bytes a packed file may become; and beyond ``FREE_BYTES`` at most so many times its own size."""
MAX_TIMES = 250
FREE_BYTES = 50_000_000
MAX_STRINGS = 400_000_000
"""Bytes of a workbook's shared texts, which are kept in memory while it is read."""
MAX_ROWS = 1_048_576
MAX_COLUMNS = 1000
MAX_RECORD = 4_000_000
"""Characters of one row or one line of JSON."""


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

    ``sheet`` names the sheet of a workbook that has several; ``form`` is csv, xlsx (its dates and numbers stand in ISO
    writing) or jsonl.
    """

    path: Path
    lines: array[int] | None = None
    rejects: list[Reject] = []
    sheet: str = ""
    form: str = "csv"


def refuse(path: Path, code: str, message: str, remedy: str) -> FairdayError:
    """The error of a file that cannot be read."""
    return FairdayError(message, code=code, where=str(path), remedy=remedy)


def write_row(writer: Any, cells: list[str]) -> None:
    """A row of CSV whose cells every reader of this house takes: one kind of line end, no NUL."""
    writer.writerow([c.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "") if c else c for c in cells])
