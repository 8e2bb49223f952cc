"""What people buy next, foreseen: our lists of twenty beside popularity, personal frequency, RecTools' EASE, implicit's
ALS, on real shops.

    python -m benchmarks.recommend [--cache FOLDER] [--alone] [online] [journey]

*online*: Online Retail, its second year, articles of five digits, sales to known customers; truth from 11 November
2011. *journey*: the Complete Journey's last 28 days, articles that at least 100 households had bought before them (what
is sold in those days decides nothing); shown once more with articles counted over the whole year. Truth is what known
people buy of known articles. Tuning reads the four weeks before the truth and nothing of it; everything is then fitted
on all that is before the truth. R@20 is over min(20, truth), NDCG@20 is binary. Exits 1 when a bar is lost.

The peers run in an environment of their own that this command makes in the cache folder (needs the package index once).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from fairday.demo.__main__ import data as journey_files
from fairday.kernel.clock import to_day
from fairday.models.recommend import WINDOW, Model, Purchases, figures, fit, histories_of

PEERS = ("rectools==0.19.0", "implicit==0.7.3")
BARS = {"online": (0.363, 0.126), "journey": (0.390, 0.085)}
SERVED_MS = 1.0
DATA = Path(os.environ.get("FAIRDAY_DATA") or Path(__file__).parents[3] / "shared" / "data")


@dataclass(frozen=True)
class Case:
    """Purchases, the first day of the truth, and categories where there are some."""

    name: str
    purchases: Purchases
    truth: int
    bars: tuple[float, float] | None


def online() -> Iterator[Case]:
    rows = duckdb.sql(
        f"""SELECT "Customer ID" AS person, StockCode AS item, InvoiceDate::DATE - DATE '1970-01-01' AS day
        FROM '{DATA / "online_retail_ii.parquet"}'
        WHERE sheet = 'Year 2010-2011' AND "Customer ID" IS NOT NULL AND NOT starts_with(Invoice, 'C')
        AND Quantity > 0 AND Price > 0 AND regexp_matches(StockCode, '^[0-9]{{5}}')"""
    ).fetchnumpy()
    person, item, day = coded(rows)
    shape = (len(person), int(person.max()) + 1, int(item.max()) + 1)
    assert shape == (396_337, 4_334, 3_659), shape
    truth = to_day(date(2011, 11, 11))
    case = Case("online", Purchases.of(person, item, day, *shape[1:]), truth, BARS["online"])
    wanted = Asked(case)
    counted = (
        len(wanted.people),
        sum(len(np.setdiff1d(t, o)) > 0 for t, o in zip(wanted.wanted, wanted.own, strict=True)),
    )
    assert counted == (1_333, 1_223), counted
    yield case


def journey() -> Iterator[Case]:
    transactions = next(f for f in journey_files() if f.stem == "transactions")
    day = "((transaction_timestamp AT TIME ZONE 'UTC') AT TIME ZONE 'America/New_York')::DATE - DATE '1970-01-01'"
    base = f"SELECT household_id AS person, product_id AS item, {day} AS day FROM '{transactions}'"
    truth = to_day(date(2017, 12, 31)) - 27
    for name, counted, bars in (
        ("journey", f"WHERE day < {truth}", BARS["journey"]),
        ("journey, articles counted over the whole year", "", None),
    ):
        rows = duckdb.sql(
            f"WITH t AS ({base}) SELECT * FROM t WHERE item IN"
            f" (SELECT item FROM t {counted} GROUP BY item HAVING count(DISTINCT person) >= 100)"
        ).fetchnumpy()
        person, item, days = coded(rows)
        yield Case(name, Purchases.of(person, item, days, int(person.max()) + 1, int(item.max()) + 1), truth, bars)


def coded(rows: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    person = np.unique(np.asarray(rows["person"]), return_inverse=True)[1]
    item = np.unique(np.asarray(rows["item"]).astype(str), return_inverse=True)[1]
    return person, item, np.asarray(rows["day"]).astype(np.int64)


class Asked:
    """Whom a case asks about, what they had bought, and what they buy."""

    def __init__(self, case: Case) -> None:
        before, after = case.purchases.between(end=case.truth), case.purchases.between(first=case.truth)
        known = np.isin(after.person, before.person) & np.isin(after.item, before.item)
        self.people = np.unique(after.person[known])
        bought = before.bought()
        self.own = [bought.indices[bought.indptr[p] : bought.indptr[p + 1]] for p in self.people]
        kept = Purchases.of(after.person[known], after.item[known], after.day[known], before.people, before.items)
        truth = kept.bought()
        self.wanted = [truth.indices[truth.indptr[p] : truth.indptr[p + 1]] for p in self.people]

    def judge(self, scores: Iterator[tuple[NDArray[np.int64], NDArray[Any]]]) -> dict[str, float]:
        return figures(zip(scores, self.own, self.wanted, strict=True))

    def judge_lists(self, everything: NDArray[np.int64], new: NDArray[np.int64]) -> dict[str, float]:
        """Lists in order, as others give them: those with repeats judge the one half, those of new goods the other."""
        found = {}
        for suffix, lists in (("", everything), ("_new", new)):
            rows = ((row[row >= 0], -np.arange(int((row >= 0).sum()), dtype=float)) for row in lists)
            ordered = ((np.sort(goods), worth[np.argsort(goods)]) for goods, worth in rows)
            judged = self.judge(ordered)
            found |= {k: v for k, v in judged.items() if k.endswith("_new") == bool(suffix)}
        return found


def run(case: Case, cache: Path | None) -> bool:
    asked, before = Asked(case), case.purchases.between(end=case.truth)
    today = case.truth - 1
    print(f"\n{case.name}: {before.people:,} people, {before.items:,} articles, {len(asked.people):,} asked about")
    print(f"  {'':34} {'R@20':>7} {'NDCG@20':>8}   {'R@20 new':>8} {'NDCG new':>8}")
    goods = np.arange(before.items)
    popular = np.bincount(before.item[before.day > today - 28], minlength=before.items).astype(float)
    shown("popularity of 28 days", asked.judge((goods, popular) for _ in asked.people))
    for half_life in (None, 120.0):
        rows = before.decayed(today, half_life)[asked.people].toarray() + 1e-6 * popular
        name = "personal frequency" + (f", half-life {half_life:.0f} days" if half_life else "")
        shown(name, asked.judge((goods, row) for row in rows))
    if cache is not None:
        for name, judged, seconds in peers(case, asked, cache):
            shown(name, judged, f"   {seconds:6.1f} s of processor")
    began, busy = time.perf_counter(), time.process_time()
    model = fit(before, today)
    wall, busy = time.perf_counter() - began, time.process_time() - busy
    alone, times = served(model, before, asked, case.truth)
    ours = asked.judge(iter(alone))
    shown("Fairday", ours, f"   {busy:6.1f} s of processor, {wall:.1f} s")
    print(f"  on the validation window: {model.figures['recall']:.4f}, {model.figures['recall_new']:.4f} new;", end=" ")
    print(f"ALS {'helped' if model.parts.factors is not None else 'did not help and was left out'}")
    median, most = np.median(times), np.quantile(times, 0.99)
    print(f"  served: median {median:.2f} ms, p99 {most:.2f} ms of processor a person")
    if case.bars is None:
        return True
    good = ours["recall"] >= case.bars[0] and ours["recall_new"] >= case.bars[1] and median < SERVED_MS
    print(f"  bars {case.bars[0]}, {case.bars[1]} new, {SERVED_MS} ms: {'PASS' if good else 'FAIL'}")
    return good


def served(
    model: Model, before: Purchases, asked: Asked, today: int
) -> tuple[list[tuple[NDArray[np.int64], NDArray[np.float64]]], NDArray[np.float64]]:
    """Everybody's likely goods, one person after the other, and the milliseconds of processor each took."""
    found, times = [], []
    for person, history in zip(asked.people, histories_of(before, None, asked.people), strict=True):
        began = time.thread_time()
        found.append(model.likely(model.seen(history, int(person), today)))
        times.append((time.thread_time() - began) * 1000)
    return found, np.array(times)


def peers(case: Case, asked: Asked, cache: Path) -> Iterator[tuple[str, dict[str, float], float]]:
    python = cache / "peers" / "bin" / "python"
    if not python.exists():
        print("  making the peers' environment …", flush=True)
        venv.create(cache / "peers", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PEERS], check=True)
    with tempfile.TemporaryDirectory() as folder:
        known = case.purchases.between(end=case.truth)
        np.savez(
            Path(folder) / "purchases.npz",
            person=known.person, item=known.item, day=known.day, people=known.people, items=known.items,
            window=case.truth - WINDOW, truth=case.truth, asked=asked.people,
        )  # fmt: skip
        subprocess.run(
            [python, Path(__file__).parent / "peer.py", folder], check=True, stderr=subprocess.DEVNULL,
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"OPENBLAS_NUM_THREADS": "2"},
        )  # fmt: skip
        made = np.load(Path(folder) / "peers.npz")
        for key, name in (("rectools_ease", "RecTools EASE"), ("implicit_als", "implicit ALS")):
            judged = asked.judge_lists(made[key].astype(np.int64), made[f"{key}_new"].astype(np.int64))
            yield name, judged, float(made[f"{key}_seconds"])


def shown(name: str, found: dict[str, float], after: str = "") -> None:
    all_, new = f"{found['recall']:7.4f} {found['ndcg']:8.4f}", f"{found['recall_new']:8.4f} {found['ndcg_new']:8.4f}"
    print(f"  {name:34} {all_}   {new}{after}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "fairday-benchmark-recommend")
    parser.add_argument("--alone", action="store_true", help="leave the peers out")
    parser.add_argument("cases", nargs="*", choices=["online", "journey", []])
    options = parser.parse_args()
    makers = {"online": online, "journey": journey}
    good = True
    for name in options.cases or list(makers):
        for case in makers[name]():
            good &= run(case, None if options.alone else options.cache.absolute())
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
