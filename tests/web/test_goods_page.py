"""Goods pages: forms, prices and why, pieces made for one, own photos, goods side by side."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.made import Box, Choice, MadeOption
from fairday.goods.naming import save_texts
from fairday.goods.observed import Seen, read_seen, save_seen, seen_of
from fairday.goods.price_records import save_list, set_prices
from fairday.goods.prices import ListPrice, PriceList
from fairday.goods.records import Details, Medium, Variant, save_details, save_media, save_variants
from fairday.goods.tables import photos
from fairday.kernel.clock import DAY_MS
from fairday.kernel.errors import FairdayError
from webdesk import Client

OPTIONS = (
    MadeOption(
        name="name", kind="text", titles={"en": "A name"}, price=500, days=4, longest=12, required=True, box=Box()
    ),
    MadeOption(name="wrap", kind="choice", choices=(Choice(name="silk", titles={"en": "Silk"}, price=300),)),
    MadeOption(name="photo", kind="photo", price=900, days=6, least=300, box=Box()),
)


@pytest.fixture
def goods(lite: fairday.Shop) -> fairday.Shop:
    now = lite.clock.now()
    lite.change_settings(country="ES", currency="EUR")
    with lite.db.write() as conn:
        rows = [
            ProductRow(product="SHIRT", title="Linen shirt", category="Shirts", brand="Costa", price=5000),
            ProductRow(product="MUG", title="Mug", category="Mugs", price=1000),
            ProductRow(product="HID", title="Hidden", price=1),
        ]
        save_products(conn, rows, now - 60 * DAY_MS)
        forms = [
            Variant(
                sku=f"S-{c}-{s}", product="SHIRT", options={"colour": c, "size": s}, price=6000 if s == "L" else None
            )
            for c in ("red", "blue")
            for s in ("M", "L")
        ]
        save_variants(conn, "SHIRT", forms, now - 60 * DAY_MS, "EUR")
        save_details(conn, [Details(product="MUG", made=OPTIONS, weight_g=380, attributes={"material": "clay"}),
                            Details(product="HID", hidden=True), Details(product="SHIRT", description="<b>Airy</b>")],
                     now)  # fmt: skip
        save_media(conn, "SHIRT", [Medium(url=f"https://example.com/{n}.jpg") for n in range(3)])
        save_texts(conn, "product", "SHIRT", "title", {"es": "Camisa de lino"})
        save_texts(conn, "word", "red", "title", {"es": "rojo"})
        sale = PriceList(list="sale", title="Summer sale", currency="EUR", starts_at=now - DAY_MS)
        save_list(conn, sale, now - DAY_MS)
        prices = [ListPrice("sale", "SHIRT", 1, 4000), ListPrice("sale", "SHIRT", 10, 3_5005, 1)]
        set_prices(conn, "sale", prices, now - DAY_MS)
    return lite


def jpeg(size: tuple[int, int] = (400, 400)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, "JPEG")
    return out.getvalue()


def test_a_page_shows_the_chosen_form_its_price_what_it_was_and_why(goods: fairday.Shop) -> None:
    client = Client(goods)
    page = client.get("/goods/SHIRT?lang=es&v=S-red-M").text
    for text in ("Camisa de lino", "40,00\xa0€", "50,00\xa0€", "30 días previos", "Summer sale", "desde 10 unidades",
                 "35,005\xa0€", "rojo", "?v=S-blue-M", "?v=S-red-L", "&lt;b&gt;Airy"):  # fmt: skip
        assert text in page, text
    assert len(page.encode()) < 30_000
    assert client.get("/goods/SHIRT?v=none").status_code == 200
    assert client.get("/goods/HID").status_code == 404


def test_a_reduction_is_not_told_where_the_law_forbids_it(goods: fairday.Shop) -> None:
    with goods.db.write() as conn:
        row = [ProductRow(product="NEW", title="New", price=5000)]
        save_products(conn, row, goods.clock.now())
        set_prices(conn, "sale", [ListPrice("sale", "NEW", 1, 4000)], goods.clock.now())
    assert "</s>" not in Client(goods).get("/goods/NEW?lang=en").text.partition("</article>")[0]
    goods.change_settings(country="US")
    page = Client(goods).get("/goods/NEW?lang=en").text.partition("</article>")[0]
    assert "€50.00</s>" in page
    assert "30 days" not in page


def test_cards_everywhere_show_what_whoever_looks_would_pay(goods: fairday.Shop) -> None:
    client = Client(goods)
    for path in ("/?lang=es", "/search?q=lino&lang=es", "/compare?g=SHIRT&lang=es"):
        page = client.get(path).text
        assert "40,00\xa0€" in page, path
        assert "Camisa de lino" in page, path


def test_a_piece_is_made_for_one_with_words_choice_and_photo(goods: fairday.Shop) -> None:
    client = Client(goods)
    before = client.get("/goods/MUG?lang=en").text
    assert "€10.00" in before
    assert 'role="alert"' not in before
    form = {"product": "MUG", "v": "MUG", "made.name": "Ana & <Luz>", "made.wrap": "silk", "made.other": "x"}
    answer = client.post("/made", data=form, files={"made.photo": ("me.png", jpeg(), "text/html")})
    assert answer.status_code == 303
    page = client.get(answer.headers["location"]).text
    for text in ("€27.00", "Made within 6 days", "<text", "Ana &amp; &lt;Luz&gt;", "€17.00 of it"):
        assert text in page, text
    number = answer.headers["location"].partition("made.photo=")[2]
    shown = client.get(f"/photos/{number}")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert "private" in shown.headers["cache-control"]
    assert client.get("/photos/" + "x" * 32).status_code == 404
    offer = goods.goods.offer("MUG", options={"name": "Ana", "photo": number})
    assert (offer.unit, offer.made.days, offer.made.said["photo"]) == (24_00, 6, number)


def test_what_lacks_or_cannot_be_made_says_so(goods: fairday.Shop) -> None:
    client = Client(goods)
    page = client.get("/goods/MUG?lang=en&made.wrap=silk").text
    assert "Something that is needed is still missing" in page
    assert "€10.00" in page
    assert "too long" in client.get("/goods/MUG?lang=en&made.name=" + "x" * 40).text
    assert "gone" in client.get("/goods/MUG?lang=en&made.name=A&made.photo=guess").text


def test_uploads_are_looked_at_counted_and_taken_from_our_own_pages_only(goods: fairday.Shop) -> None:
    client = Client(goods)
    form = {"product": "MUG", "v": "MUG"}
    bad = client.post("/made?lang=en", data=form, files={"made.photo": ("me.jpg", b"GIF89a....", "image/jpeg")})
    assert bad.status_code == 422
    assert "no photo we can open" in bad.text
    other = {"origin": "https://evil.example"}
    assert client.post("/made", data=form, headers=other).status_code == 403
    large = client.post("/made", data=form, files={"made.photo": ("me.jpg", b"\xff" * 13_100_000, "image/jpeg")})
    assert large.status_code == 413
    assert client.post("/made", data={"product": "NONE", "v": "x"}).status_code == 404
    assert client.post("/made", data={"v": "x"}).status_code == 422
    for _ in range(20):
        last = client.post("/made", data=form)
    assert last.status_code == 429
    with goods.db.read() as conn:
        assert conn.execute(photos.select()).all() == [], "nothing that is no photo is kept"


def test_up_to_four_goods_stand_side_by_side(goods: fairday.Shop) -> None:
    client = Client(goods)
    assert "Nothing to compare" in client.get("/compare?lang=en").text
    for number in ("SHIRT", "MUG", "HID", "A", "B"):
        assert client.post("/compare", data={"product": number, "keep": "yes"}).status_code == 303
    page = client.get("/compare?lang=en").text
    assert "Mug" in page
    assert "Linen shirt" not in page, "the oldest of five made room"
    assert "Hidden" not in page
    both = client.get("/compare?g=SHIRT&g=MUG&lang=en").text
    for text in ("Colour", "red, blue", "clay", "380 g", "A name"):
        assert text.lower() in both.lower(), text
    client.post("/compare", data={"product": "MUG", "keep": "no"})
    assert "Mug" not in client.get("/compare?lang=en").text
    assert client.post("/compare", data={"product": "MUG", "keep": "maybe"}).status_code == 422


def test_prices_seen_elsewhere_are_shown_while_they_are_fresh(goods: fairday.Shop) -> None:
    today = goods.clock.now() // DAY_MS
    text = "\ufeffsku,place,price,date,url\nMUG,El Bazar,9.50,2026-05-30,https://example.com/mug\nMUG,Old,1.00,2026-01-30,\n"
    told = read_seen(text, "EUR", "by hand", today)
    assert told[0] == Seen(goods="MUG", place="El Bazar", day=today - 2, amount=950, currency="EUR",
                           url="https://example.com/mug", source="by hand")  # fmt: skip
    with goods.db.write() as conn:
        assert save_seen(conn, [*told, told[0]]) == 2
        assert [s.place for s in seen_of(conn, ["MUG"], today)["MUG"]] == ["El Bazar"]
    page = Client(goods).get("/goods/MUG?lang=en").text
    assert "El Bazar" in page
    assert "€9.50" in page
    assert "Old" not in page
    assert "El Bazar" in Client(goods).get("/compare?g=MUG&lang=en").text


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("place,price,date\n", "line 1"),
        ("sku,place,price,date\n,x,1,2026-05-01\n", "line 2"),
        ("sku,place,price,date\nA,,1,2026-05-01\n", "line 2"),
        ("sku,place,price,date\nA,x,dear,2026-05-01\n", "line 2"),
        ("sku,place,price,date\nA,x,-1,2026-05-01\n", "line 2"),
        ("sku,place,price,date\nA,x,1,May\n", "line 2"),
        ("sku,place,price,date\n\nA,x,1,2027-05-01\n", "line"),
        ("sku,place,price,date,url\nA,x,1,2026-05-01,javascript:alert(1)\n", "line 2"),
        ("sku,place,price,date,currency\nA,x,1,2026-05-01,Euro\n", "line 2"),
    ],
)
def test_prices_that_cannot_be_read_say_where(text: str, where: str) -> None:
    with pytest.raises(FairdayError) as caught:
        read_seen(text, "EUR", "x", 20_605)
    assert where in caught.value.where


def test_a_piece_goes_into_the_cart_as_it_was_said(goods: fairday.Shop) -> None:
    client = Client(goods)
    assert 'action="/cart/add"' not in client.get("/goods/MUG").text, "a name is needed first"
    page = client.get("/goods/MUG?made.name=Ana&made.wrap=silk").text
    form = page[page.index('action="/cart/add"') :].partition("</form>")[0]
    sent = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))
    sent.pop("qty", None)
    assert sent == {"sku": "MUG", "made.name": "Ana", "made.wrap": "silk"}
    assert client.post("/cart/add", data={"qty": "2", **sent}).status_code == 303
    cart = client.get("/cart?lang=en").text
    assert "Ana" in cart
    assert "€18.00" in cart or "€36.00" in cart
