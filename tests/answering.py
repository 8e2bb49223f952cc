"""A process that runs batches of commands and marks each answer: python tests/answering.py URL BATCHES [synchronous]

Run under a trace of system calls. Answers are written on the writer's own thread as it gives them, so that nothing of
a later batch can stand between a batch's last write and its answers. ``synchronous`` replaces SQLite's setting: the
planted fault.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import wait

import fairday.rooms  # noqa: F401
import stock
from fairday.kernel.clock import SystemClock
from fairday.kernel.decider import Command
from fairday.storage import database
from fairday.storage.groupcommit import GroupCommit
from fairday.storage.runner import Runner


def main(url: str, batches: int, synchronous: str = "") -> None:
    if synchronous:
        database.SQLITE_PRAGMAS["synchronous"] = synchronous
    db = database.Database(url)
    db.create_all()
    writer = GroupCommit(db)
    runner = Runner(writer, SystemClock())
    stock.register(runner)
    for batch in range(batches):
        futures = []
        for n in range(40):
            key = f"{batch}.{n}"
            future = runner.post(Command("take", f"stock:{n % 2}", {"n": 1, "take": key}, key=key))
            future.add_done_callback(lambda f, key=key: os.write(1, f"ANSWER {key}\n".encode()))
            futures.append(future)
        wait(futures)
    writer.close()
    db.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
