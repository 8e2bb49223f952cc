"""Calls to a provider: bounded in time and size, never following redirects, nothing of them logged."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from fairday.kernel.errors import FairdayError, Unavailable

TIMEOUT = httpx.Timeout(10.0, connect=5.0)
MOST = 1_000_000
"""Bytes an answer may have; bills may have more."""


class Http:
    """One provider's gateway. Opened anew for each call: payments are few, and a stale connection would cost one."""

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway.rstrip("/")

    def path_of(self, url: str) -> str:
        """The path and query of an address the provider gave, where it is on the gateway.

        Raises:
            FairdayError: it leads elsewhere.
        """
        if not url.startswith(self.gateway + "/"):
            raise FairdayError("The provider names an address that is not its own.", code="foreign_address")
        return url[len(self.gateway) :]

    def send(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], *, most: int = MOST
    ) -> httpx.Response:
        """One request, and the answer whole.

        Raises:
            Unavailable: no answer, or one too large: whether it was done is not known.
        """
        return fetch(method, self.gateway + path, body, headers, most)


def fetch(method: str, url: str, body: bytes, headers: Mapping[str, str], most: int = MOST) -> httpx.Response:
    """One request, and the answer whole. Proxies of the environment are used, redirects are not followed.

    Raises:
        Unavailable: no answer, or one too large.
    """
    try:
        with httpx.Client(timeout=TIMEOUT, trust_env=_outside(url)) as client:
            with client.stream(method, url, content=body or None, headers=dict(headers)) as answer:
                parts, size = [], 0
                for part in answer.iter_bytes():
                    size += len(part)
                    if size > most:
                        raise Unavailable("The provider's answer is too large.", code="provider_unclear")
                    parts.append(part)
    except httpx.HTTPError as error:
        raise Unavailable(
            f"The provider cannot be reached: {type(error).__name__}.",
            code="provider_unclear",
            remedy="It is asked again by itself.",
        ) from error
    return httpx.Response(answer.status_code, headers=_plain(answer.headers), content=b"".join(parts))


def _plain(headers: httpx.Headers) -> httpx.Headers:
    """Headers without what was said of the transport: the content has been decoded."""
    return httpx.Headers([(k, v) for k, v in headers.items() if k not in ("content-encoding", "transfer-encoding")])


def _outside(url: str) -> bool:
    return urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1")
