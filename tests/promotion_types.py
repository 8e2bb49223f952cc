"""The collected cases' promotion types as rules of ours: the one translation (schema: README.md beside the cases)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fairday.offers.model import (
    AmountOff,
    Benefit,
    BundlePrice,
    BuyGet,
    Cart,
    Goods,
    GroupOff,
    Line,
    Need,
    Part,
    PayPoints,
    PercentOff,
    Policy,
    Prefer,
    Remainder,
    Round,
    Rule,
    SetOff,
    ShippingOff,
    Tier,
    Tiers,
    TotalBecomes,
    When,
)

Case = Mapping[str, Any]

REMAINDERS: Mapping[str, Remainder] = {
    "proportional": "largest",
    "proportional_with_floors": "largest",
    "largest_remainder": "largest",
    "floor_spare_from_first": "floor, first",
    "half_down_spare_from_first": "half down, first",
    "floor_last_takes_rest": "floor, last",
    "half_up_last_takes_rest": "half up, last",
    "dearest_first": "largest",
    "tax_per_line": "largest",
    "any": "largest",
}
ID_TAGS = ("cat", "product", "spu")
EXCLUSIVE = 10**6
"""Added to the priority of an exclusive promotion: of several eligible the highest is applied alone."""


def cart_of(case: Case) -> Cart:
    """A case's cart. Ids among its tags become tags like ``spu=1``."""
    lines = []
    for i, line in enumerate(case["lines"]):
        tags = line["tags"]
        named = [t for t, v in tags.items() if v is True]
        named += [f"{t}={tags[t]}" for t in ID_TAGS if t in tags]
        lines.append(
            Line(
                line=str(i), sku=line["sku"], unit=line["unit"], qty=line["qty"], tags=tuple(named),
                floor=tags.get("min_unit"), tax=int(Decimal(str(tags.get("tax", 0))) * 1000),
            )
        )  # fmt: skip
    points = sum(p.get("balance", 0) for p in case["promotions"] if p["type"] == "points")
    return Cart(
        currency=case["currency"], lines=tuple(lines), shipping=case["shipping"], points=points,
        prices_include_tax=case.get("prices_include_tax"),
    )  # fmt: skip


def policy_of(case: Case) -> Policy:
    """By priority, as all these systems go; they round after each promotion, a price with tax at its end."""
    taxed = case.get("prices_include_tax") is not None
    return Policy(
        objective="priority", remainder=REMAINDERS[case["allocation"]],
        rounding="end" if taxed else "each", half="down" if taxed else "up",
    )  # fmt: skip


def rules_of(case: Case) -> list[Rule]:
    """A case's promotions as rules, in file order."""
    return [_rule(str(i), p, case) for i, p in enumerate(case["promotions"])]


def goods_of(where: Mapping[str, Any] | None) -> Goods:
    """A selection."""
    where = where or {}
    tags: set[str] = set(where.get("any_tag", ()))
    if "tag" in where:
        tags.add(where["tag"])
    for name in ID_TAGS:
        if name in where:
            ids = where[name] if isinstance(where[name], list) else [where[name]]
            tags |= {f"{name}={i}" for i in ids}
    return Goods(
        skus=frozenset(where.get("sku", ())), any_tag=frozenset(tags),
        unit_from=where.get("min_unit_price"), unit_to=where.get("max_unit_price"),
    )  # fmt: skip


def _rule(name: str, p: Mapping[str, Any], case: Case) -> Rule:
    catalogue = p["type"].startswith("catalog_")
    exclusive = p.get("exclusive") is True
    # A coupon's or an order amount's own selection is what its conditions count; items' conditions count the cart.
    counted = goods_of(p.get("where")) if p["type"] in ("coupon_percent", "order_fixed") else Goods()
    return Rule(
        id=name,
        benefits=tuple(_benefits(p, case)),
        when=When(needs=_needs(p.get("when") or {}, counted)),
        layer="catalogue" if catalogue else "goods",
        priority=p.get("priority", 0) + EXCLUSIVE * exclusive,
        alone=exclusive and not catalogue,
    )


def _needs(when: Mapping[str, Any], goods: Goods) -> tuple[Need, ...]:
    needs = [
        Need(
            goods=goods, units=when.get("min_qty", 0), line_units=when.get("min_line_qty", 0),
            spend=when.get("min_spend", 0), spend_after=when.get("min_spend_after", 0),
        )
    ]  # fmt: skip
    if "contains_any_tag" in when:
        needs.append(Need(goods=Goods(any_tag=frozenset(when["contains_any_tag"])), units=1))
    return tuple(needs) if when else ()


def _benefits(p: Mapping[str, Any], case: Case) -> list[Benefit]:
    goods = goods_of(p.get("where"))
    dearest = case["allocation"] == "dearest_first"
    percent = Decimal(str(p.get("percent", 100)))
    taxed = case.get("prices_include_tax") is not None
    match p["type"]:
        case "item_percent":
            return [PercentOff(percent=percent, goods=goods, round="" if taxed else "line")]
        case "item_fixed_per_unit":
            prefer: Prefer | None = "dearest" if dearest else None
            return [AmountOff(amount=p["amount"], goods=goods, per="unit", max_units=p.get("max_qty"), prefer=prefer)]
        case "order_percent" | "coupon_percent":
            return [PercentOff(percent=percent, goods=goods, per="all", cap=p.get("max_amount"))]
        case "order_fixed":
            return [AmountOff(amount=p["amount"], goods=goods)]
        case "order_total_becomes":
            return [TotalBecomes(amount=p["amount"], goods=goods)]
        case "catalog_percent":
            rounds: Mapping[str, Round] = {"price half-up": "unit price", "discount half-up per unit": "unit discount"}
            return [PercentOff(percent=percent, goods=goods, round=rounds.get(p.get("round", ""), ""))]
        case "catalog_fixed":
            return [AmountOff(amount=p["amount"], goods=goods, per="unit")]
        case "spend_tiers":
            tiers = tuple(
                Tier(at=t["min_spend"], amount=t.get("off", 0), points=t.get("points", 0),
                     free_shipping=bool(t.get("free_shipping"))) for t in p["tiers"]
            )  # fmt: skip
            return [Tiers(by="amount", tiers=tiers, goods=goods)]
        case "quantity_tiers_percent":
            steps = tuple(Tier(at=t["min_qty"], percent=Decimal(str(t["percent"]))) for t in p["tiers"])
            return [Tiers(by="units", tiers=steps, goods=goods)]
        case "buy_x_get_y":
            return [
                BuyGet(
                    buy_qty=p["buy_qty"], get_qty=p["get_qty"], buy=goods_of(p.get("buy")), get=goods_of(p.get("get")),
                    percent=percent, max_get=p.get("max_get_qty"), prefer="dearest" if dearest else "cheapest",
                )
            ]  # fmt: skip
        case "multibuy":
            return [SetOff(qty=p["qty"], goods=goods, max_times=p.get("max_applications"))]
        case "fixed_price_bundle":
            return [
                BundlePrice(
                    price=p["price"], parts=(Part(qty=p["qty"], goods=goods),), max_times=p.get("max_applications"),
                    prefer="dearest" if dearest else "cheapest",
                )
            ]  # fmt: skip
        case "per_full_group_item_fixed":
            return [GroupOff(qty=p["group"], goods=goods, amount=p["amount"])]
        case "per_full_group_item_percent":
            return [GroupOff(qty=p["group"], goods=goods, percent=percent)]
        case "free_shipping":
            return [ShippingOff()]
        case "points":
            return [PayPoints(unit_value=Decimal(str(p["unit_value"])), max_points=p.get("max_points"), goods=goods)]
        case "bundle":
            return [b for action in p["actions"] for b in _benefits(action, case)]
        case unknown:
            raise ValueError(f"no such promotion type: {unknown}")


__all__ = ["cart_of", "goods_of", "policy_of", "rules_of"]
