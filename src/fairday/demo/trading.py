"""Simulated shoppers buy through a shop's real pages: the scene, the cart, the checkout, both wallets of the sandbox.

Nobody real buys and no money moves. Every step is a request to the shop as it is served, so what the ledger and the
report hold afterwards came through the very doors that shoppers use. The wallets take yuan, so this shop sells in yuan.
"""

from __future__ import annotations

import html
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
import uvicorn
from sqlalchemy import select

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import ManualClock
from fairday.kernel.errors import FairdayError
from fairday.playbooks import playbook
from fairday.serving import free_port
from fairday.storage.ledger import balance
from fairday.trade.records import orders
from fairday.web.app import create

SCENE = "b2c-first-order"
ZONE = "Asia/Shanghai"
GOODS = (
    ("oolong", "Oolong tea · 乌龙茶", "Tea", 6800), ("jasmine", "Jasmine tea · 茉莉花茶", "Tea", 4500),
    ("puer", "Aged pu'er · 陈年普洱", "Tea", 12800), ("cup", "Celadon cup · 青瓷杯", "Cups", 3990),
    ("pot", "Clay teapot · 紫砂壶", "Pots", 25900), ("crackers", "Sesame crackers · 芝麻薄脆", "Snacks", 1250),
)  # fmt: skip
"""Article, title, category, price in fen."""

ON_HAND = 60
"""Units of each article in the one stock."""
LEAVE, REGRET = 0.1, 0.08
"""The shares of orders that are never paid, and that are cancelled after they were paid."""
HOW = ("pay", "pay", "pay", "double", "delay", "lose")
"""How payments go on the sandbox's page: as they should, told twice, told late, never told."""
A_WHILE_MS = 20_000
"""Between two shoppers."""
_PHONE = "Mozilla/5.0 (iPhone) Mobile (simulated shopper)"


class Traded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; amounts in fen.

    Attributes:
        placed, unpaid, cancelled, refused: orders; refused ones found too few left.
        paid, refunded: by the orders themselves.
        wallets: what each provider owes the shop, by the ledger.
        sales: what the ledger holds as sold.
        reported: revenue by the report's own page of figures.
        met: people whom the scene met.
    """

    placed: int
    unpaid: int
    cancelled: int
    refused: int
    paid: int
    refunded: int
    wallets: dict[str, int]
    sales: int
    reported: int
    met: int

    def check(self) -> None:
        """Hold orders, ledger and report against each other.

        Raises:
            FairdayError: they differ, by however little.
        """
        told = {self.paid - self.refunded, sum(self.wallets.values()), self.sales, self.reported}
        if len(told) != 1:
            raise FairdayError(f"Orders, wallets, ledger and report differ: {self}", code="sums_differ")


def trade(path: Path, moment: int, shoppers: int, port: int = 0, seed: int = 3) -> Traded:
    """Open a shop at ``path`` and let simulated shoppers buy in it at an instant (ms).

    Raises:
        FairdayError: the sums differ.
    """
    rng, clock = random.Random(seed), ManualClock(moment)
    with fairday.open(
        str(path), clock=clock, name="Fairday Tea", zone=ZONE, currency="CNY", language="zh", country="CN"
    ) as shop:
        with shop.db.write() as conn:
            rows = [ProductRow(product=p, title=t, category=c, price=n, currency="CNY") for p, t, c, n in GOODS]
            save_products(conn, rows, moment)
        for product, *_ in GOODS:
            shop.stock.count(product, "main", ON_HAND)
        shop.save_scene(_scene(moment), file=f"{SCENE}.yaml")
        shop.move_scene("start", SCENE)
        with _served(shop, free_port("127.0.0.1", port, lambda _: None)) as base:
            refused = 0
            for n in range(shoppers):
                refused += not _visit(shop, base, rng, n)
                clock.move(A_WHILE_MS)
                shop.payments.tick()  # what a shop that is served does by itself: asks for notices that did not come
            for _ in range(3):
                shop.payments.tick()
                clock.move(A_WHILE_MS)
            clock.move(45 * 60_000)  # who has not paid by now never will
            shop.payments.tick()
            shop.fire_due()
            shop.payments.tick()
        shop.catch_up()
        shop.catch_up()
        found = _sums(shop, refused)
    found.check()
    return found


def _scene(moment: int) -> str:
    from fairday.kernel.clock import local_day, to_date

    first = local_day(moment, ZONE)
    dates = f"{to_date(first)}..{to_date(first + 27)}"
    text = re.sub(r'dates: "[^"]+"', f'dates: "{dates}"', playbook(SCENE))
    return re.sub(r'goods: "[^"]+"', 'goods: "true"', text)


@contextmanager
def _served(shop: fairday.Shop, port: int) -> Iterator[str]:
    base = f"http://127.0.0.1:{port}"
    shop.change_settings(public_url=base)
    server = uvicorn.Server(uvicorn.Config(create(shop), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    try:
        yield base
    finally:
        server.should_exit = True
        thread.join()


def _visit(shop: fairday.Shop, base: str, rng: random.Random, n: int) -> bool:
    """One shopper's visit; whether an order was placed."""
    with httpx.Client(base_url=base, headers={"user-agent": _PHONE, "accept-language": "zh"}, timeout=30) as web:
        _post(web, "/consent", {"answer": "yes"})
        web.get("/")
        for product, *_ in rng.sample(GOODS, rng.choice((1, 1, 2, 3))):
            _post(web, "/cart/add", {"sku": product, "qty": str(rng.choice((1, 1, 1, 2)))})
        page = web.get("/checkout").text
        form = {
            "name": f"模拟顾客 {n + 1}", "phone": f"138{n:08}", "country": "CN", "region": "上海市", "city": "上海市",
            "street": f"模拟路 {n + 1} 号", "seen": _hidden(page, "seen"), "cart": _hidden(page, "cart"),
            "way": "ship", "go": "order", "payment": rng.choice(("wechat", "alipay")),
        }  # fmt: skip
        placed = web.post("/checkout", data=form)
        number = re.search(r"/pay/(\w+)/go", placed.headers.get("location", ""))
        if number is None:
            return False
        luck = rng.random()
        if luck >= LEAVE:
            _pay(web, base, number[1], rng.choice(HOW))
            shop.payments.sandbox.deliver_due()
            if luck < LEAVE + REGRET:
                order = re.search(r'href="(/order/[^"]+)"', web.get("/orders").text)
                assert order is not None
                _post(web, f"{order[1]}/cancel", {"why": "changed_mind"})
        return True


def _hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return html.unescape(found[1]) if found else ""


def _pay(web: httpx.Client, base: str, number: str, how: str) -> None:
    page = f"/pay/{number}/go"
    while not page.startswith("/sandbox/pay/"):  # the shop sends on to the provider, which sends on to its page
        page = web.get(page).headers["location"].removeprefix(base)
    _post(web, page.partition("?")[0], {"how": how})


def _post(web: httpx.Client, path: str, form: dict[str, str]) -> None:
    """Send a form that the shop must take.

    Raises:
        FairdayError: it did not.
    """
    answer = web.post(path, data=form)
    if answer.status_code != 303:
        raise FairdayError(f"The shop answered {answer.status_code} to {path}.", code="demo_refused", where=path)


def _sums(shop: fairday.Shop, refused: int) -> Traded:
    with shop.db.read() as conn:
        numbers = list(conn.execute(select(orders.c.id)).scalars())
        wallets = {w: -balance(conn, f"receivable:{w}", "CNY") for w in ("wechat", "alipay")}
        sales = balance(conn, "sales", "CNY") + balance(conn, "sales:shipping", "CNY")
    states = [s for number in numbers if (s := shop.orders.state(f"order:{number}")) is not None]
    paid = [s for s in states if s["payments"]]
    report = shop.report()
    return Traded(
        placed=len(states), unpaid=len(states) - len(paid), refused=refused,
        cancelled=sum(s["refunded"] > 0 for s in paid), paid=sum(s["total"] for s in paid),
        refunded=sum(s["refunded"] for s in paid), wallets=wallets, sales=sales,
        reported=report.figures.of("revenue").now,
        met=next((s.shown for s in report.scenes if s.scene == SCENE), 0),
    )  # fmt: skip


def told(found: Traded, say: Callable[[str], None]) -> None:
    """Say it in a few lines."""

    def yuan(fen: int) -> str:
        return f"¥{fen / 100:,.2f}"

    say(
        f"  {found.placed} orders by SIMULATED shoppers, {found.unpaid} never paid, {found.cancelled} paid back,"
        f" {found.refused} came too late for the stock; the scene met {found.met} people"
    )
    say(f"  orders {yuan(found.paid)} − {yuan(found.refunded)} = {yuan(found.paid - found.refunded)}")
    parts = " + ".join(f"{w} {yuan(n)}" for w, n in found.wallets.items())
    say(f"  wallets {parts} = ledger {yuan(found.sales)} = report {yuan(found.reported)}, to the cent")
