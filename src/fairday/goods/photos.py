"""Shoppers' own photos: looked at by their content, drawn anew as JPEG, kept for a while.

What is kept is our own drawing of the pixels: no metadata (place, camera, name), no other bytes of the file.
"""

from __future__ import annotations

import io
import secrets
import warnings
from collections.abc import Iterable, Mapping

import msgspec
from PIL import Image, ImageOps, UnidentifiedImageError
from sqlalchemy import Connection, delete, select, update

from fairday.goods.made import Photo
from fairday.goods.tables import photos
from fairday.kernel.clock import DAY_MS
from fairday.kernel.errors import FairdayError
from fairday.people.tables import identifiers

MOST_BYTES, MOST_PIXELS, LONGEST = 12_000_000, 40_000_000, 2400
"""Of an upload; and pixels of the longer side that are kept, 20 cm at 300 dots an inch."""
SHORTEST = 200
KINDS = ("JPEG", "PNG", "WEBP")
KEPT_MS = 30 * DAY_MS
"""So long a photo waits for its order."""
ORDERED_MS = 400 * DAY_MS
"""So long it is kept once ordered: made, and past its complaints."""
PICTURE = "goods-"
"""How ids of the shop's own pictures begin (``goods.pictures``). A shopper's is shorter: never one of them."""


class Drawn(msgspec.Struct, frozen=True):
    """A photo as it is kept."""

    image: bytes
    width: int
    height: int


def redraw(upload: bytes, longest: int = LONGEST) -> Drawn:
    """A photo drawn anew, upright, without anything but its pixels.

    Args:
        longest: pixels of the longer side that are kept.

    Raises:
        FairdayError: codes photo_large (bytes or pixels), photo_kind (by content, whatever its name says), photo_small.
    """
    if len(upload) > MOST_BYTES:
        raise _bad("photo_large", "The file is too large.", f"At most {MOST_BYTES // 1_000_000} MB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(upload), formats=KINDS) as opened:
                if opened.width * opened.height > MOST_PIXELS:
                    raise _bad("photo_large", "The photo has too many pixels.", "Make it smaller.")
                if opened.format == "JPEG":
                    opened.draft("RGB", (longest, longest))
                upright = ImageOps.exif_transpose(opened)
                if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
                    seen = upright.convert("RGBA")
                    ground = Image.new("RGB", seen.size, "white")
                    ground.paste(seen, mask=seen.getchannel("A"))
                else:
                    ground = upright.convert("RGB")
    except FairdayError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _bad("photo_large", "The photo has too many pixels.", "Make it smaller.") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
        raise _bad("photo_kind", "That is no photo we can read.", "Send a JPEG, PNG or WebP.") from None
    if min(ground.size) < SHORTEST:
        raise _bad("photo_small", "The photo is too small.", f"Each side needs {SHORTEST} pixels.")
    ground.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    ground.save(out, "JPEG", quality=88, optimize=True)
    return Drawn(out.getvalue(), ground.width, ground.height)


def _bad(code: str, message: str, remedy: str) -> FairdayError:
    return FairdayError(message, code=code, where="photo", remedy=remedy)


def keep_photo(conn: Connection, drawn: Drawn, now: int, identifier: int | None = None) -> Photo:
    """Keep a photo for ``KEPT_MS``.

    Args:
        identifier: the number of the id the shopper is recognised by, so that export and erasure find it; or None.

    Returns:
        It with an id nobody can guess: who has the id may see it.
    """
    number = secrets.token_urlsafe(24)
    conn.execute(
        photos.insert().values(
            photo=number, identifier=identifier, width=drawn.width, height=drawn.height, image=drawn.image,
            until=now + KEPT_MS,
        )
    )  # fmt: skip
    return Photo(number, drawn.width, drawn.height)


def photos_named(conn: Connection, numbers: Iterable[str], now: int) -> dict[str, Photo]:
    """Shoppers' photos of those ids that are still kept."""
    c = photos.c
    asked = _shoppers(numbers)
    rows = conn.execute(select(c.photo, c.width, c.height).where(c.photo.in_(asked), c.until > now))
    return {r.photo: Photo(r.photo, r.width, r.height) for r in rows}


def _shoppers(numbers: Iterable[str]) -> list[str]:
    """Ids that may be shoppers' photos: nobody orders, sends or comes to own a picture of the shop's goods."""
    return [n for n in numbers if len(n) <= 40 and not n.startswith(PICTURE)]


def photo_image(conn: Connection, number: str, now: int) -> bytes | None:
    """A photo's JPEG, or None where it is gone."""
    query = select(photos.c.image).where(photos.c.photo == number, photos.c.until > now)
    found = conn.execute(query).scalar()
    return None if found is None else bytes(found)


def keep_until(conn: Connection, numbers: Iterable[str], until: int, identifier: int | None = None) -> None:
    """Keep photos longer: an order needs them until it is made and past its complaints (ms). A photo that is nobody's
    becomes the identifier's; whoever has it keeps it."""
    which = photos.c.photo.in_(_shoppers(numbers))
    if identifier is not None:
        conn.execute(update(photos).where(which, photos.c.identifier.is_(None)).values(identifier=identifier))
    conn.execute(update(photos).where(which, photos.c.until < until).values(until=until))


def of_others(conn: Connection, numbers: Iterable[str], own: Iterable[int]) -> set[str]:
    """Which photos belong to somebody else than the identifiers ``own``: whoever found such an address has no right to
    it on a piece of theirs."""
    c = photos.c
    asked = [n for n in numbers if len(n) <= 40]
    rows = conn.execute(select(c.photo).where(c.photo.in_(asked), c.identifier.is_not(None), c.identifier.not_in(own)))
    return set(rows.scalars())


def keep_for_order(
    conn: Connection, options: Mapping[str, Mapping[str, str]], ids: Iterable[tuple[str, str]], now: int
) -> None:
    """Keep the photos among what an order's lines say for ``ORDERED_MS``, tied to the buyer where they are known.

    Args:
        options: what was said, by line and option.
        ids: (type, value) of the buyer.
    """
    said = {value for line in options.values() for value in line.values() if len(value) <= 40}
    if said:
        c = identifiers.c
        known = [conn.execute(select(c.id).where(c.type == t, c.value == v)).scalar() for t, v in ids]
        keep_until(conn, said, now + ORDERED_MS, next((number for number in known if number is not None), None))


def forget_photos(conn: Connection, now: int, most: int = 200) -> int:
    """Let go of photos whose time is over, at most so many; how many."""
    over = select(photos.c.photo).where(photos.c.until <= now).limit(most)
    return conn.execute(delete(photos).where(photos.c.photo.in_(over))).rowcount
