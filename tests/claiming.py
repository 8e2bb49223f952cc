"""A process in which 64 callers claim coupons until it is killed: python tests/claiming.py URL LIFE.

It says on its standard output whose claim was answered, one line each.
"""

from __future__ import annotations

import os
import sys
import threading

import fairday
from fairday.kernel.decider import Command


def main(url: str, life: str) -> None:
    shop = fairday.open(url)

    def caller(me: int) -> None:
        for n in range(100):
            account = f"account:{life}-{me}-{n}"
            shop.runner.submit(Command("open", account))
            shop.coupons.give("rush", account)
            os.write(1, account.encode() + b"\n")  # one write: whole, or not at all

    threads = [threading.Thread(target=caller, args=(me,), daemon=True) for me in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
