"""The lowest price before a reduction, worked out from what was written of prices."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fairday.goods.prices import Amount, PriceList, Where
from fairday.goods.prior import Kept, Past
from fairday.kernel.clock import DAY_MS

EUR = Where(currency="EUR", country="ES")


def euros(amount: int) -> Amount:
    return Amount(amount, "EUR")


def past(prices: list[tuple[int, str, int | None]], terms: list[tuple[int, PriceList]] = []) -> Past:  # noqa: B006
    kept = Kept(
        [(day * DAY_MS, name, "MUG", 1, None if a is None else euros(a)) for day, name, a in prices],
        [(day * DAY_MS, one.list, one) for day, one in terms],
    )
    return Past(kept, "MUG", "MUG", EUR, "EUR")


SALE = PriceList(list="sale", title="Sale", currency="EUR", starts_at=100 * DAY_MS, ends_at=110 * DAY_MS)


def test_a_sale_is_told_against_the_lowest_price_of_the_thirty_days_before_it() -> None:
    goods = past([(0, "", 20_00), (60, "", 15_00), (65, "", 18_00), (85, "", 17_00), (90, "", 20_00),
                  (95, "sale", 12_00)], [(95, SALE)])  # fmt: skip
    found = goods.reduction(105 * DAY_MS)
    assert found is not None
    assert (found.since, found.lowest, found.base) == (100 * DAY_MS, euros(17_00), euros(20_00))
    assert found.shown_against("ES") == euros(17_00)
    assert found.shown_against("US") == euros(20_00)
    assert goods.reduction(99 * DAY_MS) is None
    assert goods.reduction(110 * DAY_MS) is None


def test_the_price_at_the_beginning_of_the_window_counts_and_one_that_ended_before_it_does_not() -> None:
    goods = past([(0, "", 20_00), (50, "", 5_00), (69, "", 16_00), (72, "", 20_00), (95, "sale", 12_00)], [(95, SALE)])
    found = goods.reduction(105 * DAY_MS)
    assert found is not None
    assert found.lowest == euros(16_00)
    assert goods.lowest(80 * DAY_MS) == euros(5_00)


def test_goods_that_were_once_cheaper_are_not_announced_as_reduced_where_the_law_asks() -> None:
    goods = past([(0, "", 20_00), (90, "", 10_00), (92, "", 20_00), (95, "sale", 12_00)], [(95, SALE)])
    found = goods.reduction(105 * DAY_MS)
    assert found is not None
    assert found.shown_against("DE") is None
    assert found.shown_against("CN") == euros(20_00)


def test_new_goods_have_no_price_to_be_told_against() -> None:
    goods = past([(100, "", 20_00), (100, "sale", 12_00)], [(95, SALE)])
    found = goods.reduction(105 * DAY_MS)
    assert found is not None
    assert found.lowest is None
    assert found.shown_against("ES") is None


def test_a_sale_lowered_again_is_told_against_the_price_before_all_of_it() -> None:
    goods = past([(0, "", 20_00), (95, "sale", 15_00), (104, "sale", 12_00)], [(95, SALE)])
    found = goods.reduction(105 * DAY_MS)
    assert found is not None
    assert (found.since, found.lowest) == (100 * DAY_MS, euros(20_00))


def test_prices_of_a_company_are_nobody_elses_reduction() -> None:
    own = PriceList(list="acme", title="Acme", currency="EUR", company="acme")
    goods = past([(0, "", 20_00), (10, "acme", 1_00)], [(10, own)])
    assert goods.lowest(40 * DAY_MS) == euros(20_00)
    assert goods.reduction(40 * DAY_MS) is None


def test_a_list_that_went_away_is_no_price_any_more() -> None:
    kept = Kept([(0, "", "MUG", 1, euros(20_00)), (1, "x", "MUG", 1, euros(1_00))],
                [(1, "x", PriceList(list="x", title="x", currency="EUR")), (2, "x", None)])  # fmt: skip
    goods = Past(kept, "MUG", "MUG", EUR, "EUR")
    found = [(now.price.amount if (now := goods.at(t)) else None) for t in (0, 1, 2)]
    assert found == [20_00, 1_00, 20_00]


steps = st.lists(st.tuples(st.integers(0, 80), st.integers(1, 50)), min_size=1, max_size=12, unique_by=lambda x: x[0])


@given(steps, st.integers(1, 90))
def test_the_lowest_is_the_least_of_every_day_in_the_window(changes: list[tuple[int, int]], before: int) -> None:
    changes = sorted(changes)
    goods = past([(day, "", amount) for day, amount in changes])
    days = [next((a for d, a in reversed(changes) if d <= day), None) for day in range(before - 30, before)]
    known = [a for a in days if a is not None]
    assert goods.lowest(before * DAY_MS) == (euros(min(known)) if known else None)
