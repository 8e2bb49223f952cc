"""The collect door: the Segment wire over HTTP as one raw ASGI route, and the browser script ``/t.js``.

An event is answered with 200 only after the commit that holds it. See docs/developers/collect.md.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import hashlib
import logging
import math
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from fairday.intake import wire
from fairday.intake.events import Rejection, Rules
from fairday.intake.keys import WriteKey, find_key
from fairday.intake.limits import Buckets
from fairday.intake.rejections import UNKNOWN_SOURCE, Rejected, RejectionLane, rejection
from fairday.kernel.errors import Conflict, Unavailable
from fairday.shop import Shop
from fairday.storage.log import Happening, RowLane, row
from fairday.web import slim

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

log = logging.getLogger("fairday.collect")

READ_SECONDS = 30
"""A body that takes longer to arrive is given up."""

KEY_SECONDS = 5
"""A known write key is looked up again after this long: a revoked one is good no longer than that."""

MAX_WAITING = 100_000
"""Events that may wait for their commit; beyond it senders are asked to come back."""

_SCRIPT = slim.script((Path(__file__).parent / "static" / "t.js").read_text("utf-8")).encode()
_SCRIPT_TAG = f'"{hashlib.sha256(_SCRIPT).hexdigest()[:16]}"'.encode()

_OPEN: list[Header] = [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"Retry-After")]
_JSON: list[Header] = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), *_OPEN]
_SUCCESS = b'{"success":true}'
_SUCCESS_HEADERS: list[Header] = [(b"content-length", str(len(_SUCCESS)).encode()), *_JSON]
_FORM_WORDS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_, ")


class CollectDoor:
    """The ASGI application of ``/v1/*`` and ``/t.js``; mount it before any framework's routes.

    Args:
        shop: the shop whose log is written.
        browser: what one address may send with one browser key: events a second, and at once.
        server: the same for one server key from anywhere.
        unknown: the same for one address without a good key, in requests.
    """

    def __init__(
        self,
        shop: Shop,
        *,
        browser: tuple[float, float] = (200, 10_000),
        server: tuple[float, float] = (50_000, 500_000),
        unknown: tuple[float, float] = (2, 60),
    ) -> None:
        self._shop = shop
        self._rows = RowLane()
        self._rejections = RejectionLane(shop.settings.zone)
        self._keys: dict[str, tuple[WriteKey, Rules, float]] = {}
        self._browser = Buckets(*browser)
        self._server = Buckets(*server)
        self._unknown = Buckets(*unknown)
        self._waiting = 0

    @staticmethod
    def handles(path: str) -> bool:
        """Whether a path is this door's."""
        return path == "/t.js" or (path.startswith("/v1/") and not path.startswith("/v1/till/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            await self._answer(scope, receive, send)
        except wire.Refused as refused:
            await _error(send, refused.status, refused.code, str(refused))
        except _Later as later:
            await _error(send, later.status, later.code, later.message, later.seconds)
        except Unavailable as later:
            await _error(send, 503, later.code, later.message, 5)
        except _Gone:
            return
        except Exception:
            log.exception("collect")
            await _error(send, 503, "unavailable", "The events could not be stored now. Send them again.", 5)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if method == "OPTIONS":
            await _preflight(scope, send)
        elif path == "/t.js":
            await _script(scope, send)
        elif path.startswith("/v1/projects/") and path.endswith("/settings"):
            await self._settings(scope, send)
        elif (taken := wire.endpoint(path)) is None:
            raise wire.Refused(
                404, "not_found", f"There is nothing at {path[:80]!r}.", "See docs/developers/collect.md."
            )
        elif method != "POST":
            raise wire.Refused(405, "method_not_allowed", "Events are sent by POST.")
        else:
            await self._collect(taken, scope, receive, send)

    # ---- events ----------------------------------------------------------------------------------------------------

    async def _collect(self, taken: wire.Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        if self._waiting > MAX_WAITING:
            raise _Later(503, "busy", "Too many events wait to be stored. Send them again in a moment.", 1)
        authorization, encoding, length = _headers(scope)
        if length > wire.MAX_BATCH_BYTES:
            raise wire.too_large()
        body = await _read(receive)
        received = self._shop.clock.now()
        stated = wire.key_of_header(authorization) if authorization else ""
        if taken == "metrics":
            await _ok(send)
            return
        text = body
        envelope: wire.Envelope | None = None
        refused: wire.Refused | None = None
        try:
            text = wire.unpack(body, encoding)
            envelope = wire.open_body(taken, text)
        except wire.Refused as error:
            refused = error
        rules = await self._rules(scope, stated, envelope.key if envelope else "")
        if rules is None:
            await self._keep([rejection(received, UNKNOWN_SOURCE, "unknown_write_key", "No good write key.", text)])
            raise wire.Refused(
                401, "unknown_write_key", "The write key is missing, unknown or revoked.", "Make one: fairday keys."
            )
        if refused is not None or envelope is None:
            assert refused is not None
            self._limit(rules, scope, 1)
            await self._keep([rejection(received, rules.source, refused.code, refused.message, text)])
            raise refused
        self._limit(rules, scope, len(envelope.events))
        happenings, rejected = wire.read(envelope, rules, received)
        self._waiting += len(envelope.events)
        try:
            refusals = [rejection(received, rules.source, r.code, r.message, r.raw) for r in rejected]
            done = [self._store(happenings)] if happenings else []
            if refusals:
                done.append(self._keep(refusals))
            await asyncio.gather(*done) if len(done) > 1 else await done[0] if done else None
        finally:
            self._waiting -= len(envelope.events)
        if rejected:
            await _partly(send, taken, rejected)
        else:
            await _ok(send)

    async def _store(self, happenings: list[Happening]) -> None:
        try:
            await self._shop.writer.perform(self._rows, [row(h) for h in happenings])
        except Conflict as error:
            # The database will never take these bytes: asking for them again would not help.
            log.error("%s", error)
            await self._keep(
                [
                    rejection(h.received, h.source, "not_storable", error.message, msgspec.json.encode(h))
                    for h in happenings
                ]
            )

    async def _keep(self, refusals: list[Rejected]) -> None:
        await self._shop.writer.perform(self._rejections, refusals)

    # ---- keys and limits -------------------------------------------------------------------------------------------

    async def _rules(self, scope: Scope, *stated: str) -> Rules | None:
        for key in dict.fromkeys(stated):
            if key:
                found = await self._key(scope, key)
                if found is not None:
                    return found[1]
        if not any(stated):
            self._count_unknown(scope)
        return None

    async def _key(self, scope: Scope, key: str) -> tuple[WriteKey, Rules, float] | None:
        now = time.monotonic()
        known = self._keys.get(key)
        if known is not None and now < known[2]:
            return known
        if known is None:
            self._count_unknown(scope, peek=True)
        record = await asyncio.to_thread(self._find, key)
        if record is None:
            self._keys.pop(key, None)
            self._count_unknown(scope)
            return None
        rules = Rules(record.source, record.public, self._shop.settings.identity)
        self._keys[key] = found = (record, rules, now + KEY_SECONDS)
        return found

    def _find(self, key: str) -> WriteKey | None:
        with self._shop.db.read() as conn:
            return find_key(conn, key)

    def _count_unknown(self, scope: Scope, peek: bool = False) -> None:
        wait = self._unknown.take(_address(scope), 0 if peek else 1, time.monotonic())
        if wait:
            raise _Later(429, "rate_limited", "Too many requests without a good write key.", math.ceil(wait))

    def _limit(self, rules: Rules, scope: Scope, events: int) -> None:
        if rules.public:
            wait = self._browser.take(f"{rules.source} {_address(scope)}", max(events, 1), time.monotonic())
        else:
            wait = self._server.take(rules.source, max(events, 1), time.monotonic())
        if wait:
            raise _Later(429, "rate_limited", "Too many events from here. Send them again later.", math.ceil(wait))

    # ---- documents -------------------------------------------------------------------------------------------------

    async def _settings(self, scope: Scope, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise wire.Refused(405, "method_not_allowed", "The settings are read by GET.")
        key = scope["path"].split("/")[3]
        if await self._rules(scope, key) is None:
            raise wire.Refused(404, "unknown_write_key", "The write key is unknown or revoked.")
        host = _header(scope, b"host").decode("latin-1") or "127.0.0.1"
        body = msgspec.json.encode(wire.settings_document(key, f"{host}/v1", scope.get("scheme", "http")))
        await _send(send, 200, body, _JSON, scope["method"] == "HEAD")


class _Later(Exception):
    """The same bytes may be taken later."""

    def __init__(self, status: int, code: str, message: str, seconds: int) -> None:
        self.status, self.code, self.message, self.seconds = status, code, message, seconds


class _Gone(Exception):
    """The sender hung up."""


async def _read(receive: Receive) -> bytes:
    try:
        async with asyncio.timeout(READ_SECONDS):
            message = await receive()
            body: bytes = message.get("body", b"")
            if message["type"] == "http.request" and not message.get("more_body"):
                return body
            parts, size = [body], len(body)
            while True:
                if message["type"] == "http.disconnect":
                    raise _Gone
                if size > wire.MAX_BATCH_BYTES:
                    raise wire.too_large()
                if not message.get("more_body"):
                    return b"".join(parts)
                message = await receive()
                parts.append(message.get("body", b""))
                size += len(parts[-1])
    except TimeoutError:
        raise wire.Refused(408, "too_slow", f"The body did not arrive within {READ_SECONDS} seconds.")


def _headers(scope: Scope) -> tuple[str, str, int]:
    authorization, encoding, length = "", "", 0
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value.decode("latin-1")
        elif name == b"content-encoding":
            encoding = value.decode("latin-1")
        elif name == b"content-length" and value.isdigit():
            length = int(value[:20])
    return authorization, encoding, length


def _header(scope: Scope, wanted: bytes) -> bytes:
    return next((value for name, value in scope["headers"] if name == wanted), b"")


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


async def _send(send: Send, status: int, body: bytes, headers: list[Header], bare: bool = False) -> None:
    if status not in (204, 304):
        headers = [(b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if bare else body})


async def _ok(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _SUCCESS_HEADERS})
    await send({"type": "http.response.body", "body": _SUCCESS})


async def _partly(send: Send, taken: wire.Endpoint, rejected: list[Rejection]) -> None:
    if taken != "batch":
        await _error(send, 400, rejected[0].code, rejected[0].message)
        return
    # A batch with bad events in it is taken: sending it again would not make them better.
    told = [{"index": r.index, "code": r.code, "message": r.message} for r in rejected[:100]]
    body = msgspec.json.encode({"success": True, "rejected": len(rejected), "errors": told})
    await _send(send, 200, body, _JSON)


async def _error(send: Send, status: int, code: str, message: str, seconds: int = 0) -> None:
    body = msgspec.json.encode({"success": False, "code": code, "message": message})
    headers = list(_JSON)
    if seconds:
        headers.append((b"retry-after", str(seconds).encode()))
    if status in (408, 413):
        headers.append((b"connection", b"close"))  # what is still coming of the body is not read
    await _send(send, status, body, headers)


async def _preflight(scope: Scope, send: Send) -> None:
    wanted = _header(scope, b"access-control-request-headers")
    if not wanted or len(wanted) > 500 or not _FORM_WORDS.issuperset(wanted):
        wanted = b"authorization, content-type"
    headers = [
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-allow-headers", wanted),
        (b"access-control-max-age", b"86400"),
        (b"vary", b"Access-Control-Request-Headers"),
    ]
    await _send(send, 204, b"", [*_OPEN, *headers])


async def _script(scope: Scope, send: Send) -> None:
    if scope["method"] not in ("GET", "HEAD"):
        raise wire.Refused(405, "method_not_allowed", "The script is read by GET.")
    headers = [
        (b"content-type", b"text/javascript; charset=utf-8"),
        (b"cache-control", b"public, max-age=3600"),
        (b"etag", _SCRIPT_TAG),
        *_OPEN,
    ]
    same = _header(scope, b"if-none-match") == _SCRIPT_TAG
    await _send(send, 304 if same else 200, b"" if same else _SCRIPT, headers, scope["method"] == "HEAD")


def tune_process() -> None:
    """Settle the interpreter for a process that serves the door, once everything is imported; worth about 1.7 times.

    Reading JSON makes many containers and hardly a cycle, so the cycle collector need not look so often, nor at what
    was imported. And the thread that writes lets go of the interpreter's lock at each statement: it gets it back
    after half a millisecond of reading JSON here instead of five.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # else what stays frozen at the end is reported as leaked
    gc.set_threshold(100_000, 20, 20)
    sys.setswitchinterval(0.0005)


def collect_server(shop: Shop, host: str = "127.0.0.1", port: int = 8000, **limits: Any) -> uvicorn.Server:
    """A server of the collect door alone; run it with ``run()`` or ``await serve()``, after ``tune_process()`` where
    the process is its own.

    Args:
        shop: an open shop, started by the caller if followers should run in this process.
        host: the address to listen on.
        port: the port, 0 for any free one.
        limits: as ``CollectDoor`` takes them.
    """
    config = uvicorn.Config(
        CollectDoor(shop, **limits),
        host=host,
        port=port,
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=15,
        limit_concurrency=2000,
        backlog=2048,
        server_header=False,
    )
    return uvicorn.Server(config)
