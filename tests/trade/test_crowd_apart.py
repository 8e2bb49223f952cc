"""Briefs on credit with a quarrel, and accounts of people at work for others that become one."""

from __future__ import annotations

import pytest

import fairday
from crowding import ANNA, BEN, DORA, answered, asked, bought, closed, held, ids, opened, pay, photo, put_up
from fairday.kernel.clock import DAY_MS
from fairday.kernel.errors import Conflict, NotFound
from fairday.trade.c2b.brief import SHOP

ACME = "company:acme"


def acme(shop: fairday.Shop, who: str = DORA) -> None:
    shop.companies.open("acme", "Acme", "", actor="operator:1")
    shop.companies.join(shop.companies.invite("acme", "admin", None, actor="operator:1"), who)
    shop.companies.terms("acme", 100_000, 30, actor="operator:1")


def life(shop: fairday.Shop, answer: str) -> str:
    found = shop.briefs.work(answer)
    assert found is not None
    return str(found["life"])


def on_credit(shop: fairday.Shop, clock) -> tuple[str, str]:
    """Acme's brief, Anna's answer chosen on credit and delivered: (answer, order's number)."""
    opened(shop)
    acme(shop)
    asked(shop, by=ACME)
    answer = answered(shop)
    closed(shop, clock)
    number = shop.briefs.choose(answer, ACME, DORA, (), 60_000, actor=DORA, on_account=True)
    shop.briefs.deliver(answer, ANNA, ids(ANNA), "Here it is.", [photo(shop)])
    return answer, number


@pytest.mark.parametrize(("back", "kept"), [(0, 60_000), (20_000, 40_000), (None, 0)])
def test_a_quarrel_over_work_on_credit_is_decided_before_the_invoice_is_paid(shop, clock, back, kept) -> None:
    answer, number = on_credit(shop, clock)
    shop.market.dispute(number, DORA, ids(DORA), "not_as_told", "No swallow.")
    shop.market.decide(number, back, by="shop", actor="operator:1")
    assert shop.companies.statement("acme").owed == kept
    if kept:
        assert held(shop, "seller:anna") == 0
        clock.at += 7 * DAY_MS
        shop.fire_due()
        assert life(shop, answer) == "accepted"
        order = shop.orders.state(f"order:{number}")
        assert order is not None
        begun = shop.payments.begin(f"order:{number}", "bank_transfer", "", kept, "CNY", subject="Shop", actor=DORA,
                                    account=DORA)  # fmt: skip
        shop.payments.confirm(begun.number, "bank-1", "operator:1")
        shop.fire_due()
    assert life(shop, answer) == "done"
    assert shop.market.earned(ANNA) == ({"CNY": kept * 9 // 10} if kept else {})
    assert (held(shop, "held:account:anna"), held(shop, "seller:anna")) == (0, kept * 9 // 10)


def test_a_quarrel_after_acceptance_on_credit_is_decided_before_the_money_moves(shop, clock) -> None:
    answer, number = on_credit(shop, clock)
    shop.briefs.accept(answer, ACME, actor=DORA)
    shop.market.dispute(number, DORA, ids(DORA), "not_as_told", "No swallow.")
    pay(shop, f"order:{number}")
    shop.fire_due()
    assert held(shop, "seller:anna") == 0
    shop.market.decide(number, 10_000, by="shop", actor="operator:1")
    assert (life(shop, answer), held(shop, "seller:anna")) == ("done", 45_000)


def test_a_designers_royalty_and_an_answerers_pay_follow_the_account_they_became(shop, clock) -> None:
    opened(shop)
    put_up(shop, goal=2)
    asked(shop)
    answer = answered(shop)
    closed(shop, clock)
    orders = [bought(shop), bought(shop)]
    shop.briefs.choose(answer, SHOP, None, (), 60_000, actor="operator:1")
    shop.merging.merge(ANNA, BEN)
    with pytest.raises(NotFound):
        shop.briefs.deliver(answer, DORA, ids(DORA), "Mine.", [])
    shop.briefs.deliver(answer, BEN, ids(BEN), "Here it is.", [photo(shop)])
    shop.briefs.accept(answer, SHOP, actor="operator:1")
    clock.at += 10 * DAY_MS
    shop.fire_due()
    shop.stock.receive("design-crane1", "main", 2)
    for order in orders:
        assert shop.orders.act("order.ship", order, actor="clerk").ok
    clock.at += 30 * DAY_MS
    for _ in range(3):
        shop.fire_due()
    assert [d.id for d in shop.designs.sent(BEN)] == ["crane1"]
    assert shop.market.earned(BEN) == {"CNY": 61_760}
    assert (held(shop, "seller:ben"), held(shop, "seller:anna"), held(shop, "held:design:crane1")) == (61_760, 0, 0)
    shop.market.ask_payout(BEN, ids(BEN), "payout1", 61_760, "ICBC 6222")


def test_nobody_is_chosen_whose_account_became_one_of_the_companys(shop, clock) -> None:
    opened(shop)
    acme(shop)
    asked(shop, by=ACME)
    answer = answered(shop)
    shop.merging.merge(ANNA, DORA)
    closed(shop, clock)
    with pytest.raises(Conflict) as no:
        shop.briefs.choose(answer, ACME, DORA, (), 60_000, actor=DORA)
    assert no.value.code == "own_brief"


@pytest.mark.parametrize("paid", [False, True])
def test_who_works_for_a_company_becomes_none_of_it_until_that_is_over(shop, clock, paid) -> None:
    opened(shop)
    acme(shop)
    asked(shop, by=ACME)
    answer = answered(shop)
    closed(shop, clock)
    number = shop.briefs.choose(answer, ACME, DORA, (), 60_000, actor=DORA)
    if paid:
        pay(shop, f"order:{number}")
    for pair in ((ANNA, DORA), (DORA, ANNA)):
        with pytest.raises(Conflict) as no:
            shop.merging.merge(*pair)
        assert no.value.code == "deal_between"
    if paid:
        shop.briefs.deliver(answer, ANNA, ids(ANNA), "Here it is.", [photo(shop)])
        shop.briefs.accept(answer, ACME, actor=DORA)
    else:
        clock.at += 15 * DAY_MS
        shop.fire_due()
    assert shop.merging.merge(ANNA, DORA).into == DORA
