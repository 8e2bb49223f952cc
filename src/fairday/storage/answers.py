"""Idempotency keys: what was answered to whom, so that a repeat gets the first answer."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import BigInteger, Connection, Index, String, Table, Text, delete, select, tuple_

from fairday.kernel import ids, jsons
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Answer, Command, Refusal
from fairday.kernel.errors import Conflict
from fairday.storage.bulk import insert_rows
from fairday.storage.database import col, metadata

answers = Table(
    "answers",
    metadata,
    col("actor", String(100), primary_key=True, personal=False),
    col("key", String(200), primary_key=True, personal=False),
    col("request", String(32), nullable=False, personal=False),
    col("answer", Text, nullable=False, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
    Index("answers_at", "at"),
)

KEPT_DAYS = 30
"""How long an answer is kept: a repeat that comes later than this is a new request."""

Pair = tuple[str, str]
"""(actor, key): keys are scoped to the actor."""


def fingerprint(command: Command) -> str:
    """What makes two requests the same: name, stream and data."""
    return ids.digest(jsons.canonical([command.name, command.stream, command.data]))


def find(conn: Connection, pairs: Sequence[Pair]) -> dict[Pair, tuple[str, Answer]]:
    """(request, answer) by pair, for those that have been answered."""
    found: dict[Pair, tuple[str, Answer]] = {}
    for start in range(0, len(pairs), 400):
        query = select(answers).where(tuple_(answers.c.actor, answers.c.key).in_(pairs[start : start + 400]))
        for actor, key, request, answer, _ in conn.execute(query):
            found[(actor, key)] = (request, _decode(answer))
    return found


def repeat(first: tuple[str, Answer], request: str) -> Answer | Conflict:
    """What a repeat of a key is answered."""
    if first[0] == request:
        return first[1]
    return Conflict(
        "This idempotency key was used for another request.",
        code="key_reused",
        remedy="Send a new key with a new request.",
    )


def save(conn: Connection, rows: Sequence[tuple[str, str, str, str, int]]) -> None:
    """Keep answers: (actor, key, request, encoded answer, at)."""
    insert_rows(conn, answers, ("actor", "key", "request", "answer", "at"), sorted(rows))


def encode(said: Sequence[tuple[str, str, msgspec.Raw]], refusal: Refusal | None, at: int) -> str:
    """An answer as kept; ``said`` are (stream, event name, encoded data)."""
    why = None if refusal is None else (refusal.code, refusal.message, refusal.detail)
    return jsons.dumps((at, said, why))


def _decode(raw: str) -> Answer:
    at, said, why = jsons.loads(raw)
    return Answer([(s, n, d) for s, n, d in said], Refusal(*why) if why else None, at)


def forget(conn: Connection, now: int, limit: int = 5000) -> int:
    """Let go of up to ``limit`` answers older than ``KEPT_DAYS``; how many there were."""
    old = select(answers.c.actor, answers.c.key).where(answers.c.at < now - KEPT_DAYS * DAY_MS).limit(limit)
    return conn.execute(delete(answers).where(tuple_(answers.c.actor, answers.c.key).in_(old))).rowcount
