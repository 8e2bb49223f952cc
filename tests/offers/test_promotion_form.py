from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairday.kernel.settings import Settings
from fairday.offers import form as forms
from fairday.offers.grammar import parse_rule, read_rule, rule_plain
from fairday.offers.model import Rule
from fairday.people.traits import vocabulary
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
    "{off: 5, country: [ES, PT], tags: [spring, tea], combines: [spring, members]}", "{off: 5, combines: nothing}",
    "{percent_off: 10, group: one of these, tags: a word, budget: 900, purse: spring purse}",
    "{tiers: [{spend: 100, percent_off: 5}, {spend: 300, percent_off: 12.5}], marginal: true, goods: {category: tea}}",
    "{pay_points: 0.01, max_points: 5000, spend: 50, channel: online}", "{pay_points: 0.5, free_shipping: true}",
]  # fmt: skip
NOT_SHOWN = ["{groups_of: 3, off: 1}", "{off: 5, per: unit}", "{off: 5, priority: 3}", "{off: 5, layer: coupon}",
             "{buy: 1, get: 1, get_goods: all, goods: {sku: a}}", "{total: 100}", "{off: 5, borne: 50}",
             "{off: 5, goods: {tag: a}}", "{off: 5, hours: [10:00..11:00, 12:00..13:00]}",
             "{off: 5, combines: [nothing]}", "{off: 5, country: Spain}", "{off: 5, alone: true, group: one}",
             "{off: 5, tags: ['a, b']}", "{tiers: [{spend: 9, percent_off: 1}], repeat: true}"]  # fmt: skip


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

    fields = forms.read(sent.items())
    rule, problems = read_rule(forms.plain_of(fields, FRIDAY), people=vocabulary(Settings()))
    assert (rule is None) == bool(problems)
    assert all(forms.field_of(p.key, fields) in forms.NAMES for p in problems)


def test_labels_countries_shared_budgets_and_points_are_fields() -> None:
    fields = forms.read({"kind": "pay_points", "pay_points": "0.01", "max_points": "500", "country": "es、PT",
                         "tags": "spring，tea", "combines": "members", "budget": "900",
                         "purse": "spring purse"}.items())  # fmt: skip
    assert forms.problems(fields) == []
    assert forms.plain_of(fields, FRIDAY) == {
        "promotion": "pay-points-0-01", "pay_points": "0.01", "max_points": "500", "country": ["ES", "PT"],
        "tags": ["spring", "tea"], "combines": ["members"], "budget": "900", "purse": "spring purse",
    }  # fmt: skip
    rule = parse_rule(forms.plain_of(fields, FRIDAY))
    assert rule.when.countries == frozenset({"ES", "PT"})
    assert (rule.tags, rule.combines) == (frozenset({"spring", "tea"}), frozenset({"members"}))
    assert (rule.limits.purse, rule.limits.amount, rule.layer) == ("spring purse", 90_000, "payment")
    alone = forms.plain_of(forms.read([("kind", "off"), ("off", "5"), ("combines", "Nothing")]), FRIDAY)
    assert parse_rule(alone).combines == frozenset()


@pytest.mark.parametrize(
    ("sent", "at", "code"),
    [
        ({"kind": "off", "off": "5", "country": "Spain, FR"}, "country", "bad_value"),
        ({"kind": "off", "off": "5", "purse": "spring"}, "purse", "purse_unfilled"),
        ({"kind": "tiers", "tiers[1].at": "100", "tiers[1].percent": "5", "tiers[2].at": "200", "tiers[2].off": "9",
          "tiers.marginal": "1"}, "tiers[2].off", "marginal_amount"),
    ],
)  # fmt: skip
def test_what_nobody_can_mean_is_told_at_its_field(sent: dict[str, str], at: str, code: str) -> None:
    fields = forms.read(sent.items())
    assert [(forms.field_of(p.key, fields), p.code) for p in forms.problems(fields)] == [(at, code)]
    assert forms.problems(forms.read([("kind", "off"), ("purse", "spring"), ("uses", "9"), ("country", "fr")])) == []


@pytest.mark.parametrize(
    ("sent", "at"),
    [({"kind": "pay_points"}, "pay_points"),
     ({"kind": "pay_points", "pay_points": "1", "max_points": "x"}, "max_points"),
     ({"kind": "off", "off": "5", "together": "stack", "stack": "a", "tags": "b", "combines": "c"}, "tags"),
     ({"kind": "off", "off": "5", "together": "stack", "stack": "a", "combines": "c"}, "combines")],
)  # fmt: skip
def test_a_fault_of_the_finer_fields_stands_at_them(sent: dict[str, str], at: str) -> None:

    fields = forms.read(sent.items())
    _, wrong = read_rule(forms.plain_of(fields, FRIDAY), people=vocabulary(Settings()))
    assert at in {forms.field_of(p.key, fields) for p in wrong}
