"""Goods as short tables of text that a merchant pastes and reads: variants, words, prices of a list, groups. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fairday.goods.naming import LANGUAGES, Group
from fairday.goods.price_records import MOST_DIGITS
from fairday.goods.prices import ListPrice
from fairday.goods.records import Variant
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import digits, major, minor, typed

OWN = ("sku", "price", "barcode", "image", "weight_g", "hidden", "cost")
"""Columns of variants that are no axis."""
MOST = 100_000


def _bad(message: str, where: str, remedy: str) -> FairdayError:
    return FairdayError(message, code="bad_sheet", where=where, remedy=remedy)


def rows_of(text: str, needed: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
    """The rows of a CSV text (comma, semicolon or tab) by column, each with its place; empty ones are left out.

    Raises:
        FairdayError: a needed column is missing, a column stands twice, or there are too many rows.
    """
    text = text.lstrip("\ufeff").strip()
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=mark)
    try:
        header = [h.strip() for h in next(reader, [])]
        names = [h.casefold() if h.casefold() in {*OWN, *needed, *LANGUAGES} else h for h in header]
        lacking = next((n for n in needed if n not in names), None)
        if lacking is not None:
            raise _bad(f"The column {lacking} is missing.", "line 1", f"The first line names: {', '.join(needed)}.")
        twice = next((n for n in names if names.count(n) > 1 or not n), None)
        if twice is not None:
            raise _bad(f"The column {twice!r} is there twice or empty.", "line 1", "Name each column once.")
        found = []
        for raw in reader:
            cells = [c.strip() for c in raw]
            if any(cells):
                if len(cells) > len(names):
                    raise _bad("The line has too many cells.", f"line {reader.line_num}", "Quote cells with commas.")
                found.append((f"line {reader.line_num}", dict(zip(names, [*cells, *[""] * len(names)], strict=False))))
            if len(found) > MOST:
                raise _bad("The table is too long.", f"line {reader.line_num}", f"At most {MOST} lines.")
    except csv.Error as error:
        raise _bad(f"The table cannot be read: {error}.", f"line {reader.line_num}", "Check its quotes.") from None
    return found


def written(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A CSV text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def read_money(text: str, currency: str, where: str, *, exact: bool = False) -> int | None:
    """An amount in major units, or None where nothing is written.

    Args:
        exact: refuse more decimals than the currency has, as where a person typed it; a file's are rounded.

    Raises:
        FairdayError: it is no amount, or below nothing.
    """
    if not text:
        return None
    try:
        amount = (typed if exact else minor)(text.replace(",", ".") if "." not in text else text, currency)
    except FairdayError as error:
        if exact:
            raise FairdayError(error.message, code=error.code, where=where, remedy=error.remedy) from None
        raise _bad(error.message, where, error.remedy) from None
    if amount < 0:
        raise _bad(f"{text} is below nothing.", where, "Write 0 or more.")
    return amount


def read_variants(text: str, product: str, currency: str) -> list[Variant]:
    """Variants: column ``sku``, where told ``price``, ``barcode``, ``image``, ``weight_g``, ``hidden``, ``cost``; every
    other column is something they differ in.

    Raises:
        FairdayError: ``where`` names the line.
    """
    found = []
    for where, row in rows_of(text, ["sku"]) if text.strip() else []:
        grams = row.get("weight_g", "")
        if grams and not (grams.isascii() and grams.isdigit() and len(grams) < 9):
            raise _bad(f"{grams[:20]!r} is not a weight.", where, "Write whole grams.")
        found.append(
            Variant(
                sku=row["sku"], product=product, options={k: v for k, v in row.items() if k not in OWN},
                price=read_money(row.get("price", ""), currency, where), image=row.get("image") or None,
                barcode=row.get("barcode") or None, weight_g=int(grams) if grams else None,
                hidden=row.get("hidden", "").casefold() in ("1", "yes", "true", "x", "是", "sí"),
                cost=read_money(row.get("cost", ""), currency, where),
            )
        )  # fmt: skip
    return found


def read_variant_table(text: str, currency: str) -> dict[str, list[Variant]]:
    """Variants of many products by product: as ``read_variants``, with the product's number in the column ``parent``;
    a column that a product's rows all leave empty is none of its axes.

    Raises:
        FairdayError: ``where`` names the line.
    """
    rows = rows_of(text, ["sku", "parent"])
    lacking = next((where for where, row in rows if not row["parent"]), None)
    if lacking is not None:
        raise _bad("The product's number is missing.", lacking, "Fill in parent.")
    of: dict[str, list[dict[str, str]]] = {}
    for _, row in rows:
        of.setdefault(row["parent"], []).append({k: v for k, v in row.items() if k != "parent"})
    found = {}
    for parent, some in of.items():
        used = [c for c in some[0] if c in OWN or any(row[c] for row in some)]
        found[parent] = read_variants(written(used, ([row[c] for c in used] for row in some)), parent, currency)
    return found


def write_variants(told: Sequence[Variant], currency: str) -> str:
    """The same as text."""
    if not told:
        return ""
    axes = list(told[0].options)
    used = [c for c in OWN[1:] if any(getattr(v, c) not in (None, False) for v in told)]

    def cell(v: Variant, column: str) -> Any:
        value = getattr(v, column)
        if column in ("price", "cost") and value is not None:
            return f"{major(value, currency):f}"
        return ("yes" if value else "") if column == "hidden" else ("" if value is None else value)

    return written(
        ["sku", *axes, *used], ([v.sku, *(v.options[a] for a in axes), *(cell(v, c) for c in used)] for v in told)
    )


def read_prices(text: str, name: str, currency: str) -> tuple[list[ListPrice], list[tuple[str, int | None]]]:
    """Prices of a list: columns ``sku``, ``price`` and, where told, ``min_qty``; an empty price takes one away.

    Returns:
        The prices, and what is taken away: goods, from how many pieces (None: all their prices).

    Raises:
        FairdayError: ``where`` names the line.
    """
    prices, gone = [], []
    for where, row in rows_of(text, ["sku", "price"]):
        least = row.get("min_qty", "")
        if not row["sku"]:
            raise _bad("The number of the goods is missing.", where, "Fill in sku.")
        if least and not (least.isascii() and least.isdigit() and 0 < len(least) < 9 and int(least)):
            raise _bad(f"{least[:20]!r} is no quantity.", where, "Write a whole number from 1.")
        if not row["price"]:
            gone.append((row["sku"], int(least) if least else None))
            continue
        try:
            value = Decimal(row["price"].replace(",", "."))
            more = max(0, -int(value.as_tuple().exponent) - digits(currency))
            amount = int(value.scaleb(digits(currency) + more))
        except (ArithmeticError, ValueError, TypeError):
            raise _bad(f"{row['price'][:20]!r} is not a price.", where, "Write a number such as 12.50.") from None
        if amount < 0 or more > MOST_DIGITS:
            decimals = digits(currency) + MOST_DIGITS
            raise _bad(f"{row['price'][:20]!r} cannot be.", where, f"Write 0 or more, with up to {decimals} decimals.")
        prices.append(ListPrice(name, row["sku"], int(least) if least else 1, amount, more))
    return prices, gone


def write_prices(told: Sequence[ListPrice], currency: str) -> str:
    """The same as text."""

    def price(p: ListPrice) -> str:
        return f"{Decimal(p.amount).scaleb(-p.digits - digits(currency)):f}"

    return written(["sku", "min_qty", "price"], ((p.goods, p.min_qty, price(p)) for p in told))


def read_words(text: str, first: str = "word") -> dict[str, dict[str, str]]:
    """Names with what they are called by language: the column ``first``, and any of zh, en, es.

    Raises:
        FairdayError: ``where`` names the line.
    """
    rows = rows_of(text, [first]) if text.strip() else []
    return {row[first]: {lang: row[lang] for lang in LANGUAGES if lang in row} for _, row in rows if row[first]}


def write_words(names: Iterable[str], said: Mapping[str, Mapping[str, str]], first: str = "word") -> str:
    """The same as text."""
    rows = [[n, *(said.get(n, {}).get(lang, "") for lang in LANGUAGES)] for n in names]
    return written([first, *LANGUAGES], rows) if rows else ""


def read_groups(text: str) -> list[tuple[Group, dict[str, str]]]:
    """Categories and brands: columns ``kind``, ``name`` and, where told, ``parent``, ``image`` and languages.

    Raises:
        FairdayError: ``where`` names the line.
    """
    found = []
    for place, (where, row) in enumerate(rows_of(text, ["kind", "name"])):
        if row["kind"] not in ("category", "brand"):
            raise _bad(f"{row['kind'][:20]!r} is no kind.", where, "Write category or brand.")
        kind: Any = row["kind"]
        group = Group(kind=kind, name=row["name"], parent=row.get("parent") or None, place=place,
                      image=row.get("image") or None)  # fmt: skip
        found.append((group, {lang: row[lang] for lang in LANGUAGES if lang in row}))
    return found


def read_pairs(text: str) -> dict[str, str]:
    """Lines ``name: value``.

    Raises:
        FairdayError: ``where`` names the line.
    """
    found = {}
    for n, line in enumerate(text.splitlines(), 1):
        if line.strip():
            name, colon, value = (part.strip() for part in line.replace("：", ":").partition(":"))
            if not colon or not name or not value:
                raise _bad(f"{line[:40]!r} is no attribute.", f"line {n}", "Write name: value.")
            found[name] = value
    return found
