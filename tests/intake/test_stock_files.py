from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from fairday.goods.stock import Counted
from fairday.intake.stock import read_counts
from fairday.kernel.errors import FairdayError

NAMES = {"main": "嘉兴仓", "xuhui": "徐汇店"}


def written(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "count.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_count_says_goods_places_and_units_in_the_words_of_its_country(tmp_path):
    chinese = written(tmp_path, "商品编号,仓库,实盘数量\nMUG,嘉兴仓,12\nMUG,xuhui,3\n", "gb18030")
    assert read_counts(chinese, NAMES) == [Counted("MUG", "main", 12), Counted("MUG", "xuhui", 3)]
    spanish = written(tmp_path, "Referencia;Existencias;Almacén\nTÉ-1;1,200;Xuhui\n")
    assert read_counts(spanish, NAMES) == [Counted("TÉ-1", "xuhui", 1200)]


def test_a_workbook_is_read_like_a_csv_file(tmp_path):
    book = openpyxl.Workbook()
    for row in (["SKU", "Location", "On hand"], ["MUG", "xuhui", 7], ["TEA", "main", 0]):
        book.active.append(row)
    book.save(tmp_path / "count.xlsx")
    found = read_counts(tmp_path / "count.xlsx", NAMES)
    assert found == [Counted("MUG", "xuhui", 7), Counted("TEA", "main", 0)]


def test_rows_that_say_no_place_are_where_the_form_says_or_at_the_only_place(tmp_path):
    path = written(tmp_path, "sku,qty\nMUG,7\n")
    assert read_counts(path, NAMES, "xuhui") == [Counted("MUG", "xuhui", 7)]
    assert read_counts(path, {"main": ""}) == [Counted("MUG", "main", 7)]
    with pytest.raises(FairdayError) as told:
        read_counts(path, NAMES)
    assert told.value.code == "bad_count_place"
    assert "main, xuhui" in told.value.remedy


def test_the_last_row_of_a_good_at_a_place_stands(tmp_path):
    path = written(tmp_path, "sku,place,stock\nMUG,main,7\n,main,1\nMUG,main,8\n")
    assert read_counts(path, NAMES) == [Counted("MUG", "main", 8)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("sku,colour\nMUG,red\n", "no_units_column"),
        ("colour,stock\nred,1\n", "no_sku_column"),
        ("sku,place,stock\nMUG,main,some\n", "bad_count_units"),
        ("sku,place,stock\nMUG,main,-4\n", "bad_count_units"),
        ("sku,place,stock\nMUG,main,1.5\n", "bad_count_units"),
        ('sku,place,stock\nMUG,main,"1,5"\n', "bad_count_units"),
        ("sku,place,stock\nMUG,moon,1\n", "bad_count_place"),
        ("sku,place,stock\n,main,1\n", "empty_count"),
    ],
)
def test_what_is_no_count_is_told_with_its_line(tmp_path, text, code):
    with pytest.raises(FairdayError) as told:
        read_counts(written(tmp_path, text), NAMES)
    assert told.value.code == code
    assert told.value.remedy
