"""What is asked of the search, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Sort = Literal["best", "popular", "price", "price-down"]
SORTS: tuple[Sort, ...] = ("best", "popular", "price", "price-down")
LONGEST, MOST_WORDS, DEEPEST = 100, 8, 960
"""Signs and words of a query that are looked at; how many found goods can be paged through."""
MOST_FILTERS = 8

Liked = Mapping[str, float]
"""By product number, what a person's liking adds to its worth under the order ``best``; a few hundred at most."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A search.

    Attributes:
        text: words as typed.
        category, brand: None for any. A category finds what is in those below it too.
        options: (axis, value) that goods come in, all of them: ``(("colour", "red"),)``.
        least, most: prices in minor units of the shop's currency, inclusive, of the ``tariff``.
        start, count: which goods of the order.
        language: of the words that are offered.
        tariff: whose prices count, as ``SearchIndex.tariff`` says; 0 for anybody's.
    """

    text: str = ""
    category: str | None = None
    brand: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    least: int | None = None
    most: int | None = None
    sort: Sort = "best"
    start: int = 0
    count: int = 24
    language: str = "en"
    tariff: int = 0

    @property
    def words(self) -> tuple[str, ...]:
        """The words as typed, no more than are looked at."""
        return tuple(self.text[:LONGEST].split()[:MOST_WORDS])


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What was found.

    Attributes:
        total: how many goods.
        numbers: product numbers of the goods asked for, in order.
        understood: the words as they were taken where typing errors were forgiven, else "".
        categories, brands: (name, goods) under the other filters, the most first.
        options: by axis, (value, goods) under the other filters.
        bands: (least, most, goods) in minor units, an open end None; [] where prices hardly differ.
        narrower: (word, goods): words that would narrow it further.
    """

    total: int
    numbers: list[str]
    understood: str
    categories: list[tuple[str, int]]
    brands: list[tuple[str, int]]
    options: list[tuple[str, list[tuple[str, int]]]]
    bands: list[tuple[int | None, int | None, int]]
    narrower: list[tuple[str, int]]


class Mended(msgspec.Struct, frozen=True):
    """A way out of finding nothing (a word left out, one alone, a filter dropped), and what it finds."""

    kind: Literal["without", "only", "filter"]
    what: str
    asked: Asked
    total: int
