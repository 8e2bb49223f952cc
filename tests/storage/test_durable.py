"""What killing a process cannot show: a trace of system calls has a sync before the first answer of every batch."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

import answering
import parts

SQLITE_FILE = re.compile(r"\.db(-wal|-journal)?$")
POSTGRES_FILE = re.compile(r"/pg_wal/[0-9A-F]{24}$")
CALL = re.compile(r"(?P<name>\w+)\((?P<fd>\d+)(?:<(?P<path>[^>]*)>)?(?P<rest>.*)")
CALLS = "trace=write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,sync_file_range,sendto,send"


def strace() -> str:
    found = shutil.which("strace")
    if found is None:
        parts.missing("strace", "On Debian or Ubuntu: apt-get install strace")
    return str(found)


def batches_answered(trace: Iterable[str], files: re.Pattern[str], answer: str) -> int:
    """How many batches were answered, each after writes that were synced.

    Raises:
        AssertionError: an answer went out with nothing written since the last one, or with a write not yet synced.
    """
    unsynced: set[str] = set()
    wrote, answered, batches = False, True, 0
    pending: dict[str, str] = {}
    for line in trace:
        pid, _, said = line.partition(" ")
        said = said.strip()
        if said.endswith("<unfinished ...>"):
            pending[pid] = said.removesuffix("<unfinished ...>")
            if answer not in said and "sync(" in said:
                continue  # a sync counts when it has returned
        elif said.startswith("<..."):
            said = pending.pop(pid, "") + said.partition("resumed>")[2]
            if "sync(" not in said:
                continue  # what wrote was taken where it began
        call = CALL.search(said)
        if call is None:
            continue
        path = call["path"] or ""
        if (answer in said and "write" in call["name"]) or (answer in said and "send" in call["name"]):
            if wrote or not answered:
                assert wrote, "a batch was answered before anything was written"
                assert not unsynced, f"a batch was answered before {unsynced} was synced"
                batches += 1
            answered, wrote = True, False
        elif files.search(path):
            if "write" in call["name"]:
                unsynced.add(path)
                wrote, answered = True, False
            elif call["name"] in ("fsync", "fdatasync") and re.search(r"=\s*0\s*$", said):
                unsynced.discard(path)
    return batches


def _trace_sqlite(folder: Path, *settings: str) -> list[str]:
    out = folder / "trace"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, str(parts.ROOT / "tests" / "answering.py"), str(folder / "shop.db"), "60", *settings]
    subprocess.run([strace(), "-f", "--seccomp-bpf", "-y", "-s", "32", "-e", CALLS, "-o", str(out), *program],
                   check=True, env=environment, stdout=subprocess.PIPE)  # fmt: skip
    return out.read_text(errors="replace").splitlines()


def test_sqlite_syncs_before_it_answers(tmp_path):
    trace = _trace_sqlite(tmp_path)
    assert batches_answered(trace, SQLITE_FILE, "ANSWER ") >= 60
    assert any("shop.db>" in line and "pwrite64" in line for line in trace), "checkpoints are among what was traced"


@pytest.mark.parametrize("setting", ["OFF", "NORMAL"])
def test_sqlite_without_full_sync_fails_the_same_test(tmp_path, setting):
    """NORMAL too: in WAL mode it leaves the last commits to the operating system."""
    with pytest.raises(AssertionError, match=r"before .* was synced"):
        batches_answered(_trace_sqlite(tmp_path, setting), SQLITE_FILE, "ANSWER ")


@pytest.fixture(scope="module")
def quiet_server():
    """A server in which nobody writes the log but the backend that is asked; its sync is a system call of its own."""
    if parts.postgres_bin() is None:
        parts.missing("PostgreSQL's server", "On Debian or Ubuntu: apt-get install postgresql")
    server = parts.Postgres(
        "wal_sync_method=fdatasync", "autovacuum=off", "wal_writer_delay=10s", "bgwriter_lru_maxpages=0",
        "checkpoint_timeout=1h",
    )  # fmt: skip
    yield server
    server.stop()


def _trace_postgres(server: parts.Postgres, folder: Path, options: str = "") -> list[str]:
    url, out = server.database(), folder / "trace"
    with subprocess.Popen(
        [strace(), "-f", "-y", "-s", "32", "-e", CALLS, "-o", str(out), "-p", str(server.pid)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as tracer:  # fmt: skip
        assert tracer.stderr is not None
        if "attached" not in tracer.stderr.readline():
            parts.missing("the right to trace PostgreSQL", "Run as root, or set kernel.yama.ptrace_scope to 0.")
        try:
            answering.main(url + options, 12)
            time.sleep(0.2)
        finally:
            tracer.send_signal(signal.SIGINT)
    return out.read_text(errors="replace").splitlines()


def test_postgresql_syncs_before_it_answers(quiet_server, tmp_path):
    """The answer of the server to COMMIT; ours goes out after it (test_nobody_is_answered_before_the_commit)."""
    assert batches_answered(_trace_postgres(quiet_server, tmp_path), POSTGRES_FILE, r'"C\0\0\0\vCOMMIT') >= 12


def test_postgresql_without_synchronous_commit_fails_the_same_test(quiet_server, tmp_path):
    trace = _trace_postgres(quiet_server, tmp_path, "?options=-csynchronous_commit%3Doff")
    with pytest.raises(AssertionError, match="before"):
        assert batches_answered(trace, POSTGRES_FILE, r'"C\0\0\0\vCOMMIT') >= 12, "answered before anything was written"


def test_the_checker_itself():
    wal = "write(5</x/shop.db-wal>, 1) = 1"
    sync, said = "fdatasync(5</x/shop.db-wal>) = 0", 'write(1<pipe:[1]>, "ANSWER 1", 8) = 8'
    good = [f"1 {call}" for call in (wal, sync, said, said, wal, wal, sync, said)]
    assert batches_answered(good, SQLITE_FILE, "ANSWER ") == 2
    for bad in ([wal, said, sync], [wal, sync, wal, said], [wal, "fdatasync(5</x/shop.db-wal>) = -1 EIO", said]):
        with pytest.raises(AssertionError, match="before"):
            batches_answered([f"1 {call}" for call in bad], SQLITE_FILE, "ANSWER ")
    cut = ["1 fdatasync(5</x/shop.db-wal> <unfinished ...>", f"2 {said}", "1 <... fdatasync resumed>) = 0"]
    with pytest.raises(AssertionError, match="before"):
        batches_answered([f"1 {wal}", *cut], SQLITE_FILE, "ANSWER ")
