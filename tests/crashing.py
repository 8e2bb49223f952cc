"""A process that starts children which write until they are killed: python tests/crashing.py (commands on stdin).

Everything is imported once; each child is forked, so that fifty starts cost little. A child runs 64 callers on a few
streams through the runner, with deadlines firing, and says on its pipe what it is about to ask (?) and what it was
answered (!). The reader of the pipe is another process: what it has read was said before the kill.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time

import fairday.rooms  # noqa: F401
import stock
from fairday.kernel.clock import SystemClock
from fairday.kernel.decider import Command
from fairday.storage.database import Database
from fairday.storage.deadlines import fire_due
from fairday.storage.groupcommit import GroupCommit
from fairday.storage.runner import Runner

CALLERS = 64


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")  # one write: whole, or not at all


def write_until_killed(url: str, life: int) -> None:
    db, clock = Database(url), SystemClock()
    runner = Runner(GroupCommit(db), clock)
    stock.register(runner)

    def fire() -> None:
        while True:
            fire_due(db, runner, clock.now(), lambda stream, error: None)
            time.sleep(0.01)

    async def caller(me: int) -> None:
        n = 0
        while True:
            key = f"{life}.{me}.{n}"
            n += 1
            say(f"?{key}")
            if me % 8 == 0:  # a deadline that comes soon, for a stream of its own
                command = Command("take", f"stock:{key}", {"n": 1, "take": key, "due": clock.now() + 30})
            elif me % 8 == 1:
                command = Command("stock.take_each", "stock:x", {"streams": ["stock:0", f"stock:{me}"]})
            else:
                command = Command("take", f"stock:{me % 3}", {"n": 1, "take": key}, actor="crash", key=key)
            await runner.send(command)
            say(f"!{key}")

    async def everybody() -> None:
        await asyncio.gather(*(caller(me) for me in range(CALLERS)))

    threading.Thread(target=fire, daemon=True).start()
    asyncio.run(everybody())


def main() -> None:
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "start":
            child = os.fork()
            if child == 0:
                write_until_killed(rest[0], int(rest[1]))
            say(f"@{child}")
            os.waitpid(child, 0)
            say("#")


if __name__ == "__main__":
    main()
