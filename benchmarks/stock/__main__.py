"""Reservations per second on one hot good, beside the raw limit and one transaction each: python -m benchmarks.stock

Every reservation is an order placed as checkout places it (``order.place`` over the order and the good's stock): two
streams, two events, the list's row, the level, a deadline and an answer. 256 callers want one of the same good. The raw
limit writes exactly the rows those orders leave, encoded beforehand, by executemany in transactions of a thousand, the
good's own state and level once a transaction; with the same durability. Beside it the same rules in a transaction each
behind the row's lock, on 20 threads. Then a sale to its end: 20,000 buyers of 10,000 units, and what was sold. Options:
--sqlite, --postgres (only that), --seconds N (of each run).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import getrandbits
from typing import Any

from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import parts
from fairday.goods.stock import Stock, StockClaim
from fairday.goods.stock.service import stock_levels
from fairday.kernel.clock import SystemClock
from fairday.kernel.decider import Answer, Command
from fairday.kernel.settings import Settings
from fairday.storage import answers, deadlines
from fairday.storage.batch import streams
from fairday.storage.database import Database, metadata
from fairday.storage.groupcommit import GroupCommit
from fairday.storage.log import events
from fairday.storage.runner import Runner
from fairday.trade.service import Orders
from fairday.web.collect import tune_process
from stocking import wanting

CALLERS, SHARE, P99_MS = 256, 0.20, 200.0
PLENTY = 900_000_000
TABLES = (events, streams, deadlines.deadlines, metadata.tables["orders"], stock_levels, answers.answers)


class Opened:
    """A database with orders and stock over one runner."""

    def __init__(self, url: str, units: int) -> None:
        import fairday.rooms  # noqa: F401

        self.db = Database(url)
        self.db.create_all()
        self.writer = GroupCommit(self.db)
        self.runner = Runner(self.writer, SystemClock())
        stock = Stock(self.db, self.runner)
        Orders(self.db, self.runner, SystemClock(), Settings).register_claim(StockClaim())
        stock.count("HOT", "main", units)

    def close(self) -> None:
        self.writer.close()
        self.db.close()


def command(order: str) -> Command:
    """An order of one HOT; a browser's random key."""
    return Command("order.place", f"order:{order}", wanting(("HOT", 1)), f"buyer-{order}", f"{getrandbits(128):032x}")


async def drive(seconds: float, ask: Callable[[Command], Awaitable[Any]]) -> tuple[float, float, float]:
    """Callers that ask, wait and ask again: (reservations per second, p50 ms, p99 ms)."""
    taken: list[float] = []
    number = iter(range(1_000_000_000))
    end = time.perf_counter() + seconds

    async def caller() -> None:
        while (start := time.perf_counter()) < end:
            await ask(command(str(next(number))))
            taken.append(time.perf_counter() - start)

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    rate = len(taken) / (time.perf_counter() - start)
    taken.sort()
    return rate, statistics.median(taken) * 1e3, taken[min(len(taken) - 1, int(len(taken) * 0.99))] * 1e3


def ours(url: str, seconds: float) -> tuple[float, float, float]:
    shop = Opened(url, PLENTY)

    async def ask(asked: Command) -> None:
        answer: Answer = await shop.runner.send(asked)
        assert answer.ok

    try:
        return asyncio.run(drive(seconds, ask))
    finally:
        shop.close()


def one_each(url: str, seconds: float) -> tuple[float, float, float]:
    """The same rules, a transaction each: every buyer waits for the one before at the good's row."""
    shop = Opened(url, PLENTY)
    pool = ThreadPoolExecutor(20)

    def one(asked: Command) -> None:
        with shop.db.write() as conn:
            answer = shop.runner.apply(conn, [asked])[0]
            assert isinstance(answer, Answer)
            assert answer.ok

    async def ask(asked: Command) -> None:
        await asyncio.get_running_loop().run_in_executor(pool, one, asked)

    try:
        return asyncio.run(drive(seconds, ask))
    finally:
        pool.shutdown()
        shop.close()


def raw(url: str, pattern_url: str, seconds: float) -> float:
    """The rows of a thousand such orders by executemany, again and again: orders per second."""
    pattern = Opened(pattern_url, PLENTY)
    with pattern.db.read() as conn:
        before = conn.execute(select(events.c.pos)).scalars().all()
    for answer in pattern.runner.gather([command(f"@@{n}@") for n in range(1000)]):
        assert isinstance(answer, Answer)
        assert answer.ok
    rows: dict[str, list[dict[str, Any]]] = {}
    with pattern.db.read() as conn:
        for table in TABLES:
            query = select(table)
            if table is events:
                query = query.where(events.c.pos.not_in(before))
            rows[table.name] = [dict(row) for row in conn.execute(query).mappings()]
    pattern.close()
    for row in rows["events"]:
        del row["pos"]
    db = Database(url)
    db.create_all()
    mark = "?" if db.is_sqlite else "%s"
    sql: dict[str, str] = {}
    for table in TABLES:
        names = list(rows[table.name][0])
        keys = [c.name for c in table.primary_key]
        rest = ", ".join(f"{c} = excluded.{c}" for c in names if c not in keys)
        sql[table.name] = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})"
        if table is not events:
            sql[table.name] += f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {rest}"
    spent, k = 0.0, 0
    connection = db.engine.raw_connection()
    cursor = connection.cursor()
    while spent < seconds:
        now = {name: [_anew(row, k) for row in found] for name, found in rows.items()}
        k += 1
        start = time.perf_counter()
        if db.is_sqlite:
            cursor.execute("BEGIN IMMEDIATE")
        for name, found in now.items():
            cursor.executemany(sql[name], found)
        connection.commit()
        spent += time.perf_counter() - start
    connection.close()
    db.close()
    return k * 1000 / spent


def _anew(row: dict[str, Any], k: int) -> tuple[Any, ...]:
    """A row with its order's number and its place in the hot stream moved on, as the k-th thousand has them."""
    made = {name: v.replace("@@", f"{k}x") if isinstance(v, str) else v for name, v in row.items()}
    if "seq" in made and made["stream"] == "stock:HOT":
        made["seq"] += 1000 * k
    if "key" in made:
        made["key"] = f"{k}-{made['key']}"
    return tuple(made.values())


def sale(url: str) -> tuple[int, float]:
    """20,000 buyers of 10,000 units: how many were sold, and in how many seconds."""
    shop = Opened(url, 10_000)

    async def buyer(n: int, turn: asyncio.Semaphore) -> bool:
        async with turn:
            answer: Answer = await shop.runner.send(command(str(n)))
            return answer.ok

    async def everybody() -> list[bool]:
        turn = asyncio.Semaphore(2_000)
        return await asyncio.gather(*(buyer(n, turn) for n in range(20_000)))

    start = time.perf_counter()
    answered = Counter(asyncio.run(everybody()))
    spent = time.perf_counter() - start
    with shop.db.read() as conn:
        level = conn.execute(select(stock_levels.c.on_hand, stock_levels.c.reserved)).one()
    shop.close()
    assert tuple(level) == (10_000, answered[True]), level
    return answered[True], spent


def measure(name: str, fresh: Callable[[], str], seconds: float) -> list[str]:
    failed = []
    limits, found, theirs = [], [], []
    for _ in range(2):  # in turn, and again: each counts by its best round
        limits.append(raw(fresh(), fresh(), seconds))
        found.append(ours(fresh(), seconds))
        theirs.append(one_each(fresh(), seconds))
    limit, (rate, p50, p99), (each, _, each99) = max(limits), max(found), max(theirs)
    sold, spent = sale(fresh())
    print(f"\n{name}: one hot good, {CALLERS} callers (load {os.getloadavg()[0]:.1f})")
    print(f"  raw limit          {limit:9,.0f} orders/s")
    print(f"  ours               {rate:9,.0f} orders/s   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   {rate / limit:.0%}")
    print(f"  a transaction each {each:9,.0f} orders/s   p99 {each99:6.1f} ms   ours is {rate / each:.1f} times that")
    print(f"  20,000 buyers of 10,000 units: {sold:,} sold in {spent:.1f} s")
    if rate < SHARE * limit or p99 > P99_MS:
        failed.append(f"{name}: {rate / limit:.0%} of the raw limit, p99 {p99:.0f} ms")
    if sold != 10_000:
        failed.append(f"{name}: {sold} sold of 10,000")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stock", description=__doc__)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    both = given.sqlite == given.postgres
    failed: list[str] = []
    tune_process()
    with tempfile.TemporaryDirectory() as folder:
        count = iter(range(1000))
        if both or given.sqlite:
            failed += measure("SQLite", lambda: str(Path(folder) / f"{next(count)}.db"), given.seconds)
        if (both or given.postgres) and parts.postgres_bin():
            server = parts.Postgres()
            try:
                failed += measure("PostgreSQL", server.database, given.seconds)
            finally:
                server.stop()
        elif both or given.postgres:
            failed.append("PostgreSQL: its server is not installed")
    told = "; ".join(failed) or f"at least {SHARE:.0%} of the raw limit, p99 within {P99_MS:.0f} ms, never oversold"
    print(f"\n{'FAIL' if failed else 'PASS'}: {told}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
