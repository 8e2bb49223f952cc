"""A collect door that runs: uvicorn in a thread of its own on a free port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

import fairday
from fairday.intake.keys import KeyKind, create_key
from fairday.storage.log import Happening, read_happenings
from fairday.web.collect import collect_server

SERVER_KEY = "wk_test_123"
BROWSER_KEY = "wk_page_123"


def make_keys(shop: fairday.Shop) -> None:
    """A server's and a browser's write key, as the captures carry them."""
    kinds: tuple[tuple[str, KeyKind, str], ...] = (("till", "server", SERVER_KEY), ("page", "browser", BROWSER_KEY))
    with shop.db.write() as conn:
        for name, kind, key in kinds:
            create_key(conn, name, kind, shop.clock.now(), key)


@contextmanager
def running(shop: fairday.Shop, **limits: Any) -> Iterator[str]:
    """The address of a door over that shop."""
    server = collect_server(shop, port=0, **limits)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def log_of(shop: fairday.Shop) -> list[Happening]:
    """Everything in the log, in order."""
    with shop.db.read() as conn:
        return read_happenings(conn, (-1, -1), None, 1_000_000)


def post(url: str, path: str, body: Any, key: str | None = SERVER_KEY, **kwargs: Any) -> httpx.Response:
    """POST a JSON value (or bytes as they are) with a key by Basic."""
    auth = (key, "") if key else None
    if isinstance(body, bytes):
        return httpx.post(url + path, content=body, auth=auth, **kwargs)
    return httpx.post(url + path, json=body, auth=auth, **kwargs)
