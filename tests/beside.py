"""A process that writes to a shop for a while by its front door: python tests/beside.py URL NAME N CALLERS"""

from __future__ import annotations

import sys
import threading

import fairday
import stock
from fairday.kernel.decider import Command
from fairday.storage.log import Happening


def main(url: str, name: str, n: int, callers: int) -> None:
    with fairday.open(url) as shop:
        stock.register(shop.runner)
        shop.start()

        def caller(me: int) -> None:
            for i in range(n):
                key = f"{name}.{me}.{i}"
                assert shop.runner.submit(Command("take", "stock:a", {"n": 1, "take": key}, actor=name, key=key)).ok
                row = Happening(message_id=key, kind="track", at=1, received=1, source=name)
                assert shop.append([row]).result() == 1

        threads = [threading.Thread(target=caller, args=(me,)) for me in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(shop.runner.submit(Command("take", "stock:a", {"n": 1, "take": name}, actor=name, key=name)).ok)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
