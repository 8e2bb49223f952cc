"""What an experiment says: an estimate, never without its interval."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference, treated less held out.

    Attributes:
        estimate: in the unit of the values (a share of one for shares and lifts).
        low, high: the interval's ends in the same unit.
        level: the interval's coverage, 0.95 unless asked otherwise.
        peeking: whether the interval holds however often and whenever one looks; else it holds for one look, at the
            end.
    """

    estimate: float
    low: float
    high: float
    level: float
    peeking: bool = False

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    @property
    def width(self) -> float:
        """From end to end."""
        return self.high - self.low

    def times(self, n: float) -> Effect:
        """The same for ``n`` people together (n at least 0)."""
        return Effect(self.estimate * n, self.low * n, self.high * n, self.level, self.peeking)
