"""People as the choice needs them, out of the database by one statement: what is known of them and what they did, their
ids, arms and limited days.

One statement and not four, because each is a trip to the server, and its text is the same for everybody, so that
PostgreSQL plans it once a connection: planning it takes four times as long as running it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from fairday.kernel.audience import Facts
from fairday.kernel.clock import DAY_MS
from fairday.people.identity.queries import ANYTIME
from fairday.people.lately import Lately, Word, latest
from fairday.scenes.choice import Person
from fairday.scenes.exposures import WEEK

_TOLD, _DID, _OWNS, _ARM, _DAY, _LATELY, _IS = range(7)

_MOST = 500
"""People read by one statement."""

_INT, _TEXT, _REAL = (f"CAST(NULL AS {type_})" for type_ in ("BIGINT", "TEXT", "DOUBLE PRECISION"))

# Rows of kind, person, word, a, b, txt, c, x, y. An arm belongs to whoever owned its id when it was recorded, as
# everything that hangs on an id does; what an id carried of late, too.
_ROWS = (
    f"SELECT {_TOLD}, t.person, t.trait, t.lo, t.hi, t.txt, t.p, {_REAL}, {_REAL}"
    " FROM profile t WHERE t.person {among}"
    f" UNION ALL SELECT {_DID}, o.person, a.measure, a.day, a.n, {_TEXT}, a.amount, {_REAL}, {_REAL}"
    " FROM ownership o JOIN activity a ON a.interval_id = o.id WHERE o.person {among}"
    f" UNION ALL SELECT {_OWNS}, o.person, {_TEXT}, o.identifier, {_INT}, {_TEXT}, {_INT}, {_REAL}, {_REAL}"
    " FROM ownership o WHERE o.person {among} AND o.from_at <= {now} AND {now} < o.until_at"
    f" UNION ALL SELECT {_ARM}, asked.person, a.scene, a.identifier, owner.person, a.arm, {_INT}, {_REAL}, {_REAL}"
    " FROM ownership asked JOIN scene_arms a ON a.identifier = asked.identifier"
    " JOIN ownership owner ON owner.identifier = a.identifier AND owner.from_at <= a.at AND a.at < owner.until_at"
    " WHERE asked.person {among}"
    f" UNION ALL SELECT {_DAY}, o.person, d.scene, d.identifier, d.day, {_TEXT}, {_INT}, {_REAL}, {_REAL}"
    " FROM ownership o JOIN scene_days d ON d.identifier = o.identifier"
    " WHERE o.person {among} AND o.from_at <= {now} AND {now} < o.until_at AND d.day > {since}"
    f" UNION ALL SELECT {_LATELY}, o.person, l.word, l.at, l.pos, l.txt, {_INT}, l.latitude, l.longitude"
    " FROM ownership o JOIN lately l ON l.identifier = o.identifier AND l.at >= o.from_at AND l.at < o.until_at"
    " WHERE o.person {among}"
)
_OWNER = (
    "SELECT o.person FROM identifiers i JOIN ownership o ON o.identifier = i.id"
    " WHERE i.type = {type} AND i.value = {value} AND o.from_at <= {any} AND {any} < o.until_at"
)


def load_people(conn: Connection, persons: Sequence[int], now: int) -> dict[int, Person]:
    """People as the choice needs them at an instant (ms), by number."""
    found: dict[int, Person] = {}
    for start in range(0, len(persons), _MOST):
        some = [int(p) for p in persons[start : start + _MOST]]
        # Whole numbers may stand in the text.
        sql = _marked(conn.dialect.name, _ROWS.replace("{among}", f"IN ({', '.join(map(str, some))})"))
        loaded = _people(_asked(conn, sql, {"now": now, "since": _since(now)}))
        found.update((p, loaded.get(p) or Person(person=p)) for p in some)
    return found


def load_person(conn: Connection, person: int | None, now: int) -> Person:
    """One person; None is a visitor of whom nothing is known."""
    if person is None:
        return Person()
    sql = _one(conn.dialect.name, "SELECT CAST({person} AS BIGINT)")
    return _people(_asked(conn, sql, {"person": person, "now": now, "since": _since(now)}))[person]


def load_owner(conn: Connection, id_: tuple[str, str], now: int) -> Person | None:
    """The person who owns an id (type, value) now, as they are at an instant (ms); None where nobody does."""
    given = {"type": id_[0], "value": id_[1], "any": ANYTIME, "now": now, "since": _since(now)}
    return next(iter(_people(_asked(conn, _one(conn.dialect.name, _OWNER), given)).values()), None)


def _since(now: int) -> int:
    """Eight days back in UTC hold the shop's last seven, wherever it is."""
    return now // DAY_MS - WEEK - 1


@lru_cache
def _one(dialect: str, who: str) -> str:
    """The statement for one person: found once, and known to be one when it is planned."""
    rows = _ROWS.replace("{among}", "= (SELECT person FROM me)")
    me = f" UNION ALL SELECT {_IS}, person, {_TEXT}, {_INT}, {_INT}, {_TEXT}, {_INT}, {_REAL}, {_REAL} FROM me"
    return _marked(dialect, f"WITH me (person) AS MATERIALIZED ({who}) {rows}{me}")


def _marked(dialect: str, sql: str) -> str:
    """A statement with its arguments as the driver names them."""
    mark = ":{}" if dialect == "sqlite" else "%({})s"
    return sql.format_map({name: mark.format(name) for name in ("now", "since", "person", "type", "value", "any")})


def _asked(conn: Connection, sql: str, given: Mapping[str, Any]) -> Sequence[Any]:
    # The driver's own cursor, in the connection's transaction: SQLAlchemy's result costs as much again as the query.
    cursor = conn.connection.cursor()
    try:
        cursor.execute(sql, given)
        return cursor.fetchall()
    finally:
        cursor.close()


class _Rows:
    """What was read of one person."""

    def __init__(self) -> None:
        self.profile: list[Any] = []
        self.buckets: list[Any] = []
        self.owned: set[int] = set()
        self.arms: dict[str, dict[int, str]] = {}
        self.taken: dict[str, frozenset[int]] = {}
        self.days: dict[str, frozenset[int]] = {}
        self.words: list[dict[str, Word]] = []


def _people(rows: Sequence[Any]) -> dict[int, Person]:
    found: dict[int, _Rows] = {}
    for kind, person, word, a, b, txt, c, x, y in rows:
        of = found.get(person)
        if of is None:
            of = found[person] = _Rows()
        if kind == _DID:
            of.buckets.append((word, a, b, c))
        elif kind == _TOLD:
            of.profile.append((word, a, b, txt, c))
        elif kind == _OWNS:
            of.owned.add(a)
        elif kind == _ARM:
            if b == person:
                of.arms.setdefault(word, {})[a] = txt
            else:
                of.taken[word] = of.taken.get(word, frozenset()) | {a}
        elif kind == _DAY:
            of.days[word] = of.days.get(word, frozenset()) | {b}
        elif kind == _LATELY:
            of.words.append({word: (a, b, txt, x, y)})
    return {person: _person(person, of) for person, of in found.items()}


def _person(person: int, of: _Rows) -> Person:
    of.buckets.sort()  # PostgreSQL sorts texts by its locale elsewhere
    return Person(
        person=person,
        facts=Facts.of(of.profile, of.buckets),
        identifiers=tuple(sorted(of.owned)),
        arms=of.arms,
        taken=of.taken,
        days=of.days,
        lately=Lately.of(latest(of.words)),
    )
