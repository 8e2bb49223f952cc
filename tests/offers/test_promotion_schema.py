"""Every word of the closed schema of promotion cases is told to our pricing, or refused by name; none is overlooked."""

from __future__ import annotations

import copy
import re
from typing import Any

import msgspec
import pytest

import parts
import promotion_words as words
from promotion_types import cart_of, policy_of, rules_of, told
from promotion_words import NotInSchema, check

TIERS = [{"min_spend": 100, "off": 10}]
SAID: dict[str, dict[str, tuple[Any, Any]]] = {
    "item_percent": {"percent": (10, 20)},
    "item_fixed_per_unit": {"amount": (10, 20), "max_qty": (1, 2)},
    "order_percent": {"percent": (10, 20), "max_amount": (5, 6)},
    "order_fixed": {"amount": (10, 20)},
    "order_total_becomes": {"amount": (10, 20)},
    "coupon_percent": {"percent": (10, 20), "max_amount": (5, 6)},
    "catalog_percent": {"percent": (10, 20), "round": ("price half-up", "discount half-up per unit")},
    "catalog_fixed": {"amount": (10, 20)},
    "spend_tiers": {"tiers": (TIERS, [{"min_spend": 200, "off": 10}])},
    "quantity_tiers_percent": {"tiers": ([{"min_qty": 1, "percent": 10}], [{"min_qty": 2, "percent": 10}])},
    "buy_x_get_y": {"buy_qty": (1, 2), "get_qty": (1, 2), "percent": (50, 100), "max_get_qty": (1, 2),
                    "buy": ({"tag": "x"}, {"tag": "y"}), "get": ({"tag": "x"}, {"tag": "y"})},
    "multibuy": {"qty": (2, 3), "max_applications": (1, 2), "free": ("cheapest of the set",) * 2},
    "fixed_price_bundle": {"qty": (2, 3), "price": (10, 20), "max_applications": (1, 2)},
    "per_full_group_item_fixed": {"group": (2, 3), "amount": (10, 20)},
    "per_full_group_item_percent": {"group": (2, 3), "percent": (10, 20)},
    "free_shipping": {},
    "points": {"balance": (10, 20), "unit_value": (1, 2), "max_points": (5, 6)},
    "bundle": {"actions": ([{"type": "free_shipping"}], [{"type": "item_percent", "percent": 5}])},
}  # fmt: skip
"""By type each option with two values that say different things."""
OF_ANY: dict[str, tuple[Any, Any]] = {
    "when": ({"min_qty": 1}, {"min_qty": 2}), "priority": (1, 2), "exclusive": (True, False),
}  # fmt: skip
WHERE: dict[str, tuple[Any, Any]] = {
    "sku": (["a"], ["b"]), "tag": ("x", "y"), "any_tag": (["x"], ["y"]), "spu": ([1], [2]), "cat": (1, 2),
    "product": (1, 2), "min_unit_price": (100, 101), "max_unit_price": (100, 99),
}  # fmt: skip
WHEN: dict[str, tuple[Any, Any]] = {
    "min_qty": (1, 3), "min_line_qty": (2, 3), "min_spend": (10, 201), "min_spend_after": (10, 201),
    "contains_any_tag": (["x"], ["y"]),
}  # fmt: skip
TAGS: dict[str, tuple[Any, Any]] = {
    "x": (True, False), "cat": (1, 2), "product": (1, 2), "spu": (1, 2), "min_unit": (40, 50), "tax": (8.5, 20),
}  # fmt: skip


def a_case(*promotions: dict[str, Any], **more: Any) -> dict[str, Any]:
    line = {"sku": "a", "unit": 100, "qty": 2, "tags": {"x": True, "cat": 1, "product": 1, "spu": 1}}
    case = {"id": "words", "currency": "USD", "lines": [line], "shipping": 30, "promotions": list(promotions)}
    return case | {"allocation": "proportional", "expected": {}} | more


def a(kind: str, **options: Any) -> dict[str, Any]:
    return {"type": kind} | {name: SAID[kind][name][0] for name in words.NEEDED[kind]} | options


def translated(case: dict[str, Any]) -> bytes:
    told(case)  # it is priced without an error, too
    return msgspec.json.encode([rules_of(case), cart_of(case), policy_of(case)], order="sorted")


def differ(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return translated(a_case(one)) != translated(a_case(other))


def test_every_type_and_option_stands_here() -> None:
    assert set(words.NEEDED) == set(words.MORE) == set(SAID)
    for kind, options in SAID.items():
        assert words.NEEDED[kind] | words.MORE[kind] - {"where"} == set(options), kind
    assert set(OF_ANY) | {"type"} == words.OF_ANY
    assert set(WHERE) == words.WHERE
    assert set(WHEN) == words.WHEN
    assert set(TAGS) - {"x"} == words.VALUE_TAGS


@pytest.mark.parametrize(("kind", "option"), [(kind, option) for kind, options in SAID.items() for option in options])
def test_every_option_of_a_type_changes_what_is_priced(kind: str, option: str) -> None:
    one, other = SAID[kind][option]
    if one != other:
        assert differ(a(kind, **{option: one}), a(kind, **{option: other}))
        assert option in words.NEEDED[kind] or differ(a(kind), a(kind, **{option: one}))


@pytest.mark.parametrize("kind", SAID)
@pytest.mark.parametrize("option", OF_ANY)
def test_conditions_and_ordering_hold_for_every_type(kind: str, option: str) -> None:
    one, other = OF_ANY[option]
    assert differ(a(kind, **{option: one}), a(kind, **{option: other}))
    if option != "when":
        assert option == "exclusive" or differ(a(kind), a(kind, **{option: one}))


@pytest.mark.parametrize("kind", [kind for kind in SAID if "where" in words.MORE[kind]])
@pytest.mark.parametrize("word", WHERE)
def test_every_word_of_a_selection_is_told(kind: str, word: str) -> None:
    one, other = WHERE[word]
    assert differ(a(kind, where={word: one}), a(kind, where={word: other}))
    assert differ(a(kind), a(kind, where={word: one}))


@pytest.mark.parametrize("word", WHERE)
def test_a_selection_takes_the_line_it_fits_and_no_other(word: str) -> None:
    one, other = WHERE[word]
    off = [told(a_case(a("item_percent", where={word: value})))["item_discount_total"] for value in (one, other)]
    assert off == [20, 0]


@pytest.mark.parametrize("word", WHEN)
def test_every_condition_lets_through_what_meets_it_and_nothing_else(word: str) -> None:
    one, other = WHEN[word]
    off = [told(a_case(a("item_percent", when={word: value})))["item_discount_total"] for value in (one, other)]
    assert off == [20, 0]


@pytest.mark.parametrize("tag", TAGS)
def test_every_tag_of_a_line_is_told(tag: str) -> None:
    def tagged(value: Any) -> dict[str, Any]:
        line = {"sku": "a", "unit": 100, "qty": 2, "tags": {tag: value}}
        return a_case(lines=[line], prices_include_tax=True, allocation="tax_per_line")

    one, other = TAGS[tag]
    assert translated(tagged(one)) != translated(tagged(other))


@pytest.mark.parametrize("option", ["off", "points", "free_shipping"])
def test_every_word_of_a_tier_is_told(option: str) -> None:
    plain = {"min_spend": 100, "off": 10}
    assert differ(a("spend_tiers", tiers=[plain]), a("spend_tiers", tiers=[plain | {option: 7}]))


def test_every_allocation_has_its_policy() -> None:
    policies = {word: policy_of(a_case(allocation=word)) for word in words.ALLOCATIONS}
    same = ["proportional", "proportional_with_floors", "largest_remainder", "dearest_first", "tax_per_line", "any"]
    assert {policies[word].remainder for word in same} == {"largest"}
    assert len({policy.remainder for policy in policies.values()}) == 5
    gets = a("item_fixed_per_unit", max_qty=1)
    assert rules_of(a_case(gets, allocation="dearest_first")) != rules_of(a_case(gets))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda c: c.update(colour=1), "colour"),
        (lambda c: c["lines"][0].update(colour=1), "colour"),
        (lambda c: c["lines"][0]["tags"].update(weight=5), "tags.weight"),
        (lambda c: c.update(allocation="by_the_moon"), "by_the_moon"),
        (lambda c: c.update(minor_units=False), "minor_units"),
        (lambda c: c.update(prices_include_tax="yes"), "prices_include_tax"),
        (lambda c: c["expected"].update(colour=1), "colour"),
        (lambda c: c["promotions"][0].update(type="wheel_of_fortune"), "wheel_of_fortune"),
        (lambda c: c["promotions"][0].update(colour=1), "colour"),
        (lambda c: c["promotions"][0].update(exclusive="sometimes"), "sometimes"),
        (lambda c: c["promotions"][0].update(where={"colour": "red"}), "colour"),
        (lambda c: c["promotions"][0].update(when={"min_age": 18}), "min_age"),
        (lambda c: c["promotions"][0].pop("percent"), "percent"),
        (lambda c: c["promotions"].append(a("catalog_percent", round="down")), "down"),
        (lambda c: c["promotions"].append(a("multibuy", free="dearest of the set")), "dearest of the set"),
        (lambda c: c["promotions"].append(a("buy_x_get_y", buy={"colour": 1})), "colour"),
        (lambda c: c["promotions"].append(a("spend_tiers", tiers=[{"min_spend": 1, "percent": 5}])), "percent"),
        (lambda c: c["promotions"].append(a("quantity_tiers_percent", tiers=[{"percent": 5}])), "min_qty"),
        (lambda c: c["promotions"].append(a("bundle", actions=[a("bundle")])), "a bundle"),
        (lambda c: c["promotions"].append(a("bundle", actions=[a("points", exclusive=True)])), "exclusive"),
        (lambda c: c["promotions"].append(a("bundle", actions=[{"type": "nothing"}])), "nothing"),
    ],
)  # fmt: skip
def test_a_word_the_schema_does_not_have_is_refused_by_name(change: Any, named: str) -> None:
    case = copy.deepcopy(a_case(a("item_percent")))
    check(case)
    change(case)
    with pytest.raises(NotInSchema, match=re.escape(named)):
        told(case)


def test_what_a_bundle_cannot_say_is_refused() -> None:
    asks_twice = a("bundle", when={"min_spend_after": 5}, actions=[a("item_percent", when={"min_qty": 1})])
    with pytest.raises(NotInSchema, match="what is left"):
        told(a_case(asks_twice))
    moving = a("bundle", actions=[a("item_percent"), a("item_percent", where={"min_unit_price": 95})])
    with pytest.raises(NotInSchema, match="over catalogue prices"):
        told(a_case(a("catalog_fixed"), moving))


def test_lines_of_no_units_and_unselected_ones_take_no_part() -> None:
    none = {"sku": "b", "unit": 70, "qty": 0, "tags": {}}
    assert told(a_case(a("order_fixed"), lines=[none]))["total"] == 30
    case = a_case(a("order_fixed"))
    case["lines"] += [none, {"sku": "c", "unit": 60, "qty": 5, "tags": {}}]
    for note in (
        "An unselected third line.",
        "The third, unselected line.",
        "Line C is unselected",
        "unselected 60 x5",
    ):
        got = told(case | {"note": note})
        assert (got["total"], got["line_discounts"]) == (220, {"a": 10, "b": 0, "c": 0})
    assert told(case | {"note": "An unselected fourth line (61 x5)."})["total"] == 520


def test_the_collected_schema_has_no_word_unknown_here() -> None:
    text = parts.cases("README.md").read_text().split("## identity.json")[0]
    types = re.findall(r"`(\w+)` \{([^`]*?)\}(?= [·|])", text.replace("[{", "[").replace("}]", "]"))
    named = {kind: set(re.findall(r"\w+", re.sub(r"\[.*?\]", "", options))) for kind, options in types}
    assert set(named) == set(words.NEEDED)
    for kind, options in named.items():
        assert options <= words.OF_ANY | words.NEEDED[kind] | words.MORE[kind], kind
    known = words.CASE | words.LINE | words.VALUE_TAGS | words.WHERE | words.WHEN | words.EXPECTED | words.ALLOCATIONS
    known |= words.OF_ANY | {"true", "promotions.json"} | set(words.NEEDED)
    known |= {option for kind in SAID for option in words.NEEDED[kind] | words.MORE[kind]}
    said = {word for span in re.findall(r"`([^`]*)`", text) for word in re.findall(r"^[a-z_.]+", span)}
    assert said <= known, said - known
