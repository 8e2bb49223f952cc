"""The served goods as arrays: which meet a condition, and in what order one person is shown them.

See docs/algorithms/choice.md for the ranking. A shelf is immutable; a new one is built when the catalogue
or the day changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from fairday.kernel.audience import Audience, Facts, pack
from fairday.kernel.trace import Step

HALF_LIFE = 60
"""Days after which a purchase counts half."""

_DECAY = [0.5 ** (age / HALF_LIFE) for age in range(20 * HALF_LIFE)]  # after that less than a millionth is left

POPULAR_DAYS = 28
"""Days of the shop's sales that popularity looks at, today included."""

WEIGHTS = {"product": 1.0, "category": 0.5, "brand": 0.25, "popular": 0.25}
"""What each part of a score, from 0 to 1, is worth."""


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product as it is chosen and shown.

    Attributes:
        product: its number in the shop.
        price: minor units of ``currency``, or None where not known.
        image: URL of a picture, or None.
        tags: the merchant's own words.
        new_since: the day (days since 1970-01-01) it came in, or None.
    """

    product: str
    title: str
    category: str | None = None
    department: str | None = None
    brand: str | None = None
    price: int | None = None
    currency: str | None = None
    image: str | None = None
    tags: tuple[str, ...] = ()
    new_since: int | None = None


class Good(msgspec.Struct, frozen=True):
    """A product chosen for a person, its score, and the main reason why."""

    product: Product
    score: float
    reason: Step


class Bought(msgspec.Struct, frozen=True):
    """What a person bought of something: decayed amount, on how many days, how many days ago the last."""

    weight: float
    times: int
    days_ago: int


class Taste(msgspec.Struct, frozen=True):
    """What a person bought, by product, category and brand."""

    product: Mapping[str, Bought] = {}
    category: Mapping[str, Bought] = {}
    brand: Mapping[str, Bought] = {}
    most: Mapping[str, float] = {}
    """By dimension, the weight of what is bought most."""


def taste(facts: Facts, today: int) -> Taste:
    """A person's taste from their activity up to today: each day's pieces count half after ``HALF_LIFE`` days."""
    found: dict[str, dict[str, Bought]] = {"product": {}, "category": {}, "brand": {}}
    for measure, (days, counts, _) in facts.activity.items():
        verb, _, rest = measure.partition(":")
        dimension, _, value = rest.partition("=")
        if verb != "bought" or dimension not in found:
            continue
        weight, times, last, before = 0.0, 0, -1, 0
        for day, after in zip(days, counts[1:], strict=True):
            pieces, before = after - before, after
            if day <= today and pieces > 0:
                age = today - day
                weight += pieces * (_DECAY[age] if age < len(_DECAY) else 0.0)
                times, last = times + (day != last), day
        if times:
            found[dimension][value] = Bought(weight, times, today - last)
    most = {name: max((b.weight for b in bought.values()), default=0.0) for name, bought in found.items()}
    return Taste(found["product"], found["category"], found["brand"], most)


class Shelf:
    """The goods of a shop, by product number.

    Args:
        products: what is sold, in any order.
        buyers: how many bought each product in the last ``POPULAR_DAYS`` days.
        currency: the shop's; prices in another are unknown to conditions.
    """

    def __init__(self, products: Sequence[Product], buyers: Mapping[str, int], currency: str) -> None:
        self.products = sorted(products, key=lambda p: p.product)
        self._at = {p.product: i for i, p in enumerate(self.products)}
        self._buyers = np.array([max(0, buyers.get(p.product, 0)) for p in self.products], dtype=np.float64)
        most = self._buyers.max(initial=0)
        self._popular = np.log1p(self._buyers) / np.log1p(most) if most else self._buyers
        self._new = np.array([-1 if p.new_since is None else p.new_since for p in self.products], dtype=np.float64)
        self._categories, self._category = _codes([p.category for p in self.products])
        self._brands, self._brand = _codes([p.brand for p in self.products])
        self._facts = [_facts(p, currency) for p in self.products]

    def __len__(self) -> int:
        return len(self.products)

    def matching(self, goods: Audience, today: int) -> NDArray[np.int64]:
        """Places on the shelf of the products a condition holds for."""
        return np.array([i for i, facts in enumerate(self._facts) if goods.test(facts, today)], dtype=np.int64)

    def scores(self, of: Taste) -> NDArray[np.float64]:
        """Every product's score for a person, 0 to the sum of ``WEIGHTS``."""
        score = WEIGHTS["popular"] * self._popular
        score += (
            WEIGHTS["category"] * _strengths(self._categories, of.category, of.most.get("category", 0))[self._category]
        )
        score += WEIGHTS["brand"] * _strengths(self._brands, of.brand, of.most.get("brand", 0))[self._brand]
        for number, bought in of.product.items():
            at = self._at.get(number)
            if at is not None:
                score[at] += WEIGHTS["product"] * bought.weight / (1 + bought.weight)
        return score

    def pick(
        self,
        candidates: NDArray[np.int64],
        rank: str,
        scores: NDArray[np.float64],
        of: Taste,
        count: int,
        variety: float = 0,
        without: frozenset[str] = frozenset(),
    ) -> list[Good]:
        """The first ``count`` of some candidates in an order (``personal``, ``popular``, ``newest``), with reasons.

        Equal scores go by product number, so that the same inputs always give the same answer.

        Args:
            without: products already shown.
        """
        if without:
            taken = [at for number in without if (at := self._at.get(number)) is not None]
            candidates = candidates[~np.isin(candidates, taken)]
        if not len(candidates) or count < 1:
            return []
        by = {"personal": scores, "popular": self._popular, "newest": self._new}[rank][candidates]
        reach = min(len(candidates), count * 10 if variety else count)
        kept = by >= np.partition(by, -reach)[-reach]
        candidates, by = candidates[kept], by[kept]
        order = np.argsort(-by, kind="stable")[:reach]  # of equals at the end, the first by number
        best, worth = candidates[order], by[order]
        chosen = self._varied(best, worth, count, variety) if variety else list(range(min(count, len(best))))
        return [
            Good(self.products[best[i]], round(float(worth[i]), 6), self._reason(int(best[i]), rank, of))
            for i in chosen
        ]

    def _varied(self, best: NDArray[np.int64], worth: NDArray[np.float64], count: int, variety: float) -> list[int]:
        """Greedy: each next is the best of (1 - variety) x worth - variety x how often its category was taken."""
        top = float(worth[0]) or 1.0
        left = list(range(len(best)))
        taken: dict[int, int] = {}
        chosen: list[int] = []
        while left and len(chosen) < count:
            at = max(
                left,
                key=lambda i: (
                    (1 - variety) * float(worth[i]) / top - variety * taken.get(int(self._category[best[i]]), 0),
                    -i,
                ),
            )
            left.remove(at)
            chosen.append(at)
            category = int(self._category[best[at]])
            taken[category] = taken.get(category, 0) + 1
        return chosen

    def _reason(self, at: int, rank: str, of: Taste) -> Step:
        """The part that gave the score most; under ``popular`` and ``newest`` the order itself."""
        product = self.products[at]
        parts: list[tuple[float, Step]] = []
        if rank == "personal":
            own = of.product.get(product.product)
            if own:
                weight = WEIGHTS["product"] * own.weight / (1 + own.weight)
                parts.append((weight, Step("bought_before", {"times": own.times, "days_ago": own.days_ago})))
            for name, value, bought in (
                ("category", product.category, of.category),
                ("brand", product.brand, of.brand),
            ):
                found = bought.get(value) if value else None
                if found and of.most[name] > 0:
                    strength = found.weight / of.most[name]
                    params: dict[str, Any] = {name: value, "times": found.times, "days_ago": found.days_ago}
                    parts.append((WEIGHTS[name] * strength, Step(f"bought_{name}", params)))
        if rank == "newest" and product.new_since is not None:
            return Step("new", {"day": product.new_since})
        if self._buyers[at]:
            popular = Step("popular", {"buyers": int(self._buyers[at]), "days": POPULAR_DAYS})
            parts.append((WEIGHTS["popular"] * float(self._popular[at]), popular))
        return max(parts, key=lambda p: p[0])[1] if parts else Step("in_scene")


def _codes(values: Sequence[str | None]) -> tuple[dict[str, int], NDArray[np.int64]]:
    """Names numbered from 1, and each product's number; 0 where it has none."""
    codes: dict[str, int] = {}
    places = [codes.setdefault(v, len(codes) + 1) if v else 0 for v in values]
    return codes, np.array(places, dtype=np.int64)


def _strengths(codes: Mapping[str, int], bought: Mapping[str, Bought], most: float) -> NDArray[np.float64]:
    """How strongly a person buys each name, relative to what they buy most."""
    strengths = np.zeros(len(codes) + 1)
    for name, b in bought.items():
        code = codes.get(name)
        if code is not None and most > 0:
            strengths[code] = b.weight / most
    return strengths


def _facts(product: Product, currency: str) -> Facts:
    price = product.price if product.currency in (None, currency) else None
    rows: list[tuple[str, int | None, int | None, str | None, int | None]] = [
        (name, None, None, value, None)
        for name, value in (
            ("product", product.product),
            ("title", product.title),
            ("category", product.category),
            ("department", product.department),
            ("brand", product.brand),
            ("tags", pack(product.tags) if product.tags else None),
        )
        if value is not None
    ]
    rows += [(n, v, v, None, None) for n, v in (("price", price), ("new_since", product.new_since)) if v is not None]
    return Facts.of(rows)
