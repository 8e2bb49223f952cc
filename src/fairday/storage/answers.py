"""Idempotency keys: what was answered to whom, so that a repeat gets the first answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Index, String, Table, Text, delete, select, tuple_

from fairday.kernel import jsons
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Answer, Command, Refusal
from fairday.kernel.errors import Conflict
from fairday.storage.bulk import insert_rows
from fairday.storage.database import col, insert, metadata

answers = Table(
    "answers",
    metadata,
    col("actor", String(100), primary_key=True, personal=False),
    col("key", String(200), primary_key=True, personal=False),
    col("request", String(32), nullable=False, personal=False),
    col("answer", Text, nullable=False, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
    Index("answers_at", "at"),
    sqlite_with_rowid=False,
)

KEPT_DAYS = 30
"""How long an answer is kept: a repeat that comes later than this is a new request."""

Pair = tuple[str, str]
"""(actor, key): keys are scoped to the actor."""


def fingerprint(command: Command) -> str:
    """What makes two requests the same: a digest of name, stream and data."""
    return hashlib.blake2b(jsons.canonical((command.name, command.stream, command.data)), digest_size=16).hexdigest()


_FIND = {
    "sqlite": "SELECT a.actor, a.key, a.request, a.answer FROM json_each(?) AS asked CROSS JOIN answers AS a "
    "ON a.actor = asked.value ->> 0 AND a.key = asked.value ->> 1",
    "postgresql": "SELECT a.actor, a.key, a.request, a.answer FROM unnest(%s::text[], %s::text[]) AS asked(actor, key) "
    "JOIN answers AS a ON a.actor = asked.actor AND a.key = asked.key",
}


def find(conn: Connection, pairs: Sequence[Pair]) -> dict[Pair, tuple[str, Answer]]:
    """(request, answer) by pair, for those that have been answered."""
    if not pairs:
        return {}
    lists = [a for a, _ in pairs], [k for _, k in pairs]
    given: tuple[Any, ...] = (jsons.dumps(pairs),) if conn.dialect.name == "sqlite" else lists
    found = conn.exec_driver_sql(_FIND[conn.dialect.name], given)
    return {(actor, key): (request, _decode(answer)) for actor, key, request, answer in found}


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


def once(conn: Connection, actor: str, key: str, now: int) -> bool:
    """Use up something that counts once, such as a link; whether this was the first time."""
    row = {"actor": actor, "key": key, "request": "", "answer": "", "at": now}
    made = insert(conn, answers).values(row).on_conflict_do_nothing(index_elements=["actor", "key"])
    return bool(conn.execute(made.returning(answers.c.key)).all())


def encode(said: Sequence[tuple[str, str, msgspec.Raw]], refusal: Refusal | None, at: int) -> str:
    """An answer as kept; ``said`` are (stream, event name, encoded data)."""
    why = refusal and (refusal.code, refusal.message, refusal.detail)
    return jsons.dumps((at, said, why))


def _decode(raw: str) -> Answer:
    at, said, why = jsons.loads(raw)
    return Answer(tuple((s, n, d) for s, n, d in said), Refusal(*why) if why else None, at)


def forget(conn: Connection, now: int, limit: int = 5000) -> int:
    """Let go of up to ``limit`` answers older than ``KEPT_DAYS``; how many there were."""
    old = select(answers.c.actor, answers.c.key).where(answers.c.at < now - KEPT_DAYS * DAY_MS).limit(limit)
    return conn.execute(delete(answers).where(tuple_(answers.c.actor, answers.c.key).in_(old))).rowcount
