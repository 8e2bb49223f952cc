"""The console's one way into the rooms: what pages ask of them, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from fairday.kernel.audience import Audience, AudienceError, TraitDef, Vocabulary, parse, unpack, yearly_month_day
from fairday.kernel.audience.errors import nearest
from fairday.kernel.clock import local_day
from fairday.kernel.settings import Settings
from fairday.people.traits import vocabulary as declared
from fairday.scenes.choice import Choice, Person, choose
from fairday.scenes.grammar import parse_scene
from fairday.scenes.life import SceneRow
from fairday.scenes.moment import Around
from fairday.scenes.spec import Guard, Place, SceneSpec, When
from fairday.scenes.stage import Stage, Staged
from fairday.shop import Shop
from fairday.stores.near import Weather
from fairday.stores.records import all_stores
from fairday.stores.weather import weather_by_city
from fairday.web.i18n import Tongue


def vocabulary(shop: Shop) -> Vocabulary:
    """What audiences of the shop may speak of."""
    return declared(shop.settings)


def scene(shop: Shop, text_: str) -> SceneSpec | None:
    """A scene as written, read once however often it is looked at; None where it is none."""
    return _scene(text_, shop.settings.currency)


def titles(shop: Shop, tongue: Tongue, rows: Iterable[SceneRow]) -> dict[str, str]:
    """What scenes are called in the reader's language, by their names."""
    return {r.scene: spec.title.get(tongue.language) for r in rows if (spec := scene(shop, r.text))}


@lru_cache(maxsize=4096)
def _scene(text_: str, currency: str) -> SceneSpec | None:
    return parse_scene(text_, declared(Settings(currency=currency)))[0]


def today(shop: Shop) -> int:
    """The shop's local day."""
    return local_day(shop.clock.now(), shop.settings.zone)


def count(conn: Connection, audience: Audience, day: int) -> int:
    """How many people are in an audience now."""
    dialect: Any = conn.dialect.name
    return int(conn.exec_driver_sql(audience.count_sql(dialect, day)).scalar_one())


def understood(text_: str, known: Vocabulary) -> Audience | AudienceError:
    """An expression read, or what is wrong with it."""
    try:
        return parse(text_, known)
    except AudienceError as error:
        return error


def meant(error: AudienceError, known: Vocabulary) -> str:
    """The word that was probably meant where an unknown one stands, or ""."""
    if error.code not in ("unknown_trait", "unknown_function", "not_a_trait"):
        return ""
    word = error.text[error.start : error.end]
    return nearest(word, [*known.traits, *known.measures]) or ""


class Scenery(Mapping[str, Weather]):
    """One weather in every city, for a preview."""

    def __init__(self, word: str, at: int) -> None:
        self._weather = Weather(word, None, at)

    def __getitem__(self, city: str) -> Weather:
        return self._weather

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def rehearsal(
    conn: Connection, shop: Shop, spec: SceneSpec, now: int, *, timed: bool = False, weather: str = ""
) -> Stage:
    """A stage with one scene alone, at any touchpoint and for everybody it would meet: nobody is held out.

    Args:
        now: the instant (ms) it is looked at.
        timed: its dates and its moment count; else it holds whenever it is looked at.
        weather: the weather everywhere, instead of what was observed.
    """
    staging = shop.staging
    stage = staging.stage(conn, shop.clock.now())
    day = local_day(now, shop.settings.zone)
    bare = msgspec.structs.replace(spec, where=(Place("page"),), guard=Guard(), when=spec.when if timed else When())
    staged = Staged(bare, 0, now, stage.shelf, staging.people, staging.goods, day)
    found = Stage([staged], stage.shelf, staging.people, staging.zone)
    found.around = Around(all_stores(conn), Scenery(weather, now) if weather else weather_by_city(conn))
    return found


def rehearsed(person: Person, stage: Stage, now: int) -> Choice:
    """What a person meets on that stage, with the first no of whatever they do not."""
    return choose(person, "page", now, stage, floors=None, explain=True)


def shown(trait: TraitDef, value: Mapping[str, Any], tongue: Tongue) -> str:
    """A trait's value as the reader writes it."""
    lo, hi, kept = value["lo"], value["hi"], value["txt"]
    if trait.type == "text":
        return _word(kept or "", tongue)
    if trait.type == "texts":
        return ", ".join(_word(w, tongue) for w in unpack(kept or ""))
    if trait.type == "bool":
        return tongue.plain("value.yes") if lo else tongue.plain("value.no")
    write: Callable[[Any], str] = {
        "int": tongue.number,
        "money": tongue.money,
        "day": tongue.day,
        "yearly": _yearly(tongue),
    }[trait.type]
    if lo is not None and lo == hi:
        return write(lo)
    if hi is None:
        return tongue.plain("value.from", least=write(lo))
    if lo is None:
        return tongue.plain("value.to", most=write(hi))
    return f"{write(lo)} – {write(hi)}"


def _word(word: str, tongue: Tongue) -> str:
    # Words of a list we declare are ours to translate; a merchant's own words stand as they came.
    key = f"word.{word}"
    return tongue.plain(key) if tongue.has(key) else word


def _yearly(tongue: Tongue) -> Any:
    def write(place: int) -> str:
        month, day = yearly_month_day(place)
        return tongue.month_day(month, day)

    return write


def names(conn: Connection, persons: list[int], tongue: Tongue | None = None) -> dict[int, str]:
    """What to call people: their name where told, else their strongest id; of a bare device, a guest in ``tongue``."""
    if not persons:
        return {}
    marks = ", ".join(str(int(p)) for p in persons)
    found: dict[int, str] = {}
    ranks = {"email": 1, "phone": 2, "user_id": 3}
    best: dict[int, int] = {}
    query = (
        "SELECT o.person, i.type, i.value FROM ownership o JOIN identifiers i ON i.id = o.identifier "
        f"WHERE o.person IN ({marks}) ORDER BY i.id"
    )
    for person, type_, value in conn.execute(text(query)):
        rank = ranks.get(type_, 9)
        if rank == 9 and tongue is not None:
            value = tongue.plain("person.guest", id=value[:6])
        if rank < best.get(person, 99):
            best[person], found[person] = rank, value
    told = f"SELECT person, txt FROM profile WHERE trait = 'name' AND person IN ({marks}) AND txt <> ''"
    return found | {person: name for person, name in conn.execute(text(told))}
