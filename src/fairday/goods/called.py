"""What goods are called where people read it. Pure."""

from __future__ import annotations


def calm(text: str) -> str:
    """A name written all in capitals, as tills keep them, the way one reads it; any other as it is."""
    if not text.isupper() or len(text) < 4:
        return text
    return text[:1] + text[1:].lower()
