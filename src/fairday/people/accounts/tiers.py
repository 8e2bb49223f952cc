"""Tiers of membership: reached by what was earned in a year, kept for a year, lost after a time of grace. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fairday.kernel.clock import DAY_MS
from fairday.kernel.errors import FairdayError

WINDOW = 365
"""Days of earning that count towards a tier."""

BUCKET = 5
"""Days that are counted as one: at most 74 numbers are kept of a member."""


class Level(msgspec.Struct, frozen=True):
    """A tier: its name and how much must be earned within ``WINDOW`` days to reach it."""

    name: str
    at: int


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """The levels of a program, lowest first, how long one is kept, and how much longer to reach it again.

    Raises:
        FairdayError: levels out of order, of one name, or more than eight; days below 0.
    """

    levels: tuple[Level, ...] = ()
    keep_days: int = 365
    grace_days: int = 30

    def __post_init__(self) -> None:
        ats = [level.at for level in self.levels]
        names = {level.name for level in self.levels}
        bad = ats != sorted(set(ats)) or len(names) != len(ats) or len(ats) > 8 or any(at <= 0 for at in ats)
        if bad or not all(0 < len(name) <= 40 for name in names) or self.keep_days < 1 or self.grace_days < 0:
            raise FairdayError(
                "Tiers rise: each has its own name and asks for more than the one before, eight at most.",
                code="bad_program",
                remedy="Write levels such as silver at 500, gold at 2000; keep_days 365; grace_days 30.",
            )

    def reached(self, earned: int) -> Level | None:
        """The highest level that so much reaches, or None."""
        return next((level for level in reversed(self.levels) if level.at <= earned), None)


def fresh() -> dict[str, Any]:
    """The standing of somebody who has earned nothing."""
    return {"name": "", "until": None, "grace": False, "days": {}, "program": None}


def earned(standing: Mapping[str, Any], now: int) -> int:
    """What was earned in the ``WINDOW`` days up to an instant."""
    since = (now // DAY_MS - WINDOW) // BUCKET
    return sum(amount for bucket, amount in standing["days"].items() if int(bucket) > since)


def count(standing: Mapping[str, Any], amount: int, at: int, now: int, program: Program) -> dict[str, Any]:
    """The standing with an amount (of either sign) counted on the day of ``at``; a level is reached at once.

    What is below 0 is taken from what was counted latest, whatever day that was: what was earned and given back counts
    no longer, and nothing goes below 0. A level already held is not left here: that waits for its end.
    """
    since = (now // DAY_MS - WINDOW) // BUCKET
    days = {b: a for b, a in standing["days"].items() if int(b) > since}
    bucket = str(at // DAY_MS // BUCKET)
    if amount > 0:
        days[bucket] = days.get(bucket, 0) + amount
    for latest in sorted(days, key=int, reverse=True) if amount < 0 else ():
        taken = min(days[latest], -amount)
        days[latest] -= taken
        amount += taken
    after = {**standing, "days": {b: a for b, a in days.items() if a}, "program": msgspec.to_builtins(program)}
    level = program.reached(earned(after, now))
    held = _held(after, program)
    if level is not None and (held is None or level.at > held.at):
        after |= {"name": level.name, "until": now + program.keep_days * DAY_MS, "grace": False}
    elif level is not None and standing["grace"] and held is not None and level.at >= held.at:
        after |= {"until": now + program.keep_days * DAY_MS, "grace": False}
    return after


def review(standing: Mapping[str, Any], now: int) -> dict[str, Any]:
    """The standing when its end has come: kept where reached again, else a time of grace, then what is reached."""
    program = program_of(standing)
    level, held = program.reached(earned(standing, now)), _held(standing, program)
    again = level is not None and held is not None and level.at >= held.at
    if not again and program.grace_days and not standing["grace"]:
        return {**standing, "until": now + program.grace_days * DAY_MS, "grace": True}
    name = "" if level is None else level.name
    until = None if level is None else now + program.keep_days * DAY_MS
    return {**standing, "name": name, "until": until, "grace": False}


def merged(one: Mapping[str, Any], other: Mapping[str, Any], now: int) -> dict[str, Any]:
    """The standing of two accounts that became one: the higher level, what both earned."""
    days = dict(one["days"])
    for bucket, amount in other["days"].items():
        days[bucket] = days.get(bucket, 0) + amount
    if one["program"] is None and other["program"] is None:
        return {**one, "days": days}
    program = program_of(one if one["program"] is not None else other)

    def rank(standing: Mapping[str, Any]) -> tuple[int, int]:
        held = _held(standing, program)
        return (0 if held is None else held.at, standing["until"] or 0)

    higher = max(one, other, key=rank)
    return count({**higher, "days": days}, 0, now, now, program)


def program_of(standing: Mapping[str, Any]) -> Program:
    """The program as it stood when the member last earned."""
    told = standing["program"]
    return Program() if told is None else msgspec.convert(told, Program)


def _held(standing: Mapping[str, Any], program: Program) -> Level | None:
    return next((level for level in program.levels if level.name == standing["name"]), None)
