"""What the search index holds of a product, and how it is read from the tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from tantivy import Document, Schema, SchemaBuilder, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from fairday.goods.catalogue import ProductRow, products_named
from fairday.goods.naming import Group, all_groups, texts_of
from fairday.goods.price_records import prices_for
from fairday.goods.prices import ListPrice, PriceList
from fairday.goods.records import Details, Variant, details_of, variants_of
from fairday.goods.search.tariffs import ANYBODY, MOST, Tariff, lowest
from fairday.goods.words import fold, stems, tokens, words

VERSION = 2
"""Of what stands in an index: another one makes it anew."""

LANGUAGES = ("zh", "en", "es")
SPACED = "spaced"
DEAR = 2**62
"""Stands for a price that is not known, last in the order from the lowest."""
DESCRIBED = 2_000
"""Signs of a description that are searched."""


def schema() -> Schema:
    """The fields: tokens of titles and of the rest, their stems, what filters and counts, what orders."""
    made = SchemaBuilder()
    made.add_text_field("product", stored=True, tokenizer_name="raw", index_option="basic")
    made.add_text_field("number", tokenizer_name="raw", index_option="basic")
    for name in ("title", "text", "stem_title", "stem_text"):
        made.add_text_field(name, tokenizer_name=SPACED, index_option="basic")
    for name in ("category", "brand", "option", *(f"word_{language}" for language in LANGUAGES)):
        made.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    for number in range(MOST):  # by tariff; those that no list asks for stay empty
        made.add_integer_field(f"price_{number}", fast=True, indexed=True)
        made.add_integer_field(f"price_up_{number}", fast=True)
    made.add_float_field("popular", fast=True)
    made.add_float_field("weight", fast=True)
    return made.build()


def spaced() -> TextAnalyzer:
    """What cuts our tokens apart again: they are cut already, by ``fairday.goods.words``."""
    return TextAnalyzerBuilder(Tokenizer.whitespace()).build()


class Words:
    """Translations and category trees, read once for many products."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._groups: dict[tuple[str, str], Group] = {(g.kind, g.name): g for g in all_groups(conn)}
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}

    def above(self, category: str | None) -> list[str]:
        """A category and those it is in, the nearest first."""
        found: list[str] = []
        while category and category not in found:
            found.append(category)
            group = self._groups.get(("category", category))
            category = group.parent if group is not None else None
        return found

    def of(self, about: Any, names: Iterable[str]) -> list[str]:
        """Names and what they are called in every language."""
        listed = list(names)
        missing = [n for n in listed if (about, n) not in self._known]
        if missing:
            texts = texts_of(self._conn, about, missing)
            for name in missing:
                self._known[about, name] = (name, *texts.get((name, "title"), {}).values())
        return [text for name in listed for text in self._known[about, name]]


class Priced:
    """What products cost, by tariff.

    Args:
        lists: those that stand online.
        currency: the shop's; a price in another is not known to the search.
        now: ms.
    """

    def __init__(self, tariffs: Sequence[Tariff], lists: Sequence[PriceList], currency: str, now: int) -> None:
        self._wheres = [t.where(currency) for t in tariffs or (ANYBODY,)]
        self._lists, self._now = lists, now

    def read(self, conn: Connection, goods: Iterable[str]) -> dict[str, list[ListPrice]]:
        """What lists say of goods and variants."""
        found: dict[str, list[ListPrice]] = {}
        for one in prices_for(conn, goods, [x.list for x in self._lists]) if self._lists else ():
            found.setdefault(one.goods, []).append(one)
        return found

    def of(
        self, row: ProductRow, forms: Sequence[Variant], prices: Mapping[str, Sequence[ListPrice]]
    ) -> list[int | None]:
        """The lowest price of a product for each tariff, minor units."""
        return [lowest(row, forms, self._lists, prices, where, self._now) for where in self._wheres]


def documents(
    conn: Connection, numbers: Sequence[str], known: Words, popular: Mapping[str, float], priced: Priced, made: Schema
) -> dict[str, Document | None]:
    """Documents of some products; None for one that is hidden or gone.

    Args:
        popular: from 0 to 1 by product; 0 for others.
    """
    rows, details = products_named(conn, numbers), details_of(conn, numbers)
    variants, texts = variants_of(conn, numbers), texts_of(conn, "product", numbers)
    prices = priced.read(conn, [*numbers, *(v.sku for many in variants.values() for v in many)])
    found: dict[str, Document | None] = {}
    for number in numbers:
        row, more = rows.get(number), details.get(number) or Details(product=number)
        if row is None or more.hidden:
            found[number] = None
            continue
        forms = [v for v in variants.get(number, ()) if not v.hidden]
        titles = texts.get((number, "title"), {})
        told = {k: v for (n, k), v in texts.items() if n == number}
        fields = _fields(row, more, forms, titles, told.get("description", {}), known)
        fields |= _numbers(row, priced.of(row, forms, prices), popular.get(number, 0.0))
        found[number] = Document.from_dict(fields, made)
    return found


def _fields(
    row: ProductRow,
    more: Details,
    forms: Sequence[Variant],
    titles: Mapping[str, str],
    described: Mapping[str, str],
    known: Words,
) -> dict[str, Any]:
    categories = known.above(row.category)
    options = dict.fromkeys(f"{a}={x}" for v in forms for a, x in v.options.items())
    options |= dict.fromkeys(f"{a}={x}" for a, x in more.attributes.items())
    rest = [
        *known.of("category", categories), *known.of("brand", [row.brand] if row.brand else []), row.department or "",
        *known.of("word", [o.partition("=")[2] for o in options]), *more.tags,
        *(text[:DESCRIBED] for text in (more.description, *described.values())),
    ]  # fmt: skip
    title = _all_tokens([row.title or row.product, *titles.values()])
    text = _all_tokens(rest)
    numbers = [row.product, *(v.sku for v in forms), *(v.barcode for v in forms if v.barcode)]
    return {
        "product": row.product,
        "number": [fold(n) for n in numbers],
        "title": " ".join(title),
        "text": " ".join(text),
        "stem_title": " ".join(_all_stems(title)),
        "stem_text": " ".join(_all_stems(text)),
        "category": categories,
        "brand": [row.brand] if row.brand else [],
        "option": list(options),
    } | {f"word_{lang}": list(words(titles.get(lang) or row.title).values()) for lang in LANGUAGES}


def _numbers(row: ProductRow, prices: Sequence[int | None], popular: float) -> dict[str, Any]:
    # Doubled under a logarithm (tantivy's weight): the most popular goods count a good half more. Of equals, short
    # titles and goods with a price go first.
    known = any(price is not None for price in prices)
    weight = 2 * popular + 0.2 / max(len(tokens(row.title)), 1) + (0.05 if known else 0.0)
    told: dict[str, Any] = {"popular": popular, "weight": weight}
    for number, price in enumerate(prices):
        told[f"price_{number}"] = -1 if price is None else price
        told[f"price_up_{number}"] = DEAR if price is None else price
    return told


def _all_tokens(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(t for text in texts for t in tokens(text)))


def _all_stems(found: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(s for t in found for s in stems(t)))
