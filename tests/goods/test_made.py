"""Made for one: what a buyer says of a piece, checked and added up; photos looked at by their content."""

from __future__ import annotations

import io
import struct
import xml.etree.ElementTree as ET
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import fairday
from fairday.goods.made import Box, Choice, MadeOption, Photo, make, picture, read_options, signs_of
from fairday.goods.photos import (
    KEPT_MS,
    forget_photos,
    keep_for_order,
    keep_photo,
    keep_until,
    photo_image,
    photos_named,
    redraw,
)
from fairday.kernel.clock import ManualClock
from fairday.kernel.errors import FairdayError
from fairday.people.identity import ids_of
from fairday.storage.log import Happening

OPTIONS = (
    MadeOption(name="engraving", kind="text", price=5_00, per_sign=20, days=3, longest=10, box=Box()),
    MadeOption(name="latin", kind="text", signs="latin"),
    MadeOption(
        name="wrap", kind="choice", days=1,
        choices=(Choice(name="paper"), Choice(name="silk", price=8_00, days=1, titles={"es": "Seda"})),
    ),
    MadeOption(name="photo", kind="photo", price=12_00, days=5, least=600, box=Box(x=10, y=10, width=30, height=30)),
)  # fmt: skip
PHOTOS = {"p1": Photo("p1", 1200, 900), "small": Photo("small", 500, 900)}


def test_what_is_said_adds_up_and_takes_as_long_as_the_longest() -> None:
    made = make(OPTIONS, {"wrap": "silk", "engraving": "  Para   Ana ", "photo": "p1"}, PHOTOS)
    assert made.said == {"engraving": "Para Ana", "wrap": "silk", "photo": "p1"}
    assert made.extra == (5_00 + 7 * 20) + 8_00 + 12_00
    assert made.days == 5
    assert [line.value_titles for line in made.lines] == [{}, {"es": "Seda"}, {}]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"colour": "red"}, "unknown_option"),
        ({"wrap": "gold"}, "unknown_choice"),
        ({"engraving": "much too long"}, "text_too_long"),
        ({"engraving": "a\u202eb"}, "text_signs"),
        ({"engraving": "a\x00b"}, "text_signs"),
        ({"latin": "安娜"}, "text_signs"),
        ({"photo": "p2"}, "unknown_photo"),
        ({"photo": "small"}, "photo_small"),
    ],
)
def test_what_cannot_be_made_is_refused(said: dict[str, str], code: str) -> None:
    with pytest.raises(FairdayError) as caught:
        make(OPTIONS, said, PHOTOS)
    assert caught.value.code == code


def test_what_is_required_must_be_said() -> None:
    options = (MadeOption(name="size", kind="text", required=True),)
    with pytest.raises(FairdayError) as caught:
        make(options, {"size": "  "}, {})
    assert (caught.value.code, caught.value.where) == ("option_missing", "size")


@pytest.mark.parametrize(
    "told",
    [
        [{"name": "a", "kind": "choice"}],
        [{"name": "a", "kind": "text", "choices": [{"name": "x"}]}],
        [{"name": "a", "kind": "text"}, {"name": "a", "kind": "photo"}],
        [{"name": "a", "kind": "choice", "choices": [{"name": "x"}, {"name": "x"}]}],
        [{"name": "Not a name", "kind": "text"}],
        [{"name": "a", "kind": "text", "price": -1}],
        [{"name": "a", "kind": "text", "colour": "red"}],
        [{"name": "a", "kind": "text", "prise": 1}],
        [{"name": f"a{i}", "kind": "text"} for i in range(13)],
        "nothing",
    ],
)
def test_options_that_cannot_be_are_refused(told: object) -> None:
    with pytest.raises(FairdayError):
        read_options(told)


@given(st.dictionaries(st.sampled_from(["engraving", "latin", "wrap", "photo"]), st.text(max_size=12)))
def test_what_is_made_is_the_same_when_said_again(said: dict[str, str]) -> None:
    try:
        made = make(OPTIONS, said, PHOTOS)
    except FairdayError as error:
        assert error.where
        return
    assert make(OPTIONS, made.said, PHOTOS) == made
    assert made.extra == sum(line.price for line in made.lines)
    ET.fromstring(picture(OPTIONS, made, "https://example.com/a.jpg?x=1&y=2", {}))


def test_signs_are_counted_as_they_are_engraved() -> None:
    assert signs_of("a b c") == 3
    assert signs_of("安娜") == 2


def test_the_picture_shows_words_and_photo_where_their_boxes_are_and_escapes_them() -> None:
    made = make(OPTIONS, {"engraving": "<b>&\"'", "photo": "p1"}, PHOTOS)
    drawn = picture(OPTIONS, made, None, {"p1": "/photos/p1"})
    root = ET.fromstring(drawn)
    names = [e.tag.rpartition("}")[2] for e in root]
    assert names == ["rect", "image", "text"]
    assert root[2].text == "<b>&\"'"
    assert root[1].get("href") == "/photos/p1"


def jpeg(size: tuple[int, int] = (800, 600), **more: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, "JPEG", **more)
    return out.getvalue()


def test_a_photo_is_drawn_anew_upright_and_without_what_the_camera_wrote() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter
    exif[0x010F] = "SecretCam"
    sent = jpeg(exif=exif) + b"<script>alert(1)</script>"
    drawn = redraw(sent)
    assert (drawn.width, drawn.height) == (600, 800)
    assert b"SecretCam" not in drawn.image
    assert b"script" not in drawn.image
    assert not Image.open(io.BytesIO(drawn.image)).getexif()


def test_a_photo_that_one_can_see_through_gets_a_white_ground_and_a_large_one_fewer_pixels() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (3000, 1500), (0, 0, 0, 0)).save(out, "PNG")
    drawn = redraw(out.getvalue())
    assert (drawn.width, drawn.height) == (2400, 1200)
    assert Image.open(io.BytesIO(drawn.image)).getpixel((5, 5)) == (255, 255, 255)


def bomb() -> bytes:
    """A PNG of 40,000 × 40,000 pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", "photo_kind"),
        (b"GIF89a" + b"\0" * 100, "photo_kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "photo_kind"),
        (b"%PDF-1.7", "photo_kind"),
        (jpeg()[:400], "photo_kind"),
        (jpeg((150, 800)), "photo_small"),
        (bomb(), "photo_large"),
        (b"\xff" * 12_000_001, "photo_large"),
    ],
)
def test_what_is_no_photo_is_refused_by_its_content(sent: bytes, code: str) -> None:
    with pytest.raises(FairdayError) as caught:
        redraw(sent)
    assert caught.value.code == code


def test_a_photo_is_kept_for_a_while_and_longer_for_an_order(shop: fairday.Shop, clock: ManualClock) -> None:
    now = clock.now()
    with shop.db.write() as conn:
        one, other = (keep_photo(conn, redraw(jpeg()), now) for _ in range(2))
        assert one.photo != other.photo
        assert len(one.photo) >= 32
        assert photos_named(conn, [one.photo, "guess"], now) == {one.photo: one}
        keep_until(conn, [one.photo], now + 2 * KEPT_MS)
        assert photo_image(conn, one.photo, now) is not None
        assert forget_photos(conn, now + KEPT_MS) == 1
        assert photo_image(conn, other.photo, now) is None
        assert photo_image(conn, one.photo, now + KEPT_MS) is not None
        assert photo_image(conn, one.photo, now + 2 * KEPT_MS) is None


def test_an_erased_person_leaves_no_photo(shop: fairday.Shop, clock: ManualClock) -> None:
    now = clock.now()
    said = Happening(message_id="m1", kind="identify", name="", at=now, received=now, source="web",
                     ids=(("email", "ana@example.com"),), body={"traits": {}})  # fmt: skip
    shop.append([said]).result()
    shop.catch_up()
    person = shop.person("email:ana@example.com")
    with shop.db.write() as conn:
        (own,) = ids_of(conn, person)
        mine = keep_photo(conn, redraw(jpeg()), now, own.number)
        ordered = keep_photo(conn, redraw(jpeg()), now)
        keep_for_order(conn, {"1": {"photo": ordered.photo, "name": "Ana"}}, [("email", "ana@example.com")], now)
        assert photo_image(conn, ordered.photo, now + 2 * KEPT_MS) is not None
        other = keep_photo(conn, redraw(jpeg()), now)
    assert len(shop.export("email:ana@example.com")["tables"]["photos"]) == 2
    assert shop.export("email:ana@example.com")["tables"]["photos"][0]["photo"] in (mine.photo, ordered.photo)
    shop.erase("email:ana@example.com")
    with shop.db.read() as conn:
        assert set(photos_named(conn, [mine.photo, ordered.photo, other.photo], now)) == {other.photo}
