"""Made for one: options of a product (a choice, words to engrave, an own photo), their price, time and picture. Pure.

A product declares options; a buyer says a value for some of them; ``make`` checks what was said and gives what it adds.
What was said travels as ``options`` of a cart line, and of the order's line, to whoever makes it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from xml.sax.saxutils import escape, quoteattr

import msgspec

from fairday.kernel.errors import FairdayError

MOST_OPTIONS, MOST_CHOICES = 12, 60
_LATIN = re.compile(r"[\u0020-\u007e\u00a1-\u024f\u2018-\u201d\u2026]*")
_UNSEEN = ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Price = Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
Days = Annotated[int, msgspec.Meta(ge=0, le=365)]
Share = Annotated[int, msgspec.Meta(ge=0, le=100)]


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of a list: what it is called by language, what it adds a piece (minor units) and to the days of making."""

    name: Name
    titles: dict[str, str] = {}
    price: Price = 0
    days: Days = 0


class Box(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where on the product's picture an option is drawn, in percent of its width and height."""

    x: Share = 20
    y: Share = 40
    width: Annotated[int, msgspec.Meta(ge=1, le=100)] = 60
    height: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


class MadeOption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something a buyer may (or must) say about a piece.

    Attributes:
        name: what it is called on a line.
        titles: what shoppers read, by language.
        kind: ``choice`` of ``choices``; ``text`` to engrave, print or embroider; ``photo``.
        required: an order needs it.
        price: added to each piece when used, minor units of the product's currency.
        per_sign: added for each sign of a text.
        days: of making, when used.
        longest: signs of a text.
        signs: ``latin`` where the machine has no others.
        least: pixels that a photo's shorter side must have.
        box: where it shows on the picture; None: nowhere.
        colour: of a text on the picture.
    """

    name: Name
    titles: dict[str, str] = {}
    kind: Literal["choice", "text", "photo"]
    required: bool = False
    price: Price = 0
    per_sign: Price = 0
    days: Days = 0
    choices: Annotated[tuple[Choice, ...], msgspec.Meta(max_length=MOST_CHOICES)] = ()
    longest: Annotated[int, msgspec.Meta(ge=1, le=200)] = 20
    signs: Literal["any", "latin"] = "any"
    least: Annotated[int, msgspec.Meta(ge=1, le=4000)] = 600
    box: Box | None = None
    colour: Annotated[str, msgspec.Meta(pattern="^#[0-9a-fA-F]{6}$")] = "#3d3d3d"


class Photo(msgspec.Struct, frozen=True):
    """A photo that was checked and kept: its id and size in pixels."""

    photo: str
    width: int
    height: int


class MadeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One option as said: its titles, the value (a text, a photo's id, a choice's name and titles), what it adds."""

    name: str
    kind: str
    titles: Mapping[str, str]
    value: str
    value_titles: Mapping[str, str] = {}
    price: int
    days: int


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a piece, checked.

    Attributes:
        said: value by option, in the options' order; what a line carries.
        extra: what it adds to each piece, minor units.
        days: of making; options are made side by side, so the longest of them.
        lines: for whoever reads or makes it.
    """

    said: Mapping[str, str] = {}
    extra: int = 0
    days: int = 0
    lines: tuple[MadeLine, ...] = ()


def read_options(told: Any) -> tuple[MadeOption, ...]:
    """Options from plain JSON values.

    Raises:
        FairdayError: not options; the message names the place.
    """
    try:
        options = msgspec.convert(told, tuple[MadeOption, ...])
    except msgspec.ValidationError as error:
        raise FairdayError(f"The options cannot be read: {error}.", code="bad_options", where="made")
    if len(options) > MOST_OPTIONS:
        raise FairdayError(f"More than {MOST_OPTIONS} options.", code="bad_options", where="made")
    for names in ([o.name for o in options], *([c.name for c in o.choices] for o in options)):
        twice = next((n for n in names if names.count(n) > 1), None)
        if twice is not None:
            raise FairdayError(f"{twice!r} is there twice.", code="bad_options", where="made", remedy="Rename one.")
    for option in options:
        if (option.kind == "choice") != bool(option.choices):
            raise FairdayError(
                f"The option {option.name} needs choices." if option.kind == "choice" else
                f"The option {option.name} is no choice, and has choices.",
                code="bad_options", where=f"made.{option.name}", remedy="Only kind: choice has choices.",
            )  # fmt: skip
    return options


def make(options: Sequence[MadeOption], said: Mapping[str, str], photos: Mapping[str, Photo]) -> Made:
    """Check what a buyer said of a piece, and add it up.

    Args:
        said: value by option; an empty value is one not said.
        photos: the photos the buyer may use, by id.

    Raises:
        FairdayError: ``where`` names the option; codes unknown_option, option_missing, unknown_choice, text_too_long,
            text_signs, unknown_photo, photo_small.
    """
    known = {o.name for o in options}
    for name in said:
        if name not in known:
            raise FairdayError(
                f"There is no option {name[:40]!r}.", code="unknown_option", where=name[:40],
                remedy=f"Known: {', '.join(sorted(known)) or 'none'}.",
            )  # fmt: skip
    lines = []
    for option in options:
        value = _plain(said.get(option.name, ""))
        if value:
            lines.append(_line(option, value, photos))
        elif option.required:
            raise FairdayError(
                f"{option.name} is missing.", code="option_missing", where=option.name, remedy="Say what it should be."
            )
    return Made(
        said={line.name: line.value for line in lines},
        extra=sum(line.price for line in lines),
        days=max((line.days for line in lines), default=0),
        lines=tuple(lines),
    )


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _line(option: MadeOption, value: str, photos: Mapping[str, Photo]) -> MadeLine:
    price, days, titles = option.price, option.days, dict[str, str]()
    if option.kind == "choice":
        chosen = next((c for c in option.choices if c.name == value), None)
        if chosen is None:
            raise FairdayError(
                f"{option.name} cannot be {value[:40]!r}.", code="unknown_choice", where=option.name,
                remedy=f"One of {', '.join(c.name for c in option.choices)}.",
            )  # fmt: skip
        price, days, titles = price + chosen.price, days + chosen.days, chosen.titles
    elif option.kind == "text":
        _check_text(option, value)
        price += option.per_sign * signs_of(value)
    else:
        photo = photos.get(value)
        if photo is None:
            raise FairdayError(
                "That photo is not here.", code="unknown_photo", where=option.name, remedy="Upload it again."
            )
        if min(photo.width, photo.height) < option.least:
            raise FairdayError(
                f"The photo is {photo.width} × {photo.height} pixels, too few to print.", code="photo_small",
                where=option.name, remedy=f"Its shorter side needs {option.least}.",
            )  # fmt: skip
    return MadeLine(
        name=option.name, kind=option.kind, titles=option.titles, value=value, value_titles=titles, price=price,
        days=days,
    )  # fmt: skip


def signs_of(text: str) -> int:
    """How many signs are engraved: no spaces, and an accent is part of its letter."""
    return sum(1 for c in text if not c.isspace() and not unicodedata.combining(c))


def _check_text(option: MadeOption, value: str) -> None:
    if len(value) > option.longest:
        raise FairdayError(
            f"The text has {len(value)} signs.", code="text_too_long", where=option.name,
            remedy=f"At most {option.longest} fit.",
        )  # fmt: skip
    unseen = next((c for c in value if unicodedata.category(c) in _UNSEEN), None)
    if unseen is not None or (option.signs == "latin" and not _LATIN.fullmatch(value)):
        raise FairdayError(
            "The text has signs that cannot be made.", code="text_signs", where=option.name,
            remedy="Use Latin letters, digits and punctuation." if option.signs == "latin" else "Leave them out.",
        )  # fmt: skip


# ---- the picture -----------------------------------------------------------------------------------------------------


def picture(options: Sequence[MadeOption], made: Made, image: str | None, photo_at: Mapping[str, str]) -> str:
    """The piece as it will be, as SVG: the product's picture with photo and words where their boxes are.

    Args:
        image: address of the product's picture, or None for a plain ground.
        photo_at: address by photo id.
    """
    size = 600
    parts = [f'<rect width="{size}" height="{size}" fill="#eeeae2"/>']
    if image:
        parts.append(f'<image href={quoteattr(image)} width="{size}" height="{size}"/>')
    by_name = {o.name: o for o in options}
    for line in sorted(made.lines, key=lambda one: one.kind != "photo"):  # words over photos
        box = by_name[line.name].box
        if box is None or line.kind == "choice":
            continue
        x, y, w, h = (size * v / 100 for v in (box.x, box.y, box.width, box.height))
        if line.kind == "photo":
            if line.value in photo_at:
                parts.append(
                    f'<image href={quoteattr(photo_at[line.value])} x="{x:g}" y="{y:g}" width="{w:g}" '
                    f'height="{h:g}" preserveAspectRatio="xMidYMid slice"/>'
                )
            continue
        font = min(h * 0.8, w / max(_ems(line.value), 1))
        parts.append(
            f'<text x="{x + w / 2:g}" y="{y + h / 2:g}" text-anchor="middle" dominant-baseline="central" '
            f'font-family="Georgia, Songti SC, serif" font-size="{font:.1f}" '
            f'fill="{by_name[line.name].colour}">{escape(line.value)}</text>'
        )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}">{"".join(parts)}</svg>'


def _ems(text: str) -> float:
    """About how wide a text is, in the height of its letters."""
    return sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.56 for c in text)
