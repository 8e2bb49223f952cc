"""What stands around every answer: security headers, a limit on what is sent, whose name the console answers to."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; connect-src 'self'; "
    "font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
"""For a mail shown in a frame: nothing in it runs, loads or leads anywhere."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
FORM_BYTES = 1_000_000
UPLOAD_BYTES = 300_000_000
PHOTO_BYTES = 13_000_000
UPLOADS = {
    "/console/borders/goods": 6_000_000,
    "/console/borders/rates/import": 6_000_000,
    "/console/data/imports/new": UPLOAD_BYTES, "/console/stock/import": UPLOAD_BYTES, "/made": PHOTO_BYTES,
    "/sell/item": PHOTO_BYTES, "/deal": PHOTO_BYTES, "/designs/new": PHOTO_BYTES, "/briefs/write": PHOTO_BYTES,
    "/briefs/act": 4 * PHOTO_BYTES, "/console/briefs/write": PHOTO_BYTES,
    "/console/goods/pictures": 8 * PHOTO_BYTES,
}  # fmt: skip
"""The addresses that take files, and how much at once."""


class Guard:
    """ASGI middleware for pages."""

    def __init__(self, app: ASGIApp, public_url: Callable[[], str]) -> None:
        self.app = app
        self.public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path = scope["path"]
        console = path == "/console" or path.startswith("/console/")
        if "\0" in path or b"%00" in scope["query_string"]:  # no database takes one, and no page of ours sends one
            scope = {**scope, "path": "/nothing-here", "query_string": b""}

        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if console:
                    headers.setdefault("cache-control", "no-store")
                if scope["scheme"] == "https":
                    headers.setdefault("strict-transport-security", "max-age=31536000")
            await send(message)

        taken, most = 0, UPLOADS.get(path, FORM_BYTES)

        async def receiver() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise HTTPException(413)
            return message

        # A page on another site can give itself a name that leads to this address (DNS rebinding): names it must know.
        host = Headers(scope=scope).get("host", "")
        scope.setdefault("state", {})["misdirected"] = console and not self.ours(host)
        return await self.app(scope, receiver, sender)

    def ours(self, host: str) -> bool:
        """Whether the console answers to that Host header: an address, this machine, or the shop's public name."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
            if name == "localhost" or name == urlsplit(self.public_url()).hostname:
                return True
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def place_of(url: str) -> str:
    """The host and port of an address that somebody else wrote; "" where it has none or is none."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


class Bucket:
    """So many requests a minute (or so many ``minutes``) from one address, refilled steadily; the least lately seen
    addresses are forgotten."""

    def __init__(self, per_minute: int, most: int = 10_000, minutes: int = 1) -> None:
        self.rate = per_minute / (60_000 * minutes)
        self.size = per_minute
        self.most = most
        self._left: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str, now: int) -> int:
        """Take one. Gives 0, or how many ms until there is one again."""
        left, at = self._left.pop(key, (float(self.size), now))
        left = min(self.size, left + max(now - at, 0) * self.rate)
        waits = 0 if left >= 1 else int((1 - left) / self.rate) + 1
        self._left[key] = (left - 1 if not waits else left, now)
        while len(self._left) > self.most:
            self._left.popitem(last=False)
        return waits

    def give_back(self, key: str) -> None:
        """Give back one that was taken: it turned out to be none of what is counted."""
        left, at = self._left.get(key, (float(self.size), 0))
        self._left[key] = (min(self.size, left + 1), at)
