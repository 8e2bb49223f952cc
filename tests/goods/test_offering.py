"""Offers of goods in a shop: which price, and why; what a cart's line needs."""

from __future__ import annotations

import msgspec
import pytest

import fairday
from fairday.goods.catalogue import ProductRow, products_named, save_products, sold_products
from fairday.goods.made import MadeOption
from fairday.goods.naming import Group, save_group, save_texts, texts_of
from fairday.goods.offering import Offer, Wanted
from fairday.goods.price_records import delete_list, drop_prices, history_of, save_list, set_prices
from fairday.goods.prices import Amount, ListPrice, PriceList
from fairday.goods.records import (
    Details,
    Medium,
    Variant,
    details_of,
    media_of,
    save_details,
    save_media,
    save_variants,
    valid_barcode,
)
from fairday.kernel.clock import DAY_MS, ManualClock
from fairday.kernel.errors import Conflict, FairdayError, NotFound

RED = Variant(sku="MUG-RED", product="MUG", options={"colour": "red"})
BLUE = Variant(sku="MUG-BLUE", product="MUG", options={"colour": "blue"}, price=12_00, weight_g=400)


@pytest.fixture
def mugs(shop: fairday.Shop) -> fairday.Shop:
    now = shop.clock.now()
    with shop.db.write() as conn:
        rows = [
            ProductRow(product="MUG", title="Mug", category="kitchen", brand="Casa", price=10_00, currency="CNY"),
            ProductRow(product="CUP", title="Cup", price=5_00),
            ProductRow(product="JUG", title="Jug"),
        ]
        save_products(conn, rows, now)
        save_variants(conn, "MUG", [RED, BLUE], now, "CNY")
        save_details(conn, [Details(product="MUG", weight_g=350, tags=("gift",), hs_code="691200", origin="CN")], now)
    return shop


def test_a_variant_costs_what_it_says_or_what_its_product_costs(mugs: fairday.Shop) -> None:
    red, blue = mugs.goods.offer("MUG-RED"), mugs.goods.offer("MUG-BLUE", qty=3)
    assert (red.unit, red.currency, red.product, red.form, red.list) == (10_00, "CNY", "MUG", {"colour": "red"}, None)
    assert (blue.unit, blue.qty, blue.weight_g, red.weight_g) == (12_00, 3, 400, 350)
    assert (red.category, red.brand, red.tags, red.hs_code) == ("kitchen", "Casa", ("gift",), "691200")
    assert mugs.goods.offer("CUP").unit == 5_00


@pytest.mark.parametrize(
    ("sku", "qty", "kind", "code"),
    [
        ("NONE", 1, NotFound, "unknown_goods"),
        ("MUG", 1, Conflict, "choose_variant"),
        ("JUG", 1, Conflict, "no_price"),
        ("CUP", 0, FairdayError, "bad_quantity"),
        ("CUP", -3, FairdayError, "bad_quantity"),
        ("CUP", 10**9, FairdayError, "bad_quantity"),
    ],
)
def test_what_is_not_offered_says_why(mugs: fairday.Shop, sku: str, qty: int, kind: type, code: str) -> None:
    with pytest.raises(kind) as caught:
        mugs.goods.offer(sku, qty=qty)
    assert caught.value.code == code


def test_lines_are_offered_one_by_one_and_a_bad_one_spoils_no_other(mugs: fairday.Shop) -> None:
    with mugs.db.read() as conn:
        wanted = [Wanted(sku="MUG-RED"), Wanted(sku="NONE"), Wanted(sku="CUP", qty=2)]
        found = mugs.goods.offers(conn, wanted, mugs.goods.where(), mugs.clock.now())
    assert [f.sku if isinstance(f, Offer) else f.code for f in found] == ["MUG-RED", "unknown_goods", "CUP"]


def test_hidden_goods_are_neither_sold_nor_chosen(mugs: fairday.Shop) -> None:
    with mugs.db.write() as conn:
        save_details(conn, [Details(product="CUP", hidden=True)], mugs.clock.now() + 1)
        save_variants(conn, "MUG", [msgspec.structs.replace(RED, hidden=True), BLUE], mugs.clock.now(), "CNY")
    for sku in ("CUP", "MUG-RED"):
        with pytest.raises(Conflict) as caught:
            mugs.goods.offer(sku)
        assert caught.value.code == "not_sold"
    with mugs.db.read() as conn:
        assert [p.product for p in sold_products(conn)] == ["JUG", "MUG"]


def wholesale(shop: fairday.Shop) -> None:
    with shop.db.write() as conn:
        save_list(conn, PriceList(list="acme", title="Acme", currency="CNY", company="acme", factor=9000), 1)
        save_list(conn, PriceList(list="spain", title="España", currency="EUR", country="ES"), 1)
        set_prices(conn, "acme", [ListPrice("acme", "MUG", 10, 8_00), ListPrice("acme", "MUG", 100, 7_125, 1)], 2)
        set_prices(conn, "spain", [ListPrice("spain", "MUG", 1, 2_50)], 2)


def test_lists_price_by_company_quantity_country_and_currency(mugs: fairday.Shop) -> None:
    wholesale(mugs)
    acme = [mugs.goods.offer("MUG-RED", company="acme", qty=q) for q in (1, 10, 100)]
    assert [(o.unit, o.unit_digits, o.list) for o in acme] == [(9_00, 0, "acme"), (8_00, 0, "acme"), (7_125, 1, "acme")]
    assert [t.min_qty for t in acme[0].tiers] == [1, 10, 100]
    assert mugs.goods.offer("MUG-RED", company="other").unit == 10_00
    spain = mugs.goods.offer("MUG-RED", country="ES", currency="EUR")
    assert (spain.unit, spain.currency, spain.list) == (2_50, "EUR", "spain")
    assert mugs.goods.offer("MUG-RED", country="ES").list is None
    assert acme[0].why[0].code == "price.won"
    with pytest.raises(Conflict):
        mugs.goods.offer("CUP", country="ES", currency="EUR")


def test_prices_and_lists_that_are_taken_away_price_nothing(mugs: fairday.Shop) -> None:
    wholesale(mugs)
    with mugs.db.write() as conn:
        assert drop_prices(conn, "acme", "MUG", 3, min_qty=10) == 1
        assert drop_prices(conn, "acme", "MUG", 3, min_qty=10) == 0
    assert mugs.goods.offer("MUG-RED", company="acme", qty=10).unit == 9_00
    with mugs.db.write() as conn:
        delete_list(conn, "acme", 4)
        with pytest.raises(NotFound):
            delete_list(conn, "acme", 5)
        kept = history_of(conn, ["MUG"])
    assert mugs.goods.offer("MUG-RED", company="acme", qty=10).list is None
    assert [(at, price) for at, name, _, least, price in kept.prices if (name, least) == ("acme", 100)] == [
        (2, Amount(7_125, "CNY", 1)),
        (4, None),
    ]
    assert [(at, one is None) for at, name, one in kept.terms if name == "acme"] == [(1, False), (4, True)]


def test_a_sale_is_told_against_the_lowest_price_before_it(mugs: fairday.Shop, clock: ManualClock) -> None:
    start = clock.now()
    for day, price in [(10, 8_00), (15, 9_50)]:
        with mugs.db.write() as conn:
            save_products(conn, [ProductRow(product="MUG", price=price, currency="CNY")], start + day * DAY_MS)
    with mugs.db.write() as conn:
        sale = PriceList(list="sale", title="Sale", currency="CNY", starts_at=start + 30 * DAY_MS, factor=7000)
        save_list(conn, sale, start + 20 * DAY_MS)
    clock.move(31 * DAY_MS)
    found = mugs.goods.offer("MUG-RED")
    assert (found.unit, found.list) == (6_65, "sale")
    assert found.reduction is not None
    assert found.reduction.since == start + 30 * DAY_MS
    assert found.reduction.lowest == Amount(8_00, "CNY")
    assert found.reduction.shown_against("CN") == Amount(9_50, "CNY")
    with mugs.db.read() as conn:
        assert mugs.goods.lowest(conn, "MUG-RED", mugs.goods.where(), start + 30 * DAY_MS) == Amount(8_00, "CNY")


@pytest.mark.parametrize(
    ("terms", "where"),
    [
        ({"list": "a b"}, "list"),
        ({"title": " "}, "title"),
        ({"currency": "XX"}, "currency"),
        ({"country": "spain"}, "country"),
        ({"channel": ""}, "channel"),
        ({"starts_at": 5, "ends_at": 5}, "ends_at"),
        ({"priority": 10_000}, "priority"),
        ({"factor": -1}, "factor"),
    ],
)
def test_terms_that_cannot_be_are_refused(mugs: fairday.Shop, terms: dict[str, object], where: str) -> None:
    one = msgspec.convert({"list": "x", "title": "X", "currency": "CNY"} | terms, PriceList)
    with mugs.db.write() as conn, pytest.raises(FairdayError) as caught:
        save_list(conn, one, 1)
    assert caught.value.where == where


def test_prices_that_cannot_be_are_refused(mugs: fairday.Shop) -> None:
    wholesale(mugs)
    for price in (
        ListPrice("acme", "MUG", 0, 1),
        ListPrice("acme", "MUG", 1, -1),
        ListPrice("acme", "MUG", 1, 1, 9),
        ListPrice("acme", "MUG", 1, 10**15),
    ):
        with mugs.db.write() as conn, pytest.raises(FairdayError):
            set_prices(conn, "acme", [price], 3)
    with mugs.db.write() as conn:
        with pytest.raises(NotFound):
            set_prices(conn, "nothing", [], 3)
        with pytest.raises(FairdayError, match="prices are in CNY"):
            save_list(conn, PriceList(list="acme", title="Acme", currency="EUR"), 3)


@pytest.mark.parametrize(
    "told",
    [
        [RED, RED],
        [RED, msgspec.structs.replace(RED, sku="OTHER")],
        [RED, msgspec.structs.replace(BLUE, options={"size": "M"})],
        [msgspec.structs.replace(RED, options={})],
        [msgspec.structs.replace(RED, sku="")],
        [msgspec.structs.replace(RED, sku=" x")],
        [msgspec.structs.replace(RED, price=-1)],
        [msgspec.structs.replace(RED, barcode="4006381333932")],
        [msgspec.structs.replace(RED, sku="CUP")],
        [msgspec.structs.replace(RED, sku="MUG")],
    ],
)
def test_variants_that_cannot_be_are_refused(mugs: fairday.Shop, told: list[Variant]) -> None:
    with mugs.db.write() as conn, pytest.raises(FairdayError):
        save_variants(conn, "MUG", told, 3, "CNY")


def test_variants_of_another_product_keep_their_numbers(mugs: fairday.Shop) -> None:
    with mugs.db.write() as conn, pytest.raises(Conflict) as caught:
        save_variants(conn, "CUP", [msgspec.structs.replace(RED, product="CUP")], 3, "CNY")
    assert caught.value.code == "sku_taken"


def test_a_barcode_has_a_check_digit() -> None:
    assert valid_barcode("4006381333931")
    assert valid_barcode("96385074")
    assert not valid_barcode("4006381333930")
    assert not valid_barcode("12345")


@pytest.mark.parametrize(
    "told",
    [
        Details(product="CUP", description="x" * 20_001),
        Details(product="CUP", attributes={"": "x"}),
        Details(product="CUP", tags=("",)),
        Details(product="CUP", tax_class="Not one"),
        Details(product="CUP", weight_g=-1),
        Details(product="CUP", hs_code="12"),
        Details(product="CUP", origin="china"),
        Details(product="CUP", floor=-1),
        Details(product="CUP", made=(MadeOption(name="a", kind="choice"),)),
        Details(product="NONE"),
    ],
)
def test_details_that_cannot_be_are_refused(mugs: fairday.Shop, told: Details) -> None:
    with mugs.db.write() as conn, pytest.raises(FairdayError):
        save_details(conn, [told], 3)


def test_details_media_groups_and_texts_are_kept(mugs: fairday.Shop) -> None:
    made = (MadeOption(name="engraving", kind="text", price=5_00),)
    with mugs.db.write() as conn:
        told = Details(product="CUP", description="A cup.", attributes={"material": "clay"}, made=made, floor=3_00)
        save_details(conn, [told], 3)
        assert details_of(conn, ["CUP", "JUG"]) == {"CUP": told}
        save_media(conn, "CUP", [Medium(url="https://example.com/a.jpg", alt="A cup")])
        assert [m.url for m in media_of(conn, "CUP")] == ["https://example.com/a.jpg"]
        with pytest.raises(FairdayError):
            save_media(conn, "CUP", [Medium(url="http://example.com/a.jpg")])
        save_texts(conn, "product", "CUP", "title", {"zh": " 杯 子 ", "es": "Taza"})
        save_texts(conn, "product", "CUP", "title", {"es": ""})
        assert texts_of(conn, "product", ["CUP"]) == {("CUP", "title"): {"zh": "杯 子"}}
        with pytest.raises(FairdayError):
            save_texts(conn, "product", "CUP", "title", {"fr": "Tasse"})
        save_group(conn, Group(kind="category", name="kitchen"))
        save_group(conn, Group(kind="category", name="mugs", parent="kitchen"))
        with pytest.raises(FairdayError, match="below itself"):
            save_group(conn, Group(kind="category", name="kitchen", parent="mugs"))


def test_options_add_to_the_price_and_say_how_long_they_take(mugs: fairday.Shop) -> None:
    made = (MadeOption(name="engraving", kind="text", price=5_00, per_sign=10, days=3),)
    with mugs.db.write() as conn:
        save_details(conn, [Details(product="CUP", made=made)], 3)
    found = mugs.goods.offer("CUP", options={"engraving": "Ana"})
    assert (found.unit, found.extra, found.made.days, found.made.said) == (10_30, 5_30, 3, {"engraving": "Ana"})
    assert mugs.goods.offer("CUP").unit == 5_00
    with pytest.raises(FairdayError) as caught:
        mugs.goods.offer("CUP", options={"photo": "x"})
    assert caught.value.code == "unknown_option"


def test_products_by_name_leave_out_what_there_is_not(mugs: fairday.Shop) -> None:
    with mugs.db.read() as conn:
        assert set(products_named(conn, ["CUP", "NONE", "CUP"])) == {"CUP"}
