"""The closed schema of the collected promotion cases, word by word. What is none of its words is refused by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Case = Mapping[str, Any]


class NotInSchema(ValueError):
    """A case uses a word the schema does not have, or leaves one out; the message says which and where."""


CASE = frozenset({"id", "source", "currency", "minor_units", "lines", "shipping", "promotions", "prices_include_tax",
                  "allocation", "expected", "note"})  # fmt: skip
LINE = frozenset({"sku", "unit", "qty", "tags"})
ID_TAGS = ("cat", "product", "spu")
VALUE_TAGS = frozenset({*ID_TAGS, "min_unit", "tax"})
"""Tags with a value; any other name is a tag and stands with true."""
WHERE = frozenset({"sku", "tag", "any_tag", "spu", "cat", "product", "min_unit_price", "max_unit_price"})
WHEN = frozenset({"min_qty", "min_line_qty", "min_spend", "min_spend_after", "contains_any_tag"})
EXPECTED = frozenset({"line_discounts", "unit_discounts", "item_discount_total", "shipping_discount", "total",
                      "total_net", "total_gross"})  # fmt: skip
ALLOCATIONS = frozenset({"proportional", "proportional_with_floors", "largest_remainder", "floor_spare_from_first",
                         "half_down_spare_from_first", "floor_last_takes_rest", "half_up_last_takes_rest",
                         "dearest_first", "tax_per_line", "any"})  # fmt: skip
ROUNDS = frozenset({"price half-up", "discount half-up per unit"})
FREE = frozenset({"cheapest of the set"})

OF_ANY = frozenset({"type", "when", "priority", "exclusive"})
"""Options every promotion may have."""
NEEDED: Mapping[str, frozenset[str]] = {
    "item_percent": frozenset({"percent"}),
    "item_fixed_per_unit": frozenset({"amount"}),
    "order_percent": frozenset({"percent"}),
    "order_fixed": frozenset({"amount"}),
    "order_total_becomes": frozenset({"amount"}),
    "coupon_percent": frozenset({"percent"}),
    "catalog_percent": frozenset({"percent"}),
    "catalog_fixed": frozenset({"amount"}),
    "spend_tiers": frozenset({"tiers"}),
    "quantity_tiers_percent": frozenset({"tiers"}),
    "buy_x_get_y": frozenset({"buy_qty", "get_qty"}),
    "multibuy": frozenset({"qty"}),
    "fixed_price_bundle": frozenset({"qty", "price"}),
    "per_full_group_item_fixed": frozenset({"group", "amount"}),
    "per_full_group_item_percent": frozenset({"group", "percent"}),
    "free_shipping": frozenset(),
    "points": frozenset({"balance", "unit_value"}),
    "bundle": frozenset({"actions"}),
}
"""By type the options without which it says nothing."""
MORE: Mapping[str, frozenset[str]] = {
    "item_percent": frozenset({"where"}),
    "item_fixed_per_unit": frozenset({"where", "max_qty"}),
    "order_percent": frozenset({"where", "max_amount"}),
    "order_fixed": frozenset({"where"}),
    "order_total_becomes": frozenset({"where"}),
    "coupon_percent": frozenset({"where", "max_amount"}),
    "catalog_percent": frozenset({"where", "round"}),
    "catalog_fixed": frozenset({"where"}),
    "spend_tiers": frozenset({"where"}),
    "quantity_tiers_percent": frozenset({"where"}),
    "buy_x_get_y": frozenset({"buy", "get", "percent", "max_get_qty"}),
    "multibuy": frozenset({"where", "free", "max_applications"}),
    "fixed_price_bundle": frozenset({"where", "max_applications"}),
    "per_full_group_item_fixed": frozenset({"where"}),
    "per_full_group_item_percent": frozenset({"where"}),
    "free_shipping": frozenset(),
    "points": frozenset({"where", "max_points"}),
    "bundle": frozenset(),
}
"""By type the options it may have besides."""
TIER: Mapping[str, tuple[str, frozenset[str]]] = {
    "spend_tiers": ("min_spend", frozenset({"off", "points", "free_shipping"})),
    "quantity_tiers_percent": ("min_qty", frozenset({"percent"})),
}
"""By type what a tier is reached by, and what it may give."""


def check(case: Case) -> None:
    """Walk a case.

    Raises:
        NotInSchema: a word the schema does not have, or one left out.
    """
    where = f"case {case.get('id', '?')}"
    _known(case, CASE, where, needed=("currency", "lines", "promotions", "expected"))
    _one_of(case.get("minor_units", True), (True,), f"{where}.minor_units")
    _one_of(case.get("prices_include_tax"), (None, True, False), f"{where}.prices_include_tax")
    _one_of(case.get("allocation", "proportional"), ALLOCATIONS, f"{where}.allocation")
    _known(case["expected"], EXPECTED, f"{where}.expected")
    for i, line in enumerate(case["lines"]):
        _known(line, LINE, f"{where}.lines[{i}]", needed=("sku", "unit", "qty"))
        for name, value in (line.get("tags") or {}).items():
            if name not in VALUE_TAGS:
                _one_of(value, (True, False), f"{where}.lines[{i}].tags.{name}")
    for i, promotion in enumerate(case["promotions"]):
        _promotion(promotion, f"{where}.promotions[{i}]")


def _promotion(p: Mapping[str, Any], where: str) -> None:
    kind = p.get("type")
    _one_of(kind, NEEDED, f"{where}.type")
    assert isinstance(kind, str)
    _known(p, OF_ANY | NEEDED[kind] | MORE[kind], where, needed=NEEDED[kind])
    _one_of(p.get("exclusive", False), (True, False), f"{where}.exclusive")
    for name in ("where", "buy", "get"):
        _known(p.get(name) or {}, WHERE, f"{where}.{name}")
    _known(p.get("when") or {}, WHEN, f"{where}.when")
    _one_of(p.get("round"), (None, *ROUNDS), f"{where}.round")
    _one_of(p.get("free"), (None, *FREE), f"{where}.free")
    if kind in TIER:
        reached, gives = TIER[kind]
        for i, tier in enumerate(p["tiers"]):
            _known(tier, {reached} | gives, f"{where}.tiers[{i}]", needed=(reached,))
    for i, action in enumerate(p.get("actions", ())):
        _promotion(action, f"{where}.actions[{i}]")
        if action["type"] == "bundle" or action.get("exclusive"):
            what = "a bundle" if action["type"] == "bundle" else "exclusive"
            raise NotInSchema(f"{where}.actions[{i}]: an action of a bundle is not {what}")


def _known(found: Mapping[str, Any], words: Collection[str], where: str, needed: Collection[str] = ()) -> None:
    for word in found:
        if word not in words:
            raise NotInSchema(f"{where}: {word!r} is no word of the schema here; it has {', '.join(sorted(words))}")
    for word in needed:
        if found.get(word) is None:
            raise NotInSchema(f"{where}: {word!r} is missing")


def _one_of(value: Any, values: Collection[Any], where: str) -> None:
    if value not in values:
        raise NotInSchema(f"{where}: {value!r} is no word of the schema here; it has {', '.join(map(str, values))}")
