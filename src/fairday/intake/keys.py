"""Write keys: who may send events, from where, and under which name the log keeps it."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Any, Literal, get_args

import msgspec
from sqlalchemy import BigInteger, Connection, Select, String, Table, select, update
from sqlalchemy.exc import IntegrityError

from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.storage.database import BigId, col, metadata

KeyKind = Literal["browser", "server", "till"]
KEY_KINDS: tuple[KeyKind, ...] = get_args(KeyKind)

write_keys = Table(
    "write_keys",
    metadata,
    col("id", BigId, primary_key=True, autoincrement=True, personal=False),
    col("name", String(48), nullable=False, unique=True, personal=False),
    col("kind", String(8), nullable=False, personal=False),
    col("digest", String(64), nullable=False, unique=True, personal=False),
    col("shown", String(128), nullable=False, personal=False),
    col("created", BigInteger, nullable=False, personal=False),
    col("revoked", BigInteger, nullable=True, personal=False),
)
"""A browser's key is public and stands in ``shown``; of the others only its SHA-256 and last four letters
are kept."""

_KEY = re.compile(r"[A-Za-z0-9_.\-]{8,128}")
_PREFIX: dict[str, str] = {"browser": "fdb", "server": "fds", "till": "fdt"}
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


class WriteKey(msgspec.Struct, frozen=True):
    """A write key.

    Attributes:
        name: what the merchant calls it ("web shop", "till").
        kind: ``browser`` (public: what comes with it is claimed), ``server`` (secret: what comes with it is so), or
            ``till`` (as a server's, and it may be paid by members' codes).
        shown: the key itself for a browser, ``…abcd`` otherwise.
        created: ms UTC.
        revoked: ms UTC, or None while it is good.
    """

    name: str
    kind: KeyKind
    shown: str
    created: int
    revoked: int | None = None

    @property
    def source(self) -> str:
        """What ``happenings.source`` says of what came with it: ``KIND:NAME``."""
        return f"{self.kind}:{self.name}"

    @property
    def public(self) -> bool:
        return self.kind == "browser"


def create_key(conn: Connection, name: str, kind: str, now: int, key: str = "") -> tuple[WriteKey, str]:
    """Make a write key in the caller's transaction.

    Args:
        name: 1 to 48 characters, not used before.
        kind: ``browser``, ``server`` or ``till``.
        now: ms UTC.
        key: an existing key to take over (from Segment, so that pages need no change); a fresh one by default.

    Returns:
        The key's record and the key itself, which for a server or till is told this once only.

    Raises:
        FairdayError: the name, kind or key is not usable.
        Conflict: the name or key is in use.
    """
    name = name.strip()
    if not 1 <= len(name) <= 48 or _UNPRINTABLE.search(name):
        raise FairdayError(
            "A write key's name has 1 to 48 characters.", code="bad_name", remedy="Name the place it is used in."
        )
    if kind not in KEY_KINDS:
        raise FairdayError(f"{kind!r} is no kind of key.", code="bad_kind", remedy="Write browser, server or till.")
    key = key or f"{_PREFIX[kind]}_{secrets.token_urlsafe(24)}"
    if not _KEY.fullmatch(key):
        raise FairdayError("A write key has 8 to 128 letters, digits, _ . or -.", code="bad_key")
    made = WriteKey(name, kind, key if kind == "browser" else f"…{key[-4:]}", now)
    taken = select(write_keys.c.name).where((write_keys.c.name == name) | (write_keys.c.digest == _digest(key)))
    in_use = Conflict(f"The name {name!r} or the key is in use.", code="key_exists", remedy="Choose another name.")
    if conn.execute(taken).first() is not None:
        raise in_use
    try:
        with conn.begin_nested():
            conn.execute(
                write_keys.insert().values(
                    name=name, kind=kind, digest=_digest(key), shown=made.shown, created=now, revoked=None
                )
            )
    except IntegrityError:  # made by another process meanwhile
        raise in_use
    return made, key


def find_key(conn: Connection, key: str) -> WriteKey | None:
    """The good write key of that text, or None where it is unknown or revoked."""
    if not _KEY.fullmatch(key):
        return None
    row = conn.execute(_columns().where(write_keys.c.digest == _digest(key), write_keys.c.revoked.is_(None))).first()
    return None if row is None else WriteKey(*row)


def list_keys(conn: Connection) -> list[WriteKey]:
    """All write keys, revoked ones included, in the order they were made."""
    return [WriteKey(*row) for row in conn.execute(_columns().order_by(write_keys.c.id))]


def revoke_key(conn: Connection, name: str, now: int) -> None:
    """Take nothing more with that key. Doors that have it in memory notice within seconds.

    Raises:
        NotFound: there is no good key of that name.
    """
    done = conn.execute(
        update(write_keys).where(write_keys.c.name == name, write_keys.c.revoked.is_(None)).values(revoked=now)
    )
    if not done.rowcount:
        raise NotFound(f"There is no write key {name!r} to revoke.", code="no_key")


def _columns() -> Select[Any]:
    c = write_keys.c
    return select(c.name, c.kind, c.shown, c.created, c.revoked)


def _digest(key: str) -> str:
    # Keys are long and random (or were Segment's, which are): a plain hash cannot be guessed back.
    return hashlib.sha256(key.encode()).hexdigest()
