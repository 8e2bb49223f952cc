"""Errors that say what was wrong, where, and what to write instead."""

from __future__ import annotations


class FairdayError(Exception):
    """Anything a merchant or developer can mend.

    Args:
        message: what was wrong, in one sentence.
        code: a stable snake_case word for programs (``invalid_email``).
        where: the file, line, key, row or field it was found in, or "".
        remedy: what to write or do instead, or "".
    """

    def __init__(self, message: str, *, code: str = "invalid", where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head} {self.remedy}" if self.remedy else head


class NotFound(FairdayError):
    """Something named does not exist."""


class Conflict(FairdayError):
    """The request is well formed but contradicts what is already there."""


class Unavailable(FairdayError):
    """Could not be done now; the same request may succeed later."""
