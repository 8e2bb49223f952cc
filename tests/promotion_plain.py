"""The schema of the collected promotion cases read plainly: promotion after promotion, none of our pricing in it.

It knows no tax, one promotion that uses up units in a case, and one percent off items in a bundle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor
from typing import Any

Words = Mapping[str, Any]
Takes = dict[int, Fraction]


def half_up(x: Fraction) -> int:
    return floor(x + Fraction(1, 2))


def half_down(x: Fraction) -> int:
    return -half_up(-x)


def of(percent: Any) -> Fraction:
    return Fraction(str(percent)) / 100


class Plain:
    """A case's cart while its promotions are applied.

    Attributes:
        left: what is left of each line; unit: prices of units after catalogue promotions.
        ship, ship_off: what shipping still costs, and what was taken off it.
    """

    def __init__(self, case: Words) -> None:
        self.lines: Sequence[Words] = case["lines"]
        self.allocation: str = case["allocation"]
        self.qty = [line["qty"] for line in self.lines]
        self.gross = [line["unit"] * line["qty"] for line in self.lines]
        self.floors = [
            min(line["tags"].get("min_unit", 0) * line["qty"], g)
            for line, g in zip(self.lines, self.gross, strict=True)
        ]
        self.left = list(self.gross)
        self.ship, self.ship_off = case["shipping"] or 0, 0
        catalogue = [p for p in case["promotions"] if p["type"].startswith("catalog_")]
        for p in _in_order([p for p in catalogue if p.get("exclusive")])[:1] or _in_order(catalogue):
            self.reprice(p)
        self.unit = [Fraction(left, qty) for left, qty in zip(self.left, self.qty, strict=True)]
        self.base = list(self.left)
        others = [p for p in case["promotions"] if p not in catalogue]
        alone = _in_order([p for p in others if p.get("exclusive") and self.holds(p, self.base) and self.touches(p)])
        for p in alone[:1] or _in_order([p for p in others if not p.get("exclusive")]):
            if self.holds(p, self.left):
                for action in _in_order(p["actions"]) if p["type"] == "bundle" else [p]:
                    self.apply(action)

    @property
    def told(self) -> dict[str, Any]:
        off = {line["sku"]: g - x for line, g, x in zip(self.lines, self.gross, self.left, strict=True)}
        return {"line_discounts": off, "item_discount_total": sum(off.values()), "shipping_discount": self.ship_off,
                "total": sum(self.left) + self.ship}  # fmt: skip

    def reprice(self, p: Words) -> None:
        for i, qty in enumerate(self.qty):
            unit = Fraction(self.left[i], qty)
            if p["type"] == "catalog_fixed":
                new = unit - p["amount"]
            elif p["round"] == "price half-up":
                new = Fraction(half_up(unit * (1 - of(p["percent"]))))
            else:
                new = unit - half_up(unit * of(p["percent"]))
            self.left[i] = int(max(new, Fraction(self.floors[i], qty)) * qty)

    # ---- selections and conditions ----

    def chosen(self, where: Words | None) -> list[int]:
        return [i for i in range(len(self.lines)) if self.fits(i, where or {})]

    def fits(self, i: int, where: Words) -> bool:
        line, tags = self.lines[i], self.lines[i]["tags"]
        ids = all(
            tags.get(t) in (where[t] if isinstance(where[t], list) else [where[t]])
            for t in ("cat", "product", "spu") if t in where
        )  # fmt: skip
        return (
            ids
            and ("sku" not in where or line["sku"] in where["sku"])
            and ("tag" not in where or where["tag"] in tags)
            and ("any_tag" not in where or any(t in tags for t in where["any_tag"]))
            and self.unit[i] >= where.get("min_unit_price", 0)
            and ("max_unit_price" not in where or self.unit[i] <= where["max_unit_price"])
        )

    def touches(self, p: Words) -> bool:
        """Whether a promotion selects anything."""
        if p["type"] == "bundle":
            return any(self.touches(action) for action in p["actions"])
        if p["type"] == "buy_x_get_y":
            return bool(self.chosen(p["buy"]) and self.chosen(p["get"]))
        return bool(self.chosen(p.get("where")))

    def holds(self, p: Words, left: Sequence[int]) -> bool:
        when = p.get("when") or {}
        counted = self.chosen(p.get("where") if p["type"] in ("coupon_percent", "order_fixed") else None)
        asked = when.get("contains_any_tag")
        return (
            sum(self.qty[i] for i in counted) >= when.get("min_qty", 0)
            and max((self.qty[i] for i in counted), default=0) >= when.get("min_line_qty", 0)
            and sum(self.base[i] for i in counted) >= when.get("min_spend", 0)
            and sum(left[i] for i in counted) >= when.get("min_spend_after", 0)
            and (asked is None or any(tag in line["tags"] for line in self.lines for tag in asked))
        )

    def ranked(self, where: Words | None, *, dearest: bool) -> list[int]:
        """The line of each selected unit, from the cheapest or from the dearest, equal ones by sku."""
        lines = sorted(self.chosen(where), key=lambda i: self.lines[i]["sku"])
        lines.sort(key=lambda i: self.unit[i], reverse=dearest)
        return [i for i in lines for _ in range(self.qty[i])]

    # ---- what promotions take ----

    def apply(self, p: Words) -> None:
        kind, where = p["type"], p.get("where")
        if kind == "free_shipping":
            self.ship, self.ship_off = 0, self.ship_off + self.ship
            return
        takes = getattr(self, f"_{kind}")(p, self.chosen(where))
        exact = {i: takes[i] for i in sorted(takes)}
        for i, take in shared({i: t for i, t in exact.items() if t}, self.above, self.allocation).items():
            self.left[i] -= take

    @property
    def above(self) -> list[int]:
        """What each line has above its floor."""
        return [left - least for left, least in zip(self.left, self.floors, strict=True)]

    def units_off(self, units: Sequence[int], percent: Fraction) -> Takes:
        """A percent off some units; none goes below its floor."""
        takes: Takes = {}
        for i in units:
            take = min(self.left[i] * percent, Fraction(self.above[i])) / self.qty[i]
            takes[i] = takes.get(i, Fraction(0)) + take
        return takes

    def spread(self, amount: Fraction | int, lines: Sequence[int]) -> Takes:
        return spread(Fraction(amount), {i: Fraction(self.left[i]) for i in lines},
                      {i: Fraction(self.above[i]) for i in lines})  # fmt: skip

    def whole(self, lines: Sequence[int]) -> int:
        return sum(self.left[i] for i in lines)

    def _item_percent(self, p: Words, lines: Sequence[int]) -> Takes:
        return {i: Fraction(min(half_up(self.left[i] * of(p["percent"])), self.above[i])) for i in lines}

    def _item_fixed_per_unit(self, p: Words, lines: Sequence[int]) -> Takes:
        most = p.get("max_qty")
        counts = {i: self.qty[i] if most is None else min(most, self.qty[i]) for i in lines}
        if most is not None and self.allocation == "dearest_first":
            first = self.ranked(p.get("where"), dearest=True)[:most]
            counts = {i: first.count(i) for i in lines}
        return {i: min(Fraction(p["amount"]), Fraction(self.above[i], self.qty[i])) * k for i, k in counts.items()}

    def _order_percent(self, p: Words, lines: Sequence[int]) -> Takes:
        amount = self.whole(lines) * of(p["percent"])
        return self.spread(min(amount, p["max_amount"]) if "max_amount" in p else amount, lines)

    _coupon_percent = _order_percent

    def _order_fixed(self, p: Words, lines: Sequence[int]) -> Takes:
        return self.spread(p["amount"], lines)

    def _order_total_becomes(self, p: Words, lines: Sequence[int]) -> Takes:
        return self.spread(max(0, self.whole(lines) - p["amount"]), lines)

    def _points(self, p: Words, lines: Sequence[int]) -> Takes:
        return self.spread(min(p["balance"], p.get("max_points", p["balance"])) * Fraction(str(p["unit_value"])), lines)

    def _spend_tiers(self, p: Words, lines: Sequence[int]) -> Takes:
        spent = sum(self.base[i] for i in lines)
        met = [tier for tier in p["tiers"] if tier["min_spend"] <= spent and lines]
        tier = max(met, key=lambda t: t["min_spend"], default={})
        if tier.get("free_shipping"):
            self.ship, self.ship_off = 0, self.ship_off + self.ship
        return self.spread(tier.get("off", 0), lines)

    def _quantity_tiers_percent(self, p: Words, lines: Sequence[int]) -> Takes:
        met = [tier for tier in p["tiers"] if tier["min_qty"] <= sum(self.qty[i] for i in lines)]
        percent = of(max(met, key=lambda t: t["min_qty"], default={"percent": 0})["percent"])
        return self.units_off([i for i in lines for _ in range(self.qty[i])], percent)

    def _per_full_group_item_percent(self, p: Words, lines: Sequence[int]) -> Takes:
        return self.units_off(self._grouped(p, lines), of(p["percent"]))

    def _per_full_group_item_fixed(self, p: Words, lines: Sequence[int]) -> Takes:
        takes: Takes = {}
        for i in self._grouped(p, lines):
            takes[i] = takes.get(i, Fraction(0)) + min(Fraction(p["amount"]), Fraction(self.above[i], self.qty[i]))
        return takes

    def _grouped(self, p: Words, lines: Sequence[int]) -> list[int]:
        units = [i for i in lines for _ in range(self.qty[i])]
        return units[: len(units) // p["group"] * p["group"]]

    def _multibuy(self, p: Words, lines: Sequence[int]) -> Takes:
        units = self.ranked(p.get("where"), dearest=False)
        sets = len(units) // p["qty"]
        return self.units_off(units[: min(sets, p.get("max_applications", sets))], Fraction(1))

    def _fixed_price_bundle(self, p: Words, lines: Sequence[int]) -> Takes:
        units = self.ranked(p.get("where"), dearest=self.allocation == "dearest_first")
        sets = len(units) // p["qty"]
        takes: Takes = {}
        for at in range(min(sets, p.get("max_applications", sets))):
            one = units[at * p["qty"] : (at + 1) * p["qty"]]
            worth = {i: Fraction(self.left[i] * one.count(i), self.qty[i]) for i in one}
            above = {i: Fraction(self.above[i] * one.count(i), self.qty[i]) for i in one}
            for i, take in spread(sum(worth.values(), Fraction(-p["price"])), worth, above).items():
                takes[i] = takes.get(i, Fraction(0)) + take
        return takes

    def _buy_x_get_y(self, p: Words, lines: Sequence[int]) -> Takes:
        """As many rounds as can be filled; where the cheapest are got, all rounds buy before the first gets."""
        times, got = 0, list[int]()
        while (more := self._played(p, times + 1)) is not None and len(more) <= p.get("max_get_qty", len(more)):
            times, got = times + 1, more
        return self.units_off(got, of(p.get("percent", 100)))

    def _played(self, p: Words, times: int) -> list[int] | None:
        dearest = self.allocation == "dearest_first"
        free, got = list(self.qty), list[int]()
        both = set(self.chosen(p["get"]))
        payers = sorted(dict.fromkeys(self.ranked(p["buy"], dearest=True)), key=lambda i: i in both)
        gets = list(dict.fromkeys(self.ranked(p["get"], dearest=dearest)))
        for _ in range(times if dearest else 1):
            for wanted, lines in ((p["buy_qty"], payers), (p["get_qty"], gets)):
                left = wanted if dearest else wanted * times
                for i in lines:
                    k = min(left, free[i])
                    free[i], left = free[i] - k, left - k
                    got += [i] * k if lines is gets else []
                if left:
                    return None
        return got


def _in_order(promotions: Sequence[Words]) -> list[Words]:
    return sorted(promotions, key=lambda p: -p.get("priority", 0))


def spread(amount: Fraction, weights: Mapping[int, Fraction], caps: Mapping[int, Fraction]) -> Takes:
    """An amount by weights, nobody beyond their cap; what they cannot take over the others."""
    takes = {i: Fraction(0) for i in weights}
    rest = min(amount, sum(weights.values(), Fraction(0)))
    able = [i for i in weights if caps[i] > 0]
    while able and rest > 0:
        whole = sum(weights[i] for i in able)
        full = [i for i in able if rest * weights[i] >= caps[i] * whole]
        for i in full or able:
            takes[i] = caps[i] if full else rest * weights[i] / whole
        rest = rest - sum(caps[i] for i in full) if full else Fraction(0)
        able = [i for i in able if i not in full]
    return takes


def shared(exact: Takes, most: Sequence[int], allocation: str) -> dict[int, int]:
    """Exact amounts as whole ones that sum to their rounded sum, by an allocation word."""
    rounding = {"half_down_spare_from_first": half_down, "half_up_last_takes_rest": half_up}.get(allocation, floor)
    takes = {i: min(rounding(t), most[i]) for i, t in exact.items()}
    spare = half_up(sum(exact.values(), Fraction(0))) - sum(takes.values())
    if allocation.endswith("last_takes_rest"):
        for i in reversed(takes):
            moved = max(-takes[i], min(spare, most[i] - takes[i]))
            takes[i], spare = takes[i] + moved, spare - moved
        return takes
    order = list(takes)
    if not allocation.endswith("from_first"):
        order.sort(key=lambda i: exact[i] - floor(exact[i]), reverse=True)
    step = 1 if spare > 0 else -1
    while spare and any(0 <= takes[i] + step <= most[i] for i in order):
        for i in order:
            if spare and 0 <= takes[i] + step <= most[i]:
                takes[i], spare = takes[i] + step, spare - step
    return takes
