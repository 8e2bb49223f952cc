from __future__ import annotations

import csv
import io
import json
import re
import sys

import pytest

import fairday
from conftest import NOON
from fairday.kernel.clock import DAY_MS, ManualClock
from fairday.storage.log import Happening
from shopfull import fill
from webdesk import Client, hard_coded, read


def filled(shop) -> None:
    """A shop with a little of everything, and visits that came from a search, a mail and a campaign."""
    fill(shop)
    now, words = shop.clock.now(), ("baidu&utm_medium=cpc", "newsletter&utm_medium=email", "weibo&utm_medium=social")
    rows = [
        Happening(
            message_id=f"came-{n}", kind="page", at=now - (30 - n % 28) * DAY_MS, received=now, source="browser:w",
            ids=(("user_id", f"u{n % 40}"),),
            body={"context": {"page": {"url": f"https://shop.test/?utm_source={words[n % 3]}"}}},
        )
        for n in range(90)
    ]  # fmt: skip
    shop.append(rows).result()
    shop.catch_up()


@pytest.fixture
def client(shop) -> Client:
    filled(shop)
    shop.midnight.tick(shop.clock.now())
    shop.catch_up()
    return Client(shop, pseudo=True).sign_in("analyst")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A shop on SQLite alone, read only, for what does not depend on the database."""
    with fairday.open(str(tmp_path_factory.mktemp("small") / "shop.db"), clock=ManualClock(NOON)) as shop:
        filled(shop)
        yield Client(shop, pseudo=True).sign_in("analyst")


def test_the_page_says_the_goal_first_in_every_language(client):
    for language, word in (("zh", "销售额"), ("en", "Sales less refunds"), ("es", "Ventas")):
        answer = client.get(f"/console/report?lang={language}")
        assert answer.status_code == 200
        said = read(answer.text).texts
        first = next(i for i, t in enumerate(said) if t.startswith(word) and any(c.isdigit() for c in t))
        assert first < said.index(read(answer.text).texts[-1])
        assert "<script" not in answer.text.split("<main", 1)[1]
        assert not re.search(r'\sstyle="', answer.text)


@pytest.mark.parametrize("metric", ["revenue", "orders", "buyers", "new-buyers", "visits"])
def test_every_goal_has_its_page_without_a_hard_coded_word(small, metric):
    answer = small.get(f"/console/report?metric={metric}&period=90d&compare=year&lang=xx")
    assert answer.status_code == 200
    assert hard_coded(answer.text) == []


def test_a_question_that_is_none_is_answered_with_what_is_wrong(small):
    answer = small.get("/console/report?metric=clicks&lang=en")
    assert answer.status_code == 422
    assert "There is no such goal." in answer.text
    assert small.get("/console/report.json?period=0d").status_code == 422
    for path in ("none.csv", "days.exe", "none.png", "../report.csv"):
        assert small.get(f"/console/report/{path}").status_code == 404


def test_json_csv_and_one_html_file_say_the_same(small):
    found = json.loads(small.get("/console/report.json?metric=orders").text)
    orders = next(f for f in found["figures"]["figures"] if f["metric"] == "orders")["now"]
    assert orders > 0
    answer = small.get("/console/report/days.csv?metric=orders")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert sum(int(r["orders"]) for r in rows) == orders
    assert len(rows) == 28
    assert found["sources"]["orders"] > 0
    for name in ("sources", "scenes", "changes", "cohorts", "rfm", "campaigns"):
        assert small.get(f"/console/report/{name}.csv").status_code == 200
    html = small.get("/console/report.html?metric=orders&lang=en").text
    assert f"Orders: {orders}" in html
    assert "<script" not in html
    assert "<form" not in html
    assert not re.search(r'(?:src|href)="(?!#)', html)


def test_a_text_that_a_spreadsheet_would_run_is_not_run():
    from fairday.insight.sheets import as_csv

    told = as_csv([["=1+1", "-2", "-2+3", "-2-3", -2, None, "喜"]]).decode("utf-8-sig").strip()
    assert told == "'=1+1,-2,'-2+3,'-2-3,-2,,喜", "a text that is only a number runs nothing"


@pytest.mark.parametrize("chart", ["days", "sources", "scenes", "cohorts", "rfm"])
def test_pictures_are_drawn_in_the_readers_language(small, chart):
    svg = small.get(f"/console/report/{chart}.svg?lang=zh")
    assert svg.status_code == 200
    assert svg.headers["content-type"] == "image/svg+xml"
    assert re.search("[\u4e00-\u9fff]", svg.text)
    assert "http" not in svg.text.replace("http://www.w3.org/", "")


def test_a_png_is_one(small):
    png = small.get("/console/report/days.png?lang=zh").content
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(png) > 5000


def test_without_the_extra_it_says_what_to_install(small, monkeypatch):
    monkeypatch.setitem(sys.modules, "altair", None)
    answer = small.get("/console/report/days.png?lang=en")
    assert answer.status_code == 422
    assert "fairday[charts]" in answer.text


def test_who_is_not_signed_in_gets_nothing(shop):
    for path in ("report", "report.json", "report.html", "report/days.csv", "report/days.png"):
        assert Client(shop).get(f"/console/{path}").status_code in (303, 401)
