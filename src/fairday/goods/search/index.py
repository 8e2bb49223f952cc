"""Asking an index: goods in order, counts by filter, words that narrow, ways out of finding nothing, suggestions."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
from tantivy import Occur, Order, Query, Schema, Searcher, SearchResult

from fairday.goods.prices import Where
from fairday.goods.search.asked import DEEPEST, Asked, Found, Liked, Mended
from fairday.goods.search.documents import LANGUAGES
from fairday.goods.search.questions import Questions
from fairday.goods.search.tariffs import Known
from fairday.goods.words import fold, pieces

FACETS, NARROWER, AXES, VALUES = 12, 8, 4, 10
MANY = 20_000
"""Found goods from which words that narrow are not counted among them, which takes too long, but in the whole index."""


class SearchIndex:
    """The index as it stood when it was opened: what is written later does not change it.

    Args:
        known: whose prices it holds.
    """

    def __init__(self, searcher: Searcher, schema: Schema, known: Known | None = None) -> None:
        self._searcher = searcher
        self._known = known or Known()
        self._schema = schema
        self._questions = Questions(schema, self._begins)

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def _begins(self, token: str) -> bool:
        terms = self._searcher.terms_with_prefix
        return any(terms(field, token, None, 1) for field in ("title", "text"))

    def tariff(self, where: Where) -> tuple[int, bool]:
        """Which prices are those of who buys where, for ``Asked``; and whether they are theirs exactly."""
        return self._known.place(where)

    # ---- searching ---------------------------------------------------------------------------------------------------

    def search(self, asked: Asked, liked: Liked | None = None, cut: Callable[[int], int] | None = None) -> Found:
        """The goods that hold every word and pass every filter.

        Args:
            liked: what a person likes, for the order ``best``; worth from 0 to about 2 each.
            cut: where price bands are cut, near an amount; by default ``rounded``.
        """
        words, odd = self._questions.words(asked.words)
        whole = self._questions.whole(words, self._questions.filters(asked), {})
        total, numbers = self._ordered(asked, whole, words, liked or {})
        understood = self._understood(asked, odd) if odd and total else ""
        if not len(self):
            return Found(
                total=0, numbers=[], understood="", categories=[], brands=[], options=[], bands=[], narrower=[]
            )
        counts = self._counts(asked, whole, words)
        return Found(
            total=total,
            numbers=numbers,
            understood=understood,
            categories=counts["category"],
            brands=counts["brand"],
            options=counts["option"],
            bands=self._bands(asked, counts["price"], self._but(asked, words, "price"), cut or rounded),
            narrower=self._narrower(asked, whole, total),
        )

    def count(self, asked: Asked) -> int:
        """How many goods a search finds."""
        words, _ = self._questions.words(asked.words)
        whole = self._questions.whole(words, self._questions.filters(asked), {})
        return _count(self._searcher.search(whole, 1))

    def _ordered(self, asked: Asked, whole: Query, words: Query | None, liked: Liked) -> tuple[int, list[str]]:
        stop = min(asked.start + asked.count, DEEPEST)
        some = max(stop - asked.start, 0) if asked.start >= 0 else 0
        query, by = whole, dict[str, Any]()
        if asked.sort == "best":
            query = self._questions.whole(words, self._questions.filters(asked), liked) if liked else whole
            by = {"weight_by_field": "weight"}
        elif asked.sort == "popular":
            by = {"order_by_field": "popular"}
        elif asked.sort == "price":
            by = {"order_by_field": f"price_up_{asked.tariff}", "order": Order.Asc}
        else:
            by = {"order_by_field": f"price_{asked.tariff}"}
        found = self._searcher.search(query, max(some, 1), offset=max(asked.start, 0), **by)
        numbers = [str(self._searcher.doc(at)["product"][0]) for _, at in found.hits[:some]]
        return _count(found), numbers

    # ---- counts ------------------------------------------------------------------------------------------------------

    def _but(self, asked: Asked, words: Query | None, name: str) -> Query:
        return self._questions.whole(words, self._questions.filters(asked, but=name), {})

    def _counts(self, asked: Asked, whole: Query, words: Query | None) -> dict[str, Any]:
        """Each filter's values counted under the others; those that are not used are counted in one go."""
        plans = {
            "category": {"terms": {"field": "category", "size": FACETS}},
            "brand": {"terms": {"field": "brand", "size": FACETS}},
            "option": {"terms": {"field": "option", "size": 200}},
            "price": {"percentiles": {"field": f"price_{asked.tariff}", "percents": [0, 25, 50, 75, 100]}},
        }
        used = {"category": asked.category, "brand": asked.brand,
                "price": None if asked.least is None and asked.most is None else True}  # fmt: skip
        together = {name: plan for name, plan in plans.items() if used.get(name) is None}
        got = self._searcher.aggregate(whole, together)
        for name, plan in plans.items():
            if name not in together:
                got |= self._searcher.aggregate(self._but(asked, words, name), {name: plan})
        options = _by_axis(_buckets(got["option"]))
        for axis in dict(asked.options):
            own = self._searcher.aggregate(self._but(asked, words, f"option:{axis}"), {"option": plans["option"]})
            options[axis] = _by_axis(_buckets(own["option"])).get(axis, [])
        chosen = dict(asked.options)
        several = [(a, v[:VALUES]) for a, v in options.items() if len(v) > 1 or a in chosen]
        several.sort(key=lambda one: (one[0] not in chosen, -sum(n for _, n in one[1]), one[0]))
        return {
            "category": _buckets(got["category"]), "brand": _buckets(got["brand"]), "option": several[:AXES],
            "price": [v for _, v in sorted((float(k), v) for k, v in got["price"]["values"].items())],
        }  # fmt: skip

    def _bands(
        self, asked: Asked, quartiles: Sequence[float | None], under: Query, cut: Callable[[int], int]
    ) -> list[tuple[int | None, int | None, int]]:
        known = [v for v in quartiles if v is not None and v == v]
        if len(known) < 5 or known[4] < 0:
            return []
        low, *middle, high = known
        cuts = sorted({cut(int(v)) for v in middle if v > 0})
        cuts = [c for c in cuts if max(low, 0) < c <= high]
        if not cuts:
            return []
        edges: list[int | None] = [None, *cuts, None]
        ranges = [
            {"from": low or 0} | ({} if high is None else {"to": high}) for low, high in itertools.pairwise(edges)
        ]
        got = self._searcher.aggregate(
            under, {"bands": {"range": {"field": f"price_{asked.tariff}", "ranges": ranges}}}
        )
        by_start = {float(b.get("from", -1)): int(b["doc_count"]) for b in got["bands"]["buckets"]}
        found = [
            (low, None if high is None else high - 1, by_start.get(float(low or 0), 0))
            for low, high in itertools.pairwise(edges)
        ]
        return [band for band in found if band[2]] if sum(n for *_, n in found) >= 8 else []

    def _narrower(self, asked: Asked, whole: Query, total: int) -> list[tuple[str, int]]:
        if total < 3:
            return []
        field = _words_of(asked.language)
        said = [piece for word in asked.words for piece, _ in pieces(fold(word))]
        if total > MANY:
            counted = self._searcher.terms_with_prefix(field, "", whole if said else None, NARROWER * 4)
        else:
            got = self._searcher.aggregate(whole, {"words": {"terms": {"field": field, "size": NARROWER * 4}}})
            counted = _buckets(got["words"])
        found = []
        for word, n in sorted(counted, key=lambda one: (-one[1], one[0])):
            folded = fold(word)
            if 2 <= n <= 0.9 * total and not any(folded.startswith(s) or s.startswith(folded) for s in said):
                found.append((word, n))
        return found[:NARROWER]

    @property
    def largest(self) -> list[tuple[str, int]]:
        """The categories with the most goods: (name, goods)."""
        if not len(self):
            return []
        plan = {"category": {"terms": {"field": "category", "size": FACETS}}}
        return _buckets(self._searcher.aggregate(Query.all_query(), plan)["category"])

    # ---- help --------------------------------------------------------------------------------------------------------

    def _understood(self, asked: Asked, odd: Sequence[str]) -> str:
        """The words with those not known as typed put as the found goods write them."""
        said = []
        for word in asked.words:
            piece = next((p for p, _ in pieces(fold(word)) if p in odd), None)
            said.append(word if piece is None else self._meant(piece, asked.language) or word)
        return " ".join(said)

    def _meant(self, piece: str, language: str) -> str:
        query = self._questions.words([piece])[0]
        if query is None:
            return ""
        got = self._searcher.aggregate(query, {"words": {"terms": {"field": _words_of(language), "size": 60}}})
        near = {fold(word): word for word, _ in reversed(_buckets(got["words"]))}
        close = difflib.get_close_matches(piece, near, 1, 0.5)
        return near[close[0]] if close else ""

    def mend(self, asked: Asked) -> list[Mended]:
        """What to do about a search that finds nothing: the ways that find something, the surest first."""
        ways: list[Mended] = []
        typed = asked.words

        def way(kind: Literal["without", "only"], what: str, text: str) -> None:
            other = msgspec.structs.replace(asked, text=text, start=0)
            ways.append(Mended(kind, what, other, self.count(other)))

        for at, word in enumerate(typed):
            rest = " ".join([*typed[:at], *typed[at + 1 :]])
            if rest or asked.category or asked.brand or asked.options:
                way("without", word, rest)
        if len(typed) > 2:
            for word in dict.fromkeys(typed):
                if not any(w.total for w in ways if w.kind != "only"):
                    way("only", word, word)
        drops: list[tuple[str, dict[str, Any]]] = [
            ("category", {"category": None}), ("brand", {"brand": None}), ("option", {"options": ()}),
            ("price", {"least": None, "most": None}),
        ]  # fmt: skip
        for name, gone in drops:
            if any(getattr(asked, field) not in (None, ()) for field in gone):
                other = msgspec.structs.replace(asked, **gone, start=0)
                ways.append(Mended("filter", name, other, self.count(other)))
        return [w for w in ways if w.total]

    def suggest(self, text: str, language: str = "en", most: int = 6) -> list[str]:
        """Whole queries that a beginning may become: its last word completed, by how many goods that finds."""
        typed = Asked(text=text).words
        if not typed or not len(self):
            return []
        last, field = fold(typed[-1]), _words_of(language)
        before, _ = self._questions.words(typed[:-1])
        if before is None and last.isascii():
            counted = self._searcher.terms_with_prefix(field, last, None, most)
        else:
            ending, _ = self._questions.words(typed[-1:])
            must = [(Occur.Must, q) for q in (before, ending) if q is not None]
            if not must:
                return []
            plan = {"words": {"terms": {"field": field, "size": 300}}}
            counted = _buckets(self._searcher.aggregate(Query.boolean_query(must), plan)["words"])
        found = []
        for word, _ in sorted(counted, key=lambda one: (-one[1], one[0])):
            folded = fold(word)
            if folded.startswith(last) or (not last.isascii() and last in folded):
                found.append(" ".join([*typed[:-1], word]))
        return found[:most]


def _count(found: SearchResult) -> int:
    return int(getattr(found, "count", 0) or 0)


def _words_of(language: str) -> str:
    return f"word_{language if language in LANGUAGES else 'en'}"


def _buckets(got: dict[str, Any]) -> list[tuple[str, int]]:
    found = [(str(b["key"]), int(b["doc_count"])) for b in got["buckets"]]
    return sorted(found, key=lambda one: (-one[1], one[0]))


def _by_axis(counted: Sequence[tuple[str, int]]) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    for name, n in counted:
        axis, _, value = name.partition("=")
        found.setdefault(axis, []).append((value, n))
    return found


def rounded(amount: int) -> int:
    """The nearest 1, 2 or 5 with noughts behind it."""
    if amount < 1:
        return 0
    unit: int = 10 ** (len(str(amount)) - 1)
    steps: list[int] = [unit, 2 * unit, 5 * unit, 10 * unit]
    return min(steps, key=lambda c: abs(c - amount))
