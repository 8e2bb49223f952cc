"""``fairday report``: text, JSON, and files to take away."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import fairday
from fairday.cli import main
from fairday.kernel.clock import SystemClock
from fairday.storage.log import Happening


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Three orders of today; gives the shop's address."""
    address, now = str(tmp_path_factory.mktemp("report") / "shop.db"), SystemClock().now()
    with fairday.open(address, name="Tea", zone="UTC", currency="CNY") as opened:
        rows = [
            Happening(
                message_id=f"o{n}", kind="track", name="Order Completed", at=now, received=now, source="server:till",
                ids=(("user_id", f"u{n % 2}"),), body={"properties": {"order_id": f"o{n}", "total": 10}},
            )
            for n in range(3)
        ]  # fmt: skip
        opened.append(rows).result()
        opened.catch_up()
    return address


def report(shop: str, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["report", "-s", shop, *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_it_tells_the_goal_of_the_period(shop):
    told = report(shop, "--metric", "orders", "--period", "7d")
    assert "goal: orders" in told
    assert "orders       3, before 0" in told
    found = json.loads(report(shop, "--json", "--metric", "buyers"))
    assert next(f["now"] for f in found["figures"]["figures"] if f["metric"] == "buyers") == 2


def test_it_writes_a_page_tables_and_pictures(shop, tmp_path):
    told = report(
        shop, "--html", str(tmp_path / "deep" / "r.html"), "--csv", str(tmp_path / "t"), "--svg", str(tmp_path / "p"),
        "--language", "es",
    )  # fmt: skip
    assert "Pedidos" in (tmp_path / "deep" / "r.html").read_text("utf-8")
    tables = {f.name for f in (tmp_path / "t").iterdir()}
    assert tables == {f"{n}.csv" for n in ("days", "sources", "scenes", "changes", "cohorts", "rfm", "campaigns")}
    assert (tmp_path / "p" / "days.svg").read_text("utf-8").startswith("<svg")
    assert str(tmp_path / "t" / "days.csv") in told


def test_a_period_that_is_none_is_told_in_words(shop):
    result = CliRunner().invoke(main, ["report", "-s", shop, "--from", "soon"])
    assert result.exit_code == 1
    assert "Write a day such as 2026-05-01." in result.output
