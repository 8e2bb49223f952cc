"""Random cases in the words of the collected promotion cases."""

from __future__ import annotations

import random
from typing import Any

from promotion_words import ALLOCATIONS

ON_LINES = ("item_percent", "item_fixed_per_unit", "order_percent", "order_fixed", "order_total_becomes",
            "coupon_percent", "spend_tiers", "quantity_tiers_percent", "per_full_group_item_fixed",
            "per_full_group_item_percent", "free_shipping", "points")  # fmt: skip
ON_UNITS = ("multibuy", "buy_x_get_y", "fixed_price_bundle")
SELECTIONS = ({}, {"tag": "x"}, {"any_tag": ["x", "y"]}, {"cat": 1}, {"cat": [1, 2]}, {"sku": ["a", "c"]},
              {"min_unit_price": 400}, {"max_unit_price": 600}, {"tag": "x", "min_unit_price": 300},
              {"tag": "x", "cat": 1})  # fmt: skip
ROUNDS = ("price half-up", "discount half-up per unit")


class Dice(random.Random):
    """Throws cases; a coin falls as often as asked."""

    def coin(self, share: float = 0.5) -> bool:
        return self.random() < share

    def case(self) -> dict[str, Any]:
        lines = [
            {"sku": sku, "unit": self.choice([0, 1, 99, 333, 500, 500, 999, 1000, 1056, 2500]),
             "qty": self.randint(1, 4), "tags": self.tags()}
            for sku in "abcd"[: self.randint(1, 4)]
        ]  # fmt: skip
        promotions = [self.promotion() for _ in range(self.randint(0, 3))]
        if self.coin():
            promotions.insert(self.randint(0, len(promotions)), self.promotion(self.choice(ON_UNITS)))
        return {"id": "thrown", "currency": "USD", "lines": lines, "shipping": self.choice([None, 700]),
                "promotions": promotions, "allocation": self.choice(sorted(ALLOCATIONS)), "expected": {}}  # fmt: skip

    def tags(self) -> dict[str, Any]:
        tags: dict[str, Any] = {tag: True for tag in "xy" if self.coin()}
        tags |= {"cat": self.randint(1, 2)} if self.coin() else {}
        return tags | ({"min_unit": self.choice([50, 450, 900])} if self.coin(0.2) else {})

    def promotion(self, kind: str = "") -> dict[str, Any]:
        kind = kind or self.choice([*ON_LINES, "bundle", "catalog_percent", "catalog_fixed"])
        p = self.action(kind)
        p |= {"priority": self.randint(0, 5)} if self.coin(0.4) else {}
        p |= {"exclusive": True} if self.coin(0.12) else {}
        return p | ({"when": self.when()} if self.coin(0.4) and not kind.startswith("catalog_") else {})

    def when(self) -> dict[str, Any]:
        every = {"min_qty": self.randint(1, 8), "min_line_qty": self.randint(1, 4), "contains_any_tag": ["y"],
                 "min_spend": self.choice([500, 2000, 4000]), "min_spend_after": self.choice([300, 1500])}  # fmt: skip
        return {word: value for word, value in every.items() if self.coin(0.3)}

    def action(self, kind: str) -> dict[str, Any]:
        amount, percent = self.choice([1, 50, 100, 299, 1000, 5000]), self.choice([5, 10, 12.5, 15, 33, 50, 100])
        p: dict[str, Any] = {"type": kind}
        match kind:
            case "bundle":
                kinds = [self.choice(ON_LINES) for _ in range(self.randint(1, 3))]
                once = [k for at, k in enumerate(kinds) if k != "item_percent" or k not in kinds[:at]]
                return p | {"actions": [self.action(k) for k in once]}
            case "catalog_percent":
                return p | {"percent": percent, "round": self.choice(ROUNDS)}
            case "catalog_fixed":
                return p | {"amount": amount}
            case "free_shipping":
                return p
            case "buy_x_get_y":
                p |= {"buy_qty": self.randint(1, 3), "get_qty": self.randint(1, 2), "percent": self.choice([50, 100])}
                p |= {"buy": self.choice(SELECTIONS), "get": self.choice(SELECTIONS)}
                return p | ({"max_get_qty": self.randint(1, 4)} if self.coin() else {})
            case "multibuy" | "fixed_price_bundle":
                p |= {"qty": self.randint(1, 4)}
                p |= {"price": self.choice([100, 700, 1500])} if kind == "fixed_price_bundle" else {}
                p |= {"max_applications": self.randint(1, 2)} if self.coin() else {}
            case "points":
                p |= {"balance": self.choice([0, 77, 500, 9999]), "unit_value": self.choice([1, 2, 0.5])}
                p |= {"max_points": self.choice([0, 50, 300])} if self.coin() else {}
            case "spend_tiers":
                steps = self.sample([0, 500, 1000, 3000], self.randint(1, 3))
                p["tiers"] = [{"min_spend": at, "off": self.choice([10, 50, 333]), "free_shipping": self.coin(0.3)}
                              for at in steps]  # fmt: skip
            case "quantity_tiers_percent":
                steps = self.sample([0, 2, 5, 9], self.randint(1, 3))
                p["tiers"] = [{"min_qty": at, "percent": self.choice([5, 10, 15, 50])} for at in steps]
            case _:
                p |= {"percent": percent} if "percent" in kind else {"amount": amount}
                p |= {"group": self.randint(1, 4)} if kind.startswith("per_full_group") else {}
                p |= {"max_qty": self.randint(1, 3)} if kind == "item_fixed_per_unit" and self.coin() else {}
                p |= {"max_amount": amount} if kind in ("order_percent", "coupon_percent") and self.coin(0.4) else {}
        return p | ({"where": self.choice(SELECTIONS)} if self.coin(0.6) else {})
