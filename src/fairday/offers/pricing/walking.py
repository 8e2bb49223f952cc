"""Taking rules one after the other: in floating point while searching, exactly for what is kept."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import TypeAlias

from fairday.offers.model import BundlePrice
from fairday.offers.pricing.building import Entry, shares
from fairday.offers.pricing.ground import Ground
from fairday.offers.pricing.rounding import quotient, rounded
from fairday.offers.pricing.state import Exact, Floats
from fairday.offers.pricing.steps import Percent, Rounded
from fairday.offers.pricing.units import Served

State: TypeAlias = Floats | Exact


class Walk:
    """The eligible rules of one cart, ready to be taken in any combination.

    Args:
        ground: the cart.
        entries: eligible rules in their order, not those that stand alone only.
        half, remainder, each: the policy's rounding; ``each`` rounds after each rule.

    Attributes:
        contested: places of entries that compete for units.
        uneven: something is rounded on the way, so that floats cannot tell.
    """

    def __init__(self, ground: Ground, entries: list[Entry], half: str, remainder: str, each: bool) -> None:
        self.ground = ground
        self.entries = entries
        self.half = half
        self.contested = _settle_units(ground, entries)
        self.uneven = each or any([entry.rounded for entry in entries])
        self._start = [quotient(n, ground.d) for n in ground.n]
        for entry in entries if each else ():
            entry.steps = [Rounded(step, ground.floors, remainder, half) for step in entry.steps]

    @property
    def smooth(self) -> bool:
        """Whether every step is monotone (competition for units aside) and nothing is rounded or compared by line."""
        return not (self.uneven or any(e.wobbly or e.line_group for e in self.entries))

    def floats(self) -> Floats:
        return Floats(self._start[:], float(self.ground.cart.shipping or 0))

    def exact(self, *, keep: bool = False) -> Exact:
        return Exact(list(self.ground.n), self.ground.d, self.ground.cart.shipping or 0, keep=keep)

    def take(self, k: int, state: State) -> bool:
        """Take rule ``k``; False when what it asks to be left is not left."""
        entry = self.entries[k]
        for lines, amount in entry.after:
            if sum([state.left(i) for i in lines]) < amount:
                return False
        state.given += entry.given
        if isinstance(state, Exact):
            self._exactly(k, entry, state)
            for off in entry.ship:
                state.take_shipping(k, off)
            return True
        if entry.line_group:
            self._best_of_line(entry, state)
        else:
            for step in entry.steps:
                state.taken += step.floats(state)
        for off in entry.ship:
            less = min(state.ship, float(off)) if isinstance(off, int) else state.ship * off[0] / off[1]
            state.ship -= less
            state.shipped += less
        return True

    def worth(self, state: Exact) -> int:
        """What a combination saves, whole minor units, of an exact walk."""
        return self._round(state.taken) + self._round(state.shipped) + int(state.given)

    def exactly(self, chosen: int) -> Exact:
        """The walk of a combination (bits by place), kept in full."""
        state = self.exact(keep=True)
        state.rescale(self._bottom(chosen))
        for k in range(len(self.entries)):
            if chosen >> k & 1:
                self.take(k, state)
        return state

    def _bottom(self, chosen: int) -> int:
        """What percents off some lines divide by, so that amounts need not be scaled again at each."""
        bottoms = [1] * len(self._start)
        for k, entry in enumerate(self.entries):
            if chosen >> k & 1:
                for step in entry.steps:
                    if isinstance(step, Percent):
                        for i in step.lines if len(step.lines) < len(bottoms) else ():
                            bottoms[i] *= step.bottom
        return lcm(*bottoms)

    def _round(self, value: Fraction) -> int:
        return rounded(value.numerator, value.denominator, self.half)

    def _best_of_line(self, entry: Entry, state: Floats) -> None:
        base = state.base.get(entry.line_group)
        if base is None:
            base = state.base[entry.line_group] = state.r[:]
        trial = Floats(base[:], 0.0)
        for step in entry.steps:
            step.floats(trial)
        for i, left in enumerate(trial.r):
            if left < state.r[i]:
                state.taken += state.r[i] - left
                state.r[i] = left

    def _exactly(self, k: int, entry: Entry, state: Exact) -> None:
        if entry.line_group:
            self._best_of_line_exactly(k, entry, state)
            return
        for step in entry.steps:
            part = step.part(state)
            if part is not None:
                state.subtract_evenly(k, *part)
            else:
                takes, unplaced = step.exact(state)
                state.subtract(k, takes)
                if unplaced:
                    state.unplaced[k] = state.unplaced.get(k, Fraction(0)) + unplaced

    def _best_of_line_exactly(self, k: int, entry: Entry, state: Exact) -> None:
        """Each line keeps the take of the rule of the group that gives it most, the first among equals."""
        base = state.base.get(entry.line_group)
        if base is None:
            base = state.base[entry.line_group] = [state.left(i) for i in range(state.count)]
        d = lcm(*[left.denominator for left in base])
        trial = Exact([int(left * d) for left in base], d, 0)
        takes, _ = entry.steps[0].exact(trial)
        for i, take in takes:
            less = Fraction(take, trial.d)
            gone = base[i] - state.left(i)
            if less > gone:
                if gone:
                    state.subtract(state.winner[entry.line_group, i], state.fractions([(i, -gone)]))
                state.subtract(k, state.fractions([(i, less)]))
                state.winner[entry.line_group, i] = k


def _settle_units(ground: Ground, entries: list[Entry]) -> list[int]:
    """Unit benefits that compete with no other become plain fractions of lines; the places of those that compete."""
    claimed: dict[int, int] = {}
    free = dict(enumerate(ground.qty))
    serving = [(k, entry) for k, entry in enumerate(entries) if entry.served]
    for _, entry in serving:
        entry.served = tuple([served for served in entry.served if served.assigned(free)[1]])
        for served in entry.served:
            for i in served.lines:
                claimed[i] = claimed.get(i, 0) + 1
    contested = []
    for k, entry in serving:
        if not entry.served:
            entry.steps = [step for step in entry.steps if not isinstance(step, Served)]
        elif any([claimed[i] > 1 for served in entry.served for i in served.lines]):
            contested.append(k)
        else:
            for at, step in enumerate(entry.steps):
                if isinstance(step, Served) and isinstance(step.benefit, BundlePrice):
                    step.closes = False
                elif isinstance(step, Served):
                    got, _ = step.assigned(free)
                    entry.steps[at] = shares(got[0], ground, *step.percent)
    return contested
