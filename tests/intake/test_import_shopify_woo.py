# ruff: noqa: E501, SIM905
"""Shopify's and WooCommerce's own exports, in their columns' real shapes, with rows of our own."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from fairday.goods.catalogue import all_products
from fairday.goods.records import media_of, variants_of
from fairday.intake.imports import ImportReport, import_files
from fairday.kernel.settings import Settings
from fairday.storage.database import Database
from fairday.storage.log import Happening
from sheets import log

NOW = 1_780_315_200_000
ORDERS = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,"
    "Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,"
    "Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,"
    "Lineitem fulfillment status,Billing Name,Billing Country,Shipping Name,Shipping Country,Notes,Note Attributes,"
    "Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,Location,"
    "Device ID,Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Phone,Landing Site,Referring Site"
).split(",")
PRODUCTS = (
    "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,"
    "Option2 Value,Option3 Name,Option3 Value,Variant SKU,Variant Grams,Variant Price,Variant Compare At Price,"
    "Image Src,Image Position,Variant Image,Status"
).split(",")
CUSTOMERS = (
    "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address Address1,"
    "Default Address City,Default Address Province Code,Default Address Country Code,Default Address Zip,"
    "Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags"
).split(",")


def write(path: Path, header: list[str], *rows: dict[str, Any]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, header, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def bring(db: Database, *paths: Path, zone: str = "Europe/Madrid", **more: Any) -> ImportReport:
    return import_files(db, Settings(currency="EUR"), paths, zone=zone, now=NOW, **more)


def by_order(db: Database) -> dict[tuple[str, str], Happening]:
    return {(h.properties["order_id"], h.name): h for h in log(db) if "order_id" in h.properties}


def order(name: str, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Email": "ana@example.com", "Financial Status": "paid", "Currency": "EUR",
            "Created at": "2026-05-01 10:00:00 +0200", "Lineitem quantity": 1, "Lineitem name": "Green tea - 100 g",
            "Lineitem price": "9.00", "Lineitem sku": "TEA-100", "Vendor": "Misty Hill", **more}  # fmt: skip


def test_an_order_of_several_lines_carries_its_own_columns_on_the_first_only(db: Database, tmp_path: Path) -> None:
    path = write(
        tmp_path / "orders_export.csv", ORDERS,
        order("#1001", Subtotal="20.50", Shipping="4.95", Taxes="5.35", Total="30.80", **{
            "Discount Code": "SPRING", "Discount Amount": "2.50", "Lineitem quantity": 2, "Shipping Country": "ES",
            "Landing Site": "/collections/tea?utm_source=news&utm_medium=email", "Referring Site": "https://mail.example",
            "Source": "web", "Phone": "'+34600000001"}),
        {"Name": "#1001", "Email": "ana@example.com", "Created at": "2026-05-01 10:00:00 +0200", "Lineitem quantity": 1,
         "Lineitem name": "Cup", "Lineitem price": "5.00", "Lineitem sku": "", "Vendor": "Misty Hill"},
    )  # fmt: skip
    report = bring(db, path)
    assert report.mapping == "shopify"
    (told,) = log(db)
    assert told.at == 1_777_622_400_000  # 10:00 +0200 is 08:00 UTC
    p = told.properties
    assert (p["total"], p["currency"], p["coupon"], p["channel"]) == (30.8, "EUR", "SPRING", "web")
    assert [(line["product_id"], line["quantity"], line["price"]) for line in p["products"]] == [
        ("Cup", 1, 5.0),
        ("TEA-100", 2, 9.0),
    ]
    assert {c["kind"]: c["price"] for c in p["charges"]} == {"shipping": 4.95, "discount": -2.5, "tax": 5.35}
    assert ("email", "ana@example.com") in told.ids
    assert ("phone", "+34600000001") in told.ids
    assert told.context["page"] == {
        "url": "/collections/tea?utm_source=news&utm_medium=email",
        "referrer": "https://mail.example",
    }
    assert told.context["location"] == {"country": "ES"}
    again = bring(db, path)
    assert (again.new_lines, again.unchanged) == (0, 1)


def test_a_tax_inside_the_prices_is_no_line_and_what_is_left_is_told(lite: Database, tmp_path: Path) -> None:
    bring(lite, write(
        tmp_path / "o.csv", ORDERS,
        order("#1", Total="12.90", Subtotal="9.00", Shipping="3.90", Taxes="2.24"),
        order("#2", Total="8.00", Subtotal="9.00", Shipping="0.00", Taxes="1.39", **{"Discount Amount": "0.00"}),
        order("#3", Total="1200", Subtotal="1100", Shipping="100", Taxes="0", Currency="JPY", **{"Lineitem price": "1100"}),
    ))  # fmt: skip
    found = by_order(lite)
    assert [c["kind"] for c in found["#1", "Order Completed"].properties["charges"]] == ["shipping"]
    assert {c["kind"]: c["price"] for c in found["#2", "Order Completed"].properties["charges"]} == {"difference": -1.0}
    assert found["#2", "Order Completed"].properties["total"] == 8.0
    assert (
        found["#3", "Order Completed"].properties["total"],
        found["#3", "Order Completed"].properties["currency"],
    ) == (1200, "JPY")


def test_refunds_and_states_become_what_they_are_and_grow_by_the_difference(db: Database, tmp_path: Path) -> None:
    rows = [
        order("#1", Total="9.00", **{"Financial Status": "partially_refunded", "Refunded Amount": "2.50"}),
        order("#2", Total="9.00", **{"Financial Status": "refunded", "Refunded Amount": "9.00",
                                     "Cancelled at": "2026-05-03 09:00:00 +0200"}),
        order("#3", Total="9.00", **{"Financial Status": "pending"}),
        order("#4", Total="9.00", **{"Financial Status": "voided", "Cancelled at": "2026-05-02 09:00:00 +0200"}),
    ]  # fmt: skip
    bring(db, write(tmp_path / "o.csv", ORDERS, *rows))
    found = by_order(db)
    assert found["#1", "Order Refunded"].properties["total"] == 2.5
    assert found["#2", "Order Refunded"].at == 1_777_791_600_000
    assert ("#3", "Order Placed") in found
    assert ("#4", "Order Cancelled") in found
    assert not {("#3", "Order Completed"), ("#4", "Order Completed"), ("#4", "Order Refunded")} & set(found)
    rows[0]["Refunded Amount"] = "6.00"
    rows[2]["Financial Status"] = "paid"
    report = bring(db, write(tmp_path / "o.csv", ORDERS, *rows))
    assert report.happenings == {"Order Completed": 1, "Order Refunded": 1}
    back = [h.properties["total"] for h in log(db) if h.name == "Order Refunded" and h.properties["order_id"] == "#1"]
    assert sorted(back) == [2.5, 3.5]
    assert bring(db, write(tmp_path / "o.csv", ORDERS, *rows)).happenings == {}


def test_goods_with_variants_go_by_number_or_by_the_name_that_orders_use(lite: Database, tmp_path: Path) -> None:
    path = write(
        tmp_path / "products_export.csv", PRODUCTS,
        {"Handle": "green-tea", "Title": "Green tea", "Vendor": "Misty Hill", "Product Category": "Food & Drink > Tea",
         "Option1 Name": "Weight", "Option1 Value": "100 g", "Variant SKU": "'TEA-100", "Variant Price": "9.00",
         "Image Src": "https://cdn.example/tea.jpg", "Status": "active"},
        {"Handle": "green-tea", "Option1 Value": "250 g", "Variant SKU": "", "Variant Price": "19.00",
         "Variant Image": "https://cdn.example/tea250.jpg"},
        {"Handle": "green-tea", "Image Src": "https://cdn.example/tea2.jpg", "Image Position": 2},
        {"Handle": "cup", "Title": "Cup", "Vendor": "Misty Hill", "Type": "Teaware", "Option1 Name": "Title",
         "Option1 Value": "Default Title", "Variant SKU": "", "Variant Price": "5.00"},
    )  # fmt: skip
    report = bring(lite, path)
    assert (report.products, report.variants, report.files[0].rejected_count) == (2, 2, 0)
    with lite.read() as conn:
        goods = {p.product: p for p in all_products(conn)}
        forms = {v.sku: v for v in variants_of(conn, ["green-tea"])["green-tea"]}
        pictures = [m.url for m in media_of(conn, "green-tea")]
    assert set(goods) == {"green-tea", "Cup"}
    tea = goods["green-tea"]
    assert (tea.title, tea.category, tea.department, tea.brand, tea.price) == (
        "Green tea",
        "Tea",
        "Food & Drink",
        "Misty Hill",
        900,
    )
    assert [(s, v.options, v.price) for s, v in forms.items()] == [
        ("TEA-100", {"Weight": "100 g"}, 900),
        ("Green tea - 250 g", {"Weight": "250 g"}, 1900),
    ]
    assert forms["Green tea - 250 g"].image == "https://cdn.example/tea250.jpg"
    assert pictures == ["https://cdn.example/tea.jpg", "https://cdn.example/tea2.jpg"]
    assert goods["Cup"].category == "Teaware"


def test_customers_bring_their_traits_and_the_consent_that_was_kept_for_them(lite: Database, tmp_path: Path) -> None:
    rows = [
        {"Customer ID": "'6211234", "First Name": "Ana", "Last Name": "Díaz", "Email": "Ana@example.com",
         "Accepts Email Marketing": "yes", "Default Address City": "Madrid", "Default Address Country Code": "ES",
         "Phone": "'+34600000001", "Accepts SMS Marketing": "no", "Tags": "vip, tea"},
        {"Customer ID": "'6211235", "First Name": "Bo", "Email": "bo@example.com", "Accepts Email Marketing": "no"},
        {"First Name": "Nobody"},
    ]  # fmt: skip
    path = write(tmp_path / "customers_export.csv", CUSTOMERS, *rows)
    report = bring(lite, path)
    assert report.happenings == {"Consent Given": 1, "identify": 2}
    assert [(r.line, r.column) for r in report.files[0].rejected] == [(4, "Customer ID")]
    ana = log(lite)[0]
    assert set(ana.ids) == {("user_id", "6211234"), ("email", "Ana@example.com"), ("phone", "+34600000001")}
    assert ana.traits["name"] == "Ana Díaz"
    assert ana.traits["city"] == "Madrid"
    assert bring(lite, path).happenings == {}


def test_a_file_never_goes_over_what_somebody_told_the_shop_itself(shop: Any, tmp_path: Path) -> None:
    left = Happening(message_id="u1", kind="track", name="Email Unsubscribed", at=NOW - 1000, received=NOW, source="web",
                     ids=(("email", "ana@example.com"),), body={"properties": {}})  # fmt: skip
    shop.append([left]).result()
    shop.catch_up()
    rows = [{"Customer ID": "1", "Email": "ana@example.com", "Accepts Email Marketing": "yes"},
            {"Customer ID": "2", "Email": "bo@example.com", "Accepts Email Marketing": "yes"}]  # fmt: skip
    assert shop.import_files([write(tmp_path / "c.csv", CUSTOMERS, *rows)]).happenings == {
        "Consent Given": 1,
        "identify": 2,
    }
    shop.catch_up()
    rows[1]["Accepts Email Marketing"] = "no"
    assert shop.import_files([write(tmp_path / "c.csv", CUSTOMERS, *rows)]).happenings == {"Consent Withdrawn": 1}


def test_three_files_of_a_shop_come_in_together(lite: Database, tmp_path: Path) -> None:
    files = [
        write(tmp_path / "orders.csv", ORDERS, order("#1", Total="9.00")),
        write(tmp_path / "goods.csv", PRODUCTS, {"Handle": "t", "Title": "Green tea", "Type": "Tea",
              "Option1 Name": "Weight", "Option1 Value": "100 g", "Variant SKU": "TEA-100", "Variant Price": "9.00"}),
        write(tmp_path / "people.csv", CUSTOMERS, {"Customer ID": "1", "Email": "ana@example.com"}),
    ]  # fmt: skip
    report = bring(lite, *files)
    assert [f.kind for f in report.files] == ["orders", "products", "customers"]
    (line,) = by_order(lite)["#1", "Order Completed"].properties["products"]
    assert (line["product_id"], line["sku"], line["category"]) == ("t", "TEA-100", "Tea")


def test_a_continuation_row_that_is_bad_keeps_its_orders_columns_in_the_rejects(lite: Database, tmp_path: Path) -> None:
    rows = [order("#1", Total="18.00"), {"Name": "#1", "Lineitem quantity": "one", "Lineitem name": "Green tea - 100 g",
                                         "Lineitem price": "9.00", "Lineitem sku": "TEA-100"}]  # fmt: skip
    path = write(tmp_path / "o.csv", ORDERS, *rows)
    bring(lite, path)
    rejected = tmp_path / "o.rejected.csv"
    with rejected.open(encoding="utf-8-sig", newline="") as f:
        (told,) = csv.DictReader(f)
    assert (told["line"], told["column"], told["Created at"]) == ("3", "Lineitem quantity", "2026-05-01 10:00:00 +0200")
    rejected.write_text(rejected.read_text("utf-8-sig").replace(",one,", ",1,"), "utf-8")
    bring(lite, rejected)
    goods = [line for h in log(lite) for line in h.properties["products"]]
    assert len(goods) == 1, "the same line again is one line: it stands in another file, not twice in one"


WOO = (
    "Order Number,Order Status,Order Date,Customer Note,First Name (Billing),Last Name (Billing),Company (Billing),"
    "Address 1&2 (Billing),City (Billing),State Code (Billing),Postcode (Billing),Country Code (Billing),"
    "Email (Billing),Phone (Billing),First Name (Shipping),Last Name (Shipping),Country Code (Shipping),"
    "Payment Method Title,Cart Discount Amount,Order Subtotal Amount,Shipping Method Title,Order Shipping Amount,"
    "Order Refund Amount,Order Total Amount,Order Total Tax Amount,SKU,Item #,Item Name,Quantity (- Refund),Item Cost,"
    "Coupon Code,Discount Amount,Discount Amount Tax"
).split(",")


def test_woocommerce_orders_with_a_row_a_line(db: Database, tmp_path: Path) -> None:
    path = write(
        tmp_path / "orders.csv", WOO,
        {"Order Number": "501", "Order Status": "Completed", "Order Date": "2026-05-01 10:00", "Email (Billing)": "li@example.com",
         "Order Total Amount": "27.31", "Order Shipping Amount": "4.00", "Order Total Tax Amount": "2.31",
         "Cart Discount Amount": "2.00", "SKU": "TEA", "Item Name": "Tea", "Quantity (- Refund)": "2", "Item Cost": "9.00"},
        {"Order Number": "501", "SKU": "CUP", "Item Name": "Cup", "Quantity (- Refund)": "1", "Item Cost": "5.00"},
        {"Order Number": "502", "Order Status": "On hold", "Order Date": "2026-05-01 11:00", "Email (Billing)": "li@example.com",
         "Order Total Amount": "9", "SKU": "TEA", "Item Name": "Tea", "Quantity (- Refund)": "1", "Item Cost": "9"},
        {"Order Number": "503", "Order Status": "Refunded", "Order Date": "2026-05-01 12:00", "Email (Billing)": "li@example.com",
         "Order Total Amount": "9", "SKU": "TEA", "Item Name": "Tea", "Quantity (- Refund)": "1", "Item Cost": "9"},
    )  # fmt: skip
    report = bring(db, path)
    assert report.mapping == "woocommerce"
    found = by_order(db)
    first = found["501", "Order Completed"]
    assert first.properties["total"] == 27.31
    assert {c["kind"]: c["price"] for c in first.properties["charges"]} == {
        "discount": -2.0,
        "shipping": 4.0,
        "tax": 2.31,
    }
    assert first.at == 1_777_622_400_000
    assert ("502", "Order Placed") in found
    assert found["503", "Order Refunded"].properties["total"] == 9.0
    assert bring(db, path).happenings == {}


def test_woocommerce_orders_packed_into_one_row(lite: Database, tmp_path: Path) -> None:
    header = ("order_id,order_number,order_date,status,shipping_total,tax_total,order_total,order_currency,customer_email,"
              "billing_email,billing_country,meta:_wc_order_attribution_utm_source,line_item_1,line_item_2").split(",")  # fmt: skip
    path = write(
        tmp_path / "o.csv", header,
        {"order_id": "9", "order_number": "9", "order_date": "2026-05-01 10:00:00", "status": "processing",
         "shipping_total": "0", "tax_total": "0", "order_total": "23.00", "order_currency": "USD",
         "billing_email": "li@example.com", "billing_country": "US", "meta:_wc_order_attribution_utm_source": "google",
         "line_item_1": "name:Tea|product_id:12|sku:TEA|quantity:2|total:18.00|sub_total:18.00",
         "line_item_2": "name:Cup|product_id:13|sku:|quantity:1|total:5.00|sub_total:5.00"},
        {"order_id": "10", "order_number": "10", "order_date": "2026-05-01 10:00:00", "status": "completed",
         "order_total": "9.00", "order_currency": "USD", "billing_email": "li@example.com",
         "line_item_1": "name:Tea|product_id:12|sku:TEA|quantity:1|total:9.00|sub_total:9.00"},
    )  # fmt: skip
    bring(lite, path)
    nine = by_order(lite)["9", "Order Completed"]
    assert [(line["product_id"], line["quantity"], line["price"]) for line in nine.properties["products"]] == [
        ("Cup", 1, 5.0),
        ("TEA", 2, 9.0),
    ]
    assert "charges" not in nine.properties
    assert nine.context["campaign"] == {"source": "google"}
    assert bring(lite, path).happenings == {}


def test_woocommerce_analytics_tell_goods_by_number_and_the_order_by_its_sum(lite: Database, tmp_path: Path) -> None:
    header = "Date,Order #,N. Revenue (formatted),Status,Customer,Customer type,Product(s),Items sold,Coupon(s),Net Sales,Attribution".split(
        ","
    )
    path = write(
        tmp_path / "o.csv", header,
        {"Date": "2026-05-01 10:00:00", "Order #": "77", "N. Revenue (formatted)": "€27,50", "Status": "completed",
         "Customer": "Li Wei", "Customer type": "new", "Product(s)": "2× Tea, green, 1× Cup", "Items sold": 3, "Net Sales": "27.5"},
    )  # fmt: skip
    bring(lite, path)
    (told,) = log(lite)
    assert told.properties["total"] == 27.5
    assert [(line["product_id"], line["quantity"]) for line in told.properties["products"]] == [
        ("Cup", 1),
        ("Tea, green", 2),
    ]


def test_woocommerce_goods_inherit_from_their_parent(lite: Database, tmp_path: Path) -> None:
    header = "ID,Type,SKU,Name,Published,Sale price,Regular price,Categories,Tags,Images,Parent".split(",")
    path = write(
        tmp_path / "p.csv", header,
        {"ID": "12", "Type": "variable", "SKU": "TEA", "Name": "Tea", "Categories": "Food > Tea, Gifts",
         "Images": "https://x.example/a.jpg, https://x.example/b.jpg"},
        {"ID": "13", "Type": "variation", "SKU": "TEA-1", "Name": "Tea - 100 g", "Regular price": "9", "Parent": "TEA"},
        {"ID": "14", "Type": "variation", "SKU": "TEA-2", "Name": "Tea - 250 g", "Sale price": "17", "Regular price": "19",
         "Parent": "id:12"},
        {"ID": "15", "Type": "simple", "SKU": "", "Name": "Cup", "Regular price": "5", "Categories": "Cups\\, mugs"},
    )  # fmt: skip
    bring(lite, path)
    with lite.read() as conn:
        goods = {p.product: p for p in all_products(conn)}
    assert set(goods) == {"TEA", "TEA-1", "TEA-2", "Cup"}
    assert (goods["TEA-1"].category, goods["TEA-1"].department) == ("Tea", "Food")
    assert goods["TEA-2"].price == 1700
    assert goods["TEA-2"].category == "Tea"
    assert goods["TEA"].image == "https://x.example/a.jpg"
    assert goods["Cup"].category == "Cups, mugs"


@pytest.fixture
def lite(tmp_path: Path) -> Any:
    """One database, where what is tested has nothing to do with its kind."""
    db = Database(str(tmp_path / "shop.db"))
    db.create_all()
    yield db
    db.close()
