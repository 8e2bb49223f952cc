"""Benefits on units: which units a set or a round takes, none of them twice, whatever the order of lines."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from fairday.offers.model import BundlePrice, BuyGet, SetOff
from fairday.offers.pricing.state import Exact, Floats, Takes
from fairday.offers.pricing.steps import Step, fill

Counts = dict[int, int]
"""Units by line."""


def take_units(wanted: int, order: list[int], free: Counts) -> Counts:
    """The first ``wanted`` units of lines in an order, taken out of ``free``; fewer when there are not so many."""
    taken: Counts = {}
    for i in order:
        if wanted <= 0:
            break
        k = min(wanted, free.get(i, 0))
        if k > 0:
            taken[i] = taken.get(i, 0) + k
            free[i] -= k
            wanted -= k
    return taken


def sets_off(benefit: SetOff, lines: list[int], dearest: list[int], free: Mapping[int, int]) -> tuple[Counts, Counts]:
    """Of full sets the units that cost less, and all units of the sets. ``lines`` run from the cheapest unit to the
    dearest, ``dearest`` the other way."""
    have = {i: free[i] for i in lines}
    times = sum(have.values()) // benefit.qty
    if benefit.max_times is not None:
        times = min(times, benefit.max_times)
    off = min(benefit.off, benefit.qty)
    got = take_units(times * off, lines, have)
    return got, _sum(got, take_units(times * (benefit.qty - off), dearest, have))


def rounds(benefit: BuyGet, choices: list[list[int]], free: Mapping[int, int]) -> int:
    """The largest number of full rounds for which units to buy and units to get can be told apart. ``choices`` are the
    lines that buy and those that may be got."""
    buy, get = set(choices[0]), set(choices[1])
    b, g, c = (sum(free[i] for i in part) for part in (buy - get, get - buy, buy & get))
    x, y = benefit.buy_qty, benefit.get_qty
    times = min((b + c) // x if x else g + c, (g + c) // y, (b + g + c) // (x + y))
    if benefit.max_get is not None:
        times = min(times, benefit.max_get // y)
    return times if benefit.max_times is None else min(times, benefit.max_times)


def buy_get(
    benefit: BuyGet, choices: list[list[int]], dearest: list[list[int]], free: Mapping[int, int]
) -> tuple[Counts, Counts]:
    """The units got, and all that serve.

    ``choices`` are the lines that buy and those that may be got, from the cheapest unit to the dearest; ``dearest`` the
    other way. Where the dearest are got, a round that cannot be filled is the end.
    """
    have = {i: free[i] for i in {*choices[0], *choices[1]}}
    times, x, y = rounds(benefit, choices, free), benefit.buy_qty, benefit.get_qty
    both = set(choices[0]) & set(choices[1])
    payers = [i for i in dearest[0] if i not in both] + [i for i in dearest[0] if i in both]
    if benefit.prefer == "cheapest":
        used = take_units(times * x, payers, have)
        got = take_units(times * y, choices[1], have)
        return got, _sum(used, got)
    got, used = {}, {}
    for _ in range(times):
        paying, gotten = take_units(x, payers, have), take_units(y, dearest[1], have)
        if sum(paying.values()) < x or sum(gotten.values()) < y:
            break
        got, used = _sum(got, gotten), _sum(used, paying)
    return got, _sum(used, got)


def bundles(benefit: BundlePrice, parts: list[list[int]], free: Mapping[int, int]) -> list[Counts]:
    """The units of every full set, set by set. ``parts`` are the lines of each part, those that go first first."""
    have = dict(free)
    sets: list[Counts] = []
    while benefit.max_times is None or len(sets) < benefit.max_times:
        one: Counts = {}
        left = dict(have)
        for part, lines in zip(benefit.parts, parts, strict=True):
            taken = take_units(part.qty, lines, left)
            if sum(taken.values()) < part.qty:
                return sets
            one = _sum(one, taken)
        sets.append(one)
        have = left
    return sets


def _sum(one: Counts, other: Counts) -> Counts:
    both = dict(one)
    for i, k in other.items():
        both[i] = both.get(i, 0) + k
    return both


class Served(Step):
    """A unit benefit as a step: units that have served are closed to it, and those it uses to later ones.

    Args:
        benefit: a SetOff, BuyGet or BundlePrice; percent: off each unit, as a fraction (0, 1 for bundles).
        choices: its selections as lines from the cheapest unit to the dearest; dearest: the other way.
        qty, floors: units and floor (minor units of the whole line) by line.

    Attributes:
        closes: units that serve are closed to other rules; False where no other rule wants them.
    """

    __slots__ = ("benefit", "choices", "closes", "dearest", "floors", "known", "percent", "qty", "share")

    def __init__(
        self,
        benefit: SetOff | BuyGet | BundlePrice,
        percent: tuple[int, int],
        choices: list[list[int]],
        dearest: list[list[int]],
        qty: list[int],
        floors: list[int],
    ) -> None:
        self.benefit, self.choices, self.dearest, self.qty, self.floors = benefit, choices, dearest, qty, floors
        self.lines = sorted({i for lines in choices for i in lines})
        self.percent, self.share = percent, percent[0] / percent[1]
        self.closes = True
        self.known: dict[tuple[int, ...], tuple[list[Counts], Counts]] = {}

    def floats(self, state: Floats) -> float:
        total = 0.0
        for i, take in self._takes(state, self.share, 0.0):
            state.r[i] -= take
            total += take
        return total

    def exact(self, state: Exact) -> tuple[Takes, Fraction | None]:
        return state.fractions(self._takes(state, Fraction(*self.percent), Fraction(0))), None

    def most(self, units: list[float]) -> float:
        """The most it can take at any time, given the prices of the units it may choose from."""
        benefit = self.benefit
        if isinstance(benefit, BundlePrice):
            return sum(units, 0.0)
        free = dict(enumerate(self.qty))
        if isinstance(benefit, SetOff):
            got, _ = sets_off(benefit, self.choices[0], self.dearest[0], free)
            count = sum(got.values())
        else:
            count = rounds(benefit, self.choices, free) * benefit.get_qty
        return sum(sorted(units, reverse=True)[:count], 0.0) * self.share

    def assigned(self, free: Mapping[int, int]) -> tuple[list[Counts], Counts]:
        """Units that get the benefit (set by set for bundles), and all that serve."""
        key = tuple([free[i] for i in self.lines])
        known = self.known.get(key)
        if known is None:
            known = self.known[key] = self._assign(dict(zip(self.lines, key, strict=True)))
        return known

    def _assign(self, free: Counts) -> tuple[list[Counts], Counts]:
        benefit = self.benefit
        if isinstance(benefit, SetOff):
            got, used = sets_off(benefit, self.choices[0], self.dearest[0], free)
            return [got], used
        if isinstance(benefit, BuyGet):
            got, used = buy_get(benefit, self.choices, self.dearest, free)
            return [got], used
        sets = bundles(benefit, self.choices if benefit.prefer == "cheapest" else self.dearest, free)
        used = {}
        for one in sets:
            used = _sum(used, one)
        return sets, used

    def _takes(self, state: Any, percent: Any, zero: Any) -> list[tuple[int, Any]]:
        served = state.used
        free = {i: self.qty[i] - (served[i][0] if i in served else 0) for i in self.lines}
        got, used = self.assigned(free)
        value = {i: state.left(i) * (1 - (served[i][1] if i in served else zero)) / free[i] for i in used}
        above = {i: max(zero, v - (zero + self.floors[i]) / self.qty[i]) for i, v in value.items()}
        takes: dict[int, Any] = {}
        if isinstance(self.benefit, BundlePrice):
            for one in got:
                lines = list(one)
                weights = [value[i] * one[i] for i in lines]
                over = sum(weights, zero) - self.benefit.price
                if over > 0:
                    for i, t in zip(lines, fill(over, weights, [above[i] * one[i] for i in lines]), strict=True):
                        takes[i] = takes.get(i, zero) + t
        else:
            for i, k in got[0].items():
                takes[i] = min(value[i] * percent, above[i]) * k
        for i, k in used.items() if self.closes else ():
            count, part = served.get(i, (0, zero))
            left, take = state.left(i), takes.get(i, zero)
            worth = left * part + value[i] * k - take
            served[i] = (count + k, worth / (left - take) if left > take else zero)
        return sorted(takes.items())
