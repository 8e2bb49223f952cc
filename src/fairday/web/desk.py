"""The console's one way into the rooms: what pages ask of them, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from fairday.kernel.audience import Audience, AudienceError, TraitDef, Vocabulary, parse, unpack, yearly_month_day
from fairday.kernel.audience.errors import nearest
from fairday.kernel.clock import local_day
from fairday.people.traits import vocabulary as declared
from fairday.scenes.choice import Choice, Person, choose
from fairday.scenes.spec import Guard, Place, SceneSpec, When
from fairday.scenes.stage import Stage, Staged
from fairday.scenes.staging import Staging
from fairday.shop import Shop
from fairday.web.i18n import Tongue


def vocabulary(shop: Shop) -> Vocabulary:
    """What audiences of the shop may speak of."""
    return declared(shop.settings)


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


def preview(
    conn: Connection, shop: Shop, staging: Staging, spec: SceneSpec, version: int, person: Person, now: int
) -> Choice:
    """A scene as a person would meet it on a page today, whatever its dates, places and holdout say."""
    stage = staging.stage(conn, now)
    bare = msgspec.structs.replace(spec, when=When(), where=(Place("page"),), guard=Guard())
    staged = Staged(bare, version, now, stage.shelf, staging.people, staging.goods, today(shop))
    return choose(person, "page", now, Stage([staged], stage.shelf, staging.people, staging.zone),
                  floors=None, explain=True)  # fmt: skip


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


def names(conn: Connection, persons: list[int]) -> dict[int, str]:
    """What to call people: their name where told, else their strongest id."""
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
        if rank < best.get(person, 99):
            best[person], found[person] = rank, value
    told = f"SELECT person, txt FROM profile WHERE trait = 'name' AND person IN ({marks}) AND txt <> ''"
    return found | {person: name for person, name in conn.execute(text(told))}
