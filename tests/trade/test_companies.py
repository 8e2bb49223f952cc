"""Companies buy: limits, approval, quotes and credit, through the service and under many buyers at once."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.price_records import save_list, set_prices
from fairday.goods.prices import ListPrice, PriceList
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import Command
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.storage.ledger import balance
from fairday.trade.b2b import credit, tables
from fairday.trade.b2b.lists import checked, read_list
from fairday.trade.checkout import Buyer, Moved, Placed
from fairday.trade.records import Contact
from trading import line, placing

TO = Contact(name="Store room", phone="+8613800138000", country="CN", city="Shanghai", street="1 Dock Road")


def set_up(shop, limit=20_000, credit_limit=100_000):
    """Acme buys mugs at 900 instead of 1000, at 800 from 50 pieces: (a buyer with a limit, an approver, an admin)."""
    with shop.db.write() as conn:
        rows = [ProductRow(product=p, title=p, price=1000, currency="CNY") for p in ("MUG", "CUP")]
        save_products(conn, rows, shop.clock.now())
        save_list(conn, PriceList(list="acme", title="Acme", currency="CNY", company="acme"), shop.clock.now())
        prices = [ListPrice("acme", "MUG", 1, 900), ListPrice("acme", "MUG", 50, 800)]
        set_prices(conn, "acme", prices, shop.clock.now())
    shop.companies.open("acme", "Acme Ltd", "91310000", actor="shop")
    if credit_limit:
        shop.companies.terms("acme", credit_limit, 30, actor="shop")
    made = []
    for n, (role, most) in enumerate([("buyer", limit), ("approver", None), ("admin", None)]):
        account = f"account:{n}"
        made.append(shop.companies.join(shop.companies.invite("acme", role, most, actor="shop"), account))
    return made


def order(shop, who, number, on_account=True):
    seen = shop.companies.look(number, who, "CN").quote.seen
    return shop.companies.order(number, who, TO, seen, on_account=on_account, buyer=Buyer(account=who.account))


def test_a_company_buys_at_its_prices_by_quantity_and_pays_its_invoice(shop):
    buyer, _, _ = set_up(shop, limit=None)
    number = shop.companies.draft(buyer, [("MUG", 50), ("CUP", 1)])
    looked = shop.companies.look(number, buyer, "CN")
    assert [(x.offer.unit, x.paid) for x in looked.quote.lines] == [(800, 40_000), (1000, 1000)]
    assert not looked.must_ask
    assert looked.credit == ""
    placed = order(shop, buyer, number)
    assert isinstance(placed, Placed)
    assert placed.total == 41_000
    assert order(shop, buyer, number) == Placed(placed.order, 41_000, again=True)
    state = shop.orders.state(placed.order)
    assert state["on_account"]
    assert state["mode"] == "b2b"
    assert state["data"]["company"] == "acme"
    assert credit.used(shop.companies.credit("acme")) == 41_000
    told = shop.companies.statement("acme")
    assert told.owed == 41_000
    assert [e.kind for e in told.entries] == ["invoice"]
    assert told.open[0].due_at == shop.clock.now() + 30 * DAY_MS
    assert shop.orders.act("order.ship", placed.order, actor="shop").ok  # before it is paid
    shop.clock.at += DAY_MS
    for _ in range(2):
        shop.companies.transferred(placed.order, "BANK-1", actor="shop")
    told = shop.companies.statement("acme")
    assert told.owed == 0
    assert [(e.kind, e.amount) for e in told.entries] == [("invoice", 41_000), ("payment", -41_000)]
    assert credit.used(shop.companies.credit("acme")) == 0
    with pytest.raises(Conflict):
        shop.companies.transferred(placed.order, "BANK-2", actor="shop")
    with pytest.raises(FairdayError):
        shop.companies.transferred(placed.order, " ", actor="shop")
    with pytest.raises(NotFound):
        shop.companies.transferred("order:none", "BANK-3", actor="shop")


def test_what_is_above_a_limit_waits_for_somebody_else(shop):
    buyer, approver, admin = set_up(shop)
    number = shop.companies.draft(buyer, [("MUG", 50)])
    assert shop.companies.look(number, buyer, "CN").must_ask
    refused = order(shop, buyer, number)
    assert isinstance(refused, Moved)
    assert refused.why == "needs_approval"
    with pytest.raises(Conflict, match="does not wait"):
        shop.companies.answer(number, approver, True, 40_000)
    shop.companies.submit(number, buyer, "CN")
    for who, total, code in ((buyer, 40_000, "b2b_not_approver"), (approver, 1, "b2b_requisition_moved")):
        with pytest.raises(Conflict) as error:
            shop.companies.answer(number, who, True, total)
        assert error.value.code == code
    shop.companies.answer(number, approver, True, 40_000)
    assert not shop.companies.look(number, buyer, "CN").must_ask
    shop.companies.change(number, buyer, [("MUG", 60)])  # what was approved was another list
    assert order(shop, buyer, number).why == "needs_approval"
    shop.companies.submit(number, buyer, "CN")
    shop.companies.answer(number, admin, True, 48_000)
    assert isinstance(order(shop, buyer, number), Placed)
    with pytest.raises(Conflict):
        shop.companies.withdraw(number, buyer)


def test_nobody_approves_their_own_list_and_a_refused_one_is_over(shop):
    _, approver, admin = set_up(shop)
    shop.companies.appoint("acme", approver.account, "approver", 0, by=admin.account, actor="test")
    approver = shop.companies.member(approver.account)
    number = shop.companies.draft(approver, [("CUP", 1)])
    shop.companies.submit(number, approver, "CN")
    with pytest.raises(Conflict, match="Somebody else"):
        shop.companies.answer(number, approver, True, 1000)
    shop.companies.answer(number, admin, False, 1000)
    assert order(shop, approver, number).why == "requisition_over"


def test_a_quote_goes_to_and_fro_and_its_order_is_at_its_prices(shop):
    buyer, _, _ = set_up(shop, limit=None)
    number = shop.companies.ask_quote(buyer, [("MUG", 100, 600), ("CUP", 10, None)])
    until = shop.clock.now() + 7 * DAY_MS
    shop.companies.offer(number, 1, [750, 950], until, actor="shop")
    with pytest.raises(Conflict, match="answered meanwhile"):
        shop.companies.counter(number, buyer, 1, [650, 900])
    shop.companies.counter(number, buyer, 2, [650, 900])
    with pytest.raises(Conflict):
        shop.companies.accept(number, buyer)  # it is the shop's turn
    shop.companies.offer(number, 3, [700, 900], until, actor="shop")
    made = shop.companies.accept(number, buyer)
    assert shop.companies.accept(number, buyer) == made
    with pytest.raises(Conflict):
        shop.companies.change(made, buyer, [("MUG", 1000)])
    placed = order(shop, buyer, made)
    assert isinstance(placed, Placed)
    assert placed.total == 79_000
    state = shop.companies.quote(number, None)
    assert (state["status"], state["order"]) == ("accepted", placed.order)
    with pytest.raises(Conflict):
        shop.companies.decline(number, 4, member=buyer, actor="test")


def test_an_offer_ends_with_its_day(shop):
    buyer, _, _ = set_up(shop, limit=None)
    number = shop.companies.ask_quote(buyer, [("MUG", 100, None)])
    shop.companies.offer(number, 1, [700], shop.clock.now() + DAY_MS, actor="shop")
    made = shop.companies.accept(number, buyer)
    shop.clock.at += DAY_MS + 1
    assert order(shop, buyer, made).why == "quote_over"
    shop.fire_due()
    assert shop.companies.quote(number, None)["status"] == "expired"
    with pytest.raises(Conflict):
        shop.companies.accept(number, buyer)


def test_a_quote_that_changed_after_it_was_accepted_is_not_ordered_at_the_old_price(shop):
    buyer, _, _ = set_up(shop, limit=None)
    number = shop.companies.ask_quote(buyer, [("MUG", 100, None)])
    until = shop.clock.now() + DAY_MS
    shop.companies.offer(number, 1, [700], until, actor="shop")
    made = shop.companies.accept(number, buyer)
    shop.companies.offer(number, 2, [990], until, actor="shop")
    assert order(shop, buyer, made).why == "quote_moved"


def test_credit_is_freed_by_cancelling_and_refused_while_an_invoice_is_overdue(shop):
    buyer, _, _ = set_up(shop, limit=None, credit_limit=10_000)
    first = order(shop, buyer, shop.companies.draft(buyer, [("CUP", 9)]))
    assert order(shop, buyer, shop.companies.draft(buyer, [("CUP", 2)])).why == "over_credit"
    assert shop.orders.act("order.cancel", first.order, actor="shop").ok
    assert shop.companies.statement("acme").owed == 0
    second = order(shop, buyer, shop.companies.draft(buyer, [("CUP", 2)]))
    assert isinstance(second, Placed)
    shop.clock.at += 31 * DAY_MS
    late = shop.companies.draft(buyer, [("CUP", 1)])
    assert shop.companies.look(late, buyer, "CN").credit == "credit_overdue"
    assert order(shop, buyer, late).why == "credit_overdue"
    assert isinstance(order(shop, buyer, late, on_account=False), Placed)  # paid before it is sent


def test_a_part_that_comes_back_unpaid_is_owed_no_more(shop):
    buyer, _, _ = set_up(shop, limit=None)
    placed = order(shop, buyer, shop.companies.draft(buyer, [("CUP", 5)]))
    assert shop.orders.act("order.refund", placed.order, {"unshipped": {"1": 2}}, actor="shop").ok
    assert credit.used(shop.companies.credit("acme")) == 3000 == shop.companies.statement("acme").owed
    shop.companies.transferred(placed.order, "B1", actor="shop")
    assert credit.used(shop.companies.credit("acme")) == 0 == shop.companies.statement("acme").owed


def test_what_is_owed_never_exceeds_the_limit_however_many_buy_at_once(shop):
    buyer, _, _ = set_up(shop, limit=None, credit_limit=10_000)

    def wanted(n):
        told = {"account": buyer.account, "amount": 1000, "approved": False}
        holds = [
            ["spending", "company:acme", told | {"due_at": 1}],
            ["requisition", f"requisition:r{n}", told | {"lines": [["CUP", 1]]}],
            ["credit", "credit:acme", {"amount": 1000, "currency": "CNY", "due_at": shop.clock.now() + DAY_MS}],
        ]
        data = {"company": "acme", "requisition": f"r{n}", "days": 30}
        return placing(line("1", "CUP", 1, 1000), mode="b2b", account=buyer.account, holds=holds, data=data)

    async def buy(n):
        draft = {"company": "acme", "account": buyer.account, "lines": [["CUP", 1]], "quote": None, "version": None}
        await shop.runner.send(Command("draft", f"requisition:r{n}", draft))
        answer = await shop.runner.send(Command("order.place", f"order:r{n}", wanted(n)))
        return answer.refusal.code if answer.refusal is not None else "placed"

    async def everybody():
        return await asyncio.gather(*(buy(n) for n in range(64)))

    said = asyncio.run(everybody())
    assert said.count("placed") == 10
    assert set(said) == {"placed", "over_credit"}
    assert shop.companies.statement("acme").owed == 10_000
    with shop.db.read() as conn:
        assert len(conn.execute(select(tables.company_orders.c.id)).all()) == 10
        assert balance(conn, "sales", "CNY") == 10_000


def test_an_order_whose_holds_speak_of_something_else_is_refused(shop):
    buyer, _, _ = set_up(shop, limit=500)
    told = {"account": buyer.account, "amount": 1000, "approved": True}
    spending = ["spending", "company:acme", told | {"due_at": None}]
    wanted = ["requisition", "requisition:r", told | {"lines": [["CUP", 1]]}]
    data = {"company": "acme", "requisition": "r", "days": None}
    one = line("1", "CUP", 1, 1000)
    for change in (
        {"holds": []}, {"holds": [spending]}, {"holds": [spending, wanted, wanted]}, {"data": {**data, "days": 30}},
        {"data": {**data, "company": "other"}}, {"account": "account:other"},
        {"holds": [["spending", "company:acme", {**spending[2], "amount": 1}], wanted]},
        {"holds": [spending, ["requisition", "requisition:r", {**wanted[2], "approved": False}]]},
        {"holds": [spending, ["requisition", "requisition:r", {**wanted[2], "lines": [["CUP", 2]]}]]},
        {"holds": [spending, wanted, ["credit", "credit:acme", {"amount": 1, "currency": "CNY", "due_at": 1}]]},
        {"holds": [spending, wanted,
                   ["quote", "quote:q", {"account": buyer.account, "version": 1, "lines": [["CUP", 1, 1]]}]]},
    ):  # fmt: skip
        given = {"mode": "b2b", "account": buyer.account, "holds": [spending, wanted], "data": data} | change
        answer = shop.runner.submit(Command("order.place", "order:r", placing(one, **given)))
        assert (answer.refusal and answer.refusal.code) == "bad_order", change


def test_an_invitation_serves_once_and_not_for_ever_and_strangers_see_nothing(shop):
    buyer, _, admin = set_up(shop)
    token = shop.companies.invite("acme", "buyer", 0, by=admin.account, actor="test")
    shop.companies.join(token, "account:new")
    with pytest.raises(Conflict, match="has been used"):
        shop.companies.join(token, "account:other")
    old = shop.companies.invite("acme", "buyer", 0, actor="shop")
    shop.clock.at += 15 * DAY_MS
    for bad in (old, "acme.wrong", "nobody", "no such.company"):
        with pytest.raises((Conflict, NotFound)):
            shop.companies.join(bad, "account:other")
    with pytest.raises(Conflict, match="Only an admin"):
        shop.companies.invite("acme", "admin", None, by=buyer.account, actor="test")
    shop.companies.open("rival", "Rival", "", actor="shop")
    rival = shop.companies.join(shop.companies.invite("rival", "admin", None, actor="shop"), "account:rival")
    number = shop.companies.draft(buyer, [("CUP", 1)])
    asked = shop.companies.ask_quote(buyer, [("CUP", 1, None)])
    for look in (lambda: shop.companies.look(number, rival), lambda: shop.companies.quote(asked, rival),
                 lambda: shop.companies.answer(number, rival, True, 1)):  # fmt: skip
        with pytest.raises(NotFound):
            look()
    with pytest.raises(Conflict):
        shop.companies.join(shop.companies.invite("acme", "buyer", 0, actor="shop"), "account:rival")
    shop.companies.remove("acme", buyer.account, by=admin.account, actor="test")
    assert shop.companies.member(buyer.account) is None
    assert order(shop, buyer, number).why == "not_member"
    with pytest.raises(Conflict, match="Another admin"):
        shop.companies.remove("acme", admin.account, by=admin.account, actor="test")


@pytest.mark.parametrize(
    ("name", "stream", "data", "code"),
    [
        ("open", "company:A B", {"name": "x"}, "bad_company_id"),
        ("open", "company:acme", {"name": " "}, "bad_company_name"),
        ("open", "company:acme", {"name": "x", "tax_number": "9" * 41}, "bad_tax_number"),
        ("invite", "company:acme", {"role": "king", "limit": 1}, "no_such_company"),
        ("terms", "credit:acme", {"limit": -1, "days": 30, "currency": "CNY"}, "bad_limit"),
        ("terms", "credit:acme", {"limit": 10**13, "days": 30, "currency": "CNY"}, "bad_limit"),
        ("terms", "credit:acme", {"limit": 1, "days": 0, "currency": "CNY"}, "bad_days"),
        ("draft", "requisition:r", {"company": "acme", "lines": []}, "bad_lines"),
        ("draft", "requisition:r", {"company": "acme", "lines": [["A", 0]]}, "bad_quantity"),
        ("draft", "requisition:r", {"company": "acme", "lines": [["A", 10**9]]}, "bad_quantity"),
        ("draft", "requisition:r", {"company": "acme", "lines": [["A", 1], ["A", 2]]}, "bad_lines"),
        ("submit", "requisition:r", {"account": "account:x"}, "no_such_requisition"),
        ("request", "quote:q", {"company": "acme", "account": "a", "currency": "CNY", "lines": [["A", 1, -5]]},
         "bad_price"),
        ("offer", "quote:q", {"version": 1, "units": [1]}, "no_such_quote"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_reason(shop, name, stream, data, code):
    answer = shop.runner.submit(Command(name, stream, data))
    assert answer.refusal is not None
    assert answer.refusal.code == code


def test_offers_and_roles_that_cannot_be_are_refused(shop):
    buyer, _, admin = set_up(shop)
    number = shop.companies.ask_quote(buyer, [("MUG", 1, None)])
    soon = shop.clock.now() + DAY_MS
    for units, until, code in (
        ([0], soon, "bad_price"), ([1, 2], soon, "bad_price"), ([10**13], soon, "bad_price"),
        ([1], shop.clock.now(), "bad_until"), ([1], shop.clock.now() + 400 * DAY_MS, "bad_until"),
    ):  # fmt: skip
        with pytest.raises(Conflict) as error:
            shop.companies.offer(number, 1, units, until, actor="shop")
        assert error.value.code == f"b2b_{code}"
    for role, limit in (("king", 1), ("buyer", -1), ("buyer", 10**13)):
        with pytest.raises(Conflict):
            shop.companies.appoint("acme", buyer.account, role, limit, actor="shop")
    with pytest.raises(NotFound):
        shop.companies.appoint("acme", "account:none", "buyer", 1, actor="shop")
    with pytest.raises(Conflict):
        shop.companies.appoint("acme", admin.account, "buyer", 1, by=admin.account, actor="test")


def test_a_list_left_alone_is_over_after_a_month(shop):
    buyer, _, _ = set_up(shop)
    number = shop.companies.draft(buyer, [("CUP", 1)])
    shop.clock.at += 31 * DAY_MS
    shop.fire_due()
    assert shop.companies.look(number, buyer).state["status"] == "expired"


def test_a_quick_order_is_read_in_every_way_people_write_it():
    text = 'sku,qty\nMUG,12\nCUP;3\nJAR\t4\nMUG x 8\nTEA-1 5\n\nBAD\nCUP,-1\n"A, B",2\nCUP,1.5\nCUP,9999999\n'
    read = read_list(text)
    assert read.lines == (("MUG", 20), ("CUP", 3), ("JAR", 4), ("TEA-1", 5), ("A, B", 2))
    assert [(x.number, x.why) for x in read.wrong] == [
        (8, "no_quantity"), (9, "bad_quantity"), (11, "bad_quantity"), (12, "bad_quantity"),
    ]  # fmt: skip
    known = checked(read, {"MUG", "CUP"}, text)
    assert known.lines == (("MUG", 20), ("CUP", 3))
    assert [(x.number, x.why) for x in known.wrong if x.why == "unknown_goods"] == [
        (4, "unknown_goods"), (6, "unknown_goods"), (10, "unknown_goods"),
    ]  # fmt: skip
    many = read_list("\n".join(f"S{n} 1" for n in range(120)))
    assert len(many.lines) == 100
    assert {x.why for x in many.wrong} == {"too_many_lines"}


def test_what_a_company_needs_is_told_from_its_own_orders_that_stand(shop, clock) -> None:
    buyer, _, _ = set_up(shop, limit=None, credit_limit=10_000_000)
    for n in range(4):
        order(shop, buyer, shop.companies.draft(buyer, [("MUG", 50), ("CUP", 1)] if n else [("MUG", 50)]))
        clock.move(10 * 86_400_000)
    gone = order(shop, buyer, shop.companies.draft(buyer, [("CUP", 500)]), on_account=False)
    assert shop.orders.act("order.cancel", gone.order, {"why": "other"}, actor="shop").ok
    found = {x.sku: x for x in shop.companies.needs("acme", 30)}
    assert (found["MUG"].orders, found["MUG"].units, found["MUG"].every) == (4, 200, 10)
    assert (found["CUP"].orders, found["CUP"].units) == (3, 3)
    assert shop.companies.needs("acme", 30)[0].sku == "MUG"
    assert shop.companies.needs("bolt", 30) == []
