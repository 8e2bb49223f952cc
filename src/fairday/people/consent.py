"""Consent by channel and purpose, with time and source: who agreed to what, and who took it back.

Statements are happenings: "Consent Given", "Consent Withdrawn" (properties ``channel``, ``purpose``), and
"Email Unsubscribed" (Segment's name, the same as withdrawing e-mail for marketing); a site's banner sends Segment's
``context.consent.categoryPreferences``, read as purposes of the channel ``web``.

A statement is kept for the id it is about (an e-mail for e-mail, a phone for SMS; without one the strongest id) and for
the id that spoke, the happening's strongest; the last by event time stands. Of a person's consent:

- a refusal about an id they own now holds, whoever spoke: an unsubscribed address stays so when it changes hands;
- an agreement counts only where they spoke it themselves: the id that spoke was theirs at that time. So nobody agrees
  with somebody else's address, and an agreement does not follow a phone number to its next owner;
- a later agreement of theirs lifts a refusal about the same id or of the same speaker, and no other: joining two people
  takes the stricter.

An address that came alone (a newsletter form) speaks for itself: whoever owns it said it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec
from sqlalchemy import BigInteger, Connection, Integer, String, Table, bindparam, select, text

from fairday.kernel.settings import IdentitySettings
from fairday.people.identity.normal import usable
from fairday.people.tables import OPEN, identifiers
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
    col("speaker", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
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
    """One statement of a happening: about an id, spoken by an id (type, normalised value)."""

    key: tuple[str, str]
    speaker: tuple[str, str]
    channel: str
    purpose: str
    consent: Consent


_STATED = frozenset({"Consent Given", "Consent Withdrawn", "Email Unsubscribed", "Unsubscribed"})


def statements(row: Happening, settings: IdentitySettings) -> list[Statement]:
    """What a happening says about consent. Pure.

    A malformed statement says nothing; a refusal that names no channel is one for every channel.
    """
    consented = row.context.get("consent")
    preferences = consented.get("categoryPreferences") if isinstance(consented, dict) else None
    stated = row.kind == "track" and row.name in _STATED
    if not stated and not isinstance(preferences, dict):
        return []
    ids, _ = usable(row.ids, settings)
    if not ids:
        return []
    found: list[Statement] = []
    if stated:
        given = row.name == "Consent Given"
        channel = _word(row.properties.get("channel"), "email" if row.name == "Email Unsubscribed" else EVERY)
        purpose = _word(row.properties.get("purpose"), MARKETING)
        if given and channel == EVERY:
            return []  # nobody agrees to every channel there may ever be
        consent = Consent(given, row.at, row.source)
        about = [key for key in ids if key[0] == ADDRESS.get(channel)] or ids[:1]
        found += (Statement(key, ids[0], channel, purpose, consent) for key in about)
    if isinstance(preferences, dict):
        for category, agreed in preferences.items():
            if isinstance(agreed, bool):
                said = Consent(agreed, row.at, row.source)
                found.append(Statement(ids[0], ids[0], "web", _word(category, EVERY), said))
    return found


def _word(value: object, otherwise: str) -> str:
    return value.strip().lower()[:24] if isinstance(value, str) and value.strip() else otherwise


class Told(msgspec.Struct, frozen=True):
    """A statement as it bears on a person: about which id, spoken by which, and whether the person spoke it."""

    about: int
    speaker: int
    consent: Consent
    own: bool


def decide(told: Iterable[Told]) -> Consent | None:
    """A person's consent from all that was said about ids they own: the earliest refusal that stands, else the latest
    agreement of theirs, else None. Pure; the order of ``told`` does not matter."""
    every = list(told)
    given = [t for t in every if t.consent.given and t.own]
    refusals = [
        t.consent
        for t in every
        if not t.consent.given
        and not any(g.consent.at > t.consent.at and (g.about == t.about or g.speaker == t.speaker) for g in given)
    ]
    if refusals:
        return min(refusals, key=lambda c: (c.at, c.source))
    return max((t.consent for t in given), key=lambda c: (c.at, c.source), default=None)


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
        last: dict[tuple[tuple[str, str], str, str, tuple[str, str]], Consent] = {}
        for row in rows:
            for s in statements(row, settings):
                place = (s.key, s.channel, s.purpose, s.speaker)
                if place not in last or _stands(s.consent, last[place]):
                    last[place] = s.consent
        if not last:
            return
        numbers = _numbers(conn, {key for place in last for key in (place[0], place[3])})
        values = [
            {"identifier": numbers[key], "channel": channel, "purpose": purpose, "speaker": numbers[speaker],
             "given": int(c.given), "at": c.at, "source": c.source}
            for (key, channel, purpose, speaker), c in sorted(last.items())
            if key in numbers and speaker in numbers
        ]  # fmt: skip
        if not values:
            return
        kept = consent_statements.c
        statement = insert(conn, consent_statements)
        told = statement.excluded
        conn.execute(
            statement.on_conflict_do_update(
                index_elements=["identifier", "channel", "purpose", "speaker"],
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


_TOLD = (
    "SELECT o.person, s.channel, s.purpose, s.identifier, s.speaker, s.given, s.at, s.source,"
    " CASE WHEN who.person = o.person THEN 1 ELSE 0 END"
    " FROM consent_statements s JOIN ownership o ON o.identifier = s.identifier AND o.until_at = :open"
    " LEFT JOIN ownership who ON who.identifier = s.speaker AND who.from_at <= s.at AND s.at < who.until_at"
)


def _told(conn: Connection, where: str, **values: object) -> dict[int, dict[tuple[str, str], list[Told]]]:
    query = text(f"{_TOLD} {where}")
    for name, value in values.items():
        if isinstance(value, (list, tuple)):
            query = query.bindparams(bindparam(name, expanding=True))
    found: dict[int, dict[tuple[str, str], list[Told]]] = {}
    for person, channel, purpose, about, speaker, given, at, source, own in conn.execute(
        query, {"open": OPEN, **values}
    ):
        told = Told(about, speaker, Consent(bool(given), at, source), bool(own))
        found.setdefault(person, {}).setdefault((channel, purpose), []).append(told)
    return found


def consents(
    conn: Connection, persons: Sequence[int] | None, channel: str, purpose: str = MARKETING
) -> dict[int, Consent]:
    """What people said of a channel and purpose; who said nothing is missing. ``persons`` None: everybody."""
    said: dict[int, Consent] = {}
    where = "WHERE s.channel IN :channels AND s.purpose = :purpose"
    asked = {"channels": [channel, EVERY], "purpose": purpose}
    parts: list[Sequence[int] | None] = [None]
    if persons is not None:
        parts = [persons[start : start + 500] for start in range(0, len(persons), 500)]
    for part in parts:
        some = {} if part is None else {"persons": list(part)}
        found = _told(conn, where + ("" if part is None else " AND o.person IN :persons"), **asked, **some)
        for person, places in found.items():
            consent = decide(t for told in places.values() for t in told)
            if consent is not None:
                said[person] = consent
    return said


def consent_of(conn: Connection, person: int, channel: str, purpose: str = MARKETING) -> Consent | None:
    """What a person said of a channel and purpose, or None."""
    return consents(conn, [person], channel, purpose).get(person)


def all_consents(conn: Connection, person: int) -> list[tuple[str, str, Consent]]:
    """Every (channel, purpose) a person's consent is known of, for a page."""
    found = _told(conn, "WHERE o.person = :person", person=person).get(person, {})
    return [(*place, c) for place, told in sorted(found.items()) if (c := decide(told)) is not None]
