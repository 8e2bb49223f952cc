"""Importing orders: what comes in, once, from whatever files it stands in."""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fairday.goods.catalogue import all_products, product
from fairday.intake.imports import ImportReport, import_files
from fairday.kernel.settings import Settings
from fairday.storage.database import Database
from sheets import HEADER, lines_of, log, put, sheet

NOW = 1_780_315_200_000
SHEET = [
    ("489434", "85048", "GLASS BALL", "12", "2009-12-01 07:45:00", "6.95", "13085", "United Kingdom"),
    ("489434", "79323P", "CHERRY LIGHTS", "12", "2009-12-01 07:45:00", "6.75", "13085", "United Kingdom"),
    ("489434", "79323P", "CHERRY LIGHTS", "12", "2009-12-01 07:45:00", "6.75", "13085", "United Kingdom"),
    ("489434", "POST", "POSTAGE", "1", "2009-12-01 07:45:00", "18.00", "13085", "United Kingdom"),
    ("C489449", "85048", "GLASS BALL", "-2", "2010-07-01 10:00:00", "6.95", "13085", "United Kingdom"),
    ("489500", "79323P", "CHERRY LIGHTS", "1", "2010-07-01 11:00:00", "6.75", "", "France"),
]


def bring(db: Database, *paths: Path, **more: Any) -> ImportReport:
    return import_files(db, Settings(), paths, more.pop("mapping", "online-retail"), now=NOW,
                        zone=more.pop("zone", "Europe/London"), **more)  # fmt: skip


def test_an_invoice_is_one_order_with_its_lines_total_customer_and_local_time(db: Database, tmp_path: Path) -> None:
    report = bring(db, sheet(tmp_path / "a.csv", SHEET))
    assert report.happenings == {"Order Completed": 2, "Order Refunded": 1}
    assert (report.orders, report.lines, report.new_lines) == (3, 6, 6)
    first, july_return, nobody = sorted(log(db), key=lambda h: h.at)
    assert first.message_id == "import:online-retail:order:489434"
    assert first.source == "import:online-retail"
    assert first.ids == (("user_id", "13085"),)
    assert first.at == 1_259_653_500_000  # 07:45 in London's winter is 07:45 UTC
    assert first.body["context"] == {"location": {"country": "United Kingdom"}}
    assert first.properties["total"] == 263.4
    assert first.properties["currency"] == "GBP"
    assert first.properties["products"] == [
        {"product_id": "79323P", "price": 6.75, "quantity": 12},
        {"product_id": "79323P", "price": 6.75, "quantity": 12},
        {"product_id": "85048", "price": 6.95, "quantity": 12},
    ]
    assert first.properties["charges"] == [
        {"product_id": "POST", "name": "POSTAGE", "kind": "shipping", "price": 18.0, "quantity": 1}
    ]
    assert july_return.name == "Order Refunded"
    assert july_return.at == 1_277_974_800_000  # 10:00 in London's summer is 09:00 UTC
    assert july_return.properties["total"] == 13.9
    assert july_return.properties["products"] == [{"product_id": "85048", "price": 6.95, "quantity": 2}]
    assert nobody.ids == ()


def test_goods_come_into_the_catalogue_with_their_commonest_title_and_usual_price(db: Database, tmp_path: Path) -> None:
    more = [("1", "85048", "glass ball?", "1", "2010-01-01 10:00:00", "7.95", "", "France")]
    bring(db, sheet(tmp_path / "a.csv", SHEET + more))
    with db.read() as conn:
        assert [p.product for p in all_products(conn)] == ["79323P", "85048"]
        ball = product(conn, "85048")
    assert ball is not None
    assert (ball.title, ball.price, ball.currency) == ("GLASS BALL", 745, "GBP")
    odd = next(h for h in log(db) if h.properties["order_id"] == "1")
    assert odd.properties["products"][0]["name"] == "glass ball?"


def test_importing_again_changes_nothing_whatever_the_file_is_called(db: Database, tmp_path: Path) -> None:
    bring(db, sheet(tmp_path / "a.csv", SHEET))
    before = log(db)
    again = bring(db, sheet(tmp_path / "b.csv", SHEET))
    assert (again.happenings, again.new_lines, again.products) == ({}, 0, 0)
    assert again.unchanged == 3
    assert log(db) == before


def test_rows_shuffled_and_one_line_added_bring_in_exactly_one_line(db: Database, tmp_path: Path) -> None:
    bring(db, sheet(tmp_path / "a.csv", SHEET))
    added = ("489434", "22041", "FRAME", "3", "2009-12-01 07:45:00", "2.10", "13085", "United Kingdom")
    rows = [*SHEET, added]
    random.Random(1).shuffle(rows)
    report = bring(db, sheet(tmp_path / "a.csv", rows))
    assert report.happenings == {"Order Updated": 1}
    assert (report.new_lines, report.updated, report.unchanged) == (1, 1, 2)
    update = log(db)[-1]
    assert update.message_id == "import:online-retail:order:489434#1"
    assert update.properties == {
        "order_id": "489434",
        "total": 6.3,
        "currency": "GBP",
        "products": [{"product_id": "22041", "price": 2.1, "quantity": 3}],
    }
    assert bring(db, sheet(tmp_path / "c.csv", rows)).new_lines == 0
    assert bring(db, sheet(tmp_path / "d.csv", [*rows, added])).new_lines == 1
    assert bring(db, sheet(tmp_path / "e.csv", [added, *rows])).new_lines == 0


def test_more_of_a_refund_is_one_more_refund(db: Database, tmp_path: Path) -> None:
    bring(db, sheet(tmp_path / "a.csv", SHEET))
    added = ("C489449", "22041", "FRAME", "-1", "2010-07-01 10:00:00", "2.10", "13085", "United Kingdom")
    report = bring(db, sheet(tmp_path / "b.csv", [*SHEET, added]))
    assert report.happenings == {"Order Refunded": 1}
    assert log(db)[-1].properties["total"] == 2.1


def test_an_invoice_in_two_sheets_counts_once_and_one_split_over_files_is_whole(db: Database, tmp_path: Path) -> None:
    # In both files stand the order's first three lines, one of them twice in each; the rest is split.
    report = bring(db, sheet(tmp_path / "a.csv", SHEET[:3]), sheet(tmp_path / "b.csv", [*SHEET[:3], *SHEET[3:]]))
    assert (report.orders, report.lines) == (3, 6)
    with_sheets = [(*row, s) for s in ("2009", "2010") for row in SHEET]
    target = put(tmp_path / "c.csv", [(*HEADER, "sheet"), *with_sheets])
    assert bring(db, target).new_lines == 0
    split = bring(db, sheet(tmp_path / "d.csv", SHEET[1:3]), sheet(tmp_path / "e.csv", SHEET[:1]))
    assert split.new_lines == 0


def test_stock_and_account_adjustments_are_neither_orders_nor_refunds(db: Database, tmp_path: Path) -> None:
    rows = [
        ("489464", "21733", "85123a mixed", "-96", "2009-12-01 10:52:00", "0.0", "", "United Kingdom"),
        ("A506401", "B", "Adjust bad debt", "1", "2010-04-29 13:36:00", "-53594.36", "", "United Kingdom"),
        ("C490943", "BANK CHARGES", "Bank Charges", "-1", "2009-12-08 14:08:00", "15", "16703", "United Kingdom"),
    ]
    report = bring(db, sheet(tmp_path / "a.csv", rows))
    assert report.happenings == {"Account Adjusted": 2, "Stock Adjusted": 1}
    by_order = {h.properties["order_id"]: h.properties for h in log(db)}
    assert by_order["489464"]["products"][0] == {
        "product_id": "21733", "price": 0.0, "quantity": -96,
    }  # fmt: skip
    assert by_order["A506401"]["total"] == -53594.36
    assert by_order["C490943"]["total"] == -15.0


def test_an_order_with_lines_both_ways_is_an_order_and_a_refund(db: Database, tmp_path: Path) -> None:
    rows = [
        ("7", "A", "TEA", "3", "2026-01-05 10:00:00", "2", "u1", "Spain"),
        ("7", "A", "TEA", "-1", "2026-01-05 10:00:00", "2", "u1", "Spain"),
    ]
    report = bring(db, sheet(tmp_path / "a.csv", rows))
    assert report.happenings == {"Order Completed": 1, "Order Refunded": 1}
    assert {h.message_id for h in log(db)} == {"import:online-retail:order:7", "import:online-retail:refund:7"}


def test_a_price_may_have_more_decimals_and_the_line_is_rounded_once(db: Database, tmp_path: Path) -> None:
    rows = [
        ("7", "A", "NAIL", "15", "2026-01-05 10:00:00", "0.001", "u1", "Spain"),  # 0.015 is 2
        ("7", "R", "RICE", "0.335", "2026-01-05 10:00:00", "2.99", "u1", "Spain"),  # 1.00165 is 100
    ]
    bring(db, sheet(tmp_path / "a.csv", rows))
    (order,) = log(db)
    assert order.properties["total"] == 1.02
    assert [p["quantity"] for p in order.properties["products"]] == [15, 0.335]


def test_a_dry_run_says_what_would_come_in_and_writes_nothing(db: Database, tmp_path: Path) -> None:
    bad = ("489434", "", "", "1", "2009-12-01 07:45:00", "1", "", "")
    path = sheet(tmp_path / "a.csv", [*SHEET, bad])
    report = bring(db, path, dry_run=True)
    assert report.happenings == {"Order Completed": 2, "Order Refunded": 1}
    assert report.files[0].rejected_count == 1
    assert report.products == 2
    assert log(db) == []
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".csv") == ["a.csv"]


def test_progress_comes_from_nothing_to_all(db: Database, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    bring(db, sheet(tmp_path / "a.csv", SHEET), progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 6)
    assert seen[-1] == (6, 6)
    assert seen == sorted(seen)


def test_two_imports_at_once_double_nothing_and_lose_nothing(db: Database, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    whole = [(str(o), str(p), "T", "1", "2026-01-05 10:00:00", "2", "u1", "Spain") for o in range(60) for p in range(8)]
    halves = [[r for r in whole if r[1] != "3"], [r for r in whole if r[1] != "5"]]
    paths = [sheet(tmp_path / f"{i}.csv", half) for i, half in enumerate(halves)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda p: bring(db, p), paths * 2))
    assert lines_of(log(db)) == Counter((r[0], r[1], 1, 2.0) for r in whole)


LINE = st.tuples(
    st.sampled_from("12"), st.sampled_from("AB"), st.sampled_from(["1", "-1"]), st.sampled_from(["2", "3"])
)


@hypothesis_settings(max_examples=12)
@given(st.lists(st.lists(LINE, min_size=1, max_size=6), min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_whatever_the_files_each_order_holds_the_most_of_each_line(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[tuple[str, ...]]], chance: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("any")
    db = Database(str(folder / "shop.db"))
    db.create_all()
    try:
        expected: Counter[tuple[str, ...]] = Counter()
        for i, rows in enumerate(files):
            expected |= Counter(rows)
            told = [(o, p, "T", q, "2026-01-05 10:00:00", m, "u1", "Spain") for o, p, q, m in rows]
            chance.shuffle(told)
            bring(db, sheet(folder / f"{i}.csv", told))
            bring(db, sheet(folder / f"{i}b.csv", told[::-1]))
        found = lines_of(log(db))
        assert found == Counter({(o, p, int(q), float(m)): n for (o, p, q, m), n in expected.items()})
        # All in one go gives the same lines as one after the other.
        other = Database(str(folder / "other.db"))
        other.create_all()
        bring(other, *(folder / f"{i}.csv" for i in range(len(files))))
        assert lines_of(log(other)) == found
        other.close()
    finally:
        db.close()


def test_order_numbers_of_any_shape_keep_apart(db: Database, tmp_path: Path) -> None:
    odd = ["a:b", "a#1", "x" * 300, "x" * 299 + "y", "'; drop table happenings", '"q"', "订单一"]
    rows = [(o, "A", "T", "1", "2026-01-05 10:00:00", "2", "u1", "Spain") for o in odd]
    assert bring(db, sheet(tmp_path / "a.csv", rows)).new_lines == len(odd)
    assert {h.properties["order_id"] for h in log(db)} == set(odd)
    assert bring(db, sheet(tmp_path / "b.csv", rows)).new_lines == 0
    assert _rows(tmp_path / "a.csv")[0] == list(HEADER)


def _rows(path: Path) -> Sequence[list[str]]:
    with path.open(encoding="utf-8", newline="") as f:
        return list(csv.reader(f))
