from __future__ import annotations

import msgspec
import pytest

from conftest import NOON
from fairday.intake.events import Rejection, Rules, judge
from fairday.kernel.errors import FairdayError
from fairday.kernel.settings import IdentitySettings
from fairday.storage.log import Happening
from fairday.stores.near import Store, Weather
from fairday.stores.records import all_stores, delete_store, read_csv, read_store, save_stores
from fairday.stores.weather import weather_by_city

XUHUI = {"store": "xuhui", "name": "徐汇店", "city": "上海", "latitude": "31.1956", "longitude": "121.4365", "zone": ""}


def test_stores_are_added_changed_and_taken_out(db):
    with db.write() as conn:
        save_stores(conn, [read_store(XUHUI), read_store(XUHUI | {"store": "b", "city": "杭州", "zone": "Asia/Tokyo"})])
        save_stores(conn, [read_store(XUHUI | {"name": "徐家汇店"})])
        assert [(s.store, s.name, s.zone) for s in all_stores(conn)] == [
            ("xuhui", "徐家汇店", ""),
            ("b", "徐汇店", "Asia/Tokyo"),
        ]
        delete_store(conn, "b")
        delete_store(conn, "nowhere")
        assert all_stores(conn) == [
            Store(store="xuhui", name="徐家汇店", city="上海", latitude=31.1956, longitude=121.4365)
        ]
        save_stores(conn, [])


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("store", "", "bad_store_store"),
        ("store", "徐汇 1", "bad_store_store"),
        ("name", " ", "bad_store_name"),
        ("latitude", "91", "bad_store_latitude"),
        ("latitude", "nan", "bad_store_latitude"),
        ("longitude", "east", "bad_store_longitude"),
        ("zone", "Mars/Base", "unknown_zone"),
    ],
)
def test_what_is_no_store_is_told_with_a_remedy(column, value, code):
    with pytest.raises(FairdayError) as told:
        read_store(XUHUI | {column: value})
    assert told.value.code == code
    assert told.value.remedy


def test_stores_come_from_a_csv_file():
    text = (
        "store,name,latitude,longitude,city\nxuhui,徐汇店,31.1956,121.4365,上海\nxuhui,徐家汇店,31.1956,121.4365,上海\n"
    )
    assert [s.name for s in read_csv(text.encode("utf-8-sig"))] == ["徐家汇店"]


@pytest.mark.parametrize(
    ("data", "code", "where"),
    [
        (b"\xff\xfe", "not_utf8", ""),
        (b"", "bad_columns", "line 1"),
        (b"store,name,lat,lon\na,b,1,2\n", "bad_columns", "line 1"),
        (b"store,name,latitude,longitude\na,b,1,2\nc,d,1\n", "bad_store_longitude", "line 3"),
    ],
)
def test_a_file_that_is_none_of_stores_is_refused_with_its_line(data, code, where):
    with pytest.raises(FairdayError) as told:
        read_csv(data)
    assert (told.value.code, told.value.where) == (code, where)


def _observed(n: int, at: int, source: str = "server:weather", **properties: object) -> Happening:
    return Happening(message_id=f"w{n}", kind="track", name="Weather Observed", at=at, received=NOON, source=source,
                     body={"properties": properties})  # fmt: skip


def test_the_last_weather_of_each_city_is_kept_from_servers_alone(shop):
    shop.append([
        _observed(1, NOON, city="上海市", weather="Light rain", temperature=12.5),
        _observed(2, NOON - 1, city="上海", weather="晴", temperature=30),
        _observed(3, NOON, city=" Madrid", weather="moderate breeze", temperature=-0.4),
        _observed(4, NOON + 1, "browser:web", city="上海", weather="snow"),
        _observed(5, NOON + 1, city="上海", weather="?", temperature=900),
        _observed(6, NOON + 1, city=5, weather="snow"),
    ]).result()  # fmt: skip
    shop.followers.catch_up()
    wanted = {"上海": Weather("rain", 13, NOON), "madrid": Weather(None, 0, NOON)}
    with shop.db.read() as conn:
        assert weather_by_city(conn) == wanted
        assert conn.exec_driver_sql("SELECT COUNT(*) FROM people").scalar_one() == 0
    shop.followers.rebuild("weather")
    with shop.db.read() as conn:
        assert weather_by_city(conn) == wanted


@pytest.mark.parametrize(("public", "ids"), [(False, ()), (True, (("anonymous_id", "station"),))])
def test_the_weather_is_nobodys_when_a_server_tells_it(public, ids):
    event = {"type": "track", "event": "Weather Observed", "anonymousId": "station", "properties": {"city": "上海"}}
    rules = Rules("server:weather", public, IdentitySettings())
    found = judge(0, msgspec.Raw(msgspec.json.encode(event)), "", {}, None, False, rules, NOON)
    assert isinstance(found, Happening)
    assert found.ids == ids
    del event["anonymousId"]
    alone = judge(0, msgspec.Raw(msgspec.json.encode(event)), "", {}, None, False, rules, NOON)
    assert isinstance(alone, Rejection) is public
