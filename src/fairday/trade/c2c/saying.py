"""What services of trade between people share: words and photos that somebody sends, answers turned into errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from fairday.goods.photos import photos_named
from fairday.kernel.decider import Answer
from fairday.kernel.errors import Conflict, FairdayError, NotFound

LISTING_ID = re.compile(r"[0-9a-z]{6,40}")
LONGEST = {"title": 80, "text": 2000, "words": 1000, "destination": 200}
KEPT_DAYS = 400
"""Photos of a listing and of a dispute are kept so long after they were last said."""


def done(answer: Answer) -> Sequence[Any]:
    """The events of an answer.

    Raises:
        NotFound: a refusal whose code begins with ``no_such_``.
        Conflict: any other refusal.
    """
    refusal = answer.refusal
    if refusal is not None:
        if refusal.code.startswith("no_such_"):
            raise NotFound(refusal.message, code=refusal.code)
        raise Conflict(refusal.message, code=refusal.code)
    return answer.events


def text_of(value: str, where: str, least: int = 0) -> str:
    """What somebody wrote, without spaces around it.

    Raises:
        FairdayError: too short, too long, or with control characters.
    """
    said = value.replace("\r\n", "\n").strip()
    if not least <= len(said) <= LONGEST[where] or any(ord(c) < 32 and c != "\n" for c in said):
        raise FairdayError(
            f"The {where} has {least} to {LONGEST[where]} characters.", code="bad_text", where=where,
            remedy="Write it shorter or longer.",
        )  # fmt: skip
    return said


def photo_kept(conn: Connection, photo: str, now: int, *, must: bool = False) -> None:
    """Make sure that a photo is still kept.

    Raises:
        FairdayError: it is gone, or there is none where there must be one.
    """
    if photo and photo not in photos_named(conn, [photo], now):
        raise FairdayError("The photo is gone; choose it again.", code="no_photo", where="photo")
    if must and not photo:
        raise FairdayError("A photo is needed.", code="no_photo", where="photo")
