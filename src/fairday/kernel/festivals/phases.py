"""Phases: stretches of days round a festival (warm-up, burst, encore)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from fairday.kernel.errors import FairdayError
from fairday.kernel.festivals.calendar import NOBODY, occurrences
from fairday.kernel.festivals.rules import Own


@dataclass(frozen=True, slots=True)
class Phase:
    """Days round an anchor day: from ``first`` to ``last`` days after it (negative: before), both included."""

    name: str
    first: int
    last: int


ON_THE_DAY = (Phase("day", 0, 0),)

_SPAN = re.compile(r"([+-]?\d{1,3})d(?:\.\.([+-]?\d{1,3})d)?")


def phase(name: str, span: str) -> Phase:
    """A phase from its text: ``-28d..-15d``, ``0d..+7d``, ``-3d`` for one day.

    Raises:
        FairdayError: not such a text, or it ends before it begins.
    """
    found = _SPAN.fullmatch(span.strip())
    if not found:
        raise FairdayError(
            f"{span!r} is not a stretch of days.",
            code="bad_phase",
            where=name,
            remedy="Write days before and after the festival, such as -28d..-15d or -3d..+7d.",
        )
    first = int(found[1])
    last = int(found[2]) if found[2] else first
    if last < first:
        raise FairdayError(
            f"The phase {name!r} ends before it begins.",
            code="bad_phase",
            where=name,
            remedy=f"Write {last}d..{first}d.",
        )
    return Phase(name, first, last)


def check_phases(phases: Sequence[Phase]) -> None:
    """Refuse phases that overlap, are out of order, or reach over more than a year.

    Raises:
        FairdayError: naming the phase.
    """
    for before, after in pairwise(phases):
        if after.first <= before.last:
            overlap = after.last >= before.first
            raise FairdayError(
                f"The phase {after.name!r} overlaps {before.name!r}."
                if overlap
                else f"The phase {after.name!r} comes before {before.name!r}.",
                code="bad_phase",
                where=after.name,
                remedy=f"Begin it on {before.last + 1:+d}d or later." if overlap else "Write phases in order of time.",
            )
    if phases and phases[-1].last - phases[0].first >= 365:
        raise FairdayError("The phases reach over a year.", code="bad_phase", where=phases[-1].name)


def phase_on(name: str, phases: Sequence[Phase], day: int, own: Own = NOBODY) -> tuple[Phase, int] | None:
    """The phase of a festival a day falls in, and the festival's day; None outside all phases.

    Where phases of two returns reach a day (pay days), the nearer return counts, the coming one on a tie.
    """
    if not phases:
        return None
    anchors = occurrences(name, day - phases[-1].last, day - phases[0].first, own)
    for anchor in sorted(anchors, key=lambda a: (abs(a - day), -a)):
        for p in phases:
            if p.first <= day - anchor <= p.last:
                return p, anchor
    return None
