"""Lots of value by when they expire: what is spent is what would expire first. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

Lot: TypeAlias = tuple[int | None, int]
"""(expires at (ms) or None for never, amount > 0)."""

MOST = 400
"""Lots of a unit at most; beyond it the two that expire nearest to each other become one, with the later end."""


def normal(lots: Sequence[Sequence[int | None]], most: int = MOST) -> list[Lot]:
    """Lots by expiry, those without last; one for each moment, none empty, at most ``most`` (2 or more)."""
    by: dict[int | None, int] = {}
    for expires, amount in lots:
        by[expires] = by.get(expires, 0) + int(amount or 0)
    found = sorted(((e, a) for e, a in by.items() if a > 0), key=lambda lot: (lot[0] is None, lot[0] or 0))
    while len(found) > most:
        ends = [expires for expires, _ in found if expires is not None]  # those without an end stand last
        n = min((later - sooner, n) for n, (sooner, later) in enumerate(pairwise(ends)))[1]
        found[n : n + 2] = [(found[n + 1][0], found[n][1] + found[n + 1][1])]
    return found


def total(lots: Sequence[Lot]) -> int:
    """What lots hold together."""
    return sum(amount for _, amount in lots)


def take(lots: Sequence[Lot], amount: int) -> tuple[list[Lot], list[Lot]]:
    """(what was taken, what is left): the first to expire goes first. ``amount`` is at most the total."""
    taken: list[Lot] = []
    left: list[Lot] = []
    for expires, held in normal(lots):
        part = min(held, amount)
        amount -= part
        if part:
            taken.append((expires, part))
        if held > part:
            left.append((expires, held - part))
    return taken, left


def give_back(lots: Sequence[Lot], taken: Sequence[Lot], amount: int, no_sooner: int) -> list[Lot]:
    """Lots with ``amount`` of what was taken given back, the last to expire first, none ending before ``no_sooner``."""
    back: list[Lot] = []
    for expires, held in reversed(normal(taken)):
        part = min(held, amount)
        amount -= part
        if part:
            back.append((None if expires is None else max(expires, no_sooner), part))
    return normal([*lots, *back])


def expired(lots: Sequence[Lot], now: int) -> tuple[list[Lot], list[Lot]]:
    """(what has expired, what is left) at an instant."""
    gone = [lot for lot in lots if lot[0] is not None and lot[0] <= now]
    return gone, [lot for lot in lots if lot not in gone]


def next_expiry(lots: Sequence[Lot]) -> int | None:
    """When the next lot expires, ms, or None."""
    return min((lot[0] for lot in lots if lot[0] is not None), default=None)
