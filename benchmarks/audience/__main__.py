"""Audiences over a million people: counting them beside hand-written SQL, and asking about one person.

    python -m benchmarks.audience [--people N] [--happenings N] [--runs N] [--cache FOLDER]

Everything is made once, by a seed, into a cache folder; making it is not counted. Counting reads Parquet files (a row a
person with a column a trait; day buckets ordered by measure and day). The hand-written side is the fastest of three
statements over the same files. Prints a line a figure with PASS or FAIL; the exit code is 1 if any failed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
from sqlalchemy import Connection, insert, text

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import parts
from fairday.kernel.audience import STANDARD_TRAITS, Audience, Columns, Facts, Layout, Vocabulary, parse
from fairday.people.facts import load_facts
from fairday.people.tables import activity, ownership, people, profile
from fairday.storage.database import Database

TODAY = 20_605
WORDS = Vocabulary(STANDARD_TRAITS, "CNY")
AUDIENCES = {
    "few by their traits": (
        "age < 30 AND city_tier <= 2 AND gender = 'female'",
        "age_hi < 30 AND city_tier <= 2 AND gender = 'female'",
    ),
    "most by their traits": (
        "age < 80 AND city_tier <= 5 AND known(gender)",
        "age_hi < 80 AND city_tier <= 5 AND gender IS NOT NULL",
    ),
}
WINDOWS = "orders(90d) >= 2 AND count('Product Viewed', 30d) >= 3"

_failed: list[str] = []


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    args.add_argument("--people", type=int, default=1_000_000)
    args.add_argument("--happenings", type=int, default=50_000_000)
    args.add_argument("--runs", type=int, default=21)
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "fairday-benchmark-audience")
    given = args.parse_args()
    folder = given.cache / f"{given.people}-{given.happenings}"
    if not (folder / "activity.parquet").is_file():
        print(f"making {given.people:,} people and {given.happenings:,} happenings in {folder} …")
        started = time.perf_counter()
        generate(folder, given.people, given.happenings)
        print(f"made in {time.perf_counter() - started:.0f} s (not counted)")
    # One person first: what a scan of fifty million rows leaves in caches and heap is not what a server has there.
    one_person(folder, given.people)
    count(folder, given.runs, given.threads)
    sys.exit(1 if _failed else 0)


def judge(what: str, figure: float, most: float, unit: str) -> None:
    passed = figure <= most
    if not passed:
        _failed.append(what)
    print(f"{'PASS' if passed else 'FAIL'}  {what}: {figure:.3g} {unit} (at most {most:g})")


def generate(folder: Path, persons: int, happenings: int) -> None:
    """Write people.parquet and activity.parquet; activity last and by renaming, so that half a run leaves nothing."""

    def uniform(salt: int) -> str:
        return f"((hash(range * 16 + {salt}) >> 11)::DOUBLE / 9007199254740992.0)"

    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": 2, "temp_directory": str(folder)}) as conn:
        age = "15 + floor(ub * 60)::INTEGER"
        band = f"({age}) // 5 * 5"
        conn.execute(f"""
            COPY (SELECT (range + 1)::INTEGER AS person,
                CASE WHEN ua < 0.15 THEN NULL WHEN ua < 0.45 THEN {band} ELSE {age} END::SMALLINT AS age_lo,
                CASE WHEN ua < 0.15 THEN NULL WHEN ua < 0.45 THEN {band} + 4 ELSE {age} END::SMALLINT AS age_hi,
                CASE WHEN uc < 0.1 THEN NULL ELSE 1 + floor({uniform(5)} * 5) END::TINYINT AS city_tier,
                CASE WHEN ud < 0.2 THEN NULL WHEN ud < 0.62 THEN 'female' ELSE 'male' END AS gender
                FROM (SELECT range, {uniform(1)} ua, {uniform(2)} ub, {uniform(3)} uc, {uniform(4)} ud
                      FROM range({persons})))
            TO '{folder}/people.parquet' (FORMAT parquet)""")
        # Some do much and many do little: person = N·u². A year of days; six happenings, orders the rarest.
        conn.execute(f"""
            CREATE TABLE happened AS SELECT (1 + floor({persons} * pow({uniform(6)}, 2)))::INTEGER AS person,
                ({TODAY} - floor(365 * {uniform(7)}))::INTEGER AS day,
                CASE WHEN u < 0.40 THEN 'Product Viewed' WHEN u < 0.65 THEN 'Page Viewed'
                     WHEN u < 0.78 THEN 'Product Added' WHEN u < 0.88 THEN 'Products Searched'
                     WHEN u < 0.94 THEN 'Checkout Started' ELSE 'Order Completed' END AS measure,
                CASE WHEN u >= 0.94 THEN (500 + 20000 * {uniform(8)})::INTEGER ELSE 0 END AS amount
            FROM (SELECT range, {uniform(9)} AS u FROM range({happenings}))""")
        conn.execute(f"""
            COPY (SELECT measure, day, person, COUNT(*)::INTEGER AS n, SUM(amount)::BIGINT AS amount
                  FROM happened GROUP BY ALL ORDER BY measure, day, person)
            TO '{folder}/activity.part' (FORMAT parquet)""")
    (folder / "activity.part").rename(folder / "activity.parquet")


def layout(folder: Path) -> Layout:
    return Layout(
        people=f"read_parquet('{folder}/people.parquet')",
        activity=f"read_parquet('{folder}/activity.parquet')",
        ownership=None,
        profile=None,
        columns={
            "age": Columns("age_lo", "age_hi"),
            "city_tier": Columns("city_tier", "city_tier"),
            "gender": Columns(text="gender"),
        },
    )


def by_hand(folder: Path, where: str) -> dict[str, str]:
    """Three ways somebody who knows DuckDB may write the count."""
    who, did = layout(folder).people, layout(folder).activity
    orders = f"measure = 'Order Completed' AND day BETWEEN {TODAY - 89} AND {TODAY}"
    views = f"measure = 'Product Viewed' AND day BETWEEN {TODAY - 29} AND {TODAY}"
    return {
        "joined sums": f"""SELECT COUNT(*) FROM {who}
            JOIN (SELECT person FROM {did} WHERE {orders} GROUP BY person HAVING SUM(n) >= 2) USING (person)
            JOIN (SELECT person FROM {did} WHERE {views} GROUP BY person HAVING SUM(n) >= 3) USING (person)
            WHERE {where}""",
        "people first": f"""WITH who AS (SELECT person FROM {who} WHERE {where}) SELECT COUNT(*)
            FROM (SELECT person FROM {did} JOIN who USING (person) WHERE {orders} GROUP BY person HAVING SUM(n) >= 2)
            JOIN (SELECT person FROM {did} WHERE person IN (FROM who) AND {views}
                  GROUP BY person HAVING SUM(n) >= 3) USING (person)""",
        "one pass": f"""SELECT COUNT(*) FROM (SELECT person FROM {did} a JOIN {who} p USING (person)
            WHERE {where} AND (({orders}) OR ({views})) GROUP BY person
            HAVING SUM(n) FILTER (measure = 'Order Completed') >= 2
               AND SUM(n) FILTER (measure = 'Product Viewed') >= 3)""",
    }


def count(folder: Path, runs: int, threads: int) -> None:
    """Count each audience and its hand-written peers in turn, so that a busy machine is busy for all of them."""
    with duckdb.connect(config={"threads": threads}) as conn:
        for name, (traits, where) in AUDIENCES.items():
            audience = parse(f"{traits} AND {WINDOWS}", WORDS)
            statements = {"ours": audience.count_sql("duckdb", TODAY, layout=layout(folder)), **by_hand(folder, where)}
            times: dict[str, list[float]] = {which: [] for which in statements}
            answers: dict[str, object] = {}
            for _ in range(runs):
                for which, statement in statements.items():
                    started = time.perf_counter()
                    answers[which] = conn.execute(statement).fetchall()[0][0]
                    times[which].append(time.perf_counter() - started)
            if len(set(answers.values())) != 1:
                raise SystemExit(f"the counts differ: {answers}")
            middle = {which: statistics.median(t) for which, t in times.items()}
            print(f"\n{name}: {audience.text}\n      {answers['ours']:,} people; median of {runs} runs, seconds: "
                  + ", ".join(f"{w} {m:.3f} (best {min(times[w]):.3f})" for w, m in middle.items()))  # fmt: skip
            peer = min(m for which, m in middle.items() if which != "ours")
            judge(f"count, {name}", middle["ours"], 0.5, "s")
            judge(f"count against the fastest by hand, {name}", middle["ours"] / peer, 1.3, "times")


def one_person(folder: Path, persons: int) -> None:
    """The predicate on facts in memory, and the facts of one person from each database."""
    audience = parse(f"{AUDIENCES['few by their traits'][0]} AND {WINDOWS}", WORDS)
    with duckdb.connect() as conn:
        step = max(1, persons // 2_000)
        some = f"person % {step} = 1"
        rows = conn.execute(f"SELECT * FROM {layout(folder).people} WHERE {some}").fetchall()
        days = conn.execute(
            f"SELECT person, measure, day, n, amount FROM {layout(folder).activity} WHERE {some}"
        ).fetchall()
    print(f"\none person: {len(rows):,} of them in a database, {len(days) / len(rows):.0f} day buckets each on average")
    with tempfile.TemporaryDirectory() as scratch:
        _one_person("SQLite", Database(f"{scratch}/people.db"), audience, rows, days)
    if parts.postgres_bin() is None:
        print("      no PostgreSQL server here: not measured on it")
        return
    server = parts.Postgres()
    try:
        _one_person("PostgreSQL", Database(server.database()), audience, rows, days)
    finally:
        server.stop()


def _one_person(
    name: str, db: Database, audience: Audience, rows: list[tuple[int, ...]], days: list[tuple[int, ...]]
) -> None:
    db.create_all()
    with db.write() as conn:
        fill(conn, rows, days)
    if not db.is_sqlite:
        with db.engine.connect() as conn:
            conn.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))
    persons = [row[0] for row in rows]
    with db.read() as conn:
        loaded = load_facts(conn, persons)
        load_facts(conn, persons[:1])
        took = [_time(lambda p=p: load_facts(conn, [p])) for p in persons[:1_000]]
        cursor = conn.connection.cursor()
        trip = [_time(lambda: cursor.execute("SELECT 1").fetchall()) for _ in range(1_000)]
        cursor.close()
        needed = [_time(lambda p=p: load_facts(conn, [p], audience.measures)) for p in persons[:1_000]]
    db.close()
    judge(f"one person's facts from {name}, all of them", statistics.median(took) * 1e6, 300, "µs")
    print(f"      of those, what the audience needs: {statistics.median(needed) * 1e6:.0f} µs;"
          f" a round trip for nothing in the same run: {statistics.median(trip) * 1e6:.0f} µs")  # fmt: skip
    facts = list(loaded.values())
    whole = parse("orders(90d) >= 200 OR spend(30d) > 1000 OR age < 2 OR city_tier > 9 OR gender = 'other'", WORDS)
    for what, asked in (("", audience), (", nothing cut short", whole)):
        judge(f"one person once loaded{what}", _per_person(asked, facts) * 1e6, 5, "µs")


def _per_person(audience: Audience, facts: list[Facts]) -> float:
    """Seconds for one person: the median over groups of fifty, so that a busy machine spoils a few groups only."""
    audience.test(facts[0], TODAY)
    groups = [facts[i : i + 50] for i in range(0, len(facts) - 50, 50)]
    return statistics.median(_time(lambda g=g: [audience.test(one, TODAY) for one in g]) / 50 for g in groups)


def _time(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def fill(conn: Connection, rows: list[tuple[int, ...]], days: list[tuple[int, ...]]) -> None:
    """People as two intervals each, their traits as rows, their buckets split between the intervals."""
    conn.execute(insert(people), [{"person": r[0], "since": 0} for r in rows])
    conn.execute(insert(ownership), [
        {"id": 2 * r[0] + i, "identifier": 2 * r[0] + i, "person": r[0], "from_at": 0, "until_at": 1}
        for r in rows for i in (0, 1)
    ])  # fmt: skip
    known = []
    for person, age_lo, age_hi, tier, gender in rows:
        for trait, lo, hi, txt in (("age", age_lo, age_hi, None), ("city_tier", tier, tier, None),
                                   ("gender", None, None, gender)):  # fmt: skip
            if lo is not None or txt is not None:
                known.append({"person": person, "trait": trait, "lo": lo, "hi": hi, "txt": txt,
                              "at": 0, "source": "benchmark", "p": None})  # fmt: skip
    conn.execute(insert(profile), known)
    conn.execute(insert(activity), [
        {"interval_id": 2 * person + i % 2, "measure": measure, "day": day, "n": n, "amount": amount}
        for i, (person, measure, day, n, amount) in enumerate(days)
    ])  # fmt: skip


if __name__ == "__main__":
    main()
