"""The complete combination that costs the merchant least; and the one that goes by priority."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

from fairday.offers.pricing.rounding import half_up
from fairday.offers.pricing.search import Branching, Found
from fairday.offers.pricing.walking import Walk


def cost_of(walk: Walk, chosen: int) -> int:
    """What a combination costs the merchant, whole minor units, rounded half up."""
    state = walk.exactly(chosen)
    cost = Fraction(0)
    for k, takes, times, d in state.log or ():
        cost += Fraction(sum(t for _, t in takes) * times * walk.entries[k].borne, 100 * d)
    for k, less, d in state.shipping:
        cost += Fraction(less * walk.entries[k].borne, 100 * d)
    cost += sum(entry.cost for k, entry in enumerate(walk.entries) if chosen >> k & 1)
    return half_up(cost)


class Cheapest(Branching):
    """Branch and bound over complete combinations: what is given so far is what the rest costs at least."""

    def run(self) -> Found:
        """The complete combination that costs least; ``value`` and ``bound`` are its cost and the least any may
        cost."""
        self.fixed = [not c for c in self.conflicts]
        self.droppable = 0
        self.best = -1
        self.open = -1
        self._cheap(0, self.walk.floats(), 0, 0, 0, 0.0)
        return Found(self.chosen, self.best, self.best if self.open < 0 else min(self.best, self.open), self.nodes)

    def _take(self, k: int, state: Any) -> float:
        entry = self.walk.entries[k]
        before = state.taken + state.shipped
        self.walk.take(k, state)
        if entry.line_group or self.walk.uneven:
            return float(entry.cost)
        return float((state.taken + state.shipped - before) * entry.borne / 100 + entry.cost)

    def _cheap(self, k: int, state: Any, chosen: int, blocked: int, waiting: int, cost: float) -> None:
        while k < self.size:
            if blocked >> k & 1:
                k += 1
            elif self.fixed[k]:
                cost += self._take(k, state)
                chosen |= 1 << k
                k += 1
            else:
                break
        least = floor(cost - self.margin + 0.5)
        if 0 <= self.best <= least:
            return
        if k == self.size:
            if waiting:
                return
            self.nodes += 1
            value = cost_of(self.walk, chosen)
            if self.best < 0 or value < self.best:
                self.best, self.chosen = value, chosen
            return
        if self.nodes >= self.limit and self.best >= 0:
            self.open = least if self.open < 0 else min(self.open, least)
            return
        self.nodes += 1
        bit = 1 << k
        unmet, shut = self._unmet(waiting, chosen | bit), blocked | self.conflicts[k]
        if self._may_be_excluded(unmet, k, shut):
            with_it = state.copy()
            more = self._take(k, with_it)
            self._cheap(k + 1, with_it, chosen | bit, shut, unmet, cost + more)
        if self._may_be_excluded(waiting | bit, k, blocked):
            self._cheap(k + 1, state, chosen, blocked | bit, waiting | bit, cost)


def by_priority(walk: Walk, conflicts: list[int]) -> int:
    """Going by priority, each rule that none taken excludes, as bits by place."""
    chosen = blocked = 0
    for k in sorted(range(len(walk.entries)), key=lambda k: walk.entries[k].c.rank):
        if not blocked >> k & 1:
            chosen |= 1 << k
            blocked |= conflicts[k]
    return chosen
