"""A process that starts children which buy: python tests/buying.py (commands on stdin), as crashing.py does.

``race URL WHO COUNT``: so many buyers at once, each wants one HOT; says "=" and how many got it. ``start URL LIFE``:
callers place, ship and cancel until killed, saying what they are about to ask (?) and what was answered (!).
"""

from __future__ import annotations

import asyncio
import os
import sys

import fairday
from crashing import say
from fairday.kernel.decider import Command
from stocking import wanting

CALLERS = 32


def race(url: str, who: str, count: int) -> None:
    with fairday.open(url) as shop:

        async def buyer(me: int) -> str:
            order = f"order:{who}.{me}"
            answer = await shop.runner.send(Command("order.place", order, wanting(("HOT", 1)), "buyer", order))
            return "sold" if answer.refusal is None else answer.refusal.code

        async def everybody() -> list[str]:
            return await asyncio.gather(*(buyer(me) for me in range(count)))

        answers = asyncio.run(everybody())
    assert set(answers) <= {"sold", "sold_out"}, set(answers)
    say(f"={answers.count('sold')}")


def trade_until_killed(url: str, life: int) -> None:
    shop = fairday.open(url)

    async def ask(name: str, order: str, data: dict) -> bool:
        say(f"?{name}|{order}")
        answer = await shop.runner.send(Command(name, order, data, "crash", f"{name}{order}"))
        say(f"!{name}|{order}")
        return answer.refusal is None

    async def caller(me: int) -> None:
        n = 0
        while True:
            order = f"order:{life}.{me}.{n}"
            n += 1
            goods = [("HOT", 1), ("COLD", 2)] if me % 3 else [("HOT", 2)]
            paid = me % 4 < 2  # what costs nothing is paid when it is placed; the others wait for money, or expire
            assert await ask("order.place", order, wanting(*goods, unit=0 if paid else 100))
            if paid and me % 2:
                assert await ask("order.ship", order, {"units": {"0": 1}})
            elif me % 4 == 2:
                assert await ask("order.cancel", order, {"why": "changed_mind"})

    async def everybody() -> None:
        await asyncio.gather(*(caller(me) for me in range(CALLERS)))

    asyncio.run(everybody())


def main() -> None:
    for text in sys.stdin:
        word, *rest = text.split()
        child = os.fork()
        if child == 0:
            if word == "race":
                race(rest[0], rest[1], int(rest[2]))
                os._exit(0)
            trade_until_killed(rest[0], int(rest[1]))
        say(f"@{child}")
        if word == "start":
            os.waitpid(child, 0)
            say("#")


if __name__ == "__main__":
    main()
