"""What is left of a cart while rules are taken: in floating point while searching, in integers for what is kept."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm
from typing import Any

Takes = list[tuple[int, int]]
"""(line, amount) with amounts in the walk's denominator."""

Log = list[tuple[int, Takes, int, int]]
"""What was taken: (rule, takes, times, d); of a line ``take × times / d``."""


class Floats:
    """What is left while combinations are tried: by line, of shipping; and what was taken so far."""

    __slots__ = ("base", "given", "r", "ship", "shipped", "taken", "used")

    def __init__(self, r: list[float], ship: float) -> None:
        self.r = r
        self.ship = ship
        self.taken = 0.0
        self.shipped = 0.0
        self.given = 0
        self.used: dict[int, tuple[int, Any]] = {}
        """By line how many units have served, and what part of what is left of the line is theirs."""
        self.base: dict[str, list[float]] = {}

    def copy(self) -> Floats:
        other = Floats(self.r[:], self.ship)
        other.taken, other.shipped, other.given = self.taken, self.shipped, self.given
        if self.used:
            other.used = dict(self.used)
        if self.base:
            other.base = dict(self.base)
        return other

    def left(self, i: int) -> float:
        return self.r[i]


class Exact:
    """The same in integers: line ``i`` has ``n[i] / d`` left. ``log`` says what every step took when it is kept."""

    __slots__ = (
        "_cells", "_n", "_times", "base", "d", "given", "log", "ship", "ship_d", "ship_start", "shipping", "start",
        "unplaced",
        "used", "winner",
    )  # fmt: skip

    def __init__(self, n: list[int], d: int, ship: int, *, keep: bool = False) -> None:
        self._n = n
        self._times: int | None = None
        """While steps take from all lines alike a line has ``_n[i] × _times``; those with something are in
        ``_cells``."""
        self._cells: Takes = []
        self.d = d
        self.start = (sum(n), d)
        self.ship = ship
        self.ship_d = 1
        self.ship_start = ship
        self.given = 0
        self.used: dict[int, tuple[int, Any]] = {}
        self.base: dict[str, list[Fraction]] = {}
        self.log: Log | None = [] if keep else None
        self.unplaced: dict[int, Fraction] = {}
        self.winner: dict[tuple[str, int], int] = {}
        self.shipping: list[tuple[int, int, int]] = []
        """(rule, what it takes of shipping, over what); each denominator divides the next."""

    def copy(self) -> Exact:
        other = Exact(self.n[:], self.d, self.ship)
        other.ship_d, other.ship_start = self.ship_d, self.ship_start
        other.start, other.given = self.start, self.given
        other.used, other.base, other.winner = dict(self.used), dict(self.base), dict(self.winner)
        return other

    @property
    def n(self) -> list[int]:
        """What each line has left, times ``d``."""
        if self._times is not None:
            self._n, self._times = [x * self._times for x in self._n], None
        return self._n

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self._n)

    @property
    def whole(self) -> int:
        """What all lines have left, times ``d``."""
        return sum(self._n) * (1 if self._times is None else self._times)

    @property
    def taken(self) -> Fraction:
        """What was taken from lines so far."""
        whole, d = self.start
        return Fraction(whole, d) - Fraction(self.whole, self.d)

    @property
    def shipped(self) -> Fraction:
        """What was taken from shipping so far."""
        return self.ship_start - Fraction(self.ship, self.ship_d)

    def take_shipping(self, k: int, off: tuple[int, int] | int) -> None:
        """Rule ``k`` takes an amount or a fraction of what is left of shipping."""
        if isinstance(off, int):
            gone = min(self.ship, off * self.ship_d)
        else:
            top, bottom = off
            self.ship *= bottom
            self.ship_d *= bottom
            gone = self.ship * top // bottom
        if gone:
            self.ship -= gone
            self.shipping.append((k, gone, self.ship_d))

    def left(self, i: int) -> Fraction:
        return Fraction(self.n[i], self.d)

    def rescale(self, factor: int) -> None:
        """Make the denominator ``factor`` times as large."""
        if factor != 1:
            self.d *= factor
            if self._times is None:
                self._n = [x * factor for x in self._n]
            else:
                self._times *= factor

    def fractions(self, takes: list[tuple[int, Any]]) -> Takes:
        """Takes told as fractions, in the walk's denominator (made larger where it must be)."""
        self.rescale(lcm(self.d, *(t.denominator for _, t in takes)) // self.d)
        return [(i, int(t * self.d)) for i, t in takes]

    def subtract(self, k: int, takes: Takes) -> None:
        """Rule ``k`` takes from lines."""
        if takes:
            n = self.n
            for i, take in takes:
                n[i] -= take
            if self.log is not None:
                self.log.append((k, takes, 1, self.d))

    def subtract_evenly(self, k: int, top: int, bottom: int) -> None:
        """Rule ``k`` takes ``top / bottom`` of what is left of each line."""
        if self._times is None:
            times = gcd(*self._n) or 1
            self._n, self._times = [x // times for x in self._n], times
            self._cells = [(i, x) for i, x in enumerate(self._n) if x]
        common = gcd(top, bottom)
        top, bottom = top // common, bottom // common
        self.rescale(bottom // gcd(bottom, self._times))
        less = self._times // bottom * top
        self._times -= less
        if self.log is not None:
            common = gcd(less, self.d)
            self.log.append((k, self._cells, less // common, self.d // common))
