"""People's designs in pre-order: docs/algorithms/crowd.md, rule by rule, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

import fairday
import selling
from crowding import (
    ANNA,
    BEN,
    CHOICE,
    TO,
    asked,
    bought,
    drawn,
    held,
    ids,
    life,
    opened,
    ordered,
    pay,
    photo,
    picked,
    put_up,
    terms,
)
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import DAY_MS
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.storage.log import Happening
from fairday.trade.c2b.designs import Drawn
from fairday.trade.c2b.mode import PAY_MS
from fairday.trade.c2b.preorder import Pre
from fairday.trade.c2c import records
from fairday.trade.cart import add_line
from fairday.trade.checkout import Buyer, Choice, Moved, Placed, Quote
from fairday.trade.checkout.placing import placing_of

HELD = "held:design:crane1"


def over(shop: fairday.Shop, clock: Any, days: int = 10) -> None:
    clock.at += days * DAY_MS
    shop.fire_due()


def state(shop: fairday.Shop, order: str) -> Any:
    found = shop.orders.state(order)
    assert found is not None
    return found


def levels(shop: fairday.Shop, id_: str = "crane1") -> tuple[int, int, int]:
    with shop.db.read() as conn:
        found = shop.stock.levels(conn, [f"design-{id_}"]).get(f"design-{id_}")
    return (found[0].on_hand, found[0].reserved, found[0].incoming) if found else (0, 0, 0)


def hidden(shop: fairday.Shop, id_: str = "crane1") -> bool:
    try:
        shop.goods.offer(f"design-{id_}")
    except Conflict as error:
        assert error.code == "not_sold"
        return True
    return False


def test_a_goal_that_is_reached_is_made_shipped_and_divided_to_the_cent(shop: fairday.Shop, clock) -> None:
    opened(shop)
    put_up(shop)
    first, second = bought(shop, 2), bought(shop)
    assert (life(shop), held(shop, HELD), held(shop, "sales")) == ("open", 3 * 8_800, 0)
    early = shop.orders.act("order.ship", first, actor="clerk")
    assert early.refusal is not None
    assert early.refusal.code == "not_made_yet"
    over(shop, clock)
    assert life(shop) == "made"
    assert levels(shop) == (0, 3, 3)
    assert isinstance(ordered(shop), Moved), "what is made is promised to those who ordered it"
    missing = shop.orders.act("order.ship", first, actor="clerk")
    assert missing.refusal is not None
    assert missing.refusal.code == "not_there"
    shop.stock.receive("design-crane1", "main", 4)
    assert levels(shop) == (4, 3, 0)
    for order in (first, second):
        assert shop.orders.act("order.ship", order, actor="clerk").ok
    assert levels(shop) == (1, 0, 0)
    assert isinstance(ordered(shop), Placed), "the piece too many is goods like any other"
    clock.at += 22 * DAY_MS
    shop.fire_due()
    assert state(shop, first)["life"] == state(shop, second)["life"] == "completed"
    assert (held(shop, HELD), held(shop, "seller:anna"), held(shop, "sales")) == (0, 2_640, 23_760)
    assert shop.market.earned(ANNA) == {"CNY": 2_640}
    final = shop.orders.act("order.refund", first, {"extra": 1}, actor="operator:1")
    assert final.refusal is not None
    assert final.refusal.code == "order_final"


def test_a_goal_that_is_missed_gives_everything_back_once(shop: fairday.Shop, clock) -> None:
    opened(shop)
    put_up(shop)
    orders = [bought(shop), bought(shop)]
    over(shop, clock)
    assert (life(shop), held(shop, HELD)) == ("missed", 0)
    for order in orders:
        one = state(shop, order)
        assert (one["life"], one["why"], one["refunded"]) == ("cancelled", "goal_missed", 8_800)
        assert [p["back"] for p in one["payments"]] == [8_800]
    assert shop.designs.settle() == 0
    assert hidden(shop)
    found = shop.designs.named("crane1")
    assert found is not None
    assert (found.paid, found.share) == (2, 66), "what it was decided on stays to be read"
    assert levels(shop) == (0, 0, 0)


def test_who_ordered_in_the_last_minute_has_their_half_hour_and_money_after_it_goes_back(
    shop: fairday.Shop, clock
) -> None:
    opened(shop)
    put_up(shop, goal=2)
    bought(shop)
    clock.at += 10 * DAY_MS - 1
    last, late = ordered(shop), ordered(shop)
    assert isinstance(last, Placed)
    assert isinstance(late, Placed)
    clock.at += 1
    shop.fire_due()
    assert life(shop) == "open"
    assert isinstance(ordered(shop), Moved), "no more orders are taken"
    pay(shop, last.order)
    clock.at += PAY_MS
    shop.fire_due()
    shop.fire_due()
    assert (life(shop), levels(shop)) == ("made", (0, 2, 2))
    number = pay(shop, late.order)
    assert state(shop, late.order)["life"] == "expired"
    payment = shop.payments.state(number)
    assert payment is not None
    assert sum(r["amount"] for r in payment["refunds"].values()) == 8_800
    assert (held(shop, HELD), levels(shop)) == (2 * 8_800, (0, 2, 2))


def test_when_all_that_can_be_made_is_paid_for_it_is_made_at_once(shop: fairday.Shop) -> None:
    opened(shop)
    put_up(shop, goal=2, most=3)
    bought(shop, 3)
    assert isinstance(ordered(shop), Moved)
    shop.fire_due()
    assert life(shop) == "made"


def test_the_shop_may_stop_it_and_everybody_has_their_money(shop: fairday.Shop) -> None:
    opened(shop)
    put_up(shop)
    order, unpaid = bought(shop, 3), ordered(shop)
    assert isinstance(unpaid, Placed)
    with pytest.raises(Conflict):
        shop.designs.stop("crane1", "because", actor="operator:1")
    shop.designs.stop("crane1", "rights", actor="operator:1")
    assert (life(shop), held(shop, HELD), state(shop, order)["life"]) == ("stopped", 0, "cancelled")
    assert state(shop, unpaid.order)["life"] == "cancelled"
    with pytest.raises(Conflict):
        shop.designs.stop("crane1", "rights", actor="operator:1")


def test_units_given_up_before_the_end_count_no_more(shop: fairday.Shop, clock) -> None:
    opened(shop)
    put_up(shop, goal=3, most=4)
    gone, part = bought(shop, 2), bought(shop, 2)
    assert shop.orders.act("order.cancel", gone, {"why": "changed_mind"}, actor="guest").ok
    assert shop.orders.act("order.refund", part, {"unshipped": {"1": 1}}, actor="operator:1").ok
    found = shop.designs.state("crane1")
    assert found is not None
    assert (found["placed"], found["paid"]) == (1, 1)
    bought(shop, 2)
    over(shop, clock)
    assert (life(shop), levels(shop), held(shop, HELD)) == ("made", (0, 3, 3), 3 * 8_800)
    assert shop.orders.act("order.cancel", part, {"why": "changed_mind"}, actor="operator:1").ok
    assert levels(shop) == (0, 2, 3), "a piece that nobody waits for can be sold"


def test_royalty_is_of_what_was_kept_for_goods_without_tax_and_delivery(shop: fairday.Shop, clock) -> None:
    opened(shop)
    shop.change_settings(taxes={"CN": {"rates": {"standard": "13"}, "included": True}})
    put_up(shop, goal=1, royalty=1_250, price=9_999)
    order = bought(shop, 3)
    over(shop, clock)
    shop.stock.receive("design-crane1", "main", 3)
    assert shop.orders.act("order.ship", order, actor="clerk").ok
    assert shop.orders.act("order.refund", order, {"units": {"1": 1}}, actor="operator:1").ok
    clock.at += 22 * DAY_MS
    shop.fire_due()
    kept = 2 * 9_999
    tax, royalty = held(shop, "tax"), held(shop, "seller:anna")
    goods = kept - tax
    assert abs(tax - kept * 13 / 113) < 1
    assert royalty == round(goods * 0.125)
    assert held(shop, HELD) == 0
    assert held(shop, "sales") == goods - royalty
    assert shop.market.earned(ANNA) == {"CNY": royalty}


def test_of_256_at_once_no_more_are_taken_than_are_made(shop: fairday.Shop) -> None:
    opened(shop)
    put_up(shop, goal=10, most=100)
    quote = shop.checkout.quote(picked(shop), CHOICE, Buyer())
    assert quote.preorder is not None
    placing = placed_as(quote, [("1", "design-crane1", 1)])
    orders = [f"order:{n}" for n in range(256)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda o: shop.orders.place(o, placing, TO, (), actor="guest"), orders))
    found = shop.designs.state("crane1")
    assert found is not None
    assert (sum(a.ok for a in answers), found["placed"], found["paid"]) == (100, 100, 0)
    assert {a.refusal.code for a in answers if a.refusal} == {"sold_out"}


def placed_as(quote: Quote, lines: list[tuple[str, str, int]]) -> dict[str, Any]:
    """The placing of a quote, with what it holds of these lines."""
    assert quote.preorder is not None
    return placing_of(quote, CHOICE, Buyer(), quote.preorder.holds(lines, "CNY"), "CN", "test", {})


def test_giving_back_races_with_a_refund_by_hand_and_money_goes_back_once(shop: fairday.Shop, clock) -> None:
    opened(shop)
    put_up(shop, goal=100, most=200)
    orders = [bought(shop) for _ in range(12)]
    clock.at += 10 * DAY_MS
    with ThreadPoolExecutor(8) as pool:
        settled = [pool.submit(shop.fire_due) for _ in range(4)]
        by_hand = [
            pool.submit(shop.orders.act, "order.cancel", o, {"why": "other"}, actor="operator:1") for o in orders
        ]
        by_hand += [pool.submit(shop.orders.act, "order.ship", o, actor="clerk") for o in orders]
        for one in (*settled, *by_hand):
            one.result()
    shop.fire_due()
    for order in orders:
        one = state(shop, order)
        assert (one["life"], one["refunded"]) == ("cancelled", 8_800)
        payment = shop.payments.state(one["payments"][0]["payment"].partition(":")[2])
        assert payment is not None
        assert sum(r["amount"] for r in payment["refunds"].values()) == 8_800
    assert held(shop, HELD) == 0


def test_a_pre_order_is_for_one_design_and_within_the_country(shop: fairday.Shop) -> None:
    opened(shop)
    put_up(shop)
    put_up(shop, "fox001")
    now = shop.clock.now()
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="mug", title="Mug", price=4500, currency="CNY")], now)
    for other in ("mug", "design-fox001"):
        cart = picked(shop)
        with shop.db.write() as conn:
            cart = add_line(conn, cart, other, other, 1, {}, now)
        quote = shop.checkout.quote(cart, CHOICE, Buyer())
        assert not quote.ready
        assert {x.problem.code for x in quote.lines if x.problem} == {"preorder_alone"}
    shop.change_settings(taxes={"CN": {"rates": {"standard": "13"}}})
    abroad = shop.checkout.quote(picked(shop), Choice(country="DE"), Buyer())
    assert [x.problem.code for x in abroad.lines if x.problem] == ["preorder_home"]


@pytest.mark.parametrize("wrong", [{"account": BEN}, {"royalty": 5_000}, {"price": 1}, {"units": 1}])
def test_a_placing_that_says_otherwise_than_the_design_is_refused(shop: fairday.Shop, wrong: dict[str, Any]) -> None:
    opened(shop)
    put_up(shop)
    cart = picked(shop, 2)
    quote = shop.checkout.quote(cart, CHOICE, Buyer())
    assert quote.preorder is not None
    design = msgspec.structs.replace(quote.preorder.design, **{k: v for k, v in wrong.items() if k != "units"})
    quote = msgspec.structs.replace(quote, preorder=Pre(design, None))
    placing = placed_as(quote, [("1", "design-crane1", wrong.get("units", 2))])
    answer = shop.orders.place(cart.order, placing, TO, (), actor="guest")
    assert answer.refusal is not None
    assert answer.refusal.code in ("bad_order", "design_changed")
    found = shop.designs.state("crane1")
    assert found is not None
    assert found["placed"] == 0


def test_a_design_is_looked_at_before_it_is_put_to_pre_order(shop: fairday.Shop) -> None:
    opened(shop)
    with pytest.raises(FairdayError, match="photo"):
        drawn(shop, photo="")
    drawn(shop)
    version = shop.designs.version("crane1")
    drawn(shop, price=9_500)
    for act in (
        lambda: shop.designs.accept("crane1", version, terms(shop), actor="operator:1"),
        lambda: shop.designs.refuse("crane1", version, "unclear", actor="operator:1"),
        lambda: shop.designs.refuse("crane1", shop.designs.version("crane1"), "ugly", actor="operator:1"),
    ):
        with pytest.raises(Conflict):
            act()
    shop.designs.refuse("crane1", shop.designs.version("crane1"), "unclear", actor="operator:1")
    assert life(shop) == "refused"
    drawn(shop)
    assert life(shop) == "review"
    with pytest.raises(NotFound):
        drawn(shop, account=BEN)
    with pytest.raises(NotFound):
        shop.designs.withdraw("crane1", BEN)
    shop.designs.accept("crane1", shop.designs.version("crane1"), terms(shop), actor="operator:1")
    for act in (lambda: drawn(shop), lambda: shop.designs.withdraw("crane1", ANNA)):
        with pytest.raises(Conflict):
            act()
    assert not hidden(shop)


@pytest.mark.parametrize(
    "wrong",
    [{"price": 0}, {"price": -5}, {"price": 10**12}, {"goal": 0}, {"goal": 9}, {"most": 10**9}, {"royalty": 5_001},
     {"royalty": -1}, {"until": 0}, {"days": 400}, {"made_day": 0}, {"made_day": 10**9}],
)  # fmt: skip
def test_terms_that_cannot_be_are_refused(shop: fairday.Shop, wrong: dict[str, int]) -> None:
    opened(shop)
    drawn(shop)
    with pytest.raises(Conflict):
        shop.designs.accept("crane1", shop.designs.version("crane1"), terms(shop, **wrong), actor="operator:1")
    assert life(shop) == "review"
    assert hidden(shop)


@pytest.mark.parametrize("price", [0, -1, 10**12, 1.5, True])
def test_a_price_that_cannot_be_is_refused(shop: fairday.Shop, price: Any) -> None:
    opened(shop)
    with pytest.raises((Conflict, FairdayError)):
        drawn(shop, price=price)
    assert shop.designs.named("crane1") is None


def test_while_it_is_closed_nobody_sends_a_design(shop: fairday.Shop) -> None:
    opened(shop, open=False)
    with pytest.raises(Conflict, match="taken"):
        shop.designs.write("crane1", ANNA, ids(ANNA), Drawn(title="A crane", text="", price=1, photo=photo(shop)))


def test_an_erased_designer_leaves_what_was_ordered_to_go_on(shop: fairday.Shop, clock) -> None:
    now = shop.clock.now()
    opened(shop)
    shop.append(
        [Happening(message_id="met", kind="identify", at=now, received=now, source="shop", ids=ids(ANNA))]
    ).result()
    shop.catch_up()
    put_up(shop)
    bought(shop, 3)
    assert "A crane on a mug" in str(shop.export("email:anna@example.com"))
    shop.erase("email:anna@example.com")
    found = shop.designs.named("crane1")
    assert found is not None
    assert (found.title, found.text, found.photo) == ("", "", "")
    over(shop, clock)
    assert life(shop) == "made"


def test_a_design_with_the_id_of_a_listing_or_a_brief_leaves_their_words_alone(shop: fairday.Shop) -> None:
    selling.opened(shop)
    opened(shop)
    selling.listed(shop, "same01")
    put_up(shop, "same02")
    drawn(shop, "same01", BEN, title="Free money")
    asked(shop, "same02")
    with shop.db.read() as conn:
        listing = records.get(conn, "same01")
    assert listing is not None
    assert listing.title != "Free money"
    ours, brief = shop.designs.named("same02"), shop.briefs.named("same02")
    assert ours is not None
    assert brief is not None
    assert (ours.title, brief.title) == ("A crane on a mug", "A poster for spring")


@pytest.mark.parametrize("price", [9_900, 100])
def test_the_price_that_was_said_stands_whatever_the_catalogue_says_since(shop: fairday.Shop, price: int) -> None:
    opened(shop)
    put_up(shop)
    with shop.db.write() as conn:
        row = ProductRow(product="design-crane1", title="A crane", category="designs", price=price, currency="CNY")
        save_products(conn, [row], shop.clock.now())
    placed = ordered(shop)
    assert isinstance(placed, Placed)
    assert state(shop, placed.order)["total"] == 8_800
