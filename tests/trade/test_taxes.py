from __future__ import annotations

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.records import Details, save_details
from fairday.kernel.errors import FairdayError
from fairday.storage.ledger import balance
from fairday.trade.cart import add_line, new_cart
from fairday.trade.checkout import Buyer, Choice
from fairday.trade.documents import sums_of
from fairday.trade.records import Contact
from fairday.trade.shipping.kept import save_rate
from fairday.trade.shipping.rates import Rate, Step
from trading import pay, register, state

EVE = Contact(name="Eva Li", phone="+8613800138000", city="Berlin", street="Torstr. 1", country="DE")
GERMANY = {"DE": {"rates": {"standard": "19", "books": "7"}}, "FR": {"rates": {"standard": "13"}, "included": False}}


@pytest.fixture
def taxed(shop: fairday.Shop) -> fairday.Shop:
    shop.change_settings(country="DE", currency="CNY", taxes=GERMANY)
    with shop.db.write() as conn:
        rows = [ProductRow(product="mug", title="Mug", price=1190, currency="CNY"),
                ProductRow(product="book", title="Book", price=1070, currency="CNY")]  # fmt: skip
        save_products(conn, rows, 1)
        save_details(conn, [Details(product="book", tax_class="books")], 1)
        save_rate(conn, Rate(rate="all", service="standard", steps=(Step(0, 595),), currency="CNY"))
    register(shop)
    return shop


def cart_of(shop, **skus):
    with shop.db.write() as conn:
        cart = new_cart(conn, None, 1)
        for sku, qty in skus.items():
            cart = add_line(conn, cart, sku, sku, qty, {}, 1)
    return cart


def test_prices_with_tax_in_them_say_how_much_by_the_class_of_each_good(taxed):
    quote = taxed.checkout.quote(cart_of(taxed, mug=2, book=1), Choice(), Buyer())
    assert [(x.gross, x.tax, x.paid) for x in quote.lines] == [(2380, 380, 2380), (1070, 70, 1070)]
    assert (quote.priced.shipping_tax, quote.priced.tax, quote.total) == (95, 545, 2380 + 1070 + 595)
    assert (quote.tax_inside, quote.saved) == (True, 0)


def test_prices_without_tax_get_it_on_top_of_goods_and_carriage(taxed):
    quote = taxed.checkout.quote(cart_of(taxed, mug=1), Choice(country="FR"), Buyer())
    assert [(x.gross, x.tax, x.paid) for x in quote.lines] == [(1190, 155, 1345)]
    assert not quote.tax_inside
    assert quote.total == 1345 + 595 + 77


def test_a_country_where_the_shop_is_not_registered_is_asked_no_tax_of_its_own(taxed):
    quote = taxed.checkout.quote(cart_of(taxed, mug=1), Choice(country="BR"), Buyer())
    assert (quote.priced.tax, quote.total) == (0, 1190 + 595)


@pytest.mark.parametrize("country", ["DE", "FR"])
def test_a_taxed_order_is_paid_split_into_sales_and_tax_and_goes_back_whole(taxed, country):
    cart = cart_of(taxed, mug=3, book=1)
    quote = taxed.checkout.quote(cart, Choice(country=country), Buyer())
    placed = taxed.checkout.place(cart, Choice(country=country), EVE, Buyer(), quote.seen, actor="guest")
    pay(taxed, placed.order, placed.total)
    with taxed.db.read() as conn:
        assert balance(conn, "tax", "CNY") == quote.priced.tax
        assert balance(conn, "sales", "CNY") + balance(conn, "sales:shipping", "CNY") == quote.priced.net
    sums = sums_of(state(taxed, placed.order))
    assert (sums["tax_inside"], sums["tax"])[country == "FR"] == quote.priced.tax
    assert sums["goods"] + sums["shipping"] + sums["tax"] == sums["total"] == placed.total
    assert taxed.orders.act("order.cancel", placed.order, {"why": "other"}, actor="shop").ok
    with taxed.db.read() as conn:
        assert (
            balance(conn, "tax", "CNY") == balance(conn, "sales", "CNY") == balance(conn, "sales:shipping", "CNY") == 0
        )


@pytest.mark.parametrize("taxes", [
    {"de": {"rates": {"standard": "19"}}},
    {"DE": {"rates": {"standard": "-1"}}},
    {"DE": {"rates": {"standard": "100.5"}}},
    {"DE": {"rates": {"standard": "19.0001"}}},
    {"DE": {"rates": {"standard": "nan"}}},
    {"DE": {"rates": {"Any Thing": "19"}}},
])  # fmt: skip
def test_a_tax_that_cannot_be_is_refused(shop, taxes):
    with pytest.raises(FairdayError, match="not usable"):
        shop.change_settings(taxes=taxes)
