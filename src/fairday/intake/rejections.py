"""Events that were not taken: kept with their reason, bounded so that no flood fills the disk."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import msgspec
from sqlalchemy import BigInteger, Connection, Index, Integer, String, Table, Text, delete, select

from fairday.kernel.clock import local_day
from fairday.storage.database import BigId, col, insert, metadata
from fairday.storage.groupcommit import Lane

KEPT_PER_SOURCE = 5_000
KEPT_MS = 30 * 86_400_000
KEPT_CHARACTERS = 4_096
"""The newest so many of each source, for so long, and so much of each body. Counts are kept for good."""

_PRUNE_EVERY = 500

rejected_events = Table(
    "rejected_events",
    metadata,
    col("id", BigId, primary_key=True, autoincrement=True, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
    col("source", String(64), nullable=False, personal=False),
    col("code", String(32), nullable=False, personal=False),
    col("message", Text, nullable=False, personal=True),
    col("body", Text, nullable=False, personal=True),
    col("bytes", Integer, nullable=False, personal=False),
    Index("rejected_events_source", "source", "id"),
    sqlite_autoincrement=True,
)
rejected_counts = Table(
    "rejected_counts",
    metadata,
    col("day", Integer, primary_key=True, personal=False),
    col("source", String(64), primary_key=True, personal=False),
    col("code", String(32), primary_key=True, personal=False),
    col("n", BigInteger, nullable=False, personal=False),
)

UNKNOWN_SOURCE = "unknown"
"""The source of what came with no good write key."""


class Rejected(msgspec.Struct, frozen=True):
    """An event, or a whole request, that was not taken.

    Attributes:
        at: when it came in, ms UTC.
        source: the write key's source, or ``UNKNOWN_SOURCE``.
        code: a stable word for programs.
        message: what was wrong and what to send instead.
        body: its JSON, cut after ``KEPT_CHARACTERS``.
        size: its bytes as they came.
        id: its number, 0 before it is kept.
    """

    at: int
    source: str
    code: str
    message: str
    body: str
    size: int
    id: int = 0


def rejection(at: int, source: str, code: str, message: str, raw: bytes) -> Rejected:
    """What is kept of bytes that were not taken."""
    return Rejected(at, source, code, readable(message)[:500], readable(raw)[:KEPT_CHARACTERS], len(raw))


_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


def readable(raw: bytes | str) -> str:
    """Text that any database takes: broken UTF-8 and NUL replaced, JSON's escapes of letters written out.

    Written out, so that the erasure of a person, which searches these texts, finds their ids.
    """
    text = raw[: 8 * KEPT_CHARACTERS].decode(errors="replace") if isinstance(raw, bytes) else raw
    text = _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if int(m[1], 16) >= 0x80 else m[0], text)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


class RejectionLane(Lane):
    """The group commit's lane for rejections: each item a list of ``Rejected``."""

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._since_pruned: Counter[str] = Counter()

    def apply(self, conn: Connection, items: Sequence[Sequence[Rejected]]) -> Sequence[None]:
        rows = [row for item in items for row in item]
        keep_rejected(conn, rows, self._zone)
        self._since_pruned.update(row.source for row in rows)
        for source, n in list(self._since_pruned.items()):
            if n >= _PRUNE_EVERY:
                prune_rejected(conn, source, max(row.at for row in rows))
                del self._since_pruned[source]
        return [None] * len(items)


def keep_rejected(conn: Connection, rows: Sequence[Rejected], zone: str) -> None:
    """Write rejections and count them by day in the shop's zone, in the caller's transaction."""
    if not rows:
        return
    # Of a flood in one batch only the newest can survive the next pruning: the others are counted, not written.
    newest: dict[str, list[Rejected]] = {}
    for row in rows:
        newest.setdefault(row.source, []).append(row)
    conn.execute(
        rejected_events.insert(),
        [
            {"at": r.at, "source": r.source, "code": r.code, "message": r.message, "body": r.body, "bytes": r.size}
            for of_source in newest.values()
            for r in of_source[-KEPT_PER_SOURCE:]
        ],
    )
    counted = Counter((local_day(r.at, zone), r.source, r.code) for r in rows)
    upsert = insert(conn, rejected_counts)
    conn.execute(
        upsert.on_conflict_do_update(
            index_elements=["day", "source", "code"], set_={"n": rejected_counts.c.n + upsert.excluded.n}
        ),
        # Sorted, so that two processes lock the counters in one order.
        [{"day": d, "source": s, "code": c, "n": n} for (d, s, c), n in sorted(counted.items())],
    )


def prune_rejected(conn: Connection, source: str, now: int) -> None:
    """Delete a source's rejections beyond the newest ``KEPT_PER_SOURCE``, and all older than ``KEPT_MS``."""
    c = rejected_events.c
    last = (
        select(c.id).where(c.source == source).order_by(c.id.desc()).offset(KEPT_PER_SOURCE).limit(1).scalar_subquery()
    )
    conn.execute(delete(rejected_events).where(c.source == source, c.id <= last))
    conn.execute(delete(rejected_events).where(c.source == source, c.at < now - KEPT_MS))


def list_rejected(
    conn: Connection, *, source: str | None = None, code: str | None = None, before: int | None = None, limit: int = 50
) -> list[Rejected]:
    """The newest rejections, of one source or code if asked; ``before`` an id gives the next page."""
    c = rejected_events.c
    query = select(c.at, c.source, c.code, c.message, c.body, c.bytes, c.id).order_by(c.id.desc()).limit(limit)
    if source is not None:
        query = query.where(c.source == source)
    if code is not None:
        query = query.where(c.code == code)
    if before is not None:
        query = query.where(c.id < before)
    return [Rejected(*row) for row in conn.execute(query)]


def count_rejected(conn: Connection, since_day: int) -> list[tuple[int, str, str, int]]:
    """How many were rejected since a local day: (day, source, code, n), the newest day first. Counts are complete."""
    c = rejected_counts.c
    query = select(c.day, c.source, c.code, c.n).where(c.day >= since_day)
    return [(d, s, k, n) for d, s, k, n in conn.execute(query.order_by(c.day.desc(), c.source, c.code))]
