from __future__ import annotations

import re

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from webdesk import Client

ADDRESS = {"name": "Li Wei", "phone": "13800138000", "country": "CN", "region": "上海市", "city": "上海市",
           "street": "南京路 1 号", "email": "wei@example.com"}  # fmt: skip


@pytest.fixture
def buying(shop: fairday.Shop) -> Client:
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="mug", title="茶杯 Mug", price=4500, currency="CNY"),
                             ProductRow(product="tea", title="Tea", price=1990, currency="CNY")], 1)  # fmt: skip
    shop.stock.count("mug", "main", 5)
    return client(shop)


def client(shop) -> Client:
    return Client(shop)


def hidden(page: str, name: str) -> str:
    import html

    return html.unescape(re.search(rf'name="{name}" value="([^"]*)"', page)[1])


def ordered(web, **more):
    """Three taps: the cart, the checkout, the order."""
    page = web.get("/checkout", params={"lang": "en"})
    assert page.status_code == 200
    seen, cart = hidden(page.text, "seen"), hidden(page.text, "cart")
    form = {**ADDRESS, "seen": seen, "cart": cart, "go": "order", "way": "ship", "payment": "bank_transfer", **more}
    return web.post("/checkout", data=form)


def test_a_guest_buys_in_three_taps_and_finds_the_order_again(shop, buying):
    assert buying.post("/cart/add", data={"sku": "mug", "qty": "2"}).headers["location"] == "/cart"
    page = buying.get("/cart")
    assert "¥90.00" in page.text
    assert len(page.content) < 30_000
    placed = ordered(buying)
    assert placed.status_code == 303
    assert placed.headers["location"].startswith("/pay/")
    listed = buying.get("/orders").text
    link = re.search(r'href="(/order/[^"]+)"', listed)[1]
    order = buying.get(link)
    assert "南京路 1 号" in order.text
    assert len(order.content) < 30_000
    assert len(buying.get("/checkout").content or b"") < 30_000
    assert buying.get("/cart").text.count("/cart/1") == 0, "the cart is empty again"
    assert re.search(r'href="(/order/[^"]+)"', client(shop).get("/orders").text) is None


def test_names_in_capitals_as_tills_keep_them_are_calm_from_cart_to_order(shop, buying):
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="loud", title="FLUID MILK WHITE", price=300, currency="CNY")], 1)
    buying.post("/cart/add", data={"sku": "loud"})
    pages = [buying.get("/cart").text, buying.get("/checkout").text]
    ordered(buying)
    pages.append(buying.get(re.search(r'href="(/order/[^"]+)"', buying.get("/orders").text)[1]).text)
    assert all("Fluid milk white" in page and "FLUID" not in page for page in pages)


def test_prices_and_quantities_of_the_form_are_never_taken(shop, buying):
    buying.post("/cart/add", data={"sku": "mug", "qty": "1"})
    seen = '{"lines":{"1":["mug",1,1]},"shipping":0,"total":1}'
    answer = ordered(buying, seen=seen, total="1", price="1")
    assert answer.status_code == 409
    assert "¥45.00" in answer.text
    for qty in ("-1", "0", "99999999999", "1.5", "１", "x"):
        assert buying.post("/cart/add", data={"sku": "mug", "qty": qty}).status_code == 422
    assert buying.post("/cart/1", data={"qty": "-3"}).status_code == 422
    assert buying.post("/cart/add", data={"sku": "nothing"}).status_code == 404


def test_an_order_is_nobodys_without_its_link(shop, buying):
    buying.post("/cart/add", data={"sku": "tea"})
    ordered(buying)
    link = re.search(r'href="(/order/[^"]+)"', buying.get("/orders").text)[1]
    stranger = client(shop)
    number = next(iter(shop.db.engine.connect().exec_driver_sql("SELECT id FROM orders")))[0]
    for path in (f"/order/{number}", f"{link[:-1]}x", f"/order/{number}.{link.rpartition('.')[2]}"):
        assert stranger.get(path).status_code == 404
        assert stranger.post(f"{path}/cancel").status_code == 404
    assert stranger.get(link).status_code == 200, "whoever has the link may see it"
    assert buying.post(f"{link}/cancel", headers={"origin": "http://evil.example"}).status_code == 403


def test_a_checkout_sent_twice_places_one_order(shop, buying):
    buying.post("/cart/add", data={"sku": "mug", "qty": "3"})
    page = buying.get("/checkout").text
    form = {
        **ADDRESS,
        "seen": hidden(page, "seen"),
        "cart": hidden(page, "cart"),
        "go": "order",
        "payment": "bank_transfer",
    }
    assert buying.post("/checkout", data=form).headers["location"].startswith("/pay/")
    assert buying.post("/checkout", data=form).headers["location"].startswith("/order/")
    with shop.db.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM orders").scalar() == 1
        assert shop.stock.available(conn, ["mug"])["mug"].available == 2


@pytest.mark.parametrize(("field", "value"), [("name", ""), ("phone", "12"), ("street", ""), ("email", "no"),
                                              ("country", "ZZ"), ("name", "x" * 90)])  # fmt: skip
def test_an_address_that_cannot_be_is_said_and_nothing_is_placed(shop, buying, field, value):
    buying.post("/cart/add", data={"sku": "tea"})
    answer = ordered(buying, **{field: value})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    with shop.db.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM orders").scalar() == 0


def test_the_papers_are_pdf_with_chinese_in_them(shop, buying):
    buying.post("/cart/add", data={"sku": "mug"})
    ordered(buying)
    link = re.search(r'href="(/order/[^"]+)"', buying.get("/orders").text)[1]
    paper = buying.get(f"{link}/invoice.pdf", params={"lang": "zh"})
    assert paper.headers["content-type"] == "application/pdf"
    assert paper.content.startswith(b"%PDF-")
    assert b"STSong-Light" in paper.content
    assert buying.get(f"{link}/receipt.pdf").status_code == 404, "nothing was paid yet"
    assert buying.get(f"{link}/secrets.pdf").status_code == 404


def test_the_papers_are_pages_too_with_the_seller_as_the_law_wants_it(shop, buying):
    shop.change_settings(seller="Tea & Co Ltd\n1 Leaf St <London>\nVAT GB 123")
    buying.post("/cart/add", data={"sku": "mug"})
    ordered(buying)
    link = re.search(r'href="(/order/[^"]+)"', buying.get("/orders").text)[1]
    assert f'href="{link}/invoice"' in buying.get(link).text
    page = buying.get(f"{link}/invoice", params={"lang": "en"})
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    for part in ("Tea &amp; Co Ltd", "1 Leaf St &lt;London&gt;", "VAT GB 123", "Mug", ADDRESS["name"], "invoice.pdf"):
        assert part in page.text
    total = re.search(r'class="all"><td colspan="3">[^<]*</td><td class="num" data-raw>([^<]+)<', page.text)[1]
    assert total in re.sub(r"<[^>]+>", "", buying.get(link, params={"lang": "en"}).text)
    assert b"%PDF-" in buying.get(f"{link}/invoice.pdf").content
    assert buying.get(f"{link}/receipt").status_code == 404, "nothing was paid yet"
    assert buying.get("/order/made-up/invoice").status_code == 404


def test_an_unpaid_order_is_cancelled_by_its_buyer_and_bought_again(shop, buying):
    buying.post("/cart/add", data={"sku": "mug", "qty": "2"})
    ordered(buying)
    link = re.search(r'href="(/order/[^"]+)"', buying.get("/orders").text)[1]
    assert buying.post(f"{link}/cancel").status_code == 303
    assert buying.post(f"{link}/cancel").status_code == 409
    assert buying.post(f"{link}/receive").status_code == 409
    with shop.db.read() as conn:
        assert shop.stock.available(conn, ["mug"])["mug"].available == 5
    assert buying.post(f"{link}/again").headers["location"] == "/cart"
    assert "¥90.00" in buying.get("/cart").text


def test_signing_in_by_a_mailed_proof_brings_the_cart_and_shows_only_the_members_orders(shop, buying):
    from fairday.storage.log import Happening
    from fairday.web.signing import secret_of, sign

    wei = Happening(message_id="w", kind="identify", at=1, received=1, source="server:till",
                    ids=(("email", "wei@example.com"),))  # fmt: skip
    shop.append([wei]).result()
    shop.catch_up()
    buying.post("/cart/add", data={"sku": "mug"})
    token = sign(secret_of(shop), "confirm|abcdef|wei@example.com", shop.clock.now() + 60_000)
    assert buying.post(f"/me/confirm/{token}").status_code == 303
    assert "fairday_member" in buying.cookies
    assert "fairday_cart" not in buying.cookies
    assert "¥45.00" in buying.get("/cart").text
    assert ordered(buying).status_code == 303
    with shop.db.read() as conn:
        account = conn.exec_driver_sql("SELECT account FROM orders").scalar()
    assert account.startswith("account:")
    elsewhere = client(shop)
    elsewhere.cookies["fairday_orders"] = buying.cookies["fairday_orders"]
    assert "/order/" not in elsewhere.get("/orders").text, "a device's list shows no member's orders"
    buying.post("/sign-out")
    assert "fairday_member" not in buying.cookies
    forged = client(shop)
    forged.cookies["fairday_member"] = f"member|{account}|email:wei@example.com"
    assert "/order/" not in forged.get("/orders").text


def test_a_transfer_is_told_where_to_go_until_it_has_come(shop, buying):
    desk = Client(shop).sign_in("owner", "till@example.com")
    given = {n: getattr(shop.settings, n) for n in ("name", "zone", "currency", "language", "public_url", "seller")}
    assert desk.post("/console/settings", {**given, "bank": "Tea <Co>\nIBAN DE89 3704"}).status_code == 303
    buying.post("/cart/add", data={"sku": "mug"})
    pay = ordered(buying, payment="bank_transfer").headers["location"].removesuffix("/go")
    link = re.search(r'href="(/order/[^"]+)"', buying.get("/orders").text)[1]
    for page in (pay, f"{link}/invoice"):
        assert "Tea &lt;Co&gt;<br>IBAN DE89 3704" in buying.get(page).text
    assert buying.get(f"{link}/invoice.pdf").content.startswith(b"%PDF-")
    assert desk.post(f"/console{pay.replace('/pay/', '/payments/')}/confirm", {"reference": "T1"}).status_code == 303
    assert "IBAN" not in buying.get(f"{link}/invoice").text
