"""The command line as a newcomer meets it: every command has help, every mistake is told with what to write."""

from __future__ import annotations

import socket
import sqlite3
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from fairday.cli import main
from fairday.kernel.errors import FairdayError
from fairday.serving import free_port

ORDERS = """source: till
currency: GBP
tables:
  - kind: orders
    columns:
      order: Ticket
      product: Article
      quantity: Units
      price: Price
      time: {column: Date, format: "%Y-%m-%d %H:%M"}
      ids: {user_id: Client}
"""
ROWS = "Ticket,Article,Units,Price,Date,Client\n1,Tea,2,4.50,2024-03-01 10:00,ann\n2,Cup,1,9.00,2024-03-02 11:00,bob\n"


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, list(arguments), input=typed, catch_exceptions=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a shop of two orders, its file and mapping."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "till.yaml").write_text(ORDERS)
    (folder / "orders.csv").write_text(ROWS)
    shop = str(folder / "shop.db")
    result = run("init", "-s", shop, "--name", "Tea & Co", "--zone", "Europe/London", "--currency", "GBP",
                 "--operator", "you@example.com")  # fmt: skip
    assert result.exit_code == 0
    assert "signs in once with the password" in result.output
    result = run("import", "-s", shop, str(folder / "orders.csv"), "-m", str(folder / "till.yaml"), "--zone",
                 "Europe/London")  # fmt: skip
    assert result.exit_code == 0
    assert "2 orders with 2 lines; 2 new lines came in" in result.output
    return folder


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path]
    for name, command in sorted(group.commands.items()):
        found += commands(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
    return found


@pytest.mark.parametrize("path", commands(main), ids=" ".join)
def test_every_command_says_what_it_does(path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    said = result.output.splitlines()[2].strip()
    assert said.endswith((".", ",")) or len(said) > 60, f"{path} does not say what it does: {said!r}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report"], "2 known"),
        (["followers"], "traits"),
        (["followers", "--rebuild", "traits"], "0 rows behind"),
        (["rows"], "One person across every entrance"),
        (["scenes", "list"], ""),
        (["keys", "list"], ""),
        (["choose", "user_id:ann"], "Nothing now"),
        (["why", "user_id:ann"], "user_id:ann"),
        (["export", "user_id:ann"], '"ann"'),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_every_command_of_the_documents_answers(made: Path, arguments: list[str], said: str) -> None:
    shop = [] if arguments == ["rows"] else ["-s", str(made / "shop.db")]
    result = run(*arguments, *shop)
    assert result.exit_code == 0, result.output
    assert said in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bogus"], "No such command"),
        (["init", "--zone", "Mars/Olympus"], "IANA name such as Asia/Shanghai"),
        (["init", "--currency", "ZZZ"], "ISO 4217 code such as CNY"),
        (["init", "--language", "xx"], "'zh', 'en', 'es'"),
        (["init", "--operator", "nobody"], "Write name@example.com"),
        (["import", "nofile.csv"], "Check the name and the folder"),
        (["import", "{made}/unknown.csv"], "Write a mapping file (--mapping)"),
        (["import", "{made}/orders.csv", "-m", "nope"], "There is no mapping 'nope'"),
        (["import", "{made}/orders.csv", "-m", "{made}/till.yaml"], "--zone Europe/London"),
        (["choose", "nonsense"], "Write type:value, such as user_id:u1"),
        (["why", "email:nobody@example.com"], "Nobody owns email:nobody@example.com"),
        (["export", "nobody"], "Write type:value"),
        (["erase", "user_id:zed", "--yes"], "Nobody owns user_id:zed"),
        (["erase", "user_id:ann"], "Aborted"),
        (["followers", "--rebuild", "nope"], "Known: identity"),
        (["scenes", "start", "nope"], "There is no such scene"),
        (["scenes", "save", "nofile.yaml"], "No such file"),
        (["scenes", "save", "{made}/bad.yaml"], "bad.yaml:1:"),
        (["keys", "revoke", "nope"], "no write key 'nope'"),
        (["serve", "--port", "99999"], "0<=x<=65535"),
        (["serve", "--host", "192.0.2.1"], "Write 127.0.0.1"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_a_mistake_is_told_with_what_to_write(made: Path, arguments: list[str], said: str) -> None:
    (made / "unknown.csv").write_text("a,b\n1,2\n")
    (made / "bad.yaml").write_text("a: [")
    filled = [a.replace("{made}", str(made)) for a in arguments]
    result = run(*filled, *([] if arguments == ["bogus"] else ["-s", str(made / "shop.db")]))
    assert result.exit_code != 0
    assert said in result.output.replace("\n", " ")


def damaged(folder: Path) -> str:
    (folder / "damaged.db").write_bytes(b"this is no database" * 300)
    return str(folder / "damaged.db")


def foreign(folder: Path) -> str:
    sqlite3.connect(folder / "foreign.db").execute("CREATE TABLE t (a)").connection.commit()
    return str(folder / "foreign.db")


@pytest.mark.parametrize(
    ("shop", "said"),
    [
        (lambda f: str(f / "none.db"), "Create one: fairday init"),
        (damaged, "This is not a SQLite database, or it is damaged. Name a shop's file"),
        (foreign, "There is no shop in"),
        (lambda f: str(f), "Name a file in a folder that exists"),
        (lambda f: "postgresql://me:secret@127.0.0.1:1/tea", "Check that it runs"),
        (lambda f: "mysql://a/b", "SQLite or PostgreSQL, not mysql"),
    ],
    ids=["missing", "damaged", "foreign", "a folder", "refused", "mysql"],
)
def test_a_shop_that_cannot_be_opened_is_told_apart(tmp_path: Path, shop: object, said: str) -> None:
    address = shop(tmp_path)  # type: ignore[operator]
    result = run("report", "-s", address)
    assert result.exit_code == 1
    assert said in result.output
    assert "secret" not in result.output


def test_a_shop_is_not_made_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    result = run("init", "-s", str(tmp_path / "none" / "shop.db"))
    assert result.exit_code == 1
    assert "Name a file in a folder that exists" in result.output


def test_an_import_on_a_terminal_asks_for_the_zone(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairday.cli.shop.on_terminal", lambda: True)
    files = [str(made / "orders.csv"), "-m", str(made / "till.yaml")]
    result = run("import", "-s", str(made / "shop.db"), *files, typed="\n")
    assert result.exit_code == 0, result.output
    assert "In which zone does the shop stand? [Europe/London]" in result.output
    assert "0 new lines came in" in result.output


def test_a_sheet_of_an_unknown_shape_is_guessed_shown_and_taken_on_a_yes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, sheet = str(tmp_path / "shop.db"), tmp_path / "ventas.csv"
    sheet.write_text(
        "Fecha;Nº pedido;Artículo;Cantidad;Precio;Correo\n25/01/2026;P1;Té;2;3,50;ana@example.com\n", "utf-8"
    )
    run("init", "-s", shop, "--zone", "Europe/Madrid", "--currency", "EUR")
    asked = run("import", "-s", shop, str(sheet), "--zone", "Europe/Madrid")
    assert asked.exit_code == 1
    assert "quantity             Cantidad                 2" in asked.output
    assert "Say --yes to take the guess" in asked.output
    monkeypatch.setattr("fairday.cli.shop.on_terminal", lambda: True)
    assert "Nothing was brought in" in run("import", "-s", shop, str(sheet), typed="n\n").output
    assert "1 new lines came in" in run("import", "-s", shop, str(sheet), typed="y\n\n").output
    again = run("import", "-s", shop, str(sheet), "--yes", "--zone", "Europe/Madrid")
    assert "0 new lines came in" in again.output
    bad = tmp_path / "bad.csv"
    bad.write_text("Nº pedido;Fecha\n1;2026-01-01\n", "utf-8")
    told = run("import", "-s", shop, str(bad), "--yes")
    assert "No column was found for: product" in told.output


def test_a_taken_port_gives_way_to_the_next_and_is_named() -> None:
    said: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port("127.0.0.1", port, said.append) > port
    assert said[0].startswith(f"Port {port} is taken; using ")
    with pytest.raises(FairdayError, match="is free"):
        free_port("127.0.0.1", 70_000, said.append)
