"""What the same goods cost in other stores and on platforms, as somebody saw it on a day."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date

import msgspec
from sqlalchemy import Connection, select

from fairday.goods.tables import observed
from fairday.kernel.clock import to_day
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import minor
from fairday.kernel.sheets import whole
from fairday.storage.database import insert

COLUMNS = ("sku", "place", "price", "currency", "date", "url", "source")
"""The columns of a CSV file; currency, url and source may be left out."""
FRESH = 30
"""Days for which a price that was seen is shown."""
MOST = 100_000


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A price seen elsewhere.

    Attributes:
        goods: our number of the product or variant.
        place: the store or platform, as shoppers read it.
        day: when (days since 1970-01-01).
        amount: minor units of ``currency``.
        url: https address of it, or "".
        source: who saw it, or how.
    """

    goods: str
    place: str
    day: int
    amount: int
    currency: str
    url: str = ""
    source: str


def read_seen(text: str, currency: str, source: str, today: int) -> list[Seen]:
    """Prices from a CSV text with a header.

    Args:
        currency: of rows that name none.
        source: of rows that name none.
        today: no price was seen after it.

    Raises:
        FairdayError: ``where`` names the line.
    """
    reader = csv.DictReader(io.StringIO(whole(text, "prices.csv")))
    names = {(n or "").strip().casefold() for n in reader.fieldnames or ()}
    lacking = [c for c in COLUMNS[:3] + COLUMNS[4:5] if c not in names]
    if lacking:
        raise _bad(f"The column {lacking[0]} is missing.", "line 1", f"The first line reads {','.join(COLUMNS)}.")
    found = []
    for n, raw in enumerate(reader, 2):
        row = {(k or "").strip().casefold(): (v or "").strip() for k, v in raw.items() if isinstance(v, str | None)}
        if any(row.values()):
            found.append(_seen(row, f"line {n}", currency, source, today))
        if len(found) > MOST:
            raise _bad("The file is too long.", f"line {n}", f"At most {MOST} lines.")
    return found


def _seen(row: dict[str, str], where: str, currency: str, source: str, today: int) -> Seen:
    if not row["sku"] or len(row["sku"]) > 200:
        raise _bad("The number of the goods is missing.", where, "Fill in sku.")
    if not row["place"] or len(row["place"]) > 80:
        raise _bad("The place is missing or too long.", where, "Fill in place: the store or platform.")
    code = (row.get("currency") or currency).upper()
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise _bad(f"{code[:10]!r} is not a currency.", where, "Write three letters such as CNY.")
    try:
        amount = minor(row["price"], code)
    except FairdayError:
        amount = -1
    if amount < 0:
        raise _bad(f"The price {row['price'][:20]!r} is not one.", where, "Write a number such as 12.50.")
    try:
        day = to_day(date.fromisoformat(row["date"]))
    except ValueError:
        raise _bad(f"{row['date'][:20]!r} is not a date.", where, "Write it as 2026-11-11.") from None
    if day > today:
        raise _bad("It was not seen yet on that day.", where, "Write the day on which it was seen.")
    url = row.get("url", "")
    if url and (not url.startswith("https://") or len(url) > 2000 or any(c in url for c in " \"'<>\\")):
        raise _bad("The address is not an https one.", where, "Write https://… or leave it empty.")
    return Seen(
        goods=row["sku"], place=row["place"], day=day, amount=amount, currency=code, url=url,
        source=(row.get("source") or source)[:80],
    )  # fmt: skip


def _bad(message: str, where: str, remedy: str) -> FairdayError:
    return FairdayError(message, code="bad_observed", where=where, remedy=remedy)


def save_seen(conn: Connection, told: Sequence[Seen]) -> int:
    """Keep prices seen; the same goods, place and day once, as last told. How many."""
    rows = list({(s.goods, s.place, s.day): msgspec.structs.asdict(s) for s in told}.values())
    if rows:
        statement = insert(conn, observed)
        new = {c: statement.excluded[c] for c in ("amount", "currency", "url", "source")}
        conn.execute(statement.on_conflict_do_update(index_elements=["goods", "place", "day"], set_=new), rows)
    return len(rows)


def seen_of(conn: Connection, goods: Iterable[str], today: int) -> dict[str, list[Seen]]:
    """The latest price by place of each goods in the last ``FRESH`` days, the lowest first where they compare."""
    c = observed.c
    query = select(observed).where(c.goods.in_(list(goods)), c.day > today - FRESH).order_by(c.day)
    last: dict[tuple[str, str], Seen] = {}
    for row in conn.execute(query).mappings():
        last[row["goods"], row["place"]] = Seen(**row)
    found: dict[str, list[Seen]] = {}
    for one in sorted(last.values(), key=lambda s: (s.currency, s.amount, s.place)):
        found.setdefault(one.goods, []).append(one)
    return found
