"""What a person meets on a page, asked of a full shop: 100,000 people, 10,000 goods, 1,000 live scenes.

    python -m benchmarks.choose [--sqlite] [--postgres] [--people N] [--goods N] [--scenes N] [--asked N]

Each of the people asked fits 20 to 60 of the scenes (asserted by asking every scene). A request is ``shop.meet``: the
id's person, their facts, ids and arms are read from the database, scenes and goods chosen, and the exposure queued for
the log; nothing is kept of a person between requests. Also: how long it takes until a new stage stands, and what the
shoppers notice of that. Prints a line a figure with PASS or FAIL; the exit code is 1 if any failed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import fairday
import parts
from benchmarks.choose import making
from fairday.kernel.clock import ManualClock, local_day
from fairday.scenes import life
from fairday.scenes.choice import choose
from fairday.scenes.loading import load_person
from fairday.web.collect import tune_process

NOW = 1_770_264_000_000  # 2026-02-05 12:00 in Shanghai, twelve days before the Spring Festival
FITS = range(20, 61)

_failed: list[str] = []


RATE = 50
"""Pages a second that are asked for: more than four million a day."""


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    args.add_argument("--sqlite", action="store_true")
    args.add_argument("--postgres", action="store_true")
    args.add_argument("--people", type=int, default=100_000)
    args.add_argument("--goods", type=int, default=10_000)
    args.add_argument("--scenes", type=int, default=1_000)
    args.add_argument("--asked", type=int, default=2_000)
    args.add_argument("--folder", type=Path, help="keep the SQLite shop there, and use the one that is there")
    args.add_argument("--days", type=int, default=40, help="day buckets a person on average")
    given = args.parse_args()
    both = not (given.sqlite or given.postgres)
    if given.sqlite or both:
        with tempfile.TemporaryDirectory() as folder:
            measure("SQLite", str((given.folder or Path(folder)) / "shop.db"), given)
    if given.postgres or both:
        if parts.postgres_bin() is None:
            print("no PostgreSQL server here: not measured on it")
        else:
            server = parts.Postgres()
            try:
                measure("PostgreSQL", server.database(), given)
            finally:
                server.stop()
    sys.exit(1 if _failed else 0)


def measure(name: str, url: str, given: argparse.Namespace) -> None:
    print(f"\n{name}")
    random = Random(3)
    with fairday.open(url, clock=ManualClock(NOW)) as shop:
        with shop.db.read() as conn:
            made = bool(life.all_scenes(conn, "live"))
        if not made:
            make(shop, given, random)
        shop.staging.forget()
        took = _time(lambda: shop.staging.refresh(shop.db, NOW))
        print(f"  a stage from nothing, before the first page: {took:.2f} s")
        tune_process()
        asked, steps = people_asked(shop, given.asked, random)
        sizes = [steps[p] for p in asked]
        print(f"  {len(asked):,} people asked; scenes that fit each: {min(sizes)} to {max(sizes)},"
              f" on average {statistics.mean(sizes):.0f}")  # fmt: skip
        for person in asked[:100]:
            shop.meet(f"user_id:u{2 * person}", "page", wait=False)
        shop.append([]).result()
        requests(name, shop, asked)
        one_by_one(shop, asked[: min(500, len(asked))])
        changes(name, shop, asked)


def make(shop: fairday.Shop, given: argparse.Namespace, random: Random) -> None:
    """Scenes, people and goods; not counted."""
    started = time.perf_counter()
    today = local_day(NOW, shop.settings.zone)
    texts = dict(making.scene_texts(random, given.scenes, today))
    for written in texts.values():
        shop.runner.submit(life.save(written, shop.vocabulary, shop.settings.zone, goods=shop.staging.goods)[0])
    for scene in texts:
        shop.runner.submit(life.move("start", scene, "benchmark"))
    with shop.db.write() as conn:
        buckets = making.fill(conn, given.people, given.goods, given.days, today, NOW, list(texts))
    with shop.db.write() as conn:
        making.settle(conn)
    print(f"  {given.people:,} people, {buckets:,} day buckets, {given.goods:,} goods, {len(texts):,} live scenes"
          f" in {time.perf_counter() - started:.0f} s (not counted)")  # fmt: skip


def people_asked(shop: fairday.Shop, count: int, random: Random) -> tuple[list[int], dict[int, int]]:
    """People who fit 20 to 60 scenes, found by asking every scene; and that the index says the same of them."""
    with shop.db.read() as conn:
        stage = shop.staging.stage(conn, NOW)
        most: int = conn.execute(text("SELECT MAX(person) FROM people")).scalar_one()
        found: dict[int, int] = {}
        others = 0
        for person in random.sample(range(1, most + 1), min(2 * count, most)):
            loaded = load_person(conn, person, NOW)
            plain = choose(loaded, "page", NOW, stage, floors=None, explain=len(found) < 300)
            met = len(plain.shown) + len(plain.withheld)
            if len(found) < 300:
                quick = choose(loaded, "page", NOW, stage, floors=None)
                if (quick.shown, quick.withheld) != (plain.shown, plain.withheld):
                    raise SystemExit(f"person {person} meets other scenes by the index")
            if met in FITS:
                found[person] = met
                if len(found) == count:
                    break
            else:
                others += 1
    print(f"  of {len(found) + others:,} people {others / (len(found) + others):.0%} fit fewer or more scenes and are"
          " not asked; the index was compared with asking every scene")  # fmt: skip
    return list(found), found


def requests(name: str, shop: fairday.Shop, asked: list[int]) -> None:
    """Whole requests as a server has them: live scenes watched by a thread, the writer working beside them.

    Judged are requests that arrive at a steady ``RATE``; beside them the same one after the other.
    """
    over = threading.Event()

    def watch() -> None:
        while True:
            shop.staging.refresh(shop.db, NOW)
            if over.wait(1.0):
                return

    watching = threading.Thread(target=watch)
    watching.start()
    half = len(asked) // 2
    for people, paced in ((asked[:half], True), (asked[half:], False)):
        walls, cpus = [], []
        shown = goods = 0
        due = time.perf_counter()
        for person in people:
            id_ = f"user_id:u{2 * person}"
            if paced:
                due += 1 / RATE
                time.sleep(max(0.0, due - time.perf_counter()))
            wall, cpu = time.perf_counter(), time.thread_time()
            choice = shop.meet(id_, "page", wait=False)
            walls.append(time.perf_counter() - wall)
            cpus.append(time.thread_time() - cpu)
            shown += len(choice.floors)
            goods += sum(len(f.goods) for _, f in choice.floors)
        shop.append([]).result()
        if paced:
            print(f"  a page has {shown / half:.1f} floors and {goods / half:.0f} goods on average")
            judge(f"{name}: a request, {RATE} a second, p99", _at(walls, 0.99), 10)
        else:
            print(
                f"        one after the other, {len(people) / sum(walls):.0f} a second: p99 {_at(walls, 0.99):.2f} ms"
            )
        print(f"        p50 {_at(walls, 0.5):.2f} ms, p95 {_at(walls, 0.95):.2f} ms, its own CPU time"
              f" p50 {_at(cpus, 0.5):.2f} ms, p99 {_at(cpus, 0.99):.2f} ms")  # fmt: skip
    over.set()
    watching.join()


def one_by_one(shop: fairday.Shop, asked: list[int]) -> None:
    """The parts of a request, and the page with every floor there is."""
    with shop.db.read() as conn:
        stage = shop.staging.stage(conn, NOW)
        cursor = conn.connection.cursor()
        trip = [_time(lambda: cursor.execute("SELECT 1").fetchall()) for _ in range(500)]
        loads = [_time(lambda p=p: load_person(conn, p, NOW)) for p in asked]
        loaded = [load_person(conn, p, NOW) for p in asked]
    chosen = [_time(lambda p=p: choose(p, "page", NOW, stage)) for p in loaded]
    every = [_time(lambda p=p: choose(p, "page", NOW, stage, floors=None)) for p in loaded]
    plain = [_time(lambda p=p: choose(p, "page", NOW, stage, explain=True)) for p in loaded[:100]]
    scenes = [_time(lambda p=p: choose(p, "page", NOW, stage, floors=0)) for p in loaded]
    for what, took in (("a round trip for nothing", trip), ("read the person", loads), ("find the scenes", scenes),
                       ("choose", chosen), ("choose, without a limit of floors", every),
                       ("choose by asking every scene", plain)):  # fmt: skip
        print(f"        {what}: p50 {_at(took, 0.5):.2f} ms, p99 {_at(took, 0.99):.2f} ms")


def changes(name: str, shop: fairday.Shop, asked: list[int]) -> None:
    """What a request notices of a scene that changes, and of goods that change."""
    scene = "scene-00001"
    shop.staging.refresh(shop.db, NOW)
    with shop.db.read() as conn:
        kept = life.get_scene(conn, scene).text
    took, next_ = [], []
    for n in range(5):
        took.append(_time(lambda n=n: shop.save_scene(kept + f"# {n}\n")))
        next_.append(_time(lambda n=n: shop.meet(f"user_id:u{2 * asked[n]}", "page", wait=False)))
    print(f"  one scene saved: made ready within the merchant's request, {_at(took, 0.5):.0f} ms; the next shopper's"
          f" request {_at(next_, 0.5):.1f} ms")  # fmt: skip
    with shop.db.write() as conn:
        conn.execute(text("UPDATE products SET price = price + 100, updated_at = updated_at + 1"))
    shop.staging.forget()
    builds: list[float] = []
    behind = threading.Thread(target=lambda: builds.append(_time(lambda: shop.staging.refresh(shop.db, NOW))))
    walls = []
    behind.start()
    while behind.is_alive():
        person = asked[len(walls) % len(asked)]
        walls.append(_time(lambda p=person: shop.meet(f"user_id:u{2 * p}", "page", wait=False)))
    behind.join()
    print(f"  all goods changed: made ready behind the requests in {builds[0]:.2f} s; a request meanwhile:"
          f" p50 {_at(walls, 0.5):.1f} ms, the longest {max(walls) * 1000:.1f} ms")  # fmt: skip


def judge(what: str, figure: float, most: float) -> None:
    passed = figure <= most
    if not passed:
        _failed.append(what)
    print(f"  {'PASS' if passed else 'FAIL'}  {what}: {figure:.2f} ms (at most {most:g} ms)")


def _at(seconds: list[float], share: float) -> float:
    """The value below which that share lies, in milliseconds."""
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))] * 1000


def _time(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
