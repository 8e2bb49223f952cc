"""A buyer shares ten, friends draw different sizes: through the shop's pages, with a real order."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

import fairday
from couponing import open_batch, terms
from fairday.goods.catalogue import ProductRow, save_products
from fairday.storage.log import Happening
from fairday.web.app import create
from fairday.web.signing import sign

ADDRESS = {"name": "Li Wei", "phone": "13800138000", "country": "CN", "region": "上海市", "city": "上海市",
           "street": "南京路 1 号", "email": "wei@example.com"}  # fmt: skip
DECK = (("twenty-off", 1), ("five-off", 2))


def browser(shop: fairday.Shop) -> TestClient:
    return TestClient(create(shop), base_url="http://127.0.0.1", follow_redirects=False)


@pytest.fixture
def buyer(shop: fairday.Shop) -> TestClient:
    """Somebody signed in by their proved address."""
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="tea", title="Tea", price=1990, currency="CNY")], 1)
    now = shop.clock.now()
    shop.append([Happening(message_id="i", kind="identify", at=now, received=now, source="shop",
                           ids=(("email", "wei@example.com"),))]).result()  # fmt: skip
    shop.catch_up()
    web = browser(shop)
    token = sign(web.app.state.front.secret, "confirm|n1|wei@example.com", now + 60_000)
    assert web.post(f"/me/confirm/{token}").status_code == 303
    return web


def order(web: TestClient) -> str:
    """Buys tea; the address of the order's page."""
    web.post("/cart/add", data={"sku": "tea"})
    page = web.get("/checkout?lang=en").text
    seen, cart = (re.search(rf'name="{n}" value="([^"]*)"', page) for n in ("seen", "cart"))
    assert seen
    assert cart
    import html

    form = {**ADDRESS, "seen": html.unescape(seen[1]), "cart": cart[1], "go": "order", "payment": "bank_transfer",
            "way": "ship"}  # fmt: skip
    assert web.post("/checkout", data=form).status_code == 303
    found = re.search(r'href="(/order/[^"]+)"', web.get("/orders").text)
    assert found
    return found[1]


def test_a_paid_order_is_shared_once_and_friends_draw(shop: fairday.Shop, buyer: TestClient) -> None:
    open_batch(shop, "friends", terms(shop.clock.now(), kind="share", deck=DECK, size=5, labels=("¥20", "¥5")))
    link = order(buyer)
    token = link.removeprefix("/order/")
    assert "/share/" not in buyer.get(link).text
    assert buyer.post(f"/share/{token}").status_code == 404  # not paid
    with shop.db.read() as conn:
        number = conn.exec_driver_sql("SELECT stream FROM payments").scalar_one().partition(":")[2]
    shop.payments.confirm(number, "slip 1", "operator:1")
    page = buyer.get(f"{link}?lang=en").text
    assert f'action="/share/{token}"' in page
    shared = buyer.post(f"/share/{token}")
    assert shared.status_code == 303
    pack = shared.headers["location"]
    assert buyer.post(f"/share/{token}").headers["location"] == pack
    theirs = buyer.get(f"{pack}?lang=en").text
    for said in ("Send it to friends", 'class="qr"', "data-share="):
        assert said in theirs, said
    assert shop.coupons.batch("friends").given == 1
    drawn = []
    for n in range(3):
        friend = browser(shop)
        assert "Send it to friends" not in friend.get(f"{pack}?lang=en").text
        assert friend.post(pack, data={"remember": "yes"}).status_code == 422, "no address"
        got = friend.post(pack, data={"remember": "yes", "email": f"friend{n}@example.com"})
        assert got.status_code == 303
        drawn.append(re.findall(r"<b data-raw>(¥\d+) · Spring tea</b>", friend.get(got.headers["location"]).text))
    assert sorted(d for one in drawn for d in one) == ["¥20", "¥5", "¥5"]
    assert buyer.post(pack).status_code == 409  # empty
    for bad in ("x", f"{token[:-1]}x", "../me"):
        assert browser(shop).post(f"/share/{bad}").status_code in (404, 405)


def test_what_a_device_claimed_goes_with_its_owner_when_they_sign_in(shop: fairday.Shop, buyer: TestClient) -> None:
    open_batch(shop, "spring", terms(shop.clock.now()))
    device = browser(shop)
    assert device.post("/wallet", data={"code": "SPRING20", "remember": "yes"}).status_code == 303
    assert "Spring tea" in device.get("/wallet?lang=en").text
    assert "Spring tea" not in buyer.get("/wallet?lang=en").text
    token = sign(device.app.state.front.secret, "confirm|n2|wei@example.com", shop.clock.now() + 60_000)
    assert device.post(f"/me/confirm/{token}").status_code == 303
    for web in (device, buyer):
        assert "Spring tea" in web.get("/wallet?lang=en").text
    assert buyer.post("/wallet", data={"code": "SPRING20"}).status_code == 409  # it is had
