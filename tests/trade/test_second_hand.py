"""People sell to people: docs/algorithms/second-hand.md, rule by rule, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

import fairday
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.trade.c2c import records
from fairday.trade.c2c.mode import divided
from fairday.trade.c2c.service import Draft
from selling import ANNA, BEN, bought, held, listed, opened, order_of, pay, photo, sent

IDS = (("email", "anna@example.com"),)
HELD, FEES, EARNED = "held:account:anna", "sales:commission", "seller:anna"


def life(shop: fairday.Shop, id_: str = "bike01") -> str:
    state = shop.market.state(f"listing:{id_}")
    assert state is not None
    return state["life"]


def test_money_is_held_until_the_buyer_has_it_and_then_divided_to_the_cent(shop: fairday.Shop) -> None:
    opened(shop)
    number = sent(shop)
    assert life(shop) == "sold"
    assert held(shop, HELD) == 31_500
    assert shop.market.earned(ANNA) == {}
    shop.market.received(number, BEN)
    assert (held(shop, HELD), held(shop, FEES), held(shop, EARNED)) == (0, 1_575, 29_925)
    assert shop.market.earned(ANNA) == {"CNY": 29_925}
    state = shop.orders.state(f"order:{number}")
    assert state is not None
    assert state["life"] == "completed"
    refused = shop.orders.act("order.refund", f"order:{number}", {"extra": 100}, actor="operator:1")
    assert refused.refusal is not None
    assert refused.refusal.code == "order_final"


def test_a_buyer_who_says_nothing_lets_the_money_go_after_so_many_days(shop: fairday.Shop, clock) -> None:
    opened(shop, hold_days=3)
    sent(shop)
    clock.at += 3 * DAY_MS - 1
    shop.fire_due()
    assert held(shop, HELD) == 31_500
    clock.at += 1
    shop.fire_due()
    assert held(shop, HELD) == 0
    assert shop.market.earned(ANNA) == {"CNY": 29_925}


@pytest.mark.parametrize("back", [None, 0, 1, 7_777, 31_499])
def test_a_decision_splits_the_money_to_the_cent_and_closes_the_order(
    shop: fairday.Shop, clock, back: int | None
) -> None:
    opened(shop)
    number = sent(shop)
    shop.market.dispute(number, BEN, (("email", "ben@example.com"),), "damaged", "The frame is bent.", photo(shop))
    clock.at += DAY_MS
    shop.market.say(number, ANNA, IDS, "It was whole when it left.")
    clock.at += 30 * DAY_MS
    shop.fire_due()
    assert held(shop, HELD) == 31_500, "while it is open nothing moves"
    shop.market.decide(number, back, by="shop", actor="operator:1")
    given = 31_500 if back is None else back
    fee, rest = divided(31_500 - given, 500)
    assert (held(shop, HELD), held(shop, FEES), held(shop, EARNED)) == (0, fee, rest)
    assert given + fee + rest == 31_500
    assert sum(shop.market.earned(ANNA).values()) == rest
    state = shop.orders.state(f"order:{number}")
    assert state is not None
    assert (state["life"], state["refunded"], sum(p["back"] for p in state["payments"])) == ("completed", given, given)
    assert life(shop) == ("withdrawn" if back is None else "sold")
    with pytest.raises(NotFound):
        shop.market.decide(number, 0, by="shop", actor="operator:1")
    with shop.db.read() as conn:
        row = records.dispute_of(conn, number)
        assert row is not None
        assert (row["status"], row["back"], row["decided_by"]) == ("decided", given, "shop")
        assert [w["by"] for w in records.words_of(conn, f"dispute:{number}")] == ["buyer", "seller"]


def test_each_side_may_only_give_in(shop: fairday.Shop) -> None:
    opened(shop)
    number = sent(shop)
    with pytest.raises(NotFound):
        shop.market.dispute(number, ANNA, IDS, "damaged", "It is mine after all.")
    shop.market.dispute(number, BEN, IDS, "damaged", "The frame is bent.")
    for by, back in ((BEN, None), (BEN, 1), (ANNA, 0), ("account:eve", 0), ("shop", -1), ("shop", 31_501)):
        with pytest.raises(NotFound if by == "account:eve" else Conflict):
            shop.market.decide(number, back, by=by, actor="test")
    shop.market.decide(number, None, by=ANNA, actor=ANNA)
    assert held(shop, HELD) == 0
    assert held(shop, EARNED) == 0


def test_one_thing_is_sold_once_however_many_want_it(shop: fairday.Shop) -> None:
    opened(shop)
    listed(shop)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: bought(shop, number=f"{n:026x}", who=f"account:b{n}"), range(24)))
    assert sum(a.ok for a in answers) == 1
    assert {a.refusal.code for a in answers if a.refusal is not None} == {"sold_out"}


def test_what_nobody_paid_is_free_again_and_late_money_takes_it_or_goes_back(shop: fairday.Shop, clock) -> None:
    opened(shop)
    listed(shop)
    assert bought(shop).ok
    assert life(shop) == "reserved"
    clock.at += 31 * 60_000
    shop.fire_due()
    assert life(shop) == "live"
    assert bought(shop, number="f" * 26, who="account:carl").ok
    assert life(shop) == "reserved"
    payment = pay_late(shop)
    state = shop.payments.state(payment)
    assert state is not None
    assert state["refunds"], "somebody else has it now: the money goes back"
    assert life(shop) == "reserved"


def pay_late(shop: fairday.Shop) -> str:
    number = order_of("bike01")
    begun = shop.payments.begin(
        f"order:{number}", "bank_transfer", "", 31_500, "CNY", subject="Shop", actor=BEN, account=BEN
    )
    shop.payments.confirm(begun.number, "bank-2", "operator:1")
    return begun.number


def test_who_may_buy_and_at_what(shop: fairday.Shop) -> None:
    opened(shop)
    listed(shop)
    for more, code in (
        ({"who": ANNA}, "own_listing"), ({"who": ""}, "members_only"), ({"seen": (1, 1_500)}, "listing_changed"),
        ({"seen": (30_000, 0)}, "listing_changed"), ({"seen": (-1, 0)}, "bad_order"),
    ):  # fmt: skip
        answer = bought(shop, **more)
        assert answer.refusal is not None
        assert answer.refusal.code == code, more
    with pytest.raises(NotFound):
        shop.market.buy("nothing", "a" * 26, BEN, (), None, method="cash", seen=(1, 0))  # type: ignore[arg-type]


def test_a_listing_is_looked_at_before_it_is_shown_and_refused_with_the_reason(shop: fairday.Shop) -> None:
    opened(shop)
    draft = Draft(title="Watch", text="", price=9_900, shipping=0, photo=photo(shop))
    shop.market.write("watch1", ANNA, IDS, draft, send=False)
    assert life(shop, "watch1") == "draft"
    shop.market.write("watch1", ANNA, IDS, draft)
    seen = shop.market.version("watch1")
    answer = bought(shop, "watch1")
    assert answer.refusal is not None
    assert answer.refusal.code == "sold_out"
    shop.market.write("watch1", ANNA, IDS, Draft(title="Cheap Rolex", text="", price=9_900, shipping=0,
                                                 photo=draft.photo))  # fmt: skip
    with pytest.raises(Conflict, match="changed"):
        shop.market.moderate("watch1", seen, actor="operator:1")
    shop.market.moderate("watch1", shop.market.version("watch1"), actor="operator:1", why="counterfeit")
    with shop.db.read() as conn:
        (found,) = records.page(conn, seller=ANNA)
    assert (found.life, found.why) == ("refused", "counterfeit")
    with pytest.raises(NotFound):
        shop.market.withdraw("watch1", BEN)
    with pytest.raises(NotFound):
        shop.market.write("watch1", BEN, IDS, draft)
    shop.market.withdraw("watch1", ANNA)
    assert life(shop, "watch1") == "withdrawn"
    listed(shop)
    bought(shop)
    with pytest.raises(Conflict, match="buying"):
        shop.market.withdraw("bike01", ANNA)


@pytest.mark.parametrize(
    ("changes", "where"),
    [({"title": "x"}, "title"), ({"title": "x" * 81}, "title"), ({"text": "x" * 2001}, "text"),
     ({"title": "a\x00b"}, "title"), ({"photo": ""}, "photo"), ({"photo": "not-there"}, "photo"),
     ({"price": 0}, ""), ({"price": -5}, ""), ({"price": 10**10}, ""), ({"shipping": -1}, "")],
)  # fmt: skip
def test_a_listing_that_cannot_be_is_said(shop: fairday.Shop, changes: dict, where: str) -> None:
    opened(shop)
    given = {"title": "Watch", "text": "", "price": 9_900, "shipping": 0, "photo": photo(shop)} | changes
    with pytest.raises(FairdayError) as error:
        shop.market.write("watch1", ANNA, IDS, Draft(**given))
    assert where in (error.value.where or "")
    assert shop.market.state("listing:watch1") is None


def test_a_closed_market_takes_nothing_and_a_day_has_its_limit(shop: fairday.Shop, clock) -> None:
    opened(shop, open=False)
    draft = Draft(title="Watch", text="", price=9_900, shipping=0, photo=photo(shop))
    with pytest.raises(Conflict):
        shop.market.write("watch1", ANNA, IDS, draft)
    opened(shop)
    for n in range(30):
        shop.market.write(f"watch{n}", ANNA, IDS, draft)
    with pytest.raises(Conflict, match="a day"):
        shop.market.write("watch30", ANNA, IDS, draft)
    clock.at += DAY_MS
    shop.market.write("watch30", ANNA, IDS, draft)


def test_payouts_never_pass_what_was_earned_and_one_refused_comes_back(shop: fairday.Shop) -> None:
    opened(shop)
    shop.market.received(sent(shop), BEN)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda n: _ask(shop, f"payout{n:02d}", 20_000), range(8)))
    assert sum(done) == 1
    assert shop.market.earned(ANNA) == {"CNY": 9_925}
    with shop.db.read() as conn:
        (row,) = records.payouts_of(conn, status="waiting")
    assert row["destination"] == "ICBC 6222 0000"
    shop.market.refuse_payout(row["id"], "wrong_details", actor="operator:1")
    assert shop.market.earned(ANNA) == {"CNY": 29_925}
    assert held(shop, EARNED) == 29_925
    assert _ask(shop, "payout99", 29_925)
    assert not _ask(shop, "payout98", 1)
    shop.market.confirm_payout("payout99", "BANK-77", actor="operator:1")
    for again in (lambda: shop.market.confirm_payout("payout99", "BANK-77", actor="operator:1"),
                  lambda: shop.market.refuse_payout("payout99", "other", actor="operator:1"),
                  lambda: shop.market.confirm_payout("nothing", "BANK-77", actor="operator:1")):  # fmt: skip
        with pytest.raises(NotFound):
            again()
    assert (held(shop, EARNED), held(shop, "payouts:waiting"), held(shop, "payouts:paid")) == (0, 0, 29_925)


def _ask(shop: fairday.Shop, payout: str, amount: int) -> bool:
    try:
        shop.market.ask_payout(ANNA, IDS, payout, amount, "ICBC 6222 0000")
    except Conflict:
        return False
    return True


@pytest.mark.parametrize("amount", [0, -1, 10**20])
def test_a_payout_of_a_nonsense_amount_is_refused(shop: fairday.Shop, amount: int) -> None:
    opened(shop)
    shop.market.received(sent(shop), BEN)
    assert not _ask(shop, "payout01", amount)


def test_both_rate_once_when_it_is_over(shop: fairday.Shop, clock) -> None:
    opened(shop)
    number = sent(shop)
    with pytest.raises(Conflict):
        shop.market.rate(number, BEN, IDS, 5)
    shop.market.received(number, BEN)
    shop.market.rate(number, BEN, (("email", "ben@example.com"),), 4, "Well packed.")
    shop.market.rate(number, ANNA, IDS, 5)
    for who, stars, error in (
        (BEN, 1, Conflict),
        (ANNA, 0, Conflict),
        (ANNA, 6, Conflict),
        ("account:eve", 5, NotFound),
    ):
        with pytest.raises(error):
            shop.market.rate(number, who, IDS, stars)
    with shop.db.read() as conn:
        assert records.stars_of(conn, [ANNA, BEN]) == {ANNA: (4.0, 1), BEN: (5.0, 1)}
        assert [w["text"] for w in records.words_of(conn, f"rating:{number}")] == ["Well packed."]


def test_a_buyer_whose_thing_is_not_sent_takes_the_money_back(shop: fairday.Shop) -> None:
    opened(shop)
    listed(shop)
    assert bought(shop).ok
    number = order_of("bike01")
    pay(shop, number)
    with pytest.raises(Conflict):
        shop.market.dispute(number, BEN, IDS, "not_arrived", "Nothing came yet.")
    assert shop.orders.act("order.cancel", f"order:{number}", actor=BEN).ok
    assert life(shop) == "live"
    assert held(shop, HELD) == 0


def test_only_the_seller_sends_and_only_the_buyer_receives(shop: fairday.Shop) -> None:
    opened(shop)
    number = sent(shop)
    for wrong in (lambda: shop.market.send(number, BEN, "sf", "x"), lambda: shop.market.received(number, ANNA),
                  lambda: shop.market.received(number, "account:eve"), lambda: shop.market.deal("0", BEN)):  # fmt: skip
        with pytest.raises(NotFound):
            wrong()
    with pytest.raises(Conflict):
        shop.market.send(number, ANNA, "sf", "AGAIN123")


def test_a_dispute_hears_each_side_so_often_and_strangers_never(shop: fairday.Shop) -> None:
    opened(shop)
    number = sent(shop)
    shop.market.dispute(number, BEN, IDS, "damaged", "The frame is bent.")
    with pytest.raises(NotFound):
        shop.market.say(number, "account:eve", IDS, "Let me see.")
    for _ in range(20):
        shop.market.say(number, ANNA, IDS, "It was whole.")
    with pytest.raises(Conflict):
        shop.market.say(number, ANNA, IDS, "It was whole.")
    with shop.db.read() as conn:
        assert len(records.words_of(conn, f"dispute:{number}")) == 21, "what was refused is not kept"


def test_a_command_nobody_knows_is_refused(shop: fairday.Shop) -> None:
    opened(shop)
    listed(shop)
    for stream in ("listing:bike01", "seller:anna", "dispute:x1", "rating:x1"):
        answer = shop.runner.submit(Command("steal", stream, {"version": 1}))
        assert answer.refusal is not None
        assert answer.refusal.code == "unknown_command"
