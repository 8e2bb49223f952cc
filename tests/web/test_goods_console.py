"""The console's goods and price lists: what a merchant writes is kept whole or not at all."""

from __future__ import annotations

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, product, save_products
from fairday.goods.naming import texts_of
from fairday.goods.records import details_of, media_of, variants_of
from fairday.goods.search import Asked
from webdesk import Client

GOOD = {
    "new": "yes", "product": "MUG", "title": "Mug", "category": "Mugs", "department": "", "brand": "Casa",
    "price": "14.50", "currency": "cny", "image": "", "description": "Thrown by hand.", "tags": "gift, summer, gift",
    "attributes": "material: clay\ncare：hand", "tax_class": "standard", "weight_g": "380", "hs_code": "691200",
    "origin": "cn", "floor": "9", "cost": "2.20", "media": "https://example.com/a.jpg | From above",
    "forms": "sku,colour,price,barcode\nM-R,red,,4006381333931\nM-B,blue,16,\n", "words": "word,zh,es\nred,红,rojo\n",
    "made": "- {name: name, kind: text, price: 500, days: 3, box: {x: 10}}\n",
    "texts": "field,zh,en,es\ntitle,杯子,,Taza\n",
}  # fmt: skip


@pytest.fixture
def desk(lite: fairday.Shop) -> Client:
    return Client(lite).sign_in()


def test_a_product_is_written_whole_and_read_back_as_written(desk: Client) -> None:
    answer = desk.post("/console/goods/good", GOOD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/goods/good?n=MUG&done=good_saved")
    with desk.shop.db.read() as conn:
        row, details = product(conn, "MUG"), details_of(conn, ["MUG"])["MUG"]
        assert row is not None
        assert (row.price, row.currency, row.brand) == (14_50, "CNY", "Casa")
        assert (details.attributes, details.tags) == ({"material": "clay", "care": "hand"}, ("gift", "summer"))
        assert (details.floor, details.origin, details.made[0].days) == (9_00, "CN", 3)
        assert [(v.sku, v.price, v.barcode) for v in variants_of(conn, ["MUG"])["MUG"]] == [
            ("M-R", None, "4006381333931"), ("M-B", 16_00, None)]  # fmt: skip
        assert media_of(conn, "MUG")[0].alt == "From above"
        assert texts_of(conn, "word", ["red"])["red", "title"] == {"zh": "红", "es": "rojo"}
    assert desk.shop.search.index().count(Asked(text="taza rojo")) == 1
    page = desk.get("/console/goods/good?n=MUG&lang=en").text
    for text in ("M-R,red,,4006381333931", "M-B,blue,16.00,", "kind: text", "title,杯子,,Taza", "care: hand", "14.50"):
        assert text in page, text
    assert "Mug" in desk.get("/console/goods?q=m-r&lang=en").text
    assert "Mug" not in desk.get("/console/goods?q=teapot&lang=en").text


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"made": "[" * 3000},
        {"made": "&a [*a]"},
        {"made": "- &a {name: x, kind: choice, choices: *a}"},
        {"made": '- {name: "\\ud800", kind: text}'},
        {"product": ""},
        {"price": "dear"},
        {"price": "-1"},
        {"currency": "Euro"},
        {"weight_g": "1.5"},
        {"forms": "colour\nred\n"},
        {"forms": "sku,colour\nA,red\nA,blue\n"},
        {"forms": "sku,colour,weight_g\nA,red,heavy\n"},
        {"forms": "sku,colour\nMUG,red\n"},
        {"attributes": "clay"},
        {"made": "- {name: [}"},
        {"made": "- {name: x, kind: song}"},
        {"media": "http://example.com/a.jpg"},
        {"texts": "field,zh\ntitle,a,b,c\n"},
    ],
)
def test_what_cannot_be_is_refused_whole_and_stays_in_the_form(desk: Client, wrong: dict[str, str]) -> None:
    answer = desk.post("/console/goods/good", GOOD | wrong)
    assert answer.status_code in (409, 422)
    assert 'role="alert"' in answer.text
    assert "Thrown by hand." in answer.text
    with desk.shop.db.read() as conn:
        assert product(conn, "MUG") is None


def test_a_number_is_given_once(desk: Client) -> None:
    assert desk.post("/console/goods/good", GOOD).status_code == 303
    for number in ("MUG", "M-R"):
        assert desk.post("/console/goods/good", GOOD | {"product": number}).status_code == 422
    assert desk.post("/console/goods/good", GOOD | {"new": "", "title": "Cup"}).status_code == 303
    assert desk.get("/console/goods/good?n=none").status_code == 404


TERMS = {"list": "sale", "title": "Sale", "currency": "CNY", "channel": "online", "store": "", "country": "",
         "company": "", "crowd": "", "starts_at": "2026-06-01T00:00", "ends_at": "", "priority": "", "factor": "90",
         }  # fmt: skip


def test_a_list_is_written_priced_tried_and_taken_away(desk: Client) -> None:
    desk.post("/console/goods/good", GOOD)
    assert desk.post("/console/prices", TERMS).status_code == 303
    assert (
        desk.post("/console/prices/sale/set", {"csv": "sku;min_qty;price\nMUG;10;12,125\nM-B;;15\n"}).status_code == 303
    )
    page = desk.get("/console/prices?list=sale&lang=en").text
    for text in ("MUG,10,12.125", "M-B,1,15.00", "2026-06-01T00:00", 'value="90"', "online"):
        assert text in page, text
    tried = desk.get("/console/prices?try_sku=M-R&try_qty=10&lang=en").text
    assert "CN¥12.125" in tried
    assert "“Sale” wins, from 10 pieces" in tried
    assert "CN¥13.05" in desk.get("/console/prices?try_sku=M-R&try_qty=2&lang=en").text
    other = desk.get("/console/prices?try_sku=M-R&try_channel=store&lang=en").text
    assert "for another channel" in other
    assert "CN¥14.50" in other
    assert "no price" in desk.get("/console/prices?try_sku=M-R&try_currency=EUR&lang=en").text
    desk.post("/console/prices/sale/set", {"csv": "sku,price\nMUG,\n"})
    assert "MUG,10" not in desk.get("/console/prices?list=sale").text
    assert desk.post("/console/prices/sale/remove").status_code == 303
    assert desk.post("/console/prices/sale/remove").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [{"list": "a b"}, {"title": ""}, {"currency": "X"}, {"starts_at": "soon"}, {"factor": "-5"}, {"priority": "1.5"},
     {"country": "Spain"}, {"ends_at": "2026-05-01T00:00"}],
)  # fmt: skip
def test_terms_that_cannot_be_are_told(desk: Client, wrong: dict[str, str]) -> None:
    answer = desk.post("/console/prices", TERMS | wrong)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize(
    "csv", ["sku\nMUG\n", "sku,price\nNONE,1\n", "sku,price\nMUG,dear\n", "sku,price\nMUG,-1\n",
            "sku,price,min_qty\nMUG,1,0\n", "sku,price\nMUG,1.1234567\n", "sku,sku,price\nMUG,MUG,1\n",
            "sku,price\n,1\n"],
)  # fmt: skip
def test_prices_that_cannot_be_change_nothing(desk: Client, csv: str) -> None:
    desk.post("/console/goods/good", GOOD)
    desk.post("/console/prices", TERMS)
    answer = desk.post("/console/prices/sale/set", {"csv": csv})
    assert answer.status_code in (404, 422)
    assert csv.strip().splitlines()[-1] in answer.text


def test_categories_brands_and_prices_elsewhere_come_as_tables(desk: Client) -> None:
    with desk.shop.db.write() as conn:
        save_products(conn, [ProductRow(product="MUG", title="Mug", category="Mugs")], 1)
    table = "kind,name,parent,es\ncategory,Kitchen,,Cocina\ncategory,Mugs,Kitchen,Tazas\nbrand,Casa,,\n"
    assert desk.post("/console/goods/groups", {"csv": table}).status_code == 303
    assert "category,Mugs,Kitchen,,,,Tazas" in desk.get("/console/goods/groups").text
    assert desk.post("/console/goods/groups", {"csv": "kind,name,parent\ncategory,Kitchen,Mugs\n"}).status_code == 422
    assert desk.post("/console/goods/groups", {"csv": "kind,name\nshop,x\n"}).status_code == 422
    seen = "sku,place,price,date\nMUG,El Bazar,9.50,2026-05-30\n"
    assert desk.post("/console/goods/elsewhere", {"csv": seen}).status_code == 303
    page = desk.get("/console/goods/good?n=MUG&lang=en").text
    assert "El Bazar" in page
    assert "owner@example.com" in page
    assert desk.post("/console/goods/elsewhere", {"csv": "sku\nMUG\n"}).status_code == 422


def test_forms_of_many_products_come_as_one_table(desk: Client) -> None:
    desk.post("/console/goods/good", GOOD)
    with desk.shop.db.write() as conn:
        save_products(conn, [ProductRow(product="CUP", title="Cup", price=5_00)], 1)
    table = "sku\tparent\tcolour\tsize\tprice\nM-R\tMUG\tcrimson\t\t15\nC-S\tCUP\t\tS\t\nC-L\tCUP\t\tL\t7\n"
    assert desk.post("/console/goods/forms", {"forms": table}).status_code == 303
    with desk.shop.db.read() as conn:
        found = variants_of(conn, ["MUG", "CUP"])
    assert [(v.sku, dict(v.options), v.price) for v in found["MUG"]] == [
        ("M-R", {"colour": "crimson"}, 15_00), ("M-B", {"colour": "blue"}, 16_00)]  # fmt: skip
    assert [(v.sku, dict(v.options), v.price) for v in found["CUP"]] == [
        ("C-S", {"size": "S"}, None), ("C-L", {"size": "L"}, 7_00)]  # fmt: skip
    for wrong in ("sku,colour\nA,red\n", "sku,parent,colour\nA,,red\n", "sku,parent,colour\nA,NONE,red\n",
                  "sku,parent,size\nA,MUG,S\n", "sku,parent,colour\nM-R,CUP,red\n"):  # fmt: skip
        assert desk.post("/console/goods/forms", {"forms": wrong}).status_code in (404, 409, 422), wrong
