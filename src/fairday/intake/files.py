"""Files: CSV in any usual writing and Parquet, read by DuckDB into a table of the mapped columns with line numbers."""

from __future__ import annotations

import re
import shutil
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import msgspec

from fairday.intake.delimited import read_header, records
from fairday.intake.plain import Plain, Reject, plain_tables
from fairday.intake.shape import Mapping, TableMapping, choose_table, normal
from fairday.kernel.errors import FairdayError


class Loaded(msgspec.Struct):
    """A table as it stands in DuckDB: ``name`` with ``line`` and a column ``c<i>`` for each of ``fields``.

    Attributes:
        names: the file's column of each field, in the order of ``fields``; "" where it is made from another's.
        further: columns that a joined field needs besides its first.
        passed: rows passed over because they say nothing of their own (``rows_with``).
        remarks: rows that are taken without one of their cells.
        lines: the line of each row in the file as it came, where that is not the row's own place in the CSV.
        sheet: the sheet of a workbook of several.
    """

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
    passed: int = 0
    lines: array[int] | None = None
    sheet: str = ""
    form: str = "csv"
    further: list[str] = []
    remarks: list[Reject] = []

    def column(self, field: str) -> str:
        """The file's name of the column a field is read from, "" where it has none."""
        columns = dict(zip(self.fields, self.names, strict=False))
        return columns.get(field, "") or columns.get("packed", "")


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


def load(conn: duckdb.DuckDBPyConnection, folder: Path, name: str, path: Path, mapping: Mapping) -> list[Loaded]:
    """Read one file into DuckDB: as table ``name``, and as further ones where it is a workbook of several sheets.

    Raises:
        FairdayError: the file is missing, empty, not what its name says, or lacks columns.
    """
    form = form_of(path)
    if form == "parquet":
        return [_load_parquet(conn, name, path, mapping)]
    tables = plain_tables(path, folder, name)
    found: list[Loaded] = []
    unknown: list[tuple[Plain, FairdayError]] = []
    for number, plain in enumerate(tables):
        try:
            found.append(_load_csv(conn, folder, f"{name}s{number}" if number else name, path, plain, mapping))
        except FairdayError as error:
            if len(tables) == 1 or error.code not in ("missing_column", "no_table", "empty_file"):
                raise
            unknown.append((plain, error))
    if not found:
        raise unknown[0][1]
    for number, (plain, lacks) in enumerate(unknown):
        # A sheet of notes beside the data: told in the report, not in the way.
        table = TableMapping(kind="skipped", where=mapping.where, because=lacks.message)
        rows = len(plain.lines or ())
        found.append(Loaded(path, f"{name}x{number}", table, {}, {}, rows, "", "", [], [], [], sheet=plain.sheet))
    return found


def form_of(path: Path) -> str:
    """Whether a file is Parquet or a table of another form.

    Raises:
        FairdayError: it is missing or empty, or called Parquet and is not.
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
        return "parquet"
    if path.suffix.casefold() in (".parquet", ".pq"):
        raise FairdayError(
            "The file is not Parquet, whatever its name says.",
            code="not_parquet",
            where=str(path),
            remedy="Export it as Parquet again, or name it .csv if it is a CSV file.",
        )
    return "table"


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
    places = {str(r[0]): str(r[0]) for r in described}
    fields, picked, kinds, where = _pick(table, found, types, places)
    try:
        conn.execute(
            f"CREATE TABLE {name} AS SELECT file_row_number + 1 AS line{''.join(', ' + p for p in picked)} "
            f"FROM read_parquet(?, file_row_number = true){where}",
            [str(path)],
        )
    except duckdb.Error as error:
        raise FairdayError(
            f"The file cannot be read to its end: {str(error).splitlines()[0]}",
            code="not_parquet",
            where=str(path),
            remedy="Export it again; it may have been cut off.",
        )
    rows = _count(conn, name, path)
    names, further = _names(table, found)
    return _unpacked(
        conn,
        Loaded(path, name, table, fields, kinds, rows, "", "", [], [], names, form="parquet", further=further),
    )


def _pick(
    table: TableMapping, found: dict[str, tuple[str, ...]], types: dict[str, str], places: dict[str, str]
) -> tuple[dict[str, str], list[str], dict[str, str], str]:
    # Each field becomes its own column c0, c1, …: no name of the file's reaches any later SQL.
    fields: dict[str, str] = {}
    picked: list[str] = []
    kinds: dict[str, str] = {}
    carried = table.carried
    by = "" if carried is None else _filled(places.get(_place(carried.by, places), ""))
    for field, names in found.items() if table.kind != "skipped" else ():
        target = f"c{len(fields)}"
        column = table.fields()[field]
        each = [_filled(places[n]) for n in names]
        if column.joined:
            sql = f"concat_ws('{column.joiner.replace(chr(39), chr(39) * 2)}', {', '.join(each)})"
        elif column.glob:
            sql = f"concat_ws(chr(30), {', '.join(each)})"
        elif column.first:
            sql = f"coalesce({', '.join(each)}, '')"
        else:
            sql = quoted(places[names[0]])
        kinds[field] = types[places[names[0]]] if sql.startswith('"') else "VARCHAR"
        if carried is not None and field in carried.fields and by:
            own = f"nullif(trim(CAST({sql} AS VARCHAR)), '')"
            sql = (
                f"coalesce({own}, CASE WHEN {by} IS NOT NULL THEN first_value({own} IGNORE NULLS) OVER (PARTITION BY "
                f"{by} ORDER BY line ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) END)"
            )
            kinds[field] = "VARCHAR"
        picked.append(f"{sql} AS {target}")
        fields[field] = target
    telling = [_filled(places[_place(n, places)]) for n in table.rows_with if _place(n, places)]
    return fields, picked, kinds, f" WHERE coalesce({', '.join(telling)}) IS NOT NULL" if telling else ""


def _names(table: TableMapping, found: dict[str, tuple[str, ...]]) -> tuple[list[str], list[str]]:
    if table.kind == "skipped":
        return [], []
    further = [n for field, names in found.items() if table.fields()[field].joined for n in names[1:]]
    return [names[0] for names in found.values()], further


def _place(name: str, places: dict[str, str]) -> str:
    return next((n for n in places if normal(n) == normal(name)), "")


def _filled(column: str) -> str:
    return f"nullif(trim(CAST({quoted(column)} AS VARCHAR)), '')" if column else ""


def _unpacked(conn: duckdb.DuckDBPyConnection, loaded: Loaded) -> Loaded:
    """Where one cell holds several lines: a row for each, with product, title, quantity (and amount) of its own."""
    if loaded.table.packed is None or "packed" not in loaded.fields:
        return loaded
    cell = loaded.fields["packed"]

    def told(key: str) -> str:
        return f"nullif(trim(regexp_extract('|' || piece, '\\|{key}:([^|]*)', 1)), '')"

    if loaded.table.packed == "counted":
        pieces = f"string_split(regexp_replace({cell}, ',\\s+(\\d+)\\s*[×x]\\s', chr(30) || '\\1× ', 'g'), chr(30))"
        name = "nullif(trim(regexp_extract(piece, '^\\s*\\d+\\s*[×x]\\s*(.*)$', 1)), '')"
        made = {"product": name, "title": name, "quantity": "regexp_extract(piece, '^\\s*(\\d+)\\s*[×x]', 1)",
                "amount": "'0'"}  # fmt: skip
    else:
        pieces = f"string_split({cell}, chr(30))"
        made = {"product": f"coalesce({told('sku')}, {told('name')}, {told('product_id')})", "title": told("name"),
                "quantity": told("quantity"), "amount": told("total")}  # fmt: skip
    columns = []
    for field, sql in made.items():
        if field not in loaded.fields:
            loaded.fields[field] = f"c{len(loaded.fields)}"
            loaded.names.append("")
            loaded.types[field] = "VARCHAR"
            columns.append(f"{sql} AS {loaded.fields[field]}")
    conn.execute(f"ALTER TABLE {loaded.name} RENAME TO packed_{loaded.name}")
    conn.execute(
        f"CREATE TABLE {loaded.name} AS SELECT * EXCLUDE (piece), {', '.join(columns)} FROM (SELECT *, unnest("
        f"{pieces}) AS piece FROM packed_{loaded.name})"
    )
    conn.execute(f"DROP TABLE packed_{loaded.name}")
    return loaded


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


def _load_csv(
    conn: duckdb.DuckDBPyConnection, folder: Path, name: str, path: Path, source: Plain, mapping: Mapping
) -> Loaded:
    written = read_header(folder, name, path, source, mapping.encoding, mapping.delimiter)
    header, plain = written.names, written.plain
    unique = [f"h{i}" for i in range(len(header))]
    table, found = choose_table(mapping, path, header)
    places = {name: unique[i] for i, name in reversed(list(enumerate(header)))}
    fields, picked, kinds, where = _pick(table, found, dict.fromkeys(unique, "VARCHAR"), places)
    columns = ", ".join(f"'{u}': 'VARCHAR'" for u in unique)
    rejects = f"rejects_{name}"
    conn.execute(
        f"CREATE TABLE {name} AS SELECT line{''.join(', ' + p for p in picked)} FROM (SELECT row_number() OVER () AS "
        f"line, * FROM read_csv(?, columns = {{{columns}}}, header = true, auto_detect = false, delim = ?, "
        f"quote = '\"', escape = '\"', store_rejects = true, rejects_table = '{rejects}', rejects_scan = "
        f"'{rejects}_scan', max_line_size = 4194304, new_line = ?)){where}",
        [str(plain), written.delimiter, written.line_end],
    )
    torn = conn.execute(
        f"SELECT line, any_value(error_message), any_value(csv_line) FROM {rejects} GROUP BY line ORDER BY line"
    ).fetchall()
    at = [int(t[0]) for t in torn]
    starts = {n: line for n, line, _ in records(plain, written.delimiter)} if torn else {}
    bad = [_torn(starts.get(int(n), int(n)), str(message), str(row or ""), len(header)) for n, message, row in torn]
    bad += source.rejects
    if bad and not conn.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]:
        raise FairdayError(
            f"No row could be read: {bad[0].reason}",
            code="bad_csv",
            where=f"{path}:{bad[0].line}",
            remedy=bad[0].remedy,
        )
    rows = _count(conn, name, path)
    passed = 0
    if where:
        passed = (
            len(source.lines) if source.lines is not None else sum(1 for _ in records(plain, written.delimiter)) - 1
        )
        passed = max(passed - rows - len(at), 0)
    names, further = _names(table, found)
    return _unpacked(
        conn,
        Loaded(
            path, name, table, fields, kinds, rows + len(bad), written.encoding, written.delimiter, bad, at, names,
            plain, passed, source.lines, source.sheet, source.form, further,
        ),
    )  # fmt: skip


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
