from __future__ import annotations

from datetime import date

from click.testing import CliRunner

import fairday
from fairday.cli import main
from fairday.goods.rates import rates_on
from fairday.kernel.clock import to_day

DAY = to_day(date(2026, 11, 20))


def run(*arguments):
    return CliRunner().invoke(main, list(arguments))


def test_rates_of_a_file_are_kept_and_a_wrong_one_keeps_nothing(tmp_path):
    shop, file = tmp_path / "shop.db", tmp_path / "rates.csv"
    fairday.open(str(shop)).close()
    file.write_text("Date,USD,CNY\n2026-11-20,1.1,8\n2026-11-19,1.2,N/A\n", "utf-8")
    said = run("rates", str(file), "--shop", str(shop))
    assert (said.exit_code, said.output) == (0, "3 rates kept, the last of 2026-11-20.\n")
    file.write_text("Date,USD\n2026-11-21,1.3\n2026-11-22,nothing\n", "utf-8")
    said = run("rates", str(file), "--shop", str(shop))
    assert said.exit_code == 1
    assert "rates.csv:3" in said.output
    file.write_bytes(b"Date,USD\n\xff")
    assert "UTF-8" in run("rates", str(file), "--shop", str(shop)).output
    with fairday.open(str(shop)) as opened, opened.db.read() as conn:
        assert rates_on(conn, DAY).convert(800, "CNY", "EUR", DAY) == 100
