"""Identity: which ids are one person's, since when, and why. See docs/algorithms/identity.md."""

from fairday.people.identity.follower import IdentityFollower
from fairday.people.identity.normal import carrier, normalise
from fairday.people.identity.operators import merge, parse_id, split, undo_merge
from fairday.people.identity.queries import OwnedId, Why, carried, claimed, ids_of, owner_of, person_of, why

__all__ = [
    "IdentityFollower",
    "OwnedId",
    "Why",
    "carried",
    "carrier",
    "claimed",
    "ids_of",
    "merge",
    "normalise",
    "owner_of",
    "parse_id",
    "person_of",
    "split",
    "undo_merge",
    "why",
]
