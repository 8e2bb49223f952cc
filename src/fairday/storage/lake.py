"""The lake: a copy of the happenings in Parquet, by month, for analysis with DuckDB (or Spark later).

A follower writes it. A file holds a run of the log and is named by the position it starts after, so a run written
twice (the process was killed before its cursor was saved) overwrites itself. Erasing people rewrites the files that
hold their happenings.
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


class Lake:
    """A folder of Parquet files: ``happenings/month=YYYY-MM/<xid>-<pos>.parquet``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, after: tuple[int, int], rows: Sequence[Happening], suffix: str = "") -> None:
        """Write a run of the log that follows (xid, pos) ``after``; with a suffix, beside the run of that name."""
        months: dict[str, list[Happening]] = {}
        for h in rows:
            months.setdefault(datetime.fromtimestamp(h.at / 1000, UTC).strftime("%Y-%m"), []).append(h)
        for month, found in months.items():
            folder = self.folder / "happenings" / f"month={month}"
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / f"{max(after[0], 0):020d}-{max(after[1], 0):020d}{suffix}.parquet"
            with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as lines:
                for h in found:
                    row = {
                        "pos": h.pos, "message_id": h.message_id, "kind": h.kind, "name": h.name, "at": h.at,
                        "received": h.received, "source": h.source, "ids": jsons.dumps(h.ids),
                        "body": jsons.dumps(h.body),
                    }  # fmt: skip
                    lines.write(jsons.dumps(row) + "\n")
                lines.flush()
                source = f"read_json({_quoted(lines.name)}, format='newline_delimited', columns={COLUMNS})"
                _copy(f"SELECT * FROM {source} ORDER BY pos", target)
            files = sorted(folder.glob("*.parquet"))
            if len(files) > MOST_FILES:
                _copy(f"SELECT * FROM read_parquet({_list(files)}) ORDER BY pos", files[-1])
                for old in files[:-1]:
                    old.unlink()

    def files(self) -> list[Path]:
        """The lake's files, in order of month and position."""
        return sorted(self.folder.glob("happenings/month=*/*.parquet"))

    def erase(self, positions: Collection[int]) -> int:
        """Rewrite every file that holds one of these log positions without them; how many happenings went."""
        gone = 0
        with _duckdb() as db:
            db.execute("CREATE TEMP TABLE gone (pos BIGINT)")
            db.execute("INSERT INTO gone SELECT unnest(?)", [list(positions)])
            for file in self.files():
                name = _quoted(str(file))
                found = db.execute(f"SELECT count(*) FROM {name} SEMI JOIN gone USING (pos)").fetchone()
                if not found or not found[0]:
                    continue
                gone += found[0]
                _copy(f"SELECT * FROM {name} ANTI JOIN gone USING (pos) ORDER BY pos", file, db)
        return gone

    def clear(self) -> None:
        """Remove every file; before a rebuild."""
        for file in self.files():
            file.unlink()


class LakeFollower:
    """Copies the happenings into the lake. A killed process writes the same run again."""

    name = "lake"
    source: Source = "happenings"
    after: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def handle(self, conn: Connection, rows: Sequence[Happening], now: int) -> None:
        # The run is named by its first row: the same first row always starts the same file.
        self.lake.write((rows[0].xid, rows[0].pos - 1), rows)

    def reset(self) -> None:
        self.lake.clear()


def _copy(query: str, target: Path, db: duckdb.DuckDBPyConnection | None = None) -> None:
    """Write a query's rows to a Parquet file that appears whole or not at all."""
    fresh = target.with_suffix(f".{os.getpid()}.writing")
    statement = f"COPY ({query}) TO {_quoted(str(fresh))} (FORMAT parquet, COMPRESSION zstd)"
    if db is None:
        with _duckdb() as own:
            own.execute(statement)
    else:
        db.execute(statement)
    with fresh.open("rb") as f:
        os.fsync(f.fileno())
    fresh.replace(target)


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
