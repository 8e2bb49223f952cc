"""What a replay says, and the days it looks at. Pure."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from fairday.kernel.clock import to_date, to_day
from fairday.kernel.errors import FairdayError
from fairday.kernel.festivals import festival, next_occurrence, occurrences
from fairday.scenes.spec import SceneSpec, Words

LONGEST = 400
"""Days a replay spans at most."""


class ReplayDay(msgspec.Struct, kw_only=True):
    """One day: its phase ("" where the scene does not hold), and how many people.

    Attributes:
        audience: for whom the scene is.
        met: of those, who came and would have met it on a page or feed.
        held: who came and would have been held out.
        mailed: would have got its mail, by the consent they had given by then.
    """

    day: int
    phase: str = ""
    audience: int = 0
    met: int = 0
    held: int = 0
    mailed: int = 0


class Shown(msgspec.Struct, frozen=True):
    """A product, and on how many of the sampled pages it would have stood."""

    product: str
    title: str
    times: int


class ReplayFloor(msgspec.Struct, frozen=True, kw_only=True):
    """A floor: what it would have shown most, and what those who would have met the scene bought of its goods anyway.

    Attributes:
        people: how many bought any.
        units, amount: pieces and minor units, from their first meeting to the end.
    """

    number: int
    title: Words
    goods: list[Shown]
    people: int
    units: int
    amount: int


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What it would have cost at most, minor units of the shop's currency.

    Attributes:
        mails: of ``mails_at_most`` mails.
        offers: every order of somebody who had met it, with the offers' full value.
        budget: the scene's, where it is in the shop's currency.
        total: of both, no more than the budget.
    """

    mails: int
    offers: int
    budget: int | None
    total: int


class Note(msgspec.Struct, frozen=True):
    """Something that was taken as it is today, or left out; ``code`` is a message, ``values`` fill it."""

    code: str
    values: dict[str, Any] = {}


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What a scene would have been on some days of the past.

    Attributes:
        days: every day of the period.
        people: how many different people would have met it on a page or feed.
        held: how many would have been held out there.
        mailed: how many different people would have got its mail, and ``mails`` how many mails in all.
        mails_at_most: mails if everyone with an address had agreed as they have today.
        reached: people by page, feed or mail.
        sampled: pages looked at for the floors' goods.
        orders, revenue: what the reached ordered anyway from their first meeting on; no effect of the scene.
    """

    scene: str
    first: int
    last: int
    days: list[ReplayDay]
    people: int
    held: int
    mailed: int
    mails: int
    mails_at_most: int
    reached: int
    floors: list[ReplayFloor]
    sampled: int
    cost: Cost
    orders: int
    revenue: int
    notes: list[Note]


class Period(msgspec.Struct, frozen=True):
    """Days of the past, and how many days later the scene's own dates lie (0 but for scenes by dates)."""

    first: int
    last: int
    shift: int = 0


def last_time(spec: SceneSpec, today: int) -> Period:
    """The days a scene would have run a year ago: those a year before its next run; else the 365 days before today."""
    when = spec.when
    if when.first_day is not None and when.last_day is not None:
        of = to_date(when.first_day)
        year = of.year - 1
        while to_day(same_day(of, year)) + when.last_day - when.first_day >= today:
            year -= 1
        first = to_day(same_day(of, year))
        return Period(first, first + when.last_day - when.first_day, when.first_day - first)
    if when.festival is not None and festival(when.festival).own_trait is None:
        opens = when.phases[0].first if when.phases else 0
        closes = when.phases[-1].last if when.phases else 0
        coming = next_occurrence(when.festival, today - closes)
        before = [] if coming is None else occurrences(when.festival, coming - 400, coming - 300)
        if len(before) == 1 and before[0] + closes < today:
            return Period(before[0] + opens, before[0] + closes)
    return Period(today - 365, today - 1)


def same_day(of: date, year: int) -> date:
    try:
        return of.replace(year=year)
    except ValueError:  # 29 February
        return of.replace(year=year, day=28)


def period_of(spec: SceneSpec, first: int, last: int) -> Period:
    """Days somebody asked for. A scene by dates begins on the first of them.

    Raises:
        FairdayError: they end before they begin, or are more than ``LONGEST``.
    """
    if not 0 <= last - first < LONGEST:
        raise FairdayError(
            "The days of a replay are not usable.",
            code="bad_replay_days",
            remedy=f"Write the first and the last day, at most {LONGEST} days.",
        )
    shift = 0 if spec.when.first_day is None else spec.when.first_day - first
    return Period(first, last, shift)
