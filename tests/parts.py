"""Parts that tests need beside Python packages: found, started, or loudly missing (a failure when CI=true)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def missing(what: str, remedy: str) -> None:
    """Skip the test with a loud line; in CI (CI=true) fail it instead."""
    line = f"MISSING PART: {what}. {remedy}"
    print(f"\n*** {line}", file=sys.stderr)
    if os.environ.get("CI") == "true":
        pytest.fail(line, pytrace=False)
    pytest.skip(line)


def folder(variable: str, default: str) -> Path | None:
    """A folder of outside material: named by the variable, or beside the repository, or None."""
    named = os.environ.get(variable)
    path = Path(named) if named else ROOT.parent / "shared" / default
    return path if path.is_dir() else None


def cases(name: str) -> Path:
    """A file of collected cases; skips loudly without one (also in CI: the product works without them)."""
    found = folder("FAIRDAY_CASES", "cases")
    if found is None or not (found / name).is_file():
        line = f"no case file {name}: set FAIRDAY_CASES to a folder of cases"
        print(f"\n*** {line}", file=sys.stderr)
        pytest.skip(line)
    return found / name


def shared(variable: str, default: str, name: str) -> Path:
    """A file or folder of captures or data; skips loudly without one."""
    found = folder(variable, default)
    if found is None or not (found / name).exists():
        line = f"no {default}/{name}: set {variable} to a folder that holds it"
        print(f"\n*** {line}", file=sys.stderr)
        pytest.skip(line)
    return found / name


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@lru_cache
def postgres_bin() -> Path | None:
    """The folder of PostgreSQL's server programs, or None."""
    on_path = shutil.which("pg_ctl")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda p: int(p.parts[-3]))
    return found[-1].parent if found else None


class Postgres:
    """A throw-away PostgreSQL server from its binaries, durable as in production, on a local port."""

    def __init__(self, *options: str) -> None:
        bin_ = postgres_bin()
        assert bin_ is not None
        self.bin = bin_
        self.dir = Path(tempfile.mkdtemp(prefix="fairday-pg-"))
        self.port = free_port()
        if os.geteuid() == 0:
            shutil.chown(self.dir, "postgres", "postgres")
        self._run("initdb", "-D", str(self.dir / "data"), "-U", "fairday", "--auth=trust", "-E", "UTF8", "--locale=C")
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.dir}",
                    "max_connections=200", "shared_buffers=128MB", *options]  # fmt: skip
        with (self.dir / "data" / "postgresql.conf").open("a") as f:
            f.writelines(f"{k} = '{v}'\n" for k, v in (s.split("=", 1) for s in settings))
        self._run("pg_ctl", "-D", str(self.dir / "data"), "-l", str(self.dir / "log"), "-w", "start")
        self._count = 0

    def _run(self, program: str, *args: str) -> None:
        command = [str(self.bin / program), *args]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        done = subprocess.run(command, cwd=self.dir, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")

    def database(self, template: str = "template1") -> str:
        """The URL of a fresh database: empty, or as the one of that name, which nobody may be connected to."""
        import psycopg

        self._count += 1
        name = f"shop_{os.getpid()}_{self._count}_{time.monotonic_ns()}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            conn.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def url(self, database: str) -> str:
        return f"postgresql://fairday@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """The server's process."""
        return int((self.dir / "data" / "postmaster.pid").read_text().split()[0])

    def restart(self, mode: str) -> None:
        """Stop ("fast", or "immediate", as if the power failed) and start again."""
        data, log = str(self.dir / "data"), str(self.dir / "log")
        self._run("pg_ctl", "-D", data, "-l", log, "-m", mode, "-w", "restart")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.dir / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.dir, ignore_errors=True)


FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
"""With which tests start Chromium."""


@lru_cache
def chromium() -> str | None:
    """The system's Chromium, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def nursery(program: str) -> Iterator[subprocess.Popen[str]]:
    """A process of ``tests/<program>`` that has imported everything and forks a child for each line it is told."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / program)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, bufsize=1,
    )  # fmt: skip
    try:
        yield process
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait(20)
