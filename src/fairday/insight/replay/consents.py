"""Consent to mail as it stood on earlier days, from every statement in the log."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select

from fairday.kernel.settings import Settings
from fairday.people import consent
from fairday.people.tables import OPEN
from fairday.people.traits.records import among, chunks
from fairday.storage.log import happening, happenings

NAMES = ("Consent Given", "Consent Withdrawn", "Email Unsubscribed", "Unsubscribed")


class Owned(msgspec.Struct, frozen=True):
    """An id somebody owns or owned, from an instant (ms) up to another."""

    identifier: int
    type: str
    value: str
    from_at: int
    until_at: int


def owned_by(conn: Connection, persons: Sequence[int]) -> dict[int, list[Owned]]:
    """The ids people own or owned, the oldest first."""
    found: dict[int, list[Owned]] = {}
    for part in chunks(persons):
        rows = conn.exec_driver_sql(
            "SELECT o.person, i.id, i.type, i.value, o.from_at, o.until_at FROM ownership o"
            f" JOIN identifiers i ON i.id = o.identifier WHERE o.person IN ({among(part)}) ORDER BY i.id, o.from_at"
        )
        for person, *row in rows:
            found.setdefault(person, []).append(Owned(*row))
    return found


class Consents:
    """Statements on mail for marketing, by the id they are about."""

    def __init__(self, conn: Connection, settings: Settings) -> None:
        self._about: dict[tuple[str, str], list[consent.Statement]] = {}
        query = select(happenings).where(happenings.c.kind == "track", happenings.c.name.in_(NAMES))
        for row in conn.execute(query).mappings():
            for said in consent.statements(happening(row), settings.identity):
                if said.channel in ("email", consent.EVERY) and said.purpose == consent.MARKETING:
                    self._about.setdefault(said.key, []).append(said)

    def given(self, owned: Sequence[Owned], before: int | None) -> bool | None:
        """Whether somebody had agreed before an instant (ms), or has by today; None where they were never asked."""
        told = []
        for one in owned:
            if one.until_at != OPEN:
                continue
            last: dict[tuple[tuple[str, str], str], consent.Statement] = {}
            for said in self._about.get((one.type, one.value), ()):
                if before is not None and said.consent.at >= before:
                    continue
                place = (said.speaker, said.channel)
                kept = last.get(place)
                newer = (said.consent.at, not said.consent.given)
                if kept is None or newer > (kept.consent.at, not kept.consent.given):
                    last[place] = said
            for said in last.values():
                speakers = [o for o in owned if (o.type, o.value) == said.speaker]
                own = any(o.from_at <= said.consent.at < o.until_at for o in speakers)
                speaker = speakers[0].identifier if speakers else -1
                told.append(consent.Told(one.identifier, speaker, said.consent, own))
        found = consent.decide(told)
        return None if found is None else found.given
