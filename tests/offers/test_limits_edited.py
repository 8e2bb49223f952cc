"""Promotions, limits and coupons that change while carts and orders live: nobody pays more than they saw, no limit is
passed, and what is counted stays what stands."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

import couponing
import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import DAY_MS, ManualClock, local_day
from fairday.kernel.decider import Command
from fairday.offers.model import AmountOff, Limits, MorePoints, PayPoints, Rule, When
from fairday.storage.runner import stream_state
from fairday.trade.cart import Cart, add_line, new_cart
from fairday.trade.checkout import Buyer, Choice, Moved, Placed
from fairday.trade.records import Contact

EVE = Contact(name="Eva Li", phone="+8613800138000", city="上海", street="南京路 1", country="CN")
A = "account:a"
GUEST, MEMBER = Buyer(), Buyer(account=A)
TEN = Rule(id="ten", title={"en": "Ten off"}, layer="order", benefits=(AmountOff(amount=1_000),))
NOW = 1_780_315_200_000


@pytest.fixture
def trade(shop: fairday.Shop) -> fairday.Shop:
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="mug", title="Mug", price=5_000, currency="CNY")], 1)
    assert shop.runner.submit(Command("open", A)).ok
    return shop


def publish(shop: fairday.Shop, rule: Rule = TEN, **limits: Any) -> None:
    with shop.db.write() as conn:
        shop.offers.save(conn, msgspec.structs.replace(rule, limits=Limits(**limits)), shop.clock.now())


def picked(shop: fairday.Shop) -> Cart:
    with shop.db.write() as conn:
        return add_line(conn, new_cart(conn, None, 1), "mug", "mug", 1, {}, 1)


def look(shop: fairday.Shop, cart: Cart, buyer: Buyer = GUEST, **choice: Any) -> Any:
    return shop.checkout.quote(cart, Choice(**choice), buyer)


def place(shop: fairday.Shop, cart: Cart, seen: str, buyer: Buyer = GUEST, **choice: Any) -> Placed | Moved:
    return shop.checkout.place(cart, Choice(**choice), EVE, buyer, seen, actor="x")


def ordered(shop: fairday.Shop, buyer: Buyer = GUEST) -> tuple[str, int]:
    cart = picked(shop)
    placed = place(shop, cart, look(shop, cart, buyer).seen, buyer)
    assert isinstance(placed, Placed)
    return cart.order, placed.total


def counted(shop: fairday.Shop, stream: str = "budget:ten") -> dict[str, Any]:
    with shop.db.read() as conn:
        found = stream_state(conn, stream)
    return {"amount": 0, "uses": 0} if found is None else found[1]


def cancel(shop: fairday.Shop, order: str) -> None:
    assert shop.orders.act("order.cancel", order, actor="x").ok


def told(moved: Any) -> dict[str, tuple[int | None, int | None]]:
    assert isinstance(moved, Moved), moved
    return {c.line: (c.before, c.now) for c in moved.changes}


# ---- limits ----------------------------------------------------------------------------------------------------------


def test_a_limit_lowered_below_what_is_taken_gives_nothing_until_enough_came_back(trade: fairday.Shop) -> None:
    publish(trade, uses=5)
    orders = [ordered(trade) for _ in range(4)]
    assert {total for _, total in orders} == {4_000}
    publish(trade, uses=2)
    assert ordered(trade)[1] == 5_000
    for order, _ in orders[:2]:
        cancel(trade, order)
    assert counted(trade) == {"amount": 2_000, "uses": 2}
    assert ordered(trade)[1] == 5_000, "two stand, and two is the limit"
    cancel(trade, orders[2][0])
    assert ordered(trade)[1] == 4_000
    publish(trade, uses=3)
    assert [ordered(trade)[1] for _ in range(2)] == [4_000, 5_000]
    assert counted(trade) == {"amount": 3_000, "uses": 3}


def test_a_limit_counts_from_when_it_is_set_and_what_was_given_before_gives_nothing_back_to_it(
    trade: fairday.Shop,
) -> None:
    publish(trade)
    before = ordered(trade)[0]
    publish(trade, amount=2_000)
    assert [ordered(trade)[1] for _ in range(3)] == [4_000, 4_000, 5_000]
    cancel(trade, before)
    assert counted(trade) == {"amount": 2_000, "uses": 2}
    assert ordered(trade)[1] == 5_000


def test_a_limit_taken_away_still_hears_of_what_comes_back(trade: fairday.Shop) -> None:
    publish(trade, uses=1)
    order = ordered(trade)[0]
    publish(trade)
    assert ordered(trade)[1] == 4_000
    cancel(trade, order)
    assert counted(trade) == {"amount": 0, "uses": 0}
    publish(trade, uses=1)
    assert [ordered(trade)[1] for _ in range(2)] == [4_000, 5_000]


def test_a_limit_of_each_person_set_later_holds_for_each_and_bars_guests(trade: fairday.Shop) -> None:
    publish(trade)
    assert ordered(trade, MEMBER)[1] == 4_000
    publish(trade, person_uses=1)
    assert [ordered(trade, MEMBER)[1] for _ in range(2)] == [4_000, 5_000]
    assert ordered(trade)[1] == 5_000


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-12-31"])
def test_a_limit_of_a_day_is_the_shops_own_day_also_when_clocks_change_and_years_end(
    trade: fairday.Shop, clock: ManualClock, day: str
) -> None:
    """Berlin's 23 and 25 hours, and its last day of the year: one use, to the last millisecond, and back to its day."""
    trade.change_settings(zone="Europe/Berlin")
    begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    start = int(begin.timestamp() * 1000)
    number = local_day(start, "Europe/Berlin")
    hours = {"2026-03-29": 23, "2026-10-25": 25, "2026-12-31": 24}[day]
    publish(trade, day_uses=1)
    clock.at = start
    first = ordered(trade)
    assert first[1] == 4_000
    clock.at = start + hours * 3_600_000 - 1
    assert ordered(trade)[1] == 5_000
    clock.at += 1
    assert [ordered(trade)[1] for _ in range(2)] == [4_000, 5_000]
    clock.at += 60_000  # not paid for in half an hour, it would be given up by itself
    cancel(trade, first[0])
    assert counted(trade, f"budget:ten:day:{number}") == {"amount": 0, "uses": 0}
    assert counted(trade, f"budget:ten:day:{number + 1}") == {"amount": 1_000, "uses": 1}


# ---- between look and order ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["withdrawn", "ended", "less", "more", "used up"])
def test_an_offer_that_changes_between_look_and_order_is_told_first(
    trade: fairday.Shop, clock: ManualClock, how: str
) -> None:
    publish(trade, msgspec.structs.replace(TEN, when=When(end=clock.now() + DAY_MS)), uses=1)
    cart = picked(trade)
    seen = look(trade, cart).seen
    off = {"less": 500, "more": 1_500}.get(how, 0)
    if how == "withdrawn":
        with trade.db.write() as conn:
            trade.offers.withdraw(conn, rule="ten", now=clock.now())
    elif how == "ended":
        clock.move(DAY_MS)
    elif how == "used up":
        ordered(trade)
    else:
        publish(trade, msgspec.structs.replace(TEN, benefits=(AmountOff(amount=off),)), uses=1)
    moved = place(trade, cart, seen)
    assert told(moved) == {"1": (4_000, 5_000 - off), "total": (4_000, 5_000 - off)}
    assert trade.orders.state(cart.order) is None
    assert isinstance(moved, Moved)
    assert place(trade, cart, moved.quote.seen) == Placed(cart.order, 5_000 - off)


def test_an_offer_that_ends_within_the_write_places_nothing(
    trade: fairday.Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(trade, uses=1)
    cart = picked(trade)
    seen = look(trade, cart).seen
    holds = trade.offers.holds

    def late(*args: Any) -> Any:
        found = holds(*args)
        monkeypatch.undo()
        ordered(trade)  # another takes the last one after this cart was priced
        return found

    monkeypatch.setattr(trade.offers, "holds", late)
    moved = place(trade, cart, seen)
    assert isinstance(moved, Moved)
    assert moved.why == "budget_used_up"
    assert told(moved) == {"1": (4_000, 5_000), "total": (4_000, 5_000)}
    assert counted(trade) == {"amount": 1_000, "uses": 1}


def test_a_coupon_that_ends_between_look_and_order_is_told_first(trade: fairday.Shop, clock: ManualClock) -> None:
    publish(trade, msgspec.structs.replace(TEN, when=When(coupon=True), layer="coupon"))
    couponing.open_batch(trade, "spring", couponing.terms(clock.now(), deck=(("ten", 1),)))
    claim = trade.coupons.give("spring", A)
    cart = picked(trade)
    seen = look(trade, cart, MEMBER).seen
    clock.at = state(trade, f"coupon:{claim.claim}")["until"]
    moved = place(trade, cart, seen, MEMBER)
    assert told(moved) == {"1": (4_000, 5_000), "total": (4_000, 5_000), "coupon": (1, 0)}


def test_a_coupon_in_the_place_of_an_offer_that_ended_is_told_though_it_costs_the_same(
    trade: fairday.Shop, clock: ManualClock
) -> None:
    """The best of both is taken; the coupon is used up only if the shopper has seen that."""
    publish(trade, msgspec.structs.replace(TEN, group="one"))
    by_coupon = msgspec.structs.replace(TEN, id="held", group="one", when=When(coupon=True))
    publish(trade, by_coupon)
    couponing.open_batch(trade, "spring", couponing.terms(clock.now(), deck=(("held", 1),)))
    claim = trade.coupons.give("spring", A)
    cart = picked(trade)
    quote = look(trade, cart, MEMBER)
    assert (quote.total, quote.coupons) == (4_000, ())
    with trade.db.write() as conn:
        trade.offers.withdraw(conn, rule="ten", now=clock.now())
    moved = place(trade, cart, quote.seen, MEMBER)
    assert told(moved) == {"coupon": (0, 1)}
    assert state(trade, f"coupon:{claim.claim}")["status"] == "claimed"


def test_points_that_are_used_up_or_no_longer_earned_are_told_though_the_price_stays(trade: fairday.Shop) -> None:
    trade.change_settings(rewards={"on": True, "per": 100})
    assert trade.runner.submit(Command("earn", A, {"unit": "points", "amount": 5_000, "reason": "x"})).ok
    publish(trade, Rule(id="twice", layer="order", benefits=(MorePoints(extra=50),)))
    pays = Rule(id="pays", layer="payment", benefits=(PayPoints(unit_value=Decimal(1), max_points=1_000),))
    publish(trade, msgspec.structs.replace(TEN, group="x"))
    publish(trade, msgspec.structs.replace(pays, group="x"))
    cart = picked(trade)
    quote = look(trade, cart, MEMBER, points=1_000)
    with trade.db.write() as conn:
        trade.offers.withdraw(conn, rule="twice", now=NOW)
        trade.offers.withdraw(conn, rule="ten" if not quote.priced.points_paid else "pays", now=NOW)
    moved = place(trade, cart, quote.seen, MEMBER, points=1_000)
    paid = quote.priced.points_paid
    assert told(moved) == {"points": (paid, 1_000 - paid), "earns": (90, 40)}


def state(shop: fairday.Shop, stream: str) -> Any:
    with shop.db.read() as conn:
        found = stream_state(conn, stream)
    assert found is not None
    return found[1]
