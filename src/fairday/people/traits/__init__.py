"""What is known of people: told traits, traits computed from what they do, each with source and date."""

from fairday.people.traits.declared import DERIVED, PRICE_LEVELS, SEGMENTS, TOLD, TRAITS, vocabulary
from fairday.people.traits.follower import Traits
from fairday.people.traits.queries import KnownTrait, profile_of, rfm_counts, timeline_of

__all__ = [
    "DERIVED",
    "PRICE_LEVELS",
    "SEGMENTS",
    "TOLD",
    "TRAITS",
    "KnownTrait",
    "Traits",
    "profile_of",
    "rfm_counts",
    "timeline_of",
    "vocabulary",
]
