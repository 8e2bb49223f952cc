from __future__ import annotations

import re

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.storage.ledger import balance
from fairday.trade.records import Contact
from trading import line, placing
from webdesk import Client

ID = "0190a1b2c3d4e5f60718293a4b"
ORDER = f"order:{ID}"


@pytest.fixture
def paid(shop: fairday.Shop) -> fairday.Shop:
    """A shop with an order of two lines, paid by bank transfer and confirmed by hand."""
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="mug", title="Mug", price=4500, currency="CNY")], 1)
    shop.stock.count("mug", "main", 5)
    holds = [["stock", "stock:mug", {"sku": "mug", "place": "main", "line": "1", "qty": 3}]]
    data = placing(line("1", "mug", 3, 4500, off=1000), shipping=800, holds=holds)
    contact = Contact(
        name="Li Wei", phone="+8613800138000", city="上海市", region="上海市", street="南京路 1", country="CN"
    )
    assert shop.orders.place(ORDER, data, contact, [("email", "wei@example.com")], actor="b").ok
    begun = shop.payments.begin(ORDER, "bank_transfer", "", 13_300, "CNY", subject="x", actor="b")
    desk = Client(shop).sign_in("owner", "till@example.com")
    desk.get(f"/console/payments/{begun.number}")
    assert desk.post(f"/console/payments/{begun.number}/confirm", {"reference": "T1"}).status_code == 303
    return shop


def money(shop, account):
    with shop.db.read() as conn:
        return balance(conn, account, "CNY")


def test_an_order_is_sent_and_part_of_it_refunded_with_the_shares_shown_first(paid):
    desk = Client(paid).sign_in()
    assert ID in desk.get("/console/orders").text
    page = desk.get(f"/console/orders/{ID}").text
    assert "南京路 1" in page
    assert ">中国<" in page
    assert ">China<" in desk.get(f"/console/orders/{ID}?lang=en").text
    parcel = re.search(r'name="parcel" value="(\w+)"', page)[1]
    sent = {"units.1": "2", "carrier": "sf", "tracking": "SF1234567890123", "parcel": parcel}
    assert desk.post(f"/console/orders/{ID}/ship", sent).status_code == 303
    assert desk.post(f"/console/orders/{ID}/ship", sent).status_code == 303, "sent twice it leaves once"
    state = paid.orders.state(ORDER)
    assert state["lines"]["1"]["shipped"] == 2
    assert "SF1234567890123" in desk.get(f"/console/orders/{ID}").text
    asked = {"units.1": "1", "unshipped.1": "1", "shipping": "yes", "why": "damaged"}
    preview = desk.post(f"/console/orders/{ID}/refund", asked)
    assert preview.status_code == 200
    assert paid.orders.state(ORDER)["refunded"] == 0, "a look moves nothing"
    most = re.search(r'name="most" value="(\d+)"', preview.text)[1]
    assert int(most) == 8333 + 800
    less = desk.post(f"/console/orders/{ID}/refund", asked | {"sure": "yes", "most": "1", "key": parcel + "x"})
    assert less.status_code == 409, "not more than was shown"
    done = asked | {"sure": "yes", "most": most, "key": parcel + "y"}
    for _ in range(2):
        assert desk.post(f"/console/orders/{ID}/refund", done).status_code == 303
    assert paid.orders.state(ORDER)["refunded"] == 9133
    assert money(paid, "sales") + money(paid, "sales:shipping") == 13_300 - 9133
    payment = paid.orders.state(ORDER)["payments"][0]["payment"]
    refunds = paid.payments.state(payment.partition(":")[2])["refunds"]
    assert [r["amount"] for r in refunds.values()] == [9133]
    with paid.db.read() as conn:
        assert paid.stock.available(conn, ["mug"])["mug"].available == 4


@pytest.mark.parametrize(
    ("step", "data", "status"),
    [
        ("hand_over", {}, 409), ("ready", {}, 409), ("receive", {}, 409), ("nothing", {}, 404),
        ("ship", {"units.1": "4", "parcel": "a" * 26}, 409), ("ship", {"units.1": "-1", "parcel": "a" * 26}, 422),
        ("ship", {"parcel": "../x"}, 422), ("refund", {"extra": "-5"}, 409), ("refund", {"extra": "1e99"}, 422),
        ("refund", {"extra": "999999"}, 409), ("refund", {"units.1": "1"}, 409), ("refund", {}, 409),
        ("answer_return", {"return": "9", "answer": "accepted"}, 409),
    ],
)  # fmt: skip
def test_what_an_order_does_not_take_is_refused_with_the_reason(paid, step, data, status):
    desk = Client(paid).sign_in()
    desk.get(f"/console/orders/{ID}")
    answer = desk.post(f"/console/orders/{ID}/{step}", data)
    assert answer.status_code == status
    assert paid.orders.state(ORDER)["refunded"] == 0


def test_a_clerk_sends_and_does_not_refund(paid):
    desk = Client(paid).sign_in("clerk")
    page = desk.get(f"/console/orders/{ID}").text
    assert f"/console/orders/{ID}/ship" in page
    assert f"/console/orders/{ID}/refund" not in page
    assert desk.post(f"/console/orders/{ID}/refund", {"extra": "1"}).status_code == 403
    assert Client(paid).sign_in("marketer").get("/console/orders").status_code == 403


def test_a_cancelled_order_gives_its_money_back_and_an_order_nobody_placed_is_not_there(paid):
    desk = Client(paid).sign_in()
    desk.get(f"/console/orders/{ID}")
    assert desk.post(f"/console/orders/{ID}/cancel", {"why": "other"}).status_code == 303
    assert desk.post(f"/console/orders/{ID}/cancel", {"why": "other"}).status_code == 409
    assert money(paid, "sales") == money(paid, "sales:shipping") == 0
    payment = paid.orders.state(ORDER)["payments"][0]["payment"]
    assert [r["amount"] for r in paid.payments.state(payment.partition(":")[2])["refunds"].values()] == [13_300]
    assert desk.get("/console/orders/nothing").status_code == 404


def test_a_merchant_has_the_buyers_papers_one_link_away(paid):
    desk = Client(paid).sign_in()
    page = desk.get(f"/console/orders/{ID}").text
    links = re.findall(r'href="(/order/[^"]+/(?:invoice|receipt))"', page)
    assert len(links) == 2
    for link in links:
        assert "Li Wei" in desk.get(link).text
    paid.clock.move(900 * 86_400_000)  # a buyer's link is over by then, a merchant's books are not
    old = Client(paid).sign_in("clerk").get(f"/console/orders/{ID}").text
    link = re.search(r'href="(/order/[^"]+/invoice)"', old)[1]
    assert "Li Wei" in desk.get(link).text
    assert desk.get(links[0]).status_code == 404


def test_money_beside_the_units_is_looked_at_and_sent_as_it_was_written(paid):
    desk = Client(paid).sign_in()
    desk.get(f"/console/orders/{ID}")
    looked = desk.post(f"/console/orders/{ID}/refund", {"extra": "0.57", "why": "other"})
    assert 'name="extra" value="0.57"' in looked.text
