"""Instants as SDKs write them, and the correction of a sender's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_LARGEST_SECONDS = 100_000_000_000  # as milliseconds this is March 1973: below it a number counts seconds


class BadMoment(ValueError):
    """The value is not an instant after 1970."""


def instant(value: str | int | float | None) -> int | None:
    """Milliseconds since 1970 UTC of a timestamp on the wire.

    Read are ISO 8601 in its usual forms (``Z``, ``+08:00``, ``+0800``, ``+08``, any number of decimals, a space for
    the ``T``, a date alone; without a zone it is UTC) and numbers, of seconds or of milliseconds.

    Returns:
        None for null and for an empty text.

    Raises:
        BadMoment: it is none of these, or lies before 1970 or after 9999.
    """
    if value is None:
        return None
    try:
        if isinstance(value, str):
            text = value.strip().upper()
            if not text:
                return None
            if text.isdecimal() and len(text) in (10, 13):
                return instant(int(text))
            at = datetime.fromisoformat(text)
            ms = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // _MS
        else:
            ms = int(value * 1000 if abs(value) < _LARGEST_SECONDS else value)
    except (ValueError, OverflowError):
        raise BadMoment(str(value)[:40])
    if not 0 <= ms <= 253_402_300_799_999:
        raise BadMoment(str(value)[:40])
    return ms


def happened_at(
    received: int, sent: int | None, original: int | None, stated: int | None, relayed: bool = False
) -> int:
    """When an event happened by our clock: ms since 1970 UTC, never later than it was received.

    Segment's rule: ``received - (sent - original)``, so that a sender whose clock is wrong is wrong by the network's
    delay only. Without ``sent`` the sender's clock is believed.

    Args:
        received: when the request came in, by our clock.
        sent: ``sentAt``, when the request was sent, by the sender's clock.
        original: ``originalTimestamp``, by the sender's clock.
        stated: ``timestamp``, by the sender's clock.
        relayed: the event has been received and corrected by someone before (it carries ``receivedAt``), so
            ``timestamp`` is right as it stands.
    """
    if relayed and stated is not None:
        return min(stated, received)
    if sent is None:
        at = stated if stated is not None else original
        return received if at is None else min(at, received)
    at = original if original is not None else stated
    return received if at is None else max(0, min(received - (sent - at), received))
