"""Which combination of rules: branch and bound with a certificate. See docs/algorithms/pricing.md."""

from __future__ import annotations

from math import floor
from typing import Any

from fairday.offers.pricing.state import Floats
from fairday.offers.pricing.units import Served
from fairday.offers.pricing.walking import Walk

EPSILON = 1e-9
"""How far floating point may be off, of amounts of the cart's size."""


class Found:
    """The best combination so far: rules as bits by place, what it saves, what any could save, nodes looked at."""

    __slots__ = ("bound", "chosen", "nodes", "value")

    def __init__(self, chosen: int, value: int, bound: int, nodes: int) -> None:
        self.chosen, self.value, self.bound, self.nodes = chosen, value, bound, nodes


class Branching:
    """Depth first over rules in their order: take it, or leave it for one that excludes it.

    Args:
        walk: the rules.
        conflicts: of each the rules it excludes, as bits by place.
        limit: nodes after which no proof is looked for any more.
    """

    def __init__(self, walk: Walk, conflicts: list[int], limit: int) -> None:
        self.walk, self.conflicts, self.limit = walk, conflicts, limit
        self.size = len(walk.entries)
        self.droppable = _droppable(walk)
        self.fixed = [not conflicts[k] and not self.droppable >> k & 1 for k in range(self.size)]
        self.margin = EPSILON * (1.0 + sum(walk.ground.gross) + (walk.ground.cart.shipping or 0))
        self.cache: dict[int, int] = {}
        self.nodes = 0
        self.best = -1
        self.chosen = 0
        self.open = -1

    def exact_worth(self, chosen: int) -> int:
        """What a combination saves, computed exactly."""
        known = self.cache.get(chosen)
        if known is None:
            known = self.cache[chosen] = self.walk.worth(self.walk.exactly(chosen))
        return known

    def worth(self, chosen: int, state: Any) -> int:
        """What a finished walk saves; exactly computed where floats could mislead."""
        if not isinstance(state, Floats):
            return self.walk.worth(state)
        total = 0
        for part in (state.taken, state.shipped):
            low, high = floor(part - self.margin + 0.5), floor(part + self.margin + 0.5)
            if low != high:
                return self.exact_worth(chosen)
            total += low
        return total + state.given

    def run(self) -> Found:
        """The best combination for the buyer."""
        self.suffix = self._suffix_bounds()
        start = self.walk.exact() if self.walk.uneven else self.walk.floats()
        self._down(0, start, 0, 0, 0)
        return Found(self.chosen, self.best, max(self.best, self.open), self.nodes)

    def _down(self, k: int, state: Any, chosen: int, blocked: int, waiting: int) -> None:
        """From rule ``k`` on. ``waiting``: rules left out that one still to come must exclude."""
        walk, conflicts = self.walk, self.conflicts
        while k < self.size:
            if blocked >> k & 1:
                k += 1
            elif self.fixed[k]:
                walk.take(k, state)
                k += 1
            else:
                break
        if k == self.size:
            self.nodes += 1
            value = self.worth(chosen | self._fixed_bits(), state)
            if value > self.best:
                self.best, self.chosen = value, chosen | self._fixed_bits()
            return
        limit = self._most(k, state, blocked)
        if limit <= self.best:
            return
        if self.nodes >= self.limit and self.best >= 0:
            self.open = max(self.open, limit)
            return
        self.nodes += 1
        bit = 1 << k
        unmet, shut = self._unmet(waiting, chosen | bit), blocked | conflicts[k]
        if self._may_be_excluded(unmet, k, shut):
            taken = state.copy()
            walk.take(k, taken)
            self._down(k + 1, taken, chosen | bit, shut, unmet)
        if self.droppable & bit:
            self._down(k + 1, state, chosen, blocked | bit, waiting)
        elif self._may_be_excluded(waiting | bit, k, blocked):
            self._down(k + 1, state, chosen, blocked | bit, waiting | bit)

    def _unmet(self, waiting: int, chosen: int) -> int:
        left = 0
        while waiting:
            bit = waiting & -waiting
            waiting ^= bit
            if not self.conflicts[bit.bit_length() - 1] & chosen:
                left |= bit
        return left

    def _may_be_excluded(self, waiting: int, k: int, blocked: int) -> bool:
        """Whether for each rule that waits one that excludes it is still to come."""
        later = ~blocked & ~((1 << (k + 1)) - 1)
        while waiting:
            bit = waiting & -waiting
            waiting ^= bit
            if not self.conflicts[bit.bit_length() - 1] & later:
                return False
        return True

    def _fixed_bits(self) -> int:
        bits = 0
        for k, fixed in enumerate(self.fixed):
            if fixed:
                bits |= 1 << k
        return bits

    def _most(self, k: int, state: Any, blocked: int) -> int:
        """What any combination from here may save at most, whole minor units."""
        more, ship, given = self.suffix[k]
        items = float(state.taken)
        top = floor(min(items + more, self.room) + self.margin + 0.5)
        shipped = floor(
            min(float(state.shipped) + ship, float(self.walk.ground.cart.shipping or 0)) + self.margin + 0.5
        )
        return top + shipped + int(state.given) + given

    def _suffix_bounds(self) -> list[tuple[float, float, int]]:
        """Of the rules from each place on: what they may take from lines, from shipping, and give, at most."""
        walk = self.walk
        self.room = sum(walk.floats().r, 0.0) - sum(walk.ground.floors)
        prices = [whole / q for whole, q in zip(walk.floats().r, walk.ground.qty, strict=True)]
        contested = set(walk.contested)
        state = walk.floats()
        most: list[tuple[float, float, int]] = []
        for k, entry in enumerate(walk.entries):
            trial = state.copy()
            walk.take(k, trial)
            items = trial.taken - state.taken
            if k in contested:
                items = 0.0
                for step in entry.steps:
                    if isinstance(step, Served):
                        items += step.most([prices[i] for i in step.lines for _ in range(walk.ground.qty[i])])
                    else:
                        items += step.floats(state.copy())
            items += sum([step.slack for step in entry.steps], 0.0)
            most.append((items, trial.shipped - state.shipped, entry.given))
            if self.fixed[k] and not entry.wobbly and k not in contested:
                state = trial
        suffix = [(0.0, 0.0, 0)] * (self.size + 1)
        cliques = self._cliques()
        best: dict[int, tuple[float, float, int]] = {}
        for k in range(self.size - 1, -1, -1):
            old = best.get(cliques[k], (0.0, 0.0, 0))
            new = (max(old[0], most[k][0]), max(old[1], most[k][1]), max(old[2], most[k][2]))
            best[cliques[k]] = new
            a, b, c = suffix[k + 1]
            suffix[k] = (a + new[0] - old[0], b + new[1] - old[1], c + new[2] - old[2])
        return suffix

    def _cliques(self) -> list[int]:
        """A number for each rule; rules with one number exclude each other pairwise."""
        number = [-1] * self.size
        members: list[int] = []
        for k in range(self.size):
            for at, bits in enumerate(members):
                if self.conflicts[k] & bits == bits:
                    number[k] = at
                    members[at] |= 1 << k
                    break
            else:
                number[k] = len(members)
                members.append(1 << k)
        return number


def _droppable(walk: Walk) -> int:
    """Rules that may be better left out although none excludes them, as bits: those before a step that is not
    monotone."""
    bits = 0
    entries = walk.entries
    if walk.uneven:
        return (1 << len(entries)) - 1
    for k, entry in enumerate(entries):
        if entry.wobbly:
            bits |= (1 << k) - 1
    for k in walk.contested:
        bits |= 1 << k
    return bits
