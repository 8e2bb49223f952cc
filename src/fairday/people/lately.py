"""What people did and where they were of late, as a moment asks it: a follower that keeps the last of it by id.

Kept for the id that carried it (``identity.timeline``) and read for a person through the intervals in which their ids
were theirs. So what another did on the same device is never theirs, and joining or splitting people replays nothing.
What is older than ``KEEP_MS`` when it is read from the log is not kept; of an id's event names the ``MOST`` last are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec
from sqlalchemy import BigInteger, Connection, Float, String, Table, Text, select

from fairday.kernel import jsons
from fairday.kernel.clock import DAY_MS, zone
from fairday.kernel.errors import FairdayError
from fairday.people.identity.records import many, rows_in
from fairday.storage.bulk import insert_rows
from fairday.storage.database import col, metadata
from fairday.storage.followers import Source
from fairday.storage.log import OURS, Happening, happenings_at

KEEP_MS = 30 * DAY_MS
"""What is older than this is not of late."""

STORE_CHOSEN = "Store Chosen"
"""The event by which somebody says which store is theirs: ``properties.store_id``."""

MOST = 40
"""Event names kept of an id."""

lately = Table(
    "lately",
    metadata,
    col("identifier", BigInteger, primary_key=True, autoincrement=False, personal="identifier"),
    col("word", String(256), primary_key=True, personal=True),
    col("at", BigInteger, nullable=False, personal=True),
    col("pos", BigInteger, nullable=False, personal="happening"),
    col("txt", Text, nullable=True, personal=True),
    col("latitude", Float(53), nullable=True, personal=True),
    col("longitude", Float(53), nullable=True, personal=True),
    sqlite_with_rowid=False,
)
"""The last of each word of an id: ``event:NAME``; ``viewed`` (``txt`` is JSON, [product, category]); ``place`` (``txt``
is the city); ``zone``; ``store`` (``txt`` is the one they chose). ``pos`` is the happening that says it, by which
erasure finds what a shared device keeps."""

Word = tuple[int, int, str | None, float | None, float | None]
"""At, pos, txt, latitude, longitude."""


class Place(msgspec.Struct, frozen=True):
    """Where somebody was: degrees north and east (None where not told), the city, and when (ms)."""

    at: int
    latitude: float | None = None
    longitude: float | None = None
    city: str | None = None


class Lately(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did last.

    Attributes:
        events: the last instant (ms) of each event by name.
        product, category: what they looked at last.
        place: where they were last.
        zone: the IANA time zone their device told last.
        store: the store they chose last, and when (ms).
    """

    events: Mapping[str, int] = {}
    product: str | None = None
    category: str | None = None
    place: Place | None = None
    zone: str | None = None
    store: tuple[str, int] | None = None

    @classmethod
    def of(cls, words: Mapping[str, Word]) -> Lately:
        """What the last of each word says."""
        product, category = jsons.loads(words["viewed"][2] or "[]") if "viewed" in words else (None, None)
        place = words.get("place")
        return cls(
            events={word[len(_EVENT) :]: found[0] for word, found in words.items() if word.startswith(_EVENT)},
            product=product,
            category=category,
            place=None if place is None else Place(place[0], place[3], place[4], place[2]),
            zone=words["zone"][2] if "zone" in words else None,
            store=(str(words["store"][2]), words["store"][0]) if "store" in words else None,
        )


NOTHING = Lately()
"""Of somebody who did nothing of late."""

_EVENT = "event:"


def words_of(h: Happening) -> dict[str, Word]:
    """What one happening says. Pure; what is malformed says nothing."""
    found: dict[str, Word] = {}
    if h.kind == "track" and h.name:
        found[_EVENT + h.name] = (h.at, h.pos, None, None, None)
        if h.name == "Product Viewed":
            viewed = _text(h.properties.get("product_id")), _text(h.properties.get("category"))
            if any(viewed):
                found["viewed"] = (h.at, h.pos, jsons.dumps(viewed), None, None)
        if h.name == STORE_CHOSEN and (store := _text(h.properties.get("store_id"))) is not None:
            found["store"] = (h.at, h.pos, store, None, None)
    said = h.context.get("location")
    if isinstance(said, dict):
        # To about a hundred metres: nearer than that nobody needs to know.
        latitude, longitude = _degrees(said.get("latitude"), 90), _degrees(said.get("longitude"), 180)
        city = _text(said.get("city"))
        if latitude is None or longitude is None:
            latitude = longitude = None
        if latitude is not None or city is not None:
            found["place"] = (h.at, h.pos, city, latitude, longitude)
    spoken = h.context.get("timezone")
    if isinstance(spoken, str) and len(spoken) <= 64 and _known(spoken):
        found["zone"] = (h.at, h.pos, spoken, None, None)
    return found


def latest(parts: Iterable[Mapping[str, Word]]) -> dict[str, Word]:
    """The last of each word; the order of the parts does not matter. Pure."""
    found: dict[str, Word] = {}
    for part in parts:
        for word, said in part.items():
            if word not in found or said[:2] > found[word][:2]:
                found[word] = said
    return found


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip()[:200] or None


def _degrees(value: object, most: int) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -most <= value <= most:
        return None
    return round(float(value), 3)


@lru_cache(maxsize=1024)
def _known(name: str) -> bool:
    try:
        zone(name)
    except FairdayError:
        return False
    return True


class LatelyFollower:
    """Keeps what ids did of late."""

    name = "lately"
    source: Source = "happenings"
    after: tuple[str, ...] = ("identity",)
    tables: tuple[Table, ...] = (lately,)
    heads = True
    """Years of imported orders are passed by their heads; only what is of late is read whole."""

    def handle(self, conn: Connection, rows: Sequence[Happening], now: int) -> None:
        fresh = [h.pos for h in rows if h.at > now - KEEP_MS and (h.source != OURS or h.name == STORE_CHOSEN)]
        carriers = {p: i for p, i in rows_in(conn, "SELECT pos, identifier FROM timeline WHERE pos IN ?", fresh)}
        found: dict[int, dict[str, Word]] = {}
        for h in happenings_at(conn, sorted(carriers)):
            identifier = carriers[h.pos]
            found[identifier] = latest((found.get(identifier, {}), words_of(h)))
        values = [(i, word, *said) for i, words in sorted(found.items()) for word, said in sorted(words.items())]
        insert_rows(conn, lately, _COLUMNS, values, _LATER)
        _trim(conn, [i for i, words in found.items() if words])


_COLUMNS = tuple(c.name for c in lately.columns)
_LATER = (
    "ON CONFLICT (identifier, word) DO UPDATE SET"
    f" {', '.join(f'{c} = excluded.{c}' for c in _COLUMNS[2:])}"
    " WHERE excluded.at > lately.at OR (excluded.at = lately.at AND excluded.pos > lately.pos)"
)


def _trim(conn: Connection, identifiers: Sequence[int]) -> None:
    """Let go of event names that are not among an id's last: those of others only push them further back."""
    counted = "SELECT identifier FROM lately WHERE identifier IN ? GROUP BY identifier HAVING COUNT(*) > "
    full = [i for (i,) in rows_in(conn, f"{counted}{MOST}", identifiers)]
    kept: dict[int, list[tuple[int, int, str]]] = {}
    for identifier, word, at, pos in rows_in(
        conn, "SELECT identifier, word, at, pos FROM lately WHERE identifier IN ?", full
    ):
        if word.startswith(_EVENT):
            kept.setdefault(identifier, []).append((at, pos, word))
    gone = [(i, word) for i, words in kept.items() for _, _, word in sorted(words, reverse=True)[MOST:]]
    many(conn, "DELETE FROM lately WHERE identifier = ? AND word = ?", gone)


def zones(conn: Connection) -> list[str]:
    """Every time zone that a device of somebody's told last."""
    return [name for (name,) in conn.execute(select(lately.c.txt).where(lately.c.word == "zone").distinct()) if name]
