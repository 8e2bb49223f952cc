"""What an order earns and may be paid with in points, by the shop's program; and where a member stands.

The rules of accounts are in ``people.accounts``; what the program says is in the shop's settings. See
docs/algorithms/rewards.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import ROUND_FLOOR, Decimal

import msgspec
from sqlalchemy import Connection, select

from fairday.kernel.audience.facts import yearly_day
from fairday.kernel.claims import Hold
from fairday.kernel.clock import Clock, local_day, to_date
from fairday.kernel.settings import RewardSettings, Settings
from fairday.people import accounts
from fairday.people.accounts import Level, Program, lots, tiers
from fairday.people.accounts.rules import complete, lots_of
from fairday.people.tables import profile
from fairday.storage.runner import stream_state

SOON_DAYS = 30
"""What ends within so many days is told as ending soon."""
MONTH_DAYS = 30.4375


def program_of(settings: RewardSettings) -> Program:
    """The tiers of a program."""
    levels = tuple(Level(level.name, level.at) for level in settings.levels)
    return Program(levels=levels, keep_days=settings.keep_days, grace_days=settings.grace_days)


def factor(settings: RewardSettings, today: int, tier: str, birthday: int | None) -> Decimal:
    """What earning is multiplied by on a day: the best of the program's boosts that hold, 1 without any. Pure.

    Args:
        today: the shop's local day.
        tier: the member's, "" without.
        birthday: theirs as ``yearly_day``, None where it is not known.
    """
    day = to_date(today)
    best = Decimal(1)
    for boost in settings.boosts:
        holds = (
            (not boost.weekdays or day.weekday() in boost.weekdays)
            and (not boost.days or day.day in boost.days)
            and (not boost.tiers or tier in boost.tiers)
            and (not boost.birthday or _is_birthday(birthday, day))
        )
        if holds:
            best = max(best, Decimal(boost.percent) / 100)
    return best


def _is_birthday(birthday: int | None, day: date) -> bool:
    """Who was born on 29 February has it on 1 March in other years."""
    leap, fallback = yearly_day(2, 29), yearly_day(3, 1)
    kept = {yearly_day(day.month, day.day)}
    if fallback in kept and not _is_leap(day.year):
        kept.add(leap)
    return birthday in kept


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def earned(amount: int, per: int, times: Decimal, extra: int) -> int:
    """Points for money: one for every ``per`` minor units, times a factor, rounded down, and some more. Pure."""
    whole = (Decimal(max(0, amount)) * times / per).to_integral_value(rounding=ROUND_FLOOR)
    return max(0, int(whole) + extra)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a member stands.

    Attributes:
        points: of the program's unit; ``money``: stored value in minor units by currency.
        tier: "" without one; ``until`` (ms) it is kept, ``grace``: kept only a while longer.
        counted: what was earned within the window; ``next``: the level it leads to and what it asks for, or None.
        soon: points that end within ``SOON_DAYS``, and when (ms) the first of them do; None where none.
        owed: points that the next earned ones pay first.
    """

    account: str
    points: int = 0
    money: dict[str, int] = {}
    tier: str = ""
    until: int | None = None
    grace: bool = False
    counted: int = 0
    next: Level | None = None
    soon: tuple[int, int] | None = None
    owed: int = 0

    @property
    def share(self) -> float:
        """How far the next level is reached, 0 to 1."""
        return 1.0 if self.next is None else min(1.0, self.counted / self.next.at)


class Rewards:
    """``shop.rewards``: the program as checkouts and pages ask it."""

    def __init__(self, clock: Clock, settings: Callable[[], Settings]) -> None:
        self._clock = clock
        self._settings = settings

    def standing(self, conn: Connection, account: str) -> Standing:
        """Where a member stands now."""
        told, now = self._settings().rewards, self._clock.now()
        found = stream_state(conn, account)
        if found is None:
            return Standing(account=account)
        state = complete(found[1])
        tier, money = state["tier"], {u: n for u, n in state["balances"].items() if u != told.unit and len(u) == 3}
        counted = tiers.earned(tier, now)
        held = next((level.at for level in told.levels if level.name == tier["name"]), 0)
        ahead = next((Level(x.name, x.at) for x in told.levels if x.at > max(held, counted)), None)
        ending = [x for x in lots_of(state, told.unit) if x[0] is not None and x[0] < now + SOON_DAYS * 86_400_000]
        return Standing(
            account=account, points=state["balances"].get(told.unit, 0), money=money, tier=tier["name"],
            until=tier["until"], grace=tier["grace"], counted=counted, next=ahead,
            soon=(lots.total(ending), lots.next_expiry(ending) or 0) if ending else None,
            owed=state["owed"].get(told.unit, 0),
        )  # fmt: skip

    def money(self, conn: Connection, account: str) -> int:
        """What a member's balance of the shop's currency is, minor units."""
        return accounts.balances(conn, account).get(self._settings().currency, 0)

    def points(self, conn: Connection, account: str) -> int:
        """How many points a member has."""
        return accounts.balances(conn, account).get(self._settings().rewards.unit, 0)

    def holds(
        self,
        conn: Connection,
        account: str | None,
        person: int | None,
        amount: int,
        *,
        times: Decimal = Decimal(1),
        extra: int = 0,
        spent: int = 0,
    ) -> list[Hold]:
        """What an order holds of its buyer's account: points paid with, points it will earn. Nothing of a guest's.

        Args:
            amount: minor units that earn: goods after all discounts.
            times, extra: what offers add ("twice the points", "50 more").
            spent: points the order is paid with.
        """
        told, now = self._settings().rewards, self._clock.now()
        if account is None:
            return []
        days = round(told.months * MONTH_DAYS) if told.months else None
        made = [Hold("points", account, {"unit": told.unit, "amount": spent, "days": days})] if spent else []
        if not told.on:
            return made
        found = stream_state(conn, account)
        tier = complete(found[1])["tier"]["name"] if found is not None else ""
        today = local_day(now, self._settings().zone)
        best = max(times, factor(told, today, tier, _birthday(conn, person)))
        points = earned(amount, told.per, best, extra)
        if points:
            program = msgspec.to_builtins(program_of(told))
            made.append(
                Hold("earning", account, {"unit": told.unit, "amount": points, "days": days, "program": program})
            )
        return made


def _birthday(conn: Connection, person: int | None) -> int | None:
    if person is None:
        return None
    p = profile.c
    query = select(p.lo).where(p.person == person, p.trait == "birthday", p.lo == p.hi)
    found: int | None = conn.execute(query).scalar()
    return found
