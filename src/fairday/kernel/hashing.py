"""Stable hashing of people into the arms of holdouts and experiments."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def position(experiment: str, unit: str) -> float:
    """Where a unit stands in an experiment: uniform in [0, 1), the same for ever, independent between experiments."""
    raw = hashlib.blake2b(f"{experiment}\0{unit}".encode(), digest_size=8).digest()
    return (int.from_bytes(raw, "big") >> 11) / (1 << 53)


def arm(experiment: str, unit: str, shares: Sequence[tuple[str, float]]) -> str:
    """The arm a unit falls in. ``shares`` are (name, share) with shares summing to 1; the last takes the rest."""
    at = position(experiment, unit)
    for name, share in shares[:-1]:
        if at < share:
            return name
        at -= share
    return shares[-1][0]
