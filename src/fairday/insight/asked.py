"""What a report is asked: one goal metric, a period of whole days, and what it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal, get_args

import msgspec

from fairday.kernel.clock import to_date, to_day
from fairday.kernel.errors import FairdayError

Metric = Literal["revenue", "orders", "buyers", "new-buyers", "visits"]
"""``revenue``: orders less refunds; ``new-buyers``: whose first order of all it is; ``visits``: days on which a person
looked at a page or at goods, summed over people."""

Compare = Literal["before", "year"]
"""``before``: as many days right before; ``year``: the same weekdays 52 weeks earlier."""

METRICS: tuple[Metric, ...] = get_args(Metric)
COMPARES: tuple[Compare, ...] = get_args(Compare)
LASTS = (7, 28, 90)
"""Days back that the period picker offers; the middle one is what a report shows unasked."""

LONGEST = 3_660
"""Days a period has at most."""


class Asked(msgspec.Struct, frozen=True):
    """The question of a report.

    Attributes:
        metric: the one goal everything is told in.
        first, last: local days of the shop, both inclusive.
        compare: which other period the changes are from.
    """

    metric: Metric
    first: int
    last: int
    compare: Compare = "before"

    @property
    def days(self) -> int:
        """How many days the period has."""
        return self.last - self.first + 1

    @property
    def earlier(self) -> Asked:
        """The same question of the period that this one is compared with."""
        back = self.days if self.compare == "before" else 364 * max(1, -(-self.days // 364))
        return Asked(self.metric, self.first - back, self.last - back, self.compare)


def ask(given: Mapping[str, str], today: int) -> Asked:
    """A question from words, as a page's address or the command line has them.

    Args:
        given: ``metric``; ``period`` = ``7d``, ``28d``, ``90d`` (back from today, today included), ``month`` (this one
            so far) or ``custom`` with ``from`` and ``to`` (YYYY-MM-DD, both included; either may be left out);
            ``compare``. What is missing or empty is revenue of the last 28 days against those before.
        today: the shop's local day.

    Raises:
        FairdayError: a word that is none of these, or a period that is backwards or too long.
    """
    metric = given.get("metric") or "revenue"
    if metric not in METRICS:
        raise _wrong("metric", metric, ", ".join(METRICS))
    compare = given.get("compare") or "before"
    if compare not in COMPARES:
        raise _wrong("compare", compare, ", ".join(COMPARES))
    begins, ends = given.get("from") or "", given.get("to") or ""
    period = given.get("period") or ("custom" if begins or ends else f"{LASTS[1]}d")
    if period == "month":
        first, last = to_day(to_date(today).replace(day=1)), today
    elif period == "custom":
        last = _day("to", ends) if ends else today
        first = _day("from", begins) if begins else last - LASTS[1] + 1
    else:
        number = period.removesuffix("d")
        if not period.endswith("d") or not number.isascii() or not number.isdigit() or len(number) > 4:
            raise _wrong("period", period, f"{', '.join(f'{n}d' for n in LASTS)}, month, custom")
        first, last = today - int(number) + 1, today
    if not 1 <= last - first + 1 <= LONGEST or first < 0:
        raise FairdayError(
            f"A report spans 1 to {LONGEST} days since 1970, not {to_date(first)} to {to_date(last)}.",
            code="bad_period",
            where="from",
            remedy="Let it begin on or before the day it ends.",
        )
    return Asked(metric, first, last, compare)


def _day(where: str, written: str) -> int:
    try:
        return to_day(date.fromisoformat(written))
    except ValueError:
        raise _wrong(where, written, "a day such as 2026-05-01")


def _wrong(where: str, written: str, known: str) -> FairdayError:
    return FairdayError(
        f"{written[:40]!r} is no {where} of a report.", code=f"bad_{where}", where=where, remedy=f"Write {known}."
    )
