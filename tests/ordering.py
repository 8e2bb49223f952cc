"""A process that starts children which trade until they are killed: python tests/ordering.py (commands on stdin).

``start URL LIFE PORT``: a whole shop, served; shoppers order, pay through the sandbox (its notices come over HTTP) and
give up; clerks send, cancel and refund. Each request is said before it is made (?) and its answer after (!), as
crashing.py does. ``ask`` makes one request; made again it is the same request and gets the first answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from typing import Any

import httpx
import uvicorn

import fairday
from couponing import open_batch
from crashing import say
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict, FairdayError
from fairday.kernel.ids import digest
from fairday.offers.coupons import Terms
from fairday.offers.model import AmountOff, Rule, When
from fairday.trade import cart as carts
from fairday.trade.checkout import Buyer, Choice, Placed
from fairday.trade.records import Contact, keep_parcel
from fairday.web.app import create

CALLERS = 4
WHO = Contact(name="Eva Li", phone="+8613800138000", city="上海", street="南京路 1", language="zh")
STORIES = ("place", "place cancel", "place pay ship", "place pay ship refund", "place pay cancel",
           "place pay unsent ship", "place pay ship refund")  # fmt: skip
FILLED = {"mug": 100_000, "tea": 100_000}
WORD = "SPRING20"


def fill(shop: fairday.Shop) -> None:
    """Goods, stock, an offer and a coupon for everybody."""
    now = shop.clock.now()
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="mug", title="Mug", price=4567, currency="CNY"),
                             ProductRow(product="tea", title="Tea", price=9990, currency="CNY")], now)  # fmt: skip
        off = Rule(id="ten-off", title={"en": "Ten off"}, layer="coupon", benefits=(AmountOff(amount=1_001),),
                   when=When(coupon=True))  # fmt: skip
        shop.offers.save(conn, off, now)
    for sku, units in FILLED.items():
        shop.stock.count(sku, "main", units)
    open_batch(shop, "spring", Terms(title="Spring", kind="public", deck=(("ten-off", 1),), size=1_000_000, opens=now,
                                      closes=now + 99 * DAY_MS, until=now + 99 * DAY_MS, word=WORD))  # fmt: skip
    shop.change_settings(taxes={"CN": {"rates": {"standard": "13"}}})


def ask(shop: fairday.Shop, asked: dict[str, Any]) -> str:
    """Make a request; a digest of what was answered."""
    name, order = asked["do"], asked["order"]
    if name == "place":
        return digest(*_place(shop, asked))
    if name == "pay":
        return _pay(shop, asked)
    if name == "ship":
        with shop.db.write() as conn:
            keep_parcel(conn, asked["key"], order.partition(":")[2], "sf", "SF1", shop.clock.now())
    told = {
        "cancel": ("order.cancel", {"why": "changed_mind"}),
        "ship": ("order.ship", {"parcel": asked["key"]}),
        "refund": ("order.refund", {"units": {"1": 1}, "extra": 7, "why": "damaged"}),
        "unsent": ("order.refund", {"unshipped": {"1": 1}, "why": "other"}),
    }[name]
    answer = shop.orders.act(*told[:1], order, told[1], actor="clerk", key=asked["key"])
    assert answer.ok, (asked, answer.refusal)
    return digest(json.dumps(answer.events, default=str))


def _place(shop: fairday.Shop, asked: dict[str, Any]) -> tuple[str, str]:
    account = asked["account"]
    with shop.db.read() as conn:
        row = conn.exec_driver_sql(f"SELECT order_id FROM carts WHERE cart = '{asked['cart']}'").one()
        cart = carts.Cart(cart=asked["cart"], order=f"order:{row[0]}", lines=carts._lines(conn, asked["cart"]))
    buyer, choice = Buyer(account=account), Choice(payment="wechat", country="CN")
    seen = "" if shop.orders.state(cart.order) else shop.checkout.quote(cart, choice, buyer).seen
    placed = shop.checkout.place(cart, choice, WHO, buyer, seen, actor="shopper")
    assert isinstance(placed, Placed), placed
    return placed.order, str(placed.total)


def _pay(shop: fairday.Shop, asked: dict[str, Any]) -> str:
    number, state = asked["key"], shop.payments.state(asked["key"])
    if state is None or state["status"] != "succeeded":
        order = shop.orders.state(asked["order"])
        assert order is not None
        with contextlib.suppress(FairdayError):  # paid at the provider, and killed before the shop heard of it
            shop.payments.begin(asked["order"], "wechat", "h5", order["total"], "CNY", subject="Tea", actor="shopper",
                                number=number)  # fmt: skip
        trade = shop.payments.sandbox.find("wechat", number)
        assert trade is not None
        with contextlib.suppress(Conflict):
            shop.payments.sandbox.act(trade["token"], "pay", shop.payments.wechat_side.told)
        shop.payments.sandbox.deliver_due()
        state = shop.payments.ask(number)
    return str(state["status"])


def trade_until_killed(url: str, life: int, port: int) -> None:
    shop = fairday.open(url)
    server = uvicorn.Server(uvicorn.Config(create(shop), host="127.0.0.1", port=port, log_level="critical"))
    threading.Thread(target=server.run, daemon=True).start()

    def by_itself() -> None:
        while True:  # refunds go out and come through, deadlines fire
            with contextlib.suppress(httpx.HTTPError):
                shop.payments.tick()
            shop.fire_due()
            time.sleep(0.05)

    def request(**asked: Any) -> None:
        text = json.dumps(asked)
        say(f"?{text}")
        say(f"!{text}|{ask(shop, asked)}")

    def caller(me: int) -> None:
        n = 0
        while True:
            name = f"{life}.{me}.{n}"
            story = STORIES[(me + n) % len(STORIES)].split()
            n += 1
            account = f"account:{name}"
            shop.runner.submit(Command("open", account))
            if n % 2:
                shop.coupons.enter(WORD, account)
            with shop.db.write() as conn:
                cart = carts.new_cart(conn, account, shop.clock.now())
                cart = carts.add_line(conn, cart, "mug", "mug", 3, {}, shop.clock.now())
                cart = carts.add_line(conn, cart, "tea", "tea", 1, {}, shop.clock.now())
            for step in story:
                key = digest(name, step)[:20]
                request(do=step, order=cart.order, cart=cart.cart, account=account, key=key)

    while not server.started:
        time.sleep(0.01)
    threading.Thread(target=by_itself, daemon=True).start()
    callers = [threading.Thread(target=caller, args=(me,), daemon=True) for me in range(CALLERS)]
    for one in callers:
        one.start()
    for one in callers:
        one.join()


def main() -> None:
    for text in sys.stdin:
        _, url, life, port = text.split()
        child = os.fork()
        if child == 0:
            trade_until_killed(url, int(life), int(port))
            os._exit(1)
        say(f"@{child}")
        os.waitpid(child, 0)
        say("#")


if __name__ == "__main__":
    main()
