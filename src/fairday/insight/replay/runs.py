"""Replays in the background: one row each with how far it is and what it said. For the console."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Index, Integer, RowMapping, String, Table, Text, select, update

from fairday.insight.replay.model import Period, Replay
from fairday.insight.replay.walk import Progress, replay
from fairday.kernel import jsons
from fairday.kernel.clock import Clock
from fairday.kernel.settings import Settings
from fairday.scenes.spec import SceneSpec
from fairday.storage.database import BigId, Database, alone, col, metadata

log = logging.getLogger("fairday.insight")

replays = Table(
    "replays",
    metadata,
    col("id", BigId, primary_key=True, autoincrement=True, personal=False),
    col("scene", String(60), nullable=False, personal=False),
    col("version", Integer, nullable=False, personal=False),
    col("status", String(8), nullable=False, personal=False),
    col("done", Integer, nullable=False, personal=False),
    col("of", Integer, nullable=False, personal=False),
    col("started_at", BigInteger, nullable=False, personal=False),
    col("moved_at", BigInteger, nullable=False, personal=False),
    col("said", Text, nullable=False, personal=False),
    Index("replays_scene", "scene"),
    sqlite_autoincrement=True,
)
"""``scene`` is a scene's name, or of planned promotions "=" and a digest. ``status`` is running, done or failed;
``said`` the Replay (the Repriced) as JSON when done, the error's words when failed.

A replay holds counts and goods, nobody in person.
"""

EVERY = 1.0
"""Seconds between two notes of how far a replay is."""
DEAD_AFTER = 2 * 60_000
"""A running replay that has not moved for so long (ms) belongs to a process that died."""


class ReplayRun(msgspec.Struct, frozen=True, kw_only=True):
    """A replay as the console shows it; ``result`` is None unless it is done."""

    id: int
    scene: str
    version: int
    status: str
    done: int
    of: int
    started_at: int
    result: Replay | None


class _Stopped(Exception):
    pass


class Jobs:
    """Runs walks over the past in threads of their own; one a subject at a time, whatever process started it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, subject: str, version: int, work: Callable[[Progress], Any]) -> int:
        """Begin a walk, unless one of the subject is under way; its number.

        Args:
            work: given what to tell how far it is, does it and returns what is kept.
        """
        now = self._clock.now()
        with self._db.write() as conn:
            alone(conn, "replays")
            row = latest_row(conn, subject, now)
            if row is not None and row["status"] == "running":
                return int(row["id"])
            statement = replays.insert().returning(replays.c.id)
            number: int = conn.execute(
                statement.values(
                    scene=subject, version=version, status="running", done=0, of=0, started_at=now, moved_at=now,
                    said="",
                )
            ).scalar_one()  # fmt: skip
        self._threads = [t for t in self._threads if t.is_alive()]
        thread = threading.Thread(
            target=self._run, args=(number, work), name=f"fairday-replay-{number}", daemon=True
        )  # fmt: skip
        self._threads.append(thread)
        thread.start()
        return number

    def wait(self) -> None:
        """Let every replay of this process come to its end."""
        for thread in self._threads:
            thread.join()

    def close(self) -> None:
        """Stop what is under way; it is noted as failed and may be asked for again."""
        self._stop.set()
        self.wait()

    def _run(self, number: int, work: Callable[[Progress], Any]) -> None:
        noted = 0.0

        def progress(done: int, total: int) -> None:
            nonlocal noted
            if self._stop.is_set():
                raise _Stopped
            if time.monotonic() - noted >= EVERY:
                noted = time.monotonic()
                self._note(number, done=done, of=total)

        try:
            found = work(progress)
            self._note(number, status="done", done=1, of=1, said=jsons.dumps(found))
        except Exception as error:
            if not isinstance(error, _Stopped):
                log.exception("replay %s", number)
            self._note(number, status="failed", said=str(error)[:2000])

    def _note(self, number: int, **values: object) -> None:
        with self._db.write() as conn:
            conn.execute(update(replays).where(replays.c.id == number).values(moved_at=self._clock.now(), **values))


class Replays(Jobs):
    """Replays of scenes."""

    def __init__(self, db: Database, settings: Callable[[], Settings], clock: Clock) -> None:
        super().__init__(db, clock)
        self._settings = settings

    def start(self, spec: SceneSpec, version: int, period: Period | None = None, *, told_today: bool = False) -> int:
        """Begin a replay, unless one of the scene is under way; its number."""

        def work(progress: Progress) -> Replay:
            now = self._clock.now()
            return replay(self._db, self._settings(), spec, now, period, progress, told_today=told_today)

        return self.begin(spec.scene, version, work)


def latest_row(conn: Connection, subject: str, now: int) -> dict[str, Any] | None:
    """The latest walk of a subject as it is kept; one whose process died counts as failed."""
    query = select(replays).where(replays.c.scene == subject).order_by(replays.c.id.desc()).limit(1)
    row: RowMapping | None = conn.execute(query).mappings().first()
    if row is None:
        return None
    dead = row["status"] == "running" and row["moved_at"] < now - DEAD_AFTER
    return {**row, "status": "failed" if dead else row["status"]}


def latest(conn: Connection, scene: str, now: int) -> ReplayRun | None:
    """The latest replay of a scene; one whose process died counts as failed."""
    row = latest_row(conn, scene, now)
    if row is None:
        return None
    said = msgspec.json.decode(row["said"], type=Replay) if row["status"] == "done" else None
    return ReplayRun(
        id=row["id"], scene=row["scene"], version=row["version"], status=row["status"], done=row["done"],
        of=row["of"], started_at=row["started_at"], result=said,
    )  # fmt: skip
