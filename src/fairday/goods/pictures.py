"""The shop's own pictures of goods: uploaded, drawn anew like any photo, public, kept as long as goods show them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, insert, select, update

from fairday.goods.catalogue import product, products
from fairday.goods.photos import KEPT_MS, PICTURE, Drawn, redraw
from fairday.goods.records import MOST_MEDIA, Medium, bad, media_of, own_picture, variants_of, write_media
from fairday.goods.tables import groups, media, photos, variants
from fairday.goods.touching import touch
from fairday.kernel.errors import FairdayError, NotFound

LONGEST = 1600
"""Pixels of the longer side: sharp on a wide screen, light enough for a page of them."""
FOREVER = 2**62
_SHOPPERS = re.compile(r"/photos/(?!goods-)[\w-]{1,40}")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """The pictures of a product, the first one first.

    Attributes:
        fixed: the first one is a shopper's own photo (their design): it stays with them, and first.
    """

    pictures: tuple[Medium, ...]
    fixed: bool = False


def draw_picture(upload: bytes) -> Drawn:
    """An upload as it is kept.

    Raises:
        FairdayError: as ``photos.redraw``, but picture_small.
    """
    try:
        return redraw(upload, LONGEST)
    except FairdayError as error:
        if error.code != "photo_small":
            raise
        raise bad("The picture is too small.", "file", error.remedy or "", "picture_small") from None


def keep_picture(conn: Connection, drawn: Drawn) -> str:
    """Keep a picture of goods until nothing shows it any more; its address in the shop."""
    number = PICTURE + secrets.token_urlsafe(24)
    conn.execute(
        insert(photos).values(
            photo=number, identifier=None, width=drawn.width, height=drawn.height, image=drawn.image, until=FOREVER
        )
    )
    return f"/photos/{number}"


def shown(conn: Connection, number: str) -> Shown:
    """What a product shows, in order: its front picture, then the others.

    Raises:
        NotFound: no such product.
    """
    row = product(conn, number)
    if row is None:
        raise NotFound(f"There is no product {number[:60]}.", code="unknown_goods", where=number[:60])
    listed = [m for m in media_of(conn, number) if m.kind == "image"]
    if not row.image:
        return Shown(pictures=tuple(listed))
    front = next((m for m in listed if m.url == row.image), Medium(url=row.image))
    return Shown(
        pictures=(front, *(m for m in listed if m.url != row.image)),
        fixed=_SHOPPERS.fullmatch(row.image) is not None,
    )


def arrange(conn: Connection, number: str, told: Sequence[Medium], now: int) -> None:
    """Make these a product's pictures, the first its front; films stay behind them, and a shopper's photo before.

    Raises:
        FairdayError: too many.
        NotFound: no such product.
    """
    before = shown(conn, number)
    first = before.pictures[:1] if before.fixed else ()
    kept = {m.url: m for m in told if not first or m.url != first[0].url}
    others = [m for m in media_of(conn, number) if m.kind != "image"]
    if len(kept) + len(others) > MOST_MEDIA:
        raise bad(f"{len(kept)} pictures are too many.", number, f"At most {MOST_MEDIA}.", "many_pictures")
    front = first[0].url if first else next(iter(kept), None)
    conn.execute(update(products).where(products.c.product == number).values(image=front, updated_at=now))
    write_media(conn, {number: [*kept.values(), *others]})
    settle(conn, [m.url for m in before.pictures] + list(kept), now)


def choose(conn: Connection, number: str, by_sku: dict[str, str | None], now: int) -> None:
    """Which picture each variant shows; None: the product's."""
    old = {v.sku: v.image for v in variants_of(conn, [number]).get(number, ())}
    for sku, url in by_sku.items():
        if sku in old and old[sku] != url:
            conn.execute(update(variants).where(variants.c.sku == sku).values(image=url))
    touch(conn, [number])
    settle(conn, [url for url in (*old.values(), *by_sku.values()) if url], now)


def settle(conn: Connection, urls: Iterable[str], now: int) -> None:
    """Keep those of our pictures that goods show; the others go in ``KEPT_MS``, so that old pages still have them."""
    for url in {u for u in urls if own_picture(u)}:
        asked = [select(c).where(c == url).limit(1) for c in (
            products.c.image, media.c.url, variants.c.image, groups.c.image)]  # fmt: skip
        used = any(conn.execute(query).first() for query in asked)
        until = FOREVER if used else now + KEPT_MS
        number = url.removeprefix("/photos/")
        conn.execute(update(photos).where(photos.c.photo == number).values(until=until))
