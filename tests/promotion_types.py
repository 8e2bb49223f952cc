"""The collected cases' promotion types as rules of ours: the one translation (schema: README.md beside the cases)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from fairday.offers.model import (
    AmountOff,
    Benefit,
    BundlePrice,
    BuyGet,
    Cart,
    Facts,
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
from fairday.offers.pricing import Book, price
from promotion_words import ID_TAGS, Case, NotInSchema, check

Words = Mapping[str, Any]

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
ROUNDS: Mapping[str | None, Round] = {
    None: "", "price half-up": "unit price", "discount half-up per unit": "unit discount",
}  # fmt: skip
EXCLUSIVE = 10**6
"""Added to the priority of an exclusive promotion: of several eligible the highest is applied alone."""
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
RANGE = {"min_unit_price", "max_unit_price"}
NONE = "line=none"
"""A tag no line has."""


def told(case: Case) -> dict[str, Any]:
    """What our pricing says of a case, by the words of ``expected``.

    Raises:
        NotInSchema: a word the schema does not have.
    """
    check(case)
    book = Book(rules_of(case), policy_of(case), currency=case["currency"])
    cart = cart_of(case)
    by_sku = {line["sku"]: 0 for line in case["lines"]}
    units: dict[str, list[int]] = {sku: [] for sku in by_sku}
    if not cart.lines:
        ship = cart.shipping or 0
        return {"line_discounts": by_sku, "unit_discounts": units, "item_discount_total": 0, "shipping_discount": 0,
                "total": ship, "total_net": ship, "total_gross": ship}  # fmt: skip
    got = price(cart, book, Facts(), 0, 0)
    for line, given in zip(cart.lines, got.lines, strict=True):
        by_sku[line.sku] += given.gross - given.price
        shares = [_even(off, line.qty) for _, off in given.discounts] or [[0] * line.qty]
        units[line.sku] += [sum(of) for of in zip(*shares, strict=True)]
    return {
        "line_discounts": by_sku,
        "unit_discounts": {sku: sorted(of, reverse=True) for sku, of in units.items()},
        "item_discount_total": got.discount,
        "shipping_discount": sum(amount for _, amount in got.shipping_discounts),
        "total": got.total,
        "total_net": got.net,
        "total_gross": got.total,
    }


def _even(amount: int, units: int) -> list[int]:
    """What a promotion takes of a line over its units, spare ones to the first."""
    return [amount // units + (k < amount % units) for k in range(units)]


def cart_of(case: Case) -> Cart:
    """A case's cart. Ids among its tags become tags like ``spu=1``, and each line's place one like ``line=0``."""
    lines = []
    for i, line in enumerate(case["lines"]):
        if line["qty"] == 0 or _unselected(i, line, case):
            continue
        tags = line.get("tags") or {}
        unit = Decimal(str(line["unit"])).normalize()  # 2.50 of a minor unit has digits of its own
        digits = max(0, -int(unit.as_tuple().exponent))
        named = [t for t, v in tags.items() if v is True]
        named += [f"{t}={v}" for t in ID_TAGS for v in _several(tags.get(t))]
        lines.append(
            Line(
                line=str(i), sku=line["sku"], unit=int(unit.scaleb(digits)), unit_digits=digits, qty=line["qty"],
                tags=(*named, f"line={i}"), floor=tags.get("min_unit"),
                tax=int(Decimal(str(tags.get("tax") or 0)) * 1000),
            )
        )  # fmt: skip
    points = sum(a["balance"] for p in case["promotions"] for a in p.get("actions", (p,)) if a["type"] == "points")
    return Cart(
        currency=case["currency"], lines=tuple(lines), shipping=case.get("shipping"), points=points,
        prices_include_tax=case.get("prices_include_tax"),
    )  # fmt: skip


def _unselected(i: int, line: Words, case: Case) -> bool:
    """Whether the note says of a line that it takes no part: by its place, its sku, or its price and quantity."""
    place = ORDINALS[i] if i < len(ORDINALS) else f"{i + 1}th"
    by = rf"\b{place},?\s+(unselected\s+)?line|\b(line|sku)\s+{re.escape(line['sku'])}\b"
    by += rf"|\b{line['unit']}\s*x\s*{line['qty']}\b"
    sentences = re.split(r"[.;]", str(case.get("note", "")).lower())
    return any("unselected" in s and re.search(by, s, re.IGNORECASE) for s in sentences)


def policy_of(case: Case) -> Policy:
    """By priority, as all these systems go; they round after each promotion, a price with tax at its end."""
    taxed = case.get("prices_include_tax") is not None
    return Policy(
        objective="priority", remainder=REMAINDERS[case.get("allocation", "proportional")],
        rounding="end" if taxed else "each", half="down" if taxed else "up",
    )  # fmt: skip


def rules_of(case: Case) -> list[Rule]:
    """A case's promotions as rules, in file order."""
    return [rule for i, p in enumerate(case["promotions"]) for rule in _rules(str(i), p, case)]


def goods_of(where: Words | None, case: Case) -> Goods:
    """A selection: all that stands in it must hold of a line."""
    where = where or {}
    named = [set(where["any_tag"])] if where.get("any_tag") is not None else []
    named += [{where["tag"]}] if where.get("tag") is not None else []
    named += [{f"{t}={v}" for v in _several(where[t])} for t in ID_TAGS if where.get(t) is not None]
    tags = named[0] if named else set()
    if len(named) > 1:  # our rules ask for any of some tags; lines that have one of each set are told by their place
        lines = [(i, set(line.tags)) for i, line in enumerate(cart_of({**case, "promotions": []}).lines)]
        tags = {f"line={i}" for i, has in lines if all(has & some for some in named)}
    if named or where.get("sku") == []:
        tags = tags or {NONE}
    return Goods(
        skus=frozenset(where.get("sku") or ()), any_tag=frozenset(tags),
        unit_from=where.get("min_unit_price"), unit_to=where.get("max_unit_price"),
    )  # fmt: skip


def _several(ids: Any) -> Sequence[Any]:
    return () if ids is None else ids if isinstance(ids, list) else (ids,)


def _rules(name: str, p: Words, case: Case) -> list[Rule]:
    """A promotion's rule; more than one for a bundle whose actions have conditions of their own."""
    if p["type"] != "bundle":
        return [_rule(name, p, case, _benefits(p, case), _needs(p, case))]
    actions = sorted(p["actions"], key=lambda a: -a.get("priority", 0))
    after = bool((p.get("when") or {}).get("min_spend_after"))
    moving = not after and _repriced(case) and any(RANGE & set(a.get("where") or ()) for a in actions)
    if not moving and not any(a.get("when") or a["type"].startswith("catalog_") for a in actions):
        return [_rule(name, p, case, _together(actions, case), _needs(p, case))]
    if after:
        raise NotInSchema(f"case {case.get('id')}.promotions[{name}]: what is left can be asked once for a bundle only")
    if moving and sum(a["type"] == "item_percent" for a in actions) > 1:
        raise NotInSchema(f"case {case.get('id')}.promotions[{name}]: percents of one bundle over catalogue prices")
    return [
        _rule(f"{name}.{k}", {**p, "type": a["type"]}, case, _benefits(a, case), _needs(p, case) + _needs(a, case))
        for k, a in enumerate(actions)
    ]


def _repriced(case: Case) -> bool:
    return any(p["type"].startswith("catalog_") for p in case["promotions"])


def _rule(name: str, p: Words, case: Case, benefits: Sequence[Benefit], needs: tuple[Need, ...]) -> Rule:
    catalogue = p["type"].startswith("catalog_")
    exclusive = p.get("exclusive") is True
    rivals = [q for q in case["promotions"] if q["type"].startswith("catalog_") and q.get("exclusive")]
    bundled = "." in name and exclusive and not catalogue
    return Rule(
        id=name, benefits=tuple(benefits), when=When(needs=needs), layer="catalogue" if catalogue else "goods",
        priority=p.get("priority", 0) + EXCLUSIVE * exclusive,
        alone=exclusive and not catalogue and not bundled,
        group="catalogue" if catalogue and rivals else "",  # of a group each line takes the first: the exclusive one
        tags=frozenset({name.split(".")[0]} if bundled else ()),
        combines=frozenset({name.split(".")[0]}) if bundled else None,
    )  # fmt: skip


def _needs(p: Words, case: Case) -> tuple[Need, ...]:
    """A promotion's conditions. A coupon's or an order amount's own selection is what they count; else the cart."""
    when = p.get("when") or {}
    goods = goods_of(p.get("where"), case) if p["type"] in ("coupon_percent", "order_fixed") else Goods()
    after = when.get("min_spend_after") or 0
    spend = when.get("min_spend") or 0
    if p.get("exclusive"):  # nothing is applied before it
        spend, after = max(spend, after), 0
    needs = Need(
        goods=goods, units=when.get("min_qty") or 0, line_units=when.get("min_line_qty") or 0, spend=spend,
        spend_after=after,
    )  # fmt: skip
    found = (needs,) if needs != Need(goods=goods) else ()
    if when.get("contains_any_tag") is not None:
        tags = frozenset(_several(when["contains_any_tag"])) or frozenset({NONE})
        found += (Need(goods=Goods(any_tag=tags), units=1),)
    return found


def _together(actions: Sequence[Words], case: Case) -> list[Benefit]:
    """The benefits of actions under one condition: their percents off items are all of the price before them."""
    lines = cart_of(case).lines
    # In a rule of ours what selects nothing itself, like shipping, goes with what selects something.
    actions = [a for a in actions if any(_in(goods_of(a.get("where"), case), line) for line in lines)] or actions
    percents = [a for a in actions if a["type"] == "item_percent"]
    chosen = [frozenset(line.line for line in lines if _in(goods_of(a.get("where"), case), line)) for a in percents]
    if sum(map(len, chosen)) == len(frozenset().union(*chosen)):
        return [b for a in actions for b in _benefits(a, case)]
    sums: dict[Decimal, set[str]] = {}
    for line in lines:
        whole = sum((_percent(a) for a, of in zip(percents, chosen, strict=True) if line.line in of), Decimal(0))
        sums.setdefault(min(whole, Decimal(100)), set()).add(f"line={line.line}")
    first = True
    found: list[Benefit] = []
    for a in actions:
        if a["type"] != "item_percent":
            found += _benefits(a, case)
        elif first:
            first = False
            found += [
                PercentOff(percent=whole, goods=Goods(any_tag=frozenset(of)), round=_line_round(case))
                for whole, of in sums.items() if whole
            ]  # fmt: skip
    return found


def _in(goods: Goods, line: Line) -> bool:
    return (
        (not goods.skus or line.sku in goods.skus)
        and (not goods.any_tag or bool(goods.any_tag & set(line.tags)))
        and (goods.unit_from is None or line.unit >= goods.unit_from)
        and (goods.unit_to is None or line.unit <= goods.unit_to)
    )


def _percent(p: Words) -> Decimal:
    """More than all of a price cannot be taken off."""
    return min(Decimal(str(p["percent"])), Decimal(100))


def _line_round(case: Case) -> Round:
    return "" if case.get("prices_include_tax") is not None else "line"


def _benefits(p: Words, case: Case) -> list[Benefit]:
    goods = goods_of(p.get("where"), case)
    dearest = case.get("allocation") == "dearest_first"
    match p["type"]:
        case "item_percent":
            return [PercentOff(percent=_percent(p), goods=goods, round=_line_round(case))]
        case "item_fixed_per_unit":
            prefer: Prefer | None = "dearest" if dearest else None
            return [AmountOff(amount=p["amount"], goods=goods, per="unit", max_units=p.get("max_qty"), prefer=prefer)]
        case "order_percent" | "coupon_percent":
            return [PercentOff(percent=_percent(p), goods=goods, per="all", cap=p.get("max_amount"))]
        case "order_fixed":
            return [AmountOff(amount=p["amount"], goods=goods)]
        case "order_total_becomes":
            return [TotalBecomes(amount=p["amount"], goods=goods)]
        case "catalog_percent":
            return [PercentOff(percent=_percent(p), goods=goods, round=ROUNDS[p.get("round")])]
        case "catalog_fixed":
            return [AmountOff(amount=p["amount"], goods=goods, per="unit")]
        case "spend_tiers":
            tiers = [
                Tier(at=t["min_spend"], amount=t.get("off") or 0, points=t.get("points") or 0,
                     free_shipping=bool(t.get("free_shipping"))) for t in p["tiers"]
            ]  # fmt: skip
            return [Tiers(by="amount", tiers=tuple(sorted(tiers, key=lambda t: t.at)), goods=goods)]
        case "quantity_tiers_percent":
            steps = [Tier(at=t["min_qty"], percent=_percent({"percent": 0} | t)) for t in p["tiers"]]
            return [Tiers(by="units", tiers=tuple(sorted(steps, key=lambda t: t.at)), goods=goods)]
        case "buy_x_get_y":
            return [
                BuyGet(
                    buy_qty=p["buy_qty"], get_qty=p["get_qty"],
                    buy=goods_of(p.get("buy"), case), get=goods_of(p.get("get"), case),
                    percent=_percent({"percent": 100} | p), max_get=p.get("max_get_qty"),
                    prefer="dearest" if dearest else "cheapest",
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
            return [GroupOff(qty=p["group"], goods=goods, percent=_percent(p))]
        case "free_shipping":
            return [ShippingOff()]
        case "points":
            most = p["balance"] if p.get("max_points") is None else min(p["balance"], p["max_points"])
            return [PayPoints(unit_value=Decimal(str(p["unit_value"])), max_points=most, goods=goods)]
        case unknown:
            raise NotInSchema(f"no such promotion type: {unknown}")
