"""Rows that are not taken: found by checks, named by their line, written where they can be mended."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

from fairday.intake.delimited import records
from fairday.intake.files import Loaded
from fairday.intake.plain import Reject
from fairday.kernel.errors import FairdayError


def set_aside(
    conn: duckdb.DuckDBPyConnection, loaded: Loaded, typed: str, checks: list[tuple[str, str, str, str]]
) -> str:
    """Note the rows that fail a check, and give the SQL condition that leaves them out.

    Args:
        typed: the table in which the checks' conditions are asked; it shares column ``line`` with the loaded one.
        checks: (SQL condition of a bad row, field at fault, reason, remedy), the first that holds is told. ``{field}``
            in a reason becomes what the row says there.

    Raises:
        FairdayError: every row fails, which is a fault of the mapping and not of rows.
    """
    case = "CASE " + " ".join(f"WHEN {bad} THEN {i}" for i, (bad, *_) in enumerate(checks)) + " END"
    columns = ", ".join(f"l.{c}" for c in loaded.fields.values())
    found = conn.execute(
        f"SELECT line, b.bad, {columns} FROM (SELECT line, {case} AS bad FROM {typed}) b JOIN {loaded.name} l "
        "USING (line) WHERE b.bad IS NOT NULL ORDER BY line"
    ).fetchall()
    if not found:
        return ""
    told = []
    for row, which, *cells in found:
        _, field, reason, remedy = checks[which]
        seen = {f: "" if c is None else str(c) for f, c in zip(loaded.fields, cells, strict=True)}
        told.append(Fault(int(row), field, _filled(reason, seen), remedy))
    set_aside_rows(conn, loaded, told)
    return f" WHERE ({case}) IS NULL"


class Fault(NamedTuple):
    """What is wrong with a row (counted from 1), and with which of its fields."""

    row: int
    field: str
    reason: str
    remedy: str


def set_aside_rows(
    conn: duckdb.DuckDBPyConnection, loaded: Loaded, bad: Sequence[Fault], remarks: Sequence[Fault] = ()
) -> None:
    """Note rows that are not taken, and remarks on rows that are.

    Raises:
        FairdayError: every row fails, which is a fault of the mapping and not of rows.
    """
    if not bad and not remarks:
        return
    bad, remarks = sorted(bad), sorted(remarks)
    numbers = [f.row for f in (*bad, *remarks)]
    at = dict(zip(sorted(set(numbers)), _lines_of(loaded, sorted(set(numbers))), strict=True))
    columns = ", ".join(loaded.fields.values())
    found = conn.execute(
        f"SELECT line, {columns} FROM {loaded.name} WHERE line IN (SELECT unnest(?))", [[f.row for f in bad]]
    ).fetchall()
    cells = {row: tuple("" if c is None else str(c) for c in rest) for row, *rest in found}
    told = [Reject(at[f.row], f.reason, f.remedy, "", cells[f.row], loaded.column(f.field)) for f in bad]
    if len(bad) + len(loaded.rejects) >= loaded.rows:
        raise FairdayError(
            f"No row can be used. The first: {told[0].reason}",
            code="no_usable_row",
            where=f"{loaded.path}:{told[0].line}",
            remedy=f"{told[0].remedy} The table's mapping: {loaded.table.where}.",
        )
    loaded.rejects.extend(told)
    loaded.rejects.sort(key=lambda r: r.line)
    loaded.remarks.extend(Reject(at[f.row], f.reason, f.remedy, "", (), loaded.column(f.field)) for f in remarks)


def _filled(reason: str, seen: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: repr(seen.get(m.group(1), "")), reason)


def _lines_of(loaded: Loaded, rows: list[int]) -> list[int]:
    """The line on which each row (counted from 1, without header and torn rows) begins; in Parquet, its row."""
    if loaded.lines is not None:
        return [loaded.lines[r - 1] for r in rows]
    if loaded.plain is None:
        return rows
    wanted, torn, found = set(rows), set(loaded.torn), {}
    row = 0
    for record, line, cells in records(loaded.plain, loaded.delimiter):
        if record == 1 or not cells or record in torn:
            continue
        row += 1
        if row in wanted:
            found[row] = line
    return [found.get(r, r + 1) for r in rows]


def write_rejects(loaded: Loaded, folder: Path | None) -> Path | None:
    """Write the rows that were not taken into ``<name>.rejected.csv``, beside the file or in ``folder``.

    The columns keep their names, so that the cells can be mended there and that file imported.
    """
    if not loaded.rejects:
        return None
    stem = loaded.path.name.removesuffix(".gz").rpartition(".")[0] or loaded.path.stem
    if loaded.sheet:
        stem += "." + re.sub(r"[^\w\- ]", "_", loaded.sheet)
    target = (folder or loaded.path.parent) / f"{stem}.rejected.csv"
    try:
        handle = target.open("w", encoding="utf-8-sig", newline="")
    except OSError:
        target = Path.cwd() / target.name
        handle = target.open("w", encoding="utf-8-sig", newline="")
    # A joined field is told whole under its first column; the others stand empty, so that the mapping finds them.
    kept = [i for i, name in enumerate(loaded.names) if name]
    names = [loaded.names[i] for i in kept]
    with handle:
        writer = csv.writer(handle)
        writer.writerow(["line", "column", "reason", "remedy", "torn row", *names, *loaded.further])
        for r in loaded.rejects:
            cells = [r.cells[i] for i in kept] + ["" for _ in loaded.further] if r.cells else []
            writer.writerow([r.line, r.column, r.reason, r.remedy, r.torn, *cells])
    return target
