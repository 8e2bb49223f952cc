"""Paying in the store by a code: once for each receipt, within its minute, counted once under races."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.intake.keys import create_key
from fairday.kernel.clock import ManualClock
from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.kernel.settings import RewardBoost, RewardLevel, RewardSettings
from fairday.storage import ledger
from fairday.storage.runner import stream_state
from fairday.trade import order as rules
from fairday.trade.tills import LASTS, Line, Sale, tax_in
from stocking import assert_levels_agree
from webdesk import Client

A = "account:a"
STARS = RewardSettings(
    on=True, unit="stars", per=1000, months=12, levels=(RewardLevel("green", 5), RewardLevel("gold", 50))
)


@pytest.fixture
def till(shop: fairday.Shop) -> fairday.Shop:
    shop.change_settings(rewards=STARS)
    shop.runner.submit(Command("open", A))
    number = shop.payments.begin(A, "cash", "", 10_000, "CNY", subject="card", actor="test").number
    shop.payments.confirm(number, "slip", "test")
    return shop


def sale(shop: fairday.Shop, **more: Any) -> Sale:
    given = {"code": "", "amount": 3200, "currency": "CNY", "receipt": "r-1"} | more
    return Sale(**(given | ({"code": shop.tills.issue(A)[0]} if not given["code"] else {})))


def holds(shop: fairday.Shop) -> tuple[int, int]:
    """Money and stars, as state and ledger both say."""
    with shop.db.read() as conn:
        found = stream_state(conn, A)
        assert found is not None
        kept = found[1]["balances"]
        assert all(ledger.balance(conn, A, unit) == kept.get(unit, 0) for unit in ("CNY", "stars"))
    return kept.get("CNY", 0), kept.get("stars", 0)


def test_a_sale_is_placed_paid_handed_over_and_over_in_one_go(till: fairday.Shop) -> None:
    lines = (Line(sku="latte", qty=2, amount=2400), Line(sku="scone", amount=800))
    sold = till.tills.pay("till:front", sale(till, lines=lines, store="s1"))
    assert (sold.paid, sold.balance, sold.earned, sold.points, sold.again) == (3200, 6800, 3, 3, False)
    state = till.orders.state(f"order:{sold.order}")
    assert state is not None
    assert (rules.status(state), state["channel"], state["store"]) == ("completed", "store", "s1")
    with till.db.read() as conn:
        assert ledger.balance(conn, "sales", "CNY") == 3200
        assert ledger.balance(conn, f"order:{sold.order}", "CNY") == 0
    assert holds(till) == (6800, 3)


def test_the_same_receipt_is_the_same_sale_and_another_sale_under_it_is_refused(till: fairday.Shop) -> None:
    first = sale(till)
    one = till.tills.pay("till:front", first)
    assert till.tills.pay("till:front", first).again
    again = till.tills.pay("till:front", sale(till))
    assert (again.order, again.again, holds(till)) == (one.order, True, (6800, 3)), "a new code pays nothing twice"
    with pytest.raises(Conflict) as error:
        till.tills.pay("till:front", sale(till, amount=100))
    assert error.value.code == "receipt_used"
    assert till.tills.pay("till:back", sale(till)).order != one.order, "receipts are each till's own"


def test_a_code_is_good_once_and_for_a_minute(till: fairday.Shop, clock: ManualClock) -> None:
    first = sale(till)
    till.tills.pay("till:front", first)
    for wrong, code in ((Sale(code=first.code, amount=100, currency="CNY", receipt="r-2"), "code_used"),
                        (Sale(code="0" * 18, amount=100, currency="CNY", receipt="r-2"), "code_unknown")):  # fmt: skip
        with pytest.raises((Conflict, NotFound)) as error:
            till.tills.pay("till:front", wrong)
        assert error.value.code == code
    late = sale(till, receipt="r-3")
    clock.move(LASTS)
    with pytest.raises(Conflict) as over:
        till.tills.pay("till:front", late)
    assert over.value.code == "code_over"
    assert holds(till)[0] == 6800


def test_too_little_leaves_nothing_behind_and_the_receipt_can_be_paid_after(till: fairday.Shop) -> None:
    dear = sale(till, amount=10_001)
    with pytest.raises(Conflict) as error:
        till.tills.pay("till:front", dear)
    assert error.value.code == "insufficient"
    assert holds(till) == (10_000, 0)
    with till.db.write() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM orders").scalar() == 0
    number = till.payments.begin(A, "cash", "", 500, "CNY", subject="card", actor="test").number
    till.payments.confirm(number, "slip", "test")
    assert till.tills.pay("till:front", dear).balance == 499, "the code was not used up either"


def test_one_code_at_many_tills_at_once_pays_one_of_them(till: fairday.Shop) -> None:
    code = till.tills.issue(A)[0]

    def ask(n: int) -> str:
        try:
            till.tills.pay(f"till:{n % 4}", Sale(code=code, amount=1000, currency="CNY", receipt=f"r{n // 8}"))
        except Conflict as error:
            return error.code
        return "sold"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(16)))
    assert set(answers) == {"sold", "code_used"}
    assert holds(till) == (9000, 1)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"code": "12"}, "bad_code"), ({"receipt": ""}, "bad_receipt"), ({"receipt": "x" * 65}, "bad_receipt"),
        ({"amount": 0}, "bad_amount"), ({"amount": -5}, "bad_amount"), ({"amount": 10**13}, "bad_amount"),
        ({"currency": "USD"}, "bad_currency"), ({"lines": (Line(sku="a", amount=1),)}, "bad_sum"),
        ({"lines": (Line(sku="a", amount=3300), Line(sku="b", amount=-100))}, "bad_line"),
        ({"lines": (Line(sku="", amount=3200),)}, "bad_line"),
        ({"lines": (Line(sku="a", qty=0, amount=3200),)}, "bad_line"),
        ({"lines": (Line(sku="a", amount=0),) * 101}, "bad_sale"),
    ],
)  # fmt: skip
def test_a_sale_that_cannot_be_one_is_refused_with_what_to_write(
    till: fairday.Shop, more: dict[str, Any], code: str
) -> None:
    with pytest.raises(FairdayError) as error:
        till.tills.pay("till:front", sale(till, **more))
    assert error.value.code == code
    assert holds(till) == (10_000, 0)


def test_boosts_multiply_and_tiers_rise(till: fairday.Shop, clock: ManualClock) -> None:
    till.change_settings(rewards={**_told(), "boosts": [{"percent": 200}, {"percent": 300, "tiers": ["green"]}]})
    first = till.tills.pay("till:front", sale(till))
    assert (first.earned, first.tier) == (6, "green")
    assert till.tills.pay("till:front", sale(till, receipt="r-2")).earned == 9


def _told() -> dict[str, Any]:
    import msgspec

    made: dict[str, Any] = msgspec.to_builtins(STARS)
    return made


def test_the_tills_door_wants_a_tills_key_and_bounds_guesses(till: fairday.Shop) -> None:
    with till.db.write() as conn:
        _, key = create_key(conn, "front", "till", till.clock.now())
        _, other = create_key(conn, "shop server", "server", till.clock.now())
    client = Client(till)
    code = till.tills.issue(A)[0]
    body = {"code": code, "amount": 3200, "currency": "CNY", "receipt": "r-9"}
    for auth in (None, ("nobody", ""), (other, "")):
        assert client.request("POST", "/v1/till/pay", json=body, auth=auth).status_code == 401
    assert holds(till)[0] == 10_000
    first = client.request("POST", "/v1/till/pay", json=body, auth=(key, ""))
    assert (first.status_code, first.json()["balance"], first.json()["earned"]) == (200, 6800, 3)
    bearer = client.request("POST", "/v1/till/pay", json=body, headers={"authorization": f"Bearer {key}"})
    assert bearer.json()["again"] is True
    for wrong in ({**body, "amount": "3200"}, {**body, "amount": 1.5}, {"code": code}, [], None):
        answer = client.request("POST", "/v1/till/pay", json=wrong, auth=(key, ""))
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"] == "bad_sale"
    assert client.request("POST", "/v1/till/pay", content=b"{" * 70_000, auth=(key, "")).status_code == 413
    guess = {**body, "receipt": "r-10", "code": "1" * 18}
    said = [client.request("POST", "/v1/till/pay", json=guess, auth=(key, "")).status_code for _ in range(14)]
    assert set(said) == {404, 429}
    assert said.count(404) <= 10
    assert client.get("/v1/till/pay").status_code == 405


def test_codes_are_kept_as_digests(till: fairday.Shop) -> None:
    code, _ = till.tills.issue(A)
    with till.db.read() as conn:
        for table in ("streams", "events"):
            rows = conn.exec_driver_sql(f"SELECT * FROM {table}").all()
            assert not any(code in str(row) for row in rows)


def test_a_birthday_and_a_day_of_the_month_are_the_shops_days() -> None:
    from datetime import date

    from fairday.kernel.audience.facts import yearly_day
    from fairday.kernel.clock import to_day
    from fairday.trade.rewards import earned, factor

    told = RewardSettings(boosts=(RewardBoost(percent=200, days=(1,)), RewardBoost(percent=400, birthday=True)))
    leap = yearly_day(2, 29)
    for day, birthday, wanted in (
        (date(2027, 6, 2), None, 1), (date(2027, 6, 1), None, 2), (date(2027, 6, 2), yearly_day(6, 2), 4),
        (date(2027, 3, 1), leap, 4), (date(2028, 3, 1), leap, 2), (date(2028, 2, 29), leap, 4),
    ):  # fmt: skip
        assert factor(told, to_day(day), "", birthday) == wanted, day
    assert earned(1999, 1000, factor(told, to_day(date(2027, 6, 1)), "", None), 0) == 3
    assert earned(0, 100, factor(told, 1, "", None), 50) == 50


def test_a_sale_takes_its_units_from_the_store_and_counts_the_tax_that_is_in_it(till: fairday.Shop) -> None:
    with till.db.write() as conn:
        save_products(conn, [ProductRow(product="latte", title="Latte", price=1200, currency="CNY")], 1)
    till.change_settings(country="CN", taxes={"CN": {"rates": {"standard": "13"}}})
    till.stock.count("latte", "s1", 3)
    lines = (Line(sku="latte", qty=2, amount=2400), Line(sku="scone", amount=800))
    asked = sale(till, lines=lines, store="s1")
    for _ in range(2):
        sold = till.tills.pay("till:front", asked)
    state = till.orders.state(f"order:{sold.order}")
    assert state is not None
    assert [x["tax"] for x in state["lines"].values()] == [276, 92]
    with till.db.read() as conn:
        assert ledger.balance(conn, "tax", "CNY") == 368
        assert ledger.balance(conn, "sales", "CNY") == 3200 - 368
    assert assert_levels_agree(till) == {("latte", "s1"): [1, 0, 0]}
    more = sale(till, lines=(Line(sku="latte", qty=2, amount=2400),), amount=2400, receipt="r-2", store="s1")
    assert till.tills.pay("till:front", more).paid == 2400, "what is on the counter is sold, whatever was counted"
    assert assert_levels_agree(till) == {("latte", "s1"): [0, 0, 0]}


@pytest.mark.parametrize(("amount", "rate", "tax"), [(113, 13_000, 13), (1, 13_000, 0), (0, 9_000, 0), (800, 0, 0)])
def test_the_tax_in_an_amount_is_rounded_half_up(amount: int, rate: int, tax: int) -> None:
    assert tax_in(amount, rate) == tax


def test_codes_are_let_go_of_a_day_after_and_their_sales_stay(till: fairday.Shop, clock: ManualClock) -> None:
    asked = sale(till)
    sold = till.tills.pay("till:front", asked)
    for _ in range(3):
        till.tills.issue(A)
    assert till.forget_codes() == 0
    clock.move(2 * 86_400_000)
    fresh, _ = till.tills.issue(A)
    assert till.forget_codes() == 4
    assert till.forget_codes() == 0
    with till.db.read() as conn:
        left = conn.execute(text("SELECT count(*) FROM events WHERE stream LIKE 'paycode:%'")).scalar()
    assert left == 1
    assert till.tills.pay("till:front", asked).again
    assert till.tills.pay("till:front", sale(till, code=fresh, receipt="r-9")).paid == 3200
    assert till.orders.state(f"order:{sold.order}") is not None
    till.catch_up()
