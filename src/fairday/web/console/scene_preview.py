"""A scene before anybody meets it: as one person or a crowd would, now or at a day and hour of one's choosing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec
from fastapi import Request
from sqlalchemy import Connection, select
from starlette.responses import Response

from fairday.kernel.audience import Audience
from fairday.kernel.clock import day_start, local_day, to_day
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import Settings
from fairday.people.tables import people
from fairday.scenes import life
from fairday.scenes.choice import Choice, Person
from fairday.scenes.grammar import parse_scene
from fairday.scenes.loading import load_people, load_person
from fairday.scenes.spec import SceneSpec
from fairday.scenes.stage import Stage
from fairday.stores.near import WEATHERS
from fairday.web import desk, queries
from fairday.web.auth import inside, may
from fairday.web.console.audiences import marked
from fairday.web.goods import cards as goods_cards
from fairday.web.render import page, shop_of, tongue_of

LOOKED, SHOWN = 200, 12
"""People of a crowd who are asked for the shares, and of these who are shown one by one."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class When(msgspec.Struct, frozen=True):
    """The instant a preview looks at: ``timed`` where a day was chosen, so that the scene's own dates count."""

    at: int
    day: str
    hour: str
    timed: bool


class One(msgspec.Struct, frozen=True):
    """What one of a crowd meets."""

    person: int
    name: str
    floors: list[str]
    look: str
    goods: list[str]
    why: str


class Crowd(msgspec.Struct, frozen=True):
    """What a crowd meets: its size, how many were asked, the shares by floor and look, some of them one by one."""

    n: int
    asked: int
    met: int
    floors: list[tuple[str, int]]
    looks: list[tuple[str, int]]
    sample: list[One]


@inside.get("/scenes/{scene}/preview")
def preview(request: Request, scene: str) -> Response:
    """The scene as people would meet it, whatever its state; nothing is recorded and nobody is held out."""
    shop, tongue = shop_of(request), tongue_of(request)
    asked, who = (request.query_params.get(name, "").strip()[:4000] for name in ("q", "who"))
    asked = asked if may(request, "people.list") else ""
    weather = request.query_params.get("weather", "")
    weather = weather if weather in WEATHERS else ""
    when = _when(request, shop.clock.now(), shop.settings)
    known = desk.vocabulary(shop)
    crowd: Crowd | None = None
    mistake: dict[str, str] | None = None
    choice: Choice | None = None
    with shop.db.read() as conn:
        row = life.get_scene(conn, scene)
        spec = parse_scene(row.text, known)[0]
        found = _found(conn, asked[:320], shop.settings) if asked else []
        person = load_person(conn, found[0] if found else None, when.at)
        name = desk.names(conn, found, tongue_of(request)).get(found[0], "") if found else ""
        if spec is not None:
            stage = desk.rehearsal(conn, shop, spec, when.at, timed=when.timed, weather=weather)
            if who:
                read = desk.understood(who, known)
                if isinstance(read, FairdayError):
                    mistake = marked(read, desk.meant(read, known))
                else:
                    crowd = _crowd(request, conn, spec, stage, read, when.at)
            else:
                choice = desk.rehearsed(person, stage, when.at)
    floors = [
        (floor.title.get(tongue.language), goods_cards(request, floor.goods))
        for _, floor in (choice.floors if choice else ())
    ]
    look = choice.look if choice else None
    return page(
        request,
        "scene_preview.html",
        row=row,
        called=desk.titles(shop_of(request), tongue_of(request), [row]).get(row.scene, ""),
        asked=asked,
        who=who,
        when=when,
        weather=weather,
        weathers=[(w, tongue.plain(f"weather.{w}")) for w in WEATHERS],
        person=person.person,
        name=name,
        floors=floors,
        greeting=look.greeting.get(tongue.language) if look else "",
        theme=tongue.plain(f"theme.{look.theme}") if look else "",
        steps=_steps(request, choice) if choice else [],
        crowd=crowd,
        mistake=mistake,
        spec=spec,
    )


def _found(conn: Connection, asked: str, settings: Settings) -> list[int]:
    """A person by any of their ids, or by their number as ``#12``."""
    number = re.fullmatch(r"#(\d{1,15})", asked)
    if number is None:
        return queries.find_people(conn, asked, settings.identity, 1)
    known = conn.execute(select(people.c.person).where(people.c.person == int(number[1])))
    return [person for (person,) in known]


def _when(request: Request, now: int, settings: Settings) -> When:
    day, hour = (request.query_params.get(name, "").strip() for name in ("day", "hour"))
    if _DAY.fullmatch(day):
        try:
            chosen = to_day(date.fromisoformat(day))
        except ValueError:
            chosen = 0
        if 7305 <= chosen <= 43_830:  # 1990 to 2090
            at = int(hour) if hour.isascii() and hour.isdigit() and int(hour) < 24 else 12
            return When(day_start(chosen, settings.zone) + at * 3_600_000, day, str(at), True)
    return When(now, "", "", False)


def _steps(request: Request, choice: Choice) -> list[str]:
    tongue = tongue_of(request)
    found = [(f"step.{s.code}", s.params.get("floor", 0)) for s in choice.trace.steps]
    return [tongue(key, floor=floor) for key, floor in found if tongue.has(key)]


def _crowd(request: Request, conn: Connection, spec: SceneSpec, stage: Stage, audience: Audience, at: int) -> Crowd:
    language, shop = tongue_of(request).language, shop_of(request)
    tongue = tongue_of(request)
    dialect: Any = conn.dialect.name
    query = audience.sql(dialect, local_day(at, shop.settings.zone))
    everyone = sorted(p for (p,) in conn.exec_driver_sql(query))
    persons = _spread(everyone, LOOKED)
    loaded = load_people(conn, persons, at)
    names = desk.names(conn, _spread(persons, SHOWN), tongue_of(request))
    floors: Counter[int] = Counter()
    looks: Counter[str] = Counter()
    met, sample = 0, []
    for number in persons:
        choice = desk.rehearsed(loaded[number], stage, at)
        met += bool(choice.shown)
        theme = choice.look.theme if choice.look else "plain"
        floors.update(floor.number for _, floor in choice.floors)
        if choice.shown:
            looks[theme] += 1
        if number in names:
            sample.append(_one(request, loaded[number], names[number], choice))
    titles = [(f.title.get(language), floors[n]) for n, f in enumerate(spec.floors, 1)]
    shares = [(tongue.plain(f"theme.{theme}"), n) for theme, n in looks.most_common()]
    return Crowd(len(everyone), len(persons), met, titles, shares, sample)


def _one(request: Request, person: Person, name: str, choice: Choice) -> One:
    tongue = tongue_of(request)
    look = choice.look
    said = _steps(request, choice)
    return One(
        person=person.person or 0,
        name=name,
        floors=[floor.title.get(tongue.language) for _, floor in choice.floors],
        look=tongue.plain(f"theme.{look.theme}") if look else "",
        goods=[g.product.title for _, floor in choice.floors for g in floor.goods[:2]][:4],
        why="" if choice.shown else said[0] if said else "",
    )


def _spread(persons: Sequence[int], most: int) -> list[int]:
    """At most so many of them, evenly over all."""
    if len(persons) <= most:
        return list(persons)
    return [persons[n * len(persons) // most] for n in range(most)]
