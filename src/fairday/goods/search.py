"""Search over the catalogue: an inverted index in memory, the same over both databases. See docs/algorithms/search.md.

Every word of a query must be in a product (its title, category, department, brand or number), so each word added
narrows. A word matches its beginning; Chinese needs no spaces. An index is immutable and built anew when the
catalogue changes.
"""

from __future__ import annotations

import difflib
import itertools
from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from fairday.goods.words import fold, pairs, pieces, singulars, tokens, words

Sort = Literal["best", "popular", "price", "price-down"]
SORTS: tuple[Sort, ...] = ("best", "popular", "price", "price-down")
LONGEST, MOST_WORDS, DEEPEST = 100, 8, 960
"""Signs and words of a query that are looked at; how many found goods can be paged through."""
FACETS, NARROWER = 12, 8
IN_TITLE, ELSEWHERE, BEGUN = 2.0, 1.0, 0.6
"""What a match of a word is worth by its place; ``BEGUN``: the share of it when only the beginning matches."""

Floats = NDArray[np.float32]
Places = NDArray[np.int64]


class Searchable(Protocol):
    """What search needs of a product."""

    @property
    def product(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def category(self) -> str | None: ...
    @property
    def department(self) -> str | None: ...
    @property
    def brand(self) -> str | None: ...
    @property
    def price(self) -> int | None: ...


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A search: words, filters (None: any), prices in minor units, inclusive; which goods of the order."""

    text: str = ""
    category: str | None = None
    brand: str | None = None
    least: int | None = None
    most: int | None = None
    sort: Sort = "best"
    start: int = 0
    count: int = 24

    @property
    def words(self) -> tuple[str, ...]:
        """The words as typed, no more than are looked at."""
        return tuple(self.text[:LONGEST].split()[:MOST_WORDS])


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What was found.

    Attributes:
        total: how many goods.
        places: positions in the index's ``products`` of the goods asked for, in order.
        categories, brands: (name, goods) under the other filters, the most first.
        bands: (least, most, goods) in minor units, an open end None; [] where prices hardly differ.
        narrower: (word, goods): words that would narrow it further.
    """

    total: int
    places: list[int]
    categories: list[tuple[str, int]]
    brands: list[tuple[str, int]]
    bands: list[tuple[int | None, int | None, int]]
    narrower: list[tuple[str, int]]


class Mended(msgspec.Struct, frozen=True):
    """A way out of finding nothing (words put right, one left out, one alone, a filter dropped), and what it finds."""

    kind: Literal["without", "instead", "only", "filter"]
    what: str
    asked: Asked
    total: int


class _Postings:
    """Which products hold each token, by token number."""

    def __init__(self, token: Places, place: Places, size: int) -> None:
        order = np.argsort(token, kind="stable")
        self.places = place[order].astype(np.int32)
        self.starts = np.concatenate([[0], np.cumsum(np.bincount(token, minlength=size))])

    def of(self, low: int, high: int) -> NDArray[np.int32]:
        return self.places[self.starts[low] : self.starts[high]]


class SearchIndex:
    """An index over some products.

    Args:
        products: in any order; ``places`` are positions in it.
        popular: each one's popularity from 0 to 1.
    """

    def __init__(self, products: Sequence[Searchable], popular: NDArray[np.float64] | None = None) -> None:
        self.products = products
        n = len(products)
        self._popular = np.zeros(n, np.float32) if popular is None else popular.astype(np.float32)
        self._number = {fold(p.product): i for i, p in enumerate(products)}
        self._price = np.array([-1 if p.price is None else p.price for p in products], dtype=np.int64)
        self._categories, self._category = _coded([p.category for p in products])
        self._brands, self._brand = _coded([p.brand for p in products])
        numbers: dict[str, int] = {}
        in_title = _listed(numbers, [tokens(p.title) for p in products])
        others = [" ".join(t for t in (p.category, p.department, p.brand) if t) for p in products]
        elsewhere = _listed(numbers, [tokens(text) for text in others])
        self.vocabulary = sorted(numbers)
        place = np.empty(len(numbers), np.int64)
        place[[numbers[token] for token in self.vocabulary]] = np.arange(len(numbers))
        self._title, self._other = (_Postings(place[token], at, len(numbers)) for token, at in (in_title, elsewhere))
        self._length = np.maximum(np.bincount(in_title[1], minlength=n), 1).astype(np.float32)
        shown: dict[str, str] = {}
        known: dict[str, int] = {}
        cut: dict[str, dict[str, str]] = {}
        of_titles = [cut[p.title] if p.title in cut else cut.setdefault(p.title, words(p.title)) for p in products]
        for title in cut.values():
            for word, written in title.items():
                shown.setdefault(word, written)
        self._word, self._word_at = _listed(known, [tuple(w) for w in of_titles])
        self._written = [shown[word] for word in known]
        self._folded = list(known)

    @property
    def largest(self) -> list[tuple[str, int]]:
        """The categories with the most goods: (name, goods)."""
        return _counted(self._categories, self._category)

    def __len__(self) -> int:
        return len(self.products)

    # ---- searching ---------------------------------------------------------------------------------------------------

    def search(self, asked: Asked, prefer: NDArray[np.float64] | None = None) -> Found:
        """The goods that hold every word and pass every filter.

        Args:
            prefer: added to each product's worth under the order ``best``, such as a person's taste; 0 to about 2.
        """
        worth = self._worth(asked.words)
        by_category, by_brand, by_price = self._filters(asked)
        matching = worth > 0
        mask = matching & by_category & by_brand & by_price
        hits = np.flatnonzero(mask)
        return Found(
            total=len(hits),
            places=self._ordered(hits, worth, asked, prefer),
            categories=_counted(self._categories, self._category[matching & by_brand & by_price]),
            brands=_counted(self._brands, self._brand[matching & by_category & by_price]),
            bands=self._bands(self._price[matching & by_category & by_brand]),
            narrower=self._narrower(mask, len(hits), asked.words),
        )

    def count(self, asked: Asked) -> int:
        """How many goods a search finds."""
        by_category, by_brand, by_price = self._filters(asked)
        return int(np.count_nonzero((self._worth(asked.words) > 0) & by_category & by_brand & by_price))

    def _worth(self, typed: Sequence[str]) -> Floats:
        """How well each product matches all words; 0 where one of them is missing, all equal without words."""
        total = np.zeros(len(self), np.float32)
        every = np.ones(len(self), bool)
        for word in typed:
            found = self._of_word(word)
            if found is not None:
                every &= found > 0
                total += found
        total = np.where(every, total / max(len(typed), 1) + 0.2 / self._length, 0).astype(np.float32)
        exact = self._number.get(fold(" ".join(typed))) if typed else None
        if exact is not None:
            total[exact] = 100
        return total

    def _of_word(self, word: str) -> Floats | None:
        """How well each product matches one word as typed; None for one without letters or digits."""
        found: Floats | None = None
        for piece, han in pieces(fold(word)):
            one = self._of_run(piece) if han and len(piece) > 1 else self._of_token(piece, begun=True)
            found = one if found is None else np.where((found > 0) & (one > 0), found + one, 0).astype(np.float32)
        return found

    def _of_run(self, run: str) -> Floats:
        # Where one Chinese word ends and the next begins is not written. A product fits when each sign stands in a
        # pair that it holds too: 绿茶礼盒 finds 礼盒装绿茶, whose order is another.
        both = [self._of_token(pair, begun=False) for pair in pairs(run)]
        total = np.sum(both, axis=0) / len(both)
        held = [one > 0 for one in both]
        fits = held[0] & held[-1]
        for left, right in itertools.pairwise(held):
            fits &= left | right
        return np.where(fits, total, 0).astype(np.float32)

    def _of_token(self, token: str, *, begun: bool) -> Floats:
        worth = np.zeros(len(self), np.float32)
        low = bisect_left(self.vocabulary, token)
        high = bisect_left(self.vocabulary, token + "\U0010ffff", low) if begun else low
        exact = [at for t in (token, *singulars(token)) if (at := self._at(t)) is not None]
        for postings, place in ((self._other, ELSEWHERE), (self._title, IN_TITLE)):  # the better overwrites
            worth[postings.of(low, high)] = place * BEGUN
            for at in exact:
                worth[postings.of(at, at + 1)] = place
        return worth

    def _at(self, token: str) -> int | None:
        at = bisect_left(self.vocabulary, token)
        return at if at < len(self.vocabulary) and self.vocabulary[at] == token else None

    def _filters(self, asked: Asked) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        every = np.ones(len(self), bool)

        def only(names: list[str], codes: Places, wanted: str | None) -> NDArray[np.bool_]:
            if wanted is None:
                return every
            return codes == names.index(wanted) + 1 if wanted in names else ~every

        prices = every
        if asked.least is not None or asked.most is not None:
            least = 0 if asked.least is None else asked.least
            prices = (self._price >= least) & (self._price <= (2**62 if asked.most is None else asked.most))
        return (
            only(self._categories, self._category, asked.category),
            only(self._brands, self._brand, asked.brand),
            prices,
        )

    def _ordered(self, hits: Places, worth: Floats, asked: Asked, prefer: NDArray[np.float64] | None) -> list[int]:
        stop = min(asked.start + asked.count, DEEPEST, len(hits))
        if asked.start < 0 or asked.start >= stop:
            return []
        if asked.sort in ("price", "price-down"):
            price = self._price[hits].astype(np.float64)
            last = np.float64(np.inf)
            by = np.where(price < 0, last, price if asked.sort == "price" else -price)
        else:
            by = -self._popular[hits].astype(np.float64)
            if asked.sort == "best":
                by -= worth[hits] + 0.1 * (self._price[hits] >= 0)
                if prefer is not None:
                    by -= prefer[hits]
        if stop < len(hits):
            near = by <= np.partition(by, stop - 1)[stop - 1]
            hits, by = hits[near], by[near]
        order = np.argsort(by, kind="stable")[asked.start : stop]
        return [int(i) for i in hits[order]]

    # ---- what narrows ------------------------------------------------------------------------------------------------

    def _narrower(self, mask: NDArray[np.bool_], total: int, typed: Sequence[str]) -> list[tuple[str, int]]:
        if total < 3 or not len(self._word):
            return []
        counts = np.bincount(self._word[mask[self._word_at]], minlength=len(self._written))
        said = [piece for word in typed for piece, _ in pieces(fold(word))]
        found: list[tuple[str, int]] = []
        for i in np.argsort(-counts, kind="stable")[: NARROWER * 4]:
            n, word = int(counts[i]), self._folded[i]
            if n < 2 or len(found) == NARROWER:
                break
            if n <= 0.9 * total and not any(word.startswith(s) or s.startswith(word) for s in said):
                found.append((self._written[i], n))
        return found

    @staticmethod
    def _bands(prices: Places) -> list[tuple[int | None, int | None, int]]:
        known = prices[prices >= 0]
        if len(known) < 8:
            return []
        cuts = sorted({_round(int(np.percentile(known, share))) for share in (25, 50, 75)})
        cuts = [c for c in cuts if known.min() < c <= known.max()]
        if not cuts:
            return []
        edges: list[int | None] = [None, *cuts, None]
        bands = []
        for low, high in itertools.pairwise(edges):
            most = None if high is None else high - 1
            n = int(np.count_nonzero((known >= (low or 0)) & (known <= (2**62 if most is None else most))))
            if n:
                bands.append((low, most, n))
        return bands

    # ---- help --------------------------------------------------------------------------------------------------------

    def mend(self, asked: Asked) -> list[Mended]:
        """What to do about a search that finds nothing: the ways that find something, the surest first."""
        ways: list[Mended] = []
        typed = asked.words

        def way(kind: Literal["without", "instead", "only"], what: str, text: str) -> None:
            other = msgspec.structs.replace(asked, text=text, start=0)
            ways.append(Mended(kind, what, other, self.count(other)))

        right = [self.meant(word) or word for word in typed]
        if right != list(typed):
            way("instead", " ".join(right), " ".join(right))
        for at, word in enumerate(typed):
            rest = " ".join([*typed[:at], *typed[at + 1 :]])
            if rest or asked.category or asked.brand:
                way("without", word, rest)
        if len(typed) > 2 or right != list(typed):
            for word in dict.fromkeys(right):
                if word and not any(w.total for w in ways if w.kind != "only"):
                    way("only", word, word)
        for name, gone in (
            ("category", {"category": None}),
            ("brand", {"brand": None}),
            ("price", {"least": None, "most": None}),
        ):
            if any(getattr(asked, field) is not None for field in gone):
                other = msgspec.structs.replace(asked, **gone, start=0)
                ways.append(Mended("filter", name, other, self.count(other)))
        return [w for w in ways if w.total]

    def meant(self, word: str) -> str:
        """The known word that an unknown one was probably meant to be, or ""."""
        folded = fold(word)
        if len(folded) < 3 or len(folded) > 24 or self._of_known(folded):
            return ""
        near = [w for w in self._folded if w[:1] == folded[:1] and abs(len(w) - len(folded)) < 3]
        close = difflib.get_close_matches(folded, near[:5000], 1, 0.74)
        return self._written[self._folded.index(close[0])] if close else ""

    def _of_known(self, folded: str) -> bool:
        at = bisect_left(self.vocabulary, folded)
        return at < len(self.vocabulary) and self.vocabulary[at].startswith(folded)

    def suggest(self, text: str, most: int = 6) -> list[str]:
        """Whole queries that a beginning may become: its last word completed, by how many goods that finds."""
        typed = Asked(text=text).words
        if not typed:
            return []
        last = fold(typed[-1])
        mask = self._worth(typed) > 0
        counts = np.bincount(self._word[mask[self._word_at]], minlength=len(self._written))
        before = " ".join(typed[:-1])
        found: list[str] = []
        for i in np.argsort(-counts, kind="stable"):
            if not counts[i] or len(found) == most:
                break
            if last in self._folded[i] and (self._folded[i].startswith(last) or not last.isascii()):
                found.append(f"{before} {self._written[i]}".strip())
        return found


def _coded(values: Sequence[str | None]) -> tuple[list[str], Places]:
    """Names, and each value's number counted from 1; 0 where it has none."""
    codes: dict[str, int] = {}
    numbers = [codes.setdefault(v, len(codes) + 1) if v else 0 for v in values]
    return list(codes), np.array(numbers, dtype=np.int64)


def _listed(numbers: dict[str, int], lists: Sequence[tuple[str, ...]]) -> tuple[Places, Places]:
    """(token number, position) pairs of some lists, naming new tokens in ``numbers``."""
    token = [numbers.setdefault(t, len(numbers)) for one in lists for t in one]
    place = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
    return np.array(token, dtype=np.int64), place.astype(np.int64)


def _counted(names: list[str], codes: Places) -> list[tuple[str, int]]:
    counts = np.bincount(codes, minlength=len(names) + 1)[1:]
    order = np.argsort(-counts, kind="stable")[:FACETS]
    return [(names[i], int(counts[i])) for i in order if counts[i]]


def _round(amount: int) -> int:
    """The nearest 1, 2 or 5 with noughts behind it."""
    if amount < 1:
        return 0
    unit: int = 10 ** (len(str(amount)) - 1)
    steps: list[int] = [unit, 2 * unit, 5 * unit, 10 * unit]
    return min(steps, key=lambda c: abs(c - amount))
