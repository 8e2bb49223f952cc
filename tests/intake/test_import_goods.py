# ruff: noqa: SIM905
"""Goods from Shopify, WooCommerce and plain sheets: variants, pictures, words, weights and costs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairday.goods.catalogue import ProductRow, all_products, save_products
from fairday.goods.naming import texts_of
from fairday.goods.records import Details, Variant, details_of, media_of, save_details, save_variants, variants_of
from fairday.intake.imports import ImportReport, import_files
from fairday.intake.understand import understand
from fairday.intake.wording import addresses, grams, hidden, plain_text, several
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import Settings
from fairday.storage.database import Database
from sheets import log

NOW = 1_780_315_200_000
SHOPIFY = (
    "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,"
    "Option2 Value,Variant SKU,Variant Grams,Variant Price,Variant Barcode,Image Src,Image Position,Image Alt Text,"
    "Variant Image,Cost per item,Status"
).split(",")
WOO = (
    "ID,Type,SKU,Name,Published,Description,Sale price,Regular price,Weight (kg),Categories,Tags,Images,Parent,"
    "Attribute 1 name,Attribute 1 value(s),Attribute 2 name,Attribute 2 value(s)"
).split(",")


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Database]:
    """One database, where what is tested has nothing to do with its kind."""
    db = Database(str(tmp_path / "shop.db"))
    db.create_all()
    yield db
    db.close()


def put(path: Path, header: list[str], *rows: dict[str, Any], encoding: str = "utf-8", mark: str = ",") -> Path:
    with path.open("w", encoding=encoding, newline="") as f:
        writer = csv.DictWriter(f, header, restval="", delimiter=mark)
        writer.writeheader()
        writer.writerows(rows)
    return path


def sheet(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding)
    return path


def bring(db: Database, *paths: Path, **more: Any) -> ImportReport:
    """Import files as the console does: with the built-in mapping that knows them, or as guessed."""
    found = understand([str(p) for p in paths])
    return import_files(
        db, Settings(currency="EUR"), paths, found.mapping("Europe/Madrid", "EUR"), now=more.pop("now", NOW), **more
    )


def shirt(**more: Any) -> list[dict[str, Any]]:
    first = {
        "Handle": "linen-shirt", "Title": "Linen shirt", "Vendor": "Costa", "Type": "Shirts",
        "Tags": "summer, linen",
        "Body (HTML)": "<p>Soft <b>linen</b>&nbsp;&amp; cool.</p><ul><li>Wash at 30°</li></ul><script>a()</script>",
        "Option1 Name": "Colour", "Option1 Value": "White", "Option2 Name": "Size", "Option2 Value": "M",
        "Variant SKU": "LS-W-M", "Variant Grams": "210", "Variant Price": "39.90", "Variant Barcode": "4006381333931",
        "Image Src": "https://cdn.example/1.jpg", "Image Alt Text": "In white", "Cost per item": "14.20",
        "Status": "active",
    } | more  # fmt: skip
    return [
        first,
        {"Handle": "linen-shirt", "Option1 Value": "White", "Option2 Value": "L", "Variant SKU": "LS-W-L",
         "Variant Grams": "220", "Variant Price": "39.90", "Image Src": "https://cdn.example/2.jpg"},
        {"Handle": "linen-shirt", "Option1 Value": "Blue", "Option2 Value": "M", "Variant SKU": "LS-B-M",
         "Variant Price": "44.90", "Variant Image": "https://cdn.example/blue.jpg", "Cost per item": "15.00"},
        {"Handle": "linen-shirt", "Image Src": "https://cdn.example/3.jpg"},
    ]  # fmt: skip


def test_a_shopify_product_comes_in_with_variants_pictures_words_weights_and_costs(
    db: Database, tmp_path: Path
) -> None:
    path = put(tmp_path / "products.csv", SHOPIFY, *shirt())
    dry = bring(db, path, dry_run=True)
    assert (dry.products, dry.variants, dry.pictures) == (1, 3, 1)
    with db.read() as conn:
        assert all_products(conn) == [], "a dry run writes nothing"
    report = bring(db, path)
    assert (report.mapping, report.products, report.variants, report.pictures) == ("shopify", 1, 3, 1)
    assert (report.files[0].rejected_count, report.files[0].remark_count) == (0, 0)
    with db.read() as conn:
        (row,) = all_products(conn)
        more = details_of(conn, ["linen-shirt"])["linen-shirt"]
        forms = variants_of(conn, ["linen-shirt"])["linen-shirt"]
        pictures = media_of(conn, "linen-shirt")
    assert (row.product, row.title, row.brand, row.category, row.price, row.currency, row.image) == (
        "linen-shirt", "Linen shirt", "Costa", "Shirts", 3990, "EUR", "https://cdn.example/1.jpg")  # fmt: skip
    assert more.description == "Soft linen & cool.\n\n· Wash at 30°"
    assert (more.tags, more.hidden) == (("summer", "linen"), False)
    assert [(v.sku, dict(v.options), v.price, v.weight_g, v.cost, v.barcode) for v in forms] == [
        ("LS-W-M", {"Colour": "White", "Size": "M"}, 3990, 210, 1420, "4006381333931"),
        ("LS-W-L", {"Colour": "White", "Size": "L"}, 3990, 220, None, None),
        ("LS-B-M", {"Colour": "Blue", "Size": "M"}, 4490, None, 1500, None),
    ]
    assert forms[2].image == "https://cdn.example/blue.jpg"
    assert [(m.url[-5:], m.alt) for m in pictures] == [("1.jpg", "In white"), ("2.jpg", ""), ("3.jpg", "")]


def test_a_second_import_changes_only_what_changed_and_keeps_what_the_file_does_not_say(
    db: Database, tmp_path: Path
) -> None:
    bring(db, put(tmp_path / "a.csv", SHOPIFY, *shirt()))
    with db.write() as conn:
        more = details_of(conn, ["linen-shirt"])["linen-shirt"]
        save_details(conn, [Details(product="linen-shirt", description=more.description, tags=more.tags,
                                    attributes={"material": "linen"}, floor=1500)], NOW)  # fmt: skip
        kept = variants_of(conn, ["linen-shirt"])["linen-shirt"]
        extra = Variant(sku="LS-OWN", product="linen-shirt", options={"Colour": "Red", "Size": "M"}, price=9900)
        save_variants(conn, "linen-shirt", [*kept, extra], NOW, "EUR")
    again = bring(db, put(tmp_path / "a.csv", SHOPIFY, *shirt()), now=NOW + 1)
    assert (again.products, again.variants, again.pictures, again.slices) == (0, 0, 0, 0)
    rows = shirt()
    rows[1]["Variant Price"] = "42.00"
    changed = bring(db, put(tmp_path / "a.csv", SHOPIFY, *rows), now=NOW + 2)
    assert (changed.products, changed.variants, changed.pictures) == (1, 1, 0)
    with db.read() as conn:
        forms = {v.sku: v for v in variants_of(conn, ["linen-shirt"])["linen-shirt"]}
        more = details_of(conn, ["linen-shirt"])["linen-shirt"]
    assert (forms["LS-W-L"].price, set(forms)) == (4200, {"LS-W-M", "LS-W-L", "LS-B-M", "LS-OWN"})
    assert (dict(more.attributes), more.floor) == ({"material": "linen"}, 1500)


def test_woocommerce_variations_become_variants_of_their_parent_and_its_attributes_stay_with_it(
    db: Database, tmp_path: Path
) -> None:
    path = put(
        tmp_path / "p.csv", WOO,
        {"ID": "12", "Type": "variable", "SKU": "TEA", "Name": "Green tea", "Categories": "Food > Tea, Gifts",
         "Description": "First flush.\\nFrom the hills.", "Images": "https://x.example/a.jpg, https://x.example/b.jpg",
         "Attribute 1 name": "Weight", "Attribute 1 value(s)": "100 g, 250 g", "Attribute 2 name": "Origin",
         "Attribute 2 value(s)": "Zhejiang", "Published": "1"},
        {"ID": "13", "Type": "variation", "SKU": "TEA-1", "Name": "Green tea - 100 g", "Regular price": "9,50",
         "Parent": "TEA", "Attribute 1 name": "Weight", "Attribute 1 value(s)": "100 g", "Weight (kg)": "0,12"},
        {"ID": "14", "Type": "variation", "SKU": "", "Name": "Green tea - 250 g", "Sale price": "17,00",
         "Regular price": "19,00", "Parent": "id:12", "Attribute 1 name": "Weight", "Attribute 1 value(s)": "250 g",
         "Images": "https://x.example/250.jpg"},
        {"ID": "15", "Type": "simple", "SKU": "CUP", "Name": "Cup", "Regular price": "5", "Published": "-1",
         "Attribute 1 name": "Material", "Attribute 1 value(s)": "Porcelain"},
    )  # fmt: skip
    report = bring(db, path)
    assert (report.mapping, report.products, report.variants) == ("woocommerce", 2, 2)
    with db.read() as conn:
        goods = {p.product: p for p in all_products(conn)}
        more = details_of(conn, goods)
        forms = variants_of(conn, ["TEA"])["TEA"]
    assert set(goods) == {"TEA", "CUP"}
    assert (goods["TEA"].title, goods["TEA"].category, goods["TEA"].price) == ("Green tea", "Tea", 950)
    assert more["TEA"].description == "First flush.\nFrom the hills."
    assert dict(more["TEA"].attributes) == {"Origin": "Zhejiang"}
    assert [(v.sku, dict(v.options), v.price, v.weight_g, v.image) for v in forms] == [
        ("TEA-1", {"Weight": "100 g"}, 950, 120, None),
        ("Green tea - 250 g", {"Weight": "250 g"}, 1700, None, "https://x.example/250.jpg"),
    ]
    assert (more["CUP"].hidden, dict(more["CUP"].attributes)) == (True, {"Material": "Porcelain"})


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_chinese_sheet_of_one_number_in_colours_and_sizes_is_understood_by_itself(
    lite: Database, tmp_path: Path, encoding: str
) -> None:
    path = sheet(
        tmp_path / "商品.csv",
        "货号,商品名称,英文名称,颜色,尺码,售价,成本价,品牌,类目,重量(kg),材质,上下架,图片,描述\n"
        "A100,亚麻衬衫,Linen shirt,白色,M,199,80,海岸,衬衫,0.21,亚麻,上架,https://x.example/a.jpg,柔软透气\n"
        "A100,亚麻衬衫,Linen shirt,白色,L,199,80,海岸,衬衫,0.22,亚麻,上架,https://x.example/b.jpg,\n"
        "A100,亚麻衬衫,Linen shirt,蓝色,M,219,85,海岸,衬衫,0.21,亚麻,上架,,\n"
        "B200,帆布包,Canvas bag,,,99,30,海岸,箱包,450g,帆布,下架,,\n",
        encoding,
    )
    report = bring(lite, path)
    assert (report.products, report.variants, report.files[0].rejected_count) == (2, 3, 0)
    with lite.read() as conn:
        goods = {p.product: p for p in all_products(conn)}
        forms = variants_of(conn, ["A100"])["A100"]
        more = details_of(conn, goods)
        names = texts_of(conn, "product", goods, "en")
    assert (goods["A100"].title, goods["A100"].brand, goods["A100"].price) == ("亚麻衬衫", "海岸", 19900)
    assert [(v.sku, dict(v.options), v.price, v.cost, v.weight_g) for v in forms] == [
        ("A100-白色-M", {"颜色": "白色", "尺码": "M"}, 19900, 8000, 210),
        ("A100-白色-L", {"颜色": "白色", "尺码": "L"}, 19900, 8000, 220),
        ("A100-蓝色-M", {"颜色": "蓝色", "尺码": "M"}, 21900, 8500, 210),
    ]
    assert names["A100", "title"] == {"en": "Linen shirt"}
    assert (more["A100"].description, dict(more["A100"].attributes)) == ("柔软透气", {"材质": "亚麻"})
    assert (more["B200"].weight_g, more["B200"].cost, more["B200"].hidden) == (450, 3000, True)


@pytest.mark.parametrize(
    ("text", "product"),
    [
        ("款号,商品编码,品名,规格,售价\nS1,S1-R,杯子,红,10\nS1,S1-B,杯子,蓝,12\n", "S1"),
        ("SKU,Parent SKU,Name,Size,Price\nP,,Cup,,10\nS1-R,P,Cup,red,10\nS1-B,P,Cup,blue,12\n", "P"),
        ("Modelo;Referencia;Nombre;Talla;Precio\nM;S1-R;Taza;S;10,00\nM;S1-B;Taza;L;12,00\n", "M"),
    ],
)
def test_sheets_with_a_column_for_the_product_and_one_for_the_variant(
    lite: Database, tmp_path: Path, text: str, product: str
) -> None:
    report = bring(lite, sheet(tmp_path / "g.csv", text))
    assert (report.products, report.variants) == (1, 2)
    with lite.read() as conn:
        assert [p.product for p in all_products(conn)] == [product]
        assert [(v.sku, v.price) for v in variants_of(conn, [product])[product]] == [("S1-R", 1000), ("S1-B", 1200)]


def test_bad_rows_are_set_aside_with_reasons_and_bad_cells_are_left_out_with_a_word(
    db: Database, tmp_path: Path
) -> None:
    rows = shirt()
    rows += [
        {"Handle": "linen-shirt", "Option1 Value": "White", "Option2 Value": "M", "Variant SKU": "LS-TWICE",
         "Variant Price": "1"},
        {"Handle": "linen-shirt", "Option1 Value": "Green", "Variant SKU": "LS-G", "Variant Price": "1"},
        {"Handle": "linen-shirt", "Option1 Value": "Grey", "Option2 Value": "S", "Variant SKU": "LS-S",
         "Variant Price": "free"},
        {"Handle": "cup", "Title": "Cup", "Variant SKU": "CUP", "Variant Price": "5",
         "Variant Barcode": "4006381333932",
         "Image Src": "http://cdn.example/c.jpg", "Variant Grams": "heavy"},
        {"Variant Price": "3"},
    ]  # fmt: skip
    path = put(tmp_path / "p.csv", SHOPIFY, *rows)
    report = bring(db, path)
    told = report.files[0]
    assert [(r.line, r.column, r.reason.split(":")[0]) for r in told.rejected] == [
        (6, "Option1 Value", "It is the same as LS-W-M"),
        (7, "Option1 Value", "It does not say its Size, as the others of linen-shirt do."),
        (8, "Variant Price", "The price 'free' is not a number."),
        (10, "Variant SKU", "The product's number is missing."),
    ]
    assert sorted((r.line, r.column) for r in told.remarks) == [
        (9, "Image Src"), (9, "Variant Barcode"), (9, "Variant Grams")]  # fmt: skip
    with db.read() as conn:
        assert {p.product for p in all_products(conn)} == {"linen-shirt", "CUP"}
    # Mended in the file of rejects, they come in.
    aside = Path(str(told.rejected_path))
    mended = aside.read_text("utf-8-sig").replace(",free,", ",49.90,")
    aside.write_text(mended, "utf-8")
    assert bring(db, aside).variants == 1


def test_goods_that_orders_told_become_the_variants_they_are_and_history_counts_once(
    db: Database, tmp_path: Path
) -> None:
    header = "Name,Email,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku".split(",")
    orders = put(tmp_path / "orders.csv", header, {
        "Name": "#1", "Email": "a@example.com", "Created at": "2026-05-01 10:00:00 +0200", "Lineitem quantity": 1,
        "Lineitem name": "Linen shirt - White / M", "Lineitem price": "39.90", "Lineitem sku": "LS-W-M"})  # fmt: skip
    bring(db, orders)
    with db.read() as conn:
        assert [p.product for p in all_products(conn)] == ["LS-W-M"]
    bring(db, put(tmp_path / "p.csv", SHOPIFY, *shirt()))
    with db.read() as conn:
        assert [p.product for p in all_products(conn)] == ["linen-shirt"]
    again = bring(db, orders)
    assert (again.new_lines, again.products) == (0, 0), "the line is the same line by its variant's number"
    more = put(tmp_path / "o2.csv", header, {
        "Name": "#2", "Email": "a@example.com", "Created at": "2026-05-02 10:00:00 +0200", "Lineitem quantity": 1,
        "Lineitem name": "Linen shirt - Blue / M", "Lineitem price": "44.90", "Lineitem sku": "LS-B-M"})  # fmt: skip
    bring(db, more)
    (line,) = log(db)[-1].properties["products"]
    assert (line["product_id"], line["sku"], line["category"]) == ("linen-shirt", "LS-B-M", "Shirts")


def test_a_price_list_by_variant_number_changes_those_variants(lite: Database, tmp_path: Path) -> None:
    bring(lite, put(tmp_path / "p.csv", SHOPIFY, *shirt()))
    report = bring(lite, sheet(tmp_path / "l.csv", "SKU,Name,Price\nLS-W-L,Linen shirt L,41.00\nNEW,Scarf,20\n"))
    assert (report.products, report.variants) == (2, 1)
    with lite.read() as conn:
        assert {v.sku: v.price for v in variants_of(conn, ["linen-shirt"])["linen-shirt"]}["LS-W-L"] == 4100
        assert {p.product for p in all_products(conn)} == {"linen-shirt", "NEW"}


def test_a_number_of_other_goods_is_never_taken(lite: Database, tmp_path: Path) -> None:
    with lite.write() as conn:
        save_products(conn, [ProductRow(product="LS-W-M", title="Mine", price=1)], NOW)
        save_details(conn, [Details(product="LS-W-M", description="Written by hand")], NOW)
    report = bring(lite, put(tmp_path / "p.csv", SHOPIFY, *shirt()))
    assert [r.line for r in report.files[0].rejected] == [2]
    assert "already" in report.files[0].rejected[0].reason
    with lite.read() as conn:
        assert details_of(conn, ["LS-W-M"])["LS-W-M"].description == "Written by hand"
        assert {v.sku for v in variants_of(conn, ["linen-shirt"])["linen-shirt"]} == {"LS-W-L", "LS-B-M"}


def test_a_number_that_is_the_products_and_a_variants_keeps_both_apart(lite: Database, tmp_path: Path) -> None:
    rows = shirt()
    rows[1]["Variant SKU"] = "linen-shirt"
    bring(lite, put(tmp_path / "p.csv", SHOPIFY, *rows))
    with lite.read() as conn:
        assert [p.product for p in all_products(conn)] == ["linen-shirt-all"]
        assert {v.sku for v in variants_of(conn, ["linen-shirt-all"])["linen-shirt-all"]} == {
            "LS-W-M", "linen-shirt", "LS-B-M"}  # fmt: skip


def test_a_mapping_names_options_attributes_and_languages(lite: Database, tmp_path: Path) -> None:
    mapping = sheet(
        tmp_path / "m.yaml",
        "source: own\ntables:\n  - kind: products\n    columns: {product: no, group: style, title: name, price: p}\n"
        "    options: {colour: c}\n    attributes: [{name: what, value: said}]\n    titles: {zh: cn}\n",
    )
    path = sheet(tmp_path / "g.csv", "no,style,name,p,c,what,said,cn\n1,S,Cup,5,red,glaze,celadon,杯\n2,S,,6,blue,,,\n")
    import_files(lite, Settings(currency="EUR"), [path], mapping, now=NOW)
    with lite.read() as conn:
        assert [dict(v.options) for v in variants_of(conn, ["S"])["S"]] == [{"colour": "red"}, {"colour": "blue"}]
        assert dict(details_of(conn, ["S"])["S"].attributes) == {"glaze": "celadon"}
        assert texts_of(conn, "product", ["S"], "zh")["S", "title"] == {"zh": "杯"}
    bad = (
        "source: own\ntables:\n  - kind: products\n    columns: {product: no, title: name}\n    options: [{name: c}]\n"
    )
    with pytest.raises(FairdayError, match="Which columns") as told:
        import_files(lite, Settings(), [path], sheet(tmp_path / "b.yaml", bad), now=NOW)
    assert told.value.code == "bad_mapping"


def test_descriptions_lose_their_markup_and_keep_their_words() -> None:
    assert plain_text("plain, 3 < 4 & 5 > 2") == "plain, 3 < 4 & 5 > 2"
    assert plain_text("<h2>A</h2><p>one<br>two</p><style>x{}</style><p>three") == "A\n\none\ntwo\n\nthree"
    assert plain_text("<img src=x onerror=alert(1)><svg><script>x</script></svg>Tea") == "Tea"
    assert plain_text("&lt;script&gt;alert(1)&lt;/script&gt;") == "<script>alert(1)</script>", "text: pages escape it"
    assert plain_text("<scr<script>ipt>x</script>") in ("ipt>x", "ipt&gt;x", "")
    assert len(plain_text("<p>" + "长" * 30_000)) == 20_000


def test_cells_say_weights_states_lists_and_addresses() -> None:
    assert [grams(c) for c in ("500", "0.5", "0,5 kg", "1.2kg", "2 斤", "1 lb", "heavy", "-3", "9e9")] == [
        500, 500, 500, 1200, 1000, 454, None, None, None]  # fmt: skip
    assert (grams("2", "重量（公斤）"), grams("2", "Weight (kg)"), grams("2", "Peso g")) == (2000, 2000, 2)
    assert (hidden("Active"), hidden("下架"), hidden("?")) == (False, True, None)
    assert several("a, b；c、a|d") == ["a", "b", "c", "d"]
    assert addresses('https://a.example/1.jpg,//b.example/2.png "x"') == [
        "https://a.example/1.jpg",
        "//b.example/2.png",
    ]
