# ruff: noqa: E501
"""Bringing files in from the console: upload, the guess, the dry run, yes, the rejects."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

import fairday
from fairday.web import guard
from fairday.web.bench import Bench, _safe
from webdesk import Client, hard_coded

TILL = (
    "Fecha;Nº pedido;Artículo;Cantidad;Precio;Correo\n25/01/2026 10:00;P1;Té;2;3,50;ana@example.com\n"
    "26/01/2026 10:00;P2;Té;muchos;3,50;bo@example.com\n27/01/2026 10:00;P3;Taza;1;3,50;bo@example.com\n"
)
ODD = "aa;bb;cc;dd;ee\nP1;Tea;2;3.50;2026-01-25\n"


def upload(client: Client, content: bytes, name: str = "ventas.csv") -> str:
    client.get("/console/data/imports/new?lang=en")
    answer = client.request(
        "POST", "/console/data/imports/new", data={"csrf": client.csrf}, files={"files": (name, content)}
    )
    assert answer.status_code == 303, answer.text[:800]
    return str(answer.headers["location"])


def settled(client: Client, path: str) -> str:
    """The page once what is under way is over."""
    for _ in range(200):
        html = client.get(path).text
        if "<progress" not in html:
            return html
        time.sleep(0.05)
    raise AssertionError("still under way")


def test_a_sheet_of_an_unknown_shape_is_shown_checked_and_brought_in(shop: fairday.Shop) -> None:
    client = Client(shop, pseudo=True).sign_in("marketer")
    path = upload(client, TILL.encode())
    html = settled(client, path)
    assert re.search(r'name="t0.quantity".*?<option selected data-raw>Cantidad', html)
    assert "/start" in html
    with shop.db.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM happenings").scalar_one() == 0, "nothing before the yes"
    assert client.post(f"{path}/start").status_code == 303
    html = settled(client, path)
    with shop.db.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM happenings").scalar_one() == 2
    rejects = client.get(f"{path}/rejects/0")
    assert rejects.status_code == 200
    assert "muchos" in rejects.text
    assert "/tmp" not in html
    assert hard_coded(client.get(f"{path}?lang=xx").text) == []
    assert "ventas.csv" in client.get("/console/data/imports").text
    assert client.post(f"{path}/drop").status_code == 303
    assert client.get(path).status_code == 404


def test_columns_are_chosen_by_hand_where_the_guess_fails(lite: fairday.Shop) -> None:
    client = Client(lite).sign_in()
    path = upload(client, ODD.encode())
    html = settled(client, path)
    assert "/start" not in html
    chosen = {
        "t0.kind": "orders",
        "zone": "UTC",
        "t0.order": "aa",
        "t0.product": "bb",
        "t0.quantity": "cc",
        "t0.price": "dd",
    }
    client.post(path, chosen)
    html = settled(client, path)
    assert "No column was found for: Time" in html
    client.post(path, chosen | {"t0.time": "bb"})
    assert "does not look like that" in settled(client, path)
    client.post(path, chosen | {"t0.time": "ee"})
    html = settled(client, path)
    assert "/start" in html
    assert client.post(path, chosen | {"zone": "Mars"}).status_code == 422
    client.get(path)
    client.post(f"{path}/start")
    settled(client, path)
    assert lite.report() is not None
    with lite.db.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM happenings").scalar_one() == 1


def test_an_export_of_shopify_is_recognised(lite: fairday.Shop) -> None:
    header = "Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku\n"
    row = "#1,ana@example.com,paid,CNY,9.00,2026-05-01 10:00:00 +0200,1,Tea,9.00,TEA\n"
    client = Client(lite).sign_in()
    html = settled(client, upload(client, (header + row).encode(), "orders_export.csv"))
    assert "Shopify" in html
    assert "/start" in html


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel"),
        ("a.csv", b"", "empty"),
        ("a.json", b"[1]", "one JSON list"),
        ("../../evil.zip", b"PK\x03\x04" + b"x" * 99, "archive"),
    ],
)
def test_what_cannot_be_read_is_said_and_leaves_nothing(
    lite: fairday.Shop, name: str, content: bytes, said: str
) -> None:
    client = Client(lite).sign_in()
    client.get("/console/data/imports/new?lang=en")
    answer = client.request(
        "POST", "/console/data/imports/new", data={"csrf": client.csrf}, files={"files": (name, content)}
    )
    assert answer.status_code == 422
    assert said in answer.text
    assert "fairday-uploads" not in answer.text
    assert not any(p.is_dir() for p in client.app.state.bench._root.iterdir())


def test_only_the_upload_takes_files_and_only_so_much(lite: fairday.Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(lite).sign_in()
    monkeypatch.setitem(guard.UPLOADS, "/console/data/imports/new", 2_000_000)
    client.get("/console/data/imports/new?lang=en")
    big = client.request(
        "POST", "/console/data/imports/new", data={"csrf": client.csrf}, files={"files": ("a.csv", b"a" * 2_100_000)}
    )
    assert big.status_code == 413
    client.get("/console/password")
    other = client.request(
        "POST", "/console/settings", data={"csrf": client.csrf}, files={"files": ("a.csv", b"a,b\n")}
    )
    assert other.status_code == 400
    none = client.request("POST", "/console/data/imports/new", data={"csrf": client.csrf})
    assert none.status_code == 422


def test_names_of_files_lead_nowhere() -> None:
    assert _safe("../../etc/passwd", set()) == "passwd"
    assert _safe("C:\\x\\订单.csv", set()) == "订单.csv"
    assert _safe("a.csv", {"a.csv"}) == "a 2.csv"
    assert _safe("..", set()) == "file.csv"


def test_files_are_let_go_of_after_a_day(lite: fairday.Shop, tmp_path: Path) -> None:
    bench = Bench(lite)
    (tmp_path / "a.csv").write_text(ODD)
    with (tmp_path / "a.csv").open("rb") as f:
        old = bench.stage([("a.csv", f)])
    lite.clock.move(2 * 86_400_000)
    with (tmp_path / "a.csv").open("rb") as f:
        bench.stage([("a.csv", f)])
    assert not old.folder.exists()
    bench.close()
