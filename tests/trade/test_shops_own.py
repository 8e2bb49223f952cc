"""The report counts what the shop truly keeps: whole lives of orders in every mode against the ledger, to the cent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

import crowding
import fairday
import selling
from crowding import ANNA, DORA, ids
from fairday.insight.replay.baskets import Baskets
from fairday.insight.touches import purchases
from fairday.insight.trade import trade as counted
from fairday.kernel.clock import DAY_MS, ManualClock, local_day
from fairday.people.traits.folding import buckets
from fairday.storage.ledger import balance
from fairday.storage.log import Happening, StoredEvent, happening, happenings
from fairday.trade.b2b.mode import B2B
from fairday.trade.border import CrossBorder
from fairday.trade.c2b.mode import PreOrder, Work
from fairday.trade.c2c.mode import C2C
from fairday.trade.modes import B2C, EARNED, Mode
from fairday.trade.order import SHIPPING, due
from fairday.trade.own import own, standing
from fairday.trade.records import Contact
from fairday.trade.telling import shops_own
from trading import fill, line, placing, register
from trading import pay as pay_in

OWN = ("sales", "sales:shipping", "sales:commission", "tax", "duty:DE", "import-tax:DE")
"""The ledger's accounts of what the shop takes itself, the taxes it is charged with included."""
COMPANY = "company:acme"
Life = Callable[[fairday.Shop, ManualClock], int | None]
"""A whole life of an order; what the shop has of it at its end where the test knows it."""


def booked(shop: fairday.Shop) -> int:
    """What the ledger holds as the shop's own, fen."""
    with shop.db.read() as conn:
        return sum(balance(conn, account, "CNY") for account in OWN)


def reported(shop: fairday.Shop) -> int:
    """The report's revenue of all days, fen."""
    shop.catch_up()
    with shop.db.read() as conn:
        net = int(counted(conn, 0, local_day(shop.clock.now(), shop.settings.zone)).net.sum())
        assert net == sum(conn.execute(select(purchases.c.amount)).scalars()), "attribution counts something else"
        assert conn.exec_driver_sql("SELECT count(*) FROM followers_skipped").scalar() == 0
    return net


def told(shop: fairday.Shop) -> list[Happening]:
    """What orders were told as that counts."""
    shop.catch_up()
    names = ("Order Completed", "Order Refunded", "Order Cancelled")
    with shop.db.read() as conn:
        rows = conn.execute(select(happenings).where(happenings.c.name.in_(names)).order_by(happenings.c.pos))
        return [happening(row) for row in rows.mappings()]


def goods(shop: fairday.Shop) -> int:
    """What goods brought, by the measures that scenes and the report's changes read, fen."""
    rows = [b for h in told(shop) for b in buckets(h, "CNY", shop.settings.zone)]
    return sum(amount for measure, _, amount in rows if measure.startswith("bought:product="))


# ---- lives -----------------------------------------------------------------------------------------------------------


def deal(end: str, back: int | None = None) -> Life:
    def life(shop: fairday.Shop, clock: ManualClock) -> int:
        selling.opened(shop)
        number = selling.order_of("bike01")
        if end in ("unpaid", "cancelled"):
            selling.listed(shop)
            assert selling.bought(shop).ok
            if end == "cancelled":
                selling.pay(shop, number)
                assert reported(shop) == 1_575, "while it is open it is what it is going to bring"
                assert shop.orders.act("order.cancel", f"order:{number}", actor=selling.BEN).ok
            clock.at += 31 * 60_000
            shop.fire_due()
            return 0
        selling.sent(shop)
        if end == "received":
            shop.market.received(number, selling.BEN)
        elif end == "silence":
            clock.at += 10 * DAY_MS
            shop.fire_due()
        else:
            shop.market.dispute(number, selling.BEN, ids(selling.BEN), "damaged", "The frame is bent.")
            shop.market.decide(number, back, by="shop", actor="operator:1")
        return {None: 0, 0: 1_575, 1: 1_575, 7_777: 1_186, 31_499: 0}[back if end == "dispute" else 0]

    return life


def work(end: str, back: int | None = None, *, credit: bool = False, house: bool = False) -> Life:
    def life(shop: fairday.Shop, clock: ManualClock) -> int:
        crowding.opened(shop)
        shop.companies.open("acme", "Acme", "", actor="operator:1")
        shop.companies.join(shop.companies.invite("acme", "admin", None, actor="operator:1"), DORA)
        shop.companies.terms("acme", 100_000, 30, actor="operator:1")
        by = "shop" if house else COMPANY
        crowding.asked(shop, by=by)
        answer = crowding.answered(shop, price=50_005)
        crowding.closed(shop, clock)
        asked: dict[str, Any] = {"actor": "x", "on_account": credit}
        number = shop.briefs.choose(answer, by, None if house else DORA, () if house else ids(DORA), 50_005, **asked)
        if not house and not credit and end != "unpaid":
            crowding.pay(shop, f"order:{number}")
        if end in ("unpaid", "late"):
            clock.at += 15 * DAY_MS
            shop.fire_due()
            return 0
        assert reported(shop) == (0 if house else 5_001)
        shop.briefs.deliver(answer, ANNA, ids(ANNA), "Here it is.", [crowding.photo(shop)])
        if end == "accepted":
            shop.briefs.accept(answer, by, actor=DORA)
        else:
            shop.market.dispute(number, "shop" if house else DORA, ids(DORA), "not_as_told", "There is no swallow.")
            shop.market.decide(number, back, by="shop", actor="operator:1")
        if credit and back is not None:
            settle(shop, f"order:{number}")
        for _ in range(2):
            clock.at += 8 * DAY_MS  # silence accepts
            shop.fire_due()
        return 0 if house or back is None else (5_001 if back == 0 else 3_766)

    return life


def settle(shop: fairday.Shop, order: str) -> None:
    """The invoice is paid, as far as it is still due."""
    state = shop.orders.state(order)
    assert state is not None
    begun = shop.payments.begin(order, "bank_transfer", "", due(state), "CNY", subject="x", actor="x", account=DORA)
    shop.payments.confirm(begun.number, "bank-1", "operator:1")


def design(end: str) -> Life:
    def life(shop: fairday.Shop, clock: ManualClock) -> int | None:
        crowding.opened(shop)
        shop.change_settings(taxes={"CN": {"rates": {"standard": "13"}, "included": True}})
        crowding.put_up(shop, goal=4 if end == "missed" else 1, royalty=1_250, price=9_999)
        order = crowding.bought(shop, 3)
        whole = 3 * 9_999 - reported(shop)
        assert 3_000 < whole < 3_750, "the designer's share is not the shop's"
        if end == "given up":
            assert shop.orders.act("order.refund", order, {"unshipped": {"1": 1}}, actor="operator:1").ok
        clock.at += 11 * DAY_MS
        shop.fire_due()
        if end == "missed":
            shop.fire_due()
            return 0
        shop.stock.receive("design-crane1", "main", 3)
        assert shop.orders.act("order.ship", order, actor="clerk").ok
        if end == "sent back":
            for data in ({"units": {"1": 1}}, {"extra": 777}, {"units": {"1": 2}}):
                assert shop.orders.act("order.refund", order, data, actor="operator:1").ok
        elif end == "less":
            assert shop.orders.act("order.refund", order, {"units": {"1": 1}, "extra": 777}, actor="operator:1").ok
        clock.at += 22 * DAY_MS
        shop.fire_due()
        return 0 if end == "sent back" else None

    return life


def abroad(shop: fairday.Shop, clock: ManualClock) -> int:
    register(shop)
    shop.change_settings(currency="CNY")
    fill(shop, "mug", 10)
    of = line("1", "mug", 3, 5_000, tax=1_500) | {"duty": 400}
    asked = placing(of, shipping=900, mode="cross-border", data={"border": {"country": "DE"}})
    assert shop.orders.place("order:1", asked, Contact(), (("email", "eva@example.com"),), actor="eva").ok
    pay_in(shop, "order:1", 15_900)
    assert shop.orders.act("order.refund", "order:1", {"unshipped": {"1": 1}, "extra": 333}, actor="clerk").ok
    return 15_900 - 5_333


LIVES: dict[str, Life] = {
    "a thing received": deal("received"), "a thing nobody says came": deal("silence"),
    "a thing never paid": deal("unpaid"), "a thing given up": deal("cancelled"),
    **{f"a quarrel, {back} back": deal("dispute", back) for back in (None, 0, 1, 7_777, 31_499)},
    "work accepted": work("accepted", 0), "work on credit": work("accepted", 0, credit=True),
    "work never paid": work("unpaid"), "work not delivered": work("late"),
    "work not delivered on credit": work("late", credit=True),
    "work in part": work("dispute", 12_345), "work in part on credit": work("dispute", 12_345, credit=True),
    "work given back": work("dispute"), "the shop's own brief": work("accepted", 0, house=True),
    "a design made": design("made"), "a design given up in part": design("given up"),
    "a design sent back": design("sent back"), "a design with a gesture": design("less"),
    "a design missed": design("missed"), "abroad": abroad,
}  # fmt: skip


@pytest.mark.parametrize("name", LIVES)
def test_when_an_order_is_over_the_report_says_what_the_ledger_kept(
    shop: fairday.Shop, clock: ManualClock, name: str
) -> None:
    expected = LIVES[name](shop, clock)
    kept = booked(shop)
    assert reported(shop) == kept
    assert expected in (None, kept)
    for follower in ("orders", "traits", "touches"):
        shop.followers.rebuild(follower)
    assert reported(shop) == kept


def test_a_bicycle_is_told_at_its_price_and_counts_by_the_commission(shop: fairday.Shop, clock: ManualClock) -> None:
    deal("dispute", 7_777)(shop, clock)
    done, back = told(shop)
    said = {k: done.properties[k] for k in ("total", "charged", "revenue", "shipping", "tax")}
    assert said == {"total": 15.75, "charged": 315.0, "revenue": 15.0, "shipping": 0.75, "tax": 0.0}
    (product,) = done.properties["products"]
    assert (product["price"], product["own"], product["quantity"]) == (300.0, 15.0, 1)
    assert (back.properties["total"], back.properties["charged"]) == (3.89, 77.77)
    assert goods(shop) == 1_500, "money without units takes nothing from a product, as with any order"
    assert ("Order Completed", 1, 1_575) in buckets(done, "CNY", shop.settings.zone), "one order of its buyer's"
    day = local_day(clock.now(), shop.settings.zone)
    baskets = Baskets(shop.db, shop.settings, None, day - 1, day + 1)
    assert [cart for part in baskets for cart in part] == []
    assert baskets.skipped.bare == 1, "the shop's promotions do not apply to what people sell"


def test_goods_of_a_design_bring_what_the_shop_keeps_and_are_priced_again_as_they_were(
    shop: fairday.Shop, clock: ManualClock
) -> None:
    design("made")(shop, clock)
    (done,) = told(shop)
    (product,) = done.properties["products"]
    assert product["price"] == 99.99
    assert goods(shop) == reported(shop) == booked(shop)
    day = local_day(done.at, shop.settings.zone)
    (cart,) = [b.cart for part in Baskets(shop.db, shop.settings, None, day - 1, day + 1) for b in part]
    assert [(x.unit, x.qty) for x in cart.lines] == [(9_999, 3)]


def test_only_our_own_word_says_what_of_a_price_is_the_shops() -> None:
    said = {"products": [{"product_id": "a", "price": 10, "quantity": 2, "own": 1}]}
    for source, amount in (("fairday", 200), ("browser:1", 2_000), ("server:1", 2_000)):
        h = Happening(message_id="x", kind="track", name="Order Completed", at=0, received=0, source=source,
                      ids=(), body={"properties": said})  # fmt: skip
        assert ("bought:product=a", 2, amount) in buckets(h, "CNY", "UTC")


def test_an_order_from_before_is_told_whole_to_its_end(shop: fairday.Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairday.trade.deciding.placing.own", lambda mode, state: {"1": 31_500})
    selling.opened(shop)
    number = selling.sent(shop)
    monkeypatch.undo()
    assert reported(shop) == 31_500
    shop.market.dispute(number, selling.BEN, ids(selling.BEN), "damaged", "The frame is bent.")
    shop.market.decide(number, None, by="shop", actor="operator:1")
    assert reported(shop) == booked(shop) == 0


# ---- any mode, any sums ----------------------------------------------------------------------------------------------

MODES: dict[str, tuple[Mode, dict[str, Any]]] = {
    "b2c": (B2C(), {}), "b2b": (B2B(), {}), "cross-border": (CrossBorder(), {"border": {"country": "DE"}}),
    "c2c": (C2C(), {"seller": "account:a", "commission": 0}),
    "brief": (Work(), {"seller": "account:a", "commission": 0}),
    "c2b": (PreOrder(), {"design": "d", "designer": "account:a", "royalty": 0}),
}  # fmt: skip


@pytest.mark.parametrize("name", MODES)
@given(
    rate=st.integers(0, 10_000), paid=st.lists(st.integers(0, 9_999), min_size=1, max_size=3),
    tax=st.integers(0, 5), shipping=st.integers(0, 999), abroad=st.sampled_from([None, 3, 8]),
    steps=st.lists(st.lists(st.integers(0, 100), min_size=4, max_size=4), max_size=4),
)  # fmt: skip
def test_what_is_told_back_is_what_the_shop_keeps_less(
    name: str, rate: int, paid: list[int], tax: int, shipping: int, abroad: int | None, steps: list[list[int]]
) -> None:
    mode, data = MODES[name]
    data = data | {k: rate for k in ("commission", "royalty") if k in data}
    lines: list[dict[str, Any]] = [{"line": str(n), "paid": p, "tax": p * tax // 20} for n, p in enumerate(paid)]
    placed: dict[str, Any] = {"lines": lines, "data": data, "total": sum(paid) + shipping,
                              "shipping": {"paid": shipping, "tax": 0} if shipping else None}  # fmt: skip
    if abroad:
        data["exchange"] = {"total": placed["total"] * abroad + 1}
    if not placed["total"]:
        return

    def event(at: str, **said: Any) -> StoredEvent:
        return StoredEvent(pos=1, xid=1, stream="order:1", seq=2, name=at, at=0, data=said)

    sums = shops_own(mode, event("Order Paid"), placed, {})
    assert min(sums.values()) >= 0
    left, given_back = Counter({x["line"]: x["paid"] for x in lines} | {SHIPPING: shipping}), Counter[str]()
    for shares in steps:
        parts = {p: left[p] * share // 100 for p, share in zip(left, shares, strict=False) if left[p]}
        back = shops_own(mode, event("Order Refunded", parts=parts), placed, given_back)
        assert sum(back.values()) >= 0
        sums = {part: amount - back[part] for part, amount in sums.items()}
        left, given_back = left - Counter(parts), given_back + Counter(parts)
    state = standing(placed, given_back)
    handed = sum(r.amount for r in mode.releases(state) if r.credit.startswith(EARNED))
    kept = sum(left.values()) - handed
    assert sum(own(mode, state).values()) == kept
    if not abroad:
        assert sums == own(mode, state)
        assert sum(sums.values()) == kept
    rest = {part: n for part, n in left.items() if n}
    back = shops_own(mode, event("Order Cancelled", parts=rest), placed, given_back)
    assert all(amount == back[part] for part, amount in sums.items()), "all back, nothing is left"
