"""Deadlines: one table of when streams want to be woken, polled by one worker in each process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from sqlalchemy import (
    BigInteger,
    Connection,
    Index,
    Integer,
    String,
    Table,
    bindparam,
    case,
    delete,
    literal,
    select,
    update,
)

from fairday.kernel.decider import Answer, Command
from fairday.storage.bulk import insert_rows, overwrite
from fairday.storage.database import Database, col, metadata

deadlines = Table(
    "deadlines",
    metadata,
    col("stream", String(200), primary_key=True, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
    col("next_try", BigInteger, nullable=False, personal=False),
    col("tries", Integer, nullable=False, personal=False),
    Index("deadlines_next_try", "next_try", "stream"),
)
"""``at`` is when the stream wants to be woken (ms); ``next_try`` is later than that after it failed ``tries`` times."""

DEADLINE = "deadline"
"""The command a stream is sent when its deadline has come; ``data`` holds the deadline's ``at``."""

LONGEST_WAIT = 3_600_000
"""The most (ms) that a failing deadline waits for its next try."""

_COLUMNS = ("stream", "at", "next_try", "tries")


class _Gatherer(Protocol):
    def gather(self, commands: Sequence[Command]) -> list[Answer | BaseException]: ...


def save(conn: Connection, changed: Mapping[str, int | None]) -> None:
    """Set (ms) or clear (None) the deadlines of streams, in the caller's transaction."""
    due = [(stream, at, at, 0) for stream, at in sorted(changed.items()) if at is not None]
    insert_rows(conn, deadlines, _COLUMNS, due, overwrite(deadlines, _COLUMNS))
    cleared = sorted(stream for stream, at in changed.items() if at is None)
    for start in range(0, len(cleared), 500):
        conn.execute(delete(deadlines).where(deadlines.c.stream.in_(cleared[start : start + 500])))


def due(conn: Connection, now: int, limit: int = 1000) -> list[tuple[str, int]]:
    """Streams whose deadline has come, the longest overdue first: (stream, at)."""
    query = select(deadlines.c.stream, deadlines.c.at).where(deadlines.c.next_try <= now)
    return [(s, a) for s, a in conn.execute(query.order_by(deadlines.c.next_try, deadlines.c.stream).limit(limit))]


def fire_due(db: Database, runner: _Gatherer, now: int, on_error: Callable[[str, BaseException], None]) -> int:
    """Send each due stream its deadline; how many fired here.

    Several processes may do this at once: the stream's lock lets one fire, and the others find the deadline moved.
    One that fails, or that its rules refuse, is reported and waits 1, 2, 4 … seconds, at most an hour, so that it
    never stands in the way of others.
    """
    with db.read() as conn:
        found = due(conn, now)
    commands = [Command(DEADLINE, stream, {"at": at}, actor="deadline") for stream, at in found]
    fired = 0
    failed: list[tuple[str, int]] = []
    for (stream, at), result in zip(found, runner.gather(commands), strict=True):
        if isinstance(result, BaseException):
            on_error(stream, result)
            failed.append((stream, at))
        elif result.ok:
            fired += 1
        elif result.refusal is not None and result.refusal.code != "deadline_moved":
            failed.append((stream, at))
    if failed:
        with db.write() as conn:
            put_off(conn, failed, now)
    return fired


def put_off(conn: Connection, failed: Sequence[tuple[str, int]], now: int) -> None:
    """Let deadlines (stream, at) that failed wait twice as long as the last time, unless they have moved meanwhile."""
    tries = deadlines.c.tries
    wait = case(*((tries == n, 1000 << n) for n in range(12)), else_=LONGEST_WAIT)
    later = (
        update(deadlines)
        .where(deadlines.c.stream == bindparam("b_stream"), deadlines.c.at == bindparam("b_at"))
        .values(tries=tries + 1, next_try=literal(now, BigInteger) + wait)
    )
    conn.execute(later, [{"b_stream": stream, "b_at": at} for stream, at in sorted(failed)])
