"""The morning page: three filled-in scenes worth starting today, and why. The same for a day, however often asked.

What a scene may bring is a range: what its people spend anyway, times the lifts this shop's own scenes have shown;
while there are none, times a prior that is named as such. See docs/algorithms/foresight.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Integer, Table, Text, func, select

from fairday.insight import patterns
from fairday.insight.asked import Asked
from fairday.insight.effects import DEFAULT_WITHIN, effects
from fairday.insight.power import history_end, members, values_of
from fairday.kernel import jsons
from fairday.kernel.audience import parse
from fairday.kernel.clock import local_day, to_date
from fairday.kernel.festivals import all_festivals, next_occurrence, occurrences
from fairday.kernel.settings import Settings
from fairday.people.tables import people
from fairday.people.traits import vocabulary
from fairday.playbooks import Known, fill, load
from fairday.scenes import life
from fairday.scenes.grammar import parse_scene
from fairday.scenes.spec import SceneSpec, Words
from fairday.storage.database import Database, alone, col, insert, metadata

PICKS = 3
PRIOR = (0.0, 0.10)
"""The lifts expected of a scene while the shop has measured none of its own."""
SOONEST, LATEST = 14, 35
"""In how many days a festival is worth preparing for."""
LOOKED_BACK = 730
"""Days within which the shop's own scenes are asked what they lifted."""
PAY_DAYS = 10
FEWEST = 20
"""People below which a scene is not worth a place on the page."""
GROWN = 0.05
"""By which share the shop may grow within a day before the page is worked out again."""

mornings = Table(
    "mornings",
    metadata,
    col("day", Integer, primary_key=True, autoincrement=False, personal=False),
    col("people", BigInteger, nullable=False, personal=False),
    col("said", Text, nullable=False, personal=False),
)
"""What was worth starting on a local day: the suggestions as JSON, and how many people there were then."""


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """A scene ready to be started.

    Attributes:
        playbook: what it was made from.
        scene: its name.
        text: its YAML.
        audience: how many people it is for.
        anyway: what those who would meet it spend within ``days`` without it, minor units, by their own past.
        low, high: what it may bring beyond that.
        prior: whether the lifts are assumed, not the shop's own.
        why: a message, filled by ``values``.
        festival: the one it is for, or "".
    """

    playbook: str
    scene: str
    title: Words
    text: str
    audience: int
    days: int
    anyway: int
    low: int
    high: int
    prior: bool
    why: str
    values: dict[str, Any]
    festival: str = ""


class Lifts(msgspec.Struct, frozen=True):
    """By how much scenes lift what people spend, from ``low`` to ``high``; of how many of the shop's own scenes."""

    low: float
    high: float
    scenes: int


def morning(db: Database, settings: Settings, now: int) -> list[Suggestion]:
    """The scenes worth starting today that do not run yet, the best first; worked out once a day and kept."""
    today = local_day(now, settings.zone)
    with db.read() as conn:
        count = int(conn.execute(select(func.count()).select_from(people)).scalar_one())
        kept = conn.execute(select(mornings.c.people, mornings.c.said).where(mornings.c.day == today)).one_or_none()
        if kept is not None and abs(count - kept[0]) <= GROWN * kept[0]:
            found = msgspec.json.decode(kept[1], type=list[Suggestion])
        else:
            found = suggestions(conn, settings, now)
            kept = None
        running = [row for row in life.all_scenes(conn) if row.status in ("live", "paused")]
    if kept is None:
        with db.write() as conn:
            alone(conn, "morning")
            statement = insert(conn, mornings).values(day=today, people=count, said=jsons.dumps(found))
            again = {"people": statement.excluded.people, "said": statement.excluded.said}
            conn.execute(statement.on_conflict_do_update(index_elements=["day"], set_=again))
    festivals = {spec.when.festival for row in running if (spec := parse_scene(row.text, vocabulary(settings))[0])}
    names = {row.scene for row in running}
    return [s for s in found if not runs(s, names, festivals)][:PICKS]


def runs(one: Suggestion, scenes: Collection[str], festivals: Collection[str | None]) -> bool:
    """Whether something like it is among scenes, by name, or by the festival it is for."""
    if one.festival and one.festival in festivals:
        return True
    return any(s in (one.playbook, one.scene) or s.startswith(f"{one.playbook}-") for s in scenes)


class Candidate(msgspec.Struct, frozen=True):
    """A playbook that fits today, with what fills its blanks, and why."""

    playbook: str
    known: Known
    why: str
    values: dict[str, Any]
    calendar: bool = False


def suggestions(conn: Connection, settings: Settings, now: int) -> list[Suggestion]:
    """All that fits today, the best first: by what it may bring, with one of the calendar among the first three."""
    today = local_day(now, settings.zone)
    lifts = own_lifts(conn, settings, now)
    made: list[tuple[bool, Suggestion]] = []
    for candidate in candidates(conn, settings, today):
        one = _suggest(conn, settings, candidate, lifts, now, today)
        if one is not None:
            made.append((candidate.calendar, one))
    made.sort(key=lambda m: (-m[1].high, m[1].scene))
    dated = next((m for m in made if m[0]), None)
    first = [dated] if dated is not None and dated not in made[:PICKS] else []
    ahead = made[: PICKS - len(first)]
    rest = [m for m in made[len(ahead) :] if m not in first]
    return [s for _, s in (*ahead, *first, *rest)]


def candidates(conn: Connection, settings: Settings, today: int) -> list[Candidate]:
    """Playbooks that fit today: of the calendar, and of the shop's own patterns."""
    shop = patterns.known(conn, settings, today)
    found: list[Candidate] = []
    coming = next_festival(shop.country, today)
    if coming is not None:
        name, day = coming
        found.append(_festival(conn, shop, name, day))
    pay = next(f.name for f in all_festivals() if f.name.startswith(f"{shop.country}.pay_day."))
    pay_day = next_occurrence(pay, today)
    if pay_day is not None and pay_day - today <= PAY_DAYS:
        found.append(Candidate("pay-day", shop, "pay_day", {"day": pay_day}, True))
    away = patterns.lapse(conn, today)
    if away is not None:
        filled = msgspec.structs.replace(shop, numbers={"lapse": away})
        found.append(Candidate("win-back", filled, "lapse", {"days": away}))
    found.append(Candidate("second-order", shop, "second", {}))
    due = patterns.again(conn, today, shop.categories)
    if due is not None:
        numbers = {"usual": due.usual, "longest": 3 * due.usual}
        filled = msgspec.structs.replace(shop, asked={"again": due.category}, numbers=numbers)
        found.append(Candidate("buy-again", filled, "again", {"category": due.category, "days": due.usual}))
    up = patterns.rising(conn, today, shop.categories)
    if up is not None:
        filled = msgspec.structs.replace(shop, asked={"rising": up.category})
        values = {"category": up.category, "before": up.before, "now": up.now}
        found.append(Candidate("whats-rising", filled, "rising", values))
    found.append(Candidate("young-parents", shop, "parents", {}))
    return found


def fitted(conn: Connection, settings: Settings, today: int, playbook: str) -> Known:
    """What fills one playbook's blanks today: the shop's pattern it stands on, where there is one."""
    shop = patterns.known(conn, settings, today)
    if playbook == "festival":
        coming = next_festival(shop.country, today)
        return _festival(conn, shop, *coming).known if coming is not None else shop
    if playbook == "win-back":
        away = patterns.lapse(conn, today)
        return shop if away is None else msgspec.structs.replace(shop, numbers={"lapse": away})
    if playbook == "buy-again":
        due = patterns.again(conn, today, shop.categories)
        if due is not None:
            numbers = {"usual": due.usual, "longest": 3 * due.usual}
            return msgspec.structs.replace(shop, asked={"again": due.category}, numbers=numbers)
    if playbook == "whats-rising":
        up = patterns.rising(conn, today, shop.categories)
        return shop if up is None else msgspec.structs.replace(shop, asked={"rising": up.category})
    return shop


def next_festival(country: str, today: int) -> tuple[str, int] | None:
    """The festival of a country, or of everywhere, that it is time to prepare for: (name, day)."""
    found = [
        (day, f.country is None, f.name)
        for f in all_festivals()
        if f.own_trait is None and ".pay_day." not in f.name and f.country in (None, country)
        for day in occurrences(f.name, today + SOONEST, today + LATEST)
    ]
    if not found:
        return None
    # The country's own before one of everywhere, then the nearer.
    day, _, name = min(found, key=lambda f: (f[1], f[0], f[2]))
    return name, day


def _festival(conn: Connection, shop: Known, name: str, day: int) -> Candidate:
    values = {"festival": name, "day": day}
    if name == "valentines_day":
        return Candidate("valentines-day", shop, "festival", values, True)
    if name == ("cn.spring_festival" if shop.country == "cn" else "new_year"):
        return Candidate("new-year-goods", shop, "festival", values, True)
    before = occurrences(name, day - 400, day - 300)
    sold = patterns.before_festival(conn, before[-1], shop.categories) if before else ()
    rest = tuple(c for c in shop.categories if c not in sold)
    filled = msgspec.structs.replace(shop, festival=name, categories=(*sold, *rest))
    return Candidate("festival", filled, "festival_sold" if sold else "festival", values, True)


def _suggest(
    conn: Connection, settings: Settings, of: Candidate, lifts: Lifts | None, now: int, today: int
) -> Suggestion | None:
    name = f"{of.playbook}-{to_date(today):%Y-%m}"
    if of.playbook == "festival":
        name = f"{of.known.festival.rpartition('.')[2].replace('_', '-')}-{to_date(today):%Y}"
    text = fill(load(of.playbook), of.known, free_name(conn, name))
    spec, problems = parse_scene(text, vocabulary(settings))
    if spec is None:
        raise life.SceneError(problems)
    who = None if spec.who is None else parse(spec.who, vocabulary(settings))
    inside = members(conn, settings, who, today)
    if len(inside) < FEWEST:
        return None
    days = spec.goal.within if spec.goal else DEFAULT_WITHIN
    anyway = round(_anyway(conn, settings, spec, today, days) * len(inside) * (1 - spec.guard.holdout / 1000))
    low, high = (lifts.low, lifts.high) if lifts is not None else PRIOR
    return Suggestion(
        playbook=of.playbook, scene=spec.scene, title=spec.title, text=text, audience=len(inside), days=days,
        anyway=anyway, low=round(anyway * low), high=round(anyway * high), prior=lifts is None, why=of.why,
        values=of.values, festival=spec.when.festival or "",
    )  # fmt: skip


def _anyway(conn: Connection, settings: Settings, spec: SceneSpec, today: int, days: int) -> float:
    """What a person of the audience spent in the last ``days`` days of history, of those who were in it before."""
    who = None if spec.who is None else parse(spec.who, vocabulary(settings))
    ends = history_end(conn, today)
    then = members(conn, settings, who, ends - days - 1)
    spent = values_of(conn, "revenue", ends - days, ends - 1)
    return max(0.0, sum(spent.get(p, 0.0) for p in then) / len(then)) if then else 0.0


def free_name(conn: Connection, name: str, *, drafts: bool = False) -> str:
    """A scene's name that is free: itself, or with the first free number behind it.

    Args:
        drafts: leave drafts alone too; otherwise a draft of the name may be written over.
    """
    taken = {row.scene for row in life.all_scenes(conn) if drafts or row.status != "draft"}
    names = [name, *(f"{name}-{n}" for n in range(2, 1000))]
    return next(n for n in names if n not in taken)


def own_lifts(conn: Connection, settings: Settings, now: int) -> Lifts | None:
    """What the shop's own scenes have lifted spending by: the pooled interval of those with an estimate."""
    today = local_day(now, settings.zone)
    done = effects(conn, settings, Asked("revenue", today - LOOKED_BACK, today), now)
    return pooled([(e.lift.estimate, e.lift.width) for e in done if e.lift is not None and e.lift.width > 0])


def pooled(found: Sequence[tuple[float, float]]) -> Lifts | None:
    """Lifts (estimate, width of its interval) as one, each weighing by how narrow it is; None without any."""
    if not found:
        return None
    weights = [1 / width**2 for _, width in found]
    mean = sum(w * lift for w, (lift, _) in zip(weights, found, strict=True)) / sum(weights)
    half = (1 / sum(weights)) ** 0.5 / 2
    return Lifts(mean - half, mean + half, len(found))
