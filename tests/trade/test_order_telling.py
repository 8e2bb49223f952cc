from __future__ import annotations

import random

import pytest
from sqlalchemy import select

import fairday
from fairday.insight.trade import trade as counted
from fairday.kernel import jsons
from fairday.kernel.clock import local_day
from fairday.people import identity
from fairday.storage.ledger import balance
from fairday.storage.log import happenings
from fairday.trade import order as rules
from fairday.trade.records import Contact
from trading import fill, line, pay, placing, register, state

ANA, BO = ("email", "ana@example.com"), ("phone", "+8613800138000")


@pytest.fixture
def trade(shop: fairday.Shop) -> fairday.Shop:
    register(shop)
    for sku in ("mug", "tea"):
        fill(shop, sku, 500)
    return shop


def place(shop, order, *lines, who=ANA, **more):
    answer = shop.orders.place(order, placing(*lines, **more), Contact(name="Ana"), (who,), actor="b")
    assert answer.ok, answer.refusal
    return answer


def told(shop):
    shop.catch_up()
    with shop.db.read() as conn:
        rows = conn.execute(select(happenings.c.name, happenings.c.body).order_by(happenings.c.pos)).all()
    return [(name, jsons.loads(body)["properties"]) for name, body in rows if name.startswith(("Order", "Return"))]


def test_an_order_is_told_when_it_is_paid_in_segments_words(trade):
    place(trade, "order:1", line("1", "mug", 3, 1000, off=1), line("2", "tea", 1, 500), shipping=800)
    assert told(trade) == []
    pay(trade, "order:1", 4299)
    ((name, said),) = told(trade)
    assert name == "Order Completed"
    assert {k: said[k] for k in ("order_id", "total", "revenue", "shipping", "discount", "currency")} == {
        "order_id": "1", "total": 42.99, "revenue": 34.99, "shipping": 8.0, "discount": 0.01, "currency": "CNY",
    }  # fmt: skip
    assert [(p["product_id"], p["quantity"], round(p["price"] * p["quantity"], 6)) for p in said["products"]] == [
        ("mug", 3, 29.99), ("tea", 1, 5.0)
    ]  # fmt: skip


def test_what_goes_back_is_told_once_whoever_reads_it_again(trade):
    place(trade, "order:1", line("1", "mug", 3, 1000))
    pay(trade, "order:1", 3000)
    trade.orders.act("order.refund", "order:1", {"unshipped": {"1": 1}, "why": "late"}, actor="clerk")
    assert [(n, s["total"]) for n, s in told(trade)] == [("Order Completed", 30.0), ("Order Refunded", 10.0)]
    trade.followers.rebuild("orders")
    assert len(told(trade)) == 2


def test_an_order_that_was_never_paid_counts_for_nothing(trade, clock):
    place(trade, "order:1", line("1", "mug", 3, 1000))
    clock.move(3_600_000)
    trade.fire_due()
    assert told(trade) == [("Order Cancelled", {"channel": "web", "currency": "CNY", "order_id": "1",
                                                "reason": "expired", "total": 0.0})]  # fmt: skip


def test_an_erased_buyers_order_is_told_of_nobody(trade):
    place(trade, "order:1", line("1", "mug", 1, 1000))
    pay(trade, "order:1", 1000)
    trade.catch_up()
    trade.erase("email:ana@example.com")
    assert trade.orders.act("order.ship", "order:1", actor="clerk").ok
    assert told(trade) == []


@pytest.mark.parametrize("seed", range(3))
def test_reports_and_traits_count_the_revenue_of_the_ledger_to_the_cent(trade, clock, seed):
    rng = random.Random(seed)
    orders: dict[str, tuple[str, str]] = {}
    for n in range(12):
        order = f"order:{seed}-{n}"
        orders[order] = rng.choice([ANA, BO])
        unit, qty = rng.randrange(1, 5000), rng.randrange(1, 5)
        first = line("1", "mug", qty, unit, off=(off := rng.randrange(unit)), tax=(unit * qty - off) // 6)
        second = line("2", "tea", 1, rng.randrange(1, 900))
        place(trade, order, first, second, who=orders[order], shipping=rng.choice([0, 799]))
        if rng.random() < 0.8:
            pay(trade, order, state(trade, order)["total"], f"till:{order}")
    for _ in range(40):
        order = rng.choice(list(orders))
        now = state(trade, order)
        if rng.random() < 0.3:
            trade.orders.act("order.ship", order, {"units": {"1": 1}}, actor="clerk")
        elif rng.random() < 0.2:
            trade.orders.act("order.cancel", order, {}, actor="clerk")
        elif rng.random() < 0.15:
            new = f"order:{order.partition(':')[2]}x{rng.randrange(10**9)}"
            other = placing(line("1", "tea", 1, rng.randrange(1, 3000)))
            trade.orders.exchange(order, new, {"1": 1}, other, actor="clerk")
        else:
            lines = now["lines"]
            data = {
                "units": {k: rng.randrange(x["shipped"] - x["returned"] + 1) for k, x in lines.items()},
                "unshipped": {k: rng.randrange(rules.waiting(x) + 1) for k, x in lines.items()},
                "extra": rng.choice([0, 0, 13]), "shipping": rng.random() < 0.3,
            }  # fmt: skip
            trade.orders.act("order.refund", order, data, actor="clerk")
    clock.move(3_600_000)
    trade.fire_due()
    trade.catch_up()
    today = local_day(clock.now(), trade.settings.zone)
    with trade.db.read() as conn:
        ledger = sum(balance(conn, account, "CNY") for account in ("sales", "sales:shipping", "tax"))
        report = counted(conn, today - 1, today + 1)
        people = {identity.person_of(conn, *who) for who in orders.values()}
        skipped = conn.exec_driver_sql("SELECT count(*) FROM followers_skipped").scalar()
    assert skipped == 0
    assert set(report.person.tolist()) <= people
    assert int(report.net.sum()) == ledger
