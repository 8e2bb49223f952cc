"""What attackers try through HTTP at a shop that is really served: codes, prices, orders, wallets, refunds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

import fairday
from couponing import open_batch, terms
from fairday.goods.catalogue import ProductRow, save_products
from fairday.storage.ledger import balance
from fairday.trade import order as rules
from fairday.web.signing import secret_of, sign
from paying import ready, served
from shopping import ADDRESS, Shopper, hidden
from webdesk import Client


@pytest.fixture
def base(shop: fairday.Shop) -> Iterator[str]:
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="mug", title="Mug", price=4500, currency="CNY"),
                             ProductRow(product="tea", title="Tea", price=1990, currency="CNY")], 1)  # fmt: skip
    shop.stock.count("mug", "main", 3)
    with served(ready(shop)) as address:
        yield address


def numbers(shop: fairday.Shop) -> list[str]:
    with shop.db.read() as conn:
        return [row[0] for row in conn.exec_driver_sql("SELECT id FROM orders ORDER BY placed_at, id")]


def test_guessed_codes_are_throttled_by_address_whoever_asks_and_none_is_found(base: str, shop: fairday.Shop) -> None:
    open_batch(shop, "spring", terms(shop.clock.now(), kind="codes", size=50))
    shop.coupons.print_codes("spring", 50)
    answers = []
    for n in range(12):  # a fresh device each time does not help
        guesser = Shopper(shop, base)
        for m in range(3):
            answers.append(guesser.post("/wallet", {"code": f"GUESS{n:02}{m}", "remember": "yes"}).status_code)
    assert set(answers) <= {404, 422, 429}, set(answers)
    assert answers[-6:] == [429] * 6
    assert shop.coupons.batch("spring").given == 0


def test_a_form_tampered_with_sells_at_the_shops_price_or_not_at_all(base: str, shop: fairday.Shop) -> None:
    thief = Shopper(shop, base).add("mug", 2)
    page = thief.get("/checkout").text
    form = {**ADDRESS, "cart": hidden(page, "cart"), "go": "order", "payment": "wechat"}
    for seen in ('{"lines":{"1":["mug",2,1]},"shipping":0,"total":1}', "", "{}", "[" * 5000, "null", '{"lines":5}',
                 '{"lines":{"1":["mug",2,1e999]},"shipping":null,"total":-9000}'):  # fmt: skip
        assert thief.post("/checkout", {**form, "seen": seen}).status_code == 409
    seen = hidden(page, "seen")
    more = {"total": "1", "amount": "1", "currency": "JPY", "mode": "b2b", "account": "account:1", "qty": "-1",
            "price": "0", "discount": "9000", "coupon": "x", "choose": "coupons", "use": "coupon:1,../x,"}  # fmt: skip
    assert thief.post("/checkout", {**form, "seen": seen, **more}).status_code == 303
    (number,) = numbers(shop)
    state = shop.orders.state(f"order:{number}")
    assert state is not None
    assert (state["total"], state["currency"], state["mode"], state["account"]) == (9000, "CNY", "b2c", None)


@pytest.mark.parametrize("qty", ["-1", "-99999999999999999999", "0", "1000", "99999999999", "1e3", "0x10", "१", "1;2",
                                 "9" * 300, "1\0", "nan"])  # fmt: skip
def test_quantities_that_no_cart_holds_are_refused(base: str, shop: fairday.Shop, qty: str) -> None:
    thief = Shopper(shop, base)
    assert thief.post("/cart/add", {"sku": "tea", "qty": qty}).status_code == 422
    thief.add("tea")
    if qty != "0":  # which takes the line out
        assert thief.post("/cart/1", {"qty": qty}).status_code == 422
    for line in ("99", "-1", "9" * 40, "x"):
        assert thief.post(f"/cart/{line}", {"qty": "1"}).status_code in (404, 422)
    assert "¥19.90" in thief.get("/cart").text


def test_somebody_elses_order_is_found_by_no_cookie_link_or_guess(base: str, shop: fairday.Shop) -> None:
    owner = Shopper(shop, base).sign_in("wei@example.com").add("tea")
    payment = owner.buy()
    link, (number,) = owner.order(), numbers(shop)
    thief = Shopper(shop, base).sign_in("thief@example.com")
    assert "/order/" not in thief.get("/orders").text
    for cookie, value in (
        ("fairday_orders", f"orders|{number}"), ("fairday_orders", number),
        ("fairday_member", shop.orders.state(f"order:{number}")["account"]),  # type: ignore[index]
        # What the shop signed for one purpose is good for no other.
        ("fairday_orders", link.removeprefix("/order/")), ("fairday_member", link.removeprefix("/order/")),
        ("fairday_member", thief.web.cookies["fairday_visitor"]), ("fairday_orders", thief.web.cookies["fairday_own"]),
    ):  # fmt: skip
        for other in (Shopper(shop, base), thief):
            before = dict(other.web.cookies)
            other.web.cookies = httpx.Cookies({**before, cookie: value})
            assert "/order/" not in other.get("/orders").text, (cookie, value)
            other.web.cookies = httpx.Cookies(before)
    for name in ("fairday_visitor", "fairday_own", "fairday_member"):
        assert thief.get(f"/order/{thief.web.cookies[name]}").status_code == 404
        assert thief.post(f"/order/{thief.web.cookies[name]}/cancel").status_code == 404
    old = sign(secret_of(shop), f"order|{number}", shop.clock.now() - 1)
    assert thief.get(f"/order/{old}").status_code == 404, "its time is over"
    page = thief.get(f"/pay/{payment}").text  # a payment's number shows its amount and state, and nothing of anybody
    assert not any(word in page for word in ("Li Wei", "13800138000", "wei@example.com", "南京路"))


def test_somebody_elses_coupon_and_pack_serve_nobody_else(base: str, shop: fairday.Shop) -> None:
    open_batch(shop, "spring", terms(shop.clock.now()))
    owner = Shopper(shop, base).sign_in("wei@example.com")
    assert "/wallet?got=" in owner.post("/wallet", {"code": "SPRING20"}).headers["location"]
    with shop.db.read() as conn:
        ((claim, account),) = conn.exec_driver_sql("SELECT claim, account FROM coupon_claims").all()
    thief = Shopper(shop, base).sign_in("thief@example.com")
    assert "Spring tea" not in thief.get("/wallet").text
    thief.add("tea")
    assert thief.checkout(choose="coupons", use=claim).status_code == 303
    (number,) = numbers(shop)
    state = shop.orders.state(f"order:{number}")
    assert state is not None
    assert state["total"] == 1990
    assert not [h for h in state["holds"] if h[0] == "coupon"]
    assert [(h.claim, h.status) for h in shop.coupons.wallet(account)] == [(claim, "claimed")]
    open_batch(shop, "packs", terms(shop.clock.now(), kind="share", size=100, deck=(("five-off", 2),), labels=("¥5",)))
    assert thief.post(f"/share/{thief.order().removeprefix('/order/')}").status_code == 404, "nothing was paid"
    assert thief.post("/share/x").status_code == 404


def test_one_coupon_and_the_last_goods_in_many_checkouts_at_once_serve_once(base: str, shop: fairday.Shop) -> None:
    rivals = [Shopper(shop, base).add("mug", 2) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda r: r.checkout().status_code, rivals))
    assert sorted(answers) == [303, 409, 409, 409]
    with shop.db.read() as conn:
        assert shop.stock.available(conn, ["mug"])["mug"].available == 1


def test_one_cart_checked_out_by_many_at_once_is_one_order_and_one_payment(base: str, shop: fairday.Shop) -> None:
    buyer = Shopper(shop, base).add("tea")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda form: buyer.post("/checkout", form), [buyer.form()] * 6))
    assert {a.status_code for a in answers} == {303}
    (number,) = numbers(shop)
    for payment in {re.search(r"/pay/(\w+)", a.headers["location"])[1]  # type: ignore[index]
                    for a in answers if "/pay/" in a.headers["location"]}:  # fmt: skip
        state = shop.payments.state(payment)
        assert state is not None
        if state["status"] == "pending":
            buyer.pay(payment, "double")
    settle(shop)
    state = shop.orders.state(f"order:{number}")
    assert state is not None
    assert rules.status(state) == "paid"
    with shop.db.read() as conn:
        assert balance(conn, "sales", "CNY") == 1990
        assert balance(conn, "receivable:wechat", "CNY") == -1990


def settle(shop: fairday.Shop) -> None:
    for _ in range(3):
        shop.payments.tick()
        shop.clock.move(20_000)  # type: ignore[attr-defined]
    shop.payments.tick()


def test_refunds_raced_give_back_once_and_never_more_than_came(base: str, shop: fairday.Shop) -> None:
    buyer = Shopper(shop, base).add("mug", 2)
    buyer.pay(buyer.buy())
    (number,) = numbers(shop)
    desks = [Client(shop).sign_in("owner", f"desk{n}@example.com") for n in range(4)]
    for desk in desks:
        desk.get(f"/console/orders/{number}")
    asked = {"unshipped.1": "2", "why": "late", "sure": "yes", "most": "9000"}

    def refund(n: int) -> int:
        return desks[n].post(f"/console/orders/{number}/refund", {**asked, "key": f"key-{n}"}).status_code

    with ThreadPoolExecutor(5) as pool:
        cancelled = pool.submit(lambda: buyer.post(f"{buyer.order()}/cancel").status_code)
        answers = [*pool.map(refund, range(4)), cancelled.result()]
    assert answers[:4].count(303) <= 1, answers  # what is refunded whole may still be cancelled, for nothing more
    settle(shop)
    state = shop.orders.state(f"order:{number}")
    assert state is not None
    assert state["refunded"] == 9000
    with shop.db.read() as conn:
        assert [balance(conn, a, "CNY") for a in ("sales", "receivable:wechat", f"order:{number}")] == [0, 0, 0]
        assert shop.stock.available(conn, ["mug"])["mug"].available == 3


def test_other_sites_and_huge_forms_move_nothing(base: str, shop: fairday.Shop) -> None:
    buyer = Shopper(shop, base).add("tea")
    evil = {"origin": "http://evil.example"}
    for path in ("/cart/add", "/cart/1", "/checkout", "/wallet", "/sign-out", "/p/x", "/share/x"):
        assert buyer.post(path, {"sku": "tea"}, headers=evil).status_code == 403, path
        assert buyer.post(path, {f"f{n}": "x" for n in range(200)}).status_code in (400, 413, 422), path
        assert buyer.post(path, {"sku": "x" * 900_000}).status_code in (400, 413, 422, 404), path
    assert numbers(shop) == []
    assert "¥19.90" in buyer.get("/cart").text
