"""Pictures of goods: uploaded in the console, public in the shop, nobody's but the shop's."""

from __future__ import annotations

import io
import re
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import select

import fairday
from fairday.backup import backup
from fairday.goods.catalogue import product
from fairday.goods.naming import save_texts
from fairday.goods.photos import KEPT_MS, forget_photos, keep_photo, keep_until, photo_image, photos_named, redraw
from fairday.goods.pictures import FOREVER, shown
from fairday.goods.records import media_of, variants_of
from fairday.goods.tables import photos
from fairday.web.console.goods import FIELDS
from webdesk import Client

GOOD = dict.fromkeys(FIELDS, "") | {
    "new": "yes", "product": "MUG", "title": "Mug", "category": "Mugs", "price": "14.50", "currency": "CNY",
    "tax_class": "standard", "forms": "sku,colour\nM-R,red\nM-B,blue\n",
}  # fmt: skip
PAGE = "/console/goods/pictures"


def picture(size: tuple[int, int] = (400, 300), colour: str = "teal", kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


@pytest.fixture
def desk(lite: fairday.Shop) -> Client:
    desk = Client(lite).sign_in()
    assert desk.post("/console/goods/good", GOOD).status_code == 303
    return desk


def send(desk: Client, *files: bytes, form: dict[str, str] | None = None, number: str = "MUG") -> httpx.Response:
    uploads: Any = [("file", (f"p{n}.jpg", sent, "image/jpeg")) for n, sent in enumerate(files)]
    uploads = uploads or [("file", ("", b"", "application/octet-stream"))]
    kept = "\r\n".join(urls(desk.shop))
    return desk.post(PAGE, {"n": number, "kept": kept, **(form or {})}, files=uploads)


def urls(shop: fairday.Shop) -> list[str]:
    with shop.db.read() as conn:
        return [m.url for m in shown(conn, "MUG").pictures]


def until(shop: fairday.Shop, url: str) -> int:
    with shop.db.read() as conn:
        return int(conn.execute(select(photos.c.until).where(photos.c.photo == url[8:])).scalar_one())


def test_pictures_are_uploaded_put_in_order_told_chosen_and_taken_away(desk: Client) -> None:
    shop = desk.shop
    answer = send(desk, picture(), picture((5000, 2500), "red", "PNG"), picture(colour="blue", kind="WEBP"))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?n=MUG&done=pictures_saved")
    first, second, third = urls(shop)
    assert all(re.fullmatch(r"/photos/goods-[\w-]{32}", url) for url in (first, second, third))
    guest = Client(shop)
    seen = guest.get(second)
    assert (seen.status_code, seen.headers["content-type"]) == (200, "image/jpeg")
    assert "public" in seen.headers["cache-control"]
    assert Image.open(io.BytesIO(seen.content)).size == (1600, 800)

    form = {"place.1": "3", "place.2": "1", "place.3": "2", "alt.2": "From  above", "of.M-R": "3", "of.M-B": "0"}
    assert send(desk, form=form).status_code == 303
    assert urls(shop) == [second, third, first]
    with shop.db.read() as conn:
        row = product(conn, "MUG")
        assert row is not None
        assert row.image == second
        assert media_of(conn, "MUG")[0].alt == "From above"
        assert [v.image for v in variants_of(conn, ["MUG"])["MUG"]] == [third, None]
    with shop.db.write() as conn:
        save_texts(conn, "word", "From above", "title", {"zh": "从上面看"})
    assert 'alt="从上面看"' in guest.get("/goods/MUG?v=M-B&lang=zh").text
    assert f'src="{third}"' in guest.get("/goods/MUG?v=M-R&lang=en").text
    assert f'src="{second}"' in desk.get("/console/goods?lang=en").text
    guest.post("/cart/add", {"sku": "M-R", "qty": "1"})
    assert f'src="{third}"' in guest.get("/cart?lang=en").text

    assert send(desk, form={"gone.2": "yes", "of.M-R": "2"}).status_code == 303  # the place of the third, now second
    assert urls(shop) == [second, first]
    with shop.db.read() as conn:
        assert [v.image for v in variants_of(conn, ["MUG"])["MUG"]] == [None, None]
    assert until(shop, second) == FOREVER
    assert until(shop, third) == shop.clock.now() + KEPT_MS
    with shop.db.write() as conn:
        assert forget_photos(conn, shop.clock.now() + KEPT_MS) == 1
    assert guest.get(third).status_code == 404
    assert guest.get(first).status_code == 200

    assert send(desk, form={"gone.1": "yes", "gone.2": "yes"}).status_code == 303
    with shop.db.read() as conn:
        row = product(conn, "MUG")
        assert row is not None
        assert row.image is None
        assert media_of(conn, "MUG") == []


def bomb() -> bytes:
    out = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    "hostile",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a/*" + b"\0" * 100,
        picture()[:300],
        bomb(),
        picture((2, 2)),
        b"",
    ],
)
def test_what_is_no_picture_is_refused_and_nothing_of_the_form_is_kept(desk: Client, hostile: bytes) -> None:
    answer = send(desk, picture(), hostile, form={"alt.1": "x"})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "p1.jpg" in answer.text
    assert urls(desk.shop) == []


def test_bytes_behind_a_picture_are_not_kept(desk: Client) -> None:
    assert send(desk, picture() + b"<script>alert(1)</script>").status_code == 303
    served = desk.get(urls(desk.shop)[0])
    assert b"script" not in served.content
    assert "sandbox" in served.headers["content-security-policy"]
    assert served.headers["x-content-type-options"] == "nosniff"


def test_too_many_are_refused_and_a_stale_page_loses_nothing(desk: Client) -> None:
    assert send(desk, *[picture()] * 20).status_code == 303
    assert send(desk, *[picture()] * 11).status_code == 422
    assert len(urls(desk.shop)) == 20
    assert desk.post(PAGE, {"n": "MUG", "kept": "https://evil.example/x.jpg", "gone.1": "yes"}).status_code == 303
    assert len(urls(desk.shop)) == 20
    assert send(desk, picture(), number="NONE").status_code == 404


def test_only_those_who_may_write_goods_may_upload(desk: Client) -> None:
    analyst, stranger = Client(desk.shop).sign_in("analyst"), Client(desk.shop)
    assert analyst.get(f"{PAGE}?n=MUG").status_code == 200
    assert 'type="file"' not in analyst.get(f"{PAGE}?n=MUG").text
    assert send(analyst, picture()).status_code == 403
    assert send(stranger, picture()).status_code == 403
    assert stranger.get(f"{PAGE}?n=MUG").status_code == 303
    desk.csrf = "0" * 64
    assert send(desk, picture()).status_code == 403
    assert urls(desk.shop) == []


def test_no_shopper_comes_to_own_a_picture_so_that_no_erasure_takes_it(desk: Client) -> None:
    send(desk, picture())
    (url,) = urls(desk.shop)
    number, now = url.removeprefix("/photos/"), desk.shop.clock.now()
    with desk.shop.db.write() as conn:
        assert photos_named(conn, [number], now) == {}  # so it can stand on no piece, listing, design or answer
        keep_until(conn, [number], FOREVER + 1, 1)
        own = keep_photo(conn, redraw(picture()), now, 1).photo
        assert conn.execute(select(photos.c.identifier).where(photos.c.photo == number)).scalar() is None
    assert until(desk.shop, url) == FOREVER
    assert Client(desk.shop).get(f"/photos/{own}").headers["cache-control"].startswith("private")
    media = desk.post("/console/goods/good", {**GOOD, "new": "", "media": f"/photos/{own}"})
    assert media.status_code == 422  # a shopper's photo becomes no picture of goods


def test_a_picture_written_as_an_address_holds_and_one_taken_out_goes(desk: Client) -> None:
    send(desk, picture(), picture(colour="red"))
    first, second = urls(desk.shop)
    edited = {**GOOD, "new": "", "image": second, "media": f"{second} | Red"}
    assert desk.post("/console/goods/good", edited).status_code == 303
    assert urls(desk.shop) == [second]
    assert until(desk.shop, first) < FOREVER == until(desk.shop, second)
    assert desk.post("/console/goods/good", {**edited, "media": first}).status_code == 303
    assert until(desk.shop, first) == FOREVER


def test_a_backup_holds_the_pictures(desk: Client, tmp_path: Path) -> None:
    send(desk, picture())
    number = urls(desk.shop)[0].removeprefix("/photos/")
    with desk.shop.db.read() as conn:
        image = photo_image(conn, number, desk.shop.clock.now())
    backup(desk.shop.db, tmp_path / "copy.db")
    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("SELECT image FROM photos WHERE photo = ?", (number,)).fetchone()[0] == image
    copy.close()
