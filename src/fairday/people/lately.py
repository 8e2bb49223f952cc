"""What a person did and where they were of late, as a moment asks it: pure values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec


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
    """

    events: Mapping[str, int] = {}
    product: str | None = None
    category: str | None = None
    place: Place | None = None
    zone: str | None = None


NOTHING = Lately()
"""Of somebody who did nothing of late."""


def joined(parts: Iterable[tuple[int, Lately]]) -> Lately:
    """One person's from what was kept by id, each with when the id looked at goods last (ms); the last wins."""
    events: dict[str, int] = {}
    viewed, product, category = -1, None, None
    place: Place | None = None
    told, zone = -1, None
    for at, one in parts:
        for name, instant in one.events.items():
            events[name] = max(instant, events.get(name, instant))
        if (one.product or one.category) and at > viewed:
            viewed, product, category = at, one.product, one.category
        if one.place is not None and (place is None or one.place.at > place.at):
            place = one.place
        spoken = max(one.events.values(), default=0)
        if one.zone is not None and spoken > told:
            told, zone = spoken, one.zone
    return Lately(events=events, product=product, category=category, place=place, zone=zone)
