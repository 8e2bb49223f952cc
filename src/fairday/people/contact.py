"""The one contact rule: whether a message may leave the house for a person. Pure; see docs/algorithms/choice.md.

Reasons are tried in a fixed order and the first that holds is given: ``no_consent``, ``suppressed``, ``quiet_hours``,
``frequency``, ``scene_frequency``, ``budget``, ``holdout``. The holdout stands last, so that whoever is withheld for it
would have got the message: that is what makes the two arms comparable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from fairday.kernel.clock import day_start, local_day, local_minute
from fairday.kernel.settings import ContactSettings

Reason = Literal[
    "no_consent", "suppressed", "quiet_hours", "frequency", "scene_frequency", "budget", "holdout"
]  # fmt: skip
REASONS: tuple[Reason, ...] = (
    "no_consent", "suppressed", "quiet_hours", "frequency", "scene_frequency", "budget", "holdout",
)  # fmt: skip
"""Every reason, in the order they are tried."""

MINUTE = 60_000


class Sent(msgspec.Struct, frozen=True):
    """A message that went to the person on any channel: its scene and when (ms)."""

    scene: str
    at: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a person stands on one channel.

    Attributes:
        consent: True where given for this channel and purpose, False where refused, None where never asked.
        suppressed: why the address takes nothing (``bounced``, ``unsubscribed``, ``complained``), or "".
        zone: the person's time zone where known, else the shop's.
        sent: what went to them lately, on every channel, in any order; eight days are enough.
    """

    consent: bool | None
    suppressed: str = ""
    zone: str
    sent: Sequence[Sent] = ()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A message about to be sent.

    Attributes:
        scene: the scene it belongs to.
        rate: how many messages of the scene a person may get: (count, ``day`` or ``week``), or None.
        cost: what it costs, minor units.
        budget_left: what the scene may still spend, minor units, or None without a limit.
        held_out: the person is in the scene's holdout, or was joined from both arms.
    """

    scene: str
    rate: tuple[int, Literal["day", "week"]] | None = None
    cost: int = 0
    budget_left: int | None = None
    held_out: bool = False


class Allowed(msgspec.Struct, frozen=True):
    """It may go."""


class Withheld(msgspec.Struct, frozen=True):
    """It may not.

    Attributes:
        reason: one of ``REASONS``.
        detail: the word behind it (``bounced``, ``2/day``), or "".
        until: the instant (ms) from which this reason no longer holds, None where time does not heal it.
    """

    reason: Reason
    detail: str = ""
    until: int | None = None


Verdict: TypeAlias = Allowed | Withheld


def may_contact(standing: Standing, asked: Asked, now: int, rules: ContactSettings) -> Verdict:
    """Whether a message may go to a person at an instant (ms), or the first reason why not."""
    if standing.consent is not True:
        return Withheld("no_consent", "refused" if standing.consent is False else "never_asked")
    if standing.suppressed:
        return Withheld("suppressed", standing.suppressed)
    if _quiet(local_minute(now, standing.zone), rules):
        return Withheld("quiet_hours", f"{_clock(rules.quiet_from)}-{_clock(rules.quiet_until)}", _morning(
            now, standing.zone, rules))  # fmt: skip
    every = [(rules.per_day, 1), (rules.per_week, 7)]
    for count, days in every:
        until = _full(standing.sent, count, days, now, standing.zone)
        if until is not None:
            return Withheld("frequency", f"{count}/{'day' if days == 1 else 'week'}", until)
    if asked.rate is not None:
        count, per = asked.rate
        own = [s for s in standing.sent if s.scene == asked.scene]
        until = _full(own, count, 1 if per == "day" else 7, now, standing.zone)
        if until is not None:
            return Withheld("scene_frequency", f"{count}/{per}", until)
    if asked.budget_left is not None and asked.cost > asked.budget_left:
        return Withheld("budget")
    if asked.held_out:
        return Withheld("holdout")
    return Allowed()


def _full(sent: Sequence[Sent], count: int, days: int, now: int, zone: str) -> int | None:
    """When a window of whole local days, today included, has room again; None when it has room now."""
    today = local_day(now, zone)
    inside = sorted(d for s in sent if today - days < (d := local_day(s.at, zone)) <= today)
    return None if len(inside) < count else day_start(inside[len(inside) - count] + days, zone)


def _quiet(minute: int, rules: ContactSettings) -> bool:
    start, end = rules.quiet_from, rules.quiet_until
    return start <= minute < end if start <= end else minute >= start or minute < end


def _morning(now: int, zone: str, rules: ContactSettings) -> int:
    """The first instant after ``now`` that is not quiet, also through a change of the clocks."""
    at = now - now % MINUTE
    for _ in range(3):  # a jump of the clocks is met at most once, and then put right
        short = (rules.quiet_until - local_minute(at, zone)) % 1440
        at += (short - 1440 if short > 1200 and at > now else short) * MINUTE
    while _quiet(local_minute(at, zone), rules):
        at += MINUTE
    return at


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
