"""The report of a shop as large as the demo's: each section, and the page as a browser gets it.

Run: python -m benchmarks.report [BASKETS] [--sqlite | --postgres]

155,000 baskets of about ten lines by 2,469 people in a year, a scene that met 2,052 of them. Beside each section the
processor's time; and the figures of the headline counted straight from the log, which is what reports did before sums
were kept. Bar: the whole page within 0.5 s.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import fairday
import parts
from benchmarks.traits.__main__ import START, baskets
from fairday.goods.catalogue import ProductRow, save_products
from fairday.insight import report as sections
from fairday.insight.asked import Asked, ask
from fairday.kernel.clock import DAY_MS, ManualClock, local_day
from fairday.playbooks import playbook
from fairday.scenes import arms
from fairday.storage.log import append_rows
from webdesk import Client

BAR = 0.5
ROUNDS = 7
HELD = 10
"""Every so many-th person is held out."""


def fill(shop: fairday.Shop, clock: ManualClock, n: int) -> None:
    """A year of baskets, goods, and a scene that runs at its end."""
    rows = baskets(n)
    for start in range(0, n, 5000):
        with shop.db.write() as conn:
            append_rows(conn, rows[start : start + 5000])
    shop.catch_up()
    with shop.db.write() as conn:
        goods = [
            ProductRow(product=str(900_000 + p), title=f"Something of a name {p}", category=f"CATEGORY {p % 300}")
            for p in range(0, 60_000)
        ]
        save_products(conn, goods, clock.now())
    shop.save_scene(playbook("valentines-day"))
    shop.move_scene("start", "valentines-day")
    with shop.db.write() as conn:
        numbers = conn.exec_driver_sql("SELECT id FROM identifiers ORDER BY id").scalars().all()
        dealt = [("valentines-day", i, "holdout" if i % HELD == 0 else "treated") for i in numbers[:2052]]
        arms.record(conn, dealt, clock.now() - 20 * DAY_MS)
        if not shop.db.is_sqlite:
            conn.exec_driver_sql("ANALYZE")
    shop.midnight.tick(clock.now())
    shop.catch_up()


def median(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds and processor's seconds of the middle of some rounds, after one to warm up."""
    work()
    walls, busy = [], []
    for _ in range(ROUNDS):
        began, used = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - began)
        busy.append(time.process_time() - used)
    return statistics.median(walls), statistics.median(busy)


def from_the_log(shop: fairday.Shop, asked: Asked) -> int:
    """Orders and money of the two periods from every order in the log: the peer."""
    total = 0
    with shop.db.read() as conn:
        query = "SELECT at, body FROM happenings WHERE name = 'Order Completed'"
        for at, body in conn.exec_driver_sql(query):
            if asked.earlier.first <= local_day(at, shop.settings.zone) <= asked.last:
                total += len(body)
    return total


def measure(url: str, n: int) -> bool:
    clock = ManualClock(START + 366 * DAY_MS)
    with fairday.open(url, clock=clock, currency="USD", zone="America/New_York", language="en") as shop:
        fill(shop, clock, n)
        asked = ask({"metric": "revenue", "period": "28d"}, local_day(clock.now(), shop.settings.zone))
        given = (shop.settings, asked, clock.now())
        with shop.db.read() as conn:
            for section in (
                sections.figures, sections.sources, sections.changes, sections.effects, sections.cohorts, sections.rfm
            ):  # fmt: skip
                wall, busy = median(lambda section=section: section(conn, *given))
                print(f"{section.__name__:12} {wall * 1000:7.0f} ms   {busy * 1000:7.0f} ms of this process")
        client = Client(shop).sign_in()

        def page() -> None:
            assert client.get("/console/report").status_code == 200

        wall, busy = median(page)
        peer, _ = median(lambda: from_the_log(shop, asked))
        print(f"{'page':12} {wall * 1000:7.0f} ms   {busy * 1000:7.0f} ms of this process")
        print(f"{'the log':12} {peer * 1000:7.0f} ms   its orders alone, read once: {peer / wall:.1f} x the page")
        print(f"page within {BAR} s: {'PASS' if wall <= BAR else 'FAIL'}")
        return wall <= BAR


@contextmanager
def postgres() -> Iterator[str]:
    server = parts.Postgres()
    try:
        yield server.database()
    finally:
        server.stop()


def main() -> None:
    numbers = [int(a) for a in sys.argv[1:] if a.isdigit()]
    n = numbers[0] if numbers else 155_000
    good = True
    if "--postgres" not in sys.argv:
        with tempfile.TemporaryDirectory() as folder:
            print("SQLite")
            good = measure(f"{folder}/shop.db", n)
    if "--sqlite" not in sys.argv:
        with postgres() as url:
            print("PostgreSQL")
            good = measure(url, n) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
