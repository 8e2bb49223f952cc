"""What both compilations share: how "definitely true" and "definitely false" pass down the tree.

Unknown needs no value of its own. A condition compiles to two formulas, one that holds where it is definitely true and
one where it is definitely false; unknown is where neither holds. Both are joined from comparisons by AND and OR alone
(a NOT swaps the two), so a NULL in SQL may stand for "does not hold" anywhere in them. Source: Kleene's strong logic.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from fairday.kernel.audience.tree import (
    And,
    Compare,
    Condition,
    Const,
    Contains,
    Has,
    Known,
    Not,
    Or,
    Scale,
    Since,
    SinceTrait,
    Sum,
    TextIn,
    Trait,
    Truth,
    UntilTrait,
    Value,
    Window,
)


class Formula(ABC):
    """Writes the formulas of a tree in a language where AND, OR, comparisons and parentheses look alike."""

    equals: str
    """How the language writes equality."""

    def holds(self, condition: Condition) -> str:
        """The formula that holds where the condition is definitely true."""
        match condition:
            case Not(part):
                return self.fails(part)
            case And(parts):
                return _joined(" AND ", [self.holds(part) for part in parts])
            case Or(parts):
                return _joined(" OR ", [self.holds(part) for part in parts])
            case Compare():
                return self.compare(condition, True)
        return self._leaf(condition, True)

    def fails(self, condition: Condition) -> str:
        """The formula that holds where the condition is definitely false."""
        match condition:
            case Not(part):
                return self.holds(part)
            case And(parts):
                return _joined(" OR ", [self.fails(part) for part in parts])
            case Or(parts):
                return _joined(" AND ", [self.fails(part) for part in parts])
            case Compare():
                return self.compare(condition, False)
        return self._leaf(condition, False)

    def compare(self, node: Compare, sought: bool) -> str:
        """A comparison of two bands: ``19..24 < 25`` is true, ``19..24 < 20`` unknown, ``19..24 < 19`` false."""
        left_lo, left_hi = self.bounds(node.left)
        right_lo, right_hi = self.bounds(node.right)
        exact = left_lo == left_hi and right_lo == right_hi
        match node.op, sought:
            case "<", True:
                return f"{left_hi} < {right_lo}"
            case "<", False:
                return f"{left_lo} >= {right_hi}"
            case "<=", True:
                return f"{left_hi} <= {right_lo}"
            case "<=", False:
                return f"{left_lo} > {right_hi}"
            case "=", True if exact:
                return f"{left_lo} {self.equals} {right_lo}"
            case "=", True:
                return f"({left_lo} >= {right_hi} AND {left_hi} <= {right_lo})"
            case _ if exact:
                return f"{left_lo} != {right_lo}"
        return f"({left_hi} < {right_lo} OR {left_lo} > {right_hi})"

    def bounds(self, value: Value) -> tuple[str, str]:
        """The least and the greatest a value may be; the same text twice where it is always exact."""
        match value:
            case Const(number):
                return str(number), str(number)
            case Sum(left, right):
                (left_lo, left_hi), (right_lo, right_hi) = self.bounds(left), self.bounds(right)
                return self.add(left_lo, right_lo), self.add(left_hi, right_hi)
            case Scale(factor, inner):
                lo, hi = self.bounds(inner)
                ends = self.times(factor, lo), self.times(factor, hi)
                return ends if factor > 0 else ends[::-1]
            case Window():
                text = self.window(value)
                return text, text
            case Trait():
                return self.trait(value)
            case Since():
                return self.since(value)
            case SinceTrait(trait):
                lo, hi = self.trait(trait)
                return self.from_today(hi), self.from_today(lo)
            case UntilTrait(trait) if trait.type == "yearly":
                return self.until_return(trait)
            case UntilTrait(trait):
                lo, hi = self.trait(trait)
                return self.to_day(lo), self.to_day(hi)

    def _leaf(self, condition: Condition, sought: bool) -> str:
        match condition:
            case Truth(value):
                return self.truth(value is sought)
            case TextIn():
                return self.text_in(condition, sought)
            case Contains():
                return self.contains(condition, sought)
            case Has():
                return self.has(condition, sought)
            case Known():
                return self.known(condition, sought)
        raise AssertionError(condition)

    @abstractmethod
    def add(self, left: str, right: str) -> str: ...

    @abstractmethod
    def times(self, factor: int, value: str) -> str: ...

    @abstractmethod
    def from_today(self, day: str) -> str:
        """Days from a day to today."""

    @abstractmethod
    def to_day(self, day: str) -> str:
        """Days from today to a day."""

    @abstractmethod
    def until_return(self, trait: Trait) -> tuple[str, str]:
        """Days from today to the next return of a yearly trait known exactly."""

    @abstractmethod
    def trait(self, trait: Trait) -> tuple[str, str]: ...

    @abstractmethod
    def window(self, window: Window) -> str: ...

    @abstractmethod
    def since(self, since: Since) -> tuple[str, str]: ...

    @abstractmethod
    def truth(self, value: bool) -> str: ...

    @abstractmethod
    def text_in(self, node: TextIn, sought: bool) -> str: ...

    @abstractmethod
    def contains(self, node: Contains, sought: bool) -> str: ...

    @abstractmethod
    def has(self, node: Has, sought: bool) -> str: ...

    @abstractmethod
    def known(self, node: Known, sought: bool) -> str: ...


def _joined(word: str, parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({word.join(parts)})"
