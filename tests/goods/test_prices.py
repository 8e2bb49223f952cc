"""Which price wins: rules alone."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.goods.prices import Amount, ListPrice, PriceChosen, PriceList, Where, which_price

NOW = 1_780_315_200_000
BASE = Amount(10_00, "CNY")
ANYBODY = Where(currency="CNY")


def chosen(
    lists: list[PriceList], prices: list[ListPrice], where: Where = ANYBODY, qty: int = 1, base: Amount | None = BASE
) -> PriceChosen:
    found = which_price("MUG-RED", "MUG", base, lists, prices, where, qty, NOW)
    assert found is not None
    return found


def of(name: str, **terms: object) -> PriceList:
    return msgspec.convert({"list": name, "title": name, "currency": "CNY"} | terms, PriceList)


def test_the_base_price_stands_where_no_list_holds() -> None:
    found = chosen([], [])
    assert (found.price, found.list, found.why[0].code) == (BASE, None, "price.base")


def test_no_price_at_all_is_none() -> None:
    assert which_price("MUG-RED", "MUG", None, [], [], ANYBODY, 1, NOW) is None
    assert which_price("MUG-RED", "MUG", BASE, [], [], Where(currency="EUR"), 1, NOW) is None


@pytest.mark.parametrize(
    ("terms", "where", "because"),
    [
        ({"currency": "EUR"}, ANYBODY, "currency"),
        ({"channel": "wechat"}, ANYBODY, "channel"),
        ({"store": "s1"}, ANYBODY, "store"),
        ({"country": "ES"}, Where(currency="CNY", country="CN"), "country"),
        ({"company": "acme"}, ANYBODY, "company"),
        ({"crowd": "students"}, Where(currency="CNY", crowds=("teachers",)), "crowd"),
        ({"starts_at": NOW + 1}, ANYBODY, "early"),
        ({"ends_at": NOW}, ANYBODY, "over"),
    ],
)
def test_a_list_that_does_not_hold_says_why(terms: dict[str, object], where: Where, because: str) -> None:
    found = chosen([of("x", **terms)], [ListPrice("x", "MUG", 1, 5_00)], where)
    assert found.list is None
    assert [s.params["because"] for s in found.why[1:]] == [because]


def test_a_list_holds_for_whom_it_is_meant() -> None:
    where = Where(currency="CNY", channel="wechat", store="s1", country="ES", company="acme", crowds=("students",))
    for field, value in [("channel", "wechat"), ("store", "s1"), ("country", "ES"), ("company", "acme")]:
        assert chosen([of("x", **{field: value})], [ListPrice("x", "MUG", 1, 5_00)], where).price.amount == 5_00
    held = of("x", crowd="students", starts_at=NOW, ends_at=NOW + 1)
    assert chosen([held], [ListPrice("x", "MUG", 1, 5_00)], where).list == "x"


def test_more_pieces_reach_a_lower_tier_and_too_few_say_so() -> None:
    prices = [ListPrice("x", "MUG", 10, 8_00), ListPrice("x", "MUG", 100, 7_125, 1)]
    assert chosen([of("x")], prices, qty=9).why[1].params["because"] == "quantity"
    assert chosen([of("x")], prices, qty=99).price.amount == 8_00
    dearest = chosen([of("x")], prices, qty=100)
    assert dearest.price == Amount(7_125, "CNY", 1)
    assert [t.min_qty for t in dearest.tiers] == [10, 100]


def test_a_price_of_the_variant_goes_before_one_of_its_product() -> None:
    prices = [ListPrice("x", "MUG", 1, 1_00), ListPrice("x", "MUG-RED", 1, 9_00)]
    assert chosen([of("x")], prices).price.amount == 9_00


def test_a_factor_prices_what_the_list_does_not_name_rounded_half_up() -> None:
    assert chosen([of("x", factor=8500)], [], base=Amount(999, "CNY")).price.amount == 849
    assert chosen([of("x", factor=5000)], [], base=Amount(999, "CNY")).price.amount == 500
    assert chosen([of("x", factor=8500)], [ListPrice("x", "MUG", 1, 3)]).price.amount == 3
    lonely = which_price("MUG-RED", "MUG", None, [of("x", factor=8500)], [], ANYBODY, 1, NOW)
    assert lonely is None


def test_priority_then_what_is_particular_then_the_lower_price_wins() -> None:
    where = Where(currency="CNY", company="acme", store="s1")
    prices = [ListPrice(n, "MUG", 1, a) for n, a in [("a", 9_00), ("b", 5_00), ("c", 7_00), ("d", 6_00)]]
    lists = [of("a", company="acme"), of("b", store="s1"), of("c"), of("d")]
    assert chosen(lists, prices, where).list == "a"
    assert chosen([*lists[:3], of("d", priority=1)], prices, where).list == "d"
    found = chosen(lists[2:], prices, where)
    assert (found.list, found.why[1].params["because"]) == ("d", "dearer")


names = st.sampled_from(["a", "b", "c", "d", "e"])
maybe = st.none() | st.sampled_from(["p", "q"])
terms = st.builds(
    PriceList,
    list=names,
    currency=st.sampled_from(["CNY", "CNY", "EUR"]),
    channel=maybe,
    store=maybe,
    country=maybe,
    company=maybe,
    crowd=maybe,
    starts_at=st.none() | st.integers(NOW - 2, NOW + 2),
    ends_at=st.none() | st.integers(NOW - 2, NOW + 2),
    priority=st.integers(0, 2),
    factor=st.none() | st.integers(0, 15_000),
)
told = st.builds(
    ListPrice,
    list=names,
    goods=st.sampled_from(["MUG", "MUG-RED", "CUP"]),
    min_qty=st.integers(1, 5),
    amount=st.integers(0, 2_000),
    digits=st.integers(0, 1),
)
buyers = st.builds(
    Where,
    channel=st.sampled_from(["p", "q"]),
    store=maybe,
    country=maybe,
    company=maybe,
    crowds=st.lists(st.sampled_from(["p", "q"]), max_size=2).map(tuple),
    currency=st.just("CNY"),
)
worlds = st.tuples(
    st.lists(terms, max_size=5, unique_by=lambda x: x.list),
    st.lists(told, max_size=12, unique_by=lambda p: (p.list, p.goods, p.min_qty)),
    buyers,
    st.integers(1, 6),
    st.none() | st.builds(Amount, st.integers(0, 2_000), st.just("CNY")),
)


def plainly(one: PriceList, where: Where) -> bool:
    """Whether a list holds, told anew."""
    asked = [(one.channel, where.channel), (one.store, where.store), (one.country, where.country)]
    return (
        one.currency == where.currency
        and all(wanted in (None, had) for wanted, had in [*asked, (one.company, where.company)])
        and (one.crowd is None or one.crowd in where.crowds)
        and (one.starts_at or 0) <= NOW < (one.ends_at or 2**62)
    )


@settings(max_examples=300)
@given(worlds)
def test_the_price_is_the_best_of_what_holds_in_whatever_order_it_comes(world) -> None:  # type: ignore[no-untyped-def]
    lists, prices, where, qty, base = world
    found = which_price("MUG-RED", "MUG", base, lists, prices, where, qty, NOW)
    assert found == which_price("MUG-RED", "MUG", base, lists[::-1], prices[::-1], where, qty, NOW)
    offers = {}
    for one in lists:
        own = [p for p in prices if p.list == one.list and p.goods == "MUG-RED"] or [
            p for p in prices if p.list == one.list and p.goods == "MUG"
        ]
        reached = max((p for p in own if p.min_qty <= qty), key=lambda p: p.min_qty, default=None)
        if plainly(one, where) and reached is not None:
            offers[one.list] = Amount(reached.amount, "CNY", reached.digits).exact
        elif plainly(one, where) and one.factor is not None and base is not None:
            offers[one.list] = (base.amount * one.factor + 5000) // 10_000
    if found is None:
        assert not offers
        assert base is None
        return
    assert len(found.why) == len(lists) + (found.list is None)
    if not offers:
        assert found.price == base
        return
    by_name = {x.list: x for x in lists}
    assert found.list in offers
    assert found.price.exact == offers[found.list]
    best = by_name[found.list]
    for name, price in offers.items():
        other = by_name[name]
        assert best.priority >= other.priority
        if best.priority == other.priority:
            assert best.particular >= other.particular
            if best.particular == other.particular:
                assert found.price.exact <= price


@given(worlds)
def test_a_list_that_does_not_hold_changes_nothing(world) -> None:  # type: ignore[no-untyped-def]
    lists, prices, where, qty, base = world
    idle = [x for x in lists if not plainly(x, where)]
    busy = [x for x in lists if plainly(x, where)]
    with_, without = (which_price("MUG-RED", "MUG", base, x, prices, where, qty, NOW) for x in (lists, busy))
    assert (with_ and with_.price) == (without and without.price)
    for some in itertools.combinations(idle, min(1, len(idle))):
        again = which_price("MUG-RED", "MUG", base, [*busy, *some], prices, where, qty, NOW)
        assert (again and again.list) == (with_ and with_.list)
