"""Where somebody left off: what they searched, saw, kept and how far they came in the feed, on whatever device."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, text

from fairday.kernel import jsons
from fairday.people.traits import timeline_of
from fairday.storage.log import Happening

WISHED, UNWISHED = "Product Added to Wishlist", "Product Removed from Wishlist"
LISTED, SEARCHED, VIEWED = "Product List Viewed", "Products Searched", "Product Viewed"
LATEST = 60
"""Happenings that are looked at."""
LASTS = 14 * 86_400_000
MOST_WISHES = 200


class Trail(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did last.

    Attributes:
        at: the last of it (ms), 0 for nothing.
        ids: the ids it came with.
        search: the words, or "".
        viewed: product numbers, the latest first.
        listed: the last pages of one round of the feed: properties as they were told, the latest first.
    """

    at: int = 0
    ids: tuple[tuple[str, str], ...] = ()
    search: str = ""
    viewed: tuple[str, ...] = ()
    listed: tuple[dict[str, object], ...] = ()


def trail_of(conn: Connection, person: int | None, now: int) -> Trail:
    """What a person did last, on any of their devices."""
    return Trail() if person is None else trail([h for h in timeline_of(conn, person, LATEST) if h.at > now - LASTS])


def trail(happenings: Sequence[Happening]) -> Trail:
    """The same from happenings, the latest first; pure. What is malformed in them is left out."""
    search, viewed, listed = "", dict[str, None](), list[dict[str, object]]()
    last: Happening | None = None
    for h in happenings:
        told = h.properties
        if h.name == VIEWED and isinstance(number := told.get("product_id"), str):
            viewed[number] = None
        elif h.name == SEARCHED and isinstance(query := told.get("query"), str):
            search = search or query[:100]
        elif h.name == LISTED and told.get("list_id") == "feed":
            if not listed or all(listed[0].get(k) == told.get(k) for k in ("seed", "turn")):
                listed.append(told)
        else:
            continue
        last = last or h
    return Trail(
        at=last.at if last else 0, ids=tuple(last.ids) if last else (), search=search, viewed=tuple(viewed),
        listed=tuple(listed),
    )  # fmt: skip


def wishes_of(conn: Connection, person: int | None) -> list[str]:
    """The products a person keeps on their wish list, the latest first."""
    ever = text(
        "SELECT 1 FROM ownership o JOIN activity a ON a.interval_id = o.id AND a.measure = :name"
        " WHERE o.person = :person LIMIT 1"
    )
    if person is None or conn.execute(ever, {"person": person, "name": WISHED}).first() is None:
        return []  # most people; the rest of it reads their whole record
    query = text(
        "SELECT h.name, h.body FROM ownership o JOIN timeline t ON t.identifier = o.identifier AND t.at >= o.from_at"
        " AND t.at < o.until_at JOIN happenings h ON h.pos = t.pos WHERE o.person = :person"
        f" AND h.name IN ('{WISHED}', '{UNWISHED}') ORDER BY t.at, t.pos"
    )
    kept: dict[str, None] = {}
    for name, body in conn.execute(query, {"person": person}):
        number = jsons.loads(body).get("properties", {}).get("product_id")
        if isinstance(number, str):
            kept.pop(number, None)
            if name == WISHED:
                kept[number] = None
    return list(kept)[::-1][:MOST_WISHES]
