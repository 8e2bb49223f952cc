"""What is known of people: told traits, traits computed from what they do, each with source and date."""

from fairday.people.traits.declared import DERIVED, PRICE_LEVELS, SEGMENTS, TOLD, TRAITS, vocabulary
from fairday.people.traits.follower import Traits

__all__ = ["DERIVED", "PRICE_LEVELS", "SEGMENTS", "TOLD", "TRAITS", "Traits", "vocabulary"]
