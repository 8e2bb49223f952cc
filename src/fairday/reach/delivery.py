"""Messages leave the outbox: through a transport, or into the local mailbox."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from sqlalchemy import Connection, update

from fairday.kernel.clock import Clock
from fairday.reach.outbox import REMINDER, TRANSACTIONAL, Message, Status, claim, messages, recover, settle
from fairday.scenes.arms import happening
from fairday.storage.database import Database
from fairday.storage.log import append_happenings


class Transport(Protocol):
    """Hands messages to the world.

    ``send`` returns (id, status, reason) of each; it raises nothing for a single message's fault.
    """

    def send(self, batch: Sequence[Message]) -> list[tuple[int, Status, str]]: ...


def sent(conn: Connection, delivered: Iterable[Message], now: int, zone: str) -> None:
    """Tell the log whom a scene met by message, in the transaction that says it was sent."""
    met = [m for m in delivered if m.scene not in (*TRANSACTIONAL, REMINDER)]
    append_happenings(conn, [happening(m.meeting, (m.channel, m.address), now, zone, message=True) for m in met])


def drain(db: Database, transport: Transport, clock: Clock, zone: str, limit: int = 10_000) -> int:
    """Send what is queued until nothing is or ``limit`` messages were handed over; how many were."""
    handed = 0
    with db.write() as conn:
        recover(conn, clock.now())
    while handed < limit:
        # The time of each claim, not of the first: another process must not take a claim of a long round for dead.
        with db.write() as conn:
            batch = claim(conn, clock.now())
        if not batch:
            break
        done = transport.send(batch)
        gone = {id_ for id_, status, _ in done if status == "sent"}
        with db.write() as conn:
            settle(conn, done, clock.now())
            _let_go(conn, [m.id for m in batch if m.id in gone and m.scene in TRANSACTIONAL])
            sent(conn, [m for m in batch if m.id in gone], clock.now(), zone)
        handed += len(batch)
        if all(status == "queued" for _, status, _ in done):
            break  # the transport is away; what was put back waits for the next call
    return handed


def _let_go(conn: Connection, ids: Sequence[int]) -> None:
    """Of a mail that went out and opens somebody's order or record, the text is kept no longer."""
    if ids:
        conn.execute(update(messages).where(messages.c.id.in_(ids)).values(html="", text=""))


def deliver_locally(db: Database, now: int, zone: str, limit: int = 500) -> int:
    """Deliver what is queued into the local mailbox, which is this table: exactly once, in one transaction a slice."""
    delivered = 0
    while True:
        with db.write() as conn:
            batch = claim(conn, now, limit)
            settle(conn, [(m.id, "sent", "mailbox") for m in batch], now)
            sent(conn, batch, now, zone)
        if not batch:
            return delivered
        delivered += len(batch)
