"""What a coupon will bring in this shop: the model of ``models.couponing`` on what its people did with earlier ones."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Integer, String, Table, Text, bindparam, select, text

from fairday.insight.coupon_past import coupon_campaigns, last_days
from fairday.kernel import jsons
from fairday.kernel.audience import line_measure
from fairday.kernel.clock import Clock, local_day
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import Settings
from fairday.models.couponing import SAMPLED, WINDOW, Campaign, Forecast, Model, fit
from fairday.offers.coupons.batch import Terms
from fairday.people import audiences
from fairday.people.tables import OPEN
from fairday.storage.database import Database, col, insert, metadata

FEWEST = 3
"""Past campaigns below which a page says that the forecast stands on little."""
MOST_PAST = 100
"""Past campaigns a forecast stands on, the latest."""
MOST_CATEGORIES = 50

coupon_forecasts = Table(
    "coupon_forecasts",
    metadata,
    col("batch", String(60), primary_key=True, personal=False),
    col("day", Integer, nullable=False, personal=False),
    col("asked", Text, nullable=False, personal=False),
    col("forecast", Text, nullable=False, personal=False),
)
"""What was foreseen of a batch when it was opened."""


Reached = dict[int, tuple[int, int]]
"""By person whether a campaign reached them (1 or 0), and how many of its coupons they gave in."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon to come.

    Attributes:
        who: whom it goes to, an audience's condition; "" is everybody.
        days: how long it can be used.
        kind: which past campaigns it is like, "" none of them.
        categories: what it is for; none means all goods.
        discount: what one takes off, minor units.
        margin: percent of the revenue that is margin before the discount.
        size: how many there are, and ``per_person``: how many of them one person may have.
    """

    who: str = ""
    days: int
    kind: str = ""
    categories: tuple[str, ...] = ()
    discount: int
    margin: int
    size: int
    per_person: int = 1

    def check(self) -> None:
        """Raise a FairdayError where something makes no sense."""
        for where, value, least, most in (
            ("days", self.days, 1, 3650), ("discount", self.discount, 0, 10**9), ("margin", self.margin, 0, 100),
            ("size", self.size, 1, 10**7), ("per_person", self.per_person, 1, 20),
            ("categories", len(self.categories), 0, MOST_CATEGORIES),
        ):  # fmt: skip
            if not least <= value <= most:
                raise FairdayError(f"{where} is {value}.", code=f"bad_coupon_{where}", where=where,
                                   remedy=f"Write {least} to {most}.")  # fmt: skip


class Foreseen(msgspec.Struct, frozen=True):
    """A forecast for the shop: money in minor units; ``kinds`` are those of past campaigns with how many there were."""

    asked: Asked
    forecast: Forecast
    kinds: dict[str, int]


class CouponForecasts:
    """Forecasts of a shop; the model is fitted once a day, when it is asked first."""

    def __init__(self, db: Database, settings: Callable[[], Settings], clock: Clock) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock
        self._fitting = threading.Lock()
        self._fitted: tuple[tuple[Any, ...], Model, dict[str, int]] | None = None

    def foresee(self, asked: Asked) -> Foreseen:
        """What a coupon will bring.

        Raises:
            FairdayError: something asked makes no sense (AudienceError: the condition).
        """
        asked.check()
        settings = self._settings()
        today = local_day(self._clock.now(), settings.zone)
        with self._db.read() as conn:
            model, kinds = self._model(conn, today)
            persons = _persons(conn, asked.who, settings, today)
            # The same people are asked again for the same question.
            chosen = random.Random(today).sample(persons, SAMPLED) if len(persons) > SAMPLED else persons
            visited = _Bought(conn, chosen, (), today - WINDOW, today - 1)
            bought = _Bought(conn, chosen, asked.categories, today - WINDOW, today - 1) if asked.categories else visited
            over = [_reached(conn, name) for name, *_ in ended(conn, settings.zone, today)]
            campaign = _figures(asked.kind, chosen, today, asked.days, bought, over, None, visited)
        forecast = model.forecast(
            campaign, asked.discount, asked.margin / 100, people=len(persons), each=asked.per_person, most=asked.size
        )
        return Foreseen(asked, forecast, kinds)

    def keep(self, conn: Connection, batch: str, foreseen: Foreseen) -> None:
        """Keep what was foreseen of a batch, to be held against what it brings."""
        row = {
            "batch": batch, "day": local_day(self._clock.now(), self._settings().zone),
            "asked": jsons.dumps(msgspec.to_builtins(foreseen.asked)),
            "forecast": jsons.dumps(msgspec.to_builtins(foreseen.forecast)),
        }  # fmt: skip
        conn.execute(insert(conn, coupon_forecasts).values(row).on_conflict_do_nothing())

    def _model(self, conn: Connection, today: int) -> tuple[Model, dict[str, int]]:
        past = ended(conn, self._settings().zone, today)
        key = (today, tuple(past))
        with self._fitting:
            if self._fitted is None or self._fitted[0] != key:
                first = min((one[2] for one in past), default=today)
                bought = _Bought(conn, None, (), 2 * first - today - 2 * WINDOW, today)
                reached = {name: _reached(conn, name) for name, *_ in past}
                campaigns = [
                    _past(one, reached[one[0]], bought, [reached[n] for n, *_, last in past if last < one[2]])
                    for one in past
                ]
                kinds: dict[str, int] = {}
                for campaign in campaigns:
                    kinds[campaign.kind] = kinds.get(campaign.kind, 0) + 1
                self._fitted = (key, fit(campaigns), kinds)
            return self._fitted[1], self._fitted[2]

    def kinds(self) -> dict[str, int]:
        """The kinds of past campaigns, with how many of each a forecast stands on."""
        settings = self._settings()
        with self._db.read() as conn:
            past = ended(conn, settings.zone, local_day(self._clock.now(), settings.zone))
        found: dict[str, int] = {}
        for _, kind, _, _ in past:
            found[kind] = found.get(kind, 0) + 1
        return found


def kept(conn: Connection, batch: str) -> tuple[Asked, Forecast] | None:
    """What was foreseen of a batch when it was opened."""
    query = select(coupon_forecasts.c.asked, coupon_forecasts.c.forecast).where(coupon_forecasts.c.batch == batch)
    row = conn.execute(query).one_or_none()
    if row is None:
        return None
    return msgspec.convert(jsons.loads(row[0]), Asked), msgspec.convert(jsons.loads(row[1]), Forecast)


def asked_of(
    terms: Terms, now: int, *, who: str, kind: str, categories: Sequence[str], discount: int, margin: int
) -> Asked:
    """A forecast's question from a batch's terms; a pack is as many coupons as lie in it."""
    days = terms.days or max(1, -(-(terms.until - max(now, terms.opens)) // 86_400_000))
    size = terms.size * (terms.in_pack if terms.kind == "share" else 1)
    return Asked(
        who=who, days=min(days, 3650), kind=kind, categories=tuple(categories), discount=discount, margin=margin,
        size=min(size, 10**7), per_person=terms.per_person,
    )  # fmt: skip


# ---- from the records ------------------------------------------------------------------------------------------------


def ended(conn: Connection, zone: str, today: int) -> list[tuple[str, str, int, int]]:
    """(campaign, kind, first and last local day) of those that are over, the latest at the end."""
    ours = last_days(conn, zone)
    rows = [
        (name, kind, first, ours.get(name, last))
        for name, kind, first, last in conn.execute(select(coupon_campaigns).order_by(coupon_campaigns.c.campaign))
    ]
    over = [r for r in rows if r[2] <= r[3] < today]
    return sorted(over, key=lambda r: (r[3], r[0]))[-MOST_PAST:]


def _persons(conn: Connection, who: str, settings: Settings, today: int) -> list[int]:
    if not who:
        return list(conn.execute(text("SELECT person FROM people ORDER BY person")).scalars())
    return sorted(audiences.pick(conn, audiences.parsed(who, settings), today))


def _past(one: tuple[str, str, int, int], reached: Reached, bought: _Bought, over: Sequence[Reached]) -> Campaign:
    _, kind, first, last = one
    targeted = {person: used for person, (n, used) in reached.items() if n}
    given = np.array(list(targeted.values()), dtype=np.float64)
    return _figures(kind, list(targeted), first, last - first + 1, bought, over, given)


def _reached(conn: Connection, campaign: str) -> Reached:
    """By person whether a campaign reached them, and how many of its coupons they gave in."""
    query = text(
        "SELECT o.person, MAX(r.reached), SUM(r.used) FROM coupon_reached r JOIN ownership o"
        " ON o.identifier = r.identifier WHERE r.campaign = :campaign AND o.until_at = :open"
        " GROUP BY o.person ORDER BY o.person"
    )
    rows = conn.execute(query, {"campaign": campaign, "open": OPEN})
    return {person: (int(n), max(int(used), 0)) for person, n, used in rows}


class _Bought:
    """Purchases by person and day, loaded once: money of all orders, or of the lines of some categories."""

    def __init__(
        self, conn: Connection, persons: Sequence[int] | None, categories: Sequence[str], first: int, last: int
    ) -> None:
        self.narrow = bool(categories)
        measures = [line_measure("bought", "category", c) for c in categories] or ["Order Completed"]
        among = (
            "o.person IN :persons"
            if persons is not None
            else ("o.person IN (SELECT w.person FROM ownership w JOIN coupon_reached r ON r.identifier = w.identifier)")
        )
        query = text(
            "SELECT o.person, a.day, SUM(a.amount) FROM ownership o JOIN activity a ON a.interval_id = o.id"
            f" WHERE {among} AND a.measure IN :measures AND a.day BETWEEN :first AND :last GROUP BY o.person, a.day"
        ).bindparams(bindparam("measures", expanding=True))
        given: dict[str, Any] = {"measures": measures, "first": first, "last": last}
        rows: list[Any] = []
        if persons is None:
            rows += conn.execute(query, given)
        else:
            query = query.bindparams(bindparam("persons", expanding=True))
            for start in range(0, len(persons), 500):
                rows += conn.execute(query, given | {"persons": list(persons[start : start + 500])})
        found = np.array([(p, d, max(int(m), 0)) for p, d, m in rows], dtype=np.int64).reshape(-1, 3)
        self._person, self._day, self._money = found.T

    def of(self, persons: Sequence[int], first: int, last: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How many days with a purchase each of some people had in a stretch of days, and the money."""
        known = np.array(sorted(persons), dtype=np.int64)
        order = np.argsort(np.array(persons, dtype=np.int64))
        place = np.clip(np.searchsorted(known, self._person), 0, max(len(known) - 1, 0))
        days, money = np.zeros(len(known)), np.zeros(len(known))
        if len(known):
            of = (known[place] == self._person) & (self._day >= first) & (self._day <= last)
            days[order] = np.bincount(place[of], minlength=len(known))
            money[order] = np.bincount(place[of], self._money[of], len(known))
        return days, money


def _figures(
    kind: str,
    persons: Sequence[int],
    first: int,
    days: int,
    bought: _Bought,
    over: Sequence[Reached],
    used: NDArray[np.float64] | None,
    visited: _Bought | None = None,
) -> Campaign:
    """A campaign's people as the model asks them; for a past one, whose goods are not known, money is all goods'.

    Args:
        over: whom the campaigns that had ended before it began reached.
        visited: all purchases, where ``bought`` are those of some goods.
    """
    before, day = first - WINDOW, first - 1
    asked, given = _earlier(persons, over)
    days_bought, spent_before = bought.of(persons, before, day)
    past: dict[str, Any] = {}
    if used is not None:
        past = {
            "used": used, "spent": bought.of(persons, first, first + days - 1)[1],
            "just_before": bought.of(persons, first - days, day)[1],
            "long_before": bought.of(persons, first - days - WINDOW, first - days - 1)[1],
        }  # fmt: skip
    return Campaign(
        kind, days,
        visits=(visited or bought).of(persons, before, day)[0], bought=days_bought if bought.narrow else None,
        asked=asked, given=given, before=spent_before, **past,
    )  # fmt: skip


def _earlier(persons: Sequence[int], over: Sequence[Reached]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How many campaigns reached each person, and the coupons they gave in of them."""
    asked = [sum(campaign.get(p, (0, 0))[0] for campaign in over) for p in persons]
    given = [sum(campaign.get(p, (0, 0))[1] for campaign in over) for p in persons]
    return np.array(asked, dtype=np.float64), np.array(given, dtype=np.float64)
