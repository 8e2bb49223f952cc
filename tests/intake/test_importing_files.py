"""Files as people have them: encodings, delimiters, torn rows, wrong formats, and errors that say what to write."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fairday.intake.delimited import detect_delimiter, detect_encoding
from fairday.intake.imports import ImportReport, import_files
from fairday.intake.mapping import Mapping, parse_mapping
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import Settings
from fairday.storage.database import Database
from sheets import HEADER, log, put, sheet

NOW = 1_780_315_200_000
ROW = ("7", "A", "TEA", "2", "2026-01-05 10:00:00", "3.50", "u1", "Spain")
CHINESE = """
source: till
zone: Asia/Shanghai
currency: CNY
tables:
  - kind: orders
    columns:
      order: 订单号
      product: 商品编号
      title: 商品名称
      quantity: 数量
      price: 单价
      time: {column: 下单时间, format: "%Y/%m/%d %H:%M"}
      ids: {phone: 手机}
"""
PLAIN = """
source: till
currency: EUR
zone: Europe/Madrid
%s
tables:
  - kind: orders
    columns: {order: no, product: sku, quantity: qty, price: price, time: %s, ids: {user_id: who}}
"""


@pytest.fixture
def lite(tmp_path: Path) -> Any:
    """One database, where what is tested has nothing to do with its kind."""
    db = Database(str(tmp_path / "shop.db"))
    db.create_all()
    yield db
    db.close()


def bring(db: Database, *paths: Path, mapping: str | Mapping | None = "online-retail", **more: Any) -> ImportReport:
    if isinstance(mapping, str) and "\n" in mapping:
        mapping = parse_mapping(mapping, "till.yaml")
    more.setdefault("zone", "Europe/London" if mapping == "online-retail" else "")
    return import_files(db, Settings(), paths, mapping, now=NOW, **more)


def refused(db: Database, *paths: Path, **more: Any) -> FairdayError:
    with pytest.raises(FairdayError) as caught:
        bring(db, *paths, **more)
    assert caught.value.remedy, caught.value.message
    assert log(db) == []
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_chinese_sheets_come_in_from_every_usual_encoding(lite: Database, tmp_path: Path, encoding: str) -> None:
    header = ("订单号", "商品编号", "商品名称", "数量", "单价", "下单时间", "手机")
    row = ("订单一", "茶-1", "西湖龙井㐀茶叶礼盒", "2", "￥1,299.50", "2026/06/18 20:00", "13800138000")
    report = bring(lite, put(tmp_path / "单.csv", [header, row], encoding), mapping=CHINESE)
    assert report.files[0].encoding == encoding
    (order,) = log(lite)
    assert order.ids == (("phone", "13800138000"),)
    assert order.properties["order_id"] == "订单一"
    assert order.properties["total"] == 2599.0
    assert order.at == 1_781_784_000_000  # 20:00 in Shanghai is 12:00 UTC


@pytest.mark.parametrize(("encoding", "found"), [("latin-1", "cp1252"), ("cp1252", "cp1252")])
def test_accents_in_western_sheets_are_not_taken_for_chinese(tmp_path: Path, encoding: str, found: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("nom;prix\nCafé crème;3\nPiñata Über señor Ærø;4\n".encode(encoding))
    assert detect_encoding(path) == found


def test_a_named_encoding_goes_before_what_the_bytes_look_like(lite: Database, tmp_path: Path) -> None:
    text = PLAIN % ("encoding: latin-1", "at")
    path = put(tmp_path / "a.csv", [("no", "sku", "qty", "price", "at", "who"),
                                    ("1", "éé", "1", "2", "2026-01-05", "u")], "latin-1")  # fmt: skip
    bring(lite, path, mapping=text)
    assert log(lite)[0].properties["products"][0]["product_id"] == "éé"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(lite: Database, tmp_path: Path, delimiter: str) -> None:
    assert bring(lite, put(tmp_path / "a.csv", [HEADER, ROW], delimiter=delimiter)).new_lines == 1
    assert detect_delimiter('"a,b";c\n') == ";"


def test_line_ends_of_windows_and_old_macs_are_read(lite: Database, tmp_path: Path) -> None:
    for i, end in enumerate(("\r\n", "\n", "\r")):
        path = tmp_path / f"{i}.csv"
        path.write_bytes(end.join([",".join(HEADER), ",".join((str(i), *ROW[1:]))]).encode())
        assert bring(lite, path).new_lines == 1


def test_decimal_commas_and_days_first_are_read_when_said(lite: Database, tmp_path: Path) -> None:
    text = PLAIN % ('decimal: ","', '{column: at, format: "%d.%m.%Y %H:%M"}')
    rows = [("no", "sku", "qty", "price", "at", "who"), ("1", "A", "1,5", "1.234,50 €", "05.01.2026 10:00", "u")]
    bring(lite, put(tmp_path / "a.csv", rows, delimiter=";"), mapping=text)
    (order,) = log(lite)
    assert order.properties["total"] == 1851.75
    assert order.at == 1_767_603_600_000


@pytest.mark.parametrize(
    ("how", "cell", "at"),
    [
        ("at", "2026-01-05T10:00:00Z", 1_767_607_200_000),
        ("at", "2026-01-05T10:00:00.250+08:00", 1_767_578_400_250),
        ("at", "2026-01-05 10:00", 1_767_603_600_000),
        ("at", "2026-01-05", 1_767_567_600_000),
        ("{column: at, zone: UTC}", "2026-01-05 10:00:00", 1_767_607_200_000),
        ("{column: at, format: unix}", "1767607200", 1_767_607_200_000),
        ("{column: at, format: unix_ms}", "1767607200250", 1_767_607_200_250),
        ('{column: at, format: "%Y-%m-%d %H:%M:%S %z"}', "2026-01-05 10:00:00 +0800", 1_767_578_400_000),
        ("at", "2026-10-25 02:30:00", 1_792_888_200_000),  # the hour that comes twice: the first
        ("at", "2026-03-29 02:30:00", 1_774_747_800_000),  # the hour left out: by the clock before
    ],
)
def test_times_are_instants_whatever_they_are_written_as(
    lite: Database, tmp_path: Path, how: str, cell: str, at: int
) -> None:
    rows = [("no", "sku", "qty", "price", "at", "who"), ("1", "A", "1", "2", cell, "u")]
    bring(lite, put(tmp_path / "a.csv", rows), mapping=PLAIN % ("", how))
    assert log(lite)[0].at == at


def test_parquet_gives_the_same_as_csv(lite: Database, tmp_path: Path) -> None:
    path = sheet(tmp_path / "a.csv", [ROW, (*ROW[:6], "", "Spain")])
    target = tmp_path / "a.parquet"
    duckdb.sql(
        f"COPY (SELECT Invoice, StockCode, Description, CAST(Quantity AS BIGINT) AS Quantity, CAST(InvoiceDate AS "
        f"TIMESTAMP) AS InvoiceDate, CAST(Price AS DOUBLE) AS Price, \"Customer ID\", Country FROM read_csv('{path}', "
        f"all_varchar = true)) TO '{target}' (FORMAT parquet)"
    )
    assert bring(lite, path).new_lines == 2
    assert bring(lite, target).new_lines == 0


def test_customer_numbers_that_went_through_a_spreadsheet_are_the_same_customer(lite: Database, tmp_path: Path) -> None:
    bring(lite, sheet(tmp_path / "a.csv", [(*ROW[:6], "13085.0", "Spain")]))
    assert log(lite)[0].ids == (("user_id", "13085"),)


def test_columns_are_found_whatever_their_case_and_spaces(lite: Database, tmp_path: Path) -> None:
    header = ("invoice_no", "stock code", "DESCRIPTION", "quantity", "Invoice Date", "unit_price", "customer_id")
    assert bring(lite, put(tmp_path / "a.csv", [header, ROW[:7]]), mapping=None, zone="UTC").new_lines == 1


def test_bad_rows_go_to_a_file_with_line_reason_and_remedy_and_do_not_stop_the_rest(
    lite: Database, tmp_path: Path
) -> None:
    lines = [
        ",".join(HEADER),
        ",".join(ROW),
        "8,A,TEA,two,2026-01-05 10:00:00,3.50,u1,Spain",
        "9,A",
        '10,A,"TEA, GREEN",1,2026-01-05 10:00:00,3.50,u1,Spain',
        "11,A,TEA,1,05.01.2026,3.50,u1,Spain",
        "12,A,TEA,1,2026-01-05 10:00:00,free,u1,Spain",
        "13,A,TEA,1,2026-01-05 10:00:00,3.50,u1,Spain,more,and more",
        "14,,TEA,1,2026-01-05 10:00:00,3.50,u1,Spain",
        ",A,TEA,1,2026-01-05 10:00:00,3.50,u1,Spain",
        "15,A,TEA,1e15,2026-01-05 10:00:00,3.50,u1,Spain",
        "16,A,TEA,1,2026-01-05 10:00:00,3.50,u1,Spain",
    ]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines), "utf-8")
    report = bring(lite, path)
    assert report.new_lines == 3
    file = report.files[0]
    assert (file.rows, file.rejected_count) == (11, 8)
    assert file.rejected_path == str(tmp_path / "a.rejected.csv")
    with (tmp_path / "a.rejected.csv").open(encoding="utf-8-sig", newline="") as f:
        told = list(csv.DictReader(f))
    assert [int(t["line"]) for t in told] == [3, 4, 6, 7, 8, 9, 10, 11]
    reasons = {int(t["line"]): t["reason"] for t in told}
    assert reasons[3] == "The quantity 'two' is not a number."
    assert "8 columns" in reasons[4]
    assert "'05.01.2026'" in reasons[6]
    assert "'free'" in reasons[7]
    assert "8 columns" in reasons[8]
    assert "product" in reasons[9]
    assert "order" in reasons[10]
    assert all(t["remedy"] for t in told)
    assert told[1]["torn row"].strip() == "9,A"
    assert told[0]["Quantity"] == "two"


def test_lines_are_counted_as_an_editor_counts_them(lite: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    good = ",".join(ROW)
    rows = [",".join(HEADER), good, "", "9,A", '7,A,"TEA\nGREEN",2,2026-01-05 10:00,1,u1,Spain',
            "8,A,T,two,2026-01-05 10:00,1,u,S", "", "1,B", ""]  # fmt: skip
    path.write_text("\n".join(rows), "utf-8")
    assert [(r.line, r.torn) for r in bring(lite, path).files[0].rejected] == [(4, "9,A"), (7, ""), (9, "1,B")]


def test_the_file_of_bad_rows_can_be_mended_and_imported(lite: Database, tmp_path: Path) -> None:
    bad = ("7", "B2", "MUG", "two", "2026-01-05 10:00:00", "4", "u1", "Spain")
    bring(lite, sheet(tmp_path / "a.csv", [ROW, bad]))
    rejected = tmp_path / "a.rejected.csv"
    rejected.write_text(rejected.read_text("utf-8-sig").replace(",two,", ",2,"), "utf-8")
    assert bring(lite, rejected).new_lines == 1
    assert bring(lite, sheet(tmp_path / "b.csv", [ROW, (*bad[:3], "2", *bad[4:])])).new_lines == 0


def test_a_quote_that_is_never_closed_costs_the_rows_after_it_and_says_so(lite: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'{",".join(HEADER)}\n{",".join(ROW)}\n8,A,"TEA,1\n9,A,TEA,1\n', "utf-8")
    (reject,) = bring(lite, path).files[0].rejected
    assert reject.line == 3
    assert "quote" in reject.reason


def test_a_missing_file_names_its_neighbours(lite: Database, tmp_path: Path) -> None:
    sheet(tmp_path / "orders.csv", [ROW])
    error = refused(lite, tmp_path / "order.csv")
    assert error.code == "no_file"
    assert "orders.csv" in error.remedy


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", b"", "empty_file"),
        ("a.csv", ",".join(HEADER).encode() + b"\n", "empty_file"),
        ("a.csv", b"\n\n1,2\n", "empty_file"),
        ("a.parquet", b"not really", "not_parquet"),
        ("a.parquet", b"PAR1" + b"x" * 100, "not_parquet"),
        ("a.csv", b"PK\x03\x04" + b"x" * 100, "not_csv"),
        ("a.csv", b"a,b\n1,2\n", "missing_column"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused(
    lite: Database, tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    (tmp_path / name).write_bytes(content)
    error = refused(lite, tmp_path / name)
    assert error.code == code
    assert str(tmp_path / name) in error.where


def test_a_missing_column_is_named_with_what_was_perhaps_meant(lite: Database, tmp_path: Path) -> None:
    header = [h.replace("StockCode", "StockCod") for h in HEADER]
    error = refused(lite, put(tmp_path / "a.csv", [header, ROW]))
    assert error.message == "The file lacks columns for product (StockCode)."
    assert "Did you mean 'StockCod'?" in error.remedy


def test_files_no_builtin_knows_are_refused_with_the_names_there_are(lite: Database, tmp_path: Path) -> None:
    error = refused(lite, put(tmp_path / "a.csv", [("a", "b"), ("1", "2")]), mapping=None)
    assert error.code == "no_mapping"
    assert "online-retail" in error.remedy


def test_no_file_at_all_is_refused(lite: Database) -> None:
    assert refused(lite).code == "no_file"


def test_times_without_a_zone_need_one(lite: Database, tmp_path: Path) -> None:
    path = sheet(tmp_path / "a.csv", [ROW])
    assert refused(lite, path, zone="").code == "no_zone"
    assert refused(lite, path, zone="London").code == "unknown_zone"


def test_a_time_format_that_fits_no_row_is_a_fault_of_the_mapping_and_names_the_first(
    lite: Database, tmp_path: Path
) -> None:
    path = sheet(tmp_path / "a.csv", [(*ROW[:4], "05.01.2026", *ROW[5:])] * 2)
    error = refused(lite, path)
    assert error.code == "no_usable_row"
    assert error.where == f"{path}:2"
    assert "'05.01.2026'" in error.message
    assert "format" in error.remedy
