"""Baskets through identity, traits and membership: events a second, on SQLite or a PostgreSQL URL.

Run: python -m benchmarks.traits [BASKETS] [URL]

155,000 baskets of about ten lines by 2,469 people in a year, as large as the Complete Journey: 60,000 products bought
very unevenly, 300 categories, 400 stores. Beside it the raw limit: the same buckets written by one executemany a slice.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import fairday
from fairday.kernel import jsons
from fairday.people.traits import folding
from fairday.storage.followers import Followers
from fairday.storage.log import append_rows, read_happenings

PEOPLE, PRODUCTS, LINES, START = 2_469, 60_000, 10, 1_483_246_800_000


def baskets(n: int) -> list[tuple[object, ...]]:
    """Rows of the log, in order of time."""
    chance = random.Random(1)
    rows: list[tuple[object, ...]] = []
    for i in range(n):
        at = START + i * 365 * 86_400_000 // n
        lines, total = [], 0
        for _ in range(max(1, int(chance.gauss(LINES, 4)))):
            product = int(PRODUCTS * chance.random() ** 3)
            price = 99 + product * 7919 % 900
            total += price
            lines.append(
                {
                    "product_id": str(900_000 + product),
                    "name": f"Something of a name {product}",
                    "category": f"CATEGORY {product % 300}",
                    "brand": "Private" if product % 4 == 0 else "National",
                    "price": price / 100,
                    "quantity": 1,
                }
            )
        person = chance.randrange(PEOPLE)
        order = {"order_id": str(i), "total": total / 100, "currency": "USD", "store_id": str(person % 400)}
        body = {"properties": {**order, "products": lines}}
        ids = jsons.dumps([("user_id", str(person + 1))])
        rows.append((0, f"import:b:{i}", "track", "Order Completed", at, at, "import:b", ids, jsons.dumps(body)))
    return rows


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 155_000
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[2] if len(sys.argv) > 2 else f"{folder}/shop.db"
        with fairday.open(url, currency="USD", zone="America/New_York") as shop:
            rows = baskets(n)
            for start in range(0, n, 5000):
                with shop.db.write() as conn:
                    append_rows(conn, rows[start : start + 5000])
            del rows
            whole = 0.0
            for follower in shop.followers:
                seconds = follow(shop.followers, follower.name)
                whole += seconds
                print(f"{follower.name:12} {n / seconds:9,.0f} events/s   {seconds:6.1f} s")
            print(f"{'together':12} {n / whole:9,.0f} events/s   {whole:6.1f} s")
            seconds = raw(shop, Path(folder) / "raw.db")
            print(f"{'raw limit':12} {n / seconds:9,.0f} events/s   {seconds:6.1f} s  (buckets by executemany)")


def follow(followers: Followers, name: str) -> float:
    began, busy = time.perf_counter(), time.process_time()
    followers.catch_up(name)
    print(f"{'':12} {time.process_time() - busy:6.1f} s of processor")
    return time.perf_counter() - began


def raw(shop: fairday.Shop, path: Path) -> float:
    """Seconds that the buckets alone take, written by executemany into the same table in SQLite."""
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("PRAGMA synchronous=FULL")
    raw.execute(
        "CREATE TABLE activity (interval_id INTEGER, measure TEXT, day INTEGER, n INTEGER, amount INTEGER,"
        " PRIMARY KEY (interval_id, measure, day)) WITHOUT ROWID"
    )
    raw.execute("CREATE INDEX activity_window ON activity (measure, day)")
    statement = (
        "INSERT INTO activity VALUES (?,?,?,?,?)"
        " ON CONFLICT DO UPDATE SET n = n + excluded.n, amount = amount + excluded.amount"
    )
    seconds, at = 0.0, (-1, -1)
    while True:
        with shop.db.read() as conn:
            taken = read_happenings(conn, at, None, 5000)
        if not taken:
            return seconds
        at = (taken[-1].xid, taken[-1].pos)
        rows = [
            (int(h.ids[0][1]), measure, h.at // 86_400_000, count, amount)
            for h in taken
            for measure, count, amount in folding.buckets(h, "USD", "UTC")
        ]
        began = time.perf_counter()
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany(statement, rows)
        raw.execute("COMMIT")
        seconds += time.perf_counter() - began


if __name__ == "__main__":
    main()
