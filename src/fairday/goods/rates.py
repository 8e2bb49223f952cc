"""Dated exchange rates: what a currency was worth on a day, and amounts turned with one rounding."""

from __future__ import annotations

import csv
import io
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import msgspec
from sqlalchemy import Connection, Integer, String, Table, select

from fairday.kernel.clock import to_date, to_day
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import digits
from fairday.kernel.sheets import whole
from fairday.storage.database import col, insert, metadata

OLDEST = 10
"""Days after which a rate is too old to sell by: a holiday's gap is bridged, a forgotten import is not."""

rates_table = Table(
    "exchange_rates",
    metadata,
    col("base", String(3), primary_key=True, personal=False),
    col("currency", String(3), primary_key=True, personal=False),
    col("day", Integer, primary_key=True, personal=False),
    col("rate", String(40), nullable=False, personal=False),
    col("source", String(60), nullable=False, server_default="", personal=False),
)
"""One row: on ``day`` one ``base`` bought ``rate`` (a decimal text) of ``currency``; ``source`` is who says so."""

LONGEST_SOURCE = 60
Told = tuple[str, str, int, Decimal]
"""(base, currency, day, how much of the currency one base bought)."""


class Known(msgspec.Struct, frozen=True):
    """What one of a currency was worth: ``rate`` of the other, by what was told for ``day`` by ``source``."""

    rate: Fraction
    day: int
    source: str = ""


class Rates:
    """Rates as known, over one base; a pair of other currencies goes through it."""

    def __init__(
        self,
        base: str,
        rates: Mapping[str, Iterable[tuple[int, Decimal | Fraction]]],
        sources: Mapping[tuple[str, int], str] | None = None,
    ) -> None:
        """``rates``: by currency, (day, how much of it one ``base`` bought); ``sources``: who said so, by both."""
        self.base = base
        self._rates = {currency: sorted(rows) for currency, rows in rates.items()}
        self._sources = sources or {}

    @property
    def currencies(self) -> tuple[str, ...]:
        """What can be turned into what."""
        return tuple(sorted({self.base, *self._rates}))

    def rate(self, source: str, target: str, day: int) -> Fraction:
        """How much of ``target`` one of ``source`` buys (major units), by the last rates on or before the day.

        Raises:
            FairdayError: a currency nobody told a rate of, or the last one is more than ``OLDEST`` days old.
        """
        return Fraction(1) if source == target else self._worth(target, day).rate / self._worth(source, day).rate

    def known(self, source: str, target: str, day: int) -> Known:
        """As ``rate``, with the older of the days it was told for and who told it.

        Raises:
            FairdayError: as ``rate``.
        """
        if source == target:
            return Known(Fraction(1), day)
        two = [self._worth(c, day) for c in (target, source)]
        told = [one for c, one in zip((target, source), two, strict=True) if c != self.base]
        names = dict.fromkeys(one.source for one in told if one.source)
        return Known(two[0].rate / two[1].rate, min(one.day for one in told), ", ".join(names))

    def exact(self, amount: int, source: str, target: str, day: int) -> Fraction:
        """Minor units of one currency as exact minor units of another."""
        return amount * self.rate(source, target, day) * Fraction(10) ** (digits(target) - digits(source))

    def convert(self, amount: int, source: str, target: str, day: int) -> int:
        """Minor units of one currency in minor units of another, rounded half up once."""
        return half_up(self.exact(amount, source, target, day))

    def _worth(self, currency: str, day: int) -> Known:
        if currency == self.base:
            return Known(Fraction(1), day)
        rows = self._rates.get(currency, [])
        n = bisect_right(rows, day, key=lambda row: row[0])
        if n == 0 or rows[n - 1][0] < day - OLDEST:
            since = "none was told" if n == 0 else f"the last is of {to_date(rows[n - 1][0])}"
            raise FairdayError(
                f"There is no rate of {currency} for {to_date(day)}: {since}.",
                code="no_rate",
                where=currency,
                remedy="Import today's rates on the page of exchange rates, or with `fairday rates FILE`.",
            )
        told, rate = rows[n - 1]
        return Known(Fraction(rate), told, self._sources.get((currency, told), ""))


def half_up(value: Fraction) -> int:
    """The nearest whole number, halves away from zero."""
    whole = (abs(value) + Fraction(1, 2)).__floor__()
    return whole if value >= 0 else -whole


def ending(amount: int, step: int, last: int = 0) -> int:
    """A price as shops write them: the nearest ``n * step - last`` above zero (step 100, last 1: 1999, 2099).

    Raises:
        FairdayError: a step below 1, or ``last`` not below it.
    """
    if step < 1 or not 0 <= last < step:
        raise FairdayError(
            "An ending is less than its step.", code="bad_ending", remedy="Write step 100 and last 1 for 19.99."
        )
    return max(half_up(Fraction(amount + last, step)), 1) * step - last


def read_rates(text: str, file: str = "rates.csv") -> list[Told]:
    """Rates from CSV, as (base, currency, day, rate).

    Either long (``date,base,currency,rate``) or wide as the European Central Bank writes them: ``Date,USD,JPY,…``, each
    what one euro buys. Empty and ``N/A`` cells are passed over.

    Raises:
        FairdayError: the file, line and column that is wrong; nothing is taken then.
    """
    lines = list(csv.reader(io.StringIO(whole(text, file))))
    head = [cell.strip().lower() for cell in lines[0]] if lines else []
    if not head or head[0] != "date":
        raise FairdayError(
            "The first column is date.", code="bad_rates", where=f"{file}:1",
            remedy="Write date,base,currency,rate or Date,USD,JPY,…",
        )  # fmt: skip
    made = []
    for n, line in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in line):
            continue
        try:
            day = to_day(date.fromisoformat(line[0].strip()))
        except ValueError:
            raise FairdayError(
                f"{line[0]!r} is not a day.", code="bad_rates", where=f"{file}:{n}", remedy="Write 2026-11-20."
            ) from None
        if head[1:4] == ["base", "currency", "rate"]:
            pairs = [(line[1].strip().upper(), line[2].strip().upper(), line[3])] if len(line) > 3 else []
        else:
            pairs = [("EUR", c.upper(), v) for c, v in zip(head[1:], line[1:], strict=False) if c]
        for base, currency, value in pairs:
            if value.strip() in ("", "N/A"):
                continue
            made.append((base, currency, day, _rate(value, base, currency, f"{file}:{n}")))
    return made


def _rate(value: str, base: str, currency: str, where: str) -> Decimal:
    try:
        rate = Decimal(value.strip())
    except InvalidOperation:
        rate = Decimal(0)
    usable = rate.is_finite() and Decimal("1e-9") <= rate <= Decimal("1e9")
    if not usable or not all(re.fullmatch("[A-Z]{3}", c) for c in (base, currency)) or base == currency:
        raise FairdayError(
            f"{value!r} is not what one {base} buys of {currency}.", code="bad_rates", where=where,
            remedy="Write codes of three letters and a rate above zero, such as 7.8342.",
        )  # fmt: skip
    return rate


def save_rates(conn: Connection, told: Iterable[Told], source: str = "") -> int:
    """Keep rates in the caller's transaction; a day told again is corrected. How many were told."""
    rows = {
        (b, c, d): {"base": b, "currency": c, "day": d, "rate": str(r), "source": source[:LONGEST_SOURCE]}
        for b, c, d, r in told
    }
    if rows:
        statement = insert(conn, rates_table)
        conn.execute(
            statement.on_conflict_do_update(
                index_elements=["base", "currency", "day"],
                set_={"rate": statement.excluded.rate, "source": statement.excluded.source},
            ),
            list(rows.values()),
        )
    return len(rows)


def forget_rate(conn: Connection, base: str, currency: str, day: int) -> None:
    """Take one rate away, in the caller's transaction."""
    c = rates_table.c
    conn.execute(rates_table.delete().where(c.base == base, c.currency == currency, c.day == day))


def told_rates(conn: Connection, most: int) -> list[dict[str, Any]]:
    """The rates told last, the newest day first."""
    c = rates_table.c
    query = select(rates_table).order_by(c.day.desc(), c.base, c.currency).limit(most)
    return [dict(row) for row in conn.execute(query).mappings()]


def unlikely(conn: Connection, told: Sequence[Told]) -> Told | None:
    """The first rate that is more than twice, or less than half, the one told before it for the same pair: a comma in
    the wrong place, most often."""
    c = rates_table.c
    for base, currency, day, rate in told:
        query = (
            select(c.rate).where(c.base == base, c.currency == currency, c.day < day).order_by(c.day.desc()).limit(1)
        )
        before = conn.execute(query).scalar()
        if before is not None and not Decimal(before) / 2 <= rate <= Decimal(before) * 2:
            return base, currency, day, rate
    return None


def rates_on(conn: Connection, day: int, base: str = "EUR") -> Rates:
    """The rates that may be used on a day: those over the base, and those over another currency through it."""
    c = rates_table.c
    recent = conn.execute(
        select(c.base, c.currency, c.day, c.rate, c.source).where(c.day <= day, c.day >= day - OLDEST).order_by(c.day)
    ).all()
    by: dict[str, dict[int, Fraction]] = {}
    sources: dict[tuple[str, int], str] = {}

    def keep(currency: str, when: int, rate: Fraction, source: str) -> None:
        if when not in by.setdefault(currency, {}):
            by[currency][when] = rate
            sources[currency, when] = source

    others = [row for row in recent if row.base != base]
    for row in recent:
        if row.base == base:
            keep(row.currency, row.day, Fraction(Decimal(row.rate)), row.source)
    for row in others:
        if row.currency == base:
            keep(row.base, row.day, 1 / Fraction(Decimal(row.rate)), row.source)
    for row in others:
        over = [when for when in by.get(row.base, {}) if when <= row.day]
        if row.currency != base and over:
            keep(row.currency, row.day, by[row.base][max(over)] * Fraction(Decimal(row.rate)), row.source)
    return Rates(base, {currency: rows.items() for currency, rows in by.items()}, sources)
