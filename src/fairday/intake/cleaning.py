"""JSON that would break a reader later on: found cheaply, mended where it can be, refused where it cannot."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

MAX_DEPTH = 24
"""How deep an event's objects and lists may stand in each other."""

_DIGITS = bytes(48 if 48 <= i <= 57 else 32 for i in range(256))
_LONG = b"0" * 19
_SURROGATES = re.compile("[\ud800-\udfff]")


class Unclean(ValueError):
    """The value cannot be mended."""


def suspect(text: bytes) -> bool:
    """Whether a JSON text may hold a NUL, or an integer that no database column takes.

    A test of the bytes in one pass, so that what is harmless (nearly everything) is never walked through; it may
    suspect the harmless, never the other way round.
    """
    return b"\\u0000" in text or _LONG in text.translate(_DIGITS)


def deep(text: bytes) -> bool:
    """Whether an event's JSON has brackets enough to be nested too deeply."""
    return text.count(b"{") + text.count(b"[") > MAX_DEPTH


def cleaned(value: Any, depth: int = 0) -> Any:
    """A JSON value that every reader can take: no NUL, no half surrogate, integers beyond 64 bits as floats.

    Raises:
        Unclean: it is nested deeper than ``MAX_DEPTH``.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float(value) if abs(value) < 10**300 else None
    if isinstance(value, dict | list):
        if depth >= MAX_DEPTH:
            raise Unclean(f"deeper than {MAX_DEPTH} levels")
        if isinstance(value, list):
            return [cleaned(v, depth + 1) for v in value]
        return {_text(k): cleaned(v, depth + 1) for k, v in value.items()}
    return value


def _text(value: str) -> str:
    if "\0" in value:
        value = value.replace("\0", "")
    return value if value.isascii() else _SURROGATES.sub("\ufffd", value)


def lenient(text: bytes) -> bytes:
    """The same JSON without what the strict reader refuses but SDKs send: NaN and Infinity (null), half surrogates.

    Raises:
        Unclean: it is no JSON even so.
    """
    try:
        value = json.loads(text.decode(), parse_constant=lambda _: None, parse_float=_finite)
        return msgspec.json.encode(_surrogates(value))
    except (ValueError, RecursionError, OverflowError) as error:
        raise Unclean(str(error))


def _finite(text: str) -> float | None:
    value = float(text)
    return value if abs(value) != float("inf") else None


def _surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_surrogates(v) for v in value]
    if isinstance(value, dict):
        return {_SURROGATES.sub("\ufffd", k): _surrogates(v) for k, v in value.items()}
    if isinstance(value, int) and abs(value) >= 10**300:
        return None
    return value
