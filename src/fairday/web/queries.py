"""Reading for pages what no room offers: thin queries over shared tables, nothing written."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from fairday.kernel.clock import local_day
from fairday.kernel.settings import IdentitySettings
from fairday.people.consent import consents
from fairday.people.identity import normalise
from fairday.people.identity.tables import timeline as timeline_table
from fairday.people.tables import identifiers, ownership, people
from fairday.people.tables import profile as profile_table
from fairday.reach.outbox import messages
from fairday.storage.followers import skipped
from fairday.storage.log import Happening, happening, happenings

RECENT = 100_000
"""How many of the latest happenings the overview's chart looks at; a chart must not read a year to show a month."""


def people_count(conn: Connection) -> int:
    """How many people there are."""
    return int(conn.execute(select(func.count()).select_from(people)).scalar_one())


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


def latest_people(conn: Connection, before: int | None, limit: int) -> list[int]:
    """People, the latest known first."""
    query = select(people.c.person).order_by(people.c.person.desc()).limit(limit)
    if before is not None:
        query = query.where(people.c.person < before)
    return [int(p) for p in conn.execute(query).scalars()]


def find_people(
    conn: Connection, asked: str, settings: IdentitySettings, limit: int, *, whole: bool = False
) -> list[int]:
    """People who own an id: written ``type:value``, or a value of any type, or (unless ``whole``) its beginning."""
    kind, colon, value = asked.partition(":")
    wanted = {asked}
    types = {kind} if colon and kind in settings.priority else set(settings.priority)
    for type_ in types:
        kept, _ = normalise(type_, value if len(types) == 1 else asked, settings)
        if kept is not None:
            wanted.add(kept)
    i, o = identifiers.c, ownership.c
    query = select(o.person).distinct().join(identifiers, i.id == o.identifier).limit(limit)
    if len(types) == 1:
        query = query.where(i.type == kind)
    found = [int(p) for p in conn.execute(query.where(i.value.in_(wanted))).scalars()]
    if found or whole or len(asked) < 2:
        return found
    return [int(p) for p in conn.execute(query.where(i.value.startswith(asked, autoescape=True))).scalars()]


def people_rows(conn: Connection, persons: list[int]) -> list[dict[str, Any]]:
    """Since when people are known, how many ids they have, when they last did something, in the order given."""
    o, t = ownership.c, timeline_table.c
    counts = (
        select(o.person, func.count(func.distinct(o.identifier)).label("ids"))
        .where(o.person.in_(persons))
        .group_by(o.person)
        .subquery()
    )
    last = (
        select(o.person, func.max(t.at).label("last"), func.count().label("n"))
        .join(timeline_table, (t.identifier == o.identifier) & (t.at >= o.from_at) & (t.at < o.until_at))
        .where(o.person.in_(persons))
        .group_by(o.person)
        .subquery()
    )
    query = (
        select(people.c.person, people.c.since, counts.c.ids, last.c.last, last.c.n)
        .outerjoin(counts, counts.c.person == people.c.person)
        .outerjoin(last, last.c.person == people.c.person)
        .where(people.c.person.in_(persons))
    )
    found = {r["person"]: dict(r) for r in conn.execute(query).mappings()}
    return [found[p] for p in persons if p in found]


def timeline(conn: Connection, person: int, before: int | None, limit: int) -> list[Happening]:
    """What a person did, the latest first; ``before`` an instant (ms)."""
    o, t = ownership.c, timeline_table.c
    query = (
        select(happenings)
        .join(timeline_table, t.pos == happenings.c.pos)
        .join(ownership, (t.identifier == o.identifier) & (t.at >= o.from_at) & (t.at < o.until_at))
        .where(o.person == person)
        .order_by(t.at.desc(), t.pos.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(t.at < before)
    return [happening(r) for r in conn.execute(query).mappings()]


def profile(conn: Connection, person: int) -> list[dict[str, Any]]:
    """What is known of a person: trait, lo, hi, txt, at, source, p."""
    c = profile_table.c
    query = select(profile_table).where(c.person == person).order_by(c.trait)
    return [dict(r) for r in conn.execute(query).mappings()]


def mailed_scenes(conn: Connection) -> list[str]:
    """Scenes that have planned a message."""
    return list(conn.execute(select(messages.c.scene).distinct().order_by(messages.c.scene)).scalars())


def agreed(conn: Connection, channel: str, purpose: str) -> int:
    """How many people agreed to hear from the shop on a channel, and have not taken it back."""
    return sum(c.given for c in consents(conn, None, channel, purpose).values())


def segments(conn: Connection) -> dict[str, int]:
    """People by RFM segment."""
    c = profile_table.c
    query = select(c.txt, func.count()).where(c.trait == "rfm_segment").group_by(c.txt)
    return {name: n for name, n in conn.execute(query)}


def mails_sent(conn: Connection) -> int:
    """Mails that went out, or into the local mailbox."""
    query = select(func.count()).select_from(messages).where(messages.c.status == "sent")
    return int(conn.execute(query).scalar_one())


def anything(conn: Connection) -> bool:
    """Whether anything has come in."""
    return conn.execute(select(happenings.c.pos).limit(1)).first() is not None
