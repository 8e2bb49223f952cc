"""What is wrong with an audience, and at which word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from fairday.kernel.errors import FairdayError


class AudienceError(FairdayError):
    """An audience that cannot be understood; the only error parsing raises.

    Attributes:
        text: the whole expression.
        start, end: the offending characters, ``text[start:end]``; equal where something is missing.
    """

    def __init__(self, message: str, *, text: str, start: int, end: int, code: str, remedy: str = "") -> None:
        where = f"audience, character {start + 1}"
        super().__init__(message, code=code, where=where, remedy=remedy)
        self.text = text
        self.start = start
        self.end = end

    def caret(self) -> str:
        """Two lines: the line of the expression that is wrong, and carets under the word."""
        before = self.text.rfind("\n", 0, self.start) + 1
        after = self.text.find("\n", self.start)
        line = self.text[before : after if after >= 0 else len(self.text)]
        at = self.start - before
        width = max(1, min(self.end, before + len(line)) - self.start)
        return f"{line}\n{' ' * at}{'^' * width}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like this one, or None when none is close."""
    lowered = {k.lower(): k for k in known}
    found = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None
