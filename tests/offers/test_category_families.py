"""Promotions on a category hold for the categories below it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fairday
from fairday.goods.naming import Group, save_group
from fairday.goods.vocabulary import goods_vocabulary
from fairday.kernel.audience import Facts, parse
from fairday.offers.families import Families
from fairday.offers.model import BuyGet, Cart, Goods, Line, Need, PercentOff, Rule, When
from fairday.offers.overlaps import overlaps

FAMILIES = Families(frozenset({("green", "tea"), ("longjing", "green"), ("black", "tea"), ("o'clock", "cups")}))
SHOP = (("tea", None), ("green", "tea"), ("longjing", "green"), ("cups", None))


def cart(*categories: str) -> Cart:
    lines = tuple(Line(line=c, sku=c.upper(), unit=100_00, qty=1, category=c) for c in categories)
    return Cart(currency="CNY", lines=lines)


def rule(goods: Goods, name: str = "tenth") -> Rule:
    return Rule(id=name, benefits=(PercentOff(percent=Decimal(10), goods=goods),))


@pytest.mark.parametrize(
    ("said", "wider"),
    [
        ("category = 'green'", "category IN ('green', 'longjing')"),
        ("'green' = category", "category IN ('green', 'longjing')"),
        ("category != 'green' and price > 5", "category NOT IN ('green', 'longjing') and price > 5"),
        ("not category IN ('green','cups')", "not category IN ('green', 'longjing', 'cups', 'o''clock')"),
        ("Category not in ('green')", "category NOT IN ('green', 'longjing')"),
        ("brand = 'tea' and category = 'black'", "brand = 'tea' and category = 'black'"),
        ("title = 'category = ''green'''", "title = 'category = ''green'''"),
        ("contains(category, 'green')", "contains(category, 'green')"),
        ("category in ('green', 'longjing')", "category in ('green', 'longjing')"),
        ("category = '", "category = '"),
    ],
)
def test_a_condition_means_the_categories_below_as_well(said: str, wider: str) -> None:
    assert FAMILIES.condition(said) == wider


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["tea", "green", "longjing", "black", "cups", "o'clock", "soap"]), min_size=1, max_size=3),
    st.sampled_from(["category IN ({})", "category NOT IN ({})", "NOT (category IN ({}) AND price > 3)"]),
    st.sampled_from(["tea", "green", "longjing", "black", "cups", "o'clock", "soap"]),
)
def test_a_spread_condition_holds_where_an_ancestor_is_named(named: list[str], form: str, category: str) -> None:
    text = form.format(", ".join("'" + n.replace("'", "''") + "'" for n in named))
    facts = Facts.of([("category", None, None, category, None), ("price", 500, 500, None, None)])
    wide = parse(FAMILIES.condition(text), goods_vocabulary("CNY"))
    assert wide.test(facts, 0) is any(category in FAMILIES.of(n) for n in named) ^ ("NOT" in form)


def test_a_ring_and_a_family_too_large_for_a_condition_are_no_trouble() -> None:
    assert set(Families(frozenset({("a", "b"), ("b", "a")})).of("a")) == {"a", "b"}
    many = Families(frozenset((f"c{n}", "all") for n in range(2_000)))
    assert many.condition("category = 'all'") == "category = 'all'"
    assert len(many.goods(Goods(categories=frozenset({"all"}))).categories) == 2_001


def test_every_selection_of_a_rule_is_spread_and_a_rule_of_none_is_the_same() -> None:
    tea, plain = Goods(categories=frozenset({"tea"})), rule(Goods(brands=frozenset({"Ming"})))
    cups = Goods(condition="category = 'cups'")
    benefit = BuyGet(buy_qty=1, get_qty=1, percent=Decimal(50), buy=tea, get=cups)
    one = Rule(id="r", benefits=(benefit,), when=When(needs=(Need(goods=tea, spend=100),)))
    wide, same = FAMILIES.rules([one, plain])
    assert isinstance(wide.benefits[0], BuyGet)
    assert wide.benefits[0].buy.categories == {"tea", "green", "longjing", "black"}
    assert wide.when.needs[0].goods == wide.benefits[0].buy
    assert wide.benefits[0].get.condition == "category IN ('cups', 'o''clock')"
    assert same is plain


@pytest.mark.parametrize("goods", [Goods(categories=frozenset({"tea"})), Goods(condition="category = 'tea'")])
def test_a_cart_gets_what_is_on_the_category_above_and_a_moved_category_counts_at_once(
    shop: fairday.Shop, goods: Goods
) -> None:
    now = shop.clock.now()
    with shop.db.write() as conn:
        for name, parent in SHOP:
            save_group(conn, Group(kind="category", name=name, parent=parent))
        shop.offers.save(conn, rule(goods), now)
        asked = cart("tea", "longjing", "cups")
        assert shop.offers.price_for(conn, asked, None, None, now).discount == 20_00
        book = shop.offers.book(conn)
        assert shop.offers.book(conn) is book
        save_group(conn, Group(kind="category", name="cups", parent="tea"))
        assert shop.offers.price_for(conn, asked, None, None, now).discount == 30_00
        save_group(conn, Group(kind="category", name="green"))
        assert shop.offers.price_for(conn, asked, None, None, now).discount == 20_00
        assert shop.offers.get(conn, "tenth") == rule(goods)  # it stays as written


def test_a_promotion_on_the_category_above_meets_one_below(shop: fairday.Shop) -> None:
    with shop.db.write() as conn:
        for name, parent in SHOP:
            save_group(conn, Group(kind="category", name=name, parent=parent))
        mine, other = shop.offers.spread(
            conn, [rule(Goods(condition="category = 'tea'")), rule(Goods(categories=frozenset({"longjing"})), "other")]
        )
    found = overlaps(mine, [other], cart("longjing", "cups").lines, 0, 0, currency="CNY", policy=shop.offers.policy)
    assert [(one.other.id, one.goods) for one in found] == [("other", 1)]
