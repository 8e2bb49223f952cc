# ruff: noqa: E501
"""Workbooks, JSON lines and gzip: the same rows as CSV, and what is hostile or broken refused with a remedy."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from fairday.intake import plain
from fairday.intake.imports import ImportReport, import_files
from fairday.intake.mapping import parse_mapping
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import Settings
from fairday.storage.database import Database
from sheets import log

NOW = 1_780_315_200_000
TILL = """
source: till
currency: EUR
zone: Europe/Madrid
tables:
  - kind: orders
    columns: {order: Ticket, product: Article, quantity: Units, price: Price, time: Date, ids: {email: "Mail?"}}
"""
HEADER = ["Ticket", "Article", "Units", "Price", "Date", "Mail"]
ROWS: list[list[Any]] = [
    ["A1", "TEA", 2, 12.2, datetime(2026, 5, 1, 10, 0), "ana@example.com"],
    ["A1", "CUP", 1, 0.1 + 0.2, datetime(2026, 5, 1, 10, 0), "ana@example.com"],
]


@pytest.fixture
def lite(tmp_path: Path) -> Any:
    db = Database(str(tmp_path / "shop.db"))
    db.create_all()
    yield db
    db.close()


def bring(db: Database, *paths: Path, **more: Any) -> ImportReport:
    return import_files(db, Settings(), paths, parse_mapping(TILL, "till.yaml"), now=NOW, **more)


def book(path: Path, *sheets: list[list[Any]], merge: str = "") -> Path:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for number, rows in enumerate(sheets):
        sheet = made.create_sheet(f"Sheet {number}")
        for row in rows:
            sheet.append(row)
        if merge:
            sheet.merge_cells(merge)
    made.save(path)
    return path


def expect(db: Database) -> None:
    (order,) = log(db)
    assert order.at == 1_777_622_400_000
    assert order.properties["total"] == 24.7, "0.1 + 0.2 is 0.30 in money"
    assert {(line["product_id"], line["quantity"], line["price"]) for line in order.properties["products"]} == {
        ("TEA", 2, 12.2), ("CUP", 1, 0.3)}  # fmt: skip


def test_a_workbook_comes_in_with_its_dates_and_numbers(lite: Database, tmp_path: Path) -> None:
    path = book(tmp_path / "till.xlsx", [HEADER, *ROWS])
    assert bring(lite, path).orders == 1
    expect(lite)
    assert bring(lite, path).new_lines == 0


@pytest.mark.parametrize("title", [[["Sales of May 2026"], []], [["Sales"], ["from", None], [None]]])
def test_titles_above_the_header_are_passed_over(lite: Database, tmp_path: Path, title: list[list[Any]]) -> None:
    rows = [*[r for r in title if len(r) < 2], HEADER, *ROWS]
    bring(lite, book(tmp_path / "till.xlsx", rows, merge="A1:F1"))
    expect(lite)


def test_a_header_of_two_rows_with_merged_cells_takes_the_lower_names(lite: Database, tmp_path: Path) -> None:
    top = ["Sale", None, "Money", None, "Date", "Mail"]
    low = ["Ticket", "Article", "Units", "Price", None, None]
    bring(lite, book(tmp_path / "till.xlsx", [top, low, *ROWS]))
    expect(lite)


def test_every_sheet_is_read_and_a_sheet_of_notes_is_named_and_left(lite: Database, tmp_path: Path) -> None:
    other = [
        ["A2", "TEA", "two", 12.2, datetime(2026, 5, 2, 10, 0), None],
        ["A3", "TEA", 1, 5, datetime(2026, 5, 2), None],
    ]
    notes = [["Remark", "By"], ["call back", "Li"]]
    report = bring(lite, book(tmp_path / "till.xlsx", [HEADER, *ROWS], [HEADER, *other], notes), rejects=tmp_path)
    assert [(f.sheet, f.kind, f.rows) for f in report.files] == [
        ("Sheet 0", "orders", 2), ("Sheet 1", "orders", 2), ("Sheet 2", "skipped", 1)]  # fmt: skip
    assert "lacks columns" in report.files[2].note
    assert report.orders == 2
    with (tmp_path / "till.Sheet 1.rejected.csv").open(encoding="utf-8-sig", newline="") as f:
        (told,) = csv.DictReader(f)
    assert (told["line"], told["column"], told["Units"]) == ("2", "Units", "two")


def test_rows_of_a_workbook_are_named_as_the_spreadsheet_names_them(lite: Database, tmp_path: Path) -> None:
    bad = ["A9", "TEA", "many", 1, datetime(2026, 5, 1), None]
    report = bring(lite, book(tmp_path / "till.xlsx", [["A title"], [], HEADER, ROWS[0], [], bad]))
    assert [r.line for r in report.files[0].rejected] == [6]


@pytest.mark.parametrize("packed", [False, True])
def test_json_lines_come_in_with_what_is_nested(lite: Database, tmp_path: Path, packed: bool) -> None:
    order = {"Ticket": "A1", "Date": "2026-05-01T10:00:00+02:00", "customer": {"Mail": "x"}, "Mail": "ana@example.com",
             "items": [{"Article": "TEA", "Units": 2, "Price": 12.20}, {"Article": "CUP", "Units": 1, "Price": 0.30}]}  # fmt: skip
    text = f'{json.dumps(order)}\n\nnot json\n{{"Ticket": "A2"}}\n[1]\n'
    path = tmp_path / ("till.jsonl.gz" if packed else "till.jsonl")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    mapping = TILL.replace("Article", "items.Article").replace("Units", "items.Units").replace("Price", "items.Price")
    report = import_files(lite, Settings(), [path], parse_mapping(mapping, "t"), now=NOW)
    expect(lite)
    assert [(r.line, r.reason.split(":")[0]) for r in report.files[0].rejected] == [
        (3, "The line is not JSON"), (4, "The product's number is missing."), (5, "The line is JSON, but no object.")]  # fmt: skip
    assert report.files[0].rejected_path == str(tmp_path / "till.rejected.csv")


def test_numbers_of_json_keep_every_digit(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": 1234567890.123456789, "b": true, "c": null, "d": [1, "x"]}', "utf-8")
    (found,) = plain.plain_tables(tmp_path / "a.jsonl", tmp_path, "f0")
    assert found.path.read_text("utf-8").splitlines() == ["a,b,c,d", '1234567890.123456789,true,,"1, x"']


def test_a_packed_csv_is_unpacked(lite: Database, tmp_path: Path) -> None:
    path = tmp_path / "till.csv.gz"
    path.write_bytes(gzip.compress(b"Ticket,Article,Units,Price,Date\nA1,TEA,2,12.20,2026-05-01\n"))
    assert bring(lite, path).orders == 1


def refused(db: Database, path: Path) -> FairdayError:
    with pytest.raises(FairdayError) as caught:
        bring(db, path)
    assert caught.value.remedy
    assert str(path) in caught.value.where
    assert log(db) == []
    return caught.value


def test_bombs_are_refused_before_they_are_unpacked(lite: Database, tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("[Content_Types].xml", "<x/>")
        z.writestr("xl/worksheets/sheet1.xml", b"0" * 60_000_000)
    assert refused(lite, path).code == "too_large"
    packed = tmp_path / "bomb.csv.gz"
    packed.write_bytes(gzip.compress(b"0" * 60_000_000))
    assert refused(lite, packed).code == "too_large"


def test_definitions_in_a_workbooks_xml_are_refused(lite: Database, tmp_path: Path) -> None:
    whole = book(tmp_path / "a.xlsx", [HEADER, *ROWS])
    evil = tmp_path / "evil.xlsx"
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(evil, "w") as new:
        for part in old.infolist():
            data = old.read(part)
            if part.filename.endswith("sheet1.xml"):
                data = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + data.split(b"?>", 1)[-1]
            new.writestr(part.filename, data)
    assert refused(lite, evil).code == "bad_xlsx"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.xlsx", b"Ticket,Article\n", "not_xlsx"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "old_excel"),
        ("a.gz", b"plain", "not_gzip"),
        ("a.csv.gz", gzip.compress(b"Ticket,Article\n1,2\n" * 50, mtime=0)[:-20], "not_gzip"),
        ("a.csv.gz", gzip.compress(b"PK\x03\x04rest", mtime=0), "packed_twice"),
        ("a.json", b'[{"Ticket": 1}]', "json_array"),
        ("a.jsonl", b"no\nno\n", "bad_json"),
    ],
)
def test_what_is_not_what_it_says_is_refused_with_what_to_do(
    lite: Database, tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert refused(lite, tmp_path / name).code == code


def test_a_zip_of_csv_files_and_a_broken_workbook_are_refused(lite: Database, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as z:
        z.writestr("orders.csv", "a,b\n")
    assert refused(lite, tmp_path / "a.zip").code == "not_csv"
    whole = book(tmp_path / "a.xlsx", [HEADER, *ROWS]).read_bytes()
    (tmp_path / "b.xlsx").write_bytes(whole[: len(whole) // 2])
    assert refused(lite, tmp_path / "b.xlsx").code == "not_csv"


def test_a_sheet_without_names_over_its_columns_is_refused(lite: Database, tmp_path: Path) -> None:
    assert refused(lite, book(tmp_path / "a.xlsx", ROWS)).code == "no_header"
    assert refused(lite, book(tmp_path / "b.xlsx", [[]])).code == "empty_file"
