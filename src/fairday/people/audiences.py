"""Audiences a shop keeps by name, and how many and who an expression picks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import cast

import msgspec
from sqlalchemy import BigInteger, Connection, Index, Integer, String, Table, Text, delete, func, select, update

from fairday.kernel import jsons
from fairday.kernel.audience import Audience, AudienceError, Dialect, parse
from fairday.kernel.clock import local_day
from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.settings import Settings
from fairday.people.traits import vocabulary
from fairday.people.traits.folding import OWN
from fairday.storage.database import col, metadata

audiences = Table(
    "audiences",
    metadata,
    col("name", String(64), primary_key=True, personal=False),
    col("expression", Text, nullable=False, personal=False),
    col("title", Text, nullable=False, personal=False),
    col("created", BigInteger, nullable=False, personal=False),
    col("version", Integer, nullable=False, personal=False),
    col("moves", BigInteger, nullable=False, personal=False),
    col("due", Integer, nullable=False, personal=False),
)
"""``moves`` counts who came and went; ``due`` is 1 while everyone is to be looked at again."""

memberships = Table(
    "memberships",
    metadata,
    col("audience", String(64), primary_key=True, personal=False),
    col("person", BigInteger, primary_key=True, autoincrement=False, personal="person"),
    col("since", BigInteger, nullable=False, personal=False),
    col("identifier", BigInteger, nullable=False, personal="identifier"),
    Index("memberships_person", "person"),
)
"""Who is in since when (ms), and the id it was announced by: a record of what was said, so no rebuild empties it."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class Kept(msgspec.Struct, frozen=True):
    """A kept audience: ``title`` by language, ``created`` in ms, ``version`` counts changes of the expression."""

    name: str
    expression: str
    title: Mapping[str, str]
    created: int
    version: int


def validate(expression: str, settings: Settings) -> AudienceError | None:
    """What is wrong with an expression, or None."""
    try:
        parsed(expression, settings)
    except AudienceError as error:
        return error
    return None


def parsed(expression: str, settings: Settings) -> Audience:
    """The audience of an expression.

    Raises:
        AudienceError: it cannot be understood, or it counts what Fairday says of audiences (which nothing counts).
    """
    return _parsed(expression, settings.currency)


@lru_cache(maxsize=512)
def _parsed(expression: str, currency: str) -> Audience:
    found = parse(expression, vocabulary(Settings(currency=currency)))
    for own in sorted(OWN & found.measures):
        start = max(0, expression.find(own))
        raise AudienceError(
            f"{own!r} is what Fairday says of audiences; it is not counted, or an audience could chase itself.",
            text=expression,
            start=start,
            end=start + len(own),
            code="own_event",
            remedy="Write the condition of that audience instead.",
        )
    return found


def save(
    conn: Connection, name: str, expression: str, settings: Settings, now: int, title: Mapping[str, str] | None = None
) -> Kept:
    """Keep an audience under a name, new or changed; its members come and go when the follower next settles.

    Raises:
        FairdayError: the name is malformed.
        AudienceError: the expression cannot be understood.
    """
    if not _NAME.fullmatch(name):
        raise FairdayError(
            f"{name!r} is not an audience's name.",
            code="bad_name",
            remedy="Write lower-case letters, digits, - and _, at most 64.",
        )
    parsed(expression, settings)
    c = audiences.c
    row = conn.execute(select(c.expression, c.title, c.version).where(c.name == name).with_for_update()).one_or_none()
    titles = jsons.dumps(dict(title)) if title is not None else (row[1] if row else "{}")
    if row is None:
        fresh = {"name": name, "expression": expression, "title": titles, "created": now, "version": 1, "moves": 0}
        conn.execute(audiences.insert(), fresh | {"due": 1})
    elif row[0] == expression:
        conn.execute(update(audiences).where(c.name == name).values(title=titles))
    else:
        changed = {"expression": expression, "title": titles, "version": row[2] + 1, "due": 1}
        conn.execute(update(audiences).where(c.name == name).values(changed))
    return get(conn, name)


def get(conn: Connection, name: str) -> Kept:
    """A kept audience.

    Raises:
        NotFound: there is none of that name.
    """
    found = [a for a in kept(conn) if a.name == name]
    if not found:
        raise NotFound(f"There is no audience {name!r}.", code="unknown_audience", remedy="Save it first.")
    return found[0]


def kept(conn: Connection) -> list[Kept]:
    """Every kept audience, by name."""
    c = audiences.c
    rows = conn.execute(select(c.name, c.expression, c.title, c.created, c.version).order_by(c.name))
    return [Kept(n, e, jsons.loads(t), created, version) for n, e, t, created, version in rows]


def remove(conn: Connection, name: str) -> None:
    """Keep an audience no longer; its memberships end without a word.

    Raises:
        NotFound: there is none of that name.
    """
    get(conn, name)
    conn.execute(delete(memberships).where(memberships.c.audience == name))
    conn.execute(delete(audiences).where(audiences.c.name == name))


def sizes(conn: Connection) -> dict[str, int]:
    """How many members each kept audience has."""
    m = memberships.c
    counted = {name: n for name, n in conn.execute(select(m.audience, func.count()).group_by(m.audience))}
    return {a.name: counted.get(a.name, 0) for a in kept(conn)}


def members(conn: Connection, name: str, limit: int = 100, after: int = -(1 << 62)) -> list[tuple[int, int]]:
    """(person, since) of a kept audience's members by person number, from the next after ``after``."""
    m = memberships.c
    query = select(m.person, m.since).where(m.audience == name, m.person > after).order_by(m.person).limit(limit)
    return [(p, s) for p, s in conn.execute(query)]


def memberships_of(conn: Connection, person: int) -> dict[str, int]:
    """The kept audiences a person is in, and since when (ms)."""
    m = memberships.c
    return {a: s for a, s in conn.execute(select(m.audience, m.since).where(m.person == person).order_by(m.audience))}


def count(conn: Connection, expression: str, settings: Settings, now: int) -> int:
    """How many people an expression picks now.

    Raises:
        AudienceError: it cannot be understood.
    """
    found = parsed(expression, settings)
    return int(conn.exec_driver_sql(found.count_sql(_dialect(conn), local_day(now, settings.zone))).scalar_one())


def sample(conn: Connection, expression: str, settings: Settings, now: int, limit: int = 10) -> list[int]:
    """Some people an expression picks now, always the same ones while nothing changes.

    Raises:
        AudienceError: it cannot be understood.
    """
    found = parsed(expression, settings)
    picked = found.sql(_dialect(conn), local_day(now, settings.zone))
    return list(
        conn.exec_driver_sql(f"SELECT person FROM ({picked}) AS picked ORDER BY person LIMIT {int(limit)}").scalars()
    )


def pick(conn: Connection, audience: Audience, today: int, persons: Sequence[int] | None = None) -> set[int]:
    """The people in an audience on a local day, among some or all."""
    return set(conn.exec_driver_sql(audience.sql(_dialect(conn), today, persons=persons)).scalars())


def _dialect(conn: Connection) -> Dialect:
    return cast(Dialect, conn.dialect.name)
