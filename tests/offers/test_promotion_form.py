from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.offers import form as forms
from fairday.offers.grammar import parse_rule, rule_plain
from fairday.offers.model import Rule
from rulespecs import rules

FRIDAY = date(2026, 11, 27)
SHOWN = [
    "{spend: 199, off: 30, goods: {category: tea}, alone: true, from: 2026-11-28, until: 2026-11-29, uses: 500}",
    "{percent_off: 12.5, at_most: 50, goods: {brand: [Ming, Hua]}, first_order: true, weekdays: [sat, sun]}",
    "{spend: 200, off: 30, repeat: true, title: {en: Every 200, zh: 每满200减30}}",
    "{tiers: [{spend: 99, off: 10}, {spend: 199, percent_off: 15, free_shipping: true}], free_shipping: true}",
    "{tiers: [{items: 2, percent_off: 10}, {items: 3, percent_off: 20}], who: age >= 60}",
    "{buy: 2, get: 1, goods: category = 'tea'}", "{buy: 1, get: 1, percent_off: 50, stack: spring}",
    "{cheapest_of: 3}", "{cheapest_of: 2, percent_off: 50, group: one of these}", "{price: 9.90, goods: {sku: cup}}",
    "{spend: 99, free_shipping: true, pay_with: [wechat, alipay]}", "{spend: 299, gift: tin, person_uses: 1}",
    "{items: 3, gift: {sku: tin, cost: 8}, hours: 20:00..22:00}", "{points: 100, by_coupon: true, budget: 5000}",
]  # fmt: skip
NOT_SHOWN = ["{groups_of: 3, off: 1}", "{off: 5, per: unit}", "{off: 5, priority: 3}", "{off: 5, layer: coupon}",
             "{buy: 1, get: 1, get_goods: all, goods: {sku: a}}", "{total: 100}", "{off: 5, borne: 50}",
             "{off: 5, goods: {tag: a}}", "{off: 5, hours: [10:00..11:00, 12:00..13:00]}"]  # fmt: skip


@pytest.mark.parametrize("text", SHOWN)
def test_a_common_promotion_goes_through_the_form_unchanged(text: str) -> None:
    rule = parse_rule(text, name="x")
    fields = forms.of(rule_plain(rule))
    assert fields is not None
    assert parse_rule(forms.plain_of(forms.read(fields.items()), FRIDAY)) == rule


@pytest.mark.parametrize("text", NOT_SHOWN)
def test_what_the_form_has_no_field_for_is_left_to_the_text(text: str) -> None:
    assert forms.of(rule_plain(parse_rule(text, name="x"))) is None


@given(rules())
@settings(max_examples=100, deadline=None)
def test_whatever_the_form_shows_it_saves_unchanged(rule: Rule) -> None:
    fields = forms.of(rule_plain(rule))
    if fields is not None:
        assert parse_rule(forms.plain_of(fields, FRIDAY)) == rule


def test_a_promotion_is_made_from_a_few_fields() -> None:
    fields = forms.read({"kind": "off", "spend": "199", "off": "30", "category": "tea", "when": "weekend",
                         "together": "alone", "uses": "500", "stray": "x"}.items())  # fmt: skip
    assert forms.plain_of(fields, FRIDAY) == {
        "promotion": "tea-spend-199-off-30", "goods": {"category": "tea"}, "spend": "199", "off": "30", "uses": "500",
        "from": "2026-11-28", "until": "2026-11-29", "alone": True,
    }  # fmt: skip
    rule = parse_rule(forms.plain_of(fields, FRIDAY))
    assert rule.limits.uses == 500
    sunday = forms.plain_of(fields, date(2026, 11, 29))
    assert (sunday["from"], sunday["until"]) == ("2026-11-29", "2026-11-29")


@given(
    st.dictionaries(st.sampled_from(forms.NAMES), st.sampled_from(["", "1", "x", "weekend", "tiers", "-5", "茶, 杯"]))
)
@settings(max_examples=150, deadline=None)
def test_any_fields_give_plain_values_that_can_be_read_or_told_at_a_field(sent: dict[str, str]) -> None:
    from fairday.kernel.settings import Settings
    from fairday.offers.grammar import read_rule
    from fairday.people.traits import vocabulary

    fields = forms.read(sent.items())
    rule, problems = read_rule(forms.plain_of(fields, FRIDAY), people=vocabulary(Settings()))
    assert (rule is None) == bool(problems)
    assert all(forms.field_of(p.key, fields) in forms.NAMES for p in problems)
