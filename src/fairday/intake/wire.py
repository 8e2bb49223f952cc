"""The Segment HTTP Tracking API as bytes: a request's body in, happenings and refusals out. Nothing here does I/O."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from fairday.intake.cleaning import Unclean, cleaned, lenient, suspect
from fairday.intake.events import Rejection, Rules, judge
from fairday.intake.moments import BadMoment, instant
from fairday.kernel.errors import FairdayError
from fairday.storage.log import Happening

MAX_BATCH_BYTES = 500 * 1024
MAX_BATCH_EVENTS = 2500
_MEMBERS = 16
"""Parts of one gzip body; each is a copy of what follows it, so that thousands would keep the door busy for seconds."""

Endpoint = Literal["identify", "track", "page", "screen", "group", "alias", "batch", "metrics"]

ENDPOINTS: dict[str, Endpoint] = {
    "identify": "identify",
    "i": "identify",
    "track": "track",
    "t": "track",
    "page": "page",
    "p": "page",
    "screen": "screen",
    "s": "screen",
    "group": "group",
    "g": "group",
    "alias": "alias",
    "a": "alias",
    "batch": "batch",
    "b": "batch",
    "import": "batch",  # where the Android SDK and older server SDKs send their batches
    "metrics": "metrics",
    "m": "metrics",  # the browser SDK's figures about itself: answered, not kept
}
"""What stands behind ``/v1/``: what it takes."""


class Refused(FairdayError):
    """A whole request that cannot be taken.

    Attributes:
        status: the HTTP status. Only 408, 429 and 5xx tell an SDK to send the same bytes again.
    """

    def __init__(self, status: int, code: str, message: str, remedy: str = "") -> None:
        super().__init__(message, code=code, remedy=remedy)
        self.status = status


class Envelope(msgspec.Struct, frozen=True):
    """A request's body, opened but with its events still unread.

    Attributes:
        key: the write key the body states, or "".
        events: the JSON of each event.
        kind: what all events are (a single endpoint), or "" where each says so itself.
        context: what the batch says of all its events.
        sent: ``sentAt`` of the request, ms UTC, or None.
        doubtful: an event's JSON may hold what must be cleaned before it is kept.
    """

    key: str
    events: list[msgspec.Raw]
    kind: str
    context: dict[str, Any]
    sent: int | None
    doubtful: bool


class _Batch(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    context: dict[str, Any] | list[Any] | None = None
    sent_at: str | int | float | None = None
    write_key: str | None = None


class _Single(msgspec.Struct, rename="camel"):
    write_key: str | None = None


_read_batch = msgspec.json.Decoder(_Batch)
_read_single = msgspec.json.Decoder(_Single)


def endpoint(path: str) -> Endpoint | None:
    """What a path takes (``/v1/track``, ``/v1/t``, ``/v1/batch`` …), or None."""
    parts = path.rstrip("/").split("/")
    return ENDPOINTS.get(parts[2]) if len(parts) == 3 and parts[:2] == ["", "v1"] else None


def key_of_header(authorization: str) -> str:
    """The write key of an Authorization header: the user name of Basic, the token of Bearer; "" if it states none."""
    scheme, _, rest = authorization.strip().partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer":
        return rest
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(rest + "=" * (-len(rest) % 4), validate=True).decode()
        except (binascii.Error, ValueError):
            return ""
        return pair.partition(":")[0]
    return ""


def unpack(body: bytes, encoding: str = "") -> bytes:
    """A body as its JSON text: unzipped where its first bytes are gzip's, whatever the headers say.

    Args:
        body: the bytes as they came.
        encoding: the Content-Encoding header.

    Raises:
        Refused: larger than a batch may be (before or after unzipping), broken gzip, or another compression.
    """
    if len(body) > MAX_BATCH_BYTES:
        raise too_large()
    if body[:2] == b"\x1f\x8b":
        return _gunzip(body)
    words = [w.strip() for w in encoding.lower().split(",") if w.strip()]
    if any(w not in ("gzip", "x-gzip", "identity") for w in words):
        raise Refused(415, "unsupported_encoding", f"The encoding {encoding[:40]!r} is not read here.", "Send gzip.")
    return body[3:] if body[:3] == b"\xef\xbb\xbf" else body


def too_large() -> Refused:
    """The refusal of a body over the limit."""
    return Refused(
        413, "too_large", f"A request may hold {MAX_BATCH_BYTES // 1024} KB of JSON.", "Send smaller batches."
    )


def _gunzip(body: bytes) -> bytes:
    parts: list[bytes] = []
    left = MAX_BATCH_BYTES + 1
    while body[:2] == b"\x1f\x8b":
        if len(parts) == _MEMBERS:
            raise Refused(400, "bad_gzip", f"The body is gzip of more than {_MEMBERS} parts.")
        stream = zlib.decompressobj(wbits=31)
        try:
            # Bounded: at most the limit and one byte is ever unzipped, however much the bytes would give.
            part = stream.decompress(body, left)
        except zlib.error as error:
            raise Refused(400, "bad_gzip", f"The body is not gzip: {error}.")
        parts.append(part)
        left -= len(part)
        if left <= 0:
            raise too_large()
        if not stream.eof:
            raise Refused(400, "bad_gzip", "The gzip of the body is cut off.")
        body = stream.unused_data
    return b"".join(parts)


def open_body(taken: Endpoint, text: bytes) -> Envelope:
    """Read a body's outside: key, time of sending, and its events as JSON still.

    Raises:
        Refused: it is not JSON, or not of the endpoint's form.
    """
    doubtful = suspect(text)
    try:
        return _open(taken, text, doubtful)
    except (msgspec.ValidationError, RecursionError) as error:
        # Number out of range is also a ValidationError: the lenient reading below may still make sense of it.
        first: Exception = error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        first = error
    try:
        mended = lenient(text)
    except Unclean:
        if isinstance(first, RecursionError):
            raise Refused(400, "too_deep", "The body is nested too deeply.")
        raise Refused(400, "malformed_json", f"The body is not JSON: {first}.", "Send a JSON object in UTF-8.")
    try:
        return _open(taken, mended, True)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        form = 'an object with a list "batch"' if taken == "batch" else "a JSON object"
        raise Refused(400, "malformed_body", f"The body has not the form of {taken}: {error}.", f"Send {form}.")


def _open(taken: Endpoint, text: bytes, doubtful: bool) -> Envelope:
    if taken == "batch":
        batch = _read_batch.decode(text)
        context = batch.context if isinstance(batch.context, dict) else {}
        if doubtful:
            context = cleaned(context)
        return Envelope(batch.write_key or "", batch.batch, "", context, _sent(batch.sent_at), doubtful)
    single = _read_single.decode(text)
    return Envelope(single.write_key or "", [msgspec.Raw(text)], taken, {}, None, doubtful)


def _sent(value: str | int | float | None) -> int | None:
    try:
        return instant(value)
    except BadMoment:
        return None  # a broken sentAt is no reason to lose a batch: its clock is believed instead


def read(envelope: Envelope, rules: Rules, received: int) -> tuple[list[Happening], list[Rejection]]:
    """The happenings of an envelope and the events that cannot be taken, each in the order of the wire.

    Args:
        envelope: the opened body.
        rules: whose key it came with, and what the shop refuses.
        received: when it came in, ms UTC.
    """
    happenings: list[Happening] = []
    rejected: list[Rejection] = []
    for index, raw in enumerate(envelope.events):
        if index >= MAX_BATCH_EVENTS:
            rejected.append(Rejection(index, "too_many", f"A batch may hold {MAX_BATCH_EVENTS} events.", bytes(raw)))
            continue
        found = judge(index, raw, envelope.kind, envelope.context, envelope.sent, envelope.doubtful, rules, received)
        if isinstance(found, Rejection):
            rejected.append(found)
        else:
            happenings.append(found)
    return happenings, rejected


def settings_document(key: str, api_host: str, protocol: str) -> dict[str, Any]:
    """What SDKs fetch from ``/v1/projects/KEY/settings`` before they send: where to send, and that all is on.

    Args:
        key: the write key.
        api_host: host, port and ``/v1``, without a scheme, as SDKs expect it.
        protocol: http or https.
    """
    on: Mapping[str, Any] = {"enabled": True, "integrations": {}}
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": key,
                "apiHost": api_host,
                "protocol": protocol,
                "addBundledMetadata": True,
                "unbundledIntegrations": [],
                "maybeBundledConfigIds": {},
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            }
        },
        "plan": {kind: {"__default": on} for kind in ("track", "identify", "group")},
        "edgeFunction": {},
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "remotePlugins": [],
        "analyticsNextEnabled": True,
        "legacyVideoPluginsEnabled": False,
        "metrics": {"sampleRate": 0},
    }
