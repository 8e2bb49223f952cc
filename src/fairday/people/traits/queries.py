"""What pages ask of a person: the profile with source and date, the timeline, the segments' sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, func, select, text

from fairday.kernel.audience import TraitDef, unpack
from fairday.people.tables import profile
from fairday.people.traits.declared import DERIVED, SEGMENTS, TRAITS
from fairday.storage.log import Happening, happening

Basis = Literal["told", "derived", "inferred"]


@dataclass(frozen=True, slots=True)
class KnownTrait:
    """A trait of a person.

    Attributes:
        trait: its declaration.
        lo, hi: a number, day, yearly day or money in minor units; equal when exact, None at an open end.
        txt: a text, or None.
        texts: the members of a set of texts, else empty.
        at: when it was told, or the day it stems from (ms).
        source: the door it came through, or what it was computed from (``orders``, ``activity``, ``rfm``).
        basis: told, derived from behaviour, or inferred.
        p: an inferred value's probability in thousandths, else None.
    """

    trait: TraitDef
    lo: int | None
    hi: int | None
    txt: str | None
    texts: tuple[str, ...]
    at: int
    source: str
    basis: Basis
    p: int | None


def profile_of(conn: Connection, person: int) -> list[KnownTrait]:
    """What is known of a person, in the order in which traits are declared."""
    c = profile.c
    query = select(c.trait, c.lo, c.hi, c.txt, c.at, c.source, c.p).where(c.person == person)
    places = {name: i for i, name in enumerate(TRAITS)}
    found = []
    for name, lo, hi, txt, at, source, p in conn.execute(query):
        trait = TRAITS.get(name)
        if trait is None:
            continue  # declared by another version of Fairday
        several = trait.type == "texts" and txt is not None
        basis: Basis = "inferred" if p is not None else ("derived" if name in DERIVED else "told")
        texts = tuple(unpack(txt)) if several else ()
        found.append(KnownTrait(trait, lo, hi, None if several else txt, texts, at, source, basis, p))
    return sorted(found, key=lambda k: places[k.trait.name])


def timeline_of(
    conn: Connection, person: int, limit: int = 50, before: tuple[int, int] | None = None
) -> list[Happening]:
    """A person's happenings, the latest by event time first.

    Args:
        before: (at, pos) of the last one of the page before, for the next page.
    """
    bound = "" if before is None else " AND (t.at, t.pos) < (:at, :pos)"
    given = {"person": person, "n": limit} | ({} if before is None else {"at": before[0], "pos": before[1]})
    rows = conn.execute(
        text(
            "SELECT h.* FROM ownership o JOIN timeline t ON t.identifier = o.identifier AND t.at >= o.from_at"
            f" AND t.at < o.until_at JOIN happenings h ON h.pos = t.pos WHERE o.person = :person{bound}"
            " ORDER BY t.at DESC, t.pos DESC LIMIT :n"
        ),
        given,
    ).mappings()
    return [happening(row) for row in rows]


def rfm_counts(conn: Connection) -> dict[str, int]:
    """How many people each RFM segment has, best segment first; all zero before quintiles were first computed."""
    c = profile.c
    query = select(c.txt, func.count()).where(c.trait == "rfm_segment").group_by(c.txt)
    counted = {name: n for name, n in conn.execute(query)}
    return {name: counted.get(name, 0) for name in SEGMENTS}
