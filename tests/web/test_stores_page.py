from __future__ import annotations

import fairday
from conftest import NOON
from fairday.storage.log import Happening
from fairday.stores.records import all_stores
from webdesk import Client

XUHUI = {"store": "xuhui", "name": "徐汇店", "city": "上海", "latitude": "31.1956", "longitude": "121.4365", "zone": ""}


def names(shop: fairday.Shop) -> list[str]:
    with shop.db.read() as conn:
        return [s.name for s in all_stores(conn)]


LATITUDE_OF_LINE_3 = "store,name,latitude,longitude\na,b,1,2\nc,d,x,2"


def test_stores_are_added_changed_brought_in_and_removed(lite: fairday.Shop) -> None:
    owner = Client(lite).sign_in()
    assert "No store yet" in owner.get("/console/stores?lang=en").text
    assert owner.post("/console/stores", XUHUI).status_code == 303
    assert 'value="31.1956"' in owner.get("/console/stores?store=xuhui").text
    assert owner.post("/console/stores", XUHUI | {"name": "徐家汇店"}).status_code == 303
    assert names(lite) == ["徐家汇店"]
    csv = "store,name,latitude,longitude\nb,Bund,31.24,121.49\n"
    assert owner.post("/console/stores/import", {"csv": csv}).status_code == 303
    assert sorted(names(lite)) == ["Bund", "徐家汇店"]
    assert owner.post("/console/stores/b/remove").status_code == 303
    assert names(lite) == ["徐家汇店"]


def test_what_is_no_store_is_told_and_kept_in_the_form(lite: fairday.Shop) -> None:
    owner = Client(lite).sign_in()
    wrong = owner.post("/console/stores?lang=en", XUHUI | {"latitude": "310"})
    assert wrong.status_code == 422
    assert "degrees from -90 to 90" in wrong.text
    assert 'value="310"' in wrong.text
    bad = owner.post("/console/stores/import?lang=en", {"csv": LATITUDE_OF_LINE_3})
    assert bad.status_code == 422
    assert "line 3" in bad.text
    assert "c,d,x,2" in bad.text
    assert "第 3 行" in owner.post("/console/stores/import?lang=zh", {"csv": LATITUDE_OF_LINE_3}).text
    assert names(lite) == []
    assert Client(lite).sign_in("analyst").post("/console/stores", XUHUI).status_code == 403


def test_the_weather_is_shown_as_observed(lite: fairday.Shop) -> None:
    said = {"city": "上海", "weather": "小雨", "temperature": 12}
    lite.append([Happening(message_id="w", kind="track", name="Weather Observed", at=NOON, received=NOON,
                           source="server:weather", body={"properties": said})]).result()  # fmt: skip
    lite.catch_up()
    html = Client(lite).sign_in().get("/console/stores?lang=en").text
    assert "rain 12 °C" in html


def test_a_shopper_whose_device_told_where_it_is_sees_the_nearest_store(lite: fairday.Shop) -> None:
    assert Client(lite).sign_in().post("/console/stores", XUHUI).status_code == 303
    phone = Client(lite)
    phone.get("/")
    phone.post("/consent", {"answer": "yes"})
    who = phone.cookies["fairday_id"]
    near = {"location": {"latitude": 31.2, "longitude": 121.4365}}
    lite.append([Happening(message_id="p", kind="page", at=NOON, received=NOON, source="browser:storefront",
                           ids=(("anonymous_id", who),), body={"context": near})]).result()  # fmt: skip
    lite.catch_up()
    lite.staging.forget()
    html = phone.get("/?lang=en").text
    assert "Near you" in html
    assert "徐汇店" in html
    assert "0.5 km" in html
    assert "Near you" not in Client(lite).get("/?lang=en").text
