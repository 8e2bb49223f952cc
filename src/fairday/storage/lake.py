"""The lake: a copy of the happenings in Parquet, by month, for analysis with DuckDB (or Spark later).

A follower writes it. A file holds a run of the log and is named by the position it starts after, so a run written
twice (the process was killed before its cursor was saved) overwrites itself. Many small files of a month are merged
into one, named by the first and the last run in it; whatever a killed process left of those is removed at the next
write. Erasing people rewrites the files that hold their happenings.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from sqlalchemy import Connection, Table

from fairday.kernel import jsons
from fairday.storage.followers import Source
from fairday.storage.log import Happening

COLUMNS = (
    "{pos: 'BIGINT', message_id: 'VARCHAR', kind: 'VARCHAR', name: 'VARCHAR', 'at': 'BIGINT', received: 'BIGINT', "
    "source: 'VARCHAR', ids: 'VARCHAR', body: 'VARCHAR'}"
)
MOST_FILES = 64
"""A month with more files than this is rewritten as one."""
_UNFINISHED = ".writing"


class Lake:
    """A folder of Parquet files: ``happenings/month=YYYY-MM/<xid>-<pos>.parquet``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, after: tuple[int, int], rows: Sequence[Happening]) -> None:
        """Write a run of the log that follows (xid, pos) ``after``."""
        months: dict[str, list[Happening]] = {}
        for h in rows:
            months.setdefault(f"month={datetime.fromtimestamp(h.at / 1000, UTC):%Y-%m}", []).append(h)
        name = f"{max(after[0], 0):020d}-{max(after[1], 0):020d}"
        for earlier in self.folder.glob(f"happenings/month=*/{name}.parquet"):
            if earlier.parent.name not in months:
                earlier.unlink()  # a run that was longer when it was written before reached into that month
        for month, found in months.items():
            folder = self.folder / "happenings" / month
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / f"{name}.parquet"
            # Beside the lake and not in the system's folder: what a killed process leaves is found by an erasure.
            with tempfile.NamedTemporaryFile("w", dir=folder, suffix=_UNFINISHED, encoding="utf-8") as lines:
                lines.writelines(jsons.dumps(_row(h)) + "\n" for h in found)
                lines.flush()
                source = f"read_json({_quoted(lines.name)}, format='newline_delimited', columns={COLUMNS})"
                _copy(f"SELECT * FROM {source} ORDER BY pos", target)
            _tidy(folder, target)

    def files(self) -> list[Path]:
        """The lake's files, in order of month and position."""
        return sorted(self.folder.glob("happenings/month=*/*.parquet"))

    def erase(self, positions: Collection[int], replaced: Sequence[Happening] = ()) -> int:
        """Take log positions out of every file that holds them, and bring others to what the log holds of them now.

        Each file changes whole or not at all, so that a killed process leaves none without what stays.

        Args:
            positions: what goes.
            replaced: happenings that stay but were changed.

        Returns:
            How many rows went or were replaced.
        """
        touched = 0
        self._sweep()
        with _duckdb() as db:
            db.execute("CREATE TEMP TABLE gone (pos BIGINT)")
            db.execute("INSERT INTO gone SELECT unnest(?)", [[*positions, *(h.pos for h in replaced)]])
            db.execute(
                'CREATE TEMP TABLE fresh (pos BIGINT, message_id VARCHAR, kind VARCHAR, name VARCHAR, "at" BIGINT, '
                "received BIGINT, source VARCHAR, ids VARCHAR, body VARCHAR)"
            )
            if replaced:
                db.executemany("INSERT INTO fresh VALUES (?,?,?,?,?,?,?,?,?)", [[*_row(h).values()] for h in replaced])
            for file in self.files():
                name = _quoted(str(file))
                found = db.execute(f"SELECT count(*) FROM {name} SEMI JOIN gone USING (pos)").fetchone()
                if not found or not found[0]:
                    continue
                touched += found[0]
                kept = f"SELECT * FROM {name} ANTI JOIN gone USING (pos)"
                again = f"SELECT * FROM fresh SEMI JOIN {name} USING (pos)"
                _copy(f"SELECT * FROM ({kept} UNION ALL BY NAME {again}) ORDER BY pos", file, db)
        return touched

    def clear(self) -> None:
        """Remove every file; before a rebuild."""
        self._sweep()
        for file in self.files():
            file.unlink()

    def _sweep(self) -> None:
        """Remove what killed processes left unfinished; whoever calls holds the lake's follower, so nobody writes."""
        for file in self.folder.glob(f"happenings/month=*/*{_UNFINISHED}"):
            file.unlink(missing_ok=True)


class LakeFollower:
    """Copies the happenings into the lake. A killed process writes the same run again.

    After identity, which takes what still arrives about erased people out of the log.
    """

    name = "lake"
    source: Source = "happenings"
    after: tuple[str, ...] = ("identity",)
    tables: tuple[Table, ...] = ()

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def handle(self, conn: Connection, rows: Sequence[Happening], now: int) -> None:
        # The run is named by its first row: the same first row always starts the same file.
        self.lake.write((rows[0].xid, rows[0].pos - 1), rows)

    def reset(self) -> None:
        self.lake.clear()


def _row(h: Happening) -> dict[str, object]:
    return {
        "pos": h.pos, "message_id": h.message_id, "kind": h.kind, "name": h.name, "at": h.at, "received": h.received,
        "source": h.source, "ids": jsons.dumps(h.ids), "body": jsons.dumps(h.body),
    }  # fmt: skip


def _tidy(folder: Path, newest: Path) -> None:
    """Merge the files of a month when they are many.

    The newest run stays out of it: until its cursor is saved it may be written again under its own name.
    """
    files = [f for f in sorted(folder.glob("*.parquet")) if f != newest]
    for merged in [f for f in files if "~" in f.stem]:
        first, _, last = merged.stem.partition("~")
        for old in files:
            if old != merged and first <= old.stem.partition("~")[0] and old.stem.rpartition("~")[2] <= last:
                old.unlink(missing_ok=True)  # the process was killed after it was merged and before it was removed
    files = [f for f in sorted(folder.glob("*.parquet")) if f != newest]
    if len(files) >= MOST_FILES:
        first, last = files[0].stem.partition("~")[0], max(f.stem.rpartition("~")[2] for f in files)
        _copy(f"SELECT * FROM read_parquet({_list(files)}) ORDER BY pos", folder / f"{first}~{last}.parquet")
        for old in files:
            old.unlink()


def _copy(query: str, target: Path, db: duckdb.DuckDBPyConnection | None = None) -> None:
    """Write a query's rows to a Parquet file that appears whole or not at all."""
    fresh = target.with_suffix(f".{os.getpid()}{_UNFINISHED}")
    statement = f"COPY ({query}) TO {_quoted(str(fresh))} (FORMAT parquet, COMPRESSION zstd)"
    if db is None:
        with _duckdb() as own:
            own.execute(statement)
    else:
        db.execute(statement)
    with fresh.open("rb") as f:
        os.fsync(f.fileno())
    fresh.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name too must outlive a loss of power: the cursor that follows it does
    finally:
        os.close(folder)


def _duckdb() -> duckdb.DuckDBPyConnection:
    # One thread: the lake is written beside a server that is answering.
    return duckdb.connect(":memory:", config={"threads": 1})


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def _list(files: Sequence[Path]) -> str:
    return "[" + ", ".join(_quoted(str(f)) for f in files) + "]"


def months(lake: Lake) -> Iterator[tuple[str, int]]:
    """(month, happenings) of each month in the lake."""
    files = lake.files()
    if not files:
        return
    with _duckdb() as db:
        query = (
            f"SELECT month, count(*) FROM read_parquet({_list(files)}, hive_partitioning=true) GROUP BY 1 ORDER BY 1"
        )
        for month, n in db.execute(query).fetchall():
            yield str(month), int(n)


def named_between(lake: Lake, name: str, start: int, end: int, size: int) -> Iterator[list[tuple[int, int, str]]]:
    """Happenings of one name in a stretch of time, some at a time, in the order in which they happened.

    Args:
        start, end: ms, the end not included.
        size: how many at once at most.

    Returns:
        First ``[(how many, 0, "")]``, then lists of (pos, at, body as JSON).
    """
    first, last = (f"{datetime.fromtimestamp(at / 1000, UTC):month=%Y-%m}" for at in (start, max(start, end - 1)))
    months: dict[str, list[Path]] = {}
    for file in lake.files():
        if first <= file.parent.name <= last:
            months.setdefault(file.parent.name, []).append(file)
    which = 'WHERE kind = \'track\' AND name = ? AND "at" >= ? AND "at" < ?'
    with _duckdb() as db:
        n = 0
        for files in months.values():
            found = db.execute(f"SELECT count(*) FROM read_parquet({_list(files)}) {which}", [name, start, end])
            n += (found.fetchone() or (0,))[0]
        yield [(n, 0, "")]
        for _, files in sorted(months.items()):
            db.execute(
                f'SELECT pos, "at", body FROM read_parquet({_list(files)}) {which} ORDER BY "at", pos',
                [name, start, end],
            )
            while rows := db.fetchmany(size):
                yield [(int(pos), int(at), str(body)) for pos, at, body in rows]
