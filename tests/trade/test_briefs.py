"""Briefs answered by people: docs/algorithms/crowd.md, rule by rule, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import fairday
from crowding import ANNA, BEN, CARA, DORA, answered, asked, closed, held, ids, opened, pay, photo
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.storage.log import Happening
from fairday.trade.b2b.credit import used
from fairday.trade.c2b.brief import SHOP
from fairday.trade.c2b.briefs import Asked
from fairday.trade.c2c.mode import divided

COMPANY = "company:acme"


def acme(shop: fairday.Shop, limit: int | None = None, credit: int = 0) -> None:
    """A company whose admin is Dora and whose buyer is Cara."""
    shop.companies.open("acme", "Acme", "", actor="operator:1")
    for account, role, most in ((DORA, "admin", limit), (CARA, "buyer", None)):
        shop.companies.join(shop.companies.invite("acme", role, most, actor="operator:1"), account)
    shop.companies.terms("acme", credit, 30, actor="operator:1")


def chosen(shop: fairday.Shop, answer: str, price: int = 60_000, **more: Any) -> str:
    """The shop chooses an answer; the order's stream."""
    given: dict[str, Any] = {"by": SHOP, "account": None, "actor": "operator:1"} | more
    number = shop.briefs.choose(answer, given.pop("by"), given.pop("account"), (), price, **given)
    return f"order:{number}"


def work(shop: fairday.Shop, answer: str) -> Any:
    found = shop.briefs.work(answer)
    assert found is not None
    return found


def order(shop: fairday.Shop, stream: str) -> Any:
    found = shop.orders.state(stream)
    assert found is not None
    return found


def begun(shop: fairday.Shop, clock: Any, **more: Any) -> tuple[str, str]:
    """The shop's brief, Anna's answer chosen: (answer, order)."""
    opened(shop, **more)
    asked(shop)
    answer = answered(shop)
    closed(shop, clock)
    return answer, chosen(shop, answer)


def delivered(shop: fairday.Shop, answer: str, account: str = ANNA) -> None:
    shop.briefs.deliver(answer, account, ids(account), "Here it is.", [photo(shop)])


def test_the_shop_asks_chooses_and_pays_out_of_its_own_pocket(shop: fairday.Shop, clock) -> None:
    answer, stream = begun(shop, clock)
    assert (held(shop, "held:account:anna"), held(shop, "expenses:briefs")) == (60_000, -60_000)
    assert work(shop, answer)["life"] == "begun"
    refused = shop.orders.act("order.ship", stream, actor="clerk").refusal
    assert refused is not None
    assert refused.code == "not_delivered"
    delivered(shop, answer)
    shop.briefs.accept(answer, SHOP, actor="operator:1")
    assert work(shop, answer)["life"] == "done"
    assert order(shop, stream)["life"] == "completed"
    assert shop.market.earned(ANNA) == {"CNY": 60_000}, "the shop takes no commission of its own brief"
    assert (held(shop, "held:account:anna"), held(shop, stream), held(shop, "seller:anna")) == (0, 0, 60_000)
    shop.market.ask_payout(ANNA, ids(ANNA), "payout1", 60_000, "ICBC 6222")
    shop.market.confirm_payout("payout1", "BANK-1", actor="operator:1")
    assert held(shop, "payouts:paid") == 60_000


def test_a_company_pays_and_the_shop_keeps_a_commission(shop: fairday.Shop, clock) -> None:
    opened(shop)
    acme(shop)
    assert [shop.briefs.by(a) for a in (DORA, CARA, ANNA)] == [COMPANY, "", ""]
    asked(shop, by=COMPANY)
    answer = answered(shop, price=50_001)
    closed(shop, clock)
    stream = chosen(shop, answer, 50_001, by=COMPANY, account=DORA, actor=DORA)
    assert work(shop, answer)["life"] == "chosen"
    with pytest.raises(Conflict):
        delivered(shop, answer)
    pay(shop, stream)
    assert (work(shop, answer)["life"], held(shop, "held:account:anna")) == ("begun", 50_001)
    delivered(shop, answer)
    shop.briefs.accept(answer, COMPANY, actor=DORA)
    fee, rest = divided(50_001, 1_000)
    assert (held(shop, "sales:commission"), held(shop, "seller:anna"), held(shop, stream)) == (fee, rest, 0)
    assert shop.market.earned(ANNA) == {"CNY": rest}


def test_what_is_not_paid_for_in_time_is_free_to_be_chosen_again(shop: fairday.Shop, clock) -> None:
    opened(shop)
    acme(shop)
    asked(shop, by=COMPANY)
    answer = answered(shop)
    closed(shop, clock)
    first = chosen(shop, answer, by=COMPANY, account=DORA, actor=DORA)
    clock.at += 14 * DAY_MS
    shop.fire_due()
    assert (order(shop, first)["life"], work(shop, answer)["life"]) == ("expired", "sent")
    second = chosen(shop, answer, by=COMPANY, account=DORA, actor=DORA)
    assert second != first
    pay(shop, second)
    assert work(shop, answer)["life"] == "begun"
    pay(shop, first)
    assert order(shop, first)["life"] == "expired", "money for the first goes back: the work is paid for"


def test_on_credit_the_money_is_the_sellers_when_work_and_invoice_are_done(shop: fairday.Shop, clock) -> None:
    opened(shop)
    acme(shop, limit=60_000, credit=100_000)
    asked(shop, by=COMPANY, winners=2)
    one, two = answered(shop), answered(shop, BEN)
    closed(shop, clock)
    stream = chosen(shop, one, by=COMPANY, account=DORA, actor=DORA, on_account=True)
    assert used(shop.companies.credit("acme")) == 60_000
    with pytest.raises(Conflict, match="credit"):
        chosen(shop, two, by=COMPANY, account=DORA, actor=DORA, on_account=True)
    delivered(shop, one)
    shop.briefs.accept(one, COMPANY, actor=DORA)
    shop.fire_due()
    assert (work(shop, one)["life"], shop.market.earned(ANNA)) == ("accepted", {})
    pay(shop, stream)
    shop.fire_due()
    assert work(shop, one)["life"] == "done"
    assert shop.market.earned(ANNA) == {"CNY": 54_000}
    assert (held(shop, stream), used(shop.companies.credit("acme"))) == (0, 0)


def test_a_members_limit_holds(shop: fairday.Shop, clock) -> None:
    opened(shop)
    acme(shop, limit=59_999)
    asked(shop, by=COMPANY)
    answer = answered(shop)
    closed(shop, clock)
    with pytest.raises(Conflict, match="limit"):
        chosen(shop, answer, by=COMPANY, account=DORA, actor=DORA)


def test_silence_is_acceptance_and_rounds_are_few(shop: fairday.Shop, clock) -> None:
    answer, _ = begun(shop, clock, rounds=1, accept_days=7)
    delivered(shop, answer)
    shop.briefs.again(answer, SHOP, (), "A little bluer, please.", actor="operator:1")
    clock.at += 7 * DAY_MS
    shop.fire_due()
    assert work(shop, answer)["life"] == "again", "the days of silence stand still in a round"
    delivered(shop, answer)
    with pytest.raises(Conflict, match="rounds"):
        shop.briefs.again(answer, SHOP, (), "And greener.", actor="operator:1")
    clock.at += 7 * DAY_MS - 1
    shop.fire_due()
    assert work(shop, answer)["life"] == "delivered"
    clock.at += 1
    shop.fire_due()
    assert (work(shop, answer)["life"], shop.market.earned(ANNA)) == ("done", {"CNY": 60_000})


def test_a_round_that_is_not_delivered_leaves_what_was(shop: fairday.Shop, clock) -> None:
    answer, _ = begun(shop, clock)
    delivered(shop, answer)
    shop.briefs.again(answer, SHOP, (), "A little bluer, please.", actor="operator:1")
    clock.at += 10 * DAY_MS
    shop.fire_due()
    assert work(shop, answer)["life"] == "delivered"
    clock.at += 7 * DAY_MS
    shop.fire_due()
    assert work(shop, answer)["life"] == "done"


def test_work_that_is_not_delivered_is_called_off_and_the_money_goes_back(shop: fairday.Shop, clock) -> None:
    answer, stream = begun(shop, clock)
    clock.at += 10 * DAY_MS
    shop.fire_due()
    assert (work(shop, answer)["life"], order(shop, stream)["why"]) == ("off", "not_delivered")
    assert (held(shop, "held:account:anna"), held(shop, "expenses:briefs"), held(shop, stream)) == (0, 0, 0)
    with pytest.raises(Conflict):
        delivered(shop, answer)


def test_a_companys_money_goes_back_through_its_payment_when_work_is_not_delivered(shop: fairday.Shop, clock) -> None:
    opened(shop)
    acme(shop)
    asked(shop, by=COMPANY)
    answer = answered(shop)
    closed(shop, clock)
    stream = chosen(shop, answer, by=COMPANY, account=DORA, actor=DORA)
    number = pay(shop, stream)
    clock.at += 10 * DAY_MS
    shop.fire_due()
    payment = shop.payments.state(number)
    assert payment is not None
    assert sum(r["amount"] for r in payment["refunds"].values()) == 60_000
    assert held(shop, "held:account:anna") == 0


@pytest.mark.parametrize("back", [None, 0, 12_345])
def test_a_quarrel_is_the_same_dispute_and_ends_the_work(shop: fairday.Shop, clock, back: int | None) -> None:
    answer, stream = begun(shop, clock)
    number = stream.partition(":")[2]
    delivered(shop, answer)
    with pytest.raises(NotFound):
        shop.market.dispute(number, BEN, ids(BEN), "not_as_told", "It is not mine.")
    shop.market.dispute(number, "shop", (), "not_as_told", "There is no swallow on it.")
    shop.market.say(number, ANNA, ids(ANNA), "It is behind the cloud.")
    clock.at += 60 * DAY_MS
    for _ in range(3):
        shop.fire_due()
    assert work(shop, answer)["life"] == "delivered", "silence is no acceptance while it is open"
    with pytest.raises(Conflict):
        shop.briefs.accept(answer, SHOP, actor="operator:1")
    shop.market.decide(number, back, by="shop", actor="operator:1")
    given = 60_000 if back is None else back
    assert work(shop, answer)["life"] == "done"
    assert (held(shop, "expenses:briefs"), held(shop, stream)) == (given - 60_000, 0)
    assert sum(shop.market.earned(ANNA).values()) == 60_000 - given == held(shop, "seller:anna")


def test_nobody_answers_twice_or_reads_others(shop: fairday.Shop, clock) -> None:
    opened(shop)
    asked(shop)
    first = answered(shop, price=70_000)
    again = answered(shop, price=60_000)
    assert first == again
    brief = shop.briefs.state("poster")
    assert brief is not None
    assert brief["answers"] == 1
    found, said = shop.briefs.read(first, account=ANNA)
    assert (found.price, [w["text"] for w in said]) == (60_000, ["I draw swallows."])
    assert shop.briefs.read(first, by=SHOP)[0] == found
    for account, by in ((BEN, ""), (None, COMPANY), (None, ""), (BEN, COMPANY)):
        with pytest.raises(NotFound):
            shop.briefs.read(first, account=account, by=by)
    with pytest.raises(NotFound):
        shop.briefs.answers("poster", COMPANY)
    forged = Command("answer.write", f"answer:{first}", {"brief": "poster", "account": BEN, "price": 60_000}, BEN)
    answer = shop.runner.submit(forged)
    assert answer.refusal is not None
    assert answer.refusal.code == "no_such_answer"
    for act in (
        lambda: shop.briefs.take_back(first, BEN),
        lambda: shop.briefs.deliver(first, BEN, ids(BEN), "Mine."),
        lambda: shop.briefs.accept(first, COMPANY, actor=DORA),
        lambda: shop.briefs.again(first, COMPANY, (), "More.", actor=DORA),
        lambda: shop.briefs.choose(first, COMPANY, DORA, (), 60_000, actor=DORA),
    ):
        with pytest.raises(NotFound):
            act()
    shop.briefs.take_back(first, ANNA)
    assert shop.briefs.answers("poster", SHOP) == []
    assert answered(shop) == first


def test_a_brief_takes_answers_until_it_closes_and_then_no_more_change(shop: fairday.Shop, clock) -> None:
    opened(shop)
    asked(shop)
    answer = answered(shop)
    with pytest.raises(Conflict, match="changes"):
        asked(shop, least=1)
    with pytest.raises(Conflict, match="look again"):
        chosen(shop, answer)
    clock.at += 5 * DAY_MS
    for account in (ANNA, BEN):
        with pytest.raises(Conflict, match="closed"):
            answered(shop, account)
    shop.fire_due()
    with pytest.raises(Conflict, match="changed"):
        chosen(shop, answer, 50_000)
    chosen(shop, answer)
    with pytest.raises(Conflict):
        shop.briefs.take_back(answer, ANNA)
    with pytest.raises(Conflict):
        shop.briefs.withdraw("poster", SHOP, actor="operator:1")


@pytest.mark.parametrize("price", [49_999, 80_001, 0, -60_000, 10**15, 60_000.0, True])
def test_a_price_outside_the_reward_is_refused(shop: fairday.Shop, price: Any) -> None:
    opened(shop)
    asked(shop)
    with pytest.raises(Conflict):
        answered(shop, price=price)
    assert shop.briefs.answers("poster", SHOP) == []


@pytest.mark.parametrize(
    "wrong",
    [{"least": 0}, {"least": -1}, {"most": 10**12}, {"least": 90_000}, {"winners": 0}, {"winners": 21}, {"until": 0},
     {"until": 10**15}, {"deliver_days": 0}, {"deliver_days": 91}],
)  # fmt: skip
def test_a_brief_that_cannot_be_is_refused(shop: fairday.Shop, wrong: dict[str, int]) -> None:
    opened(shop)
    with pytest.raises(Conflict):
        asked(shop, **wrong)
    assert shop.briefs.named("poster") is None


def test_of_many_choices_at_once_no_more_stand_than_there_are_places(shop: fairday.Shop, clock) -> None:
    opened(shop)
    asked(shop, winners=2)
    accounts = [f"account:{n}" for n in range(8)]
    answers = [answered(shop, account) for account in accounts]
    closed(shop, clock)

    def choose(answer: str) -> bool:
        try:
            return bool(chosen(shop, answer))
        except Conflict as error:
            assert error.code in ("places_taken", "brief_moved")
            return False

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(choose, answers))
    assert sum(won) == 2
    assert held(shop, "expenses:briefs") == -120_000
    brief = shop.briefs.state("poster")
    assert brief is not None
    assert brief["life"] == "over"
    assert len(brief["chosen"]) == 2
    lives = sorted(work(shop, a)["life"] for a in answers)
    assert lives == ["begun"] * 2 + ["sent"] * 6


def test_one_choice_pressed_twice_pays_once(shop: fairday.Shop, clock) -> None:
    answer, _ = begun(shop, clock)
    with pytest.raises(Conflict):
        chosen(shop, answer)
    assert held(shop, "expenses:briefs") == -60_000


def test_nobody_answers_their_own_companys_brief_nor_is_chosen_having_joined_it(shop: fairday.Shop, clock) -> None:
    opened(shop)
    acme(shop)
    asked(shop, by=COMPANY)
    for account in (CARA, DORA):
        with pytest.raises(Conflict, match="own company"):
            answered(shop, account)
    answer = answered(shop, BEN)
    shop.companies.join(shop.companies.invite("acme", "buyer", None, actor="operator:1"), BEN)
    closed(shop, clock)
    with pytest.raises(Conflict, match="own company"):
        chosen(shop, answer, by=COMPANY, account=DORA, actor=DORA)


def test_answers_are_bounded_and_a_seller_sends_few_a_day(shop: fairday.Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(shop)
    monkeypatch.setattr("fairday.trade.c2b.brief.MAX_ANSWERS", 2)
    asked(shop)
    answered(shop, ANNA)
    answered(shop, BEN)
    with pytest.raises(Conflict, match="as many"):
        answered(shop, CARA)
    answered(shop, ANNA)
    monkeypatch.setattr("fairday.trade.c2c.seller.A_DAY", 1)
    asked(shop, "second")
    with pytest.raises(Conflict, match="a day"):
        answered(shop, ANNA, brief="second")


def test_a_brief_may_be_withdrawn_ended_or_run_out(shop: fairday.Shop, clock) -> None:
    opened(shop)
    asked(shop, "gone01")
    answered(shop, brief="gone01")
    with pytest.raises(NotFound):
        shop.briefs.withdraw("gone01", COMPANY, actor=DORA)
    shop.briefs.withdraw("gone01", SHOP, actor="operator:1")
    with pytest.raises(NotFound):
        answered(shop, BEN, brief="gone01")
    for name in ("ended1", "ranout"):
        asked(shop, name)
        answered(shop, brief=name)
    closed(shop, clock, "ranout")
    shop.briefs.end("ended1", SHOP, actor="operator:1")
    clock.at += 30 * DAY_MS
    shop.fire_due()
    for name in ("ended1", "ranout"):
        brief = shop.briefs.named(name)
        assert brief is not None
        assert brief.life == "over"


def test_a_draft_is_nobody_elses_to_answer(shop: fairday.Shop) -> None:
    opened(shop)
    given = Asked(
        title="A poster", text="", least=1, most=1, winners=1, until=shop.clock.now() + DAY_MS, deliver_days=1
    )
    shop.briefs.write("poster", SHOP, (), given, actor="operator:1", open_=False)
    with pytest.raises(NotFound):
        answered(shop, price=1)


def test_while_it_is_closed_nobody_asks_or_answers(shop: fairday.Shop) -> None:
    opened(shop)
    asked(shop)
    shop.change_settings(crowd={"open": False})
    for act in (lambda: asked(shop, "second"), lambda: answered(shop)):
        with pytest.raises(Conflict):
            act()


def test_words_go_with_whoever_wrote_them(shop: fairday.Shop, clock) -> None:
    now = shop.clock.now()
    shop.append(
        [Happening(message_id="met", kind="identify", at=now, received=now, source="shop", ids=ids(ANNA))]
    ).result()
    shop.catch_up()
    answer, _ = begun(shop, clock)
    delivered(shop, answer)
    assert "I draw swallows." in str(shop.export("email:anna@example.com"))
    shop.erase("email:anna@example.com")
    assert shop.briefs.read(answer, by=SHOP)[1] == []
    with shop.db.read() as conn:
        events = str(list(conn.exec_driver_sql("SELECT data FROM events")))
    assert "swallow" not in events


def test_who_was_chosen_goes_on_when_whoever_wrote_the_brief_is_erased(shop: fairday.Shop, clock) -> None:
    now = shop.clock.now()
    opened(shop)
    acme(shop)
    told = Happening(message_id="met", kind="identify", at=now, received=now, source="shop", ids=ids(DORA))
    shop.append([told]).result()
    shop.catch_up()
    for id_ in ("poster", "label1"):
        given = {"title": "A poster", "text": "With a swallow on it.", "least": 500, "most": 500, "winners": 1}
        shop.briefs.write(id_, COMPANY, ids(DORA), Asked(**given, until=now + DAY_MS, deliver_days=9), actor=DORA)
    answer = answered(shop, price=500)
    closed(shop, clock)
    pay(shop, chosen(shop, answer, 500, by=COMPANY, account=DORA, actor=DORA))
    shop.erase("email:dora@example.com")
    found = shop.briefs.named("poster")
    assert found is not None
    assert (found.title, found.text, shop.briefs.named("label1")) == ("", "", None)
    delivered(shop, answer)
    assert work(shop, answer)["life"] == "delivered"


@pytest.mark.parametrize("text", ["", "x" * 2001, "a\x00b"])
def test_words_that_cannot_be_are_refused(shop: fairday.Shop, text: str) -> None:
    opened(shop)
    asked(shop)
    with pytest.raises(FairdayError):
        shop.briefs.answer("poster", ANNA, ids(ANNA), text, 60_000)
