"""A shopper who is followed: the storefront once more under an address of its own, with cookies of its own.

Under ``/follow/<token>/`` stands the same storefront, so that an operator walks through the shop as a new visitor and
stays who they are there: cookies are kept under other names and that path only, links lead back under it, and
only there may a page of the shop stand in a frame of ours. The token cannot be guessed and ends with the process or
after half a day.
"""

from __future__ import annotations

import re
import secrets
import threading
from http.cookies import CookieError, SimpleCookie

import msgspec
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fairday.shop import Shop
from fairday.web.signing import signed
from fairday.web.storefront.front import VISITOR, Front

START = "/follow/"
MARK = "ff_"
"""What cookies of a followed visitor begin with."""
ID_COOKIE = "fairday_id"
LASTS_MS = 12 * 3_600_000
MOST = 50
_CLOSED = ("/console", "/follow", "/v1", "/static")
_LINK = re.compile(r'((?:href|action|formaction|src|data-[\w-]+)=")/(?!static/|/)')


class Followed(msgspec.Struct):
    """One visitor who is followed. ``ids`` are those the storefront knows them by.

    ``since`` is when their story begins, ``began`` when the following did (ms); ``first`` is the path their phone opens
    at; ``before`` the figures when it began.
    """

    token: str
    since: int
    began: int
    first: str = ""
    ids: list[tuple[str, str]] = []
    before: dict[str, int] = {}

    def learn(self, type_: str, value: str) -> None:
        """Note an id of theirs."""
        if value and (type_, value) not in self.ids:
            self.ids.append((type_, value))


class Follows:
    """The visitors who are followed in this process."""

    def __init__(self) -> None:
        self._kept: dict[str, Followed] = {}
        self._lock = threading.Lock()

    def begin(self, now: int, before: dict[str, int], first: str = "") -> Followed:
        """A new visitor."""
        made = Followed(secrets.token_urlsafe(16), now, now, first, [], before)
        with self._lock:
            self._kept = {t: f for t, f in self._kept.items() if now - f.began < LASTS_MS}
            while len(self._kept) >= MOST:
                self._kept.pop(min(self._kept, key=lambda t: self._kept[t].began))
            self._kept[made.token] = made
        return made

    def find(self, token: str, now: int) -> Followed | None:
        """The visitor of a token, or None."""
        with self._lock:
            found = self._kept.get(token)
        return found if found is not None and now - found.began < LASTS_MS else None


class Following:
    """ASGI middleware, outside all others."""

    def __init__(self, app: ASGIApp, shop: Shop, front: Front, follows: Follows) -> None:
        self.app = app
        self.shop = shop
        self.front = front
        self.follows = follows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(START):
            return await self.app(scope, receive, send)
        token, _, rest = scope["path"][len(START) :].partition("/")
        visitor = self.follows.find(token, self.shop.clock.now())
        inner = "/" + rest.lstrip("/\\")
        if visitor is None or any(inner == c or inner.startswith(f"{c}/") for c in _CLOSED):
            return await self.app({**scope, "path": "/nothing-here", "raw_path": b"/nothing-here"}, receive, send)
        root = f"{START}{token}"
        headers = self._heard(visitor, root, Headers(scope=scope))
        asked = {**scope, "path": inner, "raw_path": inner.encode(), "headers": headers, "state": {}}
        await self.app(asked, receive, _Answer(self, visitor, root, send).send)

    def _heard(self, visitor: Followed, root: str, told: Headers) -> list[tuple[bytes, bytes]]:
        kept = []
        for name, value in told.items():
            if name == "cookie":
                own = [c.strip()[len(MARK) :] for c in value.split(";") if c.strip().startswith(MARK)]
                own += [c.strip() for c in value.split(";") if c.strip().startswith("fairday_language=")]
                for one in own:
                    self.learn(visitor, *one.partition("=")[::2])
                kept.append((b"cookie", "; ".join(own).encode("latin-1")))
            elif name == "referer":
                kept.append((b"referer", value.replace(root, "", 1).encode("latin-1")))
            elif name not in ("accept-encoding", "if-none-match", "if-modified-since"):
                kept.append((name.encode("latin-1"), value.encode("latin-1")))
        return kept

    def learn(self, visitor: Followed, name: str, value: str) -> None:
        """Note who the storefront takes the visitor for."""
        if name == VISITOR:
            kind, _, id_ = (signed(self.front.secret, value, self.shop.clock.now()) or "").partition(":")
            visitor.learn(kind, id_)
        elif name == ID_COOKIE:
            visitor.learn("anonymous_id", value)


class _Answer:
    """What the storefront answers, with addresses and cookies put under the visitor's own path."""

    def __init__(self, of: Following, visitor: Followed, root: str, send: Send) -> None:
        self._of = of
        self._visitor = visitor
        self._root = root
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        """Take one message of the answer."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            kind = headers.get("content-type", "")
            self._mend(headers)
            if kind.startswith(("text/html", "text/javascript")):
                self._start = message
                return
        elif self._start is not None:
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            headers = MutableHeaders(scope=self._start)
            body = self._moved(self._body.decode("utf-8"), headers.get("content-type", "")).encode("utf-8")
            if "content-length" in headers:
                headers["content-length"] = str(len(body)) if self._body else headers["content-length"]
            await self._send(self._start)
            await self._send({"type": "http.response.body", "body": body})
            return
        await self._send(message)

    def _moved(self, text: str, kind: str) -> str:
        if kind.startswith("text/html"):
            return _LINK.sub(rf"\g<1>{self._root}/", text)
        # The page's own script keeps its id under another name, and tells addresses as the shop knows them.
        text = text.replace("fairday_id=", f"{MARK}fairday_id=").replace("Path=/;", f"Path={self._root};")
        text = text.replace('"fairday." + name', f'"{self._visitor.token}." + name')
        for word in ("location.href", "location.pathname"):
            text = text.replace(word, f'{word}.replace("{self._root}", "")')
        return text

    def _mend(self, headers: MutableHeaders) -> None:
        policy = headers.get("content-security-policy", "")
        headers["content-security-policy"] = policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
        headers["cache-control"] = "no-store"
        del headers["etag"]
        if headers.get("location", "").startswith("/"):
            headers["location"] = self._root + headers["location"]
        cookies = headers.getlist("set-cookie")
        if cookies:
            del headers["set-cookie"]
            for cookie in cookies:
                headers.append("set-cookie", self._renamed(cookie))

    def _renamed(self, cookie: str) -> str:
        if cookie.startswith("fairday_language="):
            return cookie
        try:
            for name, morsel in SimpleCookie(cookie).items():
                self._of.learn(self._visitor, name, morsel.value)
        except CookieError:
            pass
        return MARK + re.sub(r"(?i)(;\s*path=)/(?=;|$)", rf"\g<1>{self._root}", cookie, count=1)
