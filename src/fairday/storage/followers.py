"""Followers: ordered, batched readers of the log whose cursor is saved in the transaction of what they write."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from sqlalchemy import BigInteger, Connection, String, Table, Text, delete, func, select, text, update

from fairday.kernel.clock import Clock
from fairday.kernel.errors import FairdayError
from fairday.kernel.garbage import no_collection
from fairday.storage.database import Database, broken_constraint, col, finished_below, insert, metadata, of_database
from fairday.storage.log import (
    Happening,
    Place,
    StoredEvent,
    beside,
    events,
    happenings,
    read_events,
    read_happenings,
)

cursors = Table(
    "followers",
    metadata,
    col("name", String(64), primary_key=True, personal=False),
    col("xid", BigInteger, nullable=False, personal=False),
    col("pos", BigInteger, nullable=False, personal=False),
    col("read", BigInteger, nullable=False, personal=False),
    col("moved_at", BigInteger, nullable=False, personal=False),
)
skipped = Table(
    "followers_skipped",
    metadata,
    col("follower", String(64), primary_key=True, personal=False),
    col("pos", BigInteger, primary_key=True, personal="happening"),
    col("error", Text, nullable=False, personal=True),
    col("at", BigInteger, nullable=False, personal=False),
)
"""Log rows a follower could not take: kept with the error and shown in the console, never silently dropped."""

BULK = 20_000
"""Rows of a slice for whoever catches up with much: a slice touches pages of most people's, and each is written to disk
once a slice, so that small slices write the same page again and again. 160 MB of orders of nine lines."""

Source = Literal["happenings", "events"]


class Follower(Protocol):
    """A reader of the log.

    Attributes:
        name: its cursor's name.
        source: which table of the log it reads.
        after: followers it must not overtake (same source).
    """

    name: str
    source: Source
    after: tuple[str, ...]

    @property
    def tables(self) -> Sequence[Table]:
        """The tables it owns, emptied when it is rebuilt."""
        ...

    def handle(self, conn: Connection, rows: Sequence[Any], now: int) -> None:
        """Take the next rows (Happening or StoredEvent) in order, writing in the caller's transaction."""
        ...


@runtime_checkable
class Settling(Protocol):
    """A follower that leaves part of its work until it has read to the end, and does it in slices then."""

    def waiting(self, conn: Connection) -> bool:
        """Whether anything waits; a look without a lock."""
        ...

    def settle(self, conn: Connection, now: int, limit: int) -> int:
        """Do at most ``limit`` of what waits, in the caller's transaction; how many were done."""
        ...


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a follower is behind: rows it has not read, and the age (ms) of the oldest of them."""

    name: str
    rows: int
    ms: int
    skipped: int


class Followers:
    """Drives the followers of a process. Several processes may drive the same ones: the cursor's row is the lock.

    Attributes:
        SLICE: rows taken in one transaction.
        PAUSE: seconds between rounds while no slice is full.
        POLL: seconds after which the log is looked at without being woken (another process may have written).
    """

    SLICE = 500
    PAUSE = 0.05
    POLL = 0.2

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._followers: dict[str, Follower] = {}
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.on_error: Callable[[str, BaseException], None] = lambda name, error: traceback.print_exception(error)

    def register(self, follower: Follower) -> None:
        for name in follower.after:
            if self._followers[name].source != follower.source:
                raise FairdayError(f"{follower.name} cannot wait for {name}: they read different tables.")
        self._followers[follower.name] = follower

    def get(self, name: str) -> Follower:
        try:
            return self._followers[name]
        except KeyError:
            known = ", ".join(self._followers)
            raise FairdayError(f"There is no follower {name!r}.", code="unknown_follower", remedy=f"Known: {known}.")

    def __iter__(self) -> Any:
        return iter(self._followers.values())

    def step(self, name: str, limit: int | None = None) -> int:
        """Let one follower take its next slice, or of what it left until the end; how many (0: it has caught up).

        A slice that fails is taken in halves until the row that cannot be taken stands alone; that one is kept in
        ``followers_skipped`` with its error. What is no row's fault (a lock, a lost connection, a full disk, a
        missing table) is raised and leaves the follower where it stands.
        """
        follower = self.get(name)
        return self._step(follower, limit or self.SLICE) or self._settle(follower, limit or self.SLICE)

    def _settle(self, follower: Follower, limit: int) -> int:
        if not isinstance(follower, Settling):
            return 0
        with self._db.read() as conn:
            if not follower.waiting(conn):
                return 0
        with self._db.write() as conn:
            self._lock(conn, follower.name)
            return follower.settle(conn, self._clock.now(), limit)

    def _step(self, follower: Follower, limit: int) -> int:
        if not self._has_more(follower):
            return 0
        rows: Sequence[Any] = ()
        try:
            with self._db.write() as conn:
                rows = self._next(conn, follower, limit)
                if not rows:
                    return 0
                follower.handle(conn, rows, self._clock.now())
                self._move(conn, follower.name, rows[-1], len(rows))
            return len(rows)
        except Exception as error:
            if not rows or not _fault_of_a_row(error):
                raise
            if len(rows) == 1:
                self._skip(follower, rows[0], error)
                return 1
        half = len(rows) // 2
        return self._step(follower, half) + self._step(follower, len(rows) - half)

    def _skip(self, follower: Follower, row: Happening | StoredEvent, error: Exception) -> None:
        """Leave out one row, unless another process has moved the cursor meanwhile."""
        told = "".join(traceback.format_exception(error, limit=-3))[-2000:]
        with self._db.write() as conn:
            ahead = self._next(conn, follower, 1)
            if ahead and ahead[0].pos == row.pos:
                fresh = {"follower": follower.name, "pos": row.pos, "error": told, "at": self._clock.now()}
                conn.execute(insert(conn, skipped).on_conflict_do_nothing(), fresh)
                self._move(conn, follower.name, row, 1)

    def _move(self, conn: Connection, name: str, last: Happening | StoredEvent, n: int) -> None:
        conn.execute(
            update(cursors)
            .where(cursors.c.name == name)
            .values(xid=last.xid, pos=last.pos, read=cursors.c.read + n, moved_at=self._clock.now())
        )

    def _has_more(self, follower: Follower) -> bool:
        """Whether there is a row to take; a look without a lock, so that followers with nothing to do stop nobody."""
        with self._db.read() as conn:
            at = _place(conn, follower.name)
            return bool(self._read(conn, follower, at, 1))

    def _next(self, conn: Connection, follower: Follower, limit: int) -> Sequence[Any]:
        """The next rows, with the follower's cursor locked."""
        return self._read(conn, follower, self._lock(conn, follower.name), limit)

    def _lock(self, conn: Connection, name: str) -> Place:
        """A follower's cursor, locked: whoever holds it is the only one who follows."""
        fresh = {"name": name, "xid": -1, "pos": -1, "read": 0, "moved_at": 0}
        conn.execute(insert(conn, cursors).on_conflict_do_nothing(), fresh)
        query = select(cursors.c.xid, cursors.c.pos).where(cursors.c.name == name).with_for_update()
        xid, pos = conn.execute(query).one()
        return xid, pos

    def _read(self, conn: Connection, follower: Follower, after: Place, limit: int) -> Sequence[Any]:
        # The horizon first: every transaction below it has ended, so what is read after it is complete.
        below = finished_below(conn)
        upto = [_place(conn, name) for name in follower.after]
        if follower.source == "events":
            return read_events(conn, after, below, limit, upto)
        # A follower with ``heads`` asks neither ids nor bodies, and reading them is most of the work.
        return read_happenings(conn, after, below, limit, upto, heads=getattr(follower, "heads", False))

    def catch_up(self, *names: str, progress: Callable[[str, int], None] | None = None, limit: int = 5000) -> None:
        """Let the followers (all, or those named) read to the end of the log, in their order.

        Those of events first: what they tell as happenings is there for the others.
        """
        for name in names or sorted(self._followers, key=lambda name: self._followers[name].source != "events"):
            total = 0
            while n := self._uncollected(name, limit):
                total += n
                if progress:
                    progress(name, total)

    def _uncollected(self, name: str, limit: int) -> int:
        with no_collection():
            return self.step(name, limit)

    def rebuild(self, name: str, progress: Callable[[str, int], None] | None = None) -> None:
        """Empty a follower's tables and read the log again from its beginning."""
        self.rewind(name)
        self.catch_up(name, progress=progress)

    def rewind(self, name: str) -> None:
        """Empty a follower's tables and put it before the beginning of the log."""
        follower = self.get(name)
        with self._db.write() as conn:
            self._next(conn, follower, 1)  # holds the cursor against other processes
            for table in follower.tables:
                conn.execute(delete(table))
            reset = getattr(follower, "reset", None)
            if reset is not None:  # a follower that writes outside the database empties that too
                reset()
            conn.execute(delete(skipped).where(skipped.c.follower == name))
            conn.execute(update(cursors).where(cursors.c.name == name).values(xid=-1, pos=-1, read=0))

    def lag(self) -> list[Lag]:
        """How far each follower is behind."""
        now = self._clock.now()
        found = []
        with self._db.read() as conn:
            for follower in self._followers.values():
                table = happenings if follower.source == "happenings" else events
                when = happenings.c.received if follower.source == "happenings" else events.c.at
                at = _place(conn, follower.name)
                ahead = select(func.count(), func.min(when)).select_from(table).where(text(beside(conn, ">", "x", "p")))
                count, oldest = conn.execute(ahead, {"x": at[0], "p": at[1]}).one()
                bad = conn.execute(
                    select(func.count()).select_from(skipped).where(skipped.c.follower == follower.name)
                ).scalar_one()
                found.append(Lag(follower.name, count, max(0, now - oldest) if oldest else 0, bad))
        return found

    # ---- in the background -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Follow in a thread until ``stop``."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="fairday-followers", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Something was written: look now rather than at the next poll."""
        self._wake.set()

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stop.is_set():
            full = False
            for name in tuple(self._followers):
                if self._stop.is_set():
                    return
                try:
                    full = self.step(name) >= self.SLICE or full
                except Exception as error:
                    self.on_error(name, error)
            if not full:
                # Not after every commit: each slice is a commit of its own and would slow the writers down.
                self._stop.wait(self.PAUSE)
                self._wake.wait(self.POLL)
                self._wake.clear()


def _place(conn: Connection, name: str) -> Place:
    """Where a follower stands: the last row it took; before the first where it has taken none."""
    row = conn.execute(select(cursors.c.xid, cursors.c.pos).where(cursors.c.name == name)).one_or_none()
    return (row[0], row[1]) if row else (-1, -1)


def _fault_of_a_row(error: Exception) -> bool:
    """Whether leaving a row out could help: not when the database is busy, gone, full or lacks a table."""
    if of_database(error):
        return broken_constraint(error)
    return not isinstance(error, (MemoryError, OSError))
