from __future__ import annotations

import os
import subprocess
import sys
import time

from sqlalchemy import func, select

import fairday
import parts
import stock
from fairday.storage.log import happenings


def _start(url: str, name: str, n: int, callers: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, str(parts.ROOT / "tests" / "beside.py"), url, name, str(n), str(callers)]
    return subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_commands_of_the_shell_write_beside_a_running_server(url, capsys):
    """A busy server, and short processes that come and go: nothing lost, nobody told that the database is locked."""
    with fairday.open(url) as shop:
        stock.takes.create(shop.db.engine, checkfirst=True)
        server = _start(url, "server", 60, 32)
        started = time.monotonic()
        shells = [_start(url, f"shell{k}", 20, 2) for k in range(2)]
        for process in shells:
            said = process.communicate(timeout=60)
            assert (process.returncode, said[0].strip()) == (0, "True"), said[1][-2000:]
        took = time.monotonic() - started
        assert server.communicate(timeout=60)[0].strip() == "True"
        with shop.db.read() as conn:
            assert stock.assert_agrees(conn)["stock:a"]["taken"] == 60 * 32 + 1 + 2 * (20 * 2 + 1)
            assert conn.execute(select(func.count()).select_from(happenings)).scalar_one() == 60 * 32 + 2 * 20 * 2
    with capsys.disabled():
        print(f"\n{shop.db.dialect}: two shells of 82 writes each beside a busy server took {took:.1f} s")
