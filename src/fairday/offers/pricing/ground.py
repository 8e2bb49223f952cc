"""A cart made ready for a book: catalogue prices taken, lines found by selection, amounts and units counted."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from fairday.kernel.errors import FairdayError
from fairday.offers.model import Cart, Facts, Line
from fairday.offers.pricing.book import HUGE, Book
from fairday.offers.pricing.rounding import rounded

MAX_LINES = 1000
MAX_UNITS = 100_000


class Ground:
    """What rules look at.

    Attributes:
        gross: each line at list price, minor units, before anything.
        n, d: each line after catalogue prices, as integers over one denominator.
        floors: what each line may not go below, minor units, never above its gross.
        lines_of: places of lines by number of selection; 0 is all. selected: the numbers that select any.
    """

    __slots__ = (
        "_each",
        "_order",
        "_spend",
        "_units",
        "cart",
        "d",
        "facts",
        "floored",
        "floors",
        "gross",
        "lines_of",
        "n",
        "now",
        "qty",
        "selected",
        "today",
    )

    def __init__(self, cart: Cart, facts: Facts, now: int, today: int) -> None:
        self.cart, self.facts, self.now, self.today = cart, facts, now, today
        check(cart)
        self.qty = [line.qty for line in cart.lines]
        self.gross = [
            line.unit * line.qty if not line.unit_digits else rounded(line.unit * line.qty, 10**line.unit_digits)
            for line in cart.lines
        ]
        self.floors = [
            0 if not line.floor else min(line.floor * line.qty, gross)
            for line, gross in zip(cart.lines, self.gross, strict=True)
        ]
        self.floored = self.floors if any(self.floors) else None
        """The floors, where there are any."""
        self.n = list(self.gross)
        self.d = 1
        self.lines_of: dict[int, list[int]] = {}
        self.selected: set[int] = set()
        self._spend: dict[int, int] = {}
        self._units: dict[int, int] = {}
        self._order: list[int] | None = None
        self._each: list[int] = []
        """The price of a unit of each line, over one denominator; known once lines were ranked."""

    def match(self, book: Book) -> None:
        """Find the lines of every selection, at the prices of now."""
        of, today, d = book.matching.of, self.today, self.d
        found: dict[int, list[int]] = {0: list(range(len(self.qty)))}
        for i, line in enumerate(self.cart.lines):
            top, bottom = self.price(i, line, d)
            for number in of(line, top, bottom, today):
                if number in found:
                    found[number].append(i)
                else:
                    found[number] = [i]
        self.lines_of, self.selected = found, set(found)
        self._spend, self._units, self._order = {}, {}, None

    def price(self, i: int, line: Line, d: int) -> tuple[int, int]:
        """A line's price of a unit as a fraction, in lowest terms where it changed."""
        if self.n[i] == self.gross[i] * d:
            return line.unit, 10**line.unit_digits
        price = Fraction(self.n[i], d * line.qty)
        return price.numerator, price.denominator

    def spend(self, number: int) -> int:
        """What a selection costs, over the denominator."""
        known = self._spend.get(number)
        if known is None:
            n = self.n
            known = self._spend[number] = sum([n[i] for i in self.lines_of.get(number, ())])
        return known

    def units(self, number: int) -> int:
        """How many units a selection has."""
        known = self._units.get(number)
        if known is None:
            qty = self.qty
            known = self._units[number] = sum([qty[i] for i in self.lines_of.get(number, ())])
        return known

    def ranked(self, number: int) -> list[int]:
        """A selection's lines from the cheapest unit to the dearest, equal ones by sku."""
        if self._order is None:
            lines, common = self.cart.lines, lcm(*self.qty)
            each = self._each = [n * (common // qty) for n, qty in zip(self.n, self.qty, strict=True)]
            self._order = sorted(self.lines_of[0], key=lambda i: (each[i], lines[i].sku, lines[i].line))
        chosen = self.lines_of.get(number, ())
        if len(chosen) <= 1:
            return list(chosen)
        inside = set(chosen)
        return [i for i in self._order if i in inside]

    def dearest(self, ranked: list[int]) -> list[int]:
        """Ranked lines from the dearest unit to the cheapest; equal ones stay by sku."""
        return sorted(ranked, key=self._each.__getitem__, reverse=True)


def check(cart: Cart) -> None:
    """Refuse what is no cart.

    Raises:
        FairdayError: no line, doubled lines, amounts or numbers out of range.
    """
    if not 1 <= len(cart.lines) <= MAX_LINES:
        raise FairdayError(
            f"A cart has 1 to {MAX_LINES} lines, this one {len(cart.lines)}.", code="bad_cart", where="lines",
            remedy="Order the rest separately.",
        )  # fmt: skip
    if len({line.line for line in cart.lines}) != len(cart.lines):
        raise FairdayError("Two lines have one id.", code="bad_cart", where="lines", remedy="Number them.")
    for line in cart.lines:
        if not 1 <= line.qty <= MAX_UNITS:
            _refuse(line, "qty", f"has {line.qty} units", f"Order 1 to {MAX_UNITS}.")
        if not 0 <= line.unit <= HUGE or not 0 <= line.unit_digits <= 6:
            _refuse(line, "unit", "has an impossible price", "A price is 0 or more, with at most six more decimals.")
        if line.floor is not None and not 0 <= line.floor <= HUGE:
            _refuse(line, "floor", "has an impossible floor", "A floor is 0 or more.")
        if not 0 <= line.tax <= 1_000_000:
            _refuse(line, "tax", "has an impossible tax rate", "Write 20000 for 20 percent.")
    if cart.shipping is not None and not 0 <= cart.shipping <= HUGE:
        raise FairdayError("Shipping costs 0 or more.", code="bad_cart", where="shipping", remedy="Write 0.")
    if cart.points < 0:
        raise FairdayError("Nobody pays with less than no points.", code="bad_cart", where="points", remedy="Write 0.")


def _refuse(line: Line, where: str, what: str, remedy: str) -> None:
    raise FairdayError(
        f"Line {line.line!r} {what}.", code="bad_cart", where=f"lines.{line.line}.{where}", remedy=remedy
    )
