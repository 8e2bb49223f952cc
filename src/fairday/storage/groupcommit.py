"""Group commit: what queues while a commit runs is applied together in the next transaction, and answered after it.

One thread writes. There is no timer: whatever queued is the batch. A batch that fails is replayed in halves until the
guilty item stands alone, and only that one fails. See docs/algorithms/streams.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection

from fairday.kernel.errors import Conflict, FairdayError, Unavailable
from fairday.storage.database import Database, broken_constraint, outcome_unknown, passing


@dataclass(frozen=True, slots=True)
class Again:
    """Said of one item instead of its result: it must be tried again in the next batch."""

    reason: str


class Contended(Exception):
    """Raised by a lane when another process was first and the whole batch must be applied anew."""


class Lane(Protocol):
    """A kind of work that is applied in batches."""

    def apply(self, conn: Connection, items: Sequence[Any]) -> Sequence[Any]:
        """Apply the items in order; a result for each, an Exception instance for one that failed, or Again.

        What it raises fails the batch, which is rolled back and replayed in halves.
        """
        ...

    def repeatable(self, item: Any) -> bool:
        """Whether applying the item twice is the same as once, so that a commit of unknown outcome may be repeated."""
        return False


@dataclass(slots=True, eq=False)
class _Job:
    lane: Lane
    item: Any
    future: Future[Any] | asyncio.Future[Any]
    give_up: float = 0.0  # monotonic seconds; set when it is first tried again


class GroupCommit:
    """The one writer of a process.

    Attributes:
        MAX_BATCH: items in one transaction, so that the last of a flood does not wait for all the others.
        MAX_QUEUE: items waiting; more are turned away rather than kept in memory while the database is away.
        PATIENCE: seconds for which an item is tried again when others were first or the database was away.
    """

    MAX_BATCH = 2000
    MAX_QUEUE = 100_000
    PATIENCE = 30.0

    def __init__(self, db: Database, after_commit: Callable[[], None] = lambda: None) -> None:
        self._db = db
        self._after_commit = after_commit
        self._queue: deque[_Job] = deque()
        self._ready = threading.Condition(threading.Lock())
        self._closing = False
        self._thread: threading.Thread | None = None

    def submit(self, lane: Lane, item: Any) -> Future[Any]:
        """Queue one item; its future is resolved after the commit that holds it. Order is the order of queueing."""
        return self.submit_many(lane, (item,))[0]

    def submit_many(self, lane: Lane, items: Sequence[Any]) -> list[Future[Any]]:
        """Queue several items that need not share a transaction."""
        futures: list[Future[Any]] = [Future() for _ in items]
        self._put([_Job(lane, item, future) for item, future in zip(items, futures, strict=True)])
        return futures

    async def perform(self, lane: Lane, item: Any) -> Any:
        """As ``submit`` from a coroutine. A caller that is cancelled while waiting takes nothing back."""
        future = asyncio.get_running_loop().create_future()
        self._put([_Job(lane, item, future)])
        return await future

    def close(self) -> None:
        """Finish what is queued, then stop."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        if self._thread is not None:
            self._thread.join()

    def _put(self, jobs: list[_Job]) -> None:
        with self._ready:
            if self._closing:
                raise Unavailable("The shop is closing.", code="closing", remedy="Try again in a moment.")
            if len(self._queue) + len(jobs) > self.MAX_QUEUE:
                raise Unavailable("Too much is waiting to be written.", code="queue_full", remedy="Try again later.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="fairday-writer", daemon=True)
                self._thread.start()
            self._queue.extend(jobs)
            self._ready.notify()

    # ---- the writer's thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause = 0.0
        while True:
            with self._ready:
                while not self._queue and not self._closing:
                    self._ready.wait()
                if not self._queue:
                    return
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), self.MAX_BATCH))]
            again = self._commit(batch)
            if again:
                # First in the next batch, so that nobody who came later overtakes them for ever.
                with self._ready:
                    self._queue.extendleft(reversed(again))
            if len(again) == len(batch):
                pause = min(0.25, 2 * pause or 0.001)
                time.sleep(pause * random.uniform(0.5, 1))
            else:
                pause = 0.0
                self._after_commit()

    def _commit(self, batch: list[_Job]) -> list[_Job]:
        """Apply and commit a batch, answer its callers, and return what must be tried again, in order."""
        committing = False
        results: list[Any] = [None] * len(batch)
        try:
            with self._db.write() as conn:
                self._apply(conn, batch, results)
                committing = True
        except BaseException as error:
            if committing and outcome_unknown(error):
                return self._unknown(batch, error)
            if isinstance(error, Contended) or passing(error):
                return self._retry(batch, str(error))
            if len(batch) == 1:
                _answer(batch, [_plain(error)])
                return []
            half = len(batch) // 2
            again = self._commit(batch[:half])
            if again:  # the rest stays behind them, for the order's sake
                return again + batch[half:]
            return self._commit(batch[half:])
        moved = [i for i, result in enumerate(results) if isinstance(result, Again)]
        if not moved:
            _answer(batch, results)
            return []
        rest = sorted(set(range(len(batch))) - set(moved))
        _answer([batch[i] for i in rest], [results[i] for i in rest])
        return self._retry([batch[i] for i in moved], results[moved[0]].reason)

    def _apply(self, conn: Connection, batch: list[_Job], results: list[Any]) -> None:
        lanes: dict[int, list[int]] = {}
        for i, job in enumerate(batch):
            lanes.setdefault(id(job.lane), []).append(i)
        # Processes take their locks lane by lane in one order, whichever came first in their batches.
        for indexes in sorted(lanes.values(), key=lambda found: type(batch[found[0]].lane).__qualname__):
            done = batch[indexes[0]].lane.apply(conn, [batch[i].item for i in indexes])
            for i, result in zip(indexes, done, strict=True):
                results[i] = result

    def _retry(self, jobs: list[_Job], reason: str) -> list[_Job]:
        now = time.monotonic()
        kept = []
        for job in jobs:
            job.give_up = job.give_up or now + self.PATIENCE
            if now < job.give_up:
                kept.append(job)
            else:
                why = Unavailable(
                    f"Not done in {self.PATIENCE:.0f} seconds: {reason}", code="contended", remedy="Try again."
                )
                _answer([job], [why])
        return kept

    def _unknown(self, batch: list[_Job], error: BaseException) -> list[_Job]:
        """The database went away during COMMIT: repeat what may be repeated, tell the others plainly."""
        repeatable = []
        for job in batch:
            if job.lane.repeatable(job.item):
                repeatable.append(job)
            else:
                why = Unavailable(
                    "The database went away while this was being committed; it may have been done, or not.",
                    code="outcome_unknown",
                    remedy="Look before asking again. With an idempotency key it can be repeated safely.",
                )
                why.__cause__ = error
                _answer([job], [why])
        return self._retry(repeatable, str(error))


def _plain(error: BaseException) -> BaseException:
    """What the guilty one is told: a broken constraint is a conflict with what is there already."""
    if not broken_constraint(error):
        return error
    told = str(getattr(error, "orig", error)).splitlines()[0]
    why = Conflict(f"The database refused what it would have written: {told}", code="constraint")
    why.__cause__ = error
    return why


def _answer(jobs: Sequence[_Job], results: Sequence[Any]) -> None:
    """Resolve futures: those of a thread at once, those of an event loop all in one call into it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for job, result in zip(jobs, results, strict=True):
        if isinstance(result, BaseException) and not isinstance(result, Exception):
            result = FairdayError(f"The writer was interrupted by {type(result).__name__}.", code="interrupted")
        if isinstance(job.future, asyncio.Future):
            by_loop.setdefault(job.future.get_loop(), []).append((job.future, result))
            continue
        with contextlib.suppress(InvalidStateError):  # a caller that gave up waiting
            if isinstance(result, BaseException):
                job.future.set_exception(result)
            else:
                job.future.set_result(result)
    for loop, pairs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # a loop that has closed has no caller left
            loop.call_soon_threadsafe(_settle, pairs)


def _settle(pairs: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in pairs:
        if future.done():  # cancelled
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
