"""Offers in the cart, through the shop's own pages: applied, written down, given back, never given too often."""

from __future__ import annotations

import base64
import html
import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

import fairday
from couponing import open_batch, terms
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.price_records import save_list, set_prices
from fairday.goods.prices import ListPrice, PriceList
from fairday.offers.model import AmountOff, Gift, Limits, Need, PercentOff, Rule, When
from fairday.people import audiences
from fairday.storage.log import Happening
from fairday.storage.runner import stream_state
from fairday.trade.cart import add_line, new_cart
from fairday.trade.checkout import Buyer, Choice, Placed
from fairday.trade.given import given_by
from fairday.trade.records import Contact
from fairday.web.signing import secret_of, sign
from trading import pay, register
from webdesk import Client

ADDRESS = {"name": "Li Wei", "phone": "13800138000", "country": "CN", "region": "上海市", "city": "上海市",
           "street": "南京路 1 号", "email": "wei@example.com"}  # fmt: skip
EVE = Contact(name="Eva Li", phone="+8613800138000", city="上海", street="南京路 1")
SAVE = Rule(
    id="spend-200", title={"zh": "满200减30", "en": "¥30 off ¥200", "es": "¥30 menos desde ¥200"}, layer="order",
    benefits=(AmountOff(amount=3_000),), when=When(needs=(Need(spend=20_000),)), limits=Limits(amount=10_000),
)  # fmt: skip
COUPON = Rule(
    id="ten-off", title={"en": "Ten off"}, layer="coupon", benefits=(AmountOff(amount=1_001),), when=When(coupon=True)
)  # fmt: skip


@pytest.fixture
def selling(shop: fairday.Shop) -> fairday.Shop:
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="mug", title="Mug", price=4567, currency="CNY"),
                             ProductRow(product="tea", title="Tea", price=9990, currency="CNY")], 1)  # fmt: skip
    register(shop)
    return shop


def publish(shop: fairday.Shop, *rules: Rule) -> None:
    with shop.db.write() as conn:
        for rule in rules:
            shop.offers.save(conn, rule, shop.clock.now())


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return html.unescape(found[1])


def ordered(web: Client):
    page = web.get("/checkout", params={"lang": "en"}).text
    return web.post("/checkout", data={**ADDRESS, "seen": hidden(page, "seen"), "cart": hidden(page, "cart"),
                                       "go": "order", "payment": "bank_transfer"})  # fmt: skip


def member(shop: fairday.Shop, address: str = "wei@example.com") -> tuple[Client, str]:
    """A browser whose shopper has signed in, and their account."""
    told = Happening(message_id=address, kind="identify", at=1, received=1, source="server:till",
                     ids=(("email", address),))  # fmt: skip
    shop.append([told]).result()
    shop.catch_up()
    web = Client(shop)
    token = sign(secret_of(shop), f"confirm|abcdef|{address}", shop.clock.now() + 60_000)
    assert web.post(f"/me/confirm/{token}").status_code == 303
    signed = web.cookies["fairday_member"].split(".")[0]
    return web, base64.urlsafe_b64decode(signed + "=" * (-len(signed) % 4)).decode().split("|")[2]


def counter(shop: fairday.Shop, stream: str) -> dict[str, int]:
    with shop.db.read() as conn:
        found = stream_state(conn, stream)
    return {"amount": 0, "uses": 0} if found is None else dict(found[1])


def test_a_spend_and_save_and_a_coupon_are_seen_written_down_and_given_back_to_the_cent(selling):
    publish(selling, SAVE, COUPON)
    web, account = member(selling)
    open_batch(selling, "spring", terms(selling.clock.now()))
    selling.coupons.give("spring", account)
    web.post("/cart/add", data={"sku": "mug", "qty": "3"})
    page = web.get("/cart?lang=en").text
    assert "¥10.01" in page
    assert "¥30 off ¥200" not in re.sub(r"<[^>]+>", " ", page).split("Ten off")[0], "not reached yet"
    web.post("/cart/add", data={"sku": "tea", "qty": "1"})
    page = web.get("/cart?lang=en").text
    assert "¥30.00" in page
    assert "Ten off" in page
    assert ordered(web).status_code == 303
    with selling.db.read() as conn:
        order = "order:" + conn.exec_driver_sql("SELECT id FROM orders").scalar()
    state = selling.orders.state(order)
    total = 3 * 4567 + 9990 - 3_000 - 1_001
    assert state["total"] == total
    shares = Counter({rule: 0 for rule in ("spend-200", "ten-off")})
    for line in state["lines"].values():
        for rule, amount in line["discounts"]:
            shares[rule] += amount
    assert shares == {"spend-200": 3_000, "ten-off": 1_001}
    assert counter(selling, "budget:spend-200") == {"amount": 3_000, "uses": 1}
    assert pay(selling, order, total).ok
    back = 0
    for line, units in (("1", 1), ("2", 1), ("1", 1), ("1", 1)):
        done = selling.orders.act("order.refund", order, {"unshipped": {line: units}}, actor="till")
        assert done.ok, done.refusal
        after = selling.orders.state(order)["refunded"]
        assert after > back
        back = after
        selling.catch_up()
        with selling.db.read() as conn:
            gave = given_by(conn, ["spend-200", "ten-off"])
        assert [gave[r].amount for r in ("spend-200", "ten-off")] == [3_000, 1_001]
    assert back == total, "what was paid, and not a cent more"
    assert {r: (g.orders, g.kept) for r, g in gave.items()} == {"spend-200": (1, 0), "ten-off": (1, 0)}
    assert counter(selling, "budget:spend-200") == {"amount": 0, "uses": 0}


def test_a_cancel_after_a_part_was_refunded_gives_back_only_what_is_left(selling):
    publish(selling, SAVE)
    web, _ = member(selling)
    web.post("/cart/add", data={"sku": "tea", "qty": "3"})
    ordered(web)
    with selling.db.read() as conn:
        order = "order:" + conn.exec_driver_sql("SELECT id FROM orders").scalar()
    assert pay(selling, order, selling.orders.state(order)["total"]).ok
    assert selling.orders.act("order.refund", order, {"extra": 777, "why": "goodwill"}, actor="till").ok
    assert 0 < counter(selling, "budget:spend-200")["amount"] < 3_000
    assert selling.orders.act("order.cancel", order, {"why": "changed_mind"}, actor="till").ok
    assert counter(selling, "budget:spend-200") == {"amount": 0, "uses": 0}
    selling.catch_up()
    with selling.db.read() as conn:
        assert given_by(conn, ["spend-200"]) == {}, "an order that was cancelled gives nothing"


def picked(shop, account=None):
    with shop.db.write() as conn:
        return add_line(conn, new_cart(conn, account, 1), "tea", "tea", 3, {}, 1)


def test_a_budget_of_so_many_uses_is_never_passed_by_buyers_at_once(selling):
    limited = Rule(id="first-7", benefits=(PercentOff(percent=Decimal(50)),), limits=Limits(uses=7))
    publish(selling, limited)
    carts = [picked(selling) for _ in range(24)]
    gate = threading.Barrier(len(carts))

    def buy(cart):
        seen = selling.checkout.quote(cart, Choice(), Buyer()).seen
        gate.wait()
        placed = selling.checkout.place(cart, Choice(), EVE, Buyer(), seen, actor="guest")
        return "half" if isinstance(placed, Placed) else placed.why

    with ThreadPoolExecutor(len(carts)) as pool:
        answers = Counter(pool.map(buy, carts))
    assert answers["half"] == 7, answers
    assert answers.keys() <= {"half", "budget_used_up", "changed"}
    assert counter(selling, "budget:first-7")["uses"] == 7
    quote = selling.checkout.quote(picked(selling), Choice(), Buyer())
    assert quote.saved == 0
    assert [(t.rule, t.code, t.values["by"]) for t in quote.priced.refused] == [("first-7", "barred", "uses")]


def test_a_budget_with_too_little_left_for_a_cart_gives_it_nothing_and_the_order_can_be_placed(selling):
    publish(selling, SAVE)
    for _ in range(3):
        cart = picked(selling)
        quote = selling.checkout.quote(cart, Choice(), Buyer())
        assert quote.saved == 3_000
        assert isinstance(selling.checkout.place(cart, Choice(), EVE, Buyer(), quote.seen, actor="g"), Placed)
    cart = picked(selling)
    quote = selling.checkout.quote(cart, Choice(), Buyer())
    assert quote.saved == 0, "10.00 of the budget are left, and 30.00 asked"
    assert isinstance(selling.checkout.place(cart, Choice(), EVE, Buyer(), quote.seen, actor="g"), Placed)


def test_the_first_order_is_one_of_a_member_and_never_a_guests(selling):
    publish(selling, Rule(id="welcome", benefits=(AmountOff(amount=500),), when=When(first_order=True)))
    _, account = member(selling)
    assert selling.checkout.quote(picked(selling), Choice(), Buyer()).saved == 0
    me = Buyer(account=account)
    cart, other = picked(selling, account), picked(selling, account)
    seen = selling.checkout.quote(cart, Choice(), me).seen
    assert selling.checkout.quote(other, Choice(), me).seen == seen
    assert isinstance(selling.checkout.place(cart, Choice(), EVE, me, seen, actor="m"), Placed)
    assert selling.checkout.quote(other, Choice(), me).saved == 0
    assert selling.orders.act("order.cancel", cart.order, {}, actor="m").ok
    assert selling.checkout.quote(other, Choice(), me).saved == 500


def test_what_each_person_may_use_so_often_is_for_members_and_counted_for_each(selling):
    publish(selling, Rule(id="once", benefits=(AmountOff(amount=500),), limits=Limits(person_uses=1)))
    _, account = member(selling)
    assert selling.checkout.quote(picked(selling), Choice(), Buyer()).saved == 0
    for saved in (500, 0):
        cart = picked(selling, account)
        quote = selling.checkout.quote(cart, Choice(), Buyer(account=account))
        assert quote.saved == saved
        placed = selling.checkout.place(cart, Choice(), EVE, Buyer(account=account), quote.seen, actor="m")
        assert isinstance(placed, Placed)


def test_the_cart_says_what_is_missing_and_why_others_do_not_apply_but_never_who_is_held_out(selling):
    less = Rule(id="less", title={"en": "One off"}, benefits=(AmountOff(amount=100),), group="g")
    more = Rule(id="more", title={"en": "Two off"}, benefits=(AmountOff(amount=200),), group="g")
    hidden_ = Rule(
        id="others", title={"en": "For others"}, benefits=(AmountOff(amount=100),), when=When(who="age > 60")
    )
    publish(selling, SAVE, less, more, hidden_)
    web = Client(selling)
    web.post("/cart/add", data={"sku": "mug", "qty": "4"})
    page = web.get("/cart?lang=en")
    text = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", page.text)))
    assert "CN¥17.32 more for CN¥30.00 off" in text
    assert "One off · Does not add up with “Two off”, which saves more" in text
    assert "For others" not in text
    assert len(page.content) < 30_000


def test_a_price_for_a_crowd_is_what_its_people_are_charged(selling):
    """Their goods' page says it, so their cart does; another's does not."""
    web, _ = member(selling)
    with selling.db.write() as conn:
        audiences.save(conn, "friends", "not (orders(90d) >= 1)", selling.settings, 1)
        save_list(conn, PriceList(list="friends", title="Friends", currency="CNY", crowd="friends"), 1)
        set_prices(conn, "friends", [ListPrice("friends", "mug", 1, 4_000)], 1)
    selling.catch_up()
    for browser, price in ((web, "40.00"), (Client(selling), "45.67")):
        assert price in browser.get("/goods/mug?lang=en").text
        browser.post("/cart/add", data={"sku": "mug", "qty": "1"})
        assert price in browser.get("/cart?lang=en").text
    assert ordered(web).status_code == 303
    with selling.db.read() as conn:
        assert conn.exec_driver_sql("SELECT total FROM orders").scalar() == 4_000


def test_a_gift_that_has_run_out_is_told_in_the_cart_and_in_the_checkout(selling):
    with selling.db.write() as conn:
        save_products(conn, [ProductRow(product="tin", title="Tin", price=990, currency="CNY")], 1)
    selling.stock.count("tin", "main", 1)
    publish(selling, Rule(id="tin", benefits=(Gift(sku="tin"),), when=When(needs=(Need(spend=4_000),)), layer="order"))
    web = Client(selling)
    web.post("/cart/add", data={"sku": "mug", "qty": "1"})
    assert "has run out" not in web.get("/cart?lang=en").text
    page = web.get("/checkout", params={"lang": "en"}).text
    selling.stock.count("tin", "main", 0)
    moved = web.post("/checkout", data={**ADDRESS, "seen": hidden(page, "seen"), "cart": hidden(page, "cart"),
                                        "go": "order", "payment": "bank_transfer"})  # fmt: skip
    assert moved.status_code == 409
    assert "<td data-raw>Gift</td>" in moved.text
    for page in (moved.text, web.get("/cart?lang=en").text):
        assert "The gift “Tin” has run out" in html.unescape(page)
    assert ordered(web).status_code == 303
