"""Mail a person asks for, such as a link to their own page: one message at once, with no scene and no marketing in it.

It stands in the outbox beside the others, so that the local mailbox shows it. Where it goes out by SMTP its text is not
kept: what it holds opens a record.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import func, select, update

from fairday.kernel import jsons
from fairday.kernel.clock import Clock
from fairday.reach.delivery import Transport
from fairday.reach.outbox import SERVICE, Message, messages, new_token
from fairday.scenes.arms import Meeting
from fairday.storage.database import Database


def asked(db: Database, identifier: int, since: int) -> int:
    """How many such mails an address got since an instant (ms)."""
    c = messages.c
    query = select(func.count()).where(c.identifier == identifier, c.scene == SERVICE, c.planned_at >= since)
    with db.read() as conn:
        return int(conn.execute(query).scalar_one())


def send(
    db: Database,
    transport: Transport | None,
    clock: Clock,
    *,
    identifier: int,
    person: int,
    address: str,
    language: str,
    subject: str,
    html: str,
    text: str,
) -> str:
    """Send a mail now, or put it into the local mailbox where there is no transport; gives its status."""
    now = clock.now()
    meeting = Meeting(scene=SERVICE, version=0, phase="", occasion=0, touchpoint="email")
    message = Message(
        id=0, scene=SERVICE, phase=new_token(), channel="email", identifier=identifier, person=person, address=address,
        language=language, status="sending" if transport else "sent", reason="" if transport else "mailbox",
        planned_at=now, done_at=None, token=new_token(), subject=subject, html=html, text=text, meeting=meeting,
    )  # fmt: skip
    row = msgspec.structs.asdict(message) | {"claimed_at": now, "tries": 1, "meeting": jsons.dumps(meeting)}
    del row["id"]
    if transport is not None:
        row |= {"html": "", "text": ""}
    with db.write() as conn:
        id_ = conn.execute(messages.insert().values(**row).returning(messages.c.id)).scalar_one()
    if transport is None:
        return "sent"
    _, status, reason = transport.send([msgspec.structs.replace(message, id=id_)])[0]
    status = "failed" if status == "queued" else status  # it is asked for again rather than sent late
    with db.write() as conn:
        change = update(messages).where(messages.c.id == id_)
        conn.execute(change.values(status=status, reason=reason[:200], done_at=clock.now()))
    return status
