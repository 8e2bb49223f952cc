"""The prices of goods as they stood: by list and quantity from when to when, and the shop's own day by day. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fairday.goods.prices import Amount
from fairday.goods.prior import Kept, Past
from fairday.kernel.clock import DAY_MS


class Stood(msgspec.Struct, frozen=True, kw_only=True):
    """A price that stood.

    Attributes:
        goods: the variant or the product it was written for.
        list: "" for the base price.
        start: from when (ms); 0: before prices were kept.
        end: until when (ms), None: it stands.
    """

    goods: str
    list: str
    min_qty: int
    price: Amount
    start: int
    end: int | None


def stood(kept: Kept) -> list[Stood]:
    """Every price of a history, what stands and what began last first; one written again unchanged is one."""
    open_: dict[tuple[str, str, int], tuple[int, Amount]] = {}
    found: list[Stood] = []

    def close(key: tuple[str, str, int], end: int | None) -> None:
        start, price = open_.pop(key)
        goods, name, least = key
        if end is None or end > start:
            found.append(Stood(goods=goods, list=name, min_qty=least, price=price, start=start, end=end))

    for at, name, goods, least, price in sorted(kept.prices, key=lambda row: row[0]):
        key = (goods, name, least)
        if key in open_ and open_[key][1] == price:
            continue
        if key in open_:
            close(key, at)
        if price is not None:
            open_[key] = (at, price)
    for key in list(open_):
        close(key, None)
    return sorted(found, key=lambda s: (s.end is not None, -s.start, s.list, s.goods, s.min_qty))


def by_day(past: Past, now: int, days: int) -> list[tuple[int, Amount | None]]:
    """(instant in ms, what one piece cost anybody then) for each of the days of 24 hours that end now, the oldest
    first; None: it had no price."""
    instants: Sequence[int] = [now - n * DAY_MS for n in range(days - 1, -1, -1)]
    chosen = [(at, past.at(at)) for at in instants]
    return [(at, None if found is None else found.price) for at, found in chosen]
