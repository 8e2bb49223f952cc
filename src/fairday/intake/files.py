"""Files: CSV in any usual writing and Parquet, read by DuckDB into a table of the mapped columns with line numbers."""

from __future__ import annotations

import codecs
import csv
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import msgspec

from fairday.intake.mapping import Mapping, TableMapping, choose_table
from fairday.kernel.errors import FairdayError

_CHUNK = 1 << 20


class Reject(msgspec.Struct, frozen=True):
    """A row that was not taken: its line in the file (in a Parquet file its row), why, and what to write instead."""

    line: int
    reason: str
    remedy: str
    torn: str = ""
    cells: tuple[str, ...] = ()


class Loaded(msgspec.Struct):
    """A file as it stands in DuckDB: table ``name`` with ``line`` and a column ``c<i>`` for each of ``fields``."""

    path: Path
    name: str
    table: TableMapping
    fields: dict[str, str]
    types: dict[str, str]
    rows: int
    encoding: str
    delimiter: str
    rejects: list[Reject]
    torn: list[int]
    names: list[str]
    plain: Path | None = None


@contextmanager
def workbench(memory: str = "550MB", threads: int = 2) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A DuckDB held down to some memory and threads, and a folder for what overflows; both are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="fairday-import-"))
    conn = duckdb.connect(
        str(folder / "work.duckdb"),
        config={"threads": threads, "memory_limit": memory, "temp_directory": str(folder / "spill")},
    )
    try:
        conn.execute("SET TimeZone = 'UTC'")
        conn.execute("SET enable_progress_bar = false")
        yield conn, folder
    finally:
        conn.close()
        shutil.rmtree(folder, ignore_errors=True)


def load(conn: duckdb.DuckDBPyConnection, folder: Path, name: str, path: Path, mapping: Mapping) -> Loaded:
    """Read one file into DuckDB as table ``name``.

    Raises:
        FairdayError: the file is missing, empty, not what its name says, or lacks columns.
    """
    if not path.is_file():
        near = sorted(p.name for p in path.parent.glob(f"*{path.suffix}"))[:8] if path.parent.is_dir() else []
        raise FairdayError(
            "There is no such file.",
            code="no_file",
            where=str(path),
            remedy=f"In that folder: {', '.join(near)}." if near else "Check the name and the folder.",
        )
    if path.stat().st_size == 0:
        raise FairdayError("The file is empty.", code="empty_file", where=str(path), remedy="Export it again.")
    with path.open("rb") as f:
        magic = f.read(4)
    if magic == b"PAR1":
        return _load_parquet(conn, name, path, mapping)
    if path.suffix.casefold() in (".parquet", ".pq"):
        raise FairdayError(
            "The file is not Parquet, whatever its name says.",
            code="not_parquet",
            where=str(path),
            remedy="Export it as Parquet again, or name it .csv if it is a CSV file.",
        )
    if magic[:4] == b"PK\x03\x04" or magic == b"\xd0\xcf\x11\xe0":
        raise FairdayError(
            "The file is a spreadsheet or an archive.",
            code="not_csv",
            where=str(path),
            remedy="Save the sheet as CSV (UTF-8), or unpack the archive.",
        )
    return _load_csv(conn, folder, name, path, mapping)


def _load_parquet(conn: duckdb.DuckDBPyConnection, name: str, path: Path, mapping: Mapping) -> Loaded:
    try:
        described = conn.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    except duckdb.Error as error:
        raise FairdayError(
            f"The file is not readable Parquet: {str(error).splitlines()[0]}",
            code="not_parquet",
            where=str(path),
            remedy="Export it again; it may have been cut off.",
        )
    table, found = choose_table(mapping, path, [str(r[0]) for r in described])
    types = {str(r[0]): str(r[1]) for r in described}
    fields, picked, kinds = _pick(table, found, types)
    if table.kind == "skipped":
        picked = []
    try:
        conn.execute(
            f"CREATE TABLE {name} AS SELECT file_row_number + 1 AS line{''.join(', ' + p for p in picked)} "
            "FROM read_parquet(?, file_row_number = true)",
            [str(path)],
        )
    except duckdb.Error as error:
        raise FairdayError(
            f"The file cannot be read to its end: {str(error).splitlines()[0]}",
            code="not_parquet",
            where=str(path),
            remedy="Export it again; it may have been cut off.",
        )
    return Loaded(
        path, name, table, fields, kinds, _count(conn, name, path), "", "", [], [], [n[0] for n in found.values()]
    )


def _pick(
    table: TableMapping, found: dict[str, tuple[str, ...]], types: dict[str, str]
) -> tuple[dict[str, str], list[str], dict[str, str]]:
    # Each field becomes its own column c0, c1, …: no name of the file's reaches any later SQL.
    fields: dict[str, str] = {}
    picked: list[str] = []
    kinds: dict[str, str] = {}
    for field, names in found.items():
        target = f"c{len(fields)}"
        if table.fields()[field].joined:
            parts = ", ".join(f"nullif(trim(CAST({quoted(n)} AS VARCHAR)), '')" for n in names)
            picked.append(f"concat_ws(', ', {parts}) AS {target}")
            kinds[field] = "VARCHAR"
        else:
            picked.append(f"{quoted(names[0])} AS {target}")
            kinds[field] = types[names[0]]
        fields[field] = target
    return fields, picked, kinds


def _count(conn: duckdb.DuckDBPyConnection, name: str, path: Path) -> int:
    rows = int(conn.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])
    if rows == 0:
        raise FairdayError(
            "The file holds a header and no rows.", code="empty_file", where=str(path), remedy="Export it again."
        )
    return rows


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


# ---- CSV -----------------------------------------------------------------------------------------------------------


def _load_csv(conn: duckdb.DuckDBPyConnection, folder: Path, name: str, path: Path, mapping: Mapping) -> Loaded:
    encoding = mapping.encoding or detect_encoding(path)
    plain = path
    if codecs.lookup(encoding).name != "utf-8":
        plain = folder / f"{name}.csv"
        _transcode(path, plain, encoding)
    with plain.open("r", encoding="utf-8-sig", errors="replace", newline="") as f:
        head = f.read(1 << 16)
    delimiter = mapping.delimiter or detect_delimiter(head)
    header = [cell.strip() for cell in next(csv.reader(head.splitlines(keepends=True), delimiter=delimiter), [])]
    if not any(header):
        raise FairdayError(
            "The first line is blank; the columns' names belong there.",
            code="empty_file",
            where=f"{path}:1",
            remedy="Put the header on the first line.",
        )
    unique = [f"h{i}" for i in range(len(header))]
    table, found = choose_table(mapping, path, header)
    places = {name: unique[i] for i, name in reversed(list(enumerate(header)))}
    moved = {field: tuple(places[n] for n in names) for field, names in found.items()}
    fields, picked, kinds = _pick(table, moved, dict.fromkeys(unique, "VARCHAR"))
    if table.kind == "skipped":
        picked = []
    columns = ", ".join(f"'{u}': 'VARCHAR'" for u in unique)
    rejects = f"rejects_{name}"
    conn.execute(
        f"CREATE TABLE {name} AS SELECT row_number() OVER () AS line{''.join(', ' + p for p in picked)} FROM read_csv("
        f"?, columns = {{{columns}}}, header = true, auto_detect = false, delim = ?, quote = '\"', escape = '\"', "
        f"store_rejects = true, rejects_table = '{rejects}', rejects_scan = '{rejects}_scan', "
        "max_line_size = 4194304, new_line = ?)",
        [str(plain), delimiter, _line_end(head)],
    )
    torn = conn.execute(
        f"SELECT line, any_value(error_message), any_value(csv_line) FROM {rejects} GROUP BY line ORDER BY line"
    ).fetchall()
    at = [int(t[0]) for t in torn]
    starts = {n: line for n, line, _ in records(plain, delimiter)} if torn else {}
    bad = [_torn(starts.get(int(n), int(n)), str(message), str(row or ""), len(header)) for n, message, row in torn]
    if bad and not conn.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]:
        raise FairdayError(
            f"No row could be read: {bad[0].reason}",
            code="bad_csv",
            where=f"{path}:{bad[0].line}",
            remedy=bad[0].remedy,
        )
    rows = _count(conn, name, path)
    names = [n[0] for n in found.values()]
    return Loaded(path, name, table, fields, kinds, rows + len(bad), encoding, delimiter, bad, at, names, plain)


def _torn(line: int, message: str, row: str, width: int) -> Reject:
    row = row.strip("\r\n")[:2000]
    if "Expected Number of Columns" in message:
        got = re.search(r"Found: (\d+)", message)
        seen = f"{got.group(1)} cells" if got else "another number of cells"
        return Reject(
            line,
            f"The header has {width} columns, this row {seen}.",
            "Put quotes round a cell that holds the delimiter; fill missing cells with nothing between delimiters.",
            row,
        )
    if "utf-8" in message.casefold() or "unicode" in message.casefold():
        return Reject(line, "The row is not UTF-8.", "Save the file in one encoding, or name it: `encoding:`.", row)
    return Reject(line, f"The row cannot be read: {message.splitlines()[0]}", "Check its quotes.", row)


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
