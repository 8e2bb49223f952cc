from __future__ import annotations

import fairday
from conftest import NOON
from fairday.goods.catalogue import ProductRow, save_products
from fairday.stores.records import read_store, save_stores
from webdesk import Client

PLACES = [
    {"store": "depot", "name": "嘉兴仓", "latitude": "30.75", "longitude": "120.75", "kind": "warehouse"},
    {
        "store": "xuhui",
        "name": "徐汇店",
        "city": "上海",
        "latitude": "31.1956",
        "longitude": "121.4365",
        "serves": "both",
    },
]


def opened(shop: fairday.Shop, role: str = "owner") -> Client:
    with shop.db.write() as conn:
        save_stores(conn, [read_store(row) for row in PLACES])
        save_products(
            conn, [ProductRow(product="MUG-1", title="红色马克杯"), ProductRow(product="TEA-1", title="龙井")], NOON
        )
    return Client(shop).sign_in(role)


def on_hand(shop: fairday.Shop, sku: str, place: str) -> list[int]:
    with shop.db.read() as conn:
        return shop.stock.state(conn, sku)["places"].get(place, [0, 0, 0])


def form(**given: str) -> dict[str, str]:
    return {"sku": "MUG-1", "act": "count", "place": "depot", "to": "depot", "qty": "0", "reason": "other", "note": "",
            "arrived": "yes", "key": "", **given}  # fmt: skip


def test_stock_is_counted_received_moved_and_written_off(lite: fairday.Shop) -> None:
    owner = opened(lite)
    assert "No stock has been counted yet" in owner.get("/console/stock?lang=en").text
    page = owner.get("/console/stock/good?sku=MUG-1").text
    assert "红色马克杯" in page
    for given in (
        form(qty="12"), form(act="receive", qty="1,000"), form(act="expect", qty="5"), form(act="adjust", qty="-2"),
        form(act="move", to="xuhui", qty="10"), form(act="move", to="xuhui", qty="3", arrived="no"),
    ):  # fmt: skip
        answer = owner.post("/console/stock/good?sku=MUG-1", given)
        assert answer.headers["location"].endswith(f"done=stock_{given['act']}")
    assert on_hand(lite, "MUG-1", "depot") == [997, 0, 5]
    assert on_hand(lite, "MUG-1", "xuhui") == [10, 0, 3]
    told = owner.get("/console/stock/good?sku=MUG-1&lang=en").text
    assert "嘉兴仓 → 徐汇店" in told
    assert "997 can be sold" in told
    assert "红色马克杯" in owner.get("/console/stock?q=马克").text
    assert "997" in owner.get("/console/stock?place=depot").text
    assert "龙井" in owner.get("/console/stock?q=龙井").text


def test_a_form_sent_twice_counts_once(lite: fairday.Shop) -> None:
    owner = opened(lite)
    owner.get("/console/stock/good?sku=MUG-1")
    for _ in range(2):
        owner.post("/console/stock/good?sku=MUG-1", form(act="receive", qty="5", key="the page's"))
    assert on_hand(lite, "MUG-1", "depot") == [5, 0, 0]


def test_what_cannot_be_is_said_and_kept_in_the_form(lite: fairday.Shop) -> None:
    owner = opened(lite)
    owner.get("/console/stock/good?sku=MUG-1")
    for given, status, said in (
        (form(qty="many"), 422, "whole number"),
        (form(qty="-1"), 409, "whole number"),
        (form(qty="99999999999"), 422, "billion"),
        (form(act="move", to="xuhui", qty="3"), 409, "Fewer than that are free"),
        (form(act="move", to="depot", qty="3"), 409, "another place"),
        (form(place="moon", qty="3"), 422, "no such place"),
        (form(act="adjust", qty="3", reason="whim"), 409, "reason"),
        (form(act="steal", qty="3"), 422, "what to do"),
    ):
        answer = owner.post("/console/stock/good?sku=MUG-1&lang=en", given | {"note": "kept here"})
        assert (answer.status_code, said in answer.text, "kept here" in answer.text) == (status, True, True)
    assert on_hand(lite, "MUG-1", "depot") == [0, 0, 0]
    assert owner.get("/console/stock/good?sku=").status_code == 404


def test_a_count_comes_as_a_file(lite: fairday.Shop) -> None:
    owner = opened(lite)
    owner.get("/console/stock")
    file = {"file": ("count.csv", "SKU,仓库,库存\nMUG-1,嘉兴仓,40\nTEA-1,xuhui,0\n".encode())}
    answer = owner.post("/console/stock/import", {"place": ""}, files=file)
    assert answer.headers["location"] == "/console/stock?done=stock_counted"
    assert on_hand(lite, "MUG-1", "depot") == [40, 0, 0]
    out = owner.get("/console/stock?out=1&lang=en").text
    assert "龙井" in out
    assert "红色马克杯" not in out
    wrong = owner.post("/console/stock/import?lang=en", {"place": ""}, files={"file": ("x.csv", b"SKU,stock\nA,1\n")})
    assert (wrong.status_code, "not known, or not written" in wrong.text) == (422, True)
    none = owner.post("/console/stock/import?lang=en", {"place": ""})
    assert "Choose a file" in none.text


def test_a_clerk_writes_stock_and_an_analyst_reads_it(lite: fairday.Shop) -> None:
    clerk, analyst = opened(lite, "clerk"), Client(lite).sign_in("analyst")
    clerk.get("/console/stock/good?sku=MUG-1")
    assert clerk.post("/console/stock/good?sku=MUG-1", form(qty="3")).status_code == 303
    page = analyst.get("/console/stock/good?sku=MUG-1")
    assert (page.status_code, 'name="qty"' in page.text) == (200, False)
    assert analyst.post("/console/stock/good?sku=MUG-1", form(qty="4")).status_code == 403
    assert clerk.get("/console/shipping").status_code == 200
    assert clerk.post("/console/shipping", {}).status_code == 403


def test_shipping_rates_are_written_tried_and_taken_out(lite: fairday.Shop) -> None:
    owner = opened(lite)
    assert "No rates yet" in owner.get("/console/shipping?lang=en").text
    rate = {"rate": "cn", "service": "标准快递", "carrier": "zto", "countries": "CN", "postcodes": "", "places": "",
            "by": "weight", "steps": "1000: 8.00", "more_each": "1000", "more_price": "2", "free_from": "99",
            "days": "2-4"}  # fmt: skip
    assert owner.post("/console/shipping", rate).status_code == 303
    page = owner.get("/console/shipping?lang=en&rate=cn&to=CN&grams=1500&amount=60").text
    assert "1000: 8.00" in page
    assert "¥10.00" in page
    assert "¥39.00 more and it is free" in page
    assert "Nothing is sent there" in owner.get("/console/shipping?lang=en&to=ES").text
    wrong = owner.post("/console/shipping?lang=en", rate | {"steps": "lots"})
    assert (wrong.status_code, "a step a line" in wrong.text, "lots" in wrong.text) == (422, True, True)
    assert "in grams" in owner.get("/console/shipping?lang=en&to=CN&grams=heavy").text
    assert owner.post("/console/shipping/cn/remove").status_code == 303
    assert "No rates yet" in owner.get("/console/shipping?lang=en").text


def test_a_goods_page_says_what_is_there_and_where_it_is_collected_today(lite: fairday.Shop) -> None:
    with lite.db.write() as conn:
        save_products(conn, [ProductRow(product="MUG-1", title="红色马克杯", price=900, currency="CNY")], NOON)
        save_stores(conn, [read_store(row | {"collect_until": "23:59"}) for row in PLACES])
    lite.staging.forget()
    visitor = Client(lite)

    def page() -> str:
        return visitor.get("/goods/MUG-1?lang=en").text

    assert "In stock" not in page(), "a good that nobody counts is simply sold"
    lite.stock.count("MUG-1", "depot", 3)
    assert "Only 3 left" in page()
    assert "Collect in store" not in page()
    lite.stock.count("MUG-1", "xuhui", 40)
    assert "In stock" in page()
    assert "徐汇店" in page()
    assert "today" in page()
    assert "嘉兴仓" not in page()
    for place in ("depot", "xuhui"):
        lite.stock.count("MUG-1", place, 0)
    assert "Sold out for now" in page()
    lite.stock.expect("MUG-1", "depot", 5)
    assert "More is on its way" in page()


def test_goods_at_a_place_nobody_sends_from_are_told(lite: fairday.Shop) -> None:
    lite.stock.count("MUG-1", "main", 5)
    owner = Client(lite).sign_in("owner")
    assert "neither sent" not in owner.get("/console/stock?lang=en").text
    with lite.db.write() as conn:
        save_stores(conn, [read_store(row) for row in PLACES])
    assert "5 units stand at" in owner.get("/console/stock?lang=en").text
    with lite.db.write() as conn:
        save_stores(conn, [read_store({**PLACES[0], "store": "main"})])
    assert "neither sent" not in owner.get("/console/stock?lang=en").text
