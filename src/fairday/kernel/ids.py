"""Identifiers we make: sortable by time, unguessable enough to be public only where said."""

from __future__ import annotations

import hashlib
import secrets
import time


def new_id(now: int | None = None) -> str:
    """A new id of 26 characters, sortable by creation time (48 bits of milliseconds, 80 random bits)."""
    at = time.time_ns() // 1_000_000 if now is None else now
    return f"{at:012x}{secrets.token_hex(7)}"


def digest(*parts: str | bytes) -> str:
    """A stable 128-bit hex digest of some parts; parts are length-prefixed, so ("ab","c") differs from ("a","bc")."""
    h = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        h.update(len(raw).to_bytes(8, "big"))
        h.update(raw)
    return h.hexdigest()
