"""The outbox: every message that was planned for a person, with what became of it and why.

A message is planned once per address, scene and phase (a unique key), and sent at most once: it is claimed in a
committed transaction before it is handed to the transport, and a claim whose process died is never handed over again
but marked ``unsure``. The local mailbox keeps its mail here, in the claim's own transaction, and so is exactly once.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

import msgspec
from sqlalchemy import (
    BigInteger,
    Connection,
    Index,
    Integer,
    RowMapping,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
    update,
)

from fairday.kernel import jsons
from fairday.people.consent import consents
from fairday.people.contact import Sent
from fairday.people.tables import OPEN, ownership
from fairday.scenes.arms import Meeting, occasion_key
from fairday.scenes.life import scenes
from fairday.storage.database import BigId, col, insert, metadata

messages = Table(
    "messages",
    metadata,
    col("id", BigId, primary_key=True, autoincrement=True, personal=False),
    col("scene", String(100), nullable=False, personal=False),
    col("phase", String(60), nullable=False, personal=False),
    col("channel", String(20), nullable=False, personal=False),
    col("identifier", BigInteger, nullable=False, personal="identifier"),
    col("person", BigInteger, nullable=False, personal="person"),
    col("address", String(320), nullable=False, personal=True),
    col("language", String(8), nullable=False, personal=False),
    col("status", String(12), nullable=False, personal=False),
    col("reason", String(200), nullable=False, personal=False),
    col("planned_at", BigInteger, nullable=False, personal=False),
    col("claimed_at", BigInteger, nullable=True, personal=False),
    col("done_at", BigInteger, nullable=True, personal=False),
    col("tries", Integer, nullable=False, personal=False),
    col("token", String(64), nullable=False, unique=True, personal=True),
    col("subject", Text, nullable=False, personal=True),
    col("html", Text, nullable=False, personal=True),
    col("text", Text, nullable=False, personal=True),
    col("meeting", Text, nullable=False, personal=True),
    UniqueConstraint("scene", "phase", "channel", "identifier", name="messages_once"),
    Index("messages_status", "status", "id"),
    Index("messages_person", "person"),
    Index("messages_identifier", "identifier", "planned_at"),
)

Status = Literal["queued", "sending", "sent", "withheld", "failed", "unsure"]

CLAIM = 10
"""How many messages are claimed at once: as many as may become ``unsure`` when a process is killed."""

MAX_TRIES = 5

UNTRIED = ("server away", "line broke")
"""Reasons that say a message was put back before the server was asked to take it."""

SERVICE = "fairday:service"
"""What stands for the scene where a person asked for the mail themselves (``reach.service``)."""

ORDER = "fairday:order"
"""What stands for the scene where a mail tells a buyer of their own order (``reach.orders``)."""

REMINDER = "fairday:reminder"
"""What stands for the scene where a mail tells of coupons and points that run out (``reach.expiring``)."""

TRANSACTIONAL = (SERVICE, ORDER)
"""Mail that is no marketing: it asks for no consent to marketing and counts for no frequency."""

STALE_MS = 10 * 60_000
"""A claim this old belongs to a process that died."""


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A message about to be planned, or withheld with a reason.

    Attributes:
        meeting: the scene, phase and goods it stands for; its ``withheld`` is the contact rule's reason, "" when it
            may go.
        token: what its links carry; made when left out.
    """

    meeting: Meeting
    channel: str
    identifier: int
    person: int
    address: str
    language: str
    subject: str = ""
    html: str = ""
    text: str = ""
    token: str = ""

    @property
    def phase(self) -> str:
        """The phase of one round of the scene, in which an address gets one message."""
        return occasion_key(self.meeting.phase, self.meeting.occasion)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message as a transport or a page gets it."""

    id: int
    scene: str
    phase: str
    channel: str
    identifier: int
    person: int
    address: str
    language: str
    status: str
    reason: str
    planned_at: int
    done_at: int | None
    token: str
    subject: str
    html: str
    text: str
    meeting: Meeting


_WAITING = (messages.c.status == "queued") & messages.c.scene.not_in(
    select(scenes.c.scene).where(scenes.c.status != "live")
)


def new_token() -> str:
    """What a message's links carry instead of an address: 192 random bits."""
    return secrets.token_urlsafe(24)


def plan(conn: Connection, planned: Iterable[Planned], now: int) -> int:
    """Put messages into the outbox in the caller's transaction.

    One that stands there as withheld takes what is planned now (consent may have been given since, or night be over);
    one in any other state is left as it is.

    Returns:
        How many were new or changed.
    """
    rows = [
        {
            "scene": p.meeting.scene,
            "phase": p.phase,
            "channel": p.channel,
            "identifier": p.identifier,
            "person": p.person,
            "address": p.address,
            "language": p.language,
            "status": "withheld" if p.meeting.withheld else "queued",
            "reason": p.meeting.withheld,
            "planned_at": now,
            "tries": 0,
            "token": p.token or new_token(),
            "subject": p.subject,
            "html": p.html,
            "text": p.text,
            "meeting": jsons.dumps(p.meeting),
        }
        for p in planned
    ]
    if not rows:
        return 0
    statement = insert(conn, messages)
    again = {c: statement.excluded[c] for c in rows[0] if c not in ("scene", "phase", "channel", "identifier")}
    statement = statement.on_conflict_do_update(
        index_elements=["scene", "phase", "channel", "identifier"],
        set_=again,
        where=messages.c.status == "withheld",
    )
    return len(conn.execute(statement.returning(messages.c.id), rows).all())


def claim(conn: Connection, now: int, limit: int = CLAIM) -> list[Message]:
    """Claim the next queued messages in the caller's transaction; commit before handing any to a transport.

    Those of a scene that is not live now wait. One whose reader has refused since it was planned is withheld.
    """
    _withhold_refused(conn, limit)
    waiting = (
        select(messages.c.id)
        .where(_WAITING)
        .order_by(messages.c.tries, messages.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = [i for (i,) in conn.execute(waiting)]
    if not found:
        return []
    conn.execute(
        update(messages)
        .where(messages.c.id.in_(found))
        .values(status="sending", claimed_at=now, tries=messages.c.tries + 1)
    )
    rows = conn.execute(select(messages).where(messages.c.id.in_(found)).order_by(messages.c.id)).mappings()
    return [message(r) for r in rows]


def _withhold_refused(conn: Connection, limit: int) -> None:
    # Planned long ago (the mail server was away): what was agreed to then may have been refused since.
    c, o = messages.c, ownership.c
    query = (
        select(c.id, c.channel, func.coalesce(o.person, c.person))
        .outerjoin(ownership, (o.identifier == c.identifier) & (o.until_at == OPEN))
        .where(_WAITING, c.scene.not_in(TRANSACTIONAL))
        .order_by(c.tries, c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=messages)
    )
    while found := conn.execute(query).all():
        refused = []
        for channel in {channel for _, channel, _ in found}:
            said = consents(conn, [person for _, its, person in found if its == channel], channel)
            refused += [
                id_ for id_, its, person in found if its == channel and person in said and not said[person].given
            ]
        if not refused:
            return
        conn.execute(update(messages).where(c.id.in_(refused)).values(status="withheld", reason="no_consent"))


def settle(conn: Connection, done: Sequence[tuple[int, Status, str]], now: int) -> None:
    """Write what became of claimed messages: (id, status, reason). ``queued`` puts one back after a passing fault.

    One that was never handed over (a reason of ``UNTRIED``) may wait as long as it takes; others so many tries.
    """
    for id_, status, reason in done:
        mine = update(messages).where(messages.c.id == id_, messages.c.status == "sending")
        if status == "queued" and reason.startswith(UNTRIED):
            conn.execute(mine.values(status="queued", reason=reason[:200], tries=messages.c.tries - 1))
            continue
        if status == "queued":
            conn.execute(mine.where(messages.c.tries < MAX_TRIES).values(status="queued", reason=reason[:200]))
            status = "failed"  # what was tried too often and is still claimed
        conn.execute(mine.values(status=status, reason=reason[:200], done_at=now))


def recover(conn: Connection, now: int) -> int:
    """Mark claims whose process died as ``unsure``: they may have gone out, so they are never sent again."""
    gone = update(messages).where(messages.c.status == "sending", messages.c.claimed_at < now - STALE_MS)
    return int(conn.execute(gone.values(status="unsure", reason="process_died", done_at=now)).rowcount)


def message(row: RowMapping) -> Message:
    """A message from a row of the table."""
    fields = {name: row[name] for name in Message.__struct_fields__ if name != "meeting"}
    return Message(**fields, meeting=msgspec.json.decode(row["meeting"], type=Meeting))


def by_token(conn: Connection, token: str) -> Message | None:
    """The message whose links carry this token."""
    row = conn.execute(select(messages).where(messages.c.token == token)).mappings().one_or_none()
    return message(row) if row else None


def get(conn: Connection, id_: int) -> Message | None:
    """A message by number."""
    row = conn.execute(select(messages).where(messages.c.id == id_)).mappings().one_or_none()
    return message(row) if row else None


def page(
    conn: Connection, *, scene: str = "", status: str = "", before: int | None = None, limit: int = 50
) -> list[Message]:
    """Messages, the newest first, without their bodies' cost being anybody's concern below a few hundred."""
    query = select(messages).order_by(messages.c.id.desc()).limit(limit)
    if scene:
        query = query.where(messages.c.scene == scene)
    if status:
        query = query.where(messages.c.status == status)
    if before is not None:
        query = query.where(messages.c.id < before)
    return [message(r) for r in conn.execute(query).mappings()]


def settled_for(
    conn: Connection, scene: str, phases: Collection[str], identifiers: Collection[int]
) -> set[tuple[str, int]]:
    """Which (phase, identifier) have a message that is not merely withheld."""
    c = messages.c
    query = select(c.phase, c.identifier).where(
        c.scene == scene, c.phase.in_(phases), c.identifier.in_(identifiers), c.status != "withheld"
    )
    return {(phase, identifier) for phase, identifier in conn.execute(query)}


def lately(conn: Connection, identifiers: Collection[int], since: int) -> dict[int, list[Sent]]:
    """What went, or may have gone, to some addresses since an instant (ms), on every channel: identifier → messages."""
    c = messages.c
    found: dict[int, list[Sent]] = {}
    query = select(c.identifier, c.scene, c.planned_at).where(
        c.identifier.in_(identifiers),
        c.planned_at >= since,
        c.scene.not_in(TRANSACTIONAL),
        c.status.in_(("queued", "sending", "sent", "unsure")),
    )
    for identifier, scene, at in conn.execute(query):
        found.setdefault(identifier, []).append(Sent(scene, at))
    return found


def bounced(conn: Connection, identifiers: Collection[int]) -> set[int]:
    """Addresses a server has refused for good."""
    c = messages.c
    query = select(c.identifier).where(
        c.identifier.in_(identifiers), c.status == "failed", c.reason.startswith("refused 5")
    )
    return {identifier for (identifier,) in conn.execute(query)}


def refused_at(conn: Connection, address: str) -> bool:
    """Whether a server has refused an address for good, whomever it was written to for."""
    c = messages.c
    query = select(c.id).where(c.status == "failed", c.address == address, c.reason.startswith("refused 5")).limit(1)
    return conn.execute(query).first() is not None


def of_order(conn: Connection, phases: str) -> list[Message]:
    """The mails that told of an order, the first first; ``phases`` is what their phases begin with."""
    c = messages.c
    query = select(messages).where(c.scene == ORDER, c.phase >= phases, c.phase < phases + "~").order_by(c.id)
    return [message(r) for r in conn.execute(query).mappings()]


def waiting(conn: Connection) -> bool:
    """Whether a mail about an order waits to be sent: those are sent at once."""
    c = messages.c
    return conn.execute(select(c.id).where(c.status == "queued", c.scene == ORDER).limit(1)).first() is not None


def counts(conn: Connection, scene: str) -> dict[tuple[str, str, str], int]:
    """How many messages of a scene stand where: (phase, status, reason) → count."""
    c = messages.c
    query = (
        select(c.phase, c.status, c.reason, func.count()).where(c.scene == scene).group_by(c.phase, c.status, c.reason)
    )
    return {(phase, status, reason): n for phase, status, reason, n in conn.execute(query)}
