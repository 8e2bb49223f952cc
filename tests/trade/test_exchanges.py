"""Exchanges: another size for nothing, another article for the difference, to the cent and through to stock."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

import fairday
import trading
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import DAY_MS
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.storage import ledger
from fairday.trade import order as rules
from fairday.trade.cart import add_line, new_cart
from fairday.trade.checkout import Buyer, Choice, Placed
from fairday.trade.records import Contact
from stocking import assert_levels_agree
from trading import Till, TillClaim, settle
from webdesk import Client

WEI = Contact(name="Li Wei", phone="+8613800138000", country="CN", city="上海市", street="1")
IDS = (("email", "wei@example.com"),)


@pytest.fixture
def trade(shop: fairday.Shop) -> fairday.Shop:
    shop.runner.register(Till())
    shop.orders.register_claim(TillClaim())
    shop.runner.register_spanning(settle(shop))
    goods = {"mug": 4500, "bowl": 9900, "spoon": 1000}
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product=p, title=p, price=n, currency="CNY") for p, n in goods.items()], 1)
    for sku in goods:
        shop.stock.count(sku, "main", 10)
    return shop


def bought(shop: fairday.Shop, order: str = "order:1", qty: int = 3, off: int = 1000, **more) -> str:
    """Three mugs that cost 125 in all, sent."""
    holds = [["stock", "stock:mug", {"sku": "mug", "place": "main", "line": "1", "qty": qty}]]
    data = trading.placing(trading.line("1", "mug", qty, 4500, off=off, tax=100), shipping=800, holds=holds, **more)
    assert shop.orders.place(order, data, WEI, IDS, actor="b").ok
    assert trading.pay(shop, order, data["total"], f"till:{order[6:]}").ok
    assert shop.orders.act("order.ship", order, actor="c").ok
    return order


def state(shop: fairday.Shop, order: str):
    found = shop.orders.state(order)
    assert found is not None
    return found


def make(shop: fairday.Shop, units, wants, into: str = "order:2", seen: str | None = None) -> str:
    seen = shop.exchanges.look("order:1", units, wants).seen if seen is None else seen
    return shop.exchanges.make("order:1", into, units, wants, seen=seen, actor="clerk")


def balances(shop: fairday.Shop, *accounts: str) -> list[int]:
    with shop.db.read() as conn:
        return [ledger.balance(conn, a, "CNY") for a in accounts]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_same_goods_at_the_same_price_cost_what_the_first_cost(trade, n):
    bought(trade)
    swap = trade.exchanges.look("order:1", {"1": n}, [("mug", n)])
    assert (swap.due, swap.rest) == (0, 0)
    assert swap.quote.total == swap.back.money == [0, 4167, 8333, 12500][n]
    make(trade, {"1": n}, [("mug", n)])
    new = state(trade, "order:2")
    assert rules.is_paid(new)
    assert new["lines"]["1"]["tax"] == [0, 33, 67, 100][n], "the tax goes with the money"
    assert balances(trade, "order:1", "order:2", "outside") == [0, 0, -13300]
    assert assert_levels_agree(trade)["mug", "main"] == [7 + n, n, 0]


def test_what_costs_more_is_paid_for_and_only_then_sent(trade):
    bought(trade)
    swap = trade.exchanges.look("order:1", {"1": 1}, [("bowl", 1)])
    assert (swap.due, swap.rest) == (9900 - 4167, 0)
    make(trade, {"1": 1}, [("bowl", 1)])
    assert rules.due(state(trade, "order:2")) == 9900 - 4167
    assert trade.orders.act("order.ship", "order:2", actor="c").refusal.code == "not_shipped"
    assert trading.pay(trade, "order:2", 9900 - 4167, "till:2").ok
    assert trade.orders.act("order.ship", "order:2", actor="c").ok
    assert trade.orders.act("order.refund", "order:2", {"units": {"1": 1}}, actor="c").ok
    assert [trading.state(trade, t)["back"] for t in ("till:1", "till:2")] == [4167, 9900 - 4167]
    assert balances(trade, "order:1", "order:2") == [0, 0]


def test_what_costs_less_gives_the_rest_back_at_once(trade):
    bought(trade)
    swap = trade.exchanges.look("order:1", {"1": 1}, [("spoon", 2)])
    assert (swap.due, swap.rest) == (0, 4167 - 2000)
    make(trade, {"1": 1}, [("spoon", 2)])
    assert trading.state(trade, "till:1")["back"] == 4167 - 2000
    assert rules.is_paid(state(trade, "order:2"))
    assert assert_levels_agree(trade)["spoon", "main"] == [10, 2, 0]


def test_a_difference_that_nobody_pays_gives_everything_back_after_days(trade, clock):
    bought(trade)
    make(trade, {"1": 1}, [("bowl", 1)])
    clock.move(2 * DAY_MS)
    trade.fire_due()
    assert state(trade, "order:2")["life"] == "open"
    clock.move(2 * DAY_MS)
    trade.fire_due()
    assert state(trade, "order:2")["life"] == "expired"
    assert trading.state(trade, "till:1")["back"] == 4167
    assert assert_levels_agree(trade)["bowl", "main"] == [10, 0, 0]
    assert balances(trade, "order:1", "order:2") == [0, 0]


@pytest.mark.parametrize(
    ("units", "wants", "code"),
    [
        ({"1": 4}, [("mug", 1)], "order_too_many_units"), ({}, [("mug", 1)], "order_nothing_to_refund"),
        ({"9": 1}, [("mug", 1)], "order_no_such_line"), ({"1": 1}, [], "order_bad_wants"),
        ({"1": 1}, [("mug", 0)], "order_bad_wants"), ({"1": 1}, [("mug", -1)], "order_bad_wants"),
        ({"1": 1}, [("mug", 10**9)], "order_bad_wants"), ({"1": 1}, [("mug", 1), ("mug", 1)], "order_bad_wants"),
        ({"1": 1}, [("nothing", 1)], "order_unknown_article"), ({"1": 1}, [("bowl", 11)], "order_article_short"),
        ({"1": -1}, [("mug", 1)], "order_too_many_units"),
    ],
)  # fmt: skip
def test_an_exchange_that_cannot_be_is_refused_with_the_reason(trade, units, wants, code):
    bought(trade)
    with pytest.raises(FairdayError) as told:
        trade.exchanges.look("order:1", units, wants)
    assert told.value.code == code
    assert state(trade, "order:1")["refunded"] == 0


def test_what_was_paid_for_otherwise_is_not_exchanged(trade):
    with pytest.raises(NotFound):
        trade.exchanges.look("order:7", {"1": 1}, [("mug", 1)])
    bought(trade, data={"exchange": {"rate": "1"}})
    with pytest.raises(Conflict, match="send it back and order anew"):
        trade.exchanges.look("order:1", {"1": 1}, [("mug", 1)])


def test_a_price_that_moved_is_looked_at_again_and_a_request_sent_twice_is_one(trade):
    bought(trade)
    seen = trade.exchanges.look("order:1", {"1": 1}, [("bowl", 1)]).seen
    with trade.db.write() as conn:
        save_products(conn, [ProductRow(product="bowl", price=5000)], 2)
    with pytest.raises(Conflict, match="look again"):
        make(trade, {"1": 1}, [("bowl", 1)], seen=seen)
    seen = trade.exchanges.look("order:1", {"1": 1}, [("bowl", 1)]).seen
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: make(trade, {"1": 1}, [("bowl", 1)], seen=seen), range(6)))
    assert set(made) == {"order:2"}
    assert state(trade, "order:1")["lines"]["1"]["exchanged"] == 1
    with pytest.raises(Conflict):
        trade.exchanges.make("order:1", "order:1", {"1": 1}, [("mug", 1)], seen="", actor="x")


def test_exchanges_and_refunds_at_once_never_give_a_unit_back_twice(trade):
    bought(trade)
    seen = trade.exchanges.look("order:1", {"1": 2}, [("mug", 2)]).seen

    def one(n: int) -> str:
        if n % 2:
            answer = trade.orders.act("order.refund", "order:1", {"units": {"1": 2}}, actor="c")
            return answer.refusal.code if answer.refusal else "refunded"
        try:
            return make(trade, {"1": 2}, [("mug", 2)], into=f"order:x{n}", seen=seen)[:6]
        except Conflict as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(one, range(8)))
    assert sum(code in ("refunded", "order:") for code in done) == 1
    assert state(trade, "order:1")["lines"]["1"]["returned"] == 2
    assert balances(trade, "order:1") == [0]


def test_a_shopper_asks_and_a_merchant_exchanges(trade):
    with trade.db.write() as conn:
        cart = add_line(conn, new_cart(conn, None, 1), "mug", "mug", 2, {}, 1)
    seen = trade.checkout.quote(cart, Choice(country="CN"), Buyer()).seen
    placed = trade.checkout.place(cart, Choice(country="CN"), WEI, Buyer(), seen, actor="g")
    assert isinstance(placed, Placed)
    order, number = placed.order, placed.order[6:]
    assert trading.pay(trade, order, placed.total, "till:9").ok
    assert trade.orders.act("order.ship", order, actor="c").ok
    from fairday.trade.links import order_token
    from fairday.web.signing import secret_of

    token = order_token(secret_of(trade), order, state(trade, order)["placed_at"])
    web = Client(trade)
    page = web.get(f"/order/{token}", headers={"accept-language": "en"}).text
    assert 'value="exchange"' in page
    asked = {"units.1": "1", "why": "wrong_item", "instead": "exchange", "want.1": "mug"}
    for wrong in ({"want.1": "nothing"}, {"want.1": "mug" * 90}, {"want.1": ""}):
        assert web.post(f"/order/{token}/return", asked | wrong).status_code in (409, 422), wrong
    assert web.post(f"/order/{token}/return", asked).status_code == 303
    assert state(trade, order)["returns"]["1"]["wants"] == [["mug", 1]]
    desk = Client(trade).sign_in()
    look = desk.post(
        f"/console/orders/{number}/exchange", {"units.1": "1", "sku.1": "mug", "qty.1": "1", "return": "1"}
    )
    assert look.status_code == 200, look.text[-500:]
    hidden = dict(re.findall(r'name="([\w.]+)" value="([^"]*)"', look.text.partition('id="exchanging"')[2]))
    import html

    given = {k: html.unescape(v) for k, v in hidden.items() if k != "csrf"}
    for _ in range(2):
        assert desk.post(f"/console/orders/{number}/exchange", given).status_code == 303
    after = state(trade, order)
    assert after["returns"]["1"]["state"] == "done"
    assert after["lines"]["1"]["exchanged"] == 1
