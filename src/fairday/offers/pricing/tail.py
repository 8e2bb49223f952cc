"""The whole cart as one sum: the best of the rules that take from all lines alike, and of shipping."""

from __future__ import annotations

from itertools import accumulate
from math import inf

from fairday.offers.pricing.building import Entry
from fairday.offers.pricing.steps import Percent, Spread, Step

Rest = tuple[float, int, float, float, int]
"""What is saved of a sum, its rules as bits, what is left of the sum and of shipping, value of gifts."""

Part = tuple[int, int, list[tuple[float, float, float]], list[tuple[float, float]], int]
"""Rules as bits, their group as a bit (0: none), (amount, ratio, cap) of the sum, (amount, ratio) of shipping, value of
gifts."""


class Tail:
    """Rules that look at sums only, one of each group.

    Args:
        rules: (place, group or -1, rule, those of its steps that take from the sum), in their order.
        whole, ship: the most there may be of the lines, and shipping.
    """

    def __init__(self, rules: list[tuple[int, int, Entry, list[Step]]], whole: float, ship: float) -> None:
        self.ship = ship
        parts = [
            (1 << k, 1 << group if group >= 0 else 0, _sums(steps), _ships(entry), entry.given)
            for k, group, entry, steps in rules
        ]
        parts = _merged(_undominated(parts))
        last = {part[1]: at for at, part in enumerate(parts)}
        self.parts = [(*part, not part[1] or last[part[1]] == at) for at, part in enumerate(parts)]
        """With whether it is the last of its group: nothing is won by leaving it out then."""
        most = [_most(part, whole, ship) for part in parts]
        self.after = [0.0] * (len(parts) + 1)
        """What the parts from each place on save at most: of each group the largest."""
        tops: dict[int, float] = {}
        for at in range(len(parts) - 1, -1, -1):
            group = parts[at][1]
            old = tops.get(group, 0.0) if group else 0.0
            tops[group] = max(old, most[at])
            self.after[at] = self.after[at + 1] + tops[group] - old
        self.known: dict[tuple[float, int], Rest] = {}

    def best_of(self, whole: float, blocked: int) -> Rest:
        """The best of a sum, without the groups that are blocked."""
        known = self.known.get((whole, blocked))
        if known is None:
            self.found: Rest = (-1.0, 0, whole, self.ship, 0)
            self._down(0, whole, self.ship, 0.0, blocked, 0, 0)
            known = self.known[whole, blocked] = self.found
        return known

    def _down(self, at: int, whole: float, ship: float, saved: float, blocked: int, bits: int, gifts: int) -> None:
        after = self.after
        for rules, group, sums, ships, given, last in self.parts[at:]:
            at += 1
            if blocked & group:
                continue
            if saved + after[at - 1] <= self.found[0]:
                return
            less, cheaper, more = whole, ship, saved
            for amount, ratio, cap in sums:
                take = less * ratio
                take = amount + (cap if take > cap else take)
                if take > less:
                    take = less
                less -= take
                more += take
            for amount, ratio in ships:
                take = min(amount + cheaper * ratio, cheaper)
                cheaper -= take
                more += take
            if last:
                whole, ship, saved = less, cheaper, more + given
                bits |= rules
                gifts += given
            else:
                self._down(at, less, cheaper, more + given, blocked | group, bits | rules, gifts + given)
        if saved > self.found[0]:
            self.found = (saved, bits, whole, ship, gifts)


def _most(part: Part, whole: float, ship: float) -> float:
    """What a part saves at most."""
    _, _, sums, ships, given = part
    return (
        given
        + sum([min(amount + min(whole * ratio, cap), whole) for amount, ratio, cap in sums], 0.0)
        + sum([min(amount + ship * ratio, ship) for amount, ratio in ships], 0.0)
    )


def _sums(steps: list[Step]) -> list[tuple[float, float, float]]:
    found = []
    for step in steps:
        if isinstance(step, Spread):
            found.append((step.flat, step.ratio, inf if step.cap is None else float(step.cap)))
        elif isinstance(step, Percent):
            found.append((0.0, step.share, inf))
    return found


def _ships(entry: Entry) -> list[tuple[float, float]]:
    return [(float(off), 0.0) if isinstance(off, int) else (0.0, off[0] / off[1]) for off in entry.ship]


def _undominated(parts: list[Part]) -> list[Part]:
    """Without amounts that another amount of their group beats: as large, and no percent between them lets it show
    less."""
    percents = list(accumulate([any([ratio for _, ratio, _ in part[2]]) for part in parts], initial=0))
    amounts: dict[int, list[tuple[int, float]]] = {}
    for at, (_, group, sums, ships, given) in enumerate(parts):
        if group and not ships and not given and percents[at] == percents[at + 1]:
            amounts.setdefault(group, []).append((at, sum([amount for amount, _, _ in sums], 0.0)))
    beaten = {
        at
        for some in amounts.values()
        if len(some) > 1
        for at, mine in some
        for other, theirs in some
        if (theirs > mine or (theirs == mine and other < at)) and (other > at or percents[other] == percents[at])
    }
    return [part for at, part in enumerate(parts) if at not in beaten]


def _merged(parts: list[Part]) -> list[Part]:
    """With neighbours that nothing excludes made one, and amounts that follow each other one amount."""
    merged: list[Part] = []
    for part in parts:
        if part[1] or not merged or merged[-1][1]:
            merged.append(part)
            continue
        bits, group, sums, ships, given = merged[-1]
        both = list(sums)
        for amount, ratio, cap in part[2]:
            if both and not ratio and not both[-1][1]:
                both[-1] = (both[-1][0] + amount, 0.0, inf)
            else:
                both.append((amount, ratio, cap))
        merged[-1] = (bits | part[0], group, both, ships + part[3], given + part[4])
    return merged
