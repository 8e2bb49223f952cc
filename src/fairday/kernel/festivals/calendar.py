"""Festivals by name, and the days they fall on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from fairday.kernel.clock import to_date
from fairday.kernel.errors import NotFound
from fairday.kernel.festivals.rules import Own, OwnDate, PayDay, Rule
from fairday.kernel.festivals.table import COUNTRIES, TABLE


@dataclass(frozen=True, slots=True)
class Festival:
    """A day that returns.

    Attributes:
        name: ``country.word``, ``word`` where it is kept alike everywhere, ``own.trait`` for a person's own.
        titles: what it is called, by language (zh, en, es).
        rule: when it is.
    """

    name: str
    titles: Mapping[str, str]
    rule: Rule

    @property
    def country(self) -> str | None:
        head, dot, _ = self.name.partition(".")
        return head if dot and head != "own" else None

    @property
    def own_trait(self) -> str | None:
        """The trait whose yearly return this is, for a person's own dates."""
        return self.rule.trait if isinstance(self.rule, OwnDate) else None


_FESTIVALS = {n: Festival(n, {"zh": zh, "en": en, "es": es}, rule) for n, rule, zh, en, es in TABLE}
_PAY_DAY = re.compile(r"([a-z]{2})\.pay_day\.(last_working_day|[1-9]|[12][0-9]|3[01])")
_OWN = re.compile(r"own\.([a-z][a-z0-9_]*)")


def all_festivals() -> list[Festival]:
    """Every festival known by name, in the calendar's own order; pay days come as each country's usual one."""
    return [*_FESTIVALS.values(), *(festival(f"{c}.pay_day.{_USUAL_PAY[c]}") for c in COUNTRIES)]


_USUAL_PAY = {"cn": "10", "us": "15", "gb": "last_working_day", "es": "last_working_day", "mx": "15", "jp": "25",
              "de": "last_working_day"}  # fmt: skip


def festival(name: str) -> Festival:
    """The festival of that name.

    Besides the names of ``all_festivals``: ``cn.pay_day.10`` (any country and day of the month, moved to the working
    day before), ``gb.pay_day.last_working_day``, and ``own.TRAIT`` for the yearly return of any date known of a person.

    Raises:
        NotFound: there is none; the remedy names the nearest.
    """
    known = _FESTIVALS.get(name)
    if known is not None:
        return known
    pay = _PAY_DAY.fullmatch(name)
    if pay and pay[1] in COUNTRIES:
        last = pay[2] == "last_working_day"
        titles = {"zh": "发薪日", "en": "Pay day", "es": "Día de cobro"}
        return Festival(name, titles, PayDay(pay[1], 0 if last else int(pay[2])))
    own = _OWN.fullmatch(name)
    if own:
        trait = own[1]
        titles = {"zh": f"{trait}纪念日", "en": f"Anniversary of {trait}", "es": f"Aniversario de {trait}"}
        return Festival(name, titles, OwnDate(trait))
    raise NotFound(f"There is no festival {name!r}.", code="unknown_festival", remedy=_nearest(name))


def _nearest(name: str) -> str:
    names = [f.name for f in all_festivals()]
    word = name.rpartition(".")[2]
    same_word = [n for n in names if n.rpartition(".")[2] == word]
    near = same_word or get_close_matches(name, names, 3, 0.6) or [n for n in names if word and word in n][:3]
    return f"Did you mean {' or '.join(near[:3])}?" if near else "The names are listed in docs/merchants/scenes.md."


NOBODY: Own = {}


def occurrences(name: str, from_day: int, until_day: int, own: Own = NOBODY) -> list[int]:
    """The days of a festival from one day to another, both included.

    Args:
        name: as for ``festival``.
        from_day, until_day: days since 1970-01-01.
        own: the person's own dates, for ``own.`` festivals.
    """
    found = festival(name)
    years = range(to_date(from_day).year, to_date(until_day).year + 1) if from_day <= until_day else range(0)
    return [d for y in years for d in _days(found, y, own) if from_day <= d <= until_day]


@lru_cache(maxsize=20_000)
def _shared_days(name: str, year: int) -> Sequence[int]:
    return tuple(festival(name).rule.days(year, NOBODY))


def _days(found: Festival, year: int, own: Own) -> Sequence[int]:
    return found.rule.days(year, own) if found.own_trait else _shared_days(found.name, year)


def next_occurrence(name: str, day: int, own: Own = NOBODY) -> int | None:
    """The festival's first day on or after a day, looked for over five years; None where there is none."""
    found = occurrences(name, day, day + 5 * 366, own)
    return found[0] if found else None
