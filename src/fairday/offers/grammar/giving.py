"""What a promotion gives, and to which goods: keys to benefits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode

from fairday.kernel import money
from fairday.kernel.audience import Vocabulary
from fairday.kernel.errors import FairdayError
from fairday.kernel.yamltree import Tree, join
from fairday.kernel.yamlvalues import Scalars
from fairday.offers.grammar.keys import BESIDE, GIFT, GOODS, MAIN, ROUNDS, TIER
from fairday.offers.model import (
    ALL,
    AmountOff,
    Benefit,
    BundlePrice,
    BuyGet,
    FixedPrice,
    Gift,
    Goods,
    GroupOff,
    MorePoints,
    Part,
    PayPoints,
    PercentOff,
    SetOff,
    ShippingOff,
    Tier,
    Tiers,
    TotalBecomes,
)

_MOST: Final = 10_000_000
_DECIMAL: Final = re.compile(r"\d{1,9}(?:\.\d{1,12})?")
_PRICES: Final = re.compile(r"([\d.]*?)\s*\.\.\s*([\d.]*)")
_PREFER: Final = ("cheapest", "dearest")

Keys = Mapping[str, Node]


class At:
    """Keys where they stand, read one by one."""

    def __init__(self, keys: Keys, path: str) -> None:
        self.keys, self.path = keys, path

    def path_of(self, key: str) -> str:
        return join(self.path, key)

    def __call__(self, key: str, read: Callable[[Node, str], Any], default: Any) -> Any:
        node = self.keys.get(key)
        return default if node is None else read(node, self.path_of(key))


class Giving(Scalars):
    """Readers of benefits and of selections of goods."""

    def __init__(self, tree: Tree, goods: Vocabulary, currency: str) -> None:
        super().__init__(tree)
        self.goods, self.currency = goods, currency
        self._cash, self._cash0 = self.cash(currency), self.cash(currency, nothing=True)

    # ---- goods -------------------------------------------------------------------------------------------------------

    def selection(self, node: Node, key: str) -> Goods:
        """A condition, ``all``, or a list of what must hold."""
        if not isinstance(node, MappingNode):
            if isinstance(node, ScalarNode) and node.value == "all":
                return ALL
            return Goods(condition=self.holds(node, key, self.goods) or "")
        keys = self.tree.mapping(node, key, GOODS)
        sets = {"sku": "skus", "product": "products", "category": "categories", "department": "departments",
                "brand": "brands", "tag": "any_tag", "no_tag": "no_tag"}  # fmt: skip
        found: dict[str, Any] = {sets[k]: self.words_of(n, join(key, k)) for k, n in keys.items() if k in sets}
        if "price" in keys:
            found["unit_from"], found["unit_to"] = self._prices(keys["price"], join(key, "price"))
        if "where" in keys:
            found["condition"] = self.holds(keys["where"], join(key, "where"), self.goods) or ""
        return Goods(**found)

    def _prices(self, node: Node, key: str) -> tuple[int | None, int | None]:
        text = self.tree.text_of(node, key, "Prices")
        found = _PRICES.fullmatch(text.strip()) if text else None
        if text is None:
            return None, None
        ends: list[int | None] = []
        for end in found.groups() if found else ():
            try:
                ends.append(money.typed(end, self.currency) if end else None)
            except FairdayError:
                ends = []
                break
        if len(ends) < 2 or ends == [None, None]:
            self.tree.problem(node, key, f"{text!r} are no prices.", "Write 10..50, 10.. or ..50.")
            return None, None
        return ends[0], ends[1]

    # ---- values ------------------------------------------------------------------------------------------------------

    def word(self, node: Node, key: str) -> str:
        """A word of the shop's own, at most 120 characters."""
        return self.tree.text_of(node, key, "A word", 120) or ""

    def words_of(self, node: Node, key: str) -> frozenset[str]:
        """One word, or a list of them."""
        return frozenset(self.word(child, path) for child, path in self.tree.items(node, key, 1_000))

    def count(self, low: int) -> Callable[[Node, str], int | None]:
        return self.whole(low, _MOST)

    def percent_of(self, node: Node, key: str) -> Decimal:
        """More than 0 and at most 100, with six decimals at most; "20%" too."""
        text = self.tree.text_of(node, key, "A percent")
        value = self._decimal(text.strip().removesuffix("%").strip()) if text else None
        if text and (value is None or not 0 < value <= 100 or value != round(value, 6)):
            self.tree.problem(node, key, f"{text!r} is not a number of percent from 0.1 to 100.", "Write 20.")
            return Decimal(0)
        return value or Decimal(0)

    @staticmethod
    def _decimal(text: str) -> Decimal | None:
        return Decimal(text).normalize() + 0 if _DECIMAL.fullmatch(text) else None

    def _positive(self, node: Node, key: str) -> Decimal:
        text = self.tree.text_of(node, key, "A number")
        value = self._decimal(text.strip()) if text else None
        if text and (value is None or value < 0):
            self.tree.problem(node, key, f"{text!r} is not a number of 0 or more.", "Write 2.")
        return value or Decimal(0)

    # ---- benefits ----------------------------------------------------------------------------------------------------

    def given(self, keys: Keys, path: str, goods: Goods, *, spends: bool) -> list[Benefit]:
        """What keys give of goods, in a fixed order: what is taken off them, shipping, a gift, points.

        Args:
            spends: ``spend`` and ``items`` stand beside, which ``repeat`` takes part of.
        """
        lead = next((k for k in MAIN if k in keys), None)
        found: list[Benefit] = []
        if lead is not None:
            self._strangers(keys, path, lead)
            made = _MAKE[lead](self, At(keys, path), goods, spends)
            found += [made] if made is not None else []
        else:
            for key in keys:
                owners = [main for main, with_ in MAIN.items() if key in with_]
                if owners and key not in ("spend", "items"):
                    self.tree.problem(keys[key], join(path, key), f"{key} goes with {' or '.join(owners)}.",
                                      f"Add {owners[0]}: …", code="goes_with")  # fmt: skip
        return found + self._beside(At(keys, path))

    def _strangers(self, keys: Keys, path: str, lead: str) -> None:
        """Keys that belong to another benefit than the leading one."""
        fine = {lead, *MAIN[lead], "spend", "items", *BESIDE}
        for key in keys:
            if key in MAIN and key not in fine:
                self.tree.problem(
                    keys[key], path, f"An offer gives exactly one thing off: {lead} or {key}.",
                    "Write both into benefits: [{…}, {…}] if both are meant.", code="one_of",
                )  # fmt: skip
            elif key not in fine and any(key in with_ for with_ in MAIN.values()):
                owners = [main for main, with_ in MAIN.items() if key in with_]
                self.tree.problem(keys[key], join(path, key), f"{key} does not go with {lead}, it goes with "
                                  f"{' or '.join(owners)}.", "Delete it.", code="goes_with")  # fmt: skip

    def _beside(self, at: At) -> list[Benefit]:
        found: list[Benefit] = []
        shipping = [k for k in ("free_shipping", "shipping_off", "shipping_percent_off") if k in at.keys]
        for more in shipping[1:]:
            self.tree.problem(at.keys[more], at.path_of(more), f"Shipping is told already by {shipping[0]}.",
                              "Keep one of them.", code="one_of")  # fmt: skip
        if at("free_shipping", self.yes, False):
            found.append(ShippingOff())
        elif "shipping_off" in at.keys:
            found.append(ShippingOff(amount=at("shipping_off", self._cash, 0) or 0))
        elif "shipping_percent_off" in at.keys:
            found.append(ShippingOff(percent=at("shipping_percent_off", self.percent_of, Decimal(100))))
        if "gift" in at.keys:
            found.append(self._gift(at.keys["gift"], at.path_of("gift")))
        if "points" in at.keys or "points_factor" in at.keys:
            found.append(MorePoints(
                factor=at("points_factor", self._positive, Decimal(1)), extra=at("points", self.count(0), 0) or 0
            ))  # fmt: skip
        return found

    def _gift(self, node: Node, key: str) -> Gift:
        if not isinstance(node, MappingNode):
            return Gift(sku=self.word(node, key))
        at = At(self.tree.mapping(node, key, GIFT, ("sku",)), key)
        return Gift(
            sku=at("sku", self.word, ""), qty=at("qty", self.count(1), 1) or 1,
            value=at("value", self._cash0, 0) or 0, cost=at("cost", self._cash0, 0) or 0,
        )  # fmt: skip

    def _needed(self, at: At, *names: str) -> bool:
        """Whether these keys stand there; one that does not is noted."""
        missing = [name for name in names if name not in at.keys]
        lead = next(at.keys[key] for key in MAIN if key in at.keys)
        for name in missing:
            message = f"The key {name!r} is missing."
            self.tree.problem(lead, at.path_of(name), message, f"Add {name}: …", code="missing_key")
        return not missing

    def buy_get(self, at: At, goods: Goods, spends: bool) -> Benefit | None:
        if not self._needed(at, "get"):
            return None
        return BuyGet(
            buy_qty=at("buy", self.count(0), 0) or 0, get_qty=at("get", self.count(1), 1) or 1, buy=goods,
            get=at("get_goods", self.selection, goods), percent=at("percent_off", self.percent_of, Decimal(100)),
            max_get=at("max_get", self.count(1), None), max_times=at("max_times", self.count(1), None),
            prefer=at("prefer", self.among(_PREFER), "cheapest") or "cheapest",
        )  # fmt: skip

    def set_off(self, at: At, goods: Goods, spends: bool) -> Benefit | None:
        return SetOff(
            qty=at("cheapest_of", self.count(1), 1) or 1, off=at("cheapest", self.count(1), 1) or 1, goods=goods,
            percent=at("percent_off", self.percent_of, Decimal(100)), max_times=at("max_times", self.count(1), None),
        )  # fmt: skip

    def bundle(self, at: At, goods: Goods, spends: bool) -> Benefit | None:
        if not self._needed(at, "price"):
            return None
        parts = []
        for child, path in self.tree.items(at.keys["bundle"], at.path_of("bundle"), 20):
            if isinstance(child, MappingNode) and {"qty", "goods"} & {str(k.value) for k, _ in child.value}:
                one = At(self.tree.mapping(child, path, ("qty", "goods")), path)
                parts.append(Part(qty=one("qty", self.count(1), 1) or 1, goods=one("goods", self.selection, ALL)))
            else:
                parts.append(Part(qty=1, goods=self.selection(child, path)))
        return BundlePrice(
            price=at("price", self._cash0, 0) or 0, parts=tuple(parts), max_times=at("max_times", self.count(1), None),
            prefer=at("prefer", self.among(_PREFER), "cheapest") or "cheapest",
        )  # fmt: skip

    def groups(self, at: At, goods: Goods, spends: bool) -> Benefit | None:
        if "off" not in at.keys and "percent_off" not in at.keys and not self._needed(at, "off"):
            return None
        return GroupOff(
            qty=at("groups_of", self.count(1), 1) or 1, goods=goods, amount=at("off", self._cash, 0) or 0,
            percent=at("percent_off", self.percent_of, Decimal(0)),
        )  # fmt: skip

    def tiers(self, at: At, goods: Goods, spends: bool) -> Benefit | None:
        tiers, ways = [], set()
        for child, path in self.tree.items(at.keys["tiers"], at.path_of("tiers"), 50):
            one = At(self.tree.mapping(child, path, TIER), path)
            told = [k for k in ("spend", "items") if k in one.keys]
            if len(told) != 1:
                self.tree.problem(child, path, "A step begins at exactly one of spend and items.",
                                  "Write {spend: 199, off: 30}.", code="one_of")  # fmt: skip
                continue
            ways.add(told[0])
            tiers.append(Tier(
                at=one(told[0], self._cash0 if told[0] == "spend" else self.count(0), 0) or 0,
                amount=one("off", self._cash, 0) or 0, each=one("off_each", self._cash, 0) or 0,
                percent=one("percent_off", self.percent_of, Decimal(0)), points=one("points", self.count(1), 0) or 0,
                free_shipping=one("free_shipping", self.yes, False),
            ))  # fmt: skip
        if len(ways) > 1:
            self.tree.problem(at.keys["tiers"], at.path_of("tiers"), "Steps go by spend, or all by items.",
                              "Write spend in each of them.", code="one_of")  # fmt: skip
        return Tiers(
            by="units" if ways == {"items"} else "amount", tiers=tuple(tiers), goods=goods,
            marginal=at("marginal", self.yes, False), repeat=at("repeat", self.yes, False),
        )  # fmt: skip

    def again(self, at: At, goods: Goods, spends: bool) -> Benefit | None:
        """``{spend: 200, off: 30, repeat: true}``: 30 off every 200."""
        told = [k for k in ("spend", "items") if k in at.keys]
        if not spends or len(told) != 1 or "off" not in at.keys:
            self.tree.problem(at.keys["repeat"], at.path_of("repeat"), "What repeats is so much off every so much.",
                              "Write {spend: 200, off: 30, repeat: true}.", code="one_of")  # fmt: skip
            return None
        first = at(told[0], self._cash if told[0] == "spend" else self.count(1), 1) or 1
        return Tiers(
            by="amount" if told[0] == "spend" else "units", goods=goods, repeat=at("repeat", self.yes, True),
            tiers=(Tier(at=first, amount=at("off", self._cash, 0) or 0),),
        )  # fmt: skip

    def pay_points(self, at: At, goods: Goods, spends: bool) -> Benefit | None:
        worth: Decimal = at("pay_points", self._positive, Decimal(0))
        return PayPoints(unit_value=worth.scaleb(money.digits(self.currency)), goods=goods,
                         max_points=at("max_points", self.count(0), None))  # fmt: skip

    def amount(self, at: At, goods: Goods, spends: bool) -> Benefit | None:
        return AmountOff(
            amount=at("off", self._cash, 0) or 0, goods=goods,
            per=at("per", self.among(("all", "line", "unit")), "all") or "all",
            max_units=at("max_units", self.count(1), None), prefer=at("prefer", self.among(_PREFER), None),
        )  # fmt: skip

    def percent(self, at: At, goods: Goods, spends: bool) -> Benefit | None:
        return PercentOff(
            percent=at("percent_off", self.percent_of, Decimal(0)), goods=goods,
            per=at("per", self.among(("line", "all")), "line") or "line", cap=at("at_most", self._cash, None),
            round=at("round", self.among(ROUNDS), "") or "",
        )  # fmt: skip

    def price(self, at: At, goods: Goods, spends: bool) -> Benefit | None:
        return FixedPrice(price=at("price", self._cash0, 0) or 0, goods=goods)

    def total(self, at: At, goods: Goods, spends: bool) -> Benefit | None:
        return TotalBecomes(amount=at("total", self._cash0, 0) or 0, goods=goods)


_MAKE: Final[Mapping[str, Callable[[Giving, At, Goods, bool], Benefit | None]]] = {
    "buy": Giving.buy_get, "cheapest_of": Giving.set_off, "bundle": Giving.bundle, "groups_of": Giving.groups,
    "tiers": Giving.tiers, "repeat": Giving.again, "pay_points": Giving.pay_points, "off": Giving.amount,
    "percent_off": Giving.percent, "price": Giving.price, "total": Giving.total,
}  # fmt: skip
