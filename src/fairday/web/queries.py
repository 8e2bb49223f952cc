"""Reading for pages what no room offers: thin queries over shared tables, nothing written."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from fairday.kernel.clock import local_day
from fairday.people.tables import OPEN, identifiers, ownership, people
from fairday.storage.followers import skipped
from fairday.storage.log import Happening, happening, happenings

RECENT = 100_000
"""How many of the latest happenings the overview's chart looks at; a chart must not read a year to show a month."""


def people_count(conn: Connection) -> int:
    """How many people there are."""
    return int(conn.execute(select(func.count()).select_from(people)).scalar_one())


def with_identifier(conn: Connection, types: tuple[str, ...]) -> dict[str, int]:
    """How many people own an identifier of each type now."""
    c = ownership.c
    query = (
        select(identifiers.c.type, func.count(func.distinct(c.person)))
        .join(identifiers, identifiers.c.id == c.identifier)
        .where(identifiers.c.type.in_(types), c.until_at == OPEN)
        .group_by(identifiers.c.type)
    )
    return {type_: n for type_, n in conn.execute(query)}


def per_day(conn: Connection, zone: str, today: int, days: int) -> list[int]:
    """Happenings on each of the last ``days`` local days, today last, among the latest ``RECENT``."""
    found = [0] * days
    for (at,) in conn.execute(select(happenings.c.at).order_by(happenings.c.pos.desc()).limit(RECENT)):
        back = today - local_day(at, zone)
        if 0 <= back < days:
            found[days - 1 - back] += 1
    return found


def latest_happenings(conn: Connection, before: int | None = None, name: str = "", limit: int = 50) -> list[Happening]:
    """Happenings as they came in, the newest first."""
    query = select(happenings).order_by(happenings.c.pos.desc()).limit(limit)
    if before is not None:
        query = query.where(happenings.c.pos < before)
    if name:
        query = query.where(happenings.c.name == name)
    return [happening(r) for r in conn.execute(query).mappings()]


def skipped_rows(conn: Connection, follower: str, limit: int = 20) -> list[tuple[int, str, int]]:
    """Log rows a follower could not take: (pos, error, at)."""
    c = skipped.c
    query = select(c.pos, c.error, c.at).where(c.follower == follower).order_by(c.pos.desc()).limit(limit)
    return [(pos, error, at) for pos, error, at in conn.execute(query)]
