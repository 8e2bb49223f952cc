"""Conditions of a scene in the audience language: whom (people's traits) and which goods (traits of goods)."""

from __future__ import annotations

from fairday.goods.vocabulary import GOODS_TRAITS, goods_vocabulary
from fairday.kernel.audience import Audience, Vocabulary, parse

__all__ = ["GOODS_TRAITS", "compiled", "goods_vocabulary"]


def compiled(text: str, vocabulary: Vocabulary) -> Audience:
    """A condition ready to be asked.

    Raises:
        AudienceError: it cannot be understood.
    """
    return parse(text, vocabulary)
