"""What a buyer abroad pays: docs/algorithms/landed-cost.md, point by point."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.goods.duties import Goods, Landed, Parcel, duty_table, landed, read_table
from fairday.goods.rates import Rates, ending, half_up
from fairday.kernel.clock import to_day
from fairday.kernel.errors import FairdayError

DAY = to_day(date(2026, 11, 20))
RATES = Rates(
    "EUR",
    {
        currency: [(DAY - 1, Decimal(rate))]
        for currency, rate in {
            "USD": "1.25", "GBP": "0.8", "CNY": "8", "JPY": "160", "AUD": "1.6", "NOK": "11.2", "CHF": "0.95",
            "KRW": "1600", "SGD": "1.5", "NZD": "1.9", "CAD": "1.5",
        }.items()
    },
)  # fmt: skip
SHIRT, TEA, BAG, PERFUME = "610910", "090210", "420221", "330300"


def sent(to: str, *lines: Goods, currency: str = "EUR", carriage: int = 0, day: int = DAY, **more: object) -> Landed:
    parcel = Parcel(
        lines=lines, currency=currency, sent_from=str(more.pop("sent_from", "CN")), sent_to=to, day=day,
        carriage=carriage, **more,  # type: ignore[arg-type]
    )  # fmt: skip
    return landed(parcel, duty_table(), RATES)


def goods(value: int, code: str = SHIRT, line: str = "1", qty: int = 1, **more: object) -> Goods:
    return Goods(line=line, value=value, qty=qty, code=code, **more)  # type: ignore[arg-type]


def test_up_to_150_euros_tax_is_paid_at_checkout_and_no_duty_until_the_change_of_july_2026():
    before = sent("DE", goods(14_000), carriage=1_000, day=to_day(date(2026, 6, 30)))
    assert (before.regime, before.collected, before.duty, before.tax) == ("ioss", "checkout", 0, 2_850)


def test_since_july_2026_each_kind_of_article_in_a_small_parcel_bears_three_euros():
    now = sent("DE", goods(5_000), goods(3_000, TEA, "2"), goods(2_000, SHIRT, "3"))
    assert now.regime == "ioss"
    assert [line.duty for line in now.lines] == [300, 300, 0]
    # 19 % of the shirts with their duty, 7 % of the tea with its own.
    assert now.tax == half_up(Fraction(19, 100) * 7_300 + Fraction(7, 100) * 3_300)


def test_150_euros_is_inside_and_a_cent_more_is_not_and_carriage_does_not_count():
    assert sent("FR", goods(15_000), carriage=5_000).regime == "ioss"
    above = sent("FR", goods(15_001), carriage=5_000)
    assert (above.regime, above.collected) == ("standard", "delivery")
    assert above.duty == half_up(Fraction(12, 100) * 20_001)
    assert above.tax == half_up(Fraction(20, 100) * (20_001 + above.duty))


def test_the_limit_is_asked_in_its_own_currency_at_the_days_rate():
    assert sent("DE", goods(120_000), currency="CNY").regime == "ioss"  # 150.00 euros
    assert sent("DE", goods(120_001), currency="CNY").regime == "standard"


def test_perfume_has_no_part_in_ioss():
    assert sent("DE", goods(5_000, PERFUME)).regime == "standard"


def test_inside_one_customs_territory_the_buyers_tax_is_due_and_no_duty():
    one = sent("ES", goods(100_000), sent_from="DE", carriage=1_000)
    assert (one.regime, one.duty, one.tax, one.collected) == ("inside", 0, 21_210, "checkout")


def test_at_home_nothing_is_added():
    one = sent("CN", goods(100_000), currency="CNY")
    assert (one.regime, one.duty, one.tax) == ("domestic", 0, 0)


def test_china_takes_seven_tenths_of_the_tax_up_to_5000_yuan_an_order_and_26000_a_year():
    one = sent("CN", goods(100_000), currency="CNY", sent_from="DE", carriage=10_000)
    assert (one.regime, one.duty, one.tax) == ("cbec", 0, half_up(Fraction(91, 1000) * 110_000))
    assert (
        sent("CN", goods(250_000, qty=2), goods(250_001, TEA, "2"), currency="CNY", sent_from="DE").regime
        == "over_limit"
    )
    single = sent("CN", goods(600_000, BAG), currency="CNY", sent_from="DE")
    assert single.regime == "cbec_single"
    assert single.duty == 36_000
    assert single.tax == half_up(Fraction(13, 100) * 636_000)
    spent = sent("CN", goods(100_000), currency="CNY", sent_from="DE", spent=2_500_001)
    assert spent.refused == (("", "over_limit"),)
    assert not sent("CN", goods(100_000), currency="CNY", sent_from="DE", spent=2_500_000).refused


def test_chinas_tax_on_perfume_holds_its_excise_inside_the_price():
    one = sent("CN", goods(100_000, PERFUME), currency="CNY", sent_from="FR")
    assert one.tax == half_up(Fraction(7, 10) * Fraction(28, 100) / Fraction(85, 100) * 100_000)


@pytest.mark.parametrize(
    ("to", "currency", "inside", "outside", "regime"),
    [
        ("GB", "GBP", 13_500, 13_501, "low_value"),
        ("AU", "AUD", 100_000, 100_001, "low_value"),
        ("NO", "NOK", 300_000, 300_001, "voec"),
        ("SG", "SGD", 40_000, 40_001, "low_value"),
        ("NZ", "NZD", 100_000, 100_001, "low_value"),
        ("JP", "JPY", 10_000, 10_001, "low_value"),
        ("CA", "CAD", 2_000, 2_001, "low_value"),
        ("KR", "USD", 15_000, 15_001, "low_value"),
    ],
)
def test_each_countrys_limit_holds_to_the_minor_unit(to: str, currency: str, inside: int, outside: int, regime: str):
    assert sent(to, goods(inside), currency=currency).regime == regime
    assert sent(to, goods(outside), currency=currency).regime == "standard"


def test_australia_asks_of_each_article_and_not_of_the_parcel():
    assert sent("AU", goods(300_000, qty=3), currency="AUD").regime == "low_value"
    assert sent("AU", goods(300_003, qty=3), currency="AUD").regime == "standard"


def test_the_united_states_ended_their_exemption_on_29_august_2025():
    assert sent("US", goods(50_000), currency="USD", day=to_day(date(2025, 8, 28)), sent_from="CN").duty == 0
    with pytest.raises(FairdayError):
        Rates("EUR", {}).rate("EUR", "USD", DAY)
    now = sent("US", goods(50_000), currency="USD")
    assert (now.duty, now.tax) == (8_000, 0)


def test_switzerland_does_not_levy_up_to_five_francs():
    assert sent("CH", goods(6_172), currency="CHF").tax == 0
    assert sent("CH", goods(6_400), currency="CHF").tax == 518


def test_what_may_not_be_sent_is_refused_with_its_reason():
    assert sent("DE", goods(1_000, "930700")).refused == (("1", "arms"),)
    assert sent("SG", goods(1_000, "170410"), currency="SGD").refused == (("1", "chewing_gum"),)
    assert sent("SG", goods(1_000, "170490"), currency="SGD").refused == ()
    assert sent("US", goods(1_000, banned=frozenset({"US"})), currency="USD").refused == (("1", "shop"),)


def test_without_a_code_the_general_rate_is_taken_and_said_to_be_a_guess():
    one = sent("DE", goods(20_000, ""), goods(10_000, SHIRT, "2"))
    assert [line.guessed for line in one.lines] == [True, False]
    assert not one.certain
    assert one.lines[0].duty == 700


def test_of_a_country_that_nobody_described_nothing_is_claimed():
    one = sent("BR", goods(20_000))
    assert (one.regime, one.certain, one.duty, one.tax) == ("unknown", False, 0, 0)


COUNTRIES = sorted(duty_table().countries)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(COUNTRIES),
    st.sampled_from(["EUR", "USD", "CNY", "JPY"]),
    st.lists(
        st.tuples(st.integers(0, 500_000), st.integers(1, 9), st.sampled_from([SHIRT, TEA, BAG, PERFUME, ""])),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 20_000),
)
def test_lines_sum_to_the_parcel_and_stay_within_a_unit_of_the_exact(
    to: str, currency: str, lines: list[tuple[int, int, str]], carriage: int
):
    made = [goods(v, code, str(n), qty) for n, (v, qty, code) in enumerate(lines)]
    one = sent(to, *made, currency=currency, carriage=carriage, sent_from="US" if to != "US" else "DE")
    assert one.duty == sum(line.duty for line in one.lines) + one.carriage_duty >= 0
    assert one.tax == sum(line.tax for line in one.lines) + one.carriage_tax >= 0
    alone = sent(to, *made, currency=currency, sent_from="US" if to != "US" else "DE")
    if alone.regime == one.regime and not one.tax == alone.tax == 0:
        assert [(x.duty, x.tax) for x in alone.lines] == [(x.duty, x.tax) for x in one.lines]
    backwards = sent(to, *reversed(made), currency=currency, carriage=carriage, sent_from="US" if to != "US" else "DE")
    assert (backwards.regime, backwards.duty) == (one.regime, one.duty)
    assert abs(backwards.tax - one.tax) <= len(made)  # a unit of carriage or duty may fall on a line of another rate


@pytest.mark.parametrize("bad", [{"value": -1}, {"value": 10, "qty": 0}])
def test_a_parcel_that_cannot_be_is_refused(bad: dict[str, int]):
    with pytest.raises(FairdayError, match="A parcel has lines"):
        sent("DE", Goods(line="1", **bad))
    with pytest.raises(FairdayError):
        sent("DE")


# ---- the table -------------------------------------------------------------------------------------------------------


def test_a_shops_own_table_replaces_entries_and_keeps_the_rest():
    mine = read_table("countries:\n  BR: {customs: US, tax: 17}\n  DE: {customs: EU, tax: 16}", over=duty_table())
    parcel = Parcel(lines=(goods(10_000),), currency="EUR", sent_from="CN", sent_to="DE", day=DAY)
    assert landed(parcel, mine, RATES).tax == 1_648
    assert "BR" in mine.countries
    assert mine.countries["FR"] == duty_table().countries["FR"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("countries:\n  DE: {customs: XX, tax: 19}", "countries.DE.customs"),
        ("countries:\n  DE: {customs: EU, tax: nineteen}", "countries.DE.tax"),
        ("countries:\n  DE: {customs: EU, taxes: 19}", "countries.DE"),
        ("customs:\n  XX: {currency: EURO, regimes: []}", "customs.XX.currency"),
        ("customs:\n  XX: {currency: EUR, regimes: [{name: a, duty: some}]}", "customs.XX.regimes[0].duty"),
        ("customs:\n  XX: {currency: EUR, regimes: [{name: a, at_most: 1.234}]}", "customs.XX.regimes[0].at_most"),
        ("customs:\n  XX: {currency: EUR, regimes: [{name: a, from: soon}]}", "customs.XX.regimes[0].from"),
        ("customs:\n  XX: {currency: EUR, regimes: [{name: a}], tariff: {61: 12}}", "customs.XX.tariff"),
        ("a: [", ""),
    ],
)
def test_a_mistake_in_the_table_is_told_with_its_place(text: str, where: str):
    with pytest.raises(FairdayError) as told:
        read_table(text, "mine.yaml", over=duty_table())
    assert where in (told.value.where or "")
    assert (told.value.where or "").startswith("mine.yaml")


# ---- prices in other currencies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "step", "last", "said"),
    [(1_950, 100, 1, 1_999), (2_048, 100, 1, 1_999), (2_049, 100, 1, 2_099), (3, 100, 1, 99), (123, 5, 0, 125)],
)
def test_a_price_ends_as_shops_write_it(amount: int, step: int, last: int, said: int):
    assert ending(amount, step, last) == said
