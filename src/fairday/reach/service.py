"""Mail a person asks for, such as a link to their own page: one message at once, with no scene and no marketing in it.

It stands in the outbox beside the others, so that the local mailbox shows it. Where it goes out by SMTP its text is not
kept: what it holds opens a record.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, func, select, update

from fairday.kernel import jsons
from fairday.kernel.clock import Clock
from fairday.reach import strangers
from fairday.reach.delivery import Transport
from fairday.reach.outbox import SERVICE, Message, messages, new_token
from fairday.scenes.arms import Meeting
from fairday.storage.database import Database, alone

AN_HOUR = 3_600_000
MAILS_AN_HOUR = 3
"""How many such mails an address gets within an hour."""

STRANGERS_AN_HOUR = 120
"""How many go, within an hour, to addresses the shop does not know: its form is not for bombing strangers."""


def _asked(conn: Connection, identifier: int, since: int) -> int:
    """How many such mails an address got since an instant (ms)."""
    c = messages.c
    query = select(func.count()).where(c.identifier == identifier, c.scene == SERVICE, c.planned_at >= since)
    return int(conn.execute(query).scalar_one())


def send(
    db: Database,
    transport: Transport | None,
    clock: Clock,
    *,
    identifier: int | None,
    person: int | None,
    address: str,
    language: str,
    subject: str,
    html: str,
    text: str,
) -> str:
    """Send a mail now, or put it into the local mailbox where there is no transport.

    Args:
        identifier: the address's number; None where the shop does not know it (``reach.strangers``).
        person: whose it is; None with that.
        address: as identity keeps it: normalised.

    Returns:
        Its status; ``withheld``, and nothing is written, where the address, or all strangers, got enough this hour.
    """
    now = clock.now()
    meeting = Meeting(scene=SERVICE, version=0, phase="", occasion=0, touchpoint="email")
    message = Message(
        id=0, scene=SERVICE, phase=new_token(), channel="email", identifier=identifier or 0,
        person=strangers.NOBODY if person is None else person, address=address,
        language=language, status="sending" if transport else "sent", reason="" if transport else "mailbox",
        planned_at=now, done_at=None, token=new_token(), subject=subject, html=html, text=text, meeting=meeting,
    )  # fmt: skip
    row = msgspec.structs.asdict(message) | {"claimed_at": now, "tries": 1, "meeting": jsons.dumps(meeting)}
    del row["id"]
    if transport is not None:
        row |= {"html": "", "text": ""} | ({"address": ""} if identifier is None else {})
    with db.write() as conn:
        alone(conn, "service mail")  # counted and written in one
        if identifier is None:
            row["identifier"] = strangers.number_of(conn, address)
            if strangers.written_to(conn, now - AN_HOUR) >= STRANGERS_AN_HOUR:
                return "withheld"
        if _asked(conn, row["identifier"], now - AN_HOUR) >= MAILS_AN_HOUR:
            return "withheld"
        id_ = conn.execute(messages.insert().values(**row).returning(messages.c.id)).scalar_one()
    if transport is None:
        return "sent"
    _, status, reason = transport.send([msgspec.structs.replace(message, id=id_)])[0]
    status = "failed" if status == "queued" else status  # it is asked for again rather than sent late
    with db.write() as conn:
        change = update(messages).where(messages.c.id == id_)
        conn.execute(change.values(status=status, reason=reason[:200], done_at=clock.now()))
    return status
