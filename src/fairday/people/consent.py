"""Consent by channel and purpose, with time and source: who agreed to what, and who took it back.

Statements are happenings: "Consent Given", "Consent Withdrawn" (properties ``channel``, ``purpose``), and
"Email Unsubscribed" (Segment's name, the same as withdrawing e-mail for marketing); a site's banner sends Segment's
``context.consent.categoryPreferences``, read as purposes of the channel ``web``.

A statement is kept on the address it is about (an e-mail for e-mail, a phone for SMS) or, where none came with it, on
the strongest id; the last by time stands for that id. A person's consent is the strictest over the ids they own now:
one refusal at any of them refuses, so merging two people never mails someone who had said no, and an unsubscribed
address stays so whoever owns it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec
from sqlalchemy import BigInteger, Connection, Integer, String, Table, select

from fairday.kernel.settings import IdentitySettings
from fairday.people.identity.normal import usable
from fairday.people.tables import OPEN, identifiers, ownership
from fairday.storage.database import col, insert, metadata
from fairday.storage.followers import Source
from fairday.storage.log import Happening

MARKETING = "marketing"
EVERY = "*"
"""A channel that means all of them: withdrawing without naming one."""

ADDRESS = {"email": "email", "sms": "phone", "phone": "phone", "wechat": "wechat_openid"}
"""The type of id a channel writes to."""

consent_statements = Table(
    "consent_statements",
    metadata,
    col("identifier", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
    col("channel", String(24), primary_key=True, personal=False),
    col("purpose", String(48), primary_key=True, personal=False),
    col("given", Integer, nullable=False, personal=True),
    col("at", BigInteger, nullable=False, personal=False),
    col("source", String(64), nullable=False, personal=False),
)


class Consent(msgspec.Struct, frozen=True):
    """What was said: ``given`` or withdrawn, when (ms), and through which door."""

    given: bool
    at: int
    source: str


class Statement(msgspec.Struct, frozen=True):
    """One statement of a happening, on an id (type, normalised value)."""

    key: tuple[str, str]
    channel: str
    purpose: str
    consent: Consent


def statements(row: Happening, settings: IdentitySettings) -> list[Statement]:
    """What a happening says about consent. Pure.

    A malformed statement says nothing; a refusal that names no channel is one for every channel.
    """
    ids, _ = usable(row.ids, settings)
    if not ids:
        return []
    found: list[Statement] = []
    if row.kind == "track" and row.name in ("Consent Given", "Consent Withdrawn", "Email Unsubscribed", "Unsubscribed"):
        given = row.name == "Consent Given"
        channel = _word(row.properties.get("channel"), "email" if row.name == "Email Unsubscribed" else EVERY)
        purpose = _word(row.properties.get("purpose"), MARKETING)
        if given and channel == EVERY:
            return []  # nobody agrees to every channel there may ever be
        consent = Consent(given, row.at, row.source)
        about = [key for key in ids if key[0] == ADDRESS.get(channel)] or ids[:1]
        found += (Statement(key, channel, purpose, consent) for key in about)
    consented = row.context.get("consent")
    preferences = consented.get("categoryPreferences") if isinstance(consented, dict) else None
    if isinstance(preferences, dict):
        for category, agreed in preferences.items():
            if isinstance(agreed, bool):
                found.append(Statement(ids[0], "web", _word(category, EVERY), Consent(agreed, row.at, row.source)))
    return found


def _word(value: object, otherwise: str) -> str:
    return value.strip().lower()[:24] if isinstance(value, str) and value.strip() else otherwise


def strictest(said: Iterable[Consent]) -> Consent | None:
    """Of several statements the refusal, the earliest one; else the latest agreement; None when nothing was said."""
    every = list(said)
    refusals = [c for c in every if not c.given]
    if refusals:
        return min(refusals, key=lambda c: (c.at, c.source))
    return max(every, key=lambda c: (c.at, c.source), default=None)


class ConsentFollower:
    """Keeps the last statement of each id, channel and purpose by event time; of two at one instant the refusal."""

    name = "consent"
    source: Source = "happenings"
    after: tuple[str, ...] = ("identity",)
    tables: tuple[Table, ...] = (consent_statements,)

    def __init__(self, settings: Callable[[], IdentitySettings]) -> None:
        self._settings = settings

    def handle(self, conn: Connection, rows: Sequence[Happening], now: int) -> None:
        settings = self._settings()
        last: dict[tuple[tuple[str, str], str, str], Consent] = {}
        for row in rows:
            for s in statements(row, settings):
                place = (s.key, s.channel, s.purpose)
                if place not in last or _stands(s.consent, last[place]):
                    last[place] = s.consent
        if not last:
            return
        numbers = _numbers(conn, {key for key, _, _ in last})
        values = [
            {"identifier": numbers[key], "channel": channel, "purpose": purpose,
             "given": int(c.given), "at": c.at, "source": c.source}
            for (key, channel, purpose), c in sorted(last.items())
            if key in numbers
        ]  # fmt: skip
        if not values:
            return
        kept = consent_statements.c
        statement = insert(conn, consent_statements)
        told = statement.excluded
        conn.execute(
            statement.on_conflict_do_update(
                index_elements=["identifier", "channel", "purpose"],
                set_={"given": told.given, "at": told.at, "source": told.source},
                where=(told.at > kept.at) | ((told.at == kept.at) & (told.given < kept.given)),
            ),
            values,
        )


def _stands(new: Consent, old: Consent) -> bool:
    return (new.at, not new.given) > (old.at, not old.given)


def _numbers(conn: Connection, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    c = identifiers.c
    for type_ in {t for t, _ in keys}:
        values = sorted(v for t, v in keys if t == type_)
        for start in range(0, len(values), 500):
            query = select(c.id, c.value).where(c.type == type_, c.value.in_(values[start : start + 500]))
            found.update({(type_, value): number for number, value in conn.execute(query)})
    return found


def consents(
    conn: Connection, persons: Sequence[int], channel: str, purpose: str = MARKETING, now: int | None = None
) -> dict[int, Consent]:
    """What people said of a channel and purpose, the strictest over the ids they own; who said nothing is missing.

    Args:
        now: the instant (ms) at which ids are owned; the current owner when left out.
    """
    o, s = ownership.c, consent_statements.c
    said: dict[int, list[Consent]] = {}
    owned = o.until_at == OPEN if now is None else (o.from_at <= now) & (o.until_at > now)
    for start in range(0, len(persons), 500):
        query = (
            select(o.person, s.given, s.at, s.source)
            .join(consent_statements, s.identifier == o.identifier)
            .where(o.person.in_(persons[start : start + 500]), owned)
            .where(s.channel.in_((channel, EVERY)), s.purpose == purpose)
        )
        for person, given, at, source in conn.execute(query):
            said.setdefault(person, []).append(Consent(bool(given), at, source))
    return {person: c for person, found in said.items() if (c := strictest(found)) is not None}


def consent_of(conn: Connection, person: int, channel: str, purpose: str = MARKETING) -> Consent | None:
    """What a person said of a channel and purpose, or None."""
    return consents(conn, [person], channel, purpose).get(person)


def all_consents(conn: Connection, person: int) -> list[tuple[str, str, Consent]]:
    """Every (channel, purpose) a person said something of, the strictest over their ids, for a page."""
    o, s = ownership.c, consent_statements.c
    query = (
        select(s.channel, s.purpose, s.given, s.at, s.source)
        .join(ownership, s.identifier == o.identifier)
        .where(o.person == person, o.until_at == OPEN)
    )
    said: dict[tuple[str, str], list[Consent]] = {}
    for channel, purpose, given, at, source in conn.execute(query):
        said.setdefault((channel, purpose), []).append(Consent(bool(given), at, source))
    return [(*place, c) for place, found in sorted(said.items()) if (c := strictest(found)) is not None]
