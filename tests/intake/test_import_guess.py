# ruff: noqa: E501
"""Mappings guessed from columns' names in three languages and from what stands in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairday.intake.drafting import mapping_text, source_of
from fairday.intake.guess import Table, guess, look, settle, time_format
from fairday.intake.imports import import_files
from fairday.intake.mapping import parse_mapping
from fairday.kernel.settings import Settings
from fairday.storage.database import Database
from sheets import log, put

NOW = 1_780_315_200_000


def table(header: str, *rows: str) -> Table:
    return Table("a.csv", "", tuple(header.split(";")), tuple(tuple(r.split(";")) for r in rows))


CASES = [
    (table("订单编号;下单时间;商品编码;商品名称;数量;单价;小计;会员号;手机号;门店;订单状态",
           "D1;2026/05/01 10:00;T1;龙井;2;68.00;136.00;m1;13800138000;人民广场;已完成",
           "D2;2026/05/02 11:00;T2;碧螺春;1;88.00;88.00;m2;13900139000;人民广场;待付款"),
     "orders", {"order": "订单编号", "time": "下单时间", "product": "商品编码", "title": "商品名称", "quantity": "数量",
                "price": "单价", "id:user_id": "会员号", "id:phone": "手机号", "store": "门店", "status": "订单状态"}),
    (table("Fecha;Nº pedido;Artículo;Descripción;Cantidad;Importe;Correo electrónico;Tienda",
           "05/01/2026 10:00;P-1;T1;Té verde;2;1.234,50;ana@example.com;Sol", "25/01/2026 10:00;P-2;T2;Taza;1;5,00;bo@example.com;Sol"),
     "orders", {"order": "Nº pedido", "time": "Fecha", "product": "Artículo", "title": "Descripción", "quantity": "Cantidad",
                "amount": "Importe", "id:email": "Correo electrónico", "store": "Tienda"}),
    (table("Receipt No;Date;Item;Qty;Unit Price;Customer Email", "7;2026-05-01 10:00:00;Tea;2;3.50;ana@example.com"),
     "orders", {"order": "Receipt No", "time": "Date", "product": "Item", "title": "Item", "quantity": "Qty",
                "price": "Unit Price", "id:email": "Customer Email"}),
    (table("order_id;created_at;customer_email;order_total;currency", "1;2026-05-01T10:00:00Z;ana@example.com;27.50;EUR"),
     "orders", {"order": "order_id", "time": "created_at", "id:email": "customer_email", "total": "order_total", "currency": "currency"}),
    (table("商品编号;名称;品类;品牌;标价;图片", "T1;龙井;茶叶;狮峰;68;https://x.example/a.jpg"),
     "products", {"product": "商品编号", "title": "名称", "category": "品类", "brand": "品牌", "price": "标价", "image": "图片"}),
    (table("SKU;Nombre;Categoría;Marca;PVP", "T1;Té;Bebidas;Sol;3,50"),
     "products", {"product": "SKU", "title": "Nombre", "category": "Categoría", "brand": "Marca", "price": "PVP"}),
    (table("会员编号;姓名;手机;性别;生日;城市;注册时间", "m1;李明;13800138000;男;1990-01-02;上海;2025-01-01"),
     "customers", {"id:user_id": "会员编号", "id:phone": "手机", "trait:name": "姓名", "trait:gender": "性别",
                   "trait:birthday": "生日", "trait:city": "城市", "time": "注册时间"}),
    (table("id;contact;first seen;town;accepts marketing", "c1;ana@example.com;x;Madrid;yes", "c2;bo@example.com;y;Lugo;no"),
     "customers", {"id:email": "contact", "trait:city": "town", "consent:email": "accepts marketing"}),
]  # fmt: skip


@pytest.mark.parametrize(("sheet", "kind", "columns"), CASES)
def test_columns_are_known_by_name_and_values_in_three_languages(
    sheet: Table, kind: str, columns: dict[str, str]
) -> None:
    found = guess(sheet)
    assert (found.kind, found.columns) == (kind, columns)
    assert not [p for p in found.problems if p[0] == "missing"]
    parse_mapping(mapping_text([(sheet, found)], "Europe/Madrid"), "guess")


def test_values_go_before_names() -> None:
    sheet = table("order;date;product;quantity;price;email", "1;2026-01-01;T;2;3;not an address")
    assert "id:email" not in guess(sheet).columns
    assert "quantity" not in guess(table("order;date;product;quantity;price", "1;2026-01-01;T;two;3")).columns


@pytest.mark.parametrize(
    ("cells", "form", "doubtful"),
    [
        (["2026-05-01 10:00", "2026-05-02T10:00:00Z"], "", False),
        (["05/01/2026", "25/01/2026"], "%d/%m/%Y", False),
        (["05/01/2026", "01/25/2026"], "%m/%d/%Y", False),
        (["05/01/2026", "06/01/2026"], "%d/%m/%Y", True),
        (["05.01.2026 10:00"], "%d.%m.%Y %H:%M", False),
        (["2026年5月1日"], "%Y年%m月%d日", False),
        (["20260501"], "%Y%m%d", False),
        (["1767607200"], "unix", False),
        (["1767607200250"], "unix_ms", False),
        (["soon"], "", False),
    ],
)
def test_the_writing_of_dates_is_found(cells: list[str], form: str, doubtful: bool) -> None:
    assert time_format(cells) == (form, doubtful)


def test_decimals_states_and_doubts_are_told() -> None:
    sheet = CASES[1][0]
    assert guess(sheet).decimal == ","
    assert guess(sheet).formats == {"time": "%d/%m/%Y %H:%M"}
    assert guess(CASES[0][0]).statuses == {"待付款": "placed"}
    doubtful = table("order;date;product;qty;price", "1;05/01/2026;T;1;3", "2;06/01/2026;T;1;3")
    assert ("day_or_month", "date") in guess(doubtful).problems


def test_a_price_and_an_amount_that_disagree_leave_the_amount() -> None:
    assert "price" in guess(table("order;date;sku;qty;unit price;amount", "1;2026-01-01;T;2;3.00;6.00")).columns
    cut = guess(table("order;date;sku;qty;unit price;amount", "1;2026-01-01;T;2;3.00;5.40"))
    assert ("amount" in cut.columns, "price" in cut.columns) == (True, False)


def test_what_is_none_of_ours_is_said_to_be_none(tmp_path: Path) -> None:
    assert guess(table("a;b", "1;2")).kind == ""
    lacking = settle(table("order;date", "1;2026-01-01"), "orders", {"order": "order", "time": "date"})
    assert {p for p in lacking.problems if p[0] == "missing"} == {
        ("missing", "product"),
        ("missing", "quantity"),
        ("missing", "price"),
    }
    wrong = settle(table("a;b", "x;y"), "orders", {"order": "a", "time": "b"})
    assert ("values", "b") in wrong.problems


def test_the_source_is_the_shapes_name_and_the_next_export_is_the_same_sources(tmp_path: Path) -> None:
    first, second = table("A b;C", "1;2"), table("c;a_B", "3;4")
    assert source_of([first]) == source_of([second]) != source_of([table("A", "1")])


@pytest.mark.parametrize("odd", ["order | no", "order no?", 'order "no"', "order: no", "# order no"])
def test_odd_column_names_survive_the_mapping(tmp_path: Path, odd: str) -> None:
    path = put(tmp_path / "a.csv", [(odd, "date", "sku", "qty", "price"), ("1", "2026-01-01", "T", "2", "3")])
    (sheet,) = look([path])
    made = settle(
        sheet, "orders", {"order": odd, "time": "date", "product": "sku", "quantity": "qty", "price": "price"}
    )
    db = Database(str(tmp_path / "shop.db"))
    db.create_all()
    text = mapping_text([(sheet, made)], "UTC")
    assert import_files(db, Settings(), [path], parse_mapping(text, "guess"), now=NOW).orders == 1
    db.close()


def test_a_guess_brings_the_sheet_in(tmp_path: Path) -> None:
    db = Database(str(tmp_path / "shop.db"))
    db.create_all()
    rows = [
        ("订单编号", "下单时间", "商品编码", "商品名称", "数量", "单价", "手机号"),
        ("D1", "2026/05/01 10:00", "T1", "龙井", "2", "￥68.50", "13800138000"),
    ]
    path = put(tmp_path / "单.csv", rows, "gb18030")
    (sheet,) = look([path])
    text = mapping_text([(sheet, guess(sheet))], "Asia/Shanghai", "CNY")
    for _ in range(2):
        import_files(db, Settings(), [path], parse_mapping(text, "guess"), now=NOW)
    (order,) = log(db)
    assert (order.properties["total"], order.at) == (137.0, 1_777_600_800_000)
    db.close()
