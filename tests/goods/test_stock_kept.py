from __future__ import annotations

import random

import pytest

import fairday
from fairday.goods.stock import Counted, Source, Supply, Want, allocate_from
from fairday.kernel.errors import Conflict, FairdayError
from stocking import assert_levels_agree


def test_the_table_of_levels_never_disagrees_with_the_streams(shop: fairday.Shop) -> None:
    dice = random.Random(7)
    for _ in range(120):
        sku, place, n = dice.choice("AB"), dice.choice(["main", "xuhui"]), dice.randrange(1, 6)
        try:
            match dice.randrange(5):
                case 0:
                    shop.stock.count(sku, place, n)
                case 1:
                    shop.stock.adjust(sku, place, -n, "damaged")
                case 2:
                    shop.stock.expect(sku, place, n)
                case 3:
                    shop.stock.receive(sku, place, n)
                case 4:
                    shop.stock.move(sku, place, "xuhui" if place == "main" else "main", n, arrived=n % 2 == 0)
        except Conflict as refused:
            assert refused.code in ("too_few", "same_place")
    assert len(assert_levels_agree(shop)) == 4


def test_what_can_be_sold_is_told_by_good_and_place(shop: fairday.Shop) -> None:
    shop.stock.count("MUG", "main", 5)
    shop.stock.count("MUG", "xuhui", 2)
    shop.stock.expect("MUG", "main", 30)
    shop.stock.count("TEA", "main", 0)
    with shop.db.read() as conn:
        found = shop.stock.available(conn, ["MUG", "TEA", "NEVER-COUNTED"])
        assert found == {"MUG": Supply(7, {"main": 5, "xuhui": 2}, 30), "TEA": Supply(0, {}, 0)}
        assert shop.stock.available(conn, ["MUG"], places=["xuhui"])["MUG"].available == 2
        assert [level.place for level in shop.stock.levels(conn, ["MUG"])["MUG"]] == ["main", "xuhui"]
        assert shop.stock.skus(conn, sold_out=True) == ["TEA"]
        assert shop.stock.skus(conn, beginning="mu", place="xuhui") == ["MUG"]
        assert shop.stock.skus(conn, beginning="nothing", among=["TEA"]) == ["TEA"]
        assert shop.stock.skus(conn, offset=1) == ["TEA"]
        assert shop.stock.counts(conn) == (2, 1)
        assert shop.stock.places_used(conn) == {"main": (2, 5, 0, 30), "xuhui": (1, 2, 0, 0)}


def test_the_history_tells_who_moved_what_newest_first(shop: fairday.Shop) -> None:
    shop.stock.count("MUG", "main", 5, actor="operator:3", note="shelf 4")
    shop.stock.adjust("MUG", "main", -1, "damaged", actor="operator:3")
    with shop.db.read() as conn:
        told = shop.stock.history(conn, "MUG")
        assert [(e.name, e.data.get("change"), e.data["by"]) for e in told] == [
            ("Stock Adjusted", -1, "operator:3"),
            ("Stock Counted", 5, "operator:3"),
        ]
        assert told[1].data["note"] == "shelf 4"
        assert [e.seq for e in shop.stock.history(conn, "MUG", before=2)] == [1]


def test_a_movement_sent_twice_with_its_key_moves_once(shop: fairday.Shop) -> None:
    for _ in range(2):
        shop.stock.receive("MUG", "main", 5, actor="operator:3", key="delivery 17")
    with shop.db.read() as conn:
        assert shop.stock.available(conn, ["MUG"])["MUG"].available == 5


def test_a_count_of_many_goods_writes_what_changed(shop: fairday.Shop) -> None:
    rows = [Counted(f"G{i}", "main", i) for i in range(300)]
    assert shop.stock.count_all(rows, note="stocktaking") == 300
    assert shop.stock.count_all(rows) == 0
    assert shop.stock.count_all([Counted("G7", "main", 70), *rows[8:]]) == 1
    assert assert_levels_agree(shop)["G7", "main"] == [70, 0, 0]


def test_a_count_with_a_row_that_cannot_be_writes_nothing(shop: fairday.Shop) -> None:
    with pytest.raises(FairdayError) as told:
        shop.stock.count_all([Counted("A", "main", 1), Counted("B", "main", -1)])
    assert (told.value.code, told.value.where) == ("bad_units", "row 2")
    assert assert_levels_agree(shop) == {}


def test_places_are_chosen_by_what_the_streams_hold_now(shop: fairday.Shop) -> None:
    shop.stock.count("MUG", "main", 1)
    shop.stock.count("MUG", "xuhui", 9)
    with shop.db.read() as conn:
        states = {"MUG": shop.stock.state(conn, "MUG")}
    sources = [Source("main", metres=10), Source("xuhui", metres=90)]
    found = allocate_from(states, [Want("1", "MUG", 3)], sources, "nearest")
    assert [(p.place, p.qty) for p in found.parts] == [("main", 1), ("xuhui", 2)]
