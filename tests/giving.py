"""A process whose children give back what a design that was missed was paid, until they are killed: "URL\n" on stdin.

Everything is imported once; each child is forked. A child says on its pipe how many orders it gave back (!).
"""

from __future__ import annotations

import os
import sys

import fairday
from fairday.trade.c2b import designs


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def give_back(url: str) -> None:
    designs.BACK_AT_ONCE = 2
    shop = fairday.open(url)
    while True:
        say(f"!{shop.designs.settle()}")


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            give_back(line.strip())
            os._exit(1)
        say(f"@{child}")
        os.waitpid(child, 0)
        say("#")


if __name__ == "__main__":
    main()
