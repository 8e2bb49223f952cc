"""The follower "membership": who comes into and leaves the kept audiences, told in the log as it happens.

A membership hangs on the id it was announced by, so it goes where identity takes that id: people who merge or split are
neither greeted twice nor forgotten. See docs/algorithms/traits.md, "Membership".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, Table, delete, select, update

from fairday.kernel.clock import local_day
from fairday.kernel.ids import digest
from fairday.kernel.settings import Settings
from fairday.people import audiences as keeping
from fairday.people.audiences import Kept, audiences, memberships
from fairday.people.facts import load_facts
from fairday.people.tables import OPEN
from fairday.people.traits import records
from fairday.people.traits.folding import ENTERED, LEFT, is_trigger
from fairday.people.traits.follower import caught_up
from fairday.people.traits.tables import stale as profile_stale
from fairday.storage.bulk import insert_rows
from fairday.storage.database import col, metadata
from fairday.storage.followers import Source
from fairday.storage.log import OURS, Happening, append_happenings

BY_SQL = 200
"""People from which one statement over them is quicker than their facts one by one."""

stale = Table(
    "membership_stale",
    metadata,
    col("person", BigInteger, primary_key=True, autoincrement=False, personal="person"),
)
"""People to be looked at when the log has been read to its end."""


class Move(NamedTuple):
    """Somebody came in (``since`` is now) or left (``since`` as kept)."""

    person: int
    since: int
    entered: bool


class Membership:
    """Reads behind traits.

    Args:
        settings: gives the shop's settings of the moment.
    """

    name = "membership"
    source: Source = "happenings"
    after: tuple[str, ...] = ("traits",)
    heads = True
    # Memberships are what was announced; a rebuild looks at everybody again and announces only what is new.
    tables: tuple[Table, ...] = (stale,)

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings

    def handle(self, conn: Connection, rows: Sequence[Happening], now: int) -> None:
        """Take a slice of the log; what it says of audiences itself moves nobody."""
        first, last = min(h.pos for h in rows), max(h.pos for h in rows)
        if conn.execute(select(audiences.c.name).limit(1)).first() is not None:
            owned = records.intervals_of(conn, first, last)
            touched = {owned[h.pos][1] for h in rows if h.pos in owned and is_trigger(h)}
            touched |= records.moved(conn, first, last)
            insert_rows(conn, stale, ("person",), [(p,) for p in sorted(touched)], "ON CONFLICT (person) DO NOTHING")
        if caught_up(conn, self.after[0], (rows[-1].xid, rows[-1].pos)):
            self.settle(conn, now, len(rows))

    def waiting(self, conn: Connection) -> bool:
        """Whether anybody, or a whole audience, waits to be looked at."""
        return bool(self._ready(conn, 1)) or self._due(conn) is not None

    def settle(self, conn: Connection, now: int, limit: int) -> int:
        """Look at most at ``limit`` people, then at an audience that is due as a whole; how much was done."""
        settings = self._settings()
        persons = self._ready(conn, limit)
        if persons:
            for part in records.chunks(persons):
                conn.execute(delete(stale).where(stale.c.person.in_(part)))
            follow_ids(conn, persons)
            self._look(conn, persons, settings, now)
            return len(persons)
        due = self._due(conn)
        return 0 if due is None else refresh(conn, keeping.get(conn, due), settings, now, limit)

    def _ready(self, conn: Connection, limit: int) -> list[int]:
        waits = select(profile_stale.c.person).where(profile_stale.c.person == stale.c.person).exists()
        query = select(stale.c.person).where(~waits).order_by(stale.c.person).limit(limit)
        return list(conn.execute(query).scalars())

    def _due(self, conn: Connection) -> str | None:
        if conn.execute(select(profile_stale.c.person).limit(1)).first() is not None:
            return None
        found = conn.execute(select(audiences.c.name).where(audiences.c.due == 1).limit(1)).scalar()
        return None if found is None else str(found)

    def _look(self, conn: Connection, persons: Sequence[int], settings: Settings, now: int) -> None:
        today = local_day(now, settings.zone)
        every = [(a, keeping.parsed(a.expression, settings)) for a in keeping.kept(conn)]
        held = _held(conn, persons)
        if len(persons) <= BY_SQL:
            facts = load_facts(conn, persons, frozenset().union(*(p.measures for _, p in every)))
            inside = {a.name: {p for p in persons if one.test(facts[p], today)} for a, one in every}
        else:
            inside = {
                a.name: set().union(*(keeping.pick(conn, one, today, part) for part in records.chunks(persons, 1000)))
                for a, one in every
            }
        alive = _alive(conn, persons)
        for audience, _ in every:
            now_in, was_in = inside[audience.name] & alive, held.get(audience.name, {})
            announce(conn, audience, _moves(now_in, was_in, now), settings, now)


def refresh(conn: Connection, audience: Kept, settings: Settings, now: int, limit: int) -> int:
    """Look at everyone for one audience; at most ``limit`` come or go, and while more would it stays due.

    Returns:
        How many came or went, at least 1 for the looking.
    """
    c = memberships.c
    was_in = {p: s for p, s in conn.execute(select(c.person, c.since).where(c.audience == audience.name))}
    follow_ids(conn, sorted(was_in))
    was_in = {p: s for p, s in conn.execute(select(c.person, c.since).where(c.audience == audience.name))}
    now_in = keeping.pick(conn, keeping.parsed(audience.expression, settings), local_day(now, settings.zone))
    moves = _moves(now_in, was_in, now)
    announce(conn, audience, moves[:limit], settings, now)
    if len(moves) <= limit:
        conn.execute(update(audiences).where(audiences.c.name == audience.name).values(due=0))
    return max(1, min(len(moves), limit))


def _moves(now_in: Iterable[int], was_in: Mapping[int, int], now: int) -> list[Move]:
    inside = set(now_in)
    left = [Move(p, since, False) for p, since in sorted(was_in.items()) if p not in inside]
    return left + [Move(p, now, True) for p in sorted(inside - was_in.keys())]


def announce(conn: Connection, audience: Kept, moves: Sequence[Move], settings: Settings, now: int) -> None:
    """Write who came and went, and say so in the log, each by the person's oldest strong id."""
    if not moves:
        return
    ids = oldest_ids(conn, [m.person for m in moves], settings)
    c = memberships.c
    n = int(
        conn.execute(select(audiences.c.moves).where(audiences.c.name == audience.name).with_for_update()).scalar_one()
    )
    said: list[Happening] = []
    entered: list[tuple[str, int, int, int]] = []
    for move in moves:
        n += 1
        found = ids.get(move.person)
        if found is None:
            continue  # nobody's ids lead here any more
        identifier, *key = found
        if move.entered:
            entered.append((audience.name, move.person, now, identifier))
        said.append(
            Happening(
                message_id=f"fairday:audience:{digest(audience.name, str(audience.created), str(n))}",
                kind="track",
                name=ENTERED if move.entered else LEFT,
                at=now,
                received=now,
                source=OURS,
                ids=((str(key[0]), str(key[1])),),
                body={"properties": {"audience": audience.name, "since": move.since}},
            )
        )
    for part in records.chunks([m.person for m in moves if not m.entered]):
        conn.execute(delete(memberships).where(c.audience == audience.name, c.person.in_(part)))
    insert_rows(conn, memberships, ("audience", "person", "since", "identifier"), entered)
    conn.execute(update(audiences).where(audiences.c.name == audience.name).values(moves=n))
    append_happenings(conn, said)


def oldest_ids(conn: Connection, persons: Sequence[int], settings: Settings) -> dict[int, tuple[int, str, str]]:
    """By person, (number, type, value) of the id they have had longest, strong ones before weak."""
    weak = frozenset(settings.identity.weak)
    found: dict[int, tuple[int, str, str]] = {}
    for part in records.chunks(persons):
        rows = conn.exec_driver_sql(
            "SELECT o.person, i.id, i.type, i.value FROM ownership o JOIN identifiers i ON i.id = o.identifier"
            f" WHERE o.until_at = {OPEN} AND o.person IN ({records.among(part)})"
        )
        for person, number, type_, value in rows:
            other = found.get(person)
            if other is None or (type_ in weak, number) < (other[1] in weak, other[0]):
                found[person] = (number, type_, value)
    return found


def follow_ids(conn: Connection, persons: Sequence[int]) -> None:
    """Take memberships of people to whoever owns now the id they were announced by; the earlier of two stays."""
    for part in records.chunks(persons):
        rows = conn.exec_driver_sql(
            "SELECT m.audience, m.person, m.since, m.identifier, o.person FROM memberships m"
            f" LEFT JOIN ownership o ON o.identifier = m.identifier AND o.until_at = {OPEN}"
            f" WHERE m.person IN ({records.among(part)}) AND (o.person IS NULL OR o.person <> m.person)"
        ).fetchall()
        for audience, person, since, identifier, owner in rows:
            c = memberships.c
            conn.execute(delete(memberships).where(c.audience == audience, c.person == person))
            if owner is not None:
                clause = (
                    "ON CONFLICT (audience, person) DO UPDATE SET since = excluded.since,"
                    " identifier = excluded.identifier WHERE excluded.since < memberships.since"
                )
                row = (audience, owner, since, identifier)
                insert_rows(conn, memberships, ("audience", "person", "since", "identifier"), [row], clause)
                insert_rows(conn, stale, ("person",), [(owner,)], "ON CONFLICT (person) DO NOTHING")


def _held(conn: Connection, persons: Sequence[int]) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {}
    c = memberships.c
    for part in records.chunks(persons):
        for audience, person, since in conn.execute(select(c.audience, c.person, c.since).where(c.person.in_(part))):
            found.setdefault(audience, {})[person] = since
    return found


def _alive(conn: Connection, persons: Sequence[int]) -> set[int]:
    """Those that are still people; the others were merged away or erased."""
    found: set[int] = set()
    for part in records.chunks(persons):
        found |= set(
            conn.exec_driver_sql(f"SELECT person FROM people WHERE person IN ({records.among(part)})").scalars()
        )
    return found
