"""What a benefit does to a cart, made ready for one cart: steps that take from what is left of its lines.

Each step walks twice: ``floats`` while combinations are searched, ``exact`` in integers over a common denominator for
what is kept. Both take the same amounts; see docs/algorithms/pricing.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, inf, lcm
from typing import Any

from fairday.offers.pricing.rounding import half_up, share_out
from fairday.offers.pricing.state import Exact, Floats, Takes


class Step:
    """A part of a benefit that takes from lines.

    Attributes:
        slack: how much rounding may add to what it takes, minor units.
        steepest: the largest fraction it takes of a line, where it takes fractions of lines.
        lines: those it may take from.
    """

    __slots__ = ("lines",)
    slack = 0.0
    steepest = inf
    lines: list[int]

    def floats(self, state: Floats) -> float:
        """Take; how much in all."""
        raise NotImplementedError

    def exact(self, state: Exact) -> tuple[Takes, Fraction | None]:
        """What is taken (the walk subtracts it), and what found no place because of floors."""
        raise NotImplementedError

    def parts(self) -> list[tuple[int, float]]:
        """(line, fraction it takes), floors aside, where it takes fractions of lines."""
        return []

    def part(self, state: Exact) -> tuple[int, int] | None:
        """What it takes of every line of the cart alike, as a fraction, or None if it does not."""
        return None

    def on_the_sum(self, least: list[float]) -> bool:
        """Whether it takes the same of a sum however that lies on the lines, if no line has less than ``least``."""
        return False


class Scale(Step):
    """A fraction of each line: ``cells`` hold (line, numerator, denominator, floor, part's numerator, denominator).

    The part is the share of the line's units that get the benefit: floors let no more than it of what lies above them
    go.
    """

    __slots__ = ("cells", "fast", "floored", "qty", "round", "slack", "steepest")

    def __init__(self, cells: list[tuple[int, int, int, int, int, int]], qty: list[int], round_: str = "") -> None:
        self.cells = cells
        self.lines = [cell[0] for cell in cells]
        self.fast = [(i, a / b) for i, a, b, f, _, _ in cells if not f]
        self.floored = [(i, a / b, f, c / d) for i, a, b, f, c, d in cells if f]
        self.steepest = max([a / b for _, a, b, *_ in cells], default=inf)
        self.round = round_
        self.qty = qty
        self.slack = float(sum([qty[i] for i in self.lines])) if round_ else 0.0

    def parts(self) -> list[tuple[int, float]]:
        return [*self.fast, *[(i, share) for i, share, _, _ in self.floored]]

    def floats(self, state: Floats) -> float:
        r, total = state.r, 0.0
        for i, share in self.fast:
            take = r[i] * share
            r[i] -= take
            total += take
        for i, share, floor, part in self.floored:
            take = min(r[i] * share, (r[i] - floor) * part)
            r[i] -= take
            total += take
        return total

    def exact(self, state: Exact) -> tuple[Takes, Fraction | None]:
        if self.round:
            return self._rounded(state), None
        n = state.n
        factor = 1
        for i, a, b, f, c, d in self.cells:
            top = n[i] * a
            if top % b:
                factor = lcm(factor, b // gcd(top, b))
            if f and c != d and (n[i] - f * state.d) * c % d:
                factor = lcm(factor, d)
        if factor != 1:
            state.rescale(factor)
            n = state.n
        takes: Takes = []
        for i, a, b, f, c, d in self.cells:
            take = n[i] * a // b
            if f:
                take = min(take, (n[i] - f * state.d) * c // d)
            if take:
                takes.append((i, take))
        return takes, None

    def _rounded(self, state: Exact) -> Takes:
        """Rounded as the rule says; a line's units that get nothing keep their price."""
        takes = []
        for i, a, b, f, c, d in self.cells:
            left, qty = state.left(i), self.qty[i]
            take, units = left * a / b, Fraction(c * qty, d)
            if self.round == "line":
                take = Fraction(half_up(take))
            elif self.round == "unit discount":
                take = half_up(take / units) * units
            else:
                take = (left / qty - half_up(left / qty - take / units)) * units
            take = min(max(take, Fraction(0)), (left - f) * c / d)
            takes.append((i, take))
        return state.fractions(takes)


class Percent(Step):
    """One fraction of each of some lines that have no floor."""

    __slots__ = ("bottom", "share", "steepest", "top")

    def __init__(self, lines: list[int], top: int, bottom: int) -> None:
        self.lines, self.top, self.bottom = lines, top, bottom
        self.share = self.steepest = top / bottom

    def parts(self) -> list[tuple[int, float]]:
        share = self.share
        return [(i, share) for i in self.lines]

    def floats(self, state: Floats) -> float:
        r, share, total = state.r, self.share, 0.0
        for i in self.lines:
            left = r[i]
            take = left * share
            r[i] = left - take
            total += take
        return total

    def exact(self, state: Exact) -> tuple[Takes, Fraction | None]:
        n, a, b = state.n, self.top, self.bottom
        wanted = gcd(b, *[n[i] * a for i in self.lines])
        if wanted != b:
            state.rescale(b // wanted)
            n = state.n
        return [(i, n[i] * a // b) for i in self.lines if n[i]], None

    def part(self, state: Exact) -> tuple[int, int] | None:
        return (self.top, self.bottom) if len(self.lines) == state.count else None

    def on_the_sum(self, least: list[float]) -> bool:
        return len(self.lines) == len(least)


class Sub(Step):
    """An amount from some units of each line: ``cells`` hold (line, amount, units that lose it, units, floor)."""

    __slots__ = ("cells",)

    def __init__(self, cells: list[tuple[int, int, int, int, int]]) -> None:
        self.cells = cells
        self.lines = [cell[0] for cell in cells]

    def floats(self, state: Floats) -> float:
        r, total = state.r, 0.0
        for i, amount, units, qty, floor in self.cells:
            take = min(amount * units, (r[i] - floor) * units / qty)
            r[i] -= take
            total += take
        return total

    def exact(self, state: Exact) -> tuple[Takes, Fraction | None]:
        for _, _, units, qty, _ in self.cells:
            if units != qty:
                state.rescale(qty // gcd(qty, state.d * units))
        n, d = state.n, state.d
        takes = [
            (i, min(amount * units * d, (n[i] - floor * d) * units // qty))
            for i, amount, units, qty, floor in self.cells
        ]
        return takes, None


class Least(Step):
    """Lines cost no more than this: ``cells`` hold (line, the most it may cost, floor included)."""

    __slots__ = ("cells",)

    def __init__(self, cells: list[tuple[int, int]]) -> None:
        self.cells = cells
        self.lines = [cell[0] for cell in cells]

    def floats(self, state: Floats) -> float:
        r, total = state.r, 0.0
        for i, most in self.cells:
            if r[i] > most:
                total += r[i] - most
                r[i] = float(most)
        return total

    def exact(self, state: Exact) -> tuple[Takes, Fraction | None]:
        n, d = state.n, state.d
        return [(i, n[i] - most * d) for i, most in self.cells if n[i] > most * d], None


class Spread(Step):
    """An amount spread over lines by what is left of them: a fixed one, a percent of the sum (capped), or down to a
    total.

    Args:
        lines: which; floors: of each line of the cart, or None where there are none.
        amount: minor units; share: (numerator, denominator) of the sum; becomes: what the sum shall be. One of the
            three.
        cap: the most that a share takes.
    """

    __slots__ = ("amount", "becomes", "cap", "flat", "floor", "floors", "ratio", "share")

    def __init__(
        self,
        lines: list[int],
        floors: list[int] | None,
        *,
        amount: Fraction | int | None = None,
        share: tuple[int, int] | None = None,
        cap: int | None = None,
        becomes: int | None = None,
    ) -> None:
        self.lines = lines
        self.floors = floors or ()
        self.floor = 0 if floors is None else sum([floors[i] for i in lines])
        self.amount, self.share, self.cap, self.becomes = amount, share, cap, becomes
        self.ratio = share[0] / share[1] if share else 0.0
        self.flat = float(amount or 0)

    def wants(self, whole: float) -> float:
        """What it takes of a sum, floors aside."""
        if self.amount is not None:
            return self.flat if self.flat < whole else whole
        if self.share is not None:
            asked = whole * self.ratio
            return asked if self.cap is None else min(asked, self.cap)
        return max(0.0, whole - (self.becomes or 0))

    def floats(self, state: Floats) -> float:
        r, lines, whole = state.r, self.lines, 0.0
        for i in lines:
            whole += r[i]
        if whole <= 0:
            return 0.0
        asked = self.wants(whole)
        if not self.floor:
            keep = 1.0 - asked / whole
            for i in lines:
                r[i] *= keep
            return asked
        takes = fill(asked, [r[i] for i in lines], [r[i] - self.floors[i] for i in lines])
        for i, take in zip(lines, takes, strict=True):
            r[i] -= take
        return float(sum(takes))

    def exact(self, state: Exact) -> tuple[Takes, Fraction | None]:
        n, lines = state.n, self.lines
        whole = sum([n[i] for i in lines])
        if whole <= 0:
            return [], None
        top, bottom = self._part(whole, state.d)
        if self.floor:
            asked = Fraction(top * whole, bottom * state.d)
            takes = fill(asked, [state.left(i) for i in lines], [state.left(i) - self.floors[i] for i in lines])
            placed = sum(takes, Fraction(0))
            return state.fractions(list(zip(lines, takes, strict=True))), asked - placed
        common = gcd(top, bottom)
        top, bottom = top // common, bottom // common
        if bottom != 1:
            state.rescale(bottom // gcd(bottom, *[n[i] for i in lines]))
            n = state.n
        return [(i, n[i] * top // bottom) for i in lines if n[i]], None

    def _part(self, whole: int, d: int) -> tuple[int, int]:
        """What it takes of a sum of ``whole / d``, as a fraction of it, floors aside."""
        if self.amount is not None:
            top, bottom = self.amount.numerator * d, self.amount.denominator * whole
        elif self.share is not None:
            top, bottom = self.share
            if self.cap is not None and whole * top > self.cap * d * bottom:
                top, bottom = self.cap * d, whole
        else:
            top, bottom = max(0, whole - (self.becomes or 0) * d), whole
        return (top, bottom) if top <= bottom else (1, 1)

    def part(self, state: Exact) -> tuple[int, int] | None:
        if self.floor or len(self.lines) != state.count:
            return None
        whole = state.whole
        return self._part(whole, state.d) if whole > 0 else (0, 1)

    def on_the_sum(self, least: list[float]) -> bool:
        if self.becomes is not None or self.floor:
            return False
        if len(self.lines) == len(least):
            return True
        return self.amount is not None and sum([least[i] for i in self.lines], 0.0) >= self.amount


def fill(amount: Any, weights: Sequence[Any], caps: Sequence[Any]) -> list[Any]:
    """Spread an amount by weights, nobody beyond their cap, what they cannot take over the others; numbers of any
    kind."""
    takes = [amount * 0 for _ in weights]
    open_ = [i for i, w in enumerate(weights) if w > 0 and caps[i] > 0]
    rest = amount
    while open_ and rest > 0:
        whole = sum([weights[i] for i in open_])
        full = [i for i in open_ if rest * weights[i] >= caps[i] * whole]
        if not full:
            for i in open_:
                takes[i] = rest * weights[i] / whole
            break
        for i in full:
            takes[i] = caps[i]
            rest -= caps[i]
        open_ = [i for i in open_ if i not in full]
    return takes


class Rounded(Step):
    """Rounds what another step takes from a selection to whole units, for books that round after each rule."""

    __slots__ = ("floors", "half", "remainder", "slack", "step")

    def __init__(self, step: Step, floors: list[int], remainder: str, half: str) -> None:
        self.step, self.floors, self.remainder, self.half = step, floors, remainder, half
        self.lines = step.lines
        self.slack = step.slack + 1.0

    def floats(self, state: Floats) -> float:
        return self.step.floats(state)

    def exact(self, state: Exact) -> tuple[Takes, Fraction | None]:
        takes, unplaced = self.step.exact(state)
        d = state.d
        whole = sum(t for _, t in takes)
        if any(t % d for _, t in takes):
            caps = [state.n[i] // d - self.floors[i] for i, _ in takes]
            units = share_out([t for _, t in takes], d, caps, self.remainder, self.half)
            takes = [(i, u * d) for (i, _), u in zip(takes, units, strict=True) if u]
        if unplaced is not None:
            unplaced -= Fraction(sum(t for _, t in takes) - whole, d)
        return takes, unplaced
