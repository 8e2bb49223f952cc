"""Group commit: what queues while a commit runs is applied together in the next transaction, and answered after it.

One thread writes. There is no timer: whatever queued is the batch. If a batch fails it is replayed one item at a time,
and only the guilty one fails.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from fairday.kernel.errors import Unavailable
from fairday.storage.database import Database


@dataclass(frozen=True, slots=True)
class Again:
    """Said of one item instead of its result: it must be tried again in a later batch."""

    reason: str


class Lane(Protocol):
    """A kind of work that is applied in batches."""

    def apply(self, conn: Connection, items: Sequence[Any]) -> Sequence[Any]:
        """Apply the items in order; a result for each, an Exception instance for one that failed, or Again."""
        ...


@dataclass(slots=True)
class _Job:
    lane: Lane
    item: Any
    future: Future[Any]
    tries: int = 0


class GroupCommit:
    """The one writer of a process."""

    MAX_BATCH = 2000
    MAX_TRIES = 20

    def __init__(self, db: Database, after_commit: Callable[[], None] = lambda: None) -> None:
        self._db = db
        self._after_commit = after_commit
        self._queue: deque[_Job] = deque()
        self._ready = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    def submit(self, lane: Lane, item: Any) -> Future[Any]:
        """Queue one item; its future is resolved after the commit that holds it. Answers are in queue order."""
        return self.submit_many(lane, (item,))[0]

    def submit_many(self, lane: Lane, items: Sequence[Any]) -> list[Future[Any]]:
        """Queue several items that need not share a transaction."""
        jobs = [_Job(lane, item, Future()) for item in items]
        with self._ready:
            if self._closing:
                raise Unavailable("The shop is closing.", code="closing", remedy="Try again in a moment.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="fairday-writer", daemon=True)
                self._thread.start()
            self._queue.extend(jobs)
            self._ready.notify()
        return [job.future for job in jobs]

    def close(self) -> None:
        """Finish what is queued, then stop."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._queue and not self._closing:
                    self._ready.wait()
                if not self._queue:
                    return
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), self.MAX_BATCH))]
            again = self._commit(batch)
            if again:
                with self._ready:
                    self._queue.extendleft(reversed(again))
            self._after_commit()

    def _commit(self, batch: list[_Job]) -> list[_Job]:
        """Apply and commit a batch, answer its callers, and return what must be tried again."""
        try:
            results = self._attempt(batch)
        except BaseException as error:
            if len(batch) > 1:
                again: list[_Job] = []
                for job in batch:
                    again += self._commit([job])
                return again
            if _passing(error):
                return self._retry(batch[0], error)
            _answer(batch[0].future, error)
            return []
        again = []
        for job, result in zip(batch, results, strict=True):
            if isinstance(result, Again):
                again += self._retry(job, Unavailable(f"Too busy: {result.reason}.", code="contended"))
            else:
                _answer(job.future, result)
        return again

    def _retry(self, job: _Job, error: BaseException) -> list[_Job]:
        job.tries += 1
        if job.tries < self.MAX_TRIES:
            return [job]
        _answer(job.future, error)
        return []

    def _attempt(self, batch: list[_Job]) -> list[Any]:
        lanes: dict[int, list[int]] = {}
        for i, job in enumerate(batch):
            lanes.setdefault(id(job.lane), []).append(i)
        results: list[Any] = [None] * len(batch)
        with self._db.write() as conn:
            for indexes in lanes.values():
                done = batch[indexes[0]].lane.apply(conn, [batch[i].item for i in indexes])
                for i, result in zip(indexes, done, strict=True):
                    results[i] = result
        return results


def _passing(error: BaseException) -> bool:
    """Whether the database says that the same transaction may succeed later (deadlock, serialization, lock wait)."""
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state in ("40001", "40P01", "55P03", "23505"):
        return True
    return "database is locked" in str(error.orig)


def _answer(future: Future[Any], result: Any) -> None:
    with contextlib.suppress(InvalidStateError):  # a caller that gave up waiting
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
