from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairday.intake.events import OWN_PREFIXES
from fairday.kernel.clock import DAY_MS, to_day
from fairday.kernel.settings import Settings
from fairday.people.traits import SEGMENTS, TOLD, TRAITS, vocabulary
from fairday.people.traits.deriving import Fact, Shop, Sums, age_on, profile
from fairday.people.traits.folding import RESERVED, buckets, line_amount
from fairday.people.traits.reading import Known, read
from fairday.people.traits.rfm import Thresholds, cuts, price_level, score, segment
from fairday.people.traits.telling import told_by
from fairday.storage.log import Happening

NOON = 1_780_315_200_000
DOCS = Path(__file__).parents[2] / "docs" / "algorithms" / "traits.md"


def happening(name: str = "", source: str = "server:till", kind: str = "", **body: Any) -> Happening:
    return Happening(
        message_id="m", kind=kind or ("track" if name else "identify"), name=name, at=NOON, received=NOON,
        source=source,
        ids=(("user_id", "u1"),), body=body,
    )  # fmt: skip


def added(h: Happening, currency: str = "CNY") -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for measure, n, amount in buckets(h, currency, "Asia/Shanghai"):
        a, b = found.get(measure, (0, 0))
        found[measure] = (a + n, b + amount)
    return found


@pytest.mark.parametrize(
    ("trait", "value", "known"),
    [
        ("age", 34, Known(34, 34)),
        ("age", "19-24", Known(19, 24)),
        ("age", "65+", Known(65, None)),
        ("age", "under 18", Known(None, 17)),
        ("age", {"min": 20, "max": 29}, Known(20, 29)),
        ("income", "Under 15K", Known(None, 1_499_999)),
        ("income", "75-99K", Known(7_500_000, 9_999_999)),
        ("income", "50000-74999", Known(5_000_000, 7_499_999)),
        ("income", "250K+", Known(25_000_000, None)),
        ("birthday", "1992-02-29", Known(60, 60)),
        ("gender", "女", Known(txt="female")),
        ("has_kids", "yes", Known(1, 1)),
        ("member_since", "2026-06-01T08:00:00Z", Known(20605, 20605)),
        ("age", "abc", None),
        ("age", "25-19", None),
        ("age", True, None),
        ("age", 1e300, None),
        ("age", [1], None),
        ("gender", "?", None),
        ("birthday", "1990-02-29", None),
        ("birthday", 7, None),
        ("has_kids", "perhaps", None),
        ("city", "", None),
        ("city", "Unknown", None),
        ("life_stage", "astronaut", None),
        ("interests", [], Known(txt="\x1f")),
    ],
)
def test_a_told_value_is_read_in_its_type_or_not_at_all(trait: str, value: Any, known: Known | None) -> None:
    assert read(TOLD[trait], value, "CNY") == known


def test_segments_reserved_traits_are_understood() -> None:
    told = told_by(
        happening(
            traits={
                "firstName": "Li", "lastName": "Na", "email": "Li@X.com", "birthday": "1990-05-01", "plan": "pro",
                "address": {"city": "成都", "state": "四川", "country": "CN", "postalCode": "610000"},
            },
            context={"locale": "zh-CN"},
        ),
        "CNY",
    )  # fmt: skip
    assert told["name"].txt == "Li Na"
    assert told["email_domain"].txt == "x.com"
    assert (told["city"].txt, told["province"].txt, told["postcode"].txt) == ("成都", "四川", "610000")
    assert told["language"].txt == "zh"
    assert told["birth_date"].lo == 7425
    assert "plan" not in told


def test_a_groups_traits_are_not_the_persons() -> None:
    assert told_by(happening(kind="group", traits={"city": "Paris"}, context={"traits": {"age": 3}}), "CNY") == {}


LINES = [{"product_id": "p1", "category": "tea", "brand": "Lu", "price": 19.99, "quantity": 3}]


def test_an_order_counts_itself_its_money_and_its_lines() -> None:
    found = added(happening("Order Completed", properties={"total": 60, "products": LINES, "store_id": 7}))
    assert found["Order Completed"] == (1, 6000)
    assert found["bought:category=tea"] == (3, 5997)
    assert found["bought:product=p1"] == (3, 5997)
    assert found["active:store=7"] == (1, 0)
    assert found["active:hour=20"] == (1, 0)


def test_a_refund_takes_lines_back_and_leaves_the_order_an_order() -> None:
    found = added(happening("Order Refunded", properties={"total": -19.99, "products": [LINES[0] | {"quantity": 1}]}))
    assert found["Order Refunded"] == (1, 1999)
    assert "Order Completed" not in found
    assert found["bought:category=tea"] == (-1, -1999)


def test_lines_added_to_an_order_are_no_order_more() -> None:
    body = {"properties": {"total": 10, "products": LINES}}
    found = added(happening("Order Updated", source="import:till", **body))
    assert found["Order Completed"] == (0, 1000)
    assert found["bought:brand=Lu"] == (3, 5997)
    found = added(happening("Order Updated", source="server:shop", **body))
    assert "Order Completed" not in found
    assert "bought:brand=Lu" not in found


def test_money_of_another_currency_is_shown_and_not_added_up() -> None:
    found = added(happening("Order Completed", properties={"total": 60, "currency": "eur", "products": LINES}))
    assert found["Order Completed"] == (1, 0)
    assert found["Order Completed:currency=EUR"] == (1, 6000)
    assert found["bought:category=tea"] == (3, 0)


def test_an_order_from_a_public_key_is_marked_as_claimed() -> None:
    found = added(happening("Order Completed", source="browser:web", properties={"total": 1}))
    assert found["Order Completed"] == found["Order Completed:claimed"] == (1, 100)


@pytest.mark.parametrize("total", ["x", None, True, 1e30, float("1e14"), [], {}])
def test_a_total_that_is_no_amount_leaves_the_order_without_money(total: Any) -> None:
    assert added(happening("Order Completed", properties={"total": total}))["Order Completed"] == (1, 0)


def test_what_fairday_says_of_audiences_is_counted_nowhere() -> None:
    assert added(happening("Audience Entered", source="fairday", properties={"audience": "a"})) == {}


@pytest.mark.parametrize(
    ("price", "quantity", "amount"),
    [(0.005, 1, 1), (1.005, 1, 101), (19.99, 3, 5997), ("2.50", 2, 500), (1.0 / 3, 3, 100), (2, 0.35, 70), ("x", 1, 0)],
)
def test_a_line_is_rounded_once_half_up_from_its_decimal_writing(price: Any, quantity: Any, amount: int) -> None:
    assert line_amount(price, quantity, "CNY") == amount


def test_every_cell_of_the_written_grid_is_the_rules() -> None:
    rows = [line for line in DOCS.read_text().splitlines() if line[:3] in {f"| {r}" for r in "12345"}]
    assert len(rows) == 5
    for row in rows:
        first, *names = [cell.strip() for cell in row.strip("|").split("|")]
        assert [segment(int(first), f) for f in range(1, 6)] == names
    assert {segment(r, f) for r in range(1, 6) for f in range(1, 6)} == set(SEGMENTS)


def test_scores_are_fifths_and_equal_values_score_alike() -> None:
    fifths = Thresholds(cuts(range(1, 101)), cuts([1] * 70 + [2] * 30), cuts(range(0, 1000, 10)))
    assert fifths.recency == (20, 40, 60, 80)
    assert [score((d, 1, 0), fifths).recency for d in (0, 20, 21, 80, 81, 500)] == [5, 5, 4, 2, 1, 1]
    assert score((1, 1, 0), fifths).frequency == 1
    assert score((1, 2, 0), fifths).frequency == 4
    assert score((1, 3, 0), fifths).frequency == 5
    assert cuts([]) == ()


def test_price_level_compares_with_what_others_pay_for_the_same_kind() -> None:
    assert price_level([(3, 300, (100, 200))]) == "low"
    assert price_level([(3, 303, (100, 200))]) == "mid"
    assert price_level([(3, 603, (100, 200))]) == "high"
    assert price_level([(1, 1000, (100, 200)), (3, 30, (100, 200))]) == "low"
    assert price_level([(3, 300, ())]) is None
    assert price_level([]) is None


def test_the_later_telling_stands_and_a_fact_before_a_guess() -> None:
    shop = Shop("Asia/Shanghai", 20605)
    facts = [
        Fact("age", 20, 20, None, 10, "a"),
        Fact("age", 30, 30, None, 20, "b"),
        Fact("age", 40, 40, None, 30, "c", 900),
    ]
    assert profile(facts, None, shop) == [facts[1]]


def test_age_follows_the_date_of_birth() -> None:
    from datetime import date

    born = to_day(date(2000, 2, 29))
    assert age_on(born, to_day(date(2026, 2, 28))) == 25
    assert age_on(born, to_day(date(2026, 3, 1))) == 26
    found = profile([Fact("birth_date", born, born, None, NOON, "crm")], None, Shop("UTC", NOON // DAY_MS))
    assert [f.lo for f in found if f.trait == "age"] == [26]


def test_habits_need_three_observations() -> None:
    shop = Shop("Asia/Shanghai", 20605)
    for n, expected in ((2, set()), (3, {"usual_hour"})):
        sums = Sums(totals={"active:hour=9": (n, 0)}, last=20600)
        assert {f.trait for f in profile([], sums, shop)} == expected


def test_every_trait_is_titled_in_three_languages_and_can_be_asked_for() -> None:
    assert all(set(t.titles) == {"zh", "en", "es"} for t in TRAITS.values())
    assert vocabulary(Settings(currency="USD")).traits is TRAITS


@pytest.mark.parametrize(
    "name", ["bought:category=tea", "Viewed:product=1", "active:hour=3", "Order Completed:claimed"]
)
def test_a_name_of_our_own_measures_is_counted_nowhere(name: str) -> None:
    assert not any(measure.lower() == name.lower() for measure in added(happening(name, properties={"total": 5})))


def test_the_door_refuses_every_name_the_counting_leaves_out() -> None:
    assert set(OWN_PREFIXES) == set(RESERVED)


@pytest.mark.parametrize(
    "price", [1e308, "NaN", "Infinity", "-Infinity", "9e999999", "1e-999999", "x", True, [1], None]
)
@pytest.mark.parametrize("quantity", [1, 9, "9e999999", "NaN", 1e308, 0.3, {}])
def test_a_hostile_price_is_no_money(price: Any, quantity: Any) -> None:
    line = {"product_id": "p", "price": price, "quantity": quantity}
    found = added(happening("Order Completed", properties={"total": price, "products": [line]}))
    assert all(abs(amount) <= 10**12 and 0 <= n <= 10**9 for n, amount in found.values())
