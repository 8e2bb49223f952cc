"""The rule book as kept."""

from __future__ import annotations

from decimal import Decimal

import pytest

import fairday
from fairday.kernel.errors import FairdayError, NotFound
from fairday.offers.model import AmountOff, Cart, Goods, Limits, Line, Need, PercentOff, Rule, When

CART = Cart(currency="CNY", lines=(Line(line="1", sku="A", unit=10_000, qty=2),))
TENTH = Rule(id="tenth", benefits=(PercentOff(percent=Decimal("12.5")),), title={"en": "An eighth off"})
OFF = Rule(
    id="off", benefits=(AmountOff(amount=3_000),), when=When(needs=(Need(spend=15_000),)), source="scene:spring"
)  # fmt: skip


def test_a_rule_is_kept_priced_with_changed_and_withdrawn(shop: fairday.Shop) -> None:
    now = shop.clock.now()
    with shop.db.write() as conn:
        first = shop.offers.save(conn, TENTH, now)
        assert shop.offers.save(conn, OFF, now) == first + 1
        assert shop.offers.live(conn) == [TENTH, OFF]
        assert shop.offers.price_for(conn, CART, None, None, now).total == 20_000 - 2_500 - 3_000
        book = shop.offers.book(conn)
        assert shop.offers.book(conn) is book
        shop.offers.save(conn, Rule(id="tenth", benefits=(PercentOff(percent=Decimal(10)),)), now)
        assert shop.offers.book(conn) is not book
        assert shop.offers.price_for(conn, CART, None, None, now).total == 20_000 - 2_000 - 3_000
        assert shop.offers.withdraw(conn, source="scene:spring", now=now) == 1
        assert shop.offers.price_for(conn, CART, None, None, now).total == 18_000
        assert shop.offers.get(conn, "off") == OFF
        with pytest.raises(NotFound):
            shop.offers.get(conn, "nothing")


def test_a_rule_that_cannot_be_says_where(shop: fairday.Shop) -> None:
    wrong = [
        (Rule(id="", benefits=TENTH.benefits), "id"),
        (Rule(id="a:day:1", benefits=TENTH.benefits), "id"),
        (Rule(id="r", benefits=TENTH.benefits, limits=Limits(uses=-1)), "limits.uses"),
        (Rule(id="r", benefits=()), "benefits"),
        (Rule(id="r", benefits=(PercentOff(percent=Decimal(101)),)), "percent"),
        (Rule(id="r", benefits=(AmountOff(amount=-1),)), "amount"),
        (Rule(id="r", benefits=(AmountOff(amount=1),), layer="catalogue"), "layer"),
        (Rule(id="r", benefits=(AmountOff(amount=1),), group="g", per="line"), "per"),
        (Rule(id="r", benefits=(AmountOff(amount=1, goods=Goods(condition="colour = 'red'")),)), "goods"),
        (Rule(id="r", benefits=(AmountOff(amount=1),), when=When(who="shoe_size > 40")), "who"),
        (Rule(id="r", benefits=(AmountOff(amount=1),), when=When(hours=((2000, 10),))), "when.hours"),
    ]
    with shop.db.write() as conn:
        for rule, where in wrong:
            with pytest.raises(FairdayError) as caught:
                shop.offers.save(conn, rule, 0)
            assert caught.value.where.endswith(where)
            assert caught.value.remedy
        assert shop.offers.live(conn) == []
