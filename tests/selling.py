"""What tests of selling between people share: two members, a listing, a deal as far as it is wanted."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

from PIL import Image

import fairday
from fairday.goods.photos import keep_photo, redraw
from fairday.insight.asked import Asked
from fairday.kernel.clock import local_day
from fairday.kernel.decider import Answer, Command
from fairday.kernel.ids import digest
from fairday.storage.ledger import balance
from fairday.trade.c2c.records import get
from fairday.trade.c2c.service import Draft
from fairday.trade.records import Contact

ANNA, BEN = "account:anna", "account:ben"
MARKET = {"open": True, "commission": 500, "hold_days": 10, "review": True}
TO = Contact(name="Ben", phone="+8613800138000", country="CN", region="上海市", city="上海市", street="南京路 1 号")


@cache
def jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (400, 300), "#8a6d3b").save(out, "JPEG")
    return out.getvalue()


def photo(shop: fairday.Shop) -> str:
    """A kept photo's id."""
    with shop.db.write() as conn:
        return keep_photo(conn, redraw(jpeg()), shop.clock.now()).photo


def opened(shop: fairday.Shop, **market: Any) -> None:
    """Open the market, and Anna's and Ben's accounts."""
    shop.change_settings(market={**MARKET, **market}, currency="CNY", country="CN")
    for account in (ANNA, BEN):
        shop.runner.submit(Command("open", account))


def listed(shop: fairday.Shop, id_: str = "bike01", price: int = 30_000, shipping: int = 1_500) -> str:
    """Anna's listing, looked at and live; its id."""
    draft = Draft(title="An old bicycle", text="Rides well.", price=price, shipping=shipping, photo=photo(shop))
    shop.market.write(id_, ANNA, (("email", "anna@example.com"),), draft)
    if shop.settings.market.review:
        shop.market.moderate(id_, shop.market.version(id_), actor="operator:1")
    return id_


def bought(shop: fairday.Shop, id_: str = "bike01", number: str = "", who: str = BEN, seen: Any = None) -> Answer:
    """Ben buys it."""
    with shop.db.read() as conn:
        found = get(conn, id_)
    assert found is not None
    return shop.market.buy(
        id_, number or order_of(id_), who, (("email", "ben@example.com"),), TO, method="bank_transfer",
        seen=seen or (found.price, found.shipping),
    )  # fmt: skip


def order_of(id_: str) -> str:
    return digest("deal", id_)[:26]


def pay(shop: fairday.Shop, number: str) -> str:
    """Ben's transfer has come; the payment's number."""
    state = shop.orders.state(f"order:{number}")
    assert state is not None
    begun = shop.payments.begin(
        f"order:{number}", "bank_transfer", "", state["total"], "CNY", subject="Shop", actor=BEN, account=BEN
    )
    shop.payments.confirm(begun.number, "bank-1", "operator:1")
    return begun.number


def sent(shop: fairday.Shop, id_: str = "bike01") -> str:
    """A deal whose thing is under way; the order's number."""
    listed(shop, id_)
    assert bought(shop, id_).ok
    number = order_of(id_)
    pay(shop, number)
    shop.market.send(number, ANNA, "sf", "SF1234567890")
    return number


def held(shop: fairday.Shop, account: str) -> int:
    """A ledger account's balance, fen."""
    with shop.db.read() as conn:
        return balance(conn, account, "CNY")


def revenue(shop: fairday.Shop, days: int = 25) -> int:
    """What the report says the last days brought, fen."""
    shop.catch_up()
    today = local_day(shop.clock.now(), shop.settings.zone)
    return int(shop.report(Asked("revenue", today - days, today)).figures.of("revenue").now)
