"""JSON, one way: msgspec, UTF-8 text, keys in insertion order unless sorted is asked for."""

from __future__ import annotations

from typing import Any

import msgspec

_encoder = msgspec.json.Encoder()
_sorted = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder()


def dumps(value: Any) -> str:
    """JSON text of a value."""
    return _encoder.encode(value).decode()


def encode(value: Any) -> bytes:
    """JSON text of a value as UTF-8 bytes."""
    return _encoder.encode(value)


def canonical(value: Any) -> bytes:
    """JSON bytes with sorted keys, the same for equal values; what is hashed."""
    return _sorted.encode(value)


def loads(text: str | bytes) -> Any:
    """The value of a JSON text. Raises msgspec.DecodeError."""
    return _decoder.decode(text)
