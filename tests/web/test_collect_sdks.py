"""The SDKs that merchants have, sending to a running door unchanged."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from segment.analytics.client import Client

import doors
import fairday
import parts
from doors import SERVER_KEY, log_of
from fairday.intake.rejections import list_rejected

NODE = Path(__file__).parents[1] / "node"
ORDERED = 1_718_668_800_000  # 2024-06-18T00:00:00Z


def no_rejection(shop: fairday.Shop) -> None:
    with shop.db.read() as conn:
        assert list_rejected(conn) == []


@pytest.mark.parametrize("gzip", [False, True])
def test_the_python_sdk_sends_everything(shop: fairday.Shop, gzip: bool) -> None:
    shop.clock.at = int(datetime.now(UTC).timestamp() * 1000)  # type: ignore[attr-defined]
    doors.make_keys(shop)
    failed: list[Any] = []
    with doors.running(shop) as url:
        sdk = Client(SERVER_KEY, host=url, gzip=gzip, upload_size=25, on_error=lambda e, _: failed.append(e))
        page = {"url": "https://shop.example/p/1?utm_source=weibo&gclid=G1", "title": "商品"}
        sdk.identify("u1", {"email": "li@example.com", "name": "李雷"}, anonymous_id="a1")
        sdk.track("u1", "Product Viewed", {"price": 18.99, "lost": float("nan")}, context={"page": page})
        sdk.track(anonymous_id="a1", event="Order Completed", timestamp=datetime.fromtimestamp(ORDERED / 1000, UTC))
        sdk.page("u1", "Docs", "Home", {"path": "/"})
        sdk.screen("u1", "", "Cart")
        sdk.group("u1", "g1", {"name": "Acme"})
        sdk.alias("a1", "u1")
        for n in range(100):
            sdk.track(n + 1, "Counted", {"n": n})
        sdk.flush()
        sdk.join()
    assert failed == []
    check(shop, 107)
    no_rejection(shop)


def check(shop: fairday.Shop, count: int) -> None:
    kept = log_of(shop)
    assert len(kept) == count
    first = {h.kind if h.kind != "track" else h.name: h for h in reversed(kept)}
    assert dict(first["identify"].ids) == {"user_id": "u1", "anonymous_id": "a1", "email": "li@example.com"}
    assert first["identify"].traits["name"] == "李雷"
    assert first["Product Viewed"].properties["price"] == 18.99
    assert first["Product Viewed"].body["touch"] == {"source": "weibo", "gclid": "G1"}
    # Corrected by sentAt: off by the way here only, not by how long the SDK held it.
    assert abs(first["Order Completed"].at - ORDERED) < 30_000
    assert (first["page"].name, first["page"].body["category"]) == ("Home", "Docs")
    assert first["screen"].name == "Cart"
    assert first["group"].body["groupId"] == "g1"
    assert first["alias"].body["previousId"] == "a1"
    assert sum(h.name == "Counted" for h in kept) == count - 7


@pytest.fixture(scope="session")
def node_sdk() -> Path:
    """A folder with the real @segment/analytics-node installed."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        parts.missing("Node.js with npm", "On Debian or Ubuntu: apt-get install nodejs npm")
    lock = (NODE / "package-lock.json").read_bytes()
    folder = parts.ROOT / ".test" / f"node-{hashlib.sha256(lock).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(NODE / name, folder)
    if not (folder / "node_modules" / "@segment" / "analytics-node" / "package.json").exists():
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, capture_output=True, text=True
        )
        if done.returncode:
            parts.missing("the npm packages of tests/node", f"npm ci said: {done.stderr[-500:]}")
    return folder


def test_the_node_sdk_sends_everything(shop: fairday.Shop, node_sdk: Path) -> None:
    shop.clock.at = int(datetime.now(UTC).timestamp() * 1000)  # type: ignore[attr-defined]
    doors.make_keys(shop)
    shutil.copy(NODE / "send.mjs", node_sdk)
    with doors.running(shop) as url:
        done = subprocess.run(
            ["node", "send.mjs", url, SERVER_KEY], cwd=node_sdk, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
    check(shop, 57)
    no_rejection(shop)


class Refusing:
    """An ASGI application in front of a door that answers 503 to the first requests, as a door under load does."""

    def __init__(self, app: Any, times: int) -> None:
        self.app, self.left = app, times

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and self.left:
            self.left -= 1
            # Stored, and the answer lost on the way back: the worst case for counting twice.
            await self.app(scope, receive, _nowhere)
            await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self.app(scope, receive, send)


async def _nowhere(message: Any) -> None:
    pass


def test_what_an_sdk_sends_again_is_counted_once(shop: fairday.Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.clock.at = int(datetime.now(UTC).timestamp() * 1000)  # type: ignore[attr-defined]
    doors.make_keys(shop)
    real = doors.collect_server

    def refusing(*args: Any, **kwargs: Any) -> Any:
        server = real(*args, **kwargs)
        server.config.app = Refusing(server.config.app, 2)
        return server

    monkeypatch.setattr(doors, "collect_server", refusing)
    with doors.running(shop) as url:
        sdk = Client(SERVER_KEY, host=url)
        for n in range(5):
            sdk.track("u1", "Counted", {"n": n})
        sdk.flush()
        sdk.join()
        assert httpx.get(url + "/t.js").status_code == 200
    assert sorted(h.properties["n"] for h in log_of(shop)) == [0, 1, 2, 3, 4]
