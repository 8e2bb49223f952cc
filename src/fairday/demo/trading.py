"""Simulated shoppers buy through a shop's real pages: the scene, the cart, the checkout, both wallets of the sandbox.

Nobody real buys and no money moves. Every step is a request to the shop as it is served, so what the ledger and the
report hold afterwards came through the very doors that shoppers use. The wallets take yuan, so this shop sells in yuan.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
from sqlalchemy import select

import fairday
from fairday.demo import acts
from fairday.demo.shopper import SHARE, WORD, visit
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.naming import LANGUAGES, save_texts
from fairday.kernel.clock import DAY_MS, ManualClock, local_day, to_date
from fairday.kernel.errors import FairdayError
from fairday.offers.coupons import Terms, records
from fairday.offers.model import AmountOff, Need, PercentOff, Rule, When
from fairday.playbooks import playbook
from fairday.serving import beside, free_port
from fairday.storage.ledger import balance
from fairday.trade.given import given_by
from fairday.trade.own import own
from fairday.trade.records import orders

SCENE = "b2c-first-order"
ZONE = "Asia/Shanghai"
GOODS = (
    ("oolong", ("乌龙茶", "Oolong tea", "Té oolong"), "Tea", 6800),
    ("jasmine", ("茉莉花茶", "Jasmine tea", "Té de jazmín"), "Tea", 4500),
    ("puer", ("陈年普洱", "Aged pu'er", "Pu'er añejo"), "Tea", 12800),
    ("cup", ("青瓷杯", "Celadon cup", "Taza de celadón"), "Cups", 3990),
    ("pot", ("紫砂壶", "Clay teapot", "Tetera de barro"), "Pots", 25900),
    ("crackers", ("芝麻薄脆", "Sesame crackers", "Galletas de sésamo"), "Snacks", 1250),
)
"""Article, title in Chinese, English and Spanish, category, price in fen."""
CATEGORIES = {"Tea": ("茶", "Tea", "Té"), "Cups": ("杯", "Cups", "Tazas"), "Pots": ("壶", "Pots", "Teteras"),
              "Snacks": ("茶点", "Snacks", "Bocados")}  # fmt: skip

ON_HAND = 60
"""Units of each article in the one stock."""
A_WHILE_MS = 30_000
"""Between two shoppers."""
OFFER = "offer: [{off: 5, spend: 60}]\n"
"""What the live scene takes off a first order."""
TEN = Rule(
    id="tea-ten", title={"zh": "茶口令九折", "en": "Tea word: 10 % off", "es": "Palabra té: 10 % menos"},
    layer="coupon", benefits=(PercentOff(percent=Decimal(10)),), when=When(coupon=True),
)  # fmt: skip
PACK = tuple(
    Rule(id=f"pack-{off}", title={"zh": f"朋友券 ¥{off}", "en": f"¥{off} from a friend", "es": f"¥{off} de un amigo"},
         layer="coupon", benefits=(AmountOff(amount=off * 100),),
         when=When(coupon=True, needs=(Need(spend=off * 300),)))
    for off in (5, 10, 20)
)  # fmt: skip


_NONE = {"discounts": ()}


class Traded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; amounts in fen.

    Attributes:
        placed, unpaid, cancelled, refused: orders; refused ones found too few left.
        paid, refunded: by the orders themselves.
        wallets: what each provider owes the shop, by the ledger.
        sales: what the ledger holds as sold.
        reported: revenue by the report's own page of figures.
        discounts: what each promotion took off the orders that stand, by the book's own count, and ``off`` the same by
            the orders' lines; ``coupons``: what coupons took off by their batch, ``of_coupons`` by their promotions.
        met: people whom the scene met.
        until: the instant (ms) at which it was over.
        acts: what was done in the other ways to trade, after those sums, a line each.
        kept: what the shop keeps of everything after them, by the ledger and by the report: of what people sell to
            people its commission, of a pre-order what is not the designer's.
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
    discounts: dict[str, int]
    off: int
    coupons: dict[str, int]
    of_coupons: int
    met: int
    until: int
    acts: list[str] = []
    kept: tuple[int, int] = (0, 0)

    def check(self) -> None:
        """Hold orders, ledger and report against each other.

        Raises:
            FairdayError: they differ, by however little.
        """
        told = {self.paid - self.refunded, sum(self.wallets.values()), self.sales, self.reported}
        if len(told) != 1:
            raise FairdayError(f"Orders, wallets, ledger and report differ: {self}", code="sums_differ")
        if self.kept[0] != self.kept[1]:
            raise FairdayError(f"What the shop keeps differs by ledger and report: {self}", code="sums_differ")
        if sum(self.discounts.values()) != self.off or sum(self.coupons.values()) != self.of_coupons:
            raise FairdayError(f"Discounts by promotion, coupon and order differ: {self}", code="sums_differ")


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
            rows = [ProductRow(product=p, title=t[0], category=c, price=n, currency="CNY") for p, t, c, n in GOODS]
            save_products(conn, rows, moment)
            for product, titles, *_ in GOODS:
                save_texts(conn, "product", product, "title", dict(zip(LANGUAGES, titles, strict=True)))
            for category, titles in CATEGORIES.items():
                save_texts(conn, "category", category, "title", dict(zip(LANGUAGES, titles, strict=True)))
        for product, *_ in GOODS:
            shop.stock.count(product, "main", ON_HAND)
        _promise(shop, moment)
        for name in (SCENE, "coupon-share-pack"):
            shop.save_scene(_scene(name, moment), file=f"{name}.yaml")
            shop.move_scene("start", name)
        with beside(shop, "127.0.0.1", free_port("127.0.0.1", port, lambda _: None)) as base:
            shop.change_settings(public_url=base)
            refused, packs = 0, list[str]()
            articles = [product for product, *_ in GOODS]
            for n in range(shoppers):
                refused += not visit(shop, base, rng, n, articles, packs)
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
        with beside(shop, "127.0.0.1", free_port("127.0.0.1", 0, lambda _: None)) as base:
            shop.change_settings(public_url=base)
            found = msgspec.structs.replace(found, acts=acts.play(shop, base, clock))
            found = msgspec.structs.replace(found, until=clock.now())
        shop.catch_up()
        found = msgspec.structs.replace(found, kept=_kept(shop))
    found.check()
    return found


def _promise(shop: fairday.Shop, moment: int) -> None:
    """A word for all, and packs of ten that buyers share."""
    with shop.db.write() as conn:
        for rule in (TEN, *PACK):
            shop.offers.save(conn, rule, moment)
    closes, until = moment + 20 * DAY_MS, moment + 30 * DAY_MS
    shop.coupons.open(
        "tea-word", Terms(title="新茶口令 · New tea", kind="public", deck=((TEN.id, 1),), size=1000, word=WORD,
                          opens=moment, closes=closes, until=until)
    )  # fmt: skip
    deck = tuple((rule.id, n) for rule, n in zip(PACK, (6, 3, 1), strict=True))
    shop.coupons.open(
        SHARE, Terms(title="请朋友喝茶 · Tea with friends", kind="share", deck=deck, labels=("¥5", "¥10", "¥20"),
                     size=500, opens=moment, closes=closes, until=until)
    )  # fmt: skip


def _scene(name: str, moment: int) -> str:
    first = local_day(moment, ZONE)
    dates = f"{to_date(first)}..{to_date(first + 27)}"
    text = re.sub(r'dates: "[^"]+"', f'dates: "{dates}"', playbook(name))
    text = re.sub(r'goods: "[^"]+"', 'goods: "true"', text)
    return text.replace("guard:", f"{OFFER}guard:") if name == SCENE else text


def _sums(shop: fairday.Shop, refused: int) -> Traded:
    with shop.db.read() as conn:
        numbers = list(conn.execute(select(orders.c.id)).scalars())
        wallets = {w: -balance(conn, f"receivable:{w}", "CNY") for w in ("wechat", "alipay")}
        sales = balance(conn, "sales", "CNY") + balance(conn, "sales:shipping", "CNY")
    states = [s for number in numbers if (s := shop.orders.state(f"order:{number}")) is not None]
    paid = [s for s in states if s["payments"]]
    stand = [s for s in paid if not s["refunded"]]
    off = [d for s in stand for part in (*s["lines"].values(), s["shipping"] or _NONE) for d in part["discounts"]]
    with shop.db.read() as conn:
        given = {rule: one.kept for rule, one in sorted(given_by(conn, {rule for rule, _ in off}).items())}
        coupons = {batch: one["worth"] for batch, one in sorted(records.counts(conn).items()) if one["worth"]}
    report = shop.report()
    return Traded(
        placed=len(states), unpaid=len(states) - len(paid), refused=refused,
        cancelled=sum(s["refunded"] > 0 for s in paid), paid=sum(s["total"] for s in paid),
        refunded=sum(s["refunded"] for s in paid), wallets=wallets, sales=sales,
        reported=report.figures.of("revenue").now, discounts=given,
        off=sum(n for _, n in off),
        coupons=coupons, of_coupons=sum(n for r, n in given.items() if r in {TEN.id, *(p.id for p in PACK)}),
        met=next((s.shown for s in report.scenes if s.scene == SCENE), 0), until=shop.clock.now(),
    )  # fmt: skip


def _kept(shop: fairday.Shop) -> tuple[int, int]:
    """What the shop keeps, by the ledger (of money still held for people: what is going to be the shop's) and by the
    report."""
    with shop.db.read() as conn:
        booked = sum(balance(conn, account, "CNY") for account in ("sales", "sales:shipping", "sales:commission"))
        numbers = list(conn.execute(select(orders.c.id)).scalars())
    states = [s for number in numbers if (s := shop.orders.state(f"order:{number}")) is not None]
    held = [s for s in states if s["life"] == "open" and any(x[2].startswith("held:") for x in s["shares"])]
    booked += sum(sum(own(shop.orders.mode(s), s).values()) for s in held)
    return booked, shop.report().figures.of("revenue").now


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
    by = ", ".join(f"{rule} {yuan(n)}" for rule, n in found.discounts.items())
    say(f"  taken off {yuan(found.off)} = {by}; by batch of coupons: "
        + ", ".join(f"{batch} {yuan(n)}" for batch, n in found.coupons.items()))  # fmt: skip
    for act in found.acts:
        say(f"  {act}")
    say(f"  with all of these the shop keeps {yuan(found.kept[0])} by the ledger = report {yuan(found.kept[1])}")
