"""The record of imports: what ran when, how far it is, what came in and which rows did not. For the console."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from sqlalchemy import BigInteger, Connection, String, Table, Text, select, update

from fairday.intake.imports import ImportReport
from fairday.kernel import jsons
from fairday.storage.database import BigId, Database, col, metadata

import_runs = Table(
    "import_runs",
    metadata,
    col("id", BigId, primary_key=True, autoincrement=True, personal=False),
    col("files", Text, nullable=False, personal=False),
    col("status", String(8), nullable=False, personal=False),
    col("started_at", BigInteger, nullable=False, personal=False),
    col("moved_at", BigInteger, nullable=False, personal=False),
    col("rows_done", BigInteger, nullable=False, personal=False),
    col("rows_all", BigInteger, nullable=False, personal=False),
    col("report", Text, nullable=False, personal=True),
    sqlite_autoincrement=True,
)
"""``status`` is running, done or failed; ``report`` the ImportReport as JSON, or the error's words when it failed."""

EVERY = 1.0
"""Seconds between two notes of how far an import is."""

DEAD_AFTER = 10 * 60_000
"""A running import that has not moved for so long (ms) belongs to a process that died."""


class ImportRun(msgspec.Struct, frozen=True, kw_only=True):
    """One import as the console shows it; ``report`` is None unless it is done, ``error`` "" unless it failed."""

    id: int
    files: Sequence[str]
    status: str
    started_at: int
    rows_done: int
    rows_all: int
    report: ImportReport | None
    error: str


class Recorder:
    """Notes one import as it goes on, in small transactions of its own."""

    def __init__(self, db: Database, files: Sequence[str | Path], now: Callable[[], int]) -> None:
        self._db = db
        self._now = now
        self._noted = 0.0
        at = now()
        names = jsons.dumps([Path(f).name for f in files])
        with db.write() as conn:
            statement = import_runs.insert().returning(import_runs.c.id)
            self._id: int = conn.execute(
                statement.values(
                    files=names, status="running", started_at=at, moved_at=at, rows_done=0, rows_all=0, report=""
                )
            ).scalar_one()

    def progress(self, done: int, total: int) -> None:
        """How far it is; written at most every second."""
        if time.monotonic() - self._noted >= EVERY:
            self._noted = time.monotonic()
            self._note(rows_done=done, rows_all=total)

    def done(self, report: ImportReport) -> None:
        """It is through."""
        rows = sum(f.rows for f in report.files)
        # What a refused row held stays in its file of rejects; here only where it stood, why, and the remedy.
        bare = [
            msgspec.structs.replace(f, rejected=[msgspec.structs.replace(r, torn="", cells=()) for r in f.rejected])
            for f in report.files
        ]
        told = jsons.dumps(msgspec.structs.replace(report, files=bare))
        self._note(status="done", rows_done=rows, rows_all=rows, report=told)

    def failed(self, error: BaseException) -> None:
        """It stopped; what had come in stays, and importing again brings the rest."""
        self._note(status="failed", report=str(error)[:2000])

    def _note(self, **values: object) -> None:
        with self._db.write() as conn:
            conn.execute(update(import_runs).where(import_runs.c.id == self._id).values(moved_at=self._now(), **values))


def list_imports(conn: Connection, now: int, limit: int = 20) -> list[ImportRun]:
    """The latest imports, the newest first; one whose process died is shown as failed."""
    found = []
    for row in conn.execute(select(import_runs).order_by(import_runs.c.id.desc()).limit(limit)).mappings():
        status, report = row["status"], row["report"]
        if status == "running" and row["moved_at"] < now - DEAD_AFTER:
            status, report = "failed", "The process ended before the import did. Import again: only the rest comes in."
        found.append(
            ImportRun(
                id=row["id"],
                files=jsons.loads(row["files"]),
                status=status,
                started_at=row["started_at"],
                rows_done=row["rows_done"],
                rows_all=row["rows_all"],
                report=msgspec.json.decode(report, type=ImportReport) if status == "done" else None,
                error=report if status == "failed" else "",
            )
        )
    return found
