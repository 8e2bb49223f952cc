from __future__ import annotations

import msgspec
import pytest

from conftest import NOON
from fairday.goods.stock import Source, Supply
from fairday.kernel.errors import FairdayError
from fairday.stores.near import Store
from fairday.stores.places import ABROAD_M, Destination, pickups, sources
from fairday.stores.records import all_places, all_stores, read_csv, read_store, save_stores

XUHUI = Store(
    store="xuhui", name="徐汇店", city="上海", latitude=31.1956, longitude=121.4365, collect_until=20 * 60 + 30
)
PUDONG = Store(store="pudong", name="浦东店", city="上海", latitude=31.2397, longitude=121.4998, serves="both")
DEPOT = Store(store="depot", name="嘉兴仓", latitude=30.75, longitude=120.75, kind="warehouse", serves="ship")
MADRID = Store(store="mad", name="Madrid", latitude=40.4, longitude=-3.7, kind="warehouse", serves="ship", country="ES")


def test_a_warehouse_is_kept_with_the_stores_and_never_shown_as_one(db):
    row = {"store": "depot", "name": "嘉兴仓", "latitude": "30.75", "longitude": "120.75", "kind": "warehouse"}
    with db.write() as conn:
        save_stores(conn, [XUHUI, read_store(row)])
        assert all_places(conn) == [DEPOT, XUHUI]
        assert all_stores(conn) == [XUHUI]


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("kind", "shed", "bad_store_kind"),
        ("serves", "sometimes", "bad_store_serves"),
        ("country", "China", "bad_store_country"),
        ("collect_until", "25:00", "bad_store_collect_until"),
        ("collect_until", "8pm", "bad_store_collect_until"),
    ],
)
def test_what_a_place_cannot_be_is_told(column, value, code):
    row = {"store": "a", "name": "A", "latitude": "1", "longitude": "2", column: value}
    with pytest.raises(FairdayError) as told:
        read_store(row)
    assert told.value.code == code
    assert told.value.remedy


def test_a_csv_file_tells_how_a_place_serves():
    head = "store,name,latitude,longitude,kind,serves,country,collect_until"
    a, w = read_csv(f"{head}\na,A,1,2,store,both,cn,18:30\nw,W,1,2,warehouse,,,\n".encode())
    assert (a.serves, a.country, a.collect_until, a.ships, a.collects) == ("both", "CN", 1110, True, True)
    assert (w.serves, w.ships, w.collects) == ("ship", True, False)


def test_orders_are_sent_from_warehouses_and_from_stores_that_do():
    to = Destination(country="CN", latitude=31.23, longitude=121.47)
    found = sources([XUHUI, PUDONG, DEPOT], to, "CN", {"depot": (800, 200)})
    assert [s.place for s in found] == ["pudong", "depot"]
    assert 2_000 < found[0].metres < 5_000 < found[1].metres
    assert (found[1].parcel, found[1].per_kg) == (800, 200)
    assert sources([XUHUI], to) == [Source("main")], "a shop that has no place that sends keeps its goods in one"


def test_a_place_abroad_is_farther_than_any_at_home_where_no_point_is_known():
    found = {s.place: s.metres for s in sources([DEPOT, MADRID], Destination(country="ES"), "CN")}
    assert found == {"depot": ABROAD_M, "mad": 0}


def test_collect_in_store_today_where_everything_is_there_and_it_is_early_enough():
    supply = {"MUG": Supply(3, {"xuhui": 2, "pudong": 1}, 0)}
    noon_shanghai = NOON - 8 * 3_600_000
    found = pickups([PUDONG, XUHUI, DEPOT], supply, {"MUG": 2, "GIFT-WRAP": 1}, noon_shanghai, "Asia/Shanghai")
    assert [(p.place.store, p.today, p.missing) for p in found] == [("xuhui", True, ()), ("pudong", False, ("MUG",))]
    assert found[0].day is not None
    assert found[1].day is None
    late = pickups([XUHUI], supply, {"MUG": 2}, noon_shanghai + 8 * 3_600_000 + 1_800_000, "Asia/Shanghai")
    assert (late[0].today, late[0].day) == (False, found[0].day + 1)
    slow = pickups(
        [msgspec.structs.replace(XUHUI, collect_until=None)], supply, {"MUG": 2}, noon_shanghai, "Asia/Shanghai"
    )
    assert (slow[0].today, slow[0].day) == (False, found[0].day + 1)


def test_the_nearest_store_comes_first():
    near_pudong = (31.24, 121.50)
    found = pickups([XUHUI, PUDONG], {}, {"MUG": 1}, NOON, "Asia/Shanghai", at=near_pudong)
    assert [p.place.store for p in found] == ["pudong", "xuhui"]
    assert found[0].metres < 100
