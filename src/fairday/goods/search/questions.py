"""Queries of the engine from words as typed: every word must be in a product; typing errors are forgiven."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from tantivy import FieldType, Occur, Query, Schema

from fairday.goods.search.asked import Asked, Liked
from fairday.goods.words import fold, pairs, pieces, stems

IN_TITLE, ELSEWHERE, BEGUN, ALIKE = 2.0, 1.0, 0.6, 0.5
"""What a match of a word is worth by its place; the share of it where only the beginning matches; and where another
word of nearly the same letters does."""
STEM = 0.9
EXACT = 100.0
_SHORT, _LONG = 3, 8
"""Letters from which one typing error is forgiven, and two."""

Begins = Callable[[str], bool]
"""Whether any word of the index begins like this."""


class Questions:
    """Makes queries for one index.

    Args:
        begins: whether a token is the beginning of one in the index.
    """

    def __init__(self, schema: Schema, begins: Begins) -> None:
        self._schema = schema
        self._begins = begins

    # ---- words -------------------------------------------------------------------------------------------------------

    def words(self, typed: Sequence[str]) -> tuple[Query | None, list[str]]:
        """What must hold for the words (None: anything may), and the words that were not known as typed."""
        must: list[Query] = []
        odd: list[str] = []
        for word in typed:
            for piece, han in pieces(fold(word)):
                found, known = self._run(piece) if han and len(piece) > 1 else self._word(piece)
                must.append(found)
                if not known:
                    odd.append(piece)
        if not must:
            return None, []
        every = Query.boolean_query([(Occur.Must, q) for q in must]) if len(must) > 1 else must[0]
        number = Query.term_query(self._schema, "number", fold(" ".join(typed)))
        return _best([every, Query.const_score_query(number, EXACT)]), odd

    def _word(self, token: str) -> tuple[Query, bool]:
        if not self._begins(token) and (forgiven := self.alike(token)) is not None:
            return forgiven, False
        ways = [
            self._scored("title", token, IN_TITLE), self._scored("text", token, ELSEWHERE),
            *(self._scored("stem_title", s, IN_TITLE * STEM) for s in stems(token)),
            *(self._scored("stem_text", s, ELSEWHERE * STEM) for s in stems(token)),
            self._begun("title", token, IN_TITLE * BEGUN), self._begun("text", token, ELSEWHERE * BEGUN),
        ]  # fmt: skip
        return _best(ways), True

    def alike(self, token: str) -> Query | None:
        """What a token of Latin letters may have been meant to be, or None where it is too short for an error."""
        if len(token) < _SHORT or not token.isascii():
            return None
        far = 2 if len(token) >= _LONG else 1
        return _best(
            [
                Query.const_score_query(Query.fuzzy_term_query(self._schema, field, token, distance=far), worth * ALIKE)
                for field, worth in (("title", IN_TITLE), ("text", ELSEWHERE))
            ]
        )

    def _run(self, run: str) -> tuple[Query, bool]:
        """A run of Chinese signs. Where one word ends and the next begins is not written. A product fits when each sign
        stands in a pair that it holds too: 绿茶礼盒 finds 礼盒装绿茶, whose order is another. Where no pair is known at
        all of a run of three or more, one wrong sign is forgiven."""
        if len(run) > 2 and not all(self._begins(p) for p in (run[:2], run[-2:])):
            split = [[part for part in (run[:i], run[i + 1 :]) if part] for i in range(len(run))]
            known = [two for two in split if all(self._begins(pair) for part in two for pair in pairs(part))]
            if known:
                return _best([Query.boolean_query([(Occur.Must, self._held(p)) for p in two]) for two in known]), False
        return self._held(run), True

    def _held(self, run: str) -> Query:
        if len(run) == 1:
            return self._word(run)[0]
        both = [
            _best([self._scored("title", p, IN_TITLE / len(run)), self._scored("text", p, ELSEWHERE / len(run))])
            for p in pairs(run)
        ]
        must = [both[0], both[-1], *(_best([a, b]) for a, b in itertools.pairwise(both))]
        return Query.boolean_query([(Occur.Must, q) for q in must])

    def _scored(self, field: str, token: str, worth: float) -> Query:
        return Query.const_score_query(Query.term_query(self._schema, field, token), worth)

    def _begun(self, field: str, token: str, worth: float) -> Query:
        begun = Query.fuzzy_term_query(self._schema, field, token, distance=0, prefix=True)
        return Query.const_score_query(begun, worth)

    # ---- filters -----------------------------------------------------------------------------------------------------

    def filters(self, asked: Asked, but: str = "") -> list[Query]:
        """What must hold beside the words.

        Args:
            but: the filter to leave out: ``category``, ``brand``, ``price``, or ``option:`` and an axis.
        """
        found = [
            Query.term_query(self._schema, field, value)
            for field, value in (("category", asked.category), ("brand", asked.brand))
            if value is not None and field != but
        ]
        found += [
            Query.term_query(self._schema, "option", f"{axis}={value}")
            for axis, value in asked.options
            if but != f"option:{axis}"
        ]
        if but != "price" and (asked.least is not None or asked.most is not None):
            least = min(max(0, asked.least or 0), 2**62)
            most = 2**62 if asked.most is None else min(max(-1, asked.most), 2**62)
            found.append(Query.range_query(self._schema, f"price_{asked.tariff}", FieldType.Integer, least, most)
                         if least <= most else Query.empty_query())  # fmt: skip
        return found

    def whole(self, words: Query | None, filters: Sequence[Query], liked: Liked) -> Query:
        """Words, filters, and what a person likes put together; what they like finds nothing that does not fit."""
        must = [(Occur.Must, words if words is not None else Query.all_query())]
        must += [(Occur.Must, Query.const_score_query(f, 0.0)) for f in filters]
        levels: dict[float, list[str]] = {}
        for number, worth in liked.items():
            if worth > 0:
                levels.setdefault(round(worth, 1) or 0.1, []).append(number)
        should = [
            (Occur.Should, Query.const_score_query(Query.term_set_query(self._schema, "product", numbers), worth))
            for worth, numbers in sorted(levels.items())
        ]
        return Query.boolean_query([*must, *should]) if len(must) + len(should) > 1 else must[0][1]


def _best(ways: list[Query]) -> Query:
    return Query.disjunction_max_query(ways) if len(ways) > 1 else ways[0]
