"""What your fans can tell you: before a scene starts, the lift its audience, holdout and duration can show.

The spread between people is that of the scene's own audience in past windows, each of the people who were in it when
the window began. See docs/algorithms/foresight.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, text

from fairday.insight.trade import visits
from fairday.kernel.audience import Audience, parse
from fairday.kernel.clock import local_day
from fairday.kernel.settings import Settings
from fairday.models.power import Curve, Sample, curve, seen, weeks_for
from fairday.people import audiences
from fairday.people.past import Pasts
from fairday.people.traits import DERIVED, vocabulary
from fairday.people.traits.folding import ORDERED
from fairday.people.traits.records import prefixed
from fairday.scenes.spec import SceneSpec

HOLDOUTS = (0.05, 0.10, 0.20, 0.30, 0.50)
WEEKS = (2, 4, 8)
USUAL = 0.10
"""The holdout of the sentence for a scene that has none."""
USUAL_WITHIN = 14
HOPELESS = 1.0
"""A lift that nobody should expect: where only such a one could be seen, there are too few people to tell."""
SHARES = ("buyers", "new-buyers")
"""Metrics that are yes or no of each person."""
SLICE = 2000
SILENT = 120
"""Days without any order after which the shop's history is over rather than late."""


class Smaller(msgspec.Struct, frozen=True, kw_only=True):
    """How long a smaller lift would take: ``weeks`` with the scene's holdout (None: over a year), or ``holdout``."""

    lift: float
    weeks: int | None
    holdout: float


class Power(msgspec.Struct, frozen=True, kw_only=True):
    """What a scene's audience can show.

    Attributes:
        people: how many would be measured: who can be mailed, or came in the four weeks before where there is no mail.
        audience: how many the scene is for.
        metric: what it is judged by.
        days: how long each person is counted.
        holdout: the scene's, or the usual one where it has none (``holds`` is False).
        mean: of the metric per person in the last window of that length, minor units for revenue.
        active: the share of people with any.
        lift: the smallest lift that is seen in 80 of 100 cases; None where it cannot be told.
        table: by holdout, the lift for each of ``WEEKS``.
        smaller: the way to a smaller lift.
    """

    people: int
    audience: int
    metric: str
    days: int
    holdout: float
    holds: bool
    mean: float
    active: float
    lift: float | None
    table: list[tuple[float, list[float | None]]]
    smaller: Smaller | None

    @property
    def enough(self) -> bool:
        """Whether a number may be expected at all."""
        return self.lift is not None and self.lift <= HOPELESS

    @property
    def table_of_any(self) -> bool:
        """Whether any holdout and duration shows a lift."""
        return any(lift is not None and lift <= 2 * HOPELESS for _, lifts in self.table for lift in lifts)


def power(conn: Connection, settings: Settings, spec: SceneSpec, now: int) -> Power:
    """What the people of a scene can show, from their history up to yesterday."""
    today = local_day(now, settings.zone)
    who = None if spec.who is None else parse(spec.who, vocabulary(settings))
    metric = spec.goal.metric if spec.goal else "revenue"
    days = spec.goal.within if spec.goal else USUAL_WITHIN
    holdout = spec.guard.holdout / 1000 or USUAL
    inside = members(conn, settings, who, today)
    measured = _measured(conn, spec, inside, today)
    samples: dict[float, Sample] = {}
    ends = history_end(conn, today)
    for length in sorted({days, *(w * 7 for w in WEEKS)}):
        begins = ends - length
        then = _measured(conn, spec, members(conn, settings, who, begins - 1), begins - 1)
        values = values_of(conn, metric, begins, ends - 1)
        found = [values[p] for p in then if p in values]
        samples[length] = Sample.of(length / 7, len(then), found)
    share = metric in SHARES
    own = samples[days]
    lift = seen(own, holdout, share=share, people=len(measured))
    table = [(h, [seen(samples[w * 7], h, share=share, people=len(measured)) for w in WEEKS]) for h in HOLDOUTS]
    return Power(
        people=len(measured), audience=len(inside), metric=metric, days=days, holdout=holdout,
        holds=spec.guard.holdout > 0, mean=own.mean, active=own.active, lift=lift, table=table,
        smaller=None if lift is None else _smaller(list(samples.values()), own, holdout, len(measured), share),
    )  # fmt: skip


def _smaller(samples: Sequence[Sample], own: Sample, holdout: float, people: int, share: bool) -> Smaller | None:
    """The lift that a holdout of 30 % (or half) would show in the same time, and the weeks it takes otherwise."""
    more = 0.3 if holdout < 0.3 else 0.5
    if holdout >= more:
        return None
    lift = seen(own, more, share=share, people=people)
    falls: Curve | None = curve([(s.weeks, s.spread) for s in samples if s.spread is not None])
    if lift is None or falls is None or own.spread is None:
        return None
    # The curve is laid through the own window, so that it says nothing else of the present length.
    scale = own.spread / falls.at(own.weeks) if falls.at(own.weeks) > 0 else 1.0
    weeks = weeks_for(Curve(falls.floor * scale, falls.fall * scale), lift, people, holdout, share=share)
    return Smaller(lift=lift, weeks=weeks, holdout=more)


def members(conn: Connection, settings: Settings, who: Audience | None, day: int) -> set[int]:
    """Who was in an audience on a day: computed traits as of that day, told ones as they are known now."""
    if who is None:
        return set(conn.execute(text("SELECT person FROM people")).scalars())
    if not who.traits & DERIVED.keys():
        return audiences.pick(conn, who, day)
    everyone = sorted(conn.execute(text("SELECT person FROM people")).scalars())
    pasts = Pasts(conn, settings, [who], day, day, told_today=True)
    found: set[int] = set()
    for start in range(0, len(everyone), SLICE):
        for person, past in pasts.load(conn, everyone[start : start + SLICE]).items():
            if who.test(past.on(day), day):
                found.add(person)
    return found


def _measured(conn: Connection, spec: SceneSpec, inside: set[int], day: int) -> set[int]:
    """Of an audience, whom the scene would divide into arms: who has an address, or came lately."""
    if any(p.touchpoint == "email" for p in spec.where):
        query = (
            "SELECT DISTINCT o.person FROM ownership o JOIN identifiers i ON i.id = o.identifier WHERE i.type = 'email'"
        )
    else:
        query = (
            "SELECT DISTINCT o.person FROM activity a JOIN ownership o ON o.id = a.interval_id"
            f" WHERE {prefixed(conn, 'a.measure', 'active:hour=')} AND a.day BETWEEN {day - 27} AND {day}"
        )
    return inside & set(conn.exec_driver_sql(query).scalars())


def history_end(conn: Connection, today: int) -> int:
    """The day before which history is looked at: today, or the day after the last order where none came in of late."""
    query = text("SELECT MAX(day) FROM tally WHERE measure = :m AND day < :today AND n > 0")
    last = conn.execute(query, {"m": ORDERED, "today": today}).scalar()
    return today if last is None or today - last > SILENT else last + 1


def values_of(conn: Connection, metric: str, first: int, last: int) -> Mapping[int, float]:
    """What each person brought on some days, by a scene's metric; who brought nothing is missing."""
    if metric == "visits":
        return {person: float(n) for person, n in Counter(visits(conn, first, last)[1].tolist()).items()}
    base = "FROM sales s JOIN ownership o ON o.id = s.interval_id WHERE s.day BETWEEN :first AND :last"
    asked: dict[str, object] = {"first": first, "last": last}
    if metric == "revenue":
        query = f"SELECT o.person, SUM(s.net) {base} GROUP BY o.person"
    else:
        query = f"SELECT o.person, SUM(s.orders) {base} GROUP BY o.person HAVING SUM(s.orders) > 0"
    found = {p: float(v) for p, v in conn.execute(text(query), asked)}
    if metric == "new-buyers":
        earlier = (
            "SELECT DISTINCT o.person FROM sales s JOIN ownership o ON o.id = s.interval_id"
            " WHERE s.day < :first AND s.orders > 0"
        )
        for person in conn.execute(text(earlier), asked).scalars():
            found.pop(person, None)
    if metric in SHARES:
        return dict.fromkeys(found, 1.0)
    return found


def in_words(found: Power) -> list[str]:
    """The lines of it for a terminal."""
    held = f"{found.holdout:.0%} held out"
    if not found.enough:
        lines = [
            f"With {found.people:,} people and {held} there are too few to tell.",
            "Run it anyway, but do not expect a number.",
        ]
    else:
        lines = [f"With {found.people:,} people and {held} you will see a lift of {found.lift:.0%} or more"]
        lines[0] += f" in {found.metric} within {found.days} days."
        if found.smaller is not None:
            more = f"a holdout of {found.smaller.holdout:.0%}"
            wait = "" if found.smaller.weeks is None else f"{found.smaller.weeks} weeks or "
            lines.append(f"{found.smaller.lift:.0%} would take {wait}{more}.")
    if not found.holds:
        lines.append(f"The scene holds nobody out: nothing will be known. These figures are for {USUAL:.0%}.")
    lines += ["", "Held out " + "".join(f"{w:>7} weeks" for w in WEEKS)]
    for holdout, lifts in found.table:
        cells = "".join(f"{'–' if lift is None else f'{lift:.0%}':>13}" for lift in lifts)
        lines.append(f"{holdout:>8.0%} {cells}")
    return lines


__all__ = ["HOLDOUTS", "WEEKS", "Power", "Smaller", "in_words", "members", "power", "values_of"]
