"""Mail to an address that nobody here is known by: somebody who signs in for the first time, or a stranger's mischief.

Until the address is proved nothing is known of a person, and next to nothing is kept: the row of the outbox stands
under a number below zero, which a keyed hash gives of the address, and goes after a day. Who proves the address takes
the rows over as theirs; an erasure finds them by the hash.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, select, update

from fairday.kernel.clock import DAY_MS
from fairday.people.identity.erased import hashed, secret
from fairday.people.identity.queries import ids_of, person_of
from fairday.people.privacy import Subject
from fairday.reach.outbox import messages

NOBODY = 0
"""What stands for the person in the row of an address that was not proved."""

KEPT_MS = DAY_MS


def number_of(conn: Connection, address: str) -> int:
    """The number below zero that stands for a normalised address as long as it has none of its own."""
    return -1 - (int(hashed(("email", address), secret(conn)), 16) >> 67)


def written_to(conn: Connection, since: int) -> int:
    """How many mails went to addresses that are still unknown, since an instant (ms)."""
    c = messages.c
    query = select(func.count()).where(c.identifier < 0, c.planned_at >= since)
    return int(conn.execute(query).scalar_one())


def adopt(conn: Connection, address: str) -> None:
    """The address was proved: its mails of before are those of the person who has it now."""
    person = person_of(conn, "email", address)
    owned = ids_of(conn, person) if person is not None else []
    for own in owned:
        if own.current and (own.type, own.value) == ("email", address):
            change = update(messages).where(messages.c.identifier == number_of(conn, address))
            conn.execute(change.values(identifier=own.number, person=person, address=address))


def forget_strangers(conn: Connection, subject: Subject) -> int:
    """Take away the mails an erased person got before their address was known (an eraser of ``people.privacy``)."""
    numbers = [number_of(conn, value) for type_, value in subject.keys if type_ == "email"]
    return conn.execute(delete(messages).where(messages.c.identifier.in_(numbers))).rowcount if numbers else 0


def forget(conn: Connection, now: int, limit: int = 5000) -> int:
    """Let go of up to ``limit`` mails to addresses that nobody proved within a day; how many there were."""
    c = messages.c
    old = select(c.id).where(c.identifier < 0, c.planned_at < now - KEPT_MS).limit(limit)
    return conn.execute(delete(messages).where(c.id.in_(old))).rowcount
