"""What tests of briefs and designs share: members, a design in pre-order, somebody who orders and pays, a brief."""

from __future__ import annotations

from typing import Any

import fairday
from fairday.goods.photos import keep_photo, redraw
from fairday.kernel.clock import DAY_MS, local_day
from fairday.kernel.decider import Command
from fairday.storage.ledger import balance
from fairday.trade.c2b.answer import answer_id
from fairday.trade.c2b.brief import SHOP
from fairday.trade.c2b.briefs import Asked
from fairday.trade.c2b.designs import Drawn, Terms
from fairday.trade.c2b.tables import product_of
from fairday.trade.cart import Cart, add_line, new_cart
from fairday.trade.checkout import Buyer, Choice, Moved, Placed
from fairday.trade.records import Contact
from selling import jpeg

ANNA, BEN, CARA, DORA = (f"account:{name}" for name in ("anna", "ben", "cara", "dora"))
TO = Contact(name="Eva Li", phone="+8613800138000", country="CN", city="上海", street="南京路 1")
CHOICE = Choice(payment="bank_transfer", country="CN")
CROWD = {"open": True, "commission": 1000, "royalty": 1000, "accept_days": 7, "rounds": 1}


def ids(account: str) -> tuple[tuple[str, str], ...]:
    """The id that an account's owner proved."""
    return (("email", f"{account.partition(':')[2]}@example.com"),)


def photo(shop: fairday.Shop) -> str:
    """A kept photo's id."""
    with shop.db.write() as conn:
        return keep_photo(conn, redraw(jpeg()), shop.clock.now()).photo


def opened(shop: fairday.Shop, **crowd: Any) -> None:
    """Open the crowd, and some accounts."""
    shop.change_settings(crowd={**CROWD, **crowd}, currency="CNY", country="CN")
    for account in (ANNA, BEN, CARA, DORA):
        shop.runner.submit(Command("open", account))


# ---- designs ---------------------------------------------------------------------------------------------------------


def drawn(shop: fairday.Shop, id_: str = "crane1", account: str = ANNA, **more: Any) -> str:
    """Anna's design, sent; its id."""
    given = {"title": "A crane on a mug", "text": "Drawn in ink.", "price": 9_000, "photo": photo(shop)} | more
    shop.designs.write(id_, account, ids(account), Drawn(**given))
    return id_


def terms(shop: fairday.Shop, days: int = 10, **more: Any) -> Terms:
    now = shop.clock.now()
    given = {"price": 8_800, "goal": 3, "most": 5, "until": now + days * DAY_MS, "royalty": 1_000,
             "made_day": local_day(now, shop.settings.zone) + days + 20}  # fmt: skip
    return Terms(**given | more)


def put_up(shop: fairday.Shop, id_: str = "crane1", **more: Any) -> str:
    """Anna's design, accepted; its id."""
    drawn(shop, id_)
    shop.designs.accept(id_, shop.designs.version(id_), terms(shop, **more), actor="operator:1")
    return id_


def picked(shop: fairday.Shop, qty: int = 1, id_: str = "crane1", account: str | None = None) -> Cart:
    """A cart with some of a design."""
    with shop.db.write() as conn:
        cart = new_cart(conn, account, shop.clock.now())
        return add_line(conn, cart, product_of(id_), product_of(id_), qty, {}, shop.clock.now())


def ordered(shop: fairday.Shop, qty: int = 1, id_: str = "crane1", cart: Cart | None = None) -> Placed | Moved:
    """Somebody orders some of a design, as a guest."""
    cart = cart or picked(shop, qty, id_)
    quote = shop.checkout.quote(cart, CHOICE, Buyer())
    return shop.checkout.place(cart, CHOICE, TO, Buyer(ids=(("email", "eva@example.com"),)), quote.seen, actor="guest")


def pay(shop: fairday.Shop, order: str) -> str:
    """A transfer for all of an order has come; the payment's number."""
    state = shop.orders.state(order)
    assert state is not None
    begun = shop.payments.begin(
        order, "bank_transfer", "", state["total"], "CNY", subject="Shop", actor="guest", account=state["account"]
    )
    shop.payments.confirm(begun.number, "bank-1", "operator:1")
    return begun.number


def bought(shop: fairday.Shop, qty: int = 1, id_: str = "crane1") -> str:
    """Some of a design, ordered and paid for; the order's stream."""
    placed = ordered(shop, qty, id_)
    assert isinstance(placed, Placed), placed
    pay(shop, placed.order)
    return placed.order


def life(shop: fairday.Shop, id_: str = "crane1") -> str:
    state = shop.designs.state(id_)
    assert state is not None
    return str(state["life"])


# ---- briefs ----------------------------------------------------------------------------------------------------------


def asked(shop: fairday.Shop, id_: str = "poster", by: str = SHOP, **more: Any) -> str:
    """An open brief; its id."""
    given = {"title": "A poster for spring", "text": "A2, two colours, with a swallow on it.", "least": 50_000,
             "most": 80_000, "winners": 1, "until": shop.clock.now() + 5 * DAY_MS, "deliver_days": 10}  # fmt: skip
    shop.briefs.write(id_, by, (), Asked(**given | more), actor="operator:1")
    return id_


def answered(shop: fairday.Shop, account: str = ANNA, price: int = 60_000, brief: str = "poster") -> str:
    """An answer; its id."""
    found = shop.briefs.answer(brief, account, ids(account), "I draw swallows.", price, [photo(shop)])
    assert found == answer_id(brief, account)
    return found


def closed(shop: fairday.Shop, clock: Any, brief: str = "poster") -> None:
    """The brief's last day is over."""
    state = shop.briefs.state(brief)
    assert state is not None
    clock.at = state["until"]
    shop.fire_due()


def held(shop: fairday.Shop, account: str) -> int:
    """A ledger account's balance, fen."""
    with shop.db.read() as conn:
        return balance(conn, account, "CNY")
