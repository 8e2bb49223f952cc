"""What holds of every priced cart, as docs/algorithms/pricing.md says."""

from __future__ import annotations

import random
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.offers.model import (
    AmountOff,
    BundlePrice,
    BuyGet,
    Cart,
    Facts,
    Goods,
    Line,
    MorePoints,
    Part,
    PercentOff,
    Policy,
    Remainder,
    Rule,
    SetOff,
    ShippingOff,
)
from fairday.offers.pricing import Book, price
from fairday.offers.pricing.rounding import share_out
from pricing_carts import cart_at, exact_discounts, rules_at

SEEDS = st.integers(0, 10**9)
REMAINDERS: tuple[Remainder, ...] = ("largest", "floor, first", "half down, first", "floor, last", "half up, last")


@settings(max_examples=200)
@given(
    seed=SEEDS, remainder=st.sampled_from(REMAINDERS), rounding=st.sampled_from(["end", "each"]),
    half=st.sampled_from(["up", "down"]), tax_by=st.sampled_from(["line", "order"]),
)  # fmt: skip
def test_sums_are_exact_and_no_line_leaves_its_bounds(
    seed: int, remainder: Remainder, rounding: str, half: str, tax_by: str
) -> None:
    cart = cart_at(seed, 8)
    policy = Policy(remainder=remainder, rounding=rounding, half=half, tax_by=tax_by, nodes=50)  # type: ignore[arg-type]
    got = price(cart, Book(rules_at(seed), policy), Facts(), 0, 0)
    for line, told in zip(cart.lines, got.lines, strict=True):
        off = [amount for _, amount in told.discounts]
        assert all(amount > 0 for amount in off)
        assert told.gross - sum(off) == told.price
        assert min((line.floor or 0) * line.qty, told.gross) <= told.price <= told.gross == line.unit * line.qty
        assert told.net + told.tax == told.total
    assert got.gross - got.discount == got.goods == sum(told.price for told in got.lines)
    shipping = (cart.shipping or 0) - sum(amount for _, amount in got.shipping_discounts)
    assert 0 <= shipping <= (cart.shipping or 0)
    on_top = got.tax if cart.prices_include_tax is False else 0
    assert got.total == got.goods + shipping + on_top == got.net + got.tax
    assert got.tax == sum(told.tax for told in got.lines) + got.shipping_tax
    by_rule = {told.rule: told.values.get("amount", 0) for told in got.applied}
    assert sum(by_rule.values()) == got.discount
    saved = got.discount + sum(amount for _, amount in got.shipping_discounts)
    assert got.certificate.value >= saved
    assert {told.rule for told in (*got.applied, *got.refused)} == {rule.id for rule in rules_at(seed)}


@settings(max_examples=150)
@given(seed=SEEDS)
def test_the_rounding_is_off_by_less_than_a_unit(seed: int) -> None:
    cart, book = cart_at(seed, 8), Book(rules_at(seed), Policy(nodes=50))
    got, exact = price(cart, book, Facts(), 0, 0), exact_discounts(cart, book)
    assert abs(got.discount - sum(exact)) < 1
    for told, discount in zip(got.lines, exact, strict=True):
        assert abs(told.gross - told.price - discount) < 1


@settings(max_examples=60)
@given(seed=SEEDS)
def test_the_same_input_gives_the_same_bytes(seed: int) -> None:
    cart, rules = cart_at(seed), rules_at(seed)
    book = Book(rules)
    first = msgspec.json.encode(price(cart, book, Facts(), 0, 0))
    price(cart_at(seed + 1), book, Facts(), 0, 0)
    assert msgspec.json.encode(price(cart, book, Facts(), 0, 0)) == first
    assert msgspec.json.encode(price(cart, Book(rules), Facts(), 0, 0)) == first


UNIT_RULES = (
    BuyGet(buy_qty=2, get_qty=1, percent=Decimal(50)),
    BuyGet(buy_qty=1, get_qty=2, buy=Goods(any_tag=frozenset(["gift"])), get=Goods(any_tag=frozenset(["new"]))),
    BuyGet(buy_qty=2, get_qty=2, prefer="dearest"),
    SetOff(qty=3, off=1),
    BundlePrice(price=300, parts=(Part(qty=2), Part(qty=1, goods=Goods(any_tag=frozenset(["new"]))))),
)


@settings(max_examples=150)
@given(seed=SEEDS, rules=st.lists(st.sampled_from(UNIT_RULES), min_size=1, max_size=3))
def test_the_order_of_lines_changes_nothing_for_units(seed: int, rules: list[BuyGet | SetOff | BundlePrice]) -> None:
    dice = random.Random(seed)
    lines = [
        Line(line=str(i), sku=f"S{i}", unit=dice.choice([100, 200, 300]), qty=dice.randrange(1, 5),
             tags=tuple(t for t in ("gift", "new") if dice.random() < 0.5))
        for i in range(dice.randrange(1, 6))
    ]  # fmt: skip
    shuffled = dice.sample(lines, len(lines))
    book = Book([Rule(id=f"R{i}", benefits=(benefit,)) for i, benefit in enumerate(rules)])
    one, other = (
        price(Cart(currency="CNY", lines=tuple(some)), book, Facts(), 0, 0) for some in (lines, shuffled)
    )  # fmt: skip
    assert one.discount == other.discount
    assert one.certificate.value == other.certificate.value
    exact = [abs(a.price - b.price) for a in one.lines for b in other.lines if a.line == b.line]
    assert all(gap <= 1 for gap in exact)


@settings(max_examples=100)
@given(seed=SEEDS)
def test_a_unit_serves_once(seed: int) -> None:
    dice = random.Random(seed)
    qty, percent = dice.randrange(1, 30), Decimal(100)
    cart = Cart(currency="CNY", lines=(Line(line="1", sku="A", unit=100, qty=qty),))
    x, y = dice.randrange(0, 4), dice.randrange(1, 4)
    rules = [Rule(id=str(i), benefits=(BuyGet(buy_qty=x, get_qty=y, percent=percent, max_times=1),)) for i in range(4)]
    got = price(cart, Book(rules), Facts(), 0, 0)
    assert got.discount == 100 * y * min(4, qty // (x + y))


@settings(max_examples=200)
@given(
    takes=st.lists(st.integers(0, 5000), min_size=1, max_size=12), d=st.integers(1, 97),
    remainder=st.sampled_from(REMAINDERS), half=st.sampled_from(["up", "down"]),
)  # fmt: skip
def test_sharing_out_sums_and_keeps_to_the_caps(takes: list[int], d: int, remainder: str, half: str) -> None:
    caps = [-(-t // d) for t in takes]
    parts_ = share_out(takes, d, caps, remainder, half)
    assert abs(sum(parts_) - sum(takes) / d) <= 0.5
    assert all(0 <= p <= c for p, c in zip(parts_, caps, strict=True))


@pytest.mark.parametrize(
    ("remainder", "shares"),
    [
        ("largest", [923, 1769, 2308]),
        ("floor, first", [924, 1769, 2307]),
        ("half down, first", [923, 1769, 2308]),
        ("floor, last", [923, 1769, 2308]),
        ("half up, last", [923, 1769, 2308]),
    ],
)
def test_each_remainder_policy_places_the_spare_units(remainder: Remainder, shares: list[int]) -> None:
    lines = tuple(Line(line=str(i), sku=str(i), unit=u, qty=1) for i, u in enumerate((12000, 23000, 30000)))
    rule = Rule(id="R", benefits=(PercentOff(percent=Decimal(15), per="all", cap=5000),))
    got = price(Cart(currency="USD", lines=lines), Book([rule], Policy(remainder=remainder)), Facts(), 0, 0)
    assert [line.gross - line.price for line in got.lines] == shares


def test_of_several_benefits_those_that_select_something_are_given_and_shipping_with_them() -> None:
    def off(tag: str, amount: int) -> AmountOff:
        return AmountOff(amount=amount, goods=Goods(any_tag=frozenset([tag])))

    rule = Rule(id="R", benefits=(off("tea", 30), off("cups", 50), ShippingOff()))
    for tags, discount, shipping in ((("tea",), 30, 400), (("cups",), 50, 400), (("tea", "cups"), 80, 400), ((), 0, 0)):
        cart = Cart(currency="CNY", shipping=400, lines=(Line(line="1", sku="A", unit=100, qty=1, tags=tags),))
        got = price(cart, Book([rule]), Facts(), 0, 0)
        assert (got.discount, sum(off for _, off in got.shipping_discounts)) == (discount, shipping)
        assert [told.code for told in got.refused] == ([] if tags else ["goods"])


def test_of_several_factors_on_points_the_largest_counts_never_their_product() -> None:
    def factor(*factors: str) -> Decimal:
        rules = [Rule(id=f"R{i}", benefits=(MorePoints(factor=Decimal(f), extra=1),)) for i, f in enumerate(factors)]
        return price(cart_at(1), Book(rules), Facts(), 0, 0).points_factor

    assert [factor(), factor("2"), factor("2", "3"), factor("0.5"), factor("0.5", "1")] == [
        Decimal(1), Decimal(2), Decimal(3), Decimal("0.5"), Decimal("0.5"),
    ]  # fmt: skip
