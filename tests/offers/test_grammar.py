from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from fairday.kernel.clock import day_start, to_day
from fairday.kernel.errors import FairdayError
from fairday.offers.grammar import RuleError, parse_rule, rule_plain, rule_text
from fairday.offers.grammar.keys import GOODS, KEYS, SCENES_OWN
from fairday.offers.model import (
    AmountOff,
    BuyGet,
    Gift,
    Goods,
    Need,
    PercentOff,
    Rule,
    ShippingOff,
    Tier,
    Tiers,
)

PAGE = Path(__file__).parents[2] / "docs" / "merchants" / "promotions.md"
TEA = Goods(condition="category = 'tea'")


def read(text: str) -> Rule:
    return parse_rule(text, name="x", where="promo.yaml")


def test_the_common_promotions_are_a_few_words() -> None:
    rule = read("{spend: 199, off: 30}")
    assert (rule.benefits, rule.when.needs) == ((AmountOff(amount=3_000),), (Need(spend=19_900),))
    assert (rule.id, rule.layer, rule.combines) == ("x", "order", None)
    rule = read("{percent_off: 20%, goods: category = 'tea'}")
    assert (rule.benefits, rule.layer) == ((PercentOff(percent=Decimal(20), goods=TEA),), "goods")
    assert read("{buy: 2, get: 1}").benefits == (BuyGet(buy_qty=2, get_qty=1),)
    assert read("{spend: CNY 200, off: 30, repeat: true}").benefits == (
        Tiers(by="amount", tiers=(Tier(at=20_000, amount=3_000),), repeat=True),
    )
    rule = read("{spend: 199, off: 30, goods: category = 'tea', free_shipping: true, gift: tin}")
    assert rule.benefits == (AmountOff(amount=3_000, goods=TEA), ShippingOff(), Gift(sku="tin"))
    assert rule.when.needs == (Need(goods=TEA, spend=19_900),)


def test_the_layer_follows_from_what_is_given() -> None:
    said = {"{free_shipping: true}": "shipping", "{pay_points: 0.01}": "payment", "{off: 5, by_coupon: true}": "coupon",
            "{cheapest_of: 3}": "goods", "{off: 5}": "order", "{off: 5, layer: coupon}": "coupon"}  # fmt: skip
    assert {text: read(text).layer for text in said} == said


def test_days_are_days_of_the_shop_and_until_is_the_last_of_them() -> None:
    from datetime import date

    when = parse_rule("{off: 5, from: 2026-11-28, until: 2026-11-29}", name="x", zone="Europe/Madrid").when
    first, after = (day_start(to_day(date(2026, 11, d)), "Europe/Madrid") for d in (28, 30))
    assert (when.start, when.end) == (first, after)
    when = parse_rule("{off: 5, from: 2026-11-28 20:00, hours: 22:00..02:00, weekdays: [sun, sat]}", name="x").when
    assert when.start == day_start(to_day(date(2026, 11, 28)), "Asia/Shanghai") + 20 * 3_600_000
    assert (when.hours, when.weekdays) == (((1320, 120),), frozenset({5, 6}))


def test_plain_values_and_text_say_the_same_and_it_is_written_short() -> None:
    rule = parse_rule({"promotion": "tea", "spend": 199, "off": 30, "goods": "category = 'tea'", "alone": True})
    assert rule_text(rule) == "promotion: tea\ngoods: category = 'tea'\nspend: 199\noff: 30\nalone: true\n"
    assert rule_plain(read("{spend: 200, off: 0.5, repeat: true}")) == {
        "promotion": "x", "spend": 200, "off": Decimal("0.5"), "repeat": True,
    }  # fmt: skip


WRONG = [
    ("promotion: a\nof: 30", "of", 2, 1, "Did you mean off?"),
    ("promotion: a\noff: 30 yuan", "off", 2, 6, "is not a number"),
    ("promotion: a\noff: 0.005", "off", 2, 6, "at most 2 decimals"),
    ("promotion: a\noff: USD 5", "off", 2, 6, "CNY"),
    ("promotion: a\npercent_off: 120", "percent_off", 2, 14, "percent"),
    ("promotion: a\ntitle: A", "", 1, 1, "exactly one"),
    ("promotion: a\noff: 3\npercent_off: 5", "", 3, 14, "benefits"),
    ("promotion: a\noff: 3\ncheapest: 1", "cheapest", 3, 11, "cheapest_of"),
    ("promotion: a\nper: unit", "per", 2, 6, "off or percent_off"),
    ("promotion: a\nbuy: 2", "get", 2, 6, "missing"),
    ("promotion: a\ncheapest_of: 2\ncheapest: 3", "", 1, 1, "at least one and at most all"),
    ("promotion: a\nbundle: [{sku: tea}]", "price", 2, 9, "missing"),
    ("promotion: a\ntiers: [{off: 3}]", "tiers[1]", 2, 9, "spend and items"),
    ("promotion: a\ntiers: [{spend: 1, off: 3}, {items: 2, off: 5}]", "tiers", 2, 8, "all by items"),
    ("promotion: a\ntiers: [{spend: 9, off: 3}, {spend: 5, off: 5}]", "tiers", 2, 8, "go up"),
    ("promotion: a\noff: 3\nrepeat: true", "repeat", 3, 9, "every so much"),
    ("promotion: a\ngroups_of: 3", "off", 2, 12, "missing"),
    ("promotion: a\nfree_shipping: true\nshipping_off: 3", "shipping_off", 3, 15, "already"),
    ("promotion: a\noff: 3\ngoods: categry = 'tea'", "goods", 3, 8, "category"),
    ("promotion: a\noff: 3\ngoods: {colour: red}", "goods.colour", 3, 9, "no key"),
    ("promotion: a\noff: 3\ngoods: {price: cheap}", "goods.price", 3, 16, "10..50"),
    ("promotion: a\noff: 3\nwho: weather = 'rain'", "who", 3, 6, "weather"),
    ("promotion: a\noff: 3\nfrom: tomorrow", "from", 3, 7, "2026-11-27"),
    ("promotion: a\noff: 3\nfrom: 2026-02-30", "from", 3, 7, "2026-11-27"),
    ("promotion: a\noff: 3\nfrom: 2026-02-03\nuntil: 2026-02-01", "until", 4, 8, "later day"),
    ("promotion: a\noff: 3\nhours: 25:00..26:00", "hours[1]", 3, 8, "10:00..14:00"),
    ("promotion: a\noff: 3\nweekdays: [sunday]", "weekdays[1]", 3, 12, "sun"),
    ("promotion: a\noff: 3\nstack: a\ntags: [b]", "tags", 4, 7, "Keep one"),
    ("promotion: a\noff: 3\nlayer: first", "layer", 3, 8, "catalogue"),
    ("promotion: a\noff: 3\nlayer: catalogue", "layer", 3, 8, "catalogue rule"),
    ("promotion: a\noff: 3\nuses: many", "uses", 3, 7, "whole number"),
    ("promotion: scene/a\noff: 3", "promotion", 1, 12, "Write scene-a"),
    ("off: 3", "promotion", 1, 1, "Add promotion"),
    ("promotion: a\noff: 3\npriority: high", "priority", 3, 11, "whole number"),
    ("promotion: a\npay_points: lots", "pay_points", 2, 13, "number"),
    ("", "", 1, 1, "promotion: my-promotion"),
]


@pytest.mark.parametrize(("text", "key", "line", "column", "word"), WRONG, ids=[w[0][-40:] for w in WRONG])
def test_what_is_wrong_is_told_with_line_column_key_and_what_was_meant(
    text: str, key: str, line: int, column: int, word: str
) -> None:
    with pytest.raises(RuleError) as caught:
        parse_rule(text, where="promo.yaml")
    (problem,) = caught.value.problems
    assert (problem.key, problem.line, problem.column) == (key, line, column), str(problem)
    assert word in f"{problem.message} {problem.remedy}", str(problem)
    assert caught.value.where.startswith(f"promo.yaml:{line}:{column}")


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_day_beside_which_there_is_none_is_no_day(day: str) -> None:
    for key in ("from", "until"):
        with pytest.raises(RuleError, match="no day"):
            parse_rule(f"promotion: a\noff: 10\n{key}: {day}")


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(RuleError) as caught:
        parse_rule("promotion: a\noff: x\nuses: y\nlayer: z")
    assert [p.line for p in caught.value.problems] == [2, 3, 4]
    assert "(2 more)" in caught.value.remedy


def test_a_rule_that_no_text_can_say_is_refused_by_name() -> None:
    with pytest.raises(FairdayError, match="title in fr"):
        rule_text(Rule(id="a", benefits=(ShippingOff(),), title={"fr": "Port offert"}))


def test_every_key_stands_in_the_manual_and_every_example_of_it_is_read() -> None:
    page = PAGE.read_text(encoding="utf-8")
    told = re.findall(r"^\| `([a-z_]+)` \|", page.split("## Every key")[1], re.M)
    assert sorted(told) == sorted(KEYS)
    row = next(line for line in page.splitlines() if line.startswith("| `goods` |"))
    assert set(GOODS) <= set(re.findall(r"[a-z_]+", row))
    told = re.findall(r"`([a-z_]+)`", page.split("is the same without")[1].split(": the scene")[0])
    assert sorted(told) == sorted(SCENES_OWN)
    for row in page.split("## Examples by benefit")[1].split("## Every key")[0].splitlines():
        for example in re.findall(r"`(\{.*?\})`(?= or| \|)", row):
            assert read(example).benefits, example
    for example in re.findall(r"```yaml\n(.*?)```", page, re.S):
        assert parse_rule(example).title["en"]
