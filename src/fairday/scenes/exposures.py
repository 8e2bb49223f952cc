"""What people met on pages and feeds, written down behind the request: queued for the group commit, bounded.

A page does not wait for its record. What the queue's future has acknowledged is durable; a crash may lose what was
still queued (milliseconds). Where the queue is full nothing is recorded, so nothing may be shown.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future

import msgspec
from sqlalchemy import BigInteger, Connection, Integer, String, Table, bindparam, delete

from fairday.kernel.errors import Unavailable
from fairday.scenes import arms
from fairday.scenes.arms import Arm
from fairday.storage.database import col, insert, metadata
from fairday.storage.groupcommit import GroupCommit, Lane
from fairday.storage.log import Happening, append_happenings

MOST = 20_000
"""Pages whose record may wait: a fifth of the writer's queue, so that orders and events still get in."""

WEEK = 7
"""Days a limit per person looks back, today included."""

scene_days = Table(
    "scene_days",
    metadata,
    col("identifier", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
    col("scene", String(60), primary_key=True, personal=False),
    col("day", Integer, primary_key=True, autoincrement=False, personal=True),
    sqlite_with_rowid=False,
)
"""The shop's local days on which a scene that is limited per person met them on pages and feeds; a week of them."""


class Exposure(msgspec.Struct, frozen=True):
    """What one page showed, and would have shown.

    Attributes:
        happenings: meetings and would-have-been meetings.
        arms: new arms: (scene, id they are recorded on, arm).
        at: when, ms.
        days: days that count for a limit per person: (scene, the person's oldest id, day).
    """

    happenings: Sequence[Happening]
    arms: Sequence[tuple[str, int, Arm]]
    at: int
    days: Sequence[tuple[str, int, int]] = ()


class Exposures(Lane):
    """The group commit's lane for exposures, and the bound on how many wait."""

    def __init__(self, writer: GroupCommit, most: int = MOST) -> None:
        self._writer = writer
        self._most = most
        self._waiting = 0
        self._lock = threading.Lock()

    def queue(self, exposure: Exposure) -> Future[None]:
        """Write it down soon; the future is resolved after it is durable.

        Raises:
            Unavailable: too much is waiting to be written.
        """
        with self._lock:
            if self._waiting >= self._most:
                raise Unavailable("Too many pages wait to be recorded.", code="queue_full", remedy="Try again later.")
            self._waiting += 1
        try:
            future: Future[None] = self._writer.submit(self, exposure)
        except BaseException:
            self._done(None)
            raise
        future.add_done_callback(self._done)
        return future

    def _done(self, _future: Future[None] | None) -> None:
        with self._lock:
            self._waiting -= 1

    def repeatable(self, item: Exposure) -> bool:
        """An arm and a message_id are kept once, however often they are written."""
        return True

    def apply(self, conn: Connection, items: Sequence[Exposure]) -> Sequence[None]:
        """All arms and all happenings of a batch, a statement each."""
        new = {(scene, identifier): (arm, item.at) for item in items[::-1] for scene, identifier, arm in item.arms}
        arms.record_all(conn, [(scene, i, arm, at) for (scene, i), (arm, at) in sorted(new.items())])
        _record_days(conn, {day for item in items for day in item.days})
        append_happenings(conn, [h for item in items for h in item.happenings])
        return [None] * len(items)


def _record_days(conn: Connection, days: set[tuple[str, int, int]]) -> None:
    """Write days down, and let go of those of the same ids that no limit looks at any more."""
    if not days:
        return
    c = scene_days.c
    ordered = sorted(days, key=lambda d: (d[1], d[0], d[2]))
    conn.execute(
        insert(conn, scene_days).on_conflict_do_nothing(index_elements=["identifier", "scene", "day"]),
        [{"scene": scene, "identifier": identifier, "day": day} for scene, identifier, day in ordered],
    )
    conn.execute(
        delete(scene_days).where(c.identifier == bindparam("owner"), c.day <= bindparam("over")),
        [{"owner": i, "over": day - WEEK} for i, day in sorted({(identifier, day) for _, identifier, day in ordered})],
    )
