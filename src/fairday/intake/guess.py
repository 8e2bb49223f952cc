"""A mapping guessed from what columns are called and what stands in them, to be shown before it is used."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from fairday.intake import synonyms
from fairday.intake.delimited import read_header
from fairday.intake.files import form_of, workbench
from fairday.intake.plain import plain_tables
from fairday.intake.shape import normal
from fairday.intake.wording import grams, hidden

SAMPLE = 300
"""Rows looked at."""
BAD = 0.1
"""Of the filled cells of a column so many may be something else than its field asks for; of three or more, one."""

KINDS = ("orders", "products", "customers")
FIELDS: dict[str, tuple[str, ...]] = {
    "orders": (*(f"id:{t}" for t in synonyms.IDS), *synonyms.ORDERS),
    "products": tuple(synonyms.PRODUCTS),
    "customers": (
        *(f"id:{t}" for t in synonyms.IDS), *synonyms.CUSTOMERS, *(f"trait:{t}" for t in synonyms.TRAITS),
        *(f"consent:{c}" for c in synonyms.CONSENT),
    ),
}  # fmt: skip
"""The fields a guess (and the page that shows it) can name, by kind."""

_FORMATS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d",
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d-%m-%Y",
    "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%d/%m/%y %H:%M", "%d/%m/%y", "%m/%d/%y %H:%M", "%m/%d/%y",
    "%Y年%m月%d日 %H:%M:%S", "%Y年%m月%d日 %H:%M", "%Y年%m月%d日", "%Y%m%d%H%M%S", "%Y%m%d",
    "%d %b %Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%Y.%m.%d %H:%M:%S", "%Y.%m.%d %H:%M", "%Y.%m.%d",
)  # fmt: skip
_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?)?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PHONE = re.compile(r"'?\+?[\d\s().\-]{7,20}")
_MONEY = re.compile(r"[-(]?\s*([£$€¥￥]|[A-Z]{3})?\s*-?[\d.,'\u00a0 ]*\d\s*([£$€¥￥]|[A-Z]{3})?\)?")


class Table(msgspec.Struct, frozen=True):
    """A table as it came: the first rows of a file or of a workbook's sheet."""

    path: str
    sheet: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, name: str) -> list[str]:
        """The filled cells of a column."""
        at = self.header.index(name)
        return [r[at].strip() for r in self.rows if at < len(r) and r[at].strip()]


class Guess(msgspec.Struct, frozen=True, kw_only=True):
    """What a table is taken for.

    Attributes:
        kind: "" where it is none of ours.
        columns: the column of each field ("order", "id:email", "trait:city", "consent:email").
        formats: the strftime format of a time's column, where it is not ISO 8601.
        decimal: the sign before the decimals.
        statuses: words found in the status' column and what they come to.
        problems: (code, column or field) of what a person should look at: ``day_or_month``, ``missing``, ``values``.
    """

    kind: str
    columns: dict[str, str] = {}
    formats: dict[str, str] = {}
    decimal: str = "."
    statuses: dict[str, str] = {}
    problems: tuple[tuple[str, str], ...] = ()


def look(paths: Sequence[Path], limit: int = SAMPLE) -> list[Table]:
    """The first rows of every table of the files.

    Raises:
        FairdayError: a file cannot be read.
    """
    found = []
    with workbench() as (conn, folder):
        for number, path in enumerate(paths):
            if form_of(path) == "parquet":
                result = conn.execute("SELECT * FROM read_parquet(?) LIMIT ?", [str(path), limit])
                header = tuple(str(d[0]) for d in result.description or ())
                rows = tuple(tuple("" if c is None else str(c) for c in r) for r in result.fetchall())
                found.append(Table(str(path), "", header, rows))
                continue
            for part, plain in enumerate(plain_tables(path, folder, f"f{number}", limit)):
                written = read_header(folder, f"f{number}p{part}", path, plain)
                with written.plain.open("r", encoding="utf-8-sig", errors="replace", newline="") as f:
                    reader = csv.reader(f, delimiter=written.delimiter)
                    next(reader, None)
                    rows = tuple(tuple(r) for r, _ in zip(reader, range(limit), strict=False) if any(r))
                found.append(Table(str(path), plain.sheet, tuple(written.names), rows))
    return found


def guess(table: Table, kind: str = "") -> Guess:
    """What a table holds, by its columns' names and values. Pure; the same table gives the same guess.

    Args:
        kind: taken as given where it is one of ``KINDS``.
    """
    tried = [_as(table, k) for k in ([kind] if kind in KINDS else KINDS)]
    scored = [(score, g) for score, g in tried if kind in KINDS or not any(c == "missing" for c, _ in g.problems)]
    if not scored:
        # None is whole: the nearest, so that its gaps can be filled by hand.
        best = max(tried, key=lambda t: t[0])
        return best[1] if best[0] >= 1.5 else Guess(kind="")
    return max(scored, key=lambda t: t[0])[1]


def problems_of(table: Table, kind: str, columns: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What is missing or doubtful when these columns are taken for these fields."""
    found = [("missing", f) for f in _missing(kind, columns)]
    found += [("values", c) for f, c in columns.items() if not _fits(f, table.column(c))]
    return tuple(found)


def settle(table: Table, kind: str, columns: Mapping[str, str]) -> Guess:
    """A guess whose columns somebody chose: formats, decimals and statuses are found for those."""
    formats, doubts = {}, []
    for field, column in columns.items():
        if field in ("time", "trait:birthday"):
            form, doubtful = time_format(table.column(column))
            if form and field == "time":
                formats[field] = form
            if doubtful and field == "time":
                doubts.append(("day_or_month", column))
    money = [v for f, c in columns.items() if f in _MONEYS for v in table.column(c)]
    statuses: dict[str, str] = {}
    if "status" in columns:
        for word in dict.fromkeys(w.casefold() for w in table.column(columns["status"])):
            if word in synonyms.STATUSES:
                statuses[word] = synonyms.STATUSES[word]
    return Guess(kind=kind, columns=dict(columns), formats=formats, decimal=_decimal(money), statuses=statuses,
                 problems=(*problems_of(table, kind, columns), *doubts))  # fmt: skip


def time_format(cells: Sequence[str]) -> tuple[str, bool]:
    """(strftime format, whether day and month could be the other way round); "" for ISO 8601 or none."""
    some = [c for c in dict.fromkeys(cells)][:SAMPLE]
    if not some or _enough(sum(bool(_ISO.fullmatch(c)) for c in some), len(some)):
        return "", False
    if all(c.isdecimal() and len(c) in (10, 13) for c in some):
        return ("unix" if len(some[0]) == 10 else "unix_ms"), False
    fits = {f: sum(_parses(c, f) for c in some) for f in _FORMATS}
    able = [f for f in _FORMATS if _enough(fits[f], len(some)) and fits[f] == max(fits.values())]
    if not able:
        return "", False
    swapped = able[0].replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")
    return able[0], swapped != able[0] and swapped in able and ("/" in able[0] or "-" in able[0])


# ---- the guess -------------------------------------------------------------------------------------------------------

_MONEYS = frozenset({"price", "amount", "total", "shipping", "tax", "discount", "refunded", "cost"})
_NUMBERS = _MONEYS | {"quantity"}


def _words_of(kind: str) -> dict[str, tuple[str, ...]]:
    ids = {f"id:{t}": words for t, words in synonyms.IDS.items()}
    if kind == "orders":
        return ids | dict(synonyms.ORDERS)
    if kind == "products":
        return dict(synonyms.PRODUCTS)
    return (
        ids
        | dict(synonyms.CUSTOMERS)
        | {f"trait:{t}": w for t, w in synonyms.TRAITS.items()}
        | {f"consent:{c}": w for c, w in synonyms.CONSENT.items()}
    )


def _as(table: Table, kind: str) -> tuple[float, Guess]:
    """(how well, guess) of a table as one kind."""
    offers: list[tuple[float, int, str, str]] = []
    for field, words in _words_of(kind).items():
        known = {normal(w): i for i, w in enumerate(words)}
        for place, column in enumerate(table.header):
            if not normal(column):
                continue
            cells = table.column(column)
            score = _named(normal(column), known)
            if not score and field == "id:email" and cells and _enough(_matching(cells, _EMAIL), len(cells)):
                score = 0.5
            if not score and field == "time" and kind == "orders" and cells and _dated(cells) and len(cells[0]) > 6:
                score = 0.35
            if score and _fits(field, cells):
                offers.append((score, -place, field, column))
    chosen: dict[str, str] = {}
    worth: dict[str, float] = {}
    for score, _, field, column in sorted(offers, reverse=True):
        if field not in chosen and column not in chosen.values():
            chosen[field], worth[field] = column, score
    if kind == "products":
        _settle_goods(chosen)
    if kind in ("orders", "products") and "product" not in chosen and "title" in chosen:
        chosen["product"], worth["product"] = chosen["title"], 0.3
    if kind == "orders":
        _settle_money(table, chosen)
    made = settle(table, kind, chosen)
    needed = {
        "orders": ("order", "time"),
        "products": ("product", "title"),
        "customers": ("id:email", "id:user_id", "id:phone"),
    }
    telling = sum(worth.get(f, 0) for f in needed[kind])
    if kind == "products" and ("order" in _as_named(table, "orders") or "price" not in chosen):
        telling -= 1
    if kind == "customers":
        telling = min(telling, 1.5) + (1 if any(f.startswith("trait:") for f in chosen) else 0)
    order = tuple(f for f in FIELDS[kind] if f in chosen)
    made = msgspec.structs.replace(made, columns={f: chosen[f] for f in order})
    return telling + 0.5 * sum(worth.get(f, 0) for f in chosen if f not in needed[kind]), made


def _settle_goods(chosen: dict[str, str]) -> None:
    """A product told by its style alone goes by that; a description that is the only name is the name."""
    if "product" not in chosen and "group" in chosen:
        chosen["product"] = chosen.pop("group")
    if "title" not in chosen and "description" in chosen:
        chosen["title"] = chosen.pop("description")


def _as_named(table: Table, kind: str) -> set[str]:
    words = _words_of(kind)
    return {f for f, w in words.items() if {normal(x) for x in w} & {normal(h) for h in table.header}}


def _named(column: str, known: Mapping[str, int]) -> float:
    if column in known:
        return 1.0 - 0.002 * known[column]
    best = 0.0
    for word in known:
        least = 2 if not word.isascii() else 5
        if len(word) >= least and word in column:
            best = max(best, 0.55 + 0.3 * len(word) / len(column))
    return best if best > 0.62 else 0.0


def _settle_money(table: Table, chosen: dict[str, str]) -> None:
    """Of a unit price and an amount the one that is exact; a "total" that each line tells of itself is its amount."""
    goods = "product" in chosen
    if goods and "total" in chosen and "amount" not in chosen and "order" in chosen:
        order, total = table.header.index(chosen["order"]), table.header.index(chosen["total"])
        seen: dict[str, set[str]] = {}
        for row in table.rows:
            if len(row) > max(order, total) and row[total].strip():
                seen.setdefault(row[order], set()).add(row[total])
        lines = len(table.rows)
        if lines > len(seen) and any(len(v) > 1 for v in seen.values()):
            chosen["amount"] = chosen.pop("total")
    if goods and "amount" in chosen and "price" in chosen:
        if "quantity" in chosen and _multiplies(table, chosen):
            del chosen["amount"]
        else:
            del chosen["price"]
    if goods and "quantity" in chosen and "price" not in chosen and "amount" not in chosen and "total" in chosen:
        chosen["amount"] = chosen.pop("total")
    if not goods or "quantity" not in chosen:
        if "total" not in chosen and "amount" in chosen:
            chosen["total"] = chosen.pop("amount")
        if "total" in chosen:
            for field in ("product", "title", "quantity", "price", "amount"):
                chosen.pop(field, None)


def _multiplies(table: Table, chosen: Mapping[str, str]) -> bool:
    places = [table.header.index(chosen[f]) for f in ("quantity", "price", "amount")]
    for row in table.rows:
        try:
            quantity, price, amount = (_value(row[p]) for p in places)
        except (ValueError, IndexError):
            continue
        if abs(quantity * price - amount) > 0.011:
            return False
    return True


def _value(cell: str) -> float:
    bare = re.sub(r"[^\d.,\-]", "", cell)
    if re.search(r",\d{1,2}$", bare):
        bare = bare.replace(".", "").replace(",", ".")
    return float(bare.replace(",", ""))


def _missing(kind: str, columns: Mapping[str, str]) -> list[str]:
    if kind == "orders":
        lacking = [f for f in ("order", "time") if f not in columns]
        if "total" in columns and "product" not in columns:
            return lacking
        lacking += [f for f in ("product", "quantity") if f not in columns]
        return lacking + (["price"] if "price" not in columns and "amount" not in columns else [])
    if kind == "products":
        return [f for f in ("product", "title") if f not in columns]
    return [] if any(f.startswith("id:") for f in columns) else ["id:email"]


def _fits(field: str, cells: Sequence[str]) -> bool:
    if not cells:
        # An empty column may be anything that need not be there.
        return field not in ("order", "time", "product", "quantity", "price", "amount", "total")
    if field == "id:email":
        return _share(cells, _EMAIL) >= 0.7
    if field == "id:phone":
        return _share(cells, _PHONE) >= 0.7 and not _dated(cells)
    if field in _NUMBERS:
        return _enough(_matching(cells, _MONEY), len(cells))
    if field == "time":
        return _dated(cells)
    if field == "currency":
        return all(len(c) == 3 and c.isalpha() for c in cells)
    if field == "image":
        return all("/" in c for c in cells)
    if field == "weight":
        return _enough(sum(grams(c) is not None for c in cells), len(cells))
    if field == "barcode":
        return all(re.fullmatch(r"'?[\d\s-]{8,18}", c) for c in cells)
    if field == "shown":
        return _enough(sum(hidden(c) is not None for c in cells), len(cells))
    if field == "origin":
        return all(len(c) == 2 for c in cells)
    if field.startswith("option:"):
        return all(len(c) <= 60 for c in cells)
    if field == "title":
        return sum(not _MONEY.fullmatch(c) for c in cells) >= 0.5 * len(cells)
    return not (field == "trait:name" and _share(cells, _EMAIL) > 0.5)


def _matching(cells: Sequence[str], pattern: re.Pattern[str]) -> int:
    return sum(bool(pattern.fullmatch(c)) for c in cells)


def _share(cells: Sequence[str], pattern: re.Pattern[str]) -> float:
    return _matching(cells, pattern) / len(cells)


def _enough(good: int, of: int) -> bool:
    return good >= of - max(int(of * BAD), 1 if of >= 3 else 0)


def _dated(cells: Sequence[str]) -> bool:
    return _enough(_matching(cells, _ISO), len(cells)) or bool(time_format(cells)[0])


def _parses(cell: str, form: str) -> bool:
    try:
        found = datetime.strptime(cell, form)
    except ValueError:
        return False
    return 1970 <= found.year <= 2100


def _decimal(cells: Sequence[str]) -> str:
    bare = [re.sub(r"[^\d.,]", "", c) for c in cells]
    comma = sum(bool(re.search(r",\d{1,2}$", c)) for c in bare)
    point = sum(bool(re.search(r"\.\d{1,2}$", c)) for c in bare)
    return "," if comma > point else "."


__all__ = ["FIELDS", "KINDS", "Guess", "Table", "guess", "look", "problems_of", "settle", "time_format"]
