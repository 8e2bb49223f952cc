"""Tombstones: keyed hashes of erased ids that drop what still arrives about them; and who mentions a refused id."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from fairday.kernel import jsons
from fairday.kernel.clock import DAY_MS
from fairday.kernel.settings import IdentitySettings
from fairday.people.identity.model import Evidence
from fairday.people.identity.normal import Key, normalise
from fairday.people.identity.records import delete_in, many, rows_in, run
from fairday.storage.log import Happening, happening

HOLDS_MS = 30 * DAY_MS
"""How long after an erasure a happening with an erased id still counts as late; afterwards the id begins anew."""


def secret(conn: Connection) -> bytes:
    """The key of the shop's hashes, made on first use."""
    query = "SELECT key FROM identity_secret WHERE name = 'tombstones'"
    found = run(conn, query)
    if not found:
        made = secrets.token_bytes(32)
        statement = "INSERT INTO identity_secret (name, key) VALUES ('tombstones', ?) ON CONFLICT (name) DO NOTHING"
        many(conn, statement, [(made,)])
        found = run(conn, query)
    return bytes(found[0][0])


def hashed(key: Key, secret_: bytes) -> str:
    """An id as a keyed hash: says whether an id is the same one, and nothing else without the key."""
    return hashlib.blake2b(f"{key[0]}\0{key[1]}".encode(), key=secret_, digest_size=16).hexdigest()


def welcome(conn: Connection, key: Key, now: int) -> None:
    """Somebody erased came back by their own wish: what they do from ``now`` (ms) on is theirs; the past stays out."""
    many(conn, "UPDATE tombstones SET until = ? WHERE key = ? AND until > ?", [(now, hashed(key, secret(conn)), now)])


def mention(conn: Connection, refused: Iterable[tuple[Key, int, str]]) -> None:
    """Remember which happenings mention an id that was not admitted to their person."""
    found = list(refused)
    if found:
        key = secret(conn)
        many(
            conn,
            "INSERT INTO identity_mentions (key, pos) VALUES (?,?) ON CONFLICT (key, pos) DO NOTHING",
            sorted({(hashed(k, key), pos) for k, pos, _ in found}),
        )


def filter_erased(
    conn: Connection, taken: list[tuple[Happening, Evidence]], settings: IdentitySettings
) -> list[tuple[Happening, Evidence]]:
    """Leave out what arrives about erased persons, and take it out of the log as well.

    A happening whose strongest id was erased goes altogether; from another one only the erased ids are removed.
    """
    if not run(conn, "SELECT 1 FROM tombstones LIMIT 1"):
        return taken
    key = secret(conn)
    hashes = {k: hashed(k, key) for _, e in taken for k in e.ids}
    until = dict(tuple(r) for r in rows_in(conn, "SELECT key, until FROM tombstones WHERE key IN ?", hashes.values()))
    if not until:
        return taken
    kept: list[tuple[Happening, Evidence]] = []
    gone: list[int] = []
    for row, e in taken:
        dead = {k for k in e.ids if e.at < until.get(hashes[k], e.at)}
        if not dead:
            kept.append((row, e))
        elif e.ids[0] in dead:
            gone.append(row.pos)
        else:
            scrub(conn, [row.pos], dead, settings)
            kept.append((row, e._replace(ids=[k for k in e.ids if k not in dead])))
    delete_in(conn, "happenings", "pos", gone)
    return kept


def scrub(conn: Connection, positions: Sequence[int], dead: set[Key], settings: IdentitySettings) -> int:
    """Take ids out of happenings that stay: from their ids, and wherever the body holds them as a value; how many."""
    changed: list[tuple[str, str, int]] = []
    query = "SELECT pos, xid, message_id, kind, name, at, received, source, ids, body FROM happenings WHERE pos IN ?"
    for r in rows_in(conn, query, positions):
        row = happening(r._mapping)
        ids = [i for i in row.ids if (i[0], normalise(*i, settings)[0]) not in dead]
        types = {t for t, _ in dead}

        def is_dead(text: str, types: set[str] = types) -> bool:
            return any((t, normalise(t, text, settings)[0]) in dead for t in types)

        body = _without(row.body, is_dead)
        if len(ids) != len(row.ids) or body != row.body:
            changed.append((jsons.dumps(ids), jsons.dumps(body), row.pos))
    many(conn, "UPDATE happenings SET ids = ?, body = ? WHERE pos = ?", changed)
    return len(changed)


def _without(value: Any, is_dead: Any) -> Any:
    if isinstance(value, str):
        return None if is_dead(value) else value
    if isinstance(value, list):
        return [_without(v, is_dead) for v in value]
    if isinstance(value, dict):
        return {k: _without(v, is_dead) for k, v in value.items()}
    return value
