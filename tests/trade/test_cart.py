from __future__ import annotations

import pytest

from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.trade import cart as c
from trading import fill, line, placing, register


@pytest.fixture
def conn(shop):
    with shop.db.write() as conn:
        yield conn


def filled(conn, account=None, **skus):
    cart = c.new_cart(conn, account, 1)
    for sku, qty in skus.items():
        cart = c.add_line(conn, cart, sku, sku, qty, {}, 2)
    return cart


def picked(cart):
    return {line.sku: line.qty for line in cart.lines}


def test_the_same_goods_join_their_line_and_other_options_do_not(conn):
    cart = filled(conn, mug=2)
    cart = c.add_line(conn, cart, "mug", "mug", 1, {}, 3)
    cart = c.add_line(conn, cart, "mug", "mug", 1, {"engraving": "Ana"}, 4)
    assert [(x.line, x.qty, dict(x.options)) for x in cart.lines] == [(1, 3, {}), (2, 1, {"engraving": "Ana"})]
    assert picked(c.set_qty(conn, cart, 1, 0, 5)) == {"mug": 1}


@pytest.mark.parametrize("qty", [0, -1, 1000, True, 1.5])
def test_what_is_no_quantity_is_refused(conn, qty):
    with pytest.raises(FairdayError) as told:
        c.add_line(conn, filled(conn), "mug", "mug", qty, {}, 1)
    assert told.value.code == "bad_quantity"


def test_a_line_that_is_not_there_is_said_so(conn):
    with pytest.raises(NotFound):
        c.set_qty(conn, filled(conn, mug=1), 7, 1, 1)


def test_a_cart_is_full_at_some_point(conn):
    cart = filled(conn, **{f"s{n}": 1 for n in range(c.MOST_LINES)})
    with pytest.raises(FairdayError) as told:
        c.add_line(conn, cart, "one-more", "one-more", 1, {}, 1)
    assert told.value.code == "cart_full"
    assert picked(c.add_line(conn, cart, "s1", "s1", 5000 - 4998, {}, 1))["s1"] == 3


def test_signing_in_brings_what_the_guest_picked_into_the_members_cart_once(conn):
    filled(conn, "account:a", mug=1, tea=1)
    guest = filled(conn, None, mug=2, pot=1)
    for _ in range(2):
        mine = c.sign_in(conn, guest.cart, "account:a", 9)
        assert picked(mine) == {"mug": 3, "tea": 1, "pot": 1}
    assert c.find_cart(conn, guest.cart, None) is None


def test_a_guests_cart_becomes_the_members_where_there_is_none(conn):
    guest = filled(conn, None, mug=2)
    assert c.sign_in(conn, guest.cart, "account:a", 9).cart == guest.cart
    assert c.find_cart(conn, guest.cart, None) is None, "no longer anybody's who has the cookie"
    assert picked(c.find_cart(conn, None, "account:a")) == {"mug": 2}
    assert c.sign_in(conn, guest.cart, "account:b", 9) is None, "not somebody else's"


def test_a_cart_that_was_ordered_is_closed(shop):
    register(shop)
    fill(shop, "mug", 5)
    with shop.db.write() as conn:
        cart = filled(conn, None, mug=2)
    from fairday.trade.records import Contact

    assert shop.orders.place(cart.order, placing(line("1", "mug", 2, 100)), Contact(), (), actor="b").ok
    with shop.db.write() as conn:
        assert c.find_cart(conn, cart.cart, None) is None
        with pytest.raises(Conflict) as told:
            c.add_line(conn, cart, "tea", "tea", 1, {}, 3)
        assert told.value.code == "cart_ordered"
