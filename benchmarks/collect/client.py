"""A light HTTP client, so that the client is not what is measured: prebuilt bytes over kept connections."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass
class Run:
    """What a run saw: seconds it took, and the milliseconds of each request."""

    seconds: float = 0.0
    ms: list[float] = field(default_factory=list)
    failed: int = 0

    def percentile(self, share: float) -> float:
        ordered = sorted(self.ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def requests(key: str, bodies: Iterable[tuple[str, bytes]]) -> list[bytes]:
    """The whole requests of some (path, body)."""
    auth = base64.b64encode(f"{key}:".encode()).decode()
    head = f"HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nAuthorization: Basic {auth}\r\n"
    return [f"POST {path} {head}Content-Length: {len(body)}\r\n\r\n".encode() + body for path, body in bodies]


class _Connection(asyncio.Protocol):
    def __init__(self, left: Iterator[bytes], run: Run) -> None:
        self.left, self.run = left, run
        self.done = asyncio.get_running_loop().create_future()
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.next()

    def next(self) -> None:
        request = next(self.left, None)
        if request is None:
            self.transport.close()
            self.done.set_result(None)
            return
        self.began = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        start = self.buffer.find(b"content-length: ") + 16
        length = int(self.buffer[start : self.buffer.find(b"\r\n", start)])
        if len(self.buffer) < head + 4 + length:
            return
        self.run.ms.append((time.perf_counter() - self.began) * 1000)
        if not self.buffer.startswith(b"HTTP/1.1 200"):
            self.run.failed += 1
        self.buffer = b""
        self.next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.run.failed += 1
            self.done.set_result(None)


async def send(port: int, wire: list[bytes], connections: int) -> Run:
    """Send everything over so many connections, each its next request after its last answer."""
    run, left = Run(), iter(wire)
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    made = [await loop.create_connection(lambda: _Connection(left, run), "127.0.0.1", port) for _ in range(connections)]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    run.seconds = time.perf_counter() - began
    return run


async def offer(port: int, wire: list[bytes], each: float) -> Run:
    """Send one request every ``each`` seconds, whether or not the last was answered."""
    run = Run()
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    waiting = []
    for n, request in enumerate(wire):
        await asyncio.sleep(max(0.0, began + n * each - time.perf_counter()))
        _, protocol = await loop.create_connection(lambda r=request: _Connection(iter([r]), run), "127.0.0.1", port)
        waiting.append(protocol.done)
    await asyncio.gather(*waiting)
    run.seconds = time.perf_counter() - began
    return run
