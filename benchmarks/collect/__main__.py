"""Events per second through the collect door over real HTTP, beside the raw limit; and how the followers keep up.

python -m benchmarks.collect
"""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy import select, text

import fairday
from benchmarks.collect.client import Run, offer, requests, send
from benchmarks.collect.events import batches, singles
from fairday.intake import wire
from fairday.intake.events import Rules
from fairday.intake.keys import create_key
from fairday.kernel import jsons
from fairday.storage.database import SQLITE_PRAGMAS
from fairday.storage.followers import cursors
from fairday.web.collect import collect_server, tune_process

KEY = "fds_benchmark"
SINGLES, SINGLE_CONNECTIONS = 20_000, 256
BATCHES, BATCH, BATCH_CONNECTIONS = 60_000, 100, 16
FOLLOWED, OFFERED_A_SECOND, OFFERED_SECONDS = 30_000, 1_000, 20

results: list[tuple[str, bool]] = []


def judge(what: str, good: bool) -> None:
    results.append((what, good))
    print(f"    {'PASS' if good else 'FAIL'}  {what}", flush=True)


def now() -> int:
    return time.time_ns() // 1_000_000


def serve(path: str, following: bool) -> None:
    """What the server's process does: open the shop, say the port, serve until it is ended."""
    with fairday.open(path) as shop:
        if following:
            shop.start()
        server = collect_server(shop, port=0)

        async def run() -> None:
            task = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            print(server.servers[0].sockets[0].getsockname()[1], flush=True)
            await task

        import uvloop

        tune_process()
        uvloop.run(run())


@contextmanager
def door(path: str, following: bool = False) -> Iterator[int]:
    with fairday.open(path) as shop, shop.db.write() as conn:
        create_key(conn, "benchmark", "server", now(), KEY)
    mode = "follow" if following else "serve"
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.collect", mode, path], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def count(path: str) -> int:
    with sqlite3.connect(path) as conn:
        return int(conn.execute("SELECT count(*) FROM happenings").fetchone()[0])


def raw_limit(path: str, wire_bodies: list[bytes]) -> float:
    """Events a second of nothing but reading the JSON and inserting in thousands, each thousand durable."""
    with fairday.open(path):
        pass  # the shop's own tables and indexes
    conn = sqlite3.connect(path, isolation_level=None)
    for name, value in SQLITE_PRAGMAS.items():
        conn.execute(f"PRAGMA {name}={value}")
    insert = (
        "INSERT INTO happenings (xid, message_id, kind, name, at, received, source, ids, body) "
        "VALUES (0,?,?,?,?,?,?,?,?) ON CONFLICT (message_id) DO NOTHING"
    )
    began = time.perf_counter()
    for start in range(0, len(wire_bodies), 10):
        rows = []
        for body in wire_bodies[start : start + 10]:
            for event in msgspec.json.decode(body)["batch"]:
                about = {"context": event["context"], "properties": event.get("properties")}
                ids = [["anonymous_id", event["anonymousId"]]]
                rows.append((event["messageId"], event["type"], event.get("event", ""), 0, 0, "raw",
                             jsons.dumps(ids), jsons.dumps(about)))  # fmt: skip
        conn.execute("BEGIN IMMEDIATE")
        conn.executemany(insert, rows)
        conn.execute("COMMIT")
    seconds = time.perf_counter() - began
    conn.close()
    return len(wire_bodies) * BATCH / seconds


def show(what: str, run: Run, events: int) -> float:
    rate = events / run.seconds
    print(
        f"  {what}: {rate:,.0f} events/s, p50 {run.percentile(0.5):.1f} ms, p99 {run.percentile(0.99):.1f} ms"
        f"{f', {run.failed} FAILED' if run.failed else ''}",
        flush=True,
    )
    return rate


def collecting(folder: Path) -> None:
    print("Collecting (SQLite, synchronous FULL, answered after the commit)")
    wired = batches("batch", BATCHES, BATCH, now())
    print(f"  an event is {sum(len(body) for _, body in wired) / BATCHES:.0f} bytes of JSON")
    raw = raw_limit(str(folder / "raw.db"), [body for _, body in wired])
    print(f"  raw limit, parse and executemany in thousands: {raw:,.0f} events/s", flush=True)
    path = str(folder / "collect.db")
    with door(path) as port:
        asyncio.run(send(port, requests(KEY, batches("warm", 2_000, BATCH, now())), 4))
        run = asyncio.run(send(port, requests(KEY, wired), BATCH_CONNECTIONS))
        rate = show(f"batches of {BATCH}, {BATCH_CONNECTIONS} connections", run, BATCHES)
        judge(f"batches within 3 times of the raw limit: {raw / rate:.2f}", raw / rate <= 3 and not run.failed)
        alone = requests(KEY, singles("single", SINGLES, now()))
        single = asyncio.run(send(port, alone, SINGLE_CONNECTIONS))
        show(f"single events, {SINGLE_CONNECTIONS} connections", single, SINGLES)
    kept = count(path)
    judge(f"everything answered 200 is in the log: {kept:,}", kept == 2_000 + BATCHES + SINGLES)


def following(folder: Path) -> None:
    print("Following")
    path = str(folder / "follow.db")
    with fairday.open(path) as shop:
        names = [f.name for f in shop.followers]
        if not names:
            judge("followers: none is registered, nothing was measured", False)
            return
        rules = Rules("server:benchmark", False, shop.settings.identity)
        for _, body in batches("follow", FOLLOWED, BATCH, now()):
            found, _ = wire.read(wire.open_body("batch", body), rules, now())
            shop.append(found).result()
        began = time.perf_counter()
        shop.followers.catch_up()
        rate = FOLLOWED / (time.perf_counter() - began)
        judge(f"{', '.join(names)} in turn: {rate:,.0f} events/s (at least 3,000)", rate >= 3_000)
    path = str(folder / "lag.db")
    with door(path, following=True) as port:
        lags: list[int] = []
        stop = threading.Event()
        watcher = threading.Thread(target=watch, args=(path, len(names), lags, stop))
        watcher.start()
        wanted = OFFERED_A_SECOND * OFFERED_SECONDS
        each = 10 / OFFERED_A_SECOND
        run = asyncio.run(offer(port, requests(KEY, batches("lag", wanted, 10, now())), each))
        show(f"offered {OFFERED_A_SECOND:,} events/s for {OFFERED_SECONDS} s in batches of 10", run, wanted)
        end = time.monotonic() + 30
        while len(lags) < wanted and time.monotonic() < end:
            time.sleep(0.05)
        stop.set()
        watcher.join()
    lags.sort()
    p99 = lags[int(len(lags) * 0.99)] if lags else 0
    print(f"  lag of the last follower behind the door: p50 {lags[len(lags) // 2] if lags else 0} ms, p99 {p99} ms")
    judge(f"lag p99 {p99:,} ms (under 2,000), all {len(lags):,} followed", p99 < 2_000 and len(lags) == wanted)


def watch(path: str, followers: int, lags: list[int], stop: threading.Event) -> None:
    """Note for every event how long after its arrival the slowest follower had taken it."""
    with fairday.open(path) as shop:
        happenings = {f.name for f in shop.followers if f.source == "happenings"}
        done = 0
        while not stop.wait(0.02):
            with shop.db.read() as conn:
                at = {name: pos for name, pos in conn.execute(select(cursors.c.name, cursors.c.pos))}
                passed = min((at.get(name, -1) for name in happenings), default=-1)
                if passed > done:
                    moment = now()
                    query = text("SELECT received FROM happenings WHERE pos > :a AND pos <= :b")
                    lags.extend(moment - r for (r,) in conn.execute(query, {"a": done, "b": passed}))
                    done = passed


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="fairday-bench-") as folder:
        collecting(Path(folder))
        following(Path(folder))
    return 0 if all(good for _, good in results) else 1


if __name__ == "__main__":
    if len(sys.argv) == 3:  # python -m benchmarks.collect serve|follow FILE: the server's process
        serve(sys.argv[2], following=sys.argv[1] == "follow")
    else:
        raise SystemExit(main())
