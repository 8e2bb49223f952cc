from __future__ import annotations

import pytest

from fairday.intake.runs import DEAD_AFTER, Recorder, list_imports
from fairday.kernel.errors import FairdayError

CSV = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,10001,Mug,2,2026-05-01 10:00,2.50,77,United Kingdom
2,10001,Mug,many,2026-05-02 10:00,2.50,secret-customer,United Kingdom
"""


def runs(shop):
    with shop.db.read() as conn:
        return list_imports(conn, shop.clock.now())


def test_an_import_is_on_record_with_the_rows_that_were_not_taken(shop, tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text(CSV)
    shop.import_files([file], zone="Europe/London")
    (run,) = runs(shop)
    assert (run.status, run.files, run.rows_done) == ("done", ["orders.csv"], 2)
    assert run.report.orders == 1
    (reject,) = run.report.files[0].rejected
    assert (reject.line, bool(reject.reason), bool(reject.remedy)) == (3, True, True)
    assert "secret-customer" not in str(run.report)


def test_an_import_that_fails_says_why(shop, tmp_path):
    with pytest.raises(FairdayError):
        shop.import_files([tmp_path / "missing.csv"])
    (run,) = runs(shop)
    assert run.status == "failed"
    assert "missing.csv" in run.error


def test_a_dry_run_leaves_no_record(shop, tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text(CSV)
    shop.import_files([file], zone="Europe/London", dry_run=True)
    assert runs(shop) == []


def test_an_import_whose_process_died_is_shown_as_failed(shop, clock):
    Recorder(shop.db, ["orders.csv"], clock.now).progress(5, 10)
    (run,) = runs(shop)
    assert (run.status, run.rows_done, run.rows_all) == ("running", 5, 10)
    clock.move(DEAD_AFTER + 1)
    assert runs(shop)[0].status == "failed"
