"""Which lines a selection of goods selects: every selection of a book filed once, a line looked up once."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from fairday.goods.vocabulary import goods_vocabulary
from fairday.kernel.audience import Audience, Vocabulary, pack, parse
from fairday.kernel.audience import Facts as Traits
from fairday.kernel.errors import FairdayError
from fairday.offers.model import ALL, Goods, Line

_KEYS = ("skus", "products", "any_tag", "categories", "brands", "departments")
_REMEMBERED = 100_000


class Matching:
    """The selections of a book. Number 0 is all goods.

    Raises:
        FairdayError: a condition cannot be understood.
    """

    def __init__(self, currency: str, more: Vocabulary | None = None) -> None:
        self.words = more or goods_vocabulary(currency)
        self.goods: list[Goods] = [ALL]
        self._number: dict[Goods, int] = {ALL: 0}
        self._conditions: dict[int, Audience] = {}
        self._filed: dict[str, dict[str, list[int]]] = {key: {} for key in _KEYS}
        self._others: list[int] = []
        self._seen: dict[Any, tuple[int, ...]] = {}
        self.moving = False

    def add(self, goods: Goods) -> int:
        """The number of a selection."""
        known = self._number.get(goods)
        if known is not None:
            return known
        number = self._number[goods] = len(self.goods)
        self.goods.append(goods)
        if goods.condition:
            try:
                condition = self._conditions[number] = parse(goods.condition, self.words)
            except FairdayError as error:
                raise FairdayError(
                    f"The goods {goods.condition!r} cannot be understood: {error.message}",
                    code="bad_goods", where="goods", remedy=error.remedy,
                ) from error  # fmt: skip
            self.moving = self.moving or condition.moves_with_time
        for key in _KEYS:
            values: frozenset[str] = getattr(goods, key)
            if values:
                for value in values:
                    self._filed[key].setdefault(value, []).append(number)
                return number
        self._others.append(number)
        return number

    def of(self, line: Line, top: int, bottom: int, today: int) -> tuple[int, ...]:
        """The numbers of the selections a line is in at a price of ``top / bottom`` minor units; all goods left out."""
        key = (line.sku, line.product, top, bottom, line.category, line.department, line.brand,
               line.tags, line.title, line.new_since, today if self.moving else 0)  # fmt: skip
        known = self._seen.get(key)
        if known is None:
            price = Fraction(top, bottom)
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            found = {number for number in self._near(line) if self._in(number, line, price, today)}
            known = self._seen[key] = tuple(sorted(found))
        return known

    def _near(self, line: Line) -> Iterable[int]:
        filed = self._filed
        yield from self._others
        yield from filed["skus"].get(line.sku, ())
        yield from filed["products"].get(line.product or line.sku, ())
        for tag in line.tags:
            yield from filed["any_tag"].get(tag, ())
        yield from filed["categories"].get(line.category, ())
        yield from filed["brands"].get(line.brand, ())
        yield from filed["departments"].get(line.department, ())

    def _in(self, number: int, line: Line, price: Fraction, today: int) -> bool:
        goods = self.goods[number]
        return (
            (not goods.skus or line.sku in goods.skus)
            and (not goods.products or (line.product or line.sku) in goods.products)
            and (not goods.categories or line.category in goods.categories)
            and (not goods.departments or line.department in goods.departments)
            and (not goods.brands or line.brand in goods.brands)
            and (not goods.any_tag or not goods.any_tag.isdisjoint(line.tags))
            and (not goods.no_tag or goods.no_tag.isdisjoint(line.tags))
            and (goods.unit_from is None or price >= goods.unit_from)
            and (goods.unit_to is None or price <= goods.unit_to)
            and (not goods.condition or self._conditions[number].test(traits_of(line, price), today))
        )


def traits_of(line: Line, price: Fraction) -> Traits:
    """A line as the audience language sees goods."""
    texts = {"product": line.product or line.sku, "title": line.title, "category": line.category,
             "department": line.department, "brand": line.brand}  # fmt: skip
    rows: list[tuple[str, int | None, int | None, str | None, int | None]] = [
        (name, None, None, text, None) for name, text in texts.items() if text
    ]
    rows.append(("price", price.numerator // price.denominator, -(-price.numerator // price.denominator), None, None))
    if line.tags:
        rows.append(("tags", None, None, pack(line.tags), None))
    if line.new_since is not None:
        rows.append(("new_since", line.new_since, line.new_since, None, None))
    return Traits.of(rows)
