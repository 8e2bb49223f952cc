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
from fairday.kernel.money import digits

_CHUNK = 1 << 20
_OFFSET = r":\d\d(\.\d+)?\s*(Z|[+-]\d\d(:?\d\d)?)$"


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
def workbench(memory: str = "500MB", threads: int = 2) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A DuckDB held down to some memory and threads, and a folder for what overflows; both are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="fairday-import-"))
    conn = duckdb.connect(
        ":memory:",
        config={"threads": threads, "memory_limit": memory, "temp_directory": str(folder / "spill")},
    )
    try:
        conn.execute("SET TimeZone = 'UTC'")
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
    starts = {n: line for n, line, _ in _records(plain, delimiter)} if torn else {}
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


# ---- what a column says --------------------------------------------------------------------------------------------


def text_of(loaded: Loaded, field: str) -> str:
    """SQL of a field as trimmed text, NULL where empty; "13085.0" (a number gone through a spreadsheet) is 13085."""
    if field not in loaded.fields:
        return "CAST(NULL AS VARCHAR)"
    column, kind = loaded.fields[field], loaded.types[field]
    if kind in ("DOUBLE", "FLOAT") or kind.startswith("DECIMAL"):
        return f"regexp_replace(CAST({column} AS VARCHAR), '^(-?\\d+)\\.0+$', '\\1')"
    if kind != "VARCHAR":
        return f"CAST({column} AS VARCHAR)"
    trimmed = f"nullif(trim({column}, ' \t\u00a0\u3000'), '')"
    return f"CASE WHEN {column} LIKE '%.0%' THEN regexp_replace({trimmed}, '^(-?\\d+)\\.0+$', '\\1') ELSE {trimmed} END"


def number_of(loaded: Loaded, field: str, decimal: str) -> str:
    """SQL of a field as DECIMAL(18,6), NULL where it is no number; currency signs and thousands marks are left out."""
    if field not in loaded.fields:
        return "CAST(NULL AS DECIMAL(18,6))"
    column = loaded.fields[field]
    if loaded.types[field] != "VARCHAR":
        return f"TRY_CAST({column} AS DECIMAL(18,6))"
    bare = f"regexp_replace({column}, '[\\s£$€¥￥\u00a0'']', '', 'g')"
    if decimal == ",":
        bare = f"replace(replace({bare}, '.', ''), ',', '.')"
    else:
        bare = f"CASE WHEN {column} LIKE '%,%' THEN regexp_replace({bare}, ',(\\d\\d\\d)', '\\1', 'g') ELSE {bare} END"
    return f"TRY_CAST({bare} AS DECIMAL(18,6))"


def time_of(loaded: Loaded, field: str) -> tuple[str, str]:
    """SQL of a field as milliseconds since 1970, and SQL of whether they are UTC already (else local, zone unknown)."""
    if field not in loaded.fields:
        return "CAST(NULL AS BIGINT)", "false"
    column, kind, told = loaded.fields[field], loaded.types[field], loaded.table.fields()[field]
    if kind.startswith("TIMESTAMP WITH") or kind == "TIMESTAMPTZ":
        return f"epoch_ms({column})", "true"
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return f"epoch_ms(CAST({column} AS TIMESTAMP))", "false"
    for unix, factor in (("unix", 1000), ("unix_ms", 1)):
        if unix in told.formats:
            return f"CAST(TRY_CAST({column} AS DECIMAL(18,3)) * {factor} AS BIGINT)", "true"
    text = f"trim(CAST({column} AS VARCHAR))"
    if told.formats:
        listed = ", ".join("'" + f.replace("'", "''") + "'" for f in told.formats)
        naive = f"epoch_ms(try_strptime({text}, [{listed}]))"
        with_zone = any("%z" in f or "%Z" in f for f in told.formats)
        return (
            (f"epoch_ms(CAST(try_strptime({text}, [{listed}]) AS TIMESTAMPTZ))", "true")
            if with_zone
            else (naive, "false")
        )
    zoned = f"regexp_matches({text}, '{_OFFSET}')"
    return (
        f"CASE WHEN {zoned} THEN epoch_ms(TRY_CAST({text} AS TIMESTAMPTZ)) "
        f"ELSE epoch_ms(TRY_CAST({text} AS TIMESTAMP)) END",
        zoned,
    )


def minor_of(amount: str, currency: str) -> str:
    """SQL of a decimal amount in major units as whole minor units, halves away from zero."""
    places = digits(currency)
    return f"CAST(round({amount}, {places}) * {10**places} AS BIGINT)"


# ---- rows that are not taken ---------------------------------------------------------------------------------------


def set_aside(conn: duckdb.DuckDBPyConnection, loaded: Loaded, typed: str, checks: list[tuple[str, str, str]]) -> str:
    """Note the rows that fail a check, and give the SQL condition that leaves them out.

    Args:
        typed: the table in which the checks' conditions are asked; it shares column ``line`` with the loaded one.
        checks: (SQL condition of a bad row, reason, remedy), the first that holds is told. ``{field}`` in a reason
            becomes what the row says there.

    Raises:
        FairdayError: every row fails, which is a fault of the mapping and not of rows.
    """
    case = "CASE " + " ".join(f"WHEN {bad} THEN {i}" for i, (bad, _, _) in enumerate(checks)) + " END"
    columns = ", ".join(f"l.{c}" for c in loaded.fields.values())
    found = conn.execute(
        f"SELECT line, b.bad, {columns} FROM (SELECT line, {case} AS bad FROM {typed}) b JOIN {loaded.name} l "
        "USING (line) WHERE b.bad IS NOT NULL ORDER BY line"
    ).fetchall()
    if not found:
        return ""
    lines = _lines_of(loaded, [int(row[0]) for row in found])
    told = []
    for line, (_, which, *cells) in zip(lines, found, strict=True):
        _, reason, remedy = checks[which]
        seen = {f: "" if c is None else str(c) for f, c in zip(loaded.fields, cells, strict=True)}
        told.append(Reject(line, _filled(reason, seen), remedy, "", tuple(seen.values())))
    if len(found) + len(loaded.torn) >= loaded.rows:
        raise FairdayError(
            f"No row can be used. The first: {told[0].reason}",
            code="no_usable_row",
            where=f"{loaded.path}:{told[0].line}",
            remedy=f"{told[0].remedy} The table's mapping: {loaded.table.where}.",
        )
    loaded.rejects.extend(told)
    loaded.rejects.sort(key=lambda r: r.line)
    return f" WHERE ({case}) IS NULL"


def _filled(reason: str, seen: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: repr(seen.get(m.group(1), "")), reason)


def _lines_of(loaded: Loaded, rows: list[int]) -> list[int]:
    """The line on which each row (counted from 1, without header and torn rows) begins; in Parquet, its row."""
    if loaded.plain is None:
        return rows
    wanted, torn, found = set(rows), set(loaded.torn), {}
    row = 0
    for record, line, cells in _records(loaded.plain, loaded.delimiter):
        if record == 1 or not cells or record in torn:
            continue
        row += 1
        if row in wanted:
            found[row] = line
    return [found.get(r, r + 1) for r in rows]


def _records(path: Path, delimiter: str) -> Iterator[tuple[int, int, list[str]]]:
    """Every record of a CSV file: its number from 1, blank ones included, the line it begins on, its cells."""
    csv.field_size_limit(1 << 30)
    with path.open("r", encoding="utf-8-sig", errors="replace", newline="") as f:
        reader = csv.reader(f, delimiter=delimiter)
        line = 1
        for record, cells in enumerate(reader, 1):
            yield record, line, cells
            line = reader.line_num + 1


def write_rejects(loaded: Loaded, folder: Path | None) -> Path | None:
    """Write the rows that were not taken into ``<name>.rejected.csv``, beside the file or in ``folder``.

    The columns keep their names, so that the cells can be mended there and that file imported.
    """
    if not loaded.rejects:
        return None
    target = (folder or loaded.path.parent) / f"{loaded.path.stem}.rejected.csv"
    try:
        handle = target.open("w", encoding="utf-8-sig", newline="")
    except OSError:
        target = Path.cwd() / target.name
        handle = target.open("w", encoding="utf-8-sig", newline="")
    with handle:
        writer = csv.writer(handle)
        writer.writerow(["line", "reason", "remedy", "torn row", *loaded.names])
        writer.writerows((r.line, r.reason, r.remedy, r.torn, *r.cells) for r in loaded.rejects)
    return target
