"""Happenings a second that the identity follower takes alone, on SQLite: python -m benchmarks.identity

Three loads: orders of known customers (one id), a web shop's browsing (three of four events anonymous, logins with
account, browser and email), and one browser with every event. Beside them the same rows only read and decoded, which
is what any follower pays.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import fairday.rooms  # noqa: F401
from fairday.kernel.clock import SystemClock
from fairday.kernel.settings import IdentitySettings
from fairday.people.identity import IdentityFollower
from fairday.storage.database import Database
from fairday.storage.followers import Followers
from fairday.storage.log import Happening, append_happenings, read_happenings

START = 1_780_000_000_000


def orders(n: int, rng: random.Random) -> Iterator[tuple[tuple[str, str], ...]]:
    for _ in range(n):
        yield (("user_id", f"household-{rng.randrange(2500)}"),)


def browsing(n: int, rng: random.Random) -> Iterator[tuple[tuple[str, str], ...]]:
    for _ in range(n):
        who = rng.randrange(max(n // 20, 10))
        browser = ("anonymous_id", f"browser-{who}-{rng.randrange(2)}")
        if rng.random() < 0.75:
            yield (browser,)
        else:
            yield (("user_id", f"user-{who}"), browser, ("email", f"user-{who}@example.com"))


def one_browser(n: int, rng: random.Random) -> Iterator[tuple[tuple[str, str], ...]]:
    for i in range(n):
        yield (("user_id", "u"), ("anonymous_id", f"browser-{i}"))


def measure(name: str, ids: Iterator[tuple[tuple[str, str], ...]], n: int) -> None:
    body = {"properties": {"product_id": "507f1f77", "price": 18.99, "category": "Games", "quantity": 2}}
    with tempfile.TemporaryDirectory() as folder:
        db = Database(str(Path(folder) / "shop.db"))
        db.create_all()
        rows = [
            Happening(message_id=f"m{i}", kind="track", name="Product Viewed", at=START + i * 1000, received=START,
                      source="bench", ids=found, body=body)
            for i, found in enumerate(ids)
        ]  # fmt: skip
        with db.write() as conn:
            append_happenings(conn, rows)
        started = time.perf_counter()
        with db.read() as conn:
            at = (-1, -1)
            while found := read_happenings(conn, at, None, 500):
                at = (found[-1].xid, found[-1].pos)
        read = time.perf_counter() - started
        followers = Followers(db, SystemClock())
        settings = IdentitySettings()
        followers.register(IdentityFollower(lambda: settings))
        started = time.perf_counter()
        followers.catch_up("identity", limit=500)
        took = time.perf_counter() - started
        print(f"{name:12} {n / took:10,.0f} a second in slices of 500   (reading alone {n / read:10,.0f})")
        db.close()


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    for name, load in (("orders", orders), ("browsing", browsing), ("one person", one_browser)):
        measure(name, load(n, random.Random(1)), n)


if __name__ == "__main__":
    main()
