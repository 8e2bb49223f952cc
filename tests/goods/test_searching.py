"""The search follows the goods: what changed is found, in every process, and a lost index is made anew."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.naming import save_texts
from fairday.goods.records import Details, save_details
from fairday.goods.search import Asked, Searching
from fairday.goods.search.documents import VERSION
from fairday.goods.touching import touch
from fairday.kernel.clock import DAY_MS, ManualClock
from fairday.storage.database import Database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


def beside(shop: fairday.Shop, folder: Path | None, buyers: dict[int, dict[str, int]] | None = None) -> Searching:
    """Another process's search of the same shop."""
    by_day = buyers or {}
    return Searching(shop.db, lambda: shop.settings, shop.clock, folder, lambda conn, day: by_day.get(day, {}))


def save(shop: fairday.Shop, *goods: tuple[str, str]) -> None:
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product=n, title=t) for n, t in goods], shop.clock.now())


def found(searching: Searching, text: str) -> list[str]:
    return sorted(searching.index().search(Asked(text=text)).numbers)


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_new_changed_hidden_or_translated_is_found_so(shop: fairday.Shop, folder: Path, kept: bool) -> None:
    searching = beside(shop, folder if kept else None)
    assert found(searching, "tea") == []
    save(shop, ("1", "Green tea"), ("2", "Black tea"))
    assert found(searching, "tea") == ["1", "2"]
    save(shop, ("2", "Coffee"))
    assert found(searching, "tea") == ["1"]
    with shop.db.write() as conn:
        save_texts(conn, "product", "2", "title", {"zh": "咖啡"})
        save_details(conn, [Details(product="1", hidden=True)], 1)
    assert (found(searching, "咖啡"), found(searching, "tea")) == (["2"], [])
    with shop.db.write() as conn:
        save_details(conn, [Details(product="1", hidden=False)], 1)
    assert found(searching, "tea") == ["1"]


def test_several_processes_share_one_index_and_the_writer_is_whoever_comes_first(
    shop: fairday.Shop, folder: Path
) -> None:
    one, other = beside(shop, folder), beside(shop, folder)
    save(shop, ("1", "Green tea"))
    assert found(one, "tea") == found(other, "tea") == ["1"]
    for n in range(2, 6):
        save(shop, (str(n), "Tea"))
        first, second = (one, other) if n % 2 else (other, one)
        assert found(first, "tea") == found(second, "tea") == [str(i) for i in range(1, n + 1)]


def test_while_another_process_writes_the_old_index_answers(shop: fairday.Shop, folder: Path) -> None:
    searching = beside(shop, folder)
    save(shop, ("1", "Green tea"))
    assert found(searching, "tea") == ["1"]
    code = (
        "import sys, tantivy; w = tantivy.Index.open(sys.argv[1]).writer(15_000_000, 1); print('held', flush=True);"
        "sys.stdin.read()"
    )
    held = subprocess.Popen(
        [sys.executable, "-c", code, str(folder / f"v{VERSION}")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert held.stdout is not None
    assert held.stdout.readline() == b"held\n"
    save(shop, ("2", "Black tea"))
    assert found(searching, "tea") == ["1"]
    held.kill()  # a killed writer leaves no lock behind
    held.wait()
    held.stdout.close()
    assert found(searching, "tea") == ["1", "2"]


def test_an_index_that_is_lost_damaged_or_of_another_database_is_made_anew(shop: fairday.Shop, folder: Path) -> None:
    save(shop, ("1", "Green tea"), ("2", "Black tea"))
    assert found(beside(shop, folder), "tea") == ["1", "2"]
    shutil.rmtree(folder)
    assert found(beside(shop, folder), "tea") == ["1", "2"]
    (folder / f"v{VERSION}" / "meta.json").write_text("{")
    assert found(beside(shop, folder), "tea") == ["1", "2"]
    (folder / f"v{VERSION}" / "stand.json").write_text('{"seq": 9000000000000, "day": 1}')
    assert found(beside(shop, folder), "tea") == ["1", "2"]


def test_a_transaction_that_ends_late_is_not_missed(shop: fairday.Shop, folder: Path) -> None:
    if shop.db.is_sqlite:
        pytest.skip("SQLite has one writer")
    searching = beside(shop, folder)
    save(shop, ("1", "Green tea"), ("2", "Old"))
    late = Database(shop.db.url)
    with late.write() as conn:
        save_products(conn, [ProductRow(product="2", title="Late tea")], 5)
        save(shop, ("3", "Early tea"))  # begins later, ends sooner
        early = found(searching, "tea")
        assert "2" not in early
        touch(conn, ["2"])
    late.close()
    assert found(searching, "tea") == ["1", "2", "3"]


def test_popularity_orders_from_the_day_on_that_it_changes(
    shop: fairday.Shop, clock: ManualClock, folder: Path
) -> None:
    save(shop, ("1", "Green tea"), ("2", "Black tea"))
    day = clock.now() // DAY_MS
    searching = beside(shop, folder, {day: {"1": 5}, day + 1: {"2": 9, "1": 1}})
    assert searching.index().search(Asked(text="tea")).numbers == ["1", "2"]
    clock.move(DAY_MS)
    assert searching.index().search(Asked(text="tea")).numbers == ["2", "1"]
    assert searching.index().search(Asked(sort="popular")).numbers == ["2", "1"]


def test_who_is_watched_over_asks_the_database_nothing(shop: fairday.Shop, folder: Path) -> None:
    searching = beside(shop, folder)
    save(shop, ("1", "Green tea"))
    searching.refresh()
    index = searching.index()
    save(shop, ("2", "Black tea"))
    assert searching.index() is index
    searching.refresh()
    assert found(searching, "tea") == ["1", "2"]
    assert index.search(Asked(text="tea")).numbers == ["1"], "an index stands as it was opened"
    searching.rebuild()
    assert found(searching, "tea") == ["1", "2"]
